"""The tool labs: the notebook's work done with another tool, ``labs/NN_phase/TOOL/lab.ipynb``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, MissingPiece, UnknownName
from workbench.settings import settings

NOTEBOOK = "lab.ipynb"
LOCK = "requirements.lock"


@dataclass(frozen=True)
class ToolLab:
    """A tool lab; one with a lock beside its notebook has its own environment and kernel."""

    name: str
    phase: str
    folder: Path

    @property
    def notebook(self) -> Path:
        return self.folder / NOTEBOOK

    @property
    def lock(self) -> Path | None:
        """The lock of its own environment; None where the course's serves."""
        path = self.folder / LOCK
        return path if path.is_file() else None

    @property
    def environment(self) -> Path:
        """The folder of its own environment."""
        return settings().root / ".venv-labs" / self.name

    @property
    def kernel(self) -> str:
        """The kernel that its notebook runs in."""
        return f"workbench-lab-{self.name}" if self.lock else "python3"

    @property
    def title(self) -> str:
        """The first heading of its notebook."""
        try:
            cells = json.loads(self.notebook.read_text(encoding="utf-8"))["cells"]
        except (OSError, ValueError, KeyError):
            return self.name
        text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        return next((line[2:].strip() for line in text.split("\n") if line[:2] == "# "), self.name)


def every() -> list[ToolLab]:
    """All tool labs, by phase and name."""
    found = sorted((settings().root / "labs").glob(f"[0-9][0-9]_*/*/{NOTEBOOK}"))
    return [
        ToolLab(path.parent.name, path.parts[-3], path.parent)
        for path in found
        if not path.parent.name.startswith(".")
    ]


def find(name: str) -> ToolLab:
    """A tool lab by its name; raises UnknownName."""
    for lab in every():
        if lab.name == name:
            return lab
    raise UnknownName("tool lab", name, [lab.name for lab in every()])


def ready(lab: ToolLab) -> bool:
    """Whether the lab can run as it is: nothing to set up, or set up from this very lock."""
    from workbench.labs import setup

    return lab.lock is None or setup.state(lab) == "ready"


def run(name: str, out: Path | None = None, given: list[tuple[str, str]] = ()) -> dict[str, Any]:
    """Execute a lab's notebook in its kernel; the report, with the ``folder`` it was written to.

    ``given`` are parameters as text. Raises MissingPiece where its environment is not set up.
    """
    from workbench.runner import run as running
    from workbench.runner import runs
    from workbench.runner.progress import progress

    lab = find(name)
    if not ready(lab):
        raise MissingPiece(
            f"the lab {name} has an environment of its own, which is not set up",
            f"workbench labs setup {name}",
        )
    profile, job = _job(lab, list(given))
    folder = out.resolve() if out else runs.new(f"lab-{name}")
    with progress([job.name]) as shown:
        report = running.run([job], profile, folder, shown)
    return report | {"folder": str(folder)}


def _job(lab: ToolLab, given: list[tuple[str, str]]):
    from dataclasses import replace

    from workbench.runner import plan

    profile = plan.profile("fast")
    try:
        (job,) = plan.plan([lab.notebook], profile, given)
    except BadInput as error:
        raise BadInput(f"{lab.folder.name}: {error.what}", error.fix) from None
    return profile, replace(job, name=lab.name, kernel=lab.kernel)
