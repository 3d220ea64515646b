"""A small Hugging Face Hub on this machine: model and data set pages, files, and ways to fail."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

SHA = "a" * 40
_MISSING = {
    "status": 404,
    "body": b"{}",
    "wait": 0,
    "cut": False,
    "headers": {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": SHA},
}


class FakeHub:
    """``pages`` maps a path to what is answered there: see ``page`` and ``file``."""

    def __init__(self) -> None:
        self.pages: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.url = ""
        self.stop = threading.Event()

    def page(self, path: str, body: Any = b"", **how: Any) -> None:
        """Answer ``path`` with JSON or bytes; ``wait`` in seconds, ``cut`` to half."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.pages[path] = {
            "status": 200,
            "body": raw,
            "wait": 0,
            "cut": False,
            "headers": {},
        } | how

    def model(self, name: str, readme: str = "", **fields: Any) -> None:
        """A model with its card."""
        self.page(f"/api/models/{name}", {"id": name, "modelId": name} | fields)
        self.page(f"/{name}/resolve/main/README.md", readme.encode())

    def dataset(self, name: str, files: dict[str, bytes]) -> None:
        """A data set with files, as ``datasets`` asks for them."""
        siblings = [{"rfilename": one} for one in files]
        about = {"id": name, "sha": SHA, "siblings": siblings, "private": False}
        tree = [_entry(one, body) for one, body in files.items()]
        for revision in ("main", SHA):
            self.page(f"/api/datasets/{name}/revision/{revision}", about)
            self.page(f"/api/datasets/{name}/tree/{revision}", tree)
            self.page(f"/api/datasets/{name}/paths-info/{revision}", tree)
            for one, body in files.items():
                etag = {"ETag": f'"{hashlib.sha256(body).hexdigest()}"', "X-Repo-Commit": SHA}
                self.page(f"/datasets/{name}/resolve/{revision}/{one}", body, headers=etag)
        self.page(f"/api/datasets/{name}", about)


def _entry(path: str, body: bytes) -> dict[str, Any]:
    return {"type": "file", "path": path, "size": len(body), "oid": hashlib.sha1(body).hexdigest()}


@contextmanager
def running() -> Iterator[FakeHub]:
    hub = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length)
            path = unquote(urlsplit(self.path).path)
            hub.asked.append((self.path, dict(self.headers)))
            found = hub.pages.get(path, _MISSING)
            hub.stop.wait(found["wait"])
            body = found["body"]
            if "paths-info" in path and found["status"] == 200:
                body = _chosen(body, sent)
            self.send_response(found["status"])
            for name, value in found.get("headers", {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[: len(body) // 2] if found["cut"] else body)
            if found["cut"]:
                self.close_connection = True

        do_GET = do_HEAD = do_POST = answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        hub.stop.set()
        server.shutdown()
        server.server_close()


def _chosen(body: bytes, sent: bytes) -> bytes:
    """Of the entries those whose paths are asked for, in JSON or as a form."""
    text = unquote(sent.decode())
    return json.dumps([one for one in json.loads(body) if one["path"] in text]).encode()
