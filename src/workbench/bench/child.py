"""The embedded server as a child of the benchmark: prints its address, ends with its parent."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


def main() -> None:
    from workbench.llm import server

    threading.Thread(target=_end_with_parent, daemon=True).start()
    sock = socket.create_server(("127.0.0.1", 0), backlog=512)
    print(json.dumps({"url": f"http://127.0.0.1:{sock.getsockname()[1]}"}), flush=True)
    asyncio.run(server.serve(sock))


if __name__ == "__main__":
    main()
