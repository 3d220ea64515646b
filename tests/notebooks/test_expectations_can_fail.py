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
SHORT = ["-p", "lora_steps", "2", "-p", "questions_asked", "3"]
CASES = {
    "shuffled embeddings": ("03", "embeddings", SHORT, "hit_rate_at_5_vectors"),
    "empty context": ("03", "context", SHORT, "prompt_tokens_rag"),
    "learning rate of zero": ("03", "", [*SHORT, "-p", "learning_rate", "0"], "lora_held_out_drop"),
    "swapped metric": ("04", "metric", ["-p", "judged_answers", "2"], "right_by_rule"),
}


def broken_run(notebook: str, part: str, given: list[str], folder: Path) -> subprocess.Popen:
    env = {**os.environ, "SABOTAGE": part, "PYTHONPATH": str(HERE / "sabotage")}
    if not part:
        env.pop("SABOTAGE")
    command = [sys.executable, "-m", "workbench", "run", notebook, "--out", str(folder), *given]
    return subprocess.run(
        command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )


@pytest.mark.model
@pytest.mark.notebook
@pytest.mark.timeout(1000)
@pytest.mark.parametrize("case", CASES)
def test_a_broken_part_breaks_its_expectation(case: str, tmp_path: Path):
    notebook, part, given, metric = CASES[case]
    done = broken_run(notebook, part, given, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert metric in done.stdout + done.stderr
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    (ran,) = report["notebooks"]
    assert ran["status"] == "failed"
    assert metric in {e["metric"] for e in ran["expectations"] if not e["ok"]}
