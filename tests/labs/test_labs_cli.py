"""``workbench labs``: list, check a saved notebook, reveal; tool labs set up, uv being a double."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
import typer

from workbench.errors import BadInput, MissingPiece, UnknownName
from workbench.labs import books, cli, setup, solutions, task, tools

ROOT = Path(__file__).resolve().parents[2]
DOUBLE = ROOT / "tests" / "package" / "fake_uv.py"


def workbench(*words: str, **variables: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "workbench", "labs", *words]
    env = {**os.environ, **variables}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))


# --- exercises ----------------------------------------------------------------------------------


def test_list_names_every_task_and_is_one_json_object():
    done = workbench("list", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    ids = [one["id"] for exercise in found["exercises"] for one in exercise["tasks"]]
    assert ids == [one.id for one in task.every()]
    assert all(exercise["minutes"] > 30 for exercise in found["exercises"])
    names = {path.parent.name for path in (ROOT / "labs").glob("*/*/lab.ipynb")}
    assert {lab["name"] for lab in found["tool_labs"]} == names


def test_reveal_asks_for_a_yes():
    shy = workbench("reveal", "01.1")
    assert shy.returncode == 2 and "--yes" in shy.stderr and "return" not in shy.stdout
    told = workbench("reveal", "01.1", "--yes")
    assert told.returncode == 0 and "def kv_cache_bytes" in told.stdout
    unknown = workbench("reveal", "7.7", "--yes")
    assert unknown.returncode == 2 and "01.1" in unknown.stderr


def test_an_unknown_exercise_or_a_broken_notebook_is_said(tmp_path):
    with pytest.raises(UnknownName, match="there are: 01, 02"):
        books.check("77")
    broken = tmp_path / "half.ipynb"
    broken.write_text('{"cells": [')
    done = workbench("check", "01", "--notebook", str(broken))
    assert done.returncode == 2 and "no readable notebook" in done.stderr


def solved(phase: str, leave: str) -> nbformat.NotebookNode:
    """The exercise with every task solved but one, its check cells gone and a cell that raises."""
    book = nbformat.read(books.notebook(phase), as_version=4)
    book.cells = [c for c in book.cells if not c.source.startswith("labs.check")]
    for one in task.of_phase(phase):
        for cell in book.cells:
            if f"def {one.function}(" in cell.source and one.id != leave:
                cell.source = solutions.text(one.id)
    book.cells.insert(1, nbformat.v4.new_code_cell("1 / 0"))
    return book


@pytest.mark.notebook
def test_check_judges_a_notebook_as_saved(tmp_path):
    file = tmp_path / "my copy é.ipynb"
    nbformat.write(solved("01", leave="01.3"), file)
    done = workbench("check", "1", "--notebook", str(file), "--json")
    states = {one["task"]: one["state"] for one in json.loads(done.stdout)["tasks"]}
    assert states.pop("01.3") == "todo"
    assert set(states.values()) == {"passed"} and len(states) == 4
    assert done.returncode == 1


def test_check_exits_0_where_all_have_passed(monkeypatch, capsys):
    passed = {"task": "01.1", "title": "", "state": "passed", "say": "", "text": "fine"}
    monkeypatch.setattr(books, "check", lambda phase, notebook: [passed, passed])
    with pytest.raises(typer.Exit) as end:
        cli.check("01")
    assert end.value.exit_code == 0 and "2 of 2 passed" in capsys.readouterr().out


@pytest.mark.notebook
@pytest.mark.parametrize("phase", task.PHASES)
def test_the_exercise_as_shipped_runs_to_its_end(phase, tmp_path, monkeypatch):
    from nbclient import NotebookClient

    path = books.notebook(phase)
    book = nbformat.read(path, as_version=4)
    began = time.monotonic()
    NotebookClient(book, timeout=60, resources={"metadata": {"path": str(path.parent)}}).execute()
    assert time.monotonic() - began < 60
    shown = [
        output["data"]["text/html"]
        for cell in book.cells
        if cell.cell_type == "code" and cell.source.startswith("labs.check")
        for output in cell.outputs
    ]
    assert len(shown) == len(task.of_phase(phase))
    assert all("not done yet: " in text for text in shown)


@pytest.mark.notebook
def test_ctrl_c_stops_the_kernel_too(tmp_path):
    book = nbformat.v4.new_notebook()
    file = tmp_path / "slow.ipynb"
    pid = tmp_path / "pid"
    source = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(50)"
    book.cells = [nbformat.v4.new_code_cell(source)]
    nbformat.write(book, file)
    command = [sys.executable, "-m", "workbench", "labs", "check", "01", "--notebook", str(file)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130 and b"Traceback" not in said, said
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


# --- a damaged notebook is told, not thrown -----------------------------------------------------


def test_a_task_without_its_function_is_told_why():
    one = task.find("01.2")
    found = books._best(one, [], ["code cell 3: NameError: name 'pandas' is not defined"])
    assert found["state"] == "absent"
    assert "`shortlist`" in found["say"] and "name 'pandas'" in found["say"]


def test_the_best_verdict_of_a_task_counts():
    one = task.find("01.1")
    said = [
        {"task": "01.1", "state": state, "say": str(n), "text": ""}
        for n, state in enumerate(("todo", "wrong", "passed", "wrong"))
    ]
    assert books._best(one, said, [])["say"] == "2"
    assert books._best(one, said[:2] + said[3:], [])["say"] == "3"


# --- tool labs ----------------------------------------------------------------------------------


class Copy:
    """A small working copy with two tool labs, one of them with a lock, and a double of uv."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a copy é"
        shutil.copytree(ROOT / "nbconfig", self.root / "nbconfig")
        (self.root / "notebooks").mkdir()
        for tool in ("alone", "shared"):
            book = nbformat.v4.new_notebook()
            parameters = nbformat.v4.new_code_cell("n = 2", metadata={"tags": ["parameters"]})
            work = nbformat.v4.new_code_cell("import workbench as wb\nwb.metric('double', n * 2)")
            book.cells = [nbformat.v4.new_markdown_cell(f"# Lab {tool}"), parameters, work]
            path = self.root / "labs" / "02_data_and_prompts" / tool / "lab.ipynb"
            path.parent.mkdir(parents=True)
            nbformat.write(book, path)
        (self.root / "labs/02_data_and_prompts/alone/requirements.lock").write_text(
            "ipykernel==7\n"
        )
        tools_folder = folder / "bin"
        tools_folder.mkdir()
        (tools_folder / "uv").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{DOUBLE}" "$@"\n')
        (tools_folder / "uv").chmod(0o755)
        self.prefix = folder / "prefix"
        self.path = f"{tools_folder}:{os.environ['PATH']}"

    def calls(self) -> list[list[str]]:
        file = self.root / "uv-calls.jsonl"
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        return [json.loads(line)["arguments"] for line in lines]


