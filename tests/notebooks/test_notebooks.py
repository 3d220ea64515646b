"""The course's notebooks, executed in the ``fast`` profile by ``workbench run``, once a session."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from workbench.runner import expectations, html, plan
from workbench.runner.execute import Files
from workbench.settings import settings

BOOKS = {path.stem: path for path in plan.course()}
PHASES = ["01", "02", "03", "04", "05", "06"]
#: The largest process tree that a notebook may have, services and all, in MB.
MEMORY_MB = 6000

each = pytest.mark.parametrize("name", BOOKS)
executed = pytest.mark.notebook
patient = pytest.mark.timeout(2400)


@pytest.fixture(scope="session")
def folder() -> Path:
    """A fresh run of all notebooks; what it wrote stays in ``runs/tests/fast``."""
    out = settings().runs / "tests" / "fast"
    done = subprocess.run(
        [sys.executable, "-c", "from workbench.cli import main; main()", "run", "--out", str(out)],
        cwd=settings().root,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode in (0, 1), "the runner itself did not work; see above"
    return out


@pytest.fixture(scope="session")
def entries(folder: Path) -> dict[str, dict]:
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return {entry["name"]: entry for entry in report["notebooks"]}


@pytest.fixture(scope="session")
def outputs(folder: Path) -> dict[str, list]:
    books = {name: nbformat.read(folder / f"{name}.ipynb", as_version=4) for name in BOOKS}
    return {
        name: [output for cell in book.cells for output in cell.get("outputs", [])]
        for name, book in books.items()
    }


# as they are in the repository


def test_a_notebook_for_each_phase():
    assert [name.split("_")[0] for name in BOOKS] == PHASES


@each
def test_parameters_are_literals(name):
    cells = plan.read_notebook(BOOKS[name]).cells
    cell = next(c for c in cells if "parameters" in c.metadata.get("tags", []))
    for line in ast.parse(cell.source).body:
        assert isinstance(line, ast.Assign | ast.AnnAssign), ast.unparse(line)
        ast.literal_eval(line.value)


@each
def test_every_profile_fits(name):
    for profile in plan.profiles():
        job = plan.plan([BOOKS[name]], plan.profile(profile))[0]
        assert job.parameters["profile"] == profile


def test_profiles_and_expectations_name_notebooks_that_exist():
    for profile in plan.profiles():
        assert plan.profile(profile).notebooks.keys() <= BOOKS.keys()
        assert expectations.load(profile).keys() <= BOOKS.keys()


# as the runner executed them


@executed
@patient
@each
def test_runs(entries, name):
    assert entries[name]["status"] == "ok", entries[name]["error"]


@executed
@patient
@each
def test_expectations_hold(entries, name):
    checked = entries[name]["expectations"]
    assert checked, f"nbconfig/expectations.toml says nothing of {name}"
    assert [expectations.sentence(e) for e in checked if not e["ok"]] == []


@executed
@patient
@each
def test_memory(entries, name):
    assert 0 < entries[name]["peak_rss_mb"] < MEMORY_MB


@executed
@patient
@each
def test_calls_and_tokens_are_counted(entries, name):
    entry = entries[name]
    assert entry["model_calls"] > 0
    assert entry["prompt_tokens"] > 0 and entry["output_tokens"] > 0


@executed
@patient
@each
def test_shows_a_figure_and_a_trace_and_no_error(folder, outputs, name):
    assert html.figures(Files(folder, name)), "no figure"
    shown = [output.get("data", {}).get("text/html", "") for output in outputs[name]]
    assert any('class="wb-traces"' in "".join(text) for text in shown), "no inline trace view"
    assert [output for output in outputs[name] if output.output_type == "error"] == []


@executed
@patient
@each
def test_page_loads_nothing(folder, name):
    text = (folder / f"{name}.html").read_text(encoding="utf-8")
    assert not re.findall(r"<(?:script|link|iframe|img)[^>]*(?:src|href)=\"(?!data:)", text)


@executed
@pytest.mark.full
@patient
def test_plain_papermill_from_the_repository_root(tmp_path):
    book, out = BOOKS["01_model_selection"], tmp_path / "out.ipynb"
    subprocess.run(
        [sys.executable, "-m", "papermill", str(book), str(out), "-p", "profile", "fast"],
        cwd=settings().root,
        check=True,
    )
    cells = nbformat.read(out, as_version=4).cells
    assert cells[-1].metadata.papermill["status"] == "completed"
