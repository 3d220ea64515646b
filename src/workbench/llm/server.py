"""The embedded Ollama-compatible server: routes over the engine, on loopback only."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
from collections.abc import Callable

from aiohttp import web

from workbench.llm import api_models, api_text, openai_api
from workbench.llm.engine import Engine
from workbench.llm.http import ENGINE, errors

HOST = "127.0.0.1"
PREFERRED_PORT = 11435  # beside Ollama's own 11434, which stays free for an Ollama

log = logging.getLogger("workbench.llm")


def build() -> web.Application:
    """The application with its engine, which starts and stops with it."""
    app = web.Application(middlewares=[_activity, errors], client_max_size=64 * 2**20)
    app[ENGINE] = Engine()
    app[LAST_REQUEST] = Activity()
    for module in (api_models, api_text, openai_api):
        app.add_routes(module.routes)
    app.on_startup.append(lambda app: app[ENGINE].start())
    app.on_cleanup.append(lambda app: app[ENGINE].stop())
    return app


class Activity:
    """When the last request that was not a mere look came in."""

    def __init__(self) -> None:
        self.at = time.monotonic()

    def idle_seconds(self) -> float:
        return time.monotonic() - self.at


LAST_REQUEST = web.AppKey("last_request", Activity)


@web.middleware
async def _activity(request: web.Request, handler) -> web.StreamResponse:
    if request.path not in ("/", "/api/version", "/api/ps"):
        request.app[LAST_REQUEST].at = time.monotonic()
    return await handler(request)


def listen(port: int | None, otherwise_any: bool = False) -> socket.socket:
    """A listening socket on loopback: at the port asked for, else the preferred or any free one.

    Raises OSError where a port asked for is in use and ``otherwise_any`` is false.
    """
    asked = [port] if port else []
    tries = [*asked, PREFERRED_PORT, 0] if otherwise_any or not asked else asked
    for candidate in tries:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, candidate))
            sock.listen(512)
            return sock
        except OSError:
            sock.close()
            if candidate == tries[-1]:
                raise
    raise AssertionError("unreachable")


async def serve(
    sock: socket.socket, idle_exit: float | None = None, ready: Callable[[], None] | None = None
) -> None:
    """Serve until told to stop, or until nobody asked anything for ``idle_exit`` seconds."""
    app = build()
    # A client that goes away cancels its handler, which closes the request to llama.cpp.
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=2)
    await runner.setup()
    await web.SockSite(runner, sock).start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sig in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sig, stop.set)
    if ready:
        ready()
    try:
        while not stop.is_set():
            idle = app[LAST_REQUEST].idle_seconds()
            if idle_exit and idle > idle_exit and not app[ENGINE].busy():
                log.info("idle for %.0f s: ending", idle)
                break
            try:
                await asyncio.wait_for(stop.wait(), 1.0)
            except TimeoutError:
                continue
    finally:
        await runner.cleanup()
