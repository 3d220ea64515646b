"""Questions in words to a database: a model writes the query, and the database answers it.

The schema stands first in the prompt and is the same for every question, so that the server reads
it once and keeps what it made of it. The model's answer is held to a JSON schema with one field.
Its statement is read by SQLite before it is run; if it cannot be run, the model sees the error and
tries once more. What it found is the answer: no model rephrases a number.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.database.guard import Refused
from workbench.database.rows import Rows
from workbench.database.wishes import change_asked
from workbench.errors import BadInput, Interrupted

if TYPE_CHECKING:
    from workbench.database import Database
    from workbench.rag.cache import Made

SYSTEM = """\
You translate questions into one SQLite SELECT statement.
Use only the tables and columns below. "a -> b.c" means that column a refers to column c of table \
b. Values in quotes are the only ones that the column has. Select exactly what is asked for and no \
other column. Nothing can be changed in this database.

{schema}"""
FORMAT = {
    "type": "object",
    "properties": {"sql": {"type": "string"}},
    "required": ["sql"],
    "additionalProperties": False,
}
AGAIN = "That cannot be run: {why}. Write the corrected statement."
OPTIONS = {"temperature": 0, "seed": 7, "repeat_penalty": 1.0, "num_ctx": 4096, "num_predict": 192}


@dataclass(frozen=True)
class SqlAnswer:
    """What a question to the database came to.

    ``rows`` is None where nothing was run: ``refused`` says that a change was asked for or
    written, and ``why`` in either case what stood in the way. ``seconds`` covers all;
    ``model_seconds`` what the model took, also where its words are kept from earlier; tokens cover
    both tries. ``repaired`` says that the first statement could not be run and the second could.
    ``trace_id`` is 32 hexadecimal digits, empty when nothing is traced.
    """

    question: str
    text: str
    sql: str = ""
    rows: Rows | None = field(default=None, repr=False)
    refused: bool = False
    why: str = ""
    seconds: float = 0.0
    model_seconds: float = 0.0
    prompt_tokens: int = 0
    output_tokens: int = 0
    model: str = ""
    repaired: bool = False
    cached: bool = False
    trace_id: str = ""

    def _repr_markdown_(self) -> str:
        from workbench.display.tables import _markdown

        code = f"\n\n```sql\n{self.sql.replace('```', '')}\n```" if self.sql else ""
        times = f"{self.prompt_tokens} prompt and {self.output_tokens} output tokens"
        again = ", from the cache" if self.cached else ""
        return f"> {_markdown(self.text)}{code}\n\n{times}, {self.seconds:.2f} s in all{again}."


@dataclass
class _Course:
    """What has happened on the way to an answer."""

    sql: str = ""
    tries: int = 0
    seconds: float = 0.0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cached: bool = True


def ask(
    database: Database, question: str, model: str, length: str = "compact", cache: bool = False
) -> SqlAnswer:
    """The answer to one question; see :meth:`workbench.database.Database.ask`.

    With ``cache`` what the model wrote is kept by content and taken from there the next time; the
    query is run anew. Raises BadInput for an empty question, ServerError when the model fails.
    """
    if not question.strip():
        raise BadInput("the question is empty", "ask something")
    with _span("ask the database", "CHAIN", question.strip()) as span:
        started = time.perf_counter()
        answer = _answer(database, question.strip(), model, length, cache)
        seconds = time.perf_counter() - started
        _note(span, answer)
        return SqlAnswer(
            **{**answer, "question": question.strip(), "model": model, "seconds": seconds},
            trace_id=_trace_id(span),
        )


def _answer(
    database: Database, question: str, model: str, length: str, cache: bool
) -> dict[str, Any]:
    if wish := change_asked(question):
        why = f'"{wish}" asks for a change; the database is read-only and only SELECT is run'
        return {"text": f"Refused: {why}.", "refused": True, "why": why}
    course = _Course()
    try:
        rows = _found(database, question, model, length, cache, course)
        out: dict[str, Any] = {"text": rows.text, "rows": rows}
    except Refused as error:
        out = {"text": f"Refused: {error.what}.", "refused": True, "why": error.what}
    except (BadInput, Interrupted) as error:
        out = {"text": f"No answer: {error.what}.", "why": error.what}
    return out | {
        "sql": course.sql,
        "model_seconds": course.seconds,
        "prompt_tokens": course.prompt_tokens,
        "output_tokens": course.output_tokens,
        "repaired": course.tries > 1 and "rows" in out,
        "cached": course.cached and course.tries > 0,
    }


def _found(
    database: Database, question: str, model: str, length: str, cache: bool, course: _Course
) -> Rows:
    """Rows of the model's query; a statement that cannot be run gets a second try."""
    messages = [
        {"role": "system", "content": SYSTEM.format(schema=database.schema(length))},
        {"role": "user", "content": question},
    ]
    try:
        return _attempt(database, messages, model, cache, course)
    except Refused:
        raise
    except BadInput as error:
        said = json.dumps({"sql": course.sql})
        messages = [
            *messages,
            {"role": "assistant", "content": said},
            {"role": "user", "content": AGAIN.format(why=error.what)},
        ]
    return _attempt(database, messages, model, cache, course)


