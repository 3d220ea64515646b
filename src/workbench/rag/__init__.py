"""The answering pipeline: find passages, fill the prompt, let the model answer, name the sources.

>>> assistant = Assistant(retriever)
>>> answer = assistant.ask("May my dog travel on deck?")
>>> answer.text, answer.sources, answer.seconds
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from workbench import prompts
from workbench.errors import BadInput
from workbench.prompts import Prompt
from workbench.rag import structured
from workbench.rag.answer import REFUSAL, Answer, Hits
from workbench.rag.cache import AnswerCache, key_of
from workbench.rag.context import pack, passages, tokens
from workbench.rag.reply import Reply
from workbench.retrieval.server import listening

if TYPE_CHECKING:
    import ollama

    from workbench.retrieval import Hit, Retriever

__all__ = ["REFUSAL", "Answer", "Assistant", "Stream", "pack", "passages"]

#: Tokens that the model is served with: prompt and answer together.
CONTEXT = 4096
#: The same question gets the same answer, and copying is allowed: Ollama's usual penalty on words
#: that came before (1.1) punishes an answer for the very numbers that it takes from a passage.
STEADY = {"temperature": 0, "seed": 7, "repeat_penalty": 1.0}


class Assistant:
    """Answers questions from an index, or from the model's own memory when ``retriever`` is None.

    ``prompt`` is a prompt, or its name: the version in force unless ``version`` names one. A prompt
    with a JSON schema gets answers that keep to it. ``k`` passages go into the prompt as far as
    they fit the model's context; ``values`` fill in variables beside ``question`` and
    ``passages``; ``options`` are Ollama's. With ``cache=True`` an answer to the same messages, from
    the same model with the same options, is taken from ``artifacts/answers``: ``Answer.cached``
    says so, and its timings are those of the answer as it was first made.
    """

    def __init__(
        self,
        retriever: Retriever | None,
        model: str = "smollm2:135m",
        prompt: str | Prompt = "answer",
        version: int | None = None,
        k: int = 3,
        max_tokens: int = 96,
        options: dict[str, Any] | None = None,
        cache: bool = False,
        values: dict[str, Any] | None = None,
    ) -> None:
        self.retriever = retriever
        self.model = model
        self.prompt = prompt if isinstance(prompt, Prompt) else prompts.get(prompt, version)
        self.values = values or {}
        self.k = k
        self.options = {**STEADY, "num_ctx": CONTEXT, "num_predict": max_tokens, **(options or {})}
        self.cache = AnswerCache() if cache else None
        self._host = ""
        self._client: tuple[str, ollama.Client] | None = None
        if retriever is None and "passages" in self.prompt.variables:
            raise BadInput(
                f"the prompt {self.prompt.id} needs passages, and there is no retriever",
                "give a retriever, or use prompt='direct'",
            )

    def ask(self, question: str) -> Answer:
        """The whole answer; BadInput for an empty question, ServerError when the model fails."""
        stream = self.stream(question)
        for _ in stream:
            pass
        return stream.answer

    def stream(self, question: str) -> Stream:
        """The answer piece by piece; ``.answer`` is there once the pieces are through."""
        if not question.strip():
            raise BadInput("the question is empty", "ask something")
        return Stream(self, question.strip())

    def retrieve(self, question: str) -> list[Hit]:
        """The passages that the answer will be made from: the best ``k`` that fit the context."""
        if self.retriever is None:
            return []
        hits = self.retriever.search(question, self.k)
        return pack(hits, self.options["num_ctx"] - self.options["num_predict"] - self._prompt_size)

    def filled(self, question: str, hits: list[Hit]) -> dict[str, Any]:
        """The values of the prompt's variables."""
        given = {**self.values, "question": question, "passages": passages(hits)}
        return {name: given[name] for name in self.prompt.variables if name in given}

    def messages(self, question: str, hits: list[Hit]) -> list[dict[str, str]]:
        """What the model is asked."""
        return self.prompt.render(**self.filled(question, hits))

    def complete(self, messages: list[dict[str, str]]) -> Reply:
        """The model's reply to these messages, to be read piece by piece."""
        request = {"model": self.model, "messages": messages, "options": self.options}
        if self.prompt.format is not None:
            request["format"] = self.prompt.format
        if self.cache is None:
            return Reply(self.client, request)
        return Reply(self.client, request, self.cache, key_of(self._digest, request))

    @property
    def host(self) -> str:
        """The model server's address; found again, or started, when it is gone."""
        if not self._host or not listening(self._host):
            from workbench.llm import client as llm

            self._host = llm.host()
            llm.ensure(self.model)
        return self._host

    @property
    def client(self) -> ollama.Client:
        """The Ollama client, with the model in place."""
        import ollama

        host = self.host
        if self._client is None or self._client[0] != host:
            self._client = host, ollama.Client(host, timeout=600, trust_env=False)
        return self._client[1]

    @functools.cached_property
    def _digest(self) -> str:
        """The model's content by its SHA-256: a model of the same name may change."""
        for listed in self.client.list().models:
            if listed.model in (self.model, f"{self.model}:latest"):
                return listed.digest or ""
        return ""

    @functools.cached_property
    def _prompt_size(self) -> int:
        """Tokens of the prompt without its passages, with room for a long question."""
        empty = self.prompt.render(**self.filled("", []))
        return sum(tokens(message["content"]) for message in empty) + 200


class Stream:
    """One answer in the making: iterate for the text, then read ``answer``."""

    def __init__(self, assistant: Assistant, question: str) -> None:
        self.assistant = assistant
        self.question = question
        self.hits: list[Hit] = []
        self._answer: Answer | None = None

    @property
    def answer(self) -> Answer:
        """The finished answer; raises BadInput before the last piece."""
        if self._answer is None:
            raise BadInput("the answer is not finished", "read the stream to its end first")
        return self._answer

    def __iter__(self) -> Iterator[str]:
        from workbench.rag.trace import Span

        a, started = self.assistant, time.perf_counter()
        with Span("answer", self.question, a.prompt, a.model) as span:
            self.hits = span.run(a.retrieve, self.question)
            span.fill(a.filled(self.question, self.hits))
            reply = span.run(a.complete, a.messages(self.question, self.hits))
            found = time.perf_counter() - started
            yield from span.each(reply)
            self._answer = self._finish(reply, found, time.perf_counter() - started, span.trace_id)
            span.output(self._answer.text)

    def _finish(self, reply: Reply, found: float, seconds: float, trace_id: str) -> Answer:
        made = reply.made
        said = structured.said(made.text, self.assistant.prompt.format)
        return Answer(
            question=self.question,
            text=said.text,
            sources=[] if said.failed else _sources(said.text, self.hits),
            retrieved=Hits(self.hits),
            prompt_tokens=made.prompt_tokens,
            output_tokens=made.output_tokens,
            seconds=found + made.seconds if reply.cached else seconds,
            first_token_seconds=found + made.first_token_seconds,
            trace_id=trace_id,
            model=self.assistant.model,
            prompt=self.assistant.prompt.id,
            cached=reply.cached,
            data=said.data,
            failed=said.failed,
            raw=made.text,
        )


def _sources(text: str, hits: list[Hit]) -> list[str]:
    """The documents that the answer cites; without any, those it was given; none if it refuses."""
    if REFUSAL.lower() in text.lower():
        return []
    given = list(dict.fromkeys(hit.chunk.document for hit in hits))
    cited = {
        part.strip() for group in re.findall(r"\[([^\[\]]+)\]", text) for part in group.split(",")
    }
    return [document for document in given if document in cited] or given
