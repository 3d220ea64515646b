"""The README's snippets run as they stand, and what it names is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = dict(re.findall(r"### ([^\n]+)\n\n```python\n(.*?)```", README, re.DOTALL))


@pytest.mark.model
@pytest.mark.parametrize("title", SNIPPETS)
def test_snippet_runs(title: str):
    done = subprocess.run(
        [sys.executable, "-c", SNIPPETS[title]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) >= 3


def test_there_are_two_snippets_of_at_most_ten_lines():
    assert list(SNIPPETS) == ["A local model through Ollama", "A simple RAG"]
    assert all(len(code.strip().splitlines()) <= 10 for code in SNIPPETS.values())


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_links_within_the_repository_lead_somewhere(page: str):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    missing = [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]
    assert not missing


def test_make_targets_named_are_targets():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"^make ([a-z-]+)", README, re.MULTILINE))
    assert {"course", "test"} <= named <= targets


def test_commands_named_are_commands():
    from workbench.cli import COMMANDS

    named = set(re.findall(r"\.venv/bin/workbench ([a-z]+)", README))
    assert named
    assert named <= set(COMMANDS)


def test_measured_figures_are_those_of_the_kept_results():
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "measured.py"), "--check"], check=False
    )
    assert done.returncode == 0, "run: .venv/bin/python docs/measured.py"
