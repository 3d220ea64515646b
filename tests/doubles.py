"""A small double of the Ollama API, for tests that need calls and no model."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORDS = ["A ", "ferry ", "sails ", "at ", "nine."]
COUNTS = {"prompt_eval_count": 11, "eval_count": len(WORDS), "total_duration": 5_000_000}


class OllamaDouble:
    """Answers chat, generate and embed calls at ``url`` with fixed words; counts them in ``asked``.

    ``pause`` is the time in seconds before each streamed word.
    """

    def __init__(self, pause: float = 0.0) -> None:
        self.asked: list[str] = []
        self.pause = pause
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> OllamaDouble:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(double) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                double.asked.append(self.path)
                if body["model"] == "missing":
                    return self._send(404, [{"error": "model 'missing' not found"}])
                self._send(200, double.answers(self.path, body))

            def _send(self, status: int, lines: Iterator[dict] | list[dict]) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/x-ndjson")
                self.end_headers()
                for line in lines:
                    self.wfile.write(json.dumps(line).encode() + b"\n")
                    self.wfile.flush()

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def answers(self, path: str, body: dict) -> Iterator[dict]:
        """The lines of an answer: one if it is not streamed."""
        head = {"model": body["model"], "created_at": "2026-01-01T00:00:00Z"}
        if path == "/api/embeddings":
            yield {"embedding": [0.1, 0.2]}
        elif path == "/api/embed":
            texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
            yield {**head, "embeddings": [[0.1, 0.2]] * len(texts), "prompt_eval_count": 7}
        elif body.get("stream", True):
            for word in WORDS:
                time.sleep(self.pause)
                yield {**head, **self._said(path, word), "done": False}
            yield {**head, **self._said(path, ""), **COUNTS, "done": True, "done_reason": "stop"}
        else:
            yield {**head, **self._said(path, "".join(WORDS)), **COUNTS, "done": True}

    @staticmethod
    def _said(path: str, text: str) -> dict:
        message = {"role": "assistant", "content": text}
        return {"message": message} if path == "/api/chat" else {"response": text}
