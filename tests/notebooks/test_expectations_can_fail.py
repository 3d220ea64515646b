"""Each bound in nbconfig/expectations.toml that guards a part fails when that part is broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
UNTRAINED = ["-p", "lora_steps", "2", "-p", "learning_rate", "0", "-p", "questions_asked", "3"]
UNJUDGED = ["-p", "judged_answers", "1"]
#: What is broken -> notebook, part, parameters, and the metrics that must be named.
CASES = {
    "shuffled embeddings and a learning rate of zero": (
        "03", "embeddings", UNTRAINED, {"hit_rate_at_5_vectors", "lora_held_out_drop"},
    ),
    "empty context": ("04", "context", UNJUDGED, {"evidence_found"}),
    "swapped metric": ("04", "metric", UNJUDGED, {"right_by_rule"}),
}  # fmt: skip


def broken_run(notebook: str, part: str, given: list[str], folder: Path) -> subprocess.Popen:
    env = {**os.environ, "SABOTAGE": part, "PYTHONPATH": str(HERE / "sabotage")}
    command = [sys.executable, "-m", "workbench", "run", notebook, "--out", str(folder), *given]
    return subprocess.run(
        command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )


@pytest.mark.model
@pytest.mark.notebook
@pytest.mark.timeout(1000)
@pytest.mark.parametrize("case", CASES)
def test_a_broken_part_breaks_its_expectation(case: str, tmp_path: Path):
    notebook, part, given, metrics = CASES[case]
    done = broken_run(notebook, part, given, tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert all(metric in said for metric in metrics)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    (ran,) = report["notebooks"]
    assert ran["status"] == "failed"
    assert metrics <= {e["metric"] for e in ran["expectations"] if not e["ok"]}
