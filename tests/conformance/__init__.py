"""Conformance to Ollama's HTTP API: runs unchanged against the embedded server and a real Ollama.

``OLLAMA_HOST=http://127.0.0.1:11434 pytest tests/conformance`` runs it against a real one. Tests
marked ``embedded`` state what only the embedded server promises (a refusal where Ollama cuts a
prompt silently, its life cycle as a process) and are left out there.
"""
