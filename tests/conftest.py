"""Two rules of this suite: no silent skips, and a long run goes on where it was stopped.

A skipped test fails the session unless tests/allowed_skips.toml names it with a reason. With
``--resume`` (``make test-full``) tests that have already passed on exactly this code, data and
these notebooks are left out; what has passed is written down after each test.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import subprocess
import tomllib
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
PASSED = ROOT / "artifacts" / "tests" / "passed.json"
WATCHED = ("src", "tests", "data", "nbconfig", "notebooks", "labs", "pyproject.toml")


def allowed_skips(file: Path = TESTS / "allowed_skips.toml") -> dict[str, str]:
    """Test (a node id, or a pattern of node ids) -> why it may be skipped."""
    listed = tomllib.loads(file.read_text(encoding="utf-8")).get("skip", [])
    return {entry["test"]: entry["reason"] for entry in listed}


def unlisted(skipped: list[str], allowed: dict[str, str]) -> list[str]:
    """The skipped tests that no entry names."""
    return [test for test in skipped if not any(fnmatch.fnmatchcase(test, p) for p in allowed)]


def fingerprint(root: Path = ROOT) -> str:
    """A digest of everything that a test's result hangs on, committed or not; empty without git."""
    digest = hashlib.sha256()
    for ask in ("ls-files --stage", "diff", "ls-files --others --exclude-standard"):
        command = ["git", *ask.split(), "--", *WATCHED]
        done = subprocess.run(command, cwd=root, capture_output=True, check=False)
        if done.returncode != 0:
            return ""
        digest.update(done.stdout)
    return digest.hexdigest()


class Skips:
    """Fails the session for skips that are not listed, and names them."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.found.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.found.append(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if unlisted(self.found, allowed_skips()) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for test in unlisted(self.found, allowed_skips()):
            terminalreporter.write_line(f"SKIPPED BUT NOT LISTED: {test}", red=True)
            terminalreporter.write_line(
                "  fix: make it run, or give the reason in tests/allowed_skips.toml"
            )


class Resume:
    """Leaves out what has passed on this very tree, and writes down what passes."""

    def __init__(self) -> None:
        self.key = fingerprint()
        self.passed = self._read()

    def _read(self) -> list[str]:
        try:
            kept = json.loads(PASSED.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return kept["passed"] if self.key and kept.get("tree") == self.key else []

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list) -> None:
        done = [item for item in items if item.nodeid in self.passed]
        if done:
            config.hook.pytest_deselected(items=done)
            items[:] = [item for item in items if item.nodeid not in self.passed]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.passed.append(report.nodeid)
            PASSED.parent.mkdir(parents=True, exist_ok=True)
            part = PASSED.with_suffix(".json.part")
            part.write_text(json.dumps({"tree": self.key, "passed": self.passed}), encoding="utf-8")
            part.replace(PASSED)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self.passed:
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(f"{len(self.passed)} long checks have passed on this tree.")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--resume", action="store_true", help="leave out what has passed on this tree")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Skips(), "workbench-skips")
    if config.getoption("--resume"):
        config.pluginmanager.register(Resume(), "workbench-resume")