@pytest.fixture
def copy(tmp_path, monkeypatch) -> Copy:
    made = Copy(tmp_path)
    monkeypatch.setenv("WORKBENCH_ROOT", str(made.root))
    monkeypatch.setenv("PATH", made.path)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(sys, "prefix", str(made.prefix))  # kernels go there
    lab = tools.find("alone")
    (lab.environment / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    return made


def test_set_up_makes_the_environment_once(copy):
    lab = tools.find("alone")
    assert not tools.ready(lab) and tools.ready(tools.find("shared"))
    said: list[str] = []
    assert setup.make(lab, say=said.append) is True
    venv, sync = copy.calls()
    assert venv[0] == "venv" and venv[-1] == str(lab.environment)
    assert sync[:2] == ["pip", "sync"] and "--require-hashes" in sync
    assert str(lab.lock) in sync and str(lab.environment / "bin/python") in sync
    spec = json.loads((copy.prefix / f"share/jupyter/kernels/{lab.kernel}/kernel.json").read_text())
    assert spec["argv"][0] == str(lab.environment / "bin/python")
    (pth,) = lab.environment.rglob("workbench.pth")
    assert Path(pth.read_text().strip(), "workbench").is_dir()
    assert tools.ready(lab) and setup.make(lab) is False and len(copy.calls()) == 2


def test_another_lock_is_installed_into_the_same_environment(copy):
    lab = tools.find("alone")
    setup.make(lab, say=lambda line: None)
    lab.lock.write_text("ipykernel==8\n")
    assert setup.state(lab) == "changed" and not tools.ready(lab)
    setup.make(lab, say=lambda line: None)
    assert [call[0] for call in copy.calls()] == ["venv", "pip", "pip"] and tools.ready(lab)


def test_a_failed_set_up_leaves_no_stamp(copy, monkeypatch):
    lab = tools.find("alone")
    setup.make(lab, say=lambda line: None)
    monkeypatch.setenv("FAKE_UV_FAIL", "sync")
    with pytest.raises(MissingPiece, match="run the same command again"):
        setup.make(lab, force=True, say=lambda line: None)
    assert not tools.ready(lab)
    monkeypatch.delenv("FAKE_UV_FAIL")
    assert setup.make(lab, say=lambda line: None) and tools.ready(lab)


def test_a_set_up_that_is_interrupted_ends_and_can_be_repeated(copy):
    command = [sys.executable, "-m", "workbench", "labs", "setup", "alone"]
    env = {**os.environ, "FAKE_UV_SLEEP": "20"}
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 20
    while not copy.calls() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130 and b"Traceback" not in said
    assert setup.state(tools.find("alone")) == "missing"


def test_what_cannot_be_set_up_or_run_is_said(copy):
    with pytest.raises(BadInput, match="labs run shared"):
        setup.make(tools.find("shared"))
    with pytest.raises(UnknownName, match="alone, shared"):
        tools.find("nothing")
    early = workbench("run", "alone")
    assert early.returncode == 2 and "labs setup alone" in early.stderr


@pytest.mark.notebook
def test_a_lab_in_the_courses_environment_runs(copy, tmp_path):
    shutil.copytree(ROOT / "data" / "catalog", copy.root / "data" / "catalog")
    done = workbench("run", "shared", "--out", str(tmp_path / "out"), "-p", "n=5", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert report["notebooks"][0]["metrics"] == {"double": 10.0}
    assert (tmp_path / "out" / "shared.html").exists()
