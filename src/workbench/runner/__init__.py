"""Executes notebooks with papermill, bounds what they measured, and reports.

plan          which notebooks, with which parameters
child         the process that executes one notebook
watch         the processes of a notebook: their memory, and stopping them
execute       one notebook from start to its result
record        metrics and model calls that a notebook wrote down
expectations  bounds on metrics
runs          run folders: new, latest, locked
report        report.json and junit.xml
html          executed notebooks and index.html as pages
progress      what a person sees meanwhile
cli           the command
"""
