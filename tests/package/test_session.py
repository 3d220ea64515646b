"""The set-up cell, metrics and shared artifacts."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_ollama import FakeOllama

import workbench
from workbench import session
from workbench.errors import BadInput, ModelMissing, UnknownName


@pytest.fixture
def record(monkeypatch, tmp_path) -> Path:
    path = tmp_path / "record.jsonl"
    monkeypatch.setenv("WORKBENCH_RECORD", str(path))
    return path


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_metrics_are_recorded_shown_and_returned(record, capsys):
    assert workbench.metric("hit_rate@5", np.float64(0.9667), show=True) == 0.9667
    assert session.metric("p95", 31, "ms", show=False) == 31.0
    assert lines(record) == [
        {"metric": "hit_rate@5", "value": 0.9667},
        {"metric": "p95", "value": 31.0, "unit": "ms"},
    ]
    assert capsys.readouterr().out == "hit_rate@5 = 0.9667\n"


def test_metrics_work_without_a_record(monkeypatch, capsys):
    monkeypatch.delenv("WORKBENCH_RECORD", raising=False)
    assert session.metric("x", 1) == 1.0
    assert "x = 1" in capsys.readouterr().out


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.5", None, True, [1.0]])
def test_what_is_not_a_finite_number_is_refused(record, value):
    with pytest.raises(BadInput, match="score is"):
        session.metric("score", value)
    assert not record.exists()


def test_a_metric_needs_a_name_that_a_toml_file_can_hold(record):
    with pytest.raises(BadInput, match="no name for a metric"):
        session.metric("two words", 1)


def _write_many(worker: int) -> None:
    for i in range(200):
        session.metric(f"w{worker}", i, unit="x" * 200, show=False)


def test_lines_of_several_processes_never_mix(record):
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.map(_write_many, range(4))
    assert len(lines(record)) == 800


def test_an_unknown_profile_lists_the_right_ones():
    with pytest.raises(UnknownName, match="did you mean 'fast'"):
        session.start("01_model_selection", profile="fats")


def test_start_says_what_it_found(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path))
    with FakeOllama() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        made = session.start("01_model_selection", models=["smollm2:135m"], tracing=False)
    lines = capsys.readouterr().out.splitlines()
    assert made.host == server.url and made.artifacts == tmp_path / "artifacts"
    assert made.models == ("smollm2:135m",) and made.profile == "fast"
    assert 3 <= len(lines) <= 5 and "fast" in lines[0]
    assert "smollm2:135m" in lines[1] and server.url in lines[1] and "your Ollama" in lines[1]


def test_start_without_a_model_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path))
    with FakeOllama() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        with pytest.raises(ModelMissing, match="workbench models pull missing"):
            session.start("01_model_selection", models=["missing"], tracing=False)


def test_artifacts_are_built_once_and_say_which(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path))
    built = []

    def build(path: Path) -> None:
        built.append(path)
        path.write_text("whole")

    first = session.artifact("chunks.jsonl", build)
    second = session.artifact("chunks.jsonl", build)
    assert first == second == tmp_path / "artifacts" / "chunks.jsonl"
    assert first.read_text() == "whole" and len(built) == 1
    assert capsys.readouterr().out.splitlines() == [
        "chunks.jsonl: built now",
        "chunks.jsonl: taken from artifacts/",
    ]


def test_a_build_that_fails_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path))

    def build(path: Path) -> None:
        path.mkdir()
        (path / "half").write_text("half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        session.artifact("model", build)
    assert [p.name for p in (tmp_path / "artifacts").iterdir()] == ["model.lock"]
    with pytest.raises(BadInput, match="wrote nothing"):
        session.artifact("model", lambda path: None)


def test_importing_the_session_loads_nothing_heavy():
    code = (
        "import sys, workbench.session, workbench.prompts, workbench.display; "
        "print([m for m in ('matplotlib', 'pandas', 'ollama', 'chromadb') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_phase_is_recorded_with_finite_numbers_only(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path))
    with pytest.raises(BadInput, match="no phase 0"):
        session.record_phase(0, quality=0.5)
    with pytest.raises(BadInput, match="quality is nan"):
        session.record_phase(1, quality=float("nan"))
    assert not (tmp_path / "artifacts" / "course.json").exists()
