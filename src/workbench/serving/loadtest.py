"""Several clients at once, each asking in turn (a closed loop), and what each of them waited."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx


@dataclass(frozen=True)
class Call:
    """One request: when it began and ended (seconds since the start), and what came of it."""

    client: int
    began: float
    first_token: float | None
    ended: float
    output_tokens: int
    error: str | None

    @property
    def seconds(self) -> float:
        return self.ended - self.began


async def closed_loop(
    url: str,
    questions: Sequence[str],
    clients: int,
    requests: int,
    on_call: Callable[[Call], None] | None = None,
) -> list[Call]:
    """``clients`` at once share ``requests`` calls of ``/ask``, streamed; calls in order of ending.

    A failed request is a Call with its error, never a missing one.
    """
    todo = iter(itertools.islice(itertools.cycle(questions), requests))
    start, done = time.monotonic(), []
    timeout = httpx.Timeout(300, connect=10)
    async with httpx.AsyncClient(base_url=url, timeout=timeout, trust_env=False) as http:

        async def one_client(number: int) -> None:
            for question in todo:
                call = await _call(http, number, question, start)
                done.append(call)
                if on_call:
                    on_call(call)

        await asyncio.gather(*(one_client(n) for n in range(clients)))
    return done


async def _call(http: httpx.AsyncClient, client: int, question: str, start: float) -> Call:
    began, first, tokens, error = time.monotonic() - start, None, 0, None
    try:
        body = {"question": question, "stream": True}
        async with http.stream("POST", "/ask", json=body) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                event = json.loads(line)
                if "text" in event and first is None:
                    first = time.monotonic() - start
                tokens = event.get("reply", {}).get("output_tokens", tokens)
                error = event.get("error")
    except (httpx.HTTPError, ValueError) as failure:
        error = f"{type(failure).__name__}: {failure}"
    return Call(client, began, first, time.monotonic() - start, tokens, error)
