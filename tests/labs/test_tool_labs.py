"""Tool labs in the course's own environment run to their end and measure something."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.settings import settings

ROOT = settings().root
#: Lab -> parameters that keep it short, and the metrics that it must record with their least value.
LABS = {
    "langchain": (
        ["-p", "questions_asked=3"],
        {"hit_at_5_plain_loader": 0.3, "hit_at_5_our_cleaning": 0.4, "hit_at_5_the_workbench": 0.6},
    ),
    "qdrant": (["-p", "many=2000"], {"hit_at_5_chroma": 0.6, "hit_at_5_qdrant": 0.6}),
}


@pytest.mark.model
@pytest.mark.notebook
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", LABS)
def test_the_lab_runs_and_measures(name: str, tmp_path: Path):
    given, least = LABS[name]
    command = [sys.executable, "-m", "workbench", "labs", "run", name, "--out", str(tmp_path)]
    done = subprocess.run(
        [*command, *given], cwd=ROOT, capture_output=True, text=True, timeout=850, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (report,) = tmp_path.rglob("report.json")
    (ran,) = json.loads(report.read_text(encoding="utf-8"))["notebooks"]
    assert ran["status"] == "ok"
    for metric, value in least.items():
        assert ran["metrics"][metric] >= value, ran["metrics"]


def test_every_tool_lab_says_what_it_swaps_and_takes():
    scripts = sorted((ROOT / "labs" / "py").rglob("lab.py"))
    assert {path.parent.name for path in scripts} >= {"langchain", "qdrant", "unstructured"}
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        for words in ("**Swaps:**", "**Keeps:**", "**Takes**", "**Environment:**", "Change this"):
            assert words in text, f"{path} lacks {words}"
