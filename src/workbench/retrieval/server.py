"""Is the model server still where it was?"""

from __future__ import annotations

import socket
from urllib.parse import urlsplit


def listening(url: str) -> bool:
    """Whether anything listens at this address: one connect, well under a millisecond."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), timeout=2).close()
    except OSError:
        return False
    return True
