"""The suite's own rules: no skip without a reason in the list, and long runs go on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A repository whose tests folder has this suite's rules and one file of tests."""
    (tmp_path / "tests").mkdir()
    shutil.copy(TESTS / "conftest.py", tmp_path / "tests")
    (tmp_path / "tests" / "allowed_skips.toml").write_text("")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "tests" / "test_one.py").write_text(
        "import pytest\n\n\ndef test_passes():\n    pass\n"
    )
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def run(suite: Path, *options: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests", *options]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=suite, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def add(suite: Path, text: str) -> None:
    with (suite / "tests" / "test_one.py").open("a") as file:
        file.write(text)


SKIPPED = "\n\ndef test_skips():\n    pytest.skip('no GPU')\n"


def test_a_skip_fails_and_is_named(suite: Path) -> None:
    assert run(suite)[0] == 0
    add(suite, SKIPPED)
    code, said = run(suite)
    assert code == 1
    assert "SKIPPED BUT NOT LISTED: tests/test_one.py::test_skips" in said
    assert said.strip().splitlines()[-1].startswith("=") and "1 skipped" in said


def test_a_listed_skip_passes(suite: Path) -> None:
    add(suite, SKIPPED)
    listed = '[[skip]]\ntest = "tests/test_one.py::test_sk*"\nreason = "needs a GPU"\n'
    (suite / "tests" / "allowed_skips.toml").write_text(listed)
    assert run(suite)[0] == 0


def test_a_whole_file_that_skips_fails_too(suite: Path) -> None:
    add(suite, "\n\npytest.importorskip('no_such_module_at_all')\n")
    code, said = run(suite)
    assert code != 0 and "SKIPPED BUT NOT LISTED: tests/test_one.py" in said


def test_an_expected_failure_is_no_skip(suite: Path) -> None:
    add(suite, "\n\n@pytest.mark.xfail\ndef test_x():\n    assert False\n")
    assert run(suite)[0] == 0


def test_a_resumed_run_does_only_what_has_not_passed(suite: Path) -> None:
    add(suite, "\n\ndef test_fails():\n    assert False\n")
    assert run(suite, "--resume")[0] == 1
    code, said = run(suite, "--resume")
    assert code == 1 and "1 failed, 1 deselected" in said
    file = suite / "tests" / "test_one.py"
    file.write_text(file.read_text().replace("assert False", "assert True"))
    subprocess.run(["git", "add", "tests"], cwd=suite, check=True)
    code, said = run(suite, "--resume")
    assert code == 0 and "2 passed" in said, "another tree: all of it again"
    code, said = run(suite, "--resume")
    assert code == 0 and "2 long checks have passed" in said


def test_every_listed_skip_has_a_reason() -> None:
    listed = tomllib.loads((TESTS / "allowed_skips.toml").read_text(encoding="utf-8"))
    for entry in listed.get("skip", []):
        assert entry["test"] and len(entry["reason"]) > 10, entry
