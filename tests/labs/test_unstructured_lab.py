"""The lab on Unstructured: its environment made from its lock, its notebook run to the end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "labs" / "02_data_and_prompts" / "unstructured"
READ = {".md", ".html", ".txt", ".eml", ".pdf"}


def labs(*words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "workbench", "labs", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_lock_names_no_index_and_hashes_everything():
    lines = (LAB / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line[:1].isalnum()]
    assert len(pins) > 100 and all("==" in pin and pin.endswith("\\") for pin in pins)
    assert all(line.startswith("    --hash=sha256:") for line in lines if line not in pins)
    wanted = (LAB / "requirements.in").read_text(encoding="utf-8").splitlines()
    for name in (line.split("==")[0] for line in wanted if line[:1].isalnum()):
        assert any(pin.startswith(name.replace(".", "-") + "==") for pin in pins), name
    assert not any(pin.startswith(("torch==", "transformers==")) for pin in pins)


@pytest.mark.notebook
@pytest.mark.model
def test_the_lab_runs_in_its_own_environment(tmp_path):
    made = labs("setup", "unstructured")
    assert made.returncode == 0, made.stderr
    done = labs("run", "unstructured", "--out", str(tmp_path / "out"), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    metrics = json.loads(done.stdout)["notebooks"][0]["metrics"]
    files = [p for p in (ROOT / "data" / "corpus").rglob("*") if p.suffix in READ]
    assert metrics["documents"] == len(files)
    assert metrics["documents_without_elements"] == 0
    for name in ("text", "unstructured", "workbench"):
        assert 0.5 < metrics[f"hit_rate_{name}"] <= 1
    page = (tmp_path / "out" / "unstructured.html").read_text(encoding="utf-8")
    assert "Traceback" not in page and "Paired differences in hits" in page
    folder = ROOT / "artifacts" / "labs" / "unstructured"
    lines = (folder / "chunks.jsonl").read_text(encoding="utf-8").splitlines()
    chunks = [json.loads(line) for line in lines]
    assert len({chunk["id"] for chunk in chunks}) == len(files) < len(chunks)
    assert max(len(chunk["text"]) for chunk in chunks) <= 1000
