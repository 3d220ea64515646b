"""Set-up: the bootstrap's steps and their order, what it hands to uv, the locks, the Makefile."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections import namedtuple
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "nbconfig"))

import installer  # noqa: E402
import lock as locking  # noqa: E402
import setup as bootstrap  # noqa: E402

CARD = "jupyterlab papermill ollama llama-index chromadb unsloth datasets deepeval arize-phoenix"
CARD = [*CARD.split(), "matplotlib"]
TARGETS = ("course", "test", "test-full", "lab", "lint", "lock", "clean", "help", "doctor")
LOCKS = ("cpu-linux", "cuda-linux", "macos")


# --- the bootstrap, run for real over a double of uv --------------------------------------------


class Copy:
    """A small working copy on an awkward path, with a double of uv on its PATH."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a copy é"
        shutil.copytree(ROOT / "nbconfig", self.root / "nbconfig", ignore=_no_caches)
        shutil.copy(ROOT / "pyproject.toml", self.root)
        tools = folder / "bin"
        tools.mkdir()
        double = Path(__file__).parent / "fake_uv.py"  # by a shell: a shebang's path has no spaces
        (tools / "uv").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{double}" "$@"\n')
        (tools / "uv").chmod(0o755)
        drop = ("UV_", "PIP_", "ACCEL")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
        self.env = {**kept, "PATH": f"{tools}:{os.environ['PATH']}", "PIP_CONFIG_FILE": os.devnull}

    def start(self, *options: str, **variables: str) -> subprocess.Popen:
        command = [sys.executable, "nbconfig/setup.py", *options]
        pipe = subprocess.PIPE
        env = {**self.env, **variables}
        return subprocess.Popen(
            command, cwd=self.root, env=env, text=True, stdout=pipe, stderr=pipe, process_group=0
        )

    def run(self, *options: str, **variables: str) -> tuple[int, str]:
        """Exit code, and everything printed."""
        process = self.start(*options, **variables)
        out, err = process.communicate(timeout=60)
        return process.returncode, out + err

    def calls(self) -> list[dict]:
        """The calls of uv since last asked."""
        file = self.root / "uv-calls.jsonl"
        if not file.exists():
            return []
        lines = file.read_text(encoding="utf-8").splitlines()
        file.unlink()
        return [json.loads(line) for line in lines]

    def verbs(self) -> list[str]:
        """The kinds of call since last asked, probes left out."""
        calls = [call["arguments"] for call in self.calls()]
        return ["venv" if c[0] == "venv" else _pip_verb(c) for c in calls if c[1] != "compile"]

    @property
    def stamp(self) -> Path:
        return self.root / ".venv" / bootstrap.STAMP


