"""The viewer's own process: ``python -m workbench.tracing.daemon FD`` serves Phoenix on a socket.

Phoenix's server runs as it is, with three things around it: it listens on the bound socket that
it is given and on nothing else (Phoenix would open a gRPC port to all interfaces); it can be
reached under Jupyter's proxy path as well as directly; and it goes when nobody has asked it
anything for an hour, or when its working copy no longer names it as the viewer.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import socket
import sys
import threading
import time

from workbench.tracing import phoenix, spool

#: Minutes without a request after which the viewer ends.
IDLE_MINUTES = 60.0


class Door:
    """ASGI: notes when Phoenix was last asked, and where a proxy says that it is mounted."""

    def __init__(self, app) -> None:
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        Door.asked = time.monotonic()
        if scope["type"] in ("http", "websocket"):
            mounted = dict(scope["headers"]).get(b"x-forwarded-prefix", b"").decode("latin-1")
            if mounted:
                scope = {**scope, "root_path": mounted.rstrip("/")}
        await self.app(scope, receive, send)

    asked = time.monotonic()


def main() -> None:
    """Serve until idle, superseded or told to stop."""
    door = socket.socket(fileno=int(sys.argv[1]))
    threading.Thread(target=watch, args=(door.getsockname()[1],), daemon=True).start()
    loading = threading.Thread(target=load)
    loading.start()
    loading.join()
    serve(door)


def load() -> None:
    """Import Phoenix, 20 s of processor time, in a thread that lets a notebook's work go first."""
    if sys.platform == "linux":  # where a thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)
    importlib.import_module("phoenix.server.main")


def serve(door: socket.socket) -> None:
    """Run Phoenix's own ``serve`` command on the bound socket ``door``."""
    import uvicorn
    from phoenix.server import app
    from phoenix.server import main as program
    from phoenix.server.cli.commands import serve as command

    grpc, create = app.GrpcServer, command.create_app
    app.GrpcServer = lambda *args, **options: grpc(*args, **{**options, "disabled": True})
    command.create_app = lambda **options: Door(create(**options))
    uvicorn.Server.run = functools.partialmethod(uvicorn.Server.run, sockets=[door])
    sys.argv = ["phoenix", "serve", "--host", phoenix.HOST, "--port", str(door.getsockname()[1])]
    program.main()


def watch(port: int, every: float = 2.0) -> None:
    """Take in spooled spans; end this process when it is idle or no longer the viewer."""
    limit = 60 * float(os.environ.get("WORKBENCH_PHOENIX_IDLE_MINUTES", IDLE_MINUTES))
    while True:
        time.sleep(every)
        asked = Door.asked
        if spool.waiting() and phoenix.healthy(phoenix.Viewer(os.getpid(), 0, port)):
            spool.deliver(port)
        elif Door.asked == asked and time.monotonic() - asked > limit:
            break
        if not is_viewer():
            break
    leave()


def is_viewer() -> bool:
    """Whether the working copy's record names this process."""
    viewer = phoenix.recorded()
    return viewer is not None and viewer.pid == os.getpid()


def leave(grace: float = 10.0) -> None:
    """Ask the server to shut down; leave anyway after ``grace`` seconds (open browser tabs)."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    os._exit(0)


if __name__ == "__main__":
    main()
