"""The frame: the public names, what importing does, and how errors reach a person."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import workbench
from workbench import errors, settings
from workbench.cli import COMMANDS


def test_public_names_are_these():
    assert workbench.__all__ == [
        "WorkbenchError", "client", "host", "metric", "settings", "start", "traces",
    ]  # fmt: skip
    for name in workbench.__all__:
        assert getattr(workbench, name) is not None


def test_an_unknown_name_lists_the_right_ones():
    with pytest.raises(AttributeError, match="it has WorkbenchError, client"):
        _ = workbench.trace


def test_importing_loads_nothing_heavy_and_makes_nothing(tmp_path):
    code = "import sys, json, workbench; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    heavy = {"torch", "numpy", "pandas", "chromadb", "ollama", "httpx", "llama_index", "phoenix"}
    assert not heavy & set(json.loads(done.stdout))
    assert list(tmp_path.iterdir()) == []


def test_errors_say_what_and_how_to_mend():
    error = errors.UnknownName("profile", "fats", ["fast", "full"])
    assert str(error) == (
        "unknown profile 'fats'\n  fix: did you mean 'fast'? there are: fast, full"
    )
    assert error.exit_code == 2


def test_quiet_keeps_proxies_from_loopback_and_reports_off(monkeypatch):
    env = {"NO_PROXY": "example.test", "HTTP_PROXY": "http://127.0.0.1:9"}
    settings.quiet(env)
    assert env["NO_PROXY"].split(",") == ["example.test", "localhost", "127.0.0.1", "::1"]
    assert env["DO_NOT_TRACK"] == "1"
    settings.quiet(env)
    assert env["NO_PROXY"].count("localhost") == 1


def test_home_moves_cache_and_state(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    here = settings.settings()
    assert here.models == tmp_path / "cache" / "models"
    assert here.state == tmp_path / "state"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    done = subprocess.run(
        [sys.executable, "-m", "workbench", command, "--help"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Example: workbench" in done.stdout


def test_a_wrong_command_exits_2():
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "modles"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "No such command 'modles'" in done.stderr
