"""A light load client: streams chats and notes only when tokens arrived and how many there were.

It parses one line of each answer, the last, so that on two cores it takes little from the server.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from workbench.errors import ServerError

#: The first piece of text, in an event of OpenAI's API or a line of Ollama's.
CONTENT = re.compile(rb'"content":\s*"[^"]')
OPENAI, OLLAMA = "/v1/chat/completions", "/api/chat"


@dataclass(frozen=True)
class Arm:
    """One of the servers compared: where it is and by which API it is asked."""

    name: str
    url: str
    path: str


@dataclass(frozen=True)
class Answer:
    """One streamed answer: seconds to its first token and to its end, and the engine's counts."""

    first_token: float
    seconds: float
    prompt_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Batch:
    """What several clients at once got: the answers, and the seconds until the last one ended."""

    seconds: float
    answers: tuple[Answer, ...]

    @property
    def tokens_per_second(self) -> float:
        return sum(answer.output_tokens for answer in self.answers) / self.seconds

    @property
    def first_token(self) -> float:
        """Mean seconds to the first token."""
        return sum(answer.first_token for answer in self.answers) / len(self.answers)


#: The same in both APIs, greedy. A token seen before is all but forbidden, the end of a turn among
#: them (it stands in the prompt), so every answer has the full length and the arms the same work.
SAMPLING = {"temperature": 0, "top_k": 40, "top_p": 0.9, "min_p": 0.0}
SAMPLING |= {"repeat_penalty": 5.0, "repeat_last_n": 512}


def body(path: str, model: str, prompt: str, output_tokens: int) -> dict[str, Any]:
    """The same request in the words of either API."""
    messages = [{"role": "system", "content": prompt}, {"role": "user", "content": "Go on."}]
    request = {"model": model, "messages": messages, "stream": True}
    if path == OLLAMA:
        return request | {"options": SAMPLING | {"num_predict": output_tokens}}
    usage = {"stream_options": {"include_usage": True}}
    return request | usage | SAMPLING | {"max_tokens": output_tokens}


def counts(answer: bytes) -> tuple[int, int]:
    """(prompt tokens, output tokens) from the end of a streamed answer of either API."""
    lines = [line.removeprefix(b"data: ") for line in answer.splitlines() if line.strip()]
    for line in reversed(lines):
        if not line.startswith(b"{"):
            continue
        last = json.loads(line)
        if usage := last.get("usage"):
            return usage["prompt_tokens"], usage["completion_tokens"]
        if last.get("done"):
            return last["prompt_eval_count"], last["eval_count"]
        break
    raise ServerError(
        f"an answer ended without its counts: {answer[-200:].decode(errors='replace')}",
        "run it again; if it stays so, read the server's log",
    )


async def ask(session: aiohttp.ClientSession, url: str, request: dict[str, Any]) -> Answer:
    began = time.perf_counter()
    first, parts = 0.0, []
    async with session.post(url, json=request) as reply:
        if reply.status != 200:
            said = (await reply.text())[:300]
            raise ServerError(f"{url} answered {reply.status}: {said}", "try: workbench doctor")
        async for part in reply.content.iter_any():
            parts.append(part)
            if not first and CONTENT.search(part):
                first = time.perf_counter() - began
    ended = time.perf_counter() - began
    prompt_tokens, output_tokens = counts(b"".join(parts))
    return Answer(first or ended, ended, prompt_tokens, output_tokens)


async def batch(arm: Arm, model: str, prompts: Sequence[str], output_tokens: int) -> Batch:
    """All prompts at once, one client each."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=600)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as s:
        requests = [body(arm.path, model, prompt, output_tokens) for prompt in prompts]
        began = time.perf_counter()
        answers = await asyncio.gather(*(ask(s, arm.url + arm.path, r) for r in requests))
        return Batch(time.perf_counter() - began, tuple(answers))
