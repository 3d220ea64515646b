"""Scores for the assistant's answers, and how sure one may be of them.

``metrics``    deterministic scores of one answer: accepted form, refusal, citation, overlap
``intervals``  shares, means and paired differences with their intervals
``judge``      a language model as judge, through DeepEval, and our rules in its form
"""
