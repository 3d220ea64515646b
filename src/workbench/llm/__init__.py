"""The embedded Ollama-compatible server, and the way to whichever Ollama answers.

``server``  the HTTP face: Ollama's ``/api/*`` and OpenAI's ``/v1/*``
``engine``  which models are loaded, for how long, and how they are reached
``runner``  one llama.cpp in a process of its own, one per loaded model
``translate``  requests and answers between Ollama's words and llama.cpp's
``daemon``  one server per machine: started on demand, found again, stopped
``client``  what the rest of the workbench asks: ``host()``, ``client()``, ``ensure()``
"""