def _no_caches(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


def _pip_verb(arguments: list[str]) -> str:
    if "--editable" in arguments:
        return "project"
    return "lock" if "sync" in arguments else "torch"


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


ALL = ["venv", "torch", "lock", "project"]
linux = bootstrap.platform.system() == "Linux"
pytestmark = pytest.mark.filterwarnings("error")


def test_a_fresh_copy_is_set_up_and_a_second_time_nothing_is_done(copy: Copy) -> None:
    code, said = copy.run()
    assert code == 0 and "The environment is ready" in said
    assert copy.verbs() == (ALL if linux else ["venv", "lock", "project"])
    assert copy.run() == (0, "")
    assert copy.verbs() == []


def test_a_changed_lock_is_installed_into_the_same_environment(copy: Copy) -> None:
    copy.run()
    copy.calls()
    lock = bootstrap.choose_lock("cpu", bootstrap.platform.system(), bootstrap.platform.machine())
    with (copy.root / "nbconfig" / "locks" / f"{lock}.txt").open("a") as file:
        file.write("# another pin\n")
    assert copy.run()[0] == 0
    verbs = copy.verbs()
    assert "lock" in verbs and "venv" not in verbs
    assert copy.run() == (0, "")


@pytest.mark.parametrize("step", ["sync", "--editable"])
def test_a_set_up_that_failed_half_way_heals(copy: Copy, step: str) -> None:
    code, said = copy.run(FAKE_UV_FAIL=step)
    assert code == 2 and "fix:" in said and "Traceback" not in said
    assert not copy.stamp.exists()
    copy.calls()
    assert copy.run()[0] == 0
    assert copy.verbs()[0] == "venv" and copy.stamp.exists()


def test_an_update_that_failed_is_not_taken_for_done(copy: Copy) -> None:
    copy.run()
    project_file = copy.root / "pyproject.toml"
    project_file.write_text(project_file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert copy.run(FAKE_UV_FAIL="sync")[0] == 2
    copy.calls()
    assert copy.run()[0] == 0 and copy.verbs()[0] == "venv"


def test_ctrl_c_stops_it_with_a_sentence_and_the_next_one_heals(copy: Copy) -> None:
    process = copy.start(FAKE_UV_SLEEP="20")
    _until(lambda: (copy.root / "uv-calls.jsonl").exists())
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and "stopped" in err and "Traceback" not in out + err
    assert not copy.stamp.exists()
    assert copy.run()[0] == 0 and copy.stamp.exists()


def test_the_second_of_two_at_once_waits_and_finds_it_done(copy: Copy) -> None:
    first = copy.start(FAKE_UV_SLEEP="0.5")
    _until(lambda: (copy.root / "uv-calls.jsonl").exists())
    second, said = copy.run()
    first.communicate(timeout=60)
    assert (first.returncode, second) == (0, 0)
    assert "waiting" in said and "ready" not in said
    assert copy.verbs().count("venv") == 1


def _until(happened, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_a_moved_copy_is_built_anew(copy: Copy) -> None:
    copy.run()
    copy.calls()
    copy.root = copy.root.rename(copy.root.with_name("elsewhere"))
    assert copy.run()[0] == 0 and copy.verbs()[0] == "venv"


def test_a_python_that_went_away_is_noticed(copy: Copy) -> None:
    copy.run()
    copy.calls()
    (copy.root / ".venv" / "bin" / "python").unlink()
    assert copy.run()[0] == 0 and copy.verbs()[0] == "venv"


@pytest.mark.skipif(not linux, reason="CUDA is a choice on Linux")
def test_accel_chooses_the_lock_and_changing_it_is_noticed(copy: Copy) -> None:
    copy.run()
    copy.calls()
    assert copy.run(ACCEL="cuda")[0] == 0
    (sync,) = [c for c in copy.calls() if "sync" in c["arguments"]]
    assert "nbconfig/locks/cuda-linux.txt" in sync["arguments"]
    code, said = copy.run(ACCEL="tpu")
    assert code == 2 and "ACCEL=tpu" in said and "cuda" in said


@pytest.mark.skipif(not linux, reason="macOS has one build of torch")
def test_where_the_cpu_torch_comes_from(copy: Copy) -> None:
    copy.run()
    (torch,) = [c["arguments"] for c in copy.calls() if _pip_verb(c["arguments"]) == "torch"][-1:]
    assert torch[-4:-2] == ["--torch-backend", "cpu"], "no source of pip's: PyTorch's CPU index"
    copy.run("--force", PIP_FIND_LINKS="/some/wheels")
    calls = copy.calls()
    assert all(call["environment"]["UV_FIND_LINKS"] == "/some/wheels" for call in calls)
    assert not any("--torch-backend" in call["arguments"] for call in calls)
    copy.run("--force", PIP_FIND_LINKS="/some/wheels", FAKE_UV_FAIL="compile")
    assert any("--torch-backend" in call["arguments"] for call in copy.calls())


def test_every_package_is_installed_by_hash_and_without_its_own_wishes(copy: Copy) -> None:
    copy.run()
    for call in copy.calls():
        arguments = call["arguments"]
        if arguments[:2] in (["pip", "install"], ["pip", "sync"]) and "--editable" not in arguments:
            assert "--require-hashes" in arguments
        if arguments[:2] == ["pip", "install"]:
            assert "--no-deps" in arguments


def test_a_dry_run_changes_nothing(copy: Copy) -> None:
    code, said = copy.run("--dry-run")
    assert code == 0 and "would run: uv venv" in said
    assert not (copy.root / ".venv").exists()


# --- parts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accel", "system", "machine", "lock"),
    [
        ("cpu", "Linux", "x86_64", "cpu-linux"),
        ("cuda", "Linux", "x86_64", "cuda-linux"),
        ("cpu", "Darwin", "arm64", "macos"),
    ],
)
def test_choose_lock(accel: str, system: str, machine: str, lock: str) -> None:
    assert bootstrap.choose_lock(accel, system, machine) == lock
    assert (ROOT / "nbconfig" / "locks" / f"{lock}.txt").is_file()


@pytest.mark.parametrize(
    ("accel", "system", "machine", "word"),
    [
        ("cpu", "Windows", "AMD64", "WSL2"),
        ("cuda", "Darwin", "arm64", "macOS"),
        ("cpu", "Linux", "riscv64", "x86-64"),
        ("rocm", "Linux", "x86_64", "cuda"),
    ],
)
def test_no_lock_for_it_says_what_to_use(accel: str, system: str, machine: str, word: str) -> None:
    with pytest.raises(installer.SetupError, match=word):
        bootstrap.choose_lock(accel, system, machine)


def test_pip_settings_are_handed_to_uv() -> None:
    listing = "\n".join(
        [
            "global.index-url='file:///mirror'",
            "global.extra-index-url='file:///one\\nfile:///two'",
            "install.find-links='/wheels /more'",
            "global.cert='/ca.pem'",
            "global.timeout='300'",
            "download.find-links='/elsewhere'",
            ":env:.find-links='/wheels'",
            "not a setting",
        ]
    )
    pip = installer.pip_settings(listing, {"PIP_EXTRA_INDEX_URL": "file:///three", "HOME": "/h"})
    assert installer.uv_variables(pip, {}) == {
        "UV_DEFAULT_INDEX": "file:///mirror",
        "UV_INDEX": "file:///three",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/wheels,/more",
        "SSL_CERT_FILE": "/ca.pem",
        "UV_HTTP_TIMEOUT": "300",
    }


def test_what_the_user_set_for_uv_stays() -> None:
    pip = {"find-links": "/wheels", "proxy": "proxy:3128", "timeout": "15"}
    values = installer.uv_variables(pip, {"UV_FIND_LINKS": "/mine", "https_proxy": "other:1"})
    assert values == {"HTTP_PROXY": "proxy:3128", "UV_HTTP_TIMEOUT": "120"}


def test_without_pip_and_venv_it_names_the_debian_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(installer, "succeeds", lambda command, **more: False)
    with pytest.raises(installer.SetupError, match="apt install python3-pip"):
        installer.some_pip(tmp_path)


def test_a_venv_stands_in_for_a_missing_pip(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(installer, "succeeds", lambda command, **more: "venv" in command)
    assert installer.some_pip(tmp_path) == str(tmp_path / "pip" / "bin" / "python")


def test_a_full_disk_is_said_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda _: usage(10**10, 9 * 10**9, 10**9))
    with pytest.raises(installer.SetupError, match=r"1\.0 GB free.*\n.*free some space"):
        bootstrap.check_disk(tmp_path)


def test_the_bootstrap_uses_the_standard_library_only() -> None:
    own = {"installer", "setup"}
    for name in ("setup.py", "installer.py"):
        tree = ast.parse((ROOT / "nbconfig" / name).read_text(encoding="utf-8"), feature_version=9)
        assert _imports(tree) <= set(sys.stdlib_module_names) | own


def _imports(tree: ast.AST) -> set[str]:
    """Top-level names of all absolute imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    return found


# --- locks, environment.yml, pyproject ----------------------------------------------------------


@pytest.mark.parametrize("name", [*LOCKS, "uv"])
def test_a_lock_pins_hashes_and_names_no_index(name: str) -> None:
    text = (ROOT / "nbconfig" / "locks" / f"{name}.txt").read_text(encoding="utf-8")
    assert "://" not in text and not re.search(r"^\s*-(?!-hash)", text, re.MULTILINE)
    logical = text.replace("\\\n", " ").splitlines()
    requirements = [line for line in logical if line and not line.startswith("#")]
    for line in requirements:
        assert re.match(r"[\w.-]+==\S+( ; .+)?( +--hash=sha256:[0-9a-f]{64})+$", line.strip()), line
    assert requirements


def test_the_cards_packages_have_one_version_in_all_locks_and_environment_yml() -> None:
    spec = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (pip,) = [entry["pip"] for entry in spec["dependencies"] if isinstance(entry, dict)]
    named = {r.name: str(r.specifier).lstrip("=") for r in map(Requirement, pip)}
    assert sorted(named) == sorted(CARD)
    for name in LOCKS:
        pins = locking.pins(ROOT / "nbconfig" / "locks" / f"{name}.txt")
        assert {package: pins[package] for package in CARD} == named, name


def test_conda_brings_python_uv_and_make() -> None:
    spec = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    plain = [entry for entry in spec["dependencies"] if isinstance(entry, str)]
    assert {re.split(r"[=<>]", entry)[0] for entry in plain} == {"python", "pip", "uv", "make"}
    assert f"python={bootstrap.PYTHON}" in plain


def test_make_lock_writes_the_locks_versions_into_environment_yml(tmp_path: Path) -> None:
    file = tmp_path / "environment.yml"
    file.write_text("  - python=3.11\n  - pip:\n      - ollama==0.1 ; extra == 'lock'\n")
    locking.follow(file, {"ollama": "0.6.3"})
    assert "- ollama==0.6.3 ; extra == 'lock'\n" in file.read_text()
    assert "- python=3.11\n" in file.read_text()


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", LOCKS)
def test_each_lock_satisfies_pyproject(name: str) -> None:
    pins = locking.pins(ROOT / "nbconfig" / "locks" / f"{name}.txt")
    pins = {canonicalize_name(package): version for package, version in pins.items()}
    wishes = [*project()["project"]["dependencies"], *project()["dependency-groups"]["dev"]]
    for wish in map(Requirement, wishes):
        version = pins.get(canonicalize_name(wish.name))
        assert version and wish.specifier.contains(version), f"{wish} in {name}: run make lock"


def test_every_package_that_src_imports_is_declared() -> None:
    declared = {
        canonicalize_name(Requirement(wish).name) for wish in project()["project"]["dependencies"]
    }
    homes = importlib.metadata.packages_distributions()
    undeclared = []
    for file in (ROOT / "src").rglob("*.py"):
        names = _imports(ast.parse(file.read_text(encoding="utf-8")))
        beside = {module.stem for module in file.parent.glob("*.py")}  # run as scripts
        for name in names - set(sys.stdlib_module_names) - beside - {"workbench"}:
            owners = {canonicalize_name(owner) for owner in homes.get(name, [name])}
            if not owners & declared:
                undeclared.append(f"{name} in {file.relative_to(ROOT)}")
    assert undeclared == [], "declare these in pyproject.toml, then make lock"


@pytest.fixture
def plain_environment(tmp_path: Path) -> Path:
    """The Python of an environment as conda makes it: nothing in it."""
    folder = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin" / "python"


def test_the_step_after_conda_says_what_it_would_do(plain_environment: Path) -> None:
    command = [str(plain_environment), "nbconfig/setup.py", "--here", "--dry-run"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"--python {plain_environment}" in done.stdout and "pip sync" not in done.stdout


def test_without_an_environment_the_step_refuses() -> None:
    base = Path(sys.base_prefix, "bin", f"python{bootstrap.PYTHON}")
    command = [str(base), "nbconfig/setup.py", "--here", "--dry-run"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no environment is active" in done.stderr


@pytest.mark.full
def test_the_step_after_conda_installs_the_named_versions(plain_environment: Path) -> None:
    command = [str(plain_environment), "nbconfig/setup.py", "--here"]
    subprocess.run(command, cwd=ROOT, check=True)
    pins = locking.pins(ROOT / "nbconfig" / "locks" / "cpu-linux.txt")
    code = "import importlib.metadata as m, json, sys; "
    code += "print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    ask = [str(plain_environment), "-c", code, *CARD]
    have = json.loads(subprocess.run(ask, capture_output=True, text=True, check=True).stdout)
    assert have == {package: pins[package] for package in CARD}
    tool = plain_environment.parent / "workbench"
    assert subprocess.run([str(tool), "--help"], capture_output=True, check=False).returncode == 0


# --- make and CI --------------------------------------------------------------------------------


def test_make_help_lists_the_targets() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in TARGETS:
        assert re.search(rf"^  make {target} +\S", done.stdout, re.MULTILINE), target


def test_make_says_what_is_missing_without_python() -> None:
    command = ["make", "setup", "PYTHON=no-such-python"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "apt install python3" in done.stderr


@pytest.mark.parametrize(
    ("output", "code", "expected", "closing"),
    [
        ("=== 3 passed in 1.02s ===\nbye", 0, 0, "=== 3 passed in 1.02s ==="),
        (
            "=== 1 failed, 2 passed in 1.02s ===\nError 1",
            2,
            2,
            "=== 1 failed, 2 passed in 1.02s ===",
        ),
        ("no test ran", 0, 1, ""),
    ],
)
def test_ci_closes_with_pytests_line(
    tmp_path: Path, output: str, code: int, expected: int, closing: str
) -> None:
    make = tmp_path / "make"
    make.write_text(f"#!/bin/sh\nprintf '%s\\n' '{output}'\nexit {code}\n")
    make.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", ".ci/run"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == expected
    assert done.stdout.splitlines()[-1] == closing


def test_the_pre_commit_hooks_are_what_set_up_installs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in hooks["repos"]] == ["local"]
    entries = [hook["entry"].split()[0] for repo in hooks["repos"] for hook in repo["hooks"]]
    assert all(entry.startswith(".venv/bin/") for entry in entries)
    for entry in entries:
        assert (Path(sys.prefix) / "bin" / Path(entry).name).exists()


def test_jupyterlabs_settings_are_settings_that_it_has() -> None:
    overrides = ROOT / "nbconfig" / "jupyter" / "labconfig" / "default_setting_overrides.json"
    for plugin, values in json.loads(overrides.read_text(encoding="utf-8")).items():
        package, name = plugin.split(":")
        schema = Path(sys.prefix, "share", "jupyter", "lab", "schemas", package, f"{name}.json")
        assert set(values) <= set(json.loads(schema.read_text(encoding="utf-8"))["properties"])
