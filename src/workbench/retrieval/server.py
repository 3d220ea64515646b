"""The model server: whether it is still where it was, and what its errors mean."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from workbench.errors import ModelMissing, ServerError


def listening(url: str) -> bool:
    """Whether anything listens at this address: one connect, well under a millisecond."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), timeout=2).close()
    except OSError:
        return False
    return True


@contextmanager
def clear_errors(model: str) -> Iterator[None]:
    """Errors of the Ollama client as the workbench's own: ModelMissing or ServerError."""
    import httpx
    import ollama

    try:
        yield
    except ollama.ResponseError as error:
        if error.status_code == 404:
            raise ModelMissing(error.error, f"workbench models pull {model}") from error
        raise ServerError(
            f"the model server says: {error.error}", "see workbench doctor"
        ) from error
    except (ConnectionError, httpx.HTTPError) as error:
        raise ServerError(f"the model server went away: {error}", "run it again") from error
