"""What the rest of the workbench asks: where the models are served, and a client for them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from workbench.errors import ModelMissing
from workbench.settings import quiet

if TYPE_CHECKING:
    import ollama


def host() -> str:
    """Address of the Ollama in use: ``OLLAMA_HOST`` where it answers, else the embedded server.

    The embedded server is started where it is not running.
    """
    quiet()
    from workbench.llm import daemon

    named = named_host()
    if named and answers(named):
        return named
    if named and named != daemon.recorded_url():
        print(
            f"workbench: OLLAMA_HOST={named} does not answer; using the embedded server instead",
            file=sys.stderr,
        )
    return daemon.ensure()


def named_host() -> str | None:
    """``OLLAMA_HOST`` as a full address, as the Ollama client reads it; None where it is unset."""
    value = os.environ.get("OLLAMA_HOST", "").strip()
    if not value:
        return None
    from ollama._client import _parse_host

    return _parse_host(value)


def answers(url: str, timeout: float = 3) -> bool:
    """Whether an Ollama answers at this address."""
    import httpx

    try:
        return "version" in httpx.get(f"{url}/api/version", timeout=timeout, trust_env=False).json()
    except (httpx.HTTPError, ValueError, TypeError):
        return False


def embedded(url: str) -> bool:
    """Whether the server at this address is the embedded one."""
    import httpx

    try:
        version = httpx.get(f"{url}/api/version", timeout=3, trust_env=False).json()
        return version.get("server") == "llmops-workbench"
    except (httpx.HTTPError, ValueError, AttributeError):
        return False


def client(timeout: float | None = None) -> ollama.Client:
    """The ``ollama`` client, pointed at :func:`host`; ``timeout`` in seconds."""
    import ollama

    return ollama.Client(host=host(), timeout=timeout, trust_env=False)


def ensure(*names: str, pull: bool = True) -> list[str]:
    """Pull those of the models that the host lacks; returns what was pulled.

    Raises ModelMissing where one is not there and cannot be had.
    """
    import ollama

    reach, pulled = client(), []
    there = {m.model for m in reach.list().models}
    for name in names:
        if name in there or f"{name}:latest" in there:
            continue
        if not pull:
            raise ModelMissing(f"model {name} is not there", f"workbench models pull {name}")
        try:
            reach.pull(name)
        except ollama.ResponseError as error:
            raise ModelMissing(
                f"model {name} is not there and could not be pulled: {error.error}",
                f"workbench models pull {name}, or choose one of: {', '.join(sorted(there))}",
            ) from error
        pulled.append(name)
    return pulled
