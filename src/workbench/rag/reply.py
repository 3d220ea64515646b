"""One reply of the model, read piece by piece, from the server or from the cache."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from workbench.rag.cache import AnswerCache, Made
from workbench.retrieval.server import clear_errors

if TYPE_CHECKING:
    import ollama


class Reply:
    """Iterate for the text; then ``made`` has the whole of it, exact token counts and timings.

    The Ollama client is called as it is, not through a framework's wrapper: the wrapper's span
    around a streamed call ends before the first token, and its tokens would count twice.
    """

    def __init__(
        self,
        client: ollama.Client,
        request: dict[str, Any],
        cache: AnswerCache | None = None,
        key: str = "",
    ) -> None:
        self._client, self._request = client, request
        self._cache, self._key = cache, key
        self.made: Made | None = cache.load(key) if cache else None
        self.cached = self.made is not None

    def __iter__(self) -> Iterator[str]:
        if self.made is not None:
            yield self.made.text
            return
        with clear_errors(self._request["model"]):
            yield from self._read()

    def _read(self) -> Iterator[str]:
        started, first, pieces = time.perf_counter(), None, []
        for part in self._client.chat(**self._request, stream=True):
            piece = part.message.content or ""
            if piece and first is None:
                first = time.perf_counter() - started
            pieces.append(piece)
            if piece:
                yield piece
        seconds = time.perf_counter() - started
        self.made = Made(
            text="".join(pieces),
            prompt_tokens=part.prompt_eval_count or 0,
            output_tokens=part.eval_count or 0,
            seconds=seconds,
            first_token_seconds=seconds if first is None else first,
        )
        if self._cache:
            self._cache.save(self._key, self.made)
