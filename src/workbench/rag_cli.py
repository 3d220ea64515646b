"""``workbench ask``: one answer with its sources and latency, from any folder of documents."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from workbench.rag import Answer, Stream
    from workbench.retrieval import Retriever

app = typer.Typer(add_completion=False)


@app.command(epilog='Example: workbench ask "May my dog travel on deck?" --corpus data/corpus')
def ask(
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    corpus: Annotated[
        Path | None, typer.Option(help="A folder of documents; the course's own if left out.")
    ] = None,
    model: Annotated[str, typer.Option(help="Ollama's name of a model.")] = "smollm2:135m",
    k: Annotated[int, typer.Option(min=1, help="How many passages the model gets.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Answer a question from a folder of Markdown, HTML, PDF, text, e-mail and CSV.

    The folder is indexed first; later calls look only at what changed.
    """
    from workbench.rag import Assistant

    stream = Assistant(open_index(corpus), model=model, k=k).stream(question)
    if as_json:
        for _ in stream:
            pass
        print(json.dumps(report(stream.answer), ensure_ascii=False))
    else:
        _show(stream)


def open_index(corpus: Path | None = None) -> Retriever:
    """The folder's index, up to date; what was done, and what was skipped, is said on stderr."""
    from workbench import retrieval
    from workbench.retrieval.cli import bar, skipped_lines

    skipped: list[tuple[Path, str]] = []
    with bar() as progress:
        retriever = retrieval.of_folder(corpus, progress, lambda *pair: skipped.append(pair))
    done = retriever.changes
    if done.added or done.changed or done.removed:
        counts = f"{done.added} new, {done.changed} changed, {done.removed} gone"
        print(f"indexed: {counts}, {done.unchanged} as they were", file=sys.stderr)
    for line in skipped_lines(skipped, Path(corpus or "").resolve()):
        print(line, file=sys.stderr)
    return retriever


def _show(stream: Stream) -> None:
    """The answer as it is made, then where it comes from and what it took."""
    for piece in stream:
        print(piece, end="", flush=True)
    answer = stream.answer
    print("\n")
    for source in report(answer)["sources"]:
        print(f'  [{source["document"]}] "{source["quote"]}"')
    if not answer.sources:
        print("  no source")
    print(
        f"\n{answer.seconds:.2f} s, first token after {answer.first_token_seconds:.2f} s; "
        f"{answer.prompt_tokens} prompt and {answer.output_tokens} output tokens; {answer.model}"
    )


def report(answer: Answer) -> dict[str, Any]:
    """An answer as ``--json`` prints it."""
    best = {hit.chunk.document: hit.score for hit in reversed(answer.retrieved)}
    return {
        "answer": answer.text,
        "sources": [
            {"document": d, "score": round(best[d], 4), "quote": answer.quote(d)}
            for d in answer.sources
        ],
        "seconds": round(answer.seconds, 3),
        "first_token_seconds": round(answer.first_token_seconds, 3),
        "prompt_tokens": answer.prompt_tokens,
        "output_tokens": answer.output_tokens,
        "model": answer.model,
    }
