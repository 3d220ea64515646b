"""FastAPI in front of the assistant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastapi import FastAPI, HTTPException
from fastapi.responses import RedirectResponse, StreamingResponse
from pydantic import BaseModel, Field

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.rag import Answer, Assistant


class Question(BaseModel):
    """What a client asks; with ``stream`` the answer comes as lines of JSON while it is made."""

    question: str = Field(min_length=1, max_length=2000, examples=["May I bring a dog on board?"])
    stream: bool = False


class Reply(BaseModel):
    """The answer, the documents it rests on, tokens read and written, and seconds taken."""

    answer: str
    sources: list[str]
    prompt_tokens: int
    output_tokens: int
    seconds: float
    first_token_seconds: float | None = None
    trace_id: str | None = None


def reply(answer: Answer) -> Reply:
    return Reply(
        answer=answer.text,
        sources=list(answer.sources),
        prompt_tokens=answer.prompt_tokens,
        output_tokens=answer.output_tokens,
        seconds=answer.seconds,
        first_token_seconds=answer.first_token_seconds,
        trace_id=answer.trace_id,
    )


def create(assistant: Assistant) -> FastAPI:
    """The service around one assistant."""
    app = FastAPI(title="Skerry Line assistant", docs_url="/docs")

    @app.get("/", include_in_schema=False)
    def root() -> RedirectResponse:
        return RedirectResponse("/docs")

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        """The process is up."""
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> dict[str, str]:
        """The model server answers; 503 says what is missing."""
        try:
            assistant.client.ps()
        except Exception as error:  # whatever it is, the service is not ready
            raise HTTPException(503, f"the model server does not answer: {error}") from error
        return {"status": "ready", "model": assistant.model}

    @app.post("/ask", response_model=Reply)
    def ask(body: Question):
        """Answer a question from the documents."""
        if body.stream:
            return StreamingResponse(
                _lines(assistant, body.question), media_type="application/x-ndjson"
            )
        try:
            return reply(assistant.ask(body.question))
        except WorkbenchError as error:
            raise HTTPException(503, error.what) from error

    return app


def _lines(assistant: Assistant, question: str) -> Iterator[str]:
    """Pieces of the answer as they are made, then the whole reply with its sources."""
    stream = assistant.stream(question)
    try:
        for piece in stream:
            yield json.dumps({"text": piece}) + "\n"
        yield json.dumps({"reply": reply(stream.answer).model_dump()}) + "\n"
    except WorkbenchError as error:  # the status has been sent: the error is a line of its own
        yield json.dumps({"error": error.what}) + "\n"
