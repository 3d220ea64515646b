"""The assistant as a service.

``app``       FastAPI in front of the assistant: ``/ask``, ``/healthz``, ``/readyz``
``process``   the service as a child process, for notebooks and tests
``loadtest``  several clients at once, and what each of them waited
"""
