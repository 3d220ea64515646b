"""The Ollama double, with vectors in which texts that share words are near each other."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

from doubles import OllamaDouble

SIZE = 256
MODELS = ("all-minilm:latest", "other-minilm:latest", "smollm2:135m")


def vector(text: str) -> list[float]:
    """A bag of words, each word counted in a place that its name decides."""
    out = [0.0] * SIZE
    for word in re.findall(r"\w+", text.lower()):
        out[zlib.crc32(word.encode()) % SIZE] += 1.0
    return out


class FakeOllama(OllamaDouble):
    """Answers chats with ``reply(messages)``; keeps what was embedded and what was asked."""

    def __init__(self, reply: Callable[[list[dict]], str] = lambda _: "Nine [timetable].") -> None:
        super().__init__()
        self.reply = reply
        self.embedded: list[str] = []
        self.chats: list[dict] = []
        self.digest = "d1"

    def _handler(double) -> type[BaseHTTPRequestHandler]:
        class Handler(super()._handler()):
            def do_GET(self) -> None:
                models = [{"model": name, "digest": double.digest} for name in MODELS]
                self._send(
                    200, [{"version": "0.0.0"} if "version" in self.path else {"models": models}]
                )

        return Handler

    def answers(self, path: str, body: dict) -> Iterator[dict]:
        if path == "/api/embed":
            texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
            self.embedded += texts
            yield {"model": body["model"], "embeddings": [vector(text) for text in texts]}
            return
        self.chats.append(body)
        words = re.findall(r"\S+\s*", self.reply(body["messages"]))
        head = {"model": body["model"], "created_at": "2026-01-01T00:00:00Z"}
        for word in words:
            yield {**head, "message": {"role": "assistant", "content": word}, "done": False}
        size = len(json.dumps(body["messages"]).split())
        counts = {"prompt_eval_count": size, "eval_count": len(words), "done": True}
        yield {**head, "message": {"role": "assistant", "content": ""}, **counts}