def _attempt(
    database: Database,
    messages: list[dict[str, str]],
    model: str,
    cache: bool,
    course: _Course,
) -> Rows:
    made, cached = _written(messages, model, cache)
    course.tries += 1
    course.seconds += made.seconds
    course.cached = course.cached and cached
    course.prompt_tokens += made.prompt_tokens
    course.output_tokens += made.output_tokens
    course.sql = _statement(made.text)
    database.check(course.sql)
    with _span("query", "TOOL", course.sql) as span:
        span.set_attribute("tool.name", "sqlite")
        rows = database.query(course.sql)
        _output(span, rows.text)
        return rows


def _written(messages: list[dict[str, str]], model: str, cache: bool) -> tuple[Made, bool]:
    """What the model wrote, and whether it was kept from earlier."""
    from workbench.llm import client as llm
    from workbench.rag.cache import AnswerCache, key_of

    client = llm.client(timeout=600)
    listed = {m.model: m.digest or "" for m in client.list().models}
    request = {"model": model, "messages": messages, "format": FORMAT, "options": OPTIONS}
    digest = listed.get(model) or listed.get(f"{model}:latest") or ""
    store, key = AnswerCache(), key_of(digest, request)
    if cache and (made := store.load(key)):
        return made, True
    made = _chat(client, request)
    if cache:
        store.save(key, made)
    return made, False


def _chat(client: Any, request: dict[str, Any]) -> Made:
    from workbench.rag.cache import Made
    from workbench.retrieval.server import clear_errors

    started = time.perf_counter()
    with clear_errors(request["model"]):
        reply = client.chat(**request)
    seconds = time.perf_counter() - started
    counts = reply.prompt_eval_count or 0, reply.eval_count or 0
    return Made(reply.message.content or "", *counts, seconds, seconds)


def _statement(text: str) -> str:
    """The statement in the model's JSON; raises BadInput where there is none."""
    try:
        found = json.loads(text)["sql"]
    except (ValueError, KeyError, TypeError):
        raise BadInput("the model wrote no statement that could be read") from None
    return str(found).strip()


def _span(name: str, kind: str, text: str) -> Any:
    from opentelemetry import trace

    attributes = {"openinference.span.kind": kind, "input.value": text}
    return trace.get_tracer("workbench.database").start_as_current_span(name, attributes=attributes)


def _note(span: Any, answer: dict[str, Any]) -> None:
    span.set_attribute("sql.refused", answer.get("refused", False))
    span.set_attribute("sql.statement", answer.get("sql", ""))
    _output(span, answer["text"])


def _output(span: Any, text: str) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute("output.value", text)
    span.set_status(Status(StatusCode.OK))


def _trace_id(span: Any) -> str:
    found = span.get_span_context()
    return f"{found.trace_id:032x}" if found.is_valid else ""
