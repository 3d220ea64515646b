"""Keep each notebook and its paired script the same: notebooks/NN.ipynb and notebooks/py/NN.py,
labs/PHASE/NAME.ipynb and labs/py/PHASE/NAME.py.

pairing.py check                 exit 1 and say where a pair differs, or a notebook has outputs
pairing.py update                write the notebooks from the scripts, keeping cell ids
pairing.py update --from ipynb   write the scripts from the notebooks
"""

from __future__ import annotations

import argparse
import sys
from itertools import zip_longest
from pathlib import Path

import jupytext
import nbformat
from jupytext.cli import jupytext as run_jupytext

ROOT = Path(__file__).resolve().parent.parent


def pairs(folder: Path) -> list[tuple[Path, Path]]:
    """(notebook, script) for every notebook below a folder that has at least one of the two."""
    scripts = folder / "py"
    names = {path.relative_to(scripts).with_suffix("") for path in scripts.rglob("*.py")}
    for path in folder.rglob("*.ipynb"):
        name = path.relative_to(folder).with_suffix("")
        if not any(part.startswith(".") for part in name.parts):  # .ipynb_checkpoints
            names.add(name)
    return [(folder / f"{name}.ipynb", scripts / f"{name}.py") for name in sorted(map(str, names))]


def cells(notebook: nbformat.NotebookNode) -> list[tuple[str, str, tuple[str, ...]]]:
    """What a reader sees of each cell: its type, its source and its tags."""
    return [
        (cell.cell_type, cell.source.rstrip(), tuple(cell.metadata.get("tags", ())))
        for cell in notebook.cells
    ]


def difference(notebook: Path, script: Path) -> str:
    """The first way in which a pair is not one notebook without outputs; empty when it is."""
    for path in (notebook, script):
        if not path.exists():
            return f"{path.name} is missing"
    ours = nbformat.read(notebook, as_version=4)
    if any(cell.get("outputs") or cell.get("execution_count") for cell in ours.cells):
        return f"{notebook.name} has outputs; strip them: nbstripout --keep-id {notebook.name}"
    both = zip_longest(cells(ours), cells(jupytext.read(script)))
    for number, (left, right) in enumerate(both, start=1):
        if left != right:
            return f"{notebook.name} and py/{script.name} differ at cell {number}"
    return ""


def check(folders: list[Path]) -> int:
    """Print every difference; the number of pairs that differ."""
    found = [difference(*pair) for folder in folders for pair in pairs(folder)]
    for line in filter(None, found):
        print(f"pairing: {line}")
    if any(found):
        print("  fix: make pair (scripts win) or make pair FROM=ipynb (notebooks win)")
    else:
        print(f"{len(found)} notebooks equal their paired scripts.")
    return sum(map(bool, found))


def update(folder: Path, source: str) -> None:
    """Write the other side of every pair that differs; cell ids of notebooks are kept."""
    for notebook, script in pairs(folder):
        if not difference(notebook, script):
            continue
        if source == "ipynb":
            script.parent.mkdir(parents=True, exist_ok=True)
            run_jupytext(["--quiet", "--to", "py:percent", "--output", str(script), str(notebook)])
        else:
            notebook.parent.mkdir(parents=True, exist_ok=True)
            keep = ["--update"] if notebook.exists() else []
            to = ["--quiet", "--to", "ipynb", *keep, "--output", str(notebook)]
            run_jupytext([*to, str(script)])
        print(f"updated {(script if source == 'ipynb' else notebook).name}")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Keep notebooks and paired scripts the same.")
    parser.add_argument("what", choices=["check", "update"])
    parser.add_argument("--from", dest="source", choices=["py", "ipynb"], default="py")
    parser.add_argument("--folder", type=Path, help="this one only, not notebooks and labs")
    options = parser.parse_args(argv)
    folders = [options.folder] if options.folder else [ROOT / "notebooks", ROOT / "labs"]
    if options.what == "update":
        for folder in folders:
            update(folder, options.source)
    return 1 if check(folders) else 0


if __name__ == "__main__":
    sys.exit(main())
