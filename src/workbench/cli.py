"""The ``workbench`` command: one small sub-command per job, each imported when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import ClassVar

import typer

from workbench.errors import WorkbenchError

#: Sub-command -> the module that defines it as ``app`` (a Typer app), and its line in ``--help``.
COMMANDS: dict[str, tuple[str, str]] = {
    "doctor": ("workbench.doctor", "Check this machine: each line says what to do."),
    "run": ("workbench.runner.cli", "Execute notebooks and report on them."),
    "models": ("workbench.models.cli", "List, pull and verify models."),
    "llm": ("workbench.llm.cli", "The embedded Ollama-compatible server."),
    "data": ("workbench.estate_cli", "What is in the data estate; a look into a set."),
    "index": ("workbench.retrieval.cli", "Index any folder of documents, or bring it up to date."),
    "ask": ("workbench.rag_cli", "One answer with its sources and latency."),
    "prompts": ("workbench.prompts.cli", "List, compare, pin and roll back prompts."),
    "labs": ("workbench.labs.cli", "Exercises and tool labs: list, check, reveal, set up."),
    "bench": ("workbench.bench.cli", "Measure models, retrieval, prompts and ingestion."),
    "serve": ("workbench.serving.cli", "Serve the assistant over HTTP."),
    "phoenix": ("workbench.tracing.cli", "Start, stop or find the trace viewer."),
}


#: Wrong usage, as click says it: Typer has had its own copy of click since 0.29.
UsageError = typer.BadParameter.__base__


class LazyGroup(typer.core.TyperGroup):
    """Lists all sub-commands without importing any: ``workbench --help`` stays instant."""

    listed: ClassVar[dict[str, tuple[str, str]]] = COMMANDS

    def list_commands(self, ctx: typer.Context) -> list[str]:
        return list(self.listed)

    def get_command(self, ctx: typer.Context, name: str):
        """The sub-command, imported now; None where there is none of that name."""
        if name not in self.listed:
            return None
        module, _ = self.listed[name]
        sub_app = importlib.import_module(module).app
        sub_app._add_completion = False
        command = typer.main.get_command(sub_app)
        command.name = name
        return command

    def format_help(self, ctx: typer.Context, formatter) -> None:
        """The list of sub-commands, from ``listed`` alone."""
        formatter.write_usage(ctx.command_path, "COMMAND ...")
        formatter.write_paragraph()
        formatter.write_text(self.help or "")
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.listed.items()])
        if self.epilog:
            formatter.write_paragraph()
            formatter.write_text(self.epilog)


root = typer.Typer(cls=LazyGroup, add_completion=False, no_args_is_help=True)


@root.callback(context_settings={"help_option_names": ["-h", "--help"]})
def app() -> None:
    """LLMOps Workbench. Example: workbench run 01 --profile fast"""


def main() -> None:
    """Entry point: a WorkbenchError becomes one clear sentence and its exit code."""
    from workbench.settings import quiet

    quiet()
    try:
        code = typer.main.get_command(root).main(prog_name="workbench", standalone_mode=False)
    except typer.Abort:
        code = 130
    except UsageError as error:
        error.show()
        code = 2
    except WorkbenchError as error:
        print(f"workbench: {error}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print("workbench: stopped", file=sys.stderr)
        code = 130
    sys.exit(code if isinstance(code, int) else 0)
