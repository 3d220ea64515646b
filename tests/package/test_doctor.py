"""The doctor: each finding has its sentence, and the exit code says whether one fails."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import doctor

NAMES = "python memory cores disk gpu folders packages models ollama proxy".split()  # noqa: SIM905
NAMES += [f"port {number}" for number in (11434, 6006, 8888)]


def call(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workbench", "doctor", *options]
    env = {**os.environ, **variables}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_json_is_one_object_with_every_check() -> None:
    done = call("--json")
    report = json.loads(done.stdout)
    assert sorted(check["name"] for check in report["checks"]) == sorted(NAMES)
    for check in report["checks"]:
        assert set(check) == {"name", "status", "found", "fix"}
        assert check["status"] in ("ok", "warn", "fail") and check["found"]
        assert check["status"] == "ok" or check["fix"], check
    assert report["ok"] == all(check["status"] != "fail" for check in report["checks"])
    assert done.returncode == (0 if report["ok"] else 2)


def test_outside_a_working_copy_it_fails_with_the_way_back(tmp_path: Path) -> None:
    done = call(WORKBENCH_ROOT=str(tmp_path))
    assert done.returncode == 2
    assert "is not a working copy" in " ".join(done.stdout.split())
    assert "set WORKBENCH_ROOT" in " ".join(done.stdout.split())


def test_help_has_an_example() -> None:
    assert "workbench doctor --json" in call("--help").stdout


@pytest.mark.parametrize(
    ("total", "available", "status", "words"),
    [
        (16e9, 12e9, "ok", ""),
        (8.2e9, 2e9, "warn", "close other programs"),
        (4e9, 3.9e9, "warn", "one notebook at a time"),
    ],
)
def test_memory(total: float, available: float, status: str, words: str) -> None:
    check = doctor.memory(total, available)
    assert check.status == status and words in check.fix
    assert f"{total / 1e9:.1f} GB" in check.found


@pytest.mark.parametrize(("free_gb", "status"), [(50, "ok"), (3, "warn"), (0.2, "fail")])
def test_disk(monkeypatch: pytest.MonkeyPatch, free_gb: float, status: str) -> None:
    usage = type("Usage", (), {"free": free_gb * 1e9})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    check = doctor.disk()
    assert check.status == status and f"{free_gb:.1f} GB free" in check.found
    assert bool(check.fix) == (status != "ok")


def test_a_port_in_use_names_its_owner() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        check = doctor.port(number, "Phoenix")
        assert check.status == "ok" and "in use by" in check.found
        assert str(os.getpid()) in check.found
    assert doctor.port(number, "Phoenix").found == "free"


def test_an_ollama_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    check = doctor.ollama()
    assert check.status == "warn" and "127.0.0.1:9 does not answer" in check.found
    assert "unset OLLAMA_HOST" in check.fix


def test_a_proxy_is_reported_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://name:secret@proxy:3128")
    check = doctor.proxy()
    assert "HTTPS_PROXY" in check.found and "secret" not in check.found


def working_copy(root: Path, lock: str) -> Path:
    (root / "nbconfig" / "locks").mkdir(parents=True)
    (root / "nbconfig" / "profiles").mkdir()
    for name in ("cpu-linux", "cuda-linux", "macos"):
        (root / "nbconfig" / "locks" / f"{name}.txt").write_text(lock, encoding="utf-8")
    return root


def test_packages_against_the_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from importlib.metadata import version

    right = f"Ruamel_not-real==1\nrich=={version('rich')} \\\n    --hash=sha256:00\n"
    monkeypatch.setenv("WORKBENCH_ROOT", str(working_copy(tmp_path, right)))
    check = doctor.packages()
    assert check.status == "fail" and "1 of 2 are missing: Ruamel_not-real" in check.found
    for lock in (tmp_path / "nbconfig" / "locks").iterdir():
        lock.write_text("rich==0.1\n", encoding="utf-8")
    check = doctor.packages()
    assert check.status == "warn" and f"rich {version('rich')}" in check.found
    assert re.search(r"nbconfig/setup\.py (--force|--here)", check.fix)


def test_models_that_are_not_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    check = doctor.models()
    assert check.status == "warn" and "smollm2:135m" in check.found
    assert check.fix == "workbench models pull --all"


def test_a_gpu_beside_a_cpu_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_nvidia", lambda: "A GPU, 8192 MiB")
    monkeypatch.setattr(doctor, "_version", lambda _: "2.13.0+cpu")
    assert "ACCEL=cuda make setup" in doctor.gpu().fix
    monkeypatch.setattr(doctor, "_version", lambda _: "2.13.0")
    assert doctor.gpu().status == "ok"


def test_a_check_that_breaks_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_nvidia", lambda: 1 / 0)
    report = {check.name: check for check in doctor.checks()}
    assert report["gpu"].status == "fail" and "ZeroDivisionError" in report["gpu"].found
    assert sorted(report) == sorted(NAMES)
