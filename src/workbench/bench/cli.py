"""``workbench bench``: measurements that take longer than a test, each a command of its own."""

from __future__ import annotations

from typing import ClassVar

import typer

from workbench.cli import LazyGroup


class Benches(LazyGroup):
    """Each measurement is imported when it is called."""

    listed: ClassVar[dict[str, tuple[str, str]]] = {
        "retrieval": ("workbench.bench.retrieval_cli", "Retrieval on any documents and questions."),
        "preparation": ("workbench.bench.preparation_cli", "Cleaning and chunking, compared."),
        "ingest": ("workbench.bench.ingest_cli", "Documents per second and memory, as they grow."),
        "prompts": ("workbench.bench.prompts_cli", "Versions of a prompt on golden questions."),
        "sql": ("workbench.bench.sql_cli", "Questions to a database, by a model that writes SQL."),
        "humaneval": (
            "workbench.bench.humaneval_cli",
            "Programs written by a model, run in a sandbox.",
        ),
        "memory": ("workbench.bench.memory_cli", "Estimated memory of a model beside measured."),
        "candidates": (
            "workbench.bench.candidates_cli",
            "Models side by side on golden questions.",
        ),
        "llm": ("workbench.bench.llm_cli", "The embedded server against raw llama.cpp."),
        "precision": ("workbench.bench.precision_cli", "The small model in several precisions."),
    }


app = typer.Typer(cls=Benches, no_args_is_help=True, add_completion=False)


@app.callback(epilog="Example: workbench bench llm --clients 1,8")
def group() -> None:
    """Measure models, retrieval, prompts and ingestion; each measurement has its own --help."""
