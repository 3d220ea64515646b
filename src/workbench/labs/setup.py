"""A tool lab's own environment, made from its lock as the course's is: by hash, with uv.

``.venv-labs/NAME`` gets what ``requirements.lock`` names, sees this package without installing it,
and is offered as a kernel. A stamp written last says that all of it was done.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from workbench.errors import BadInput, MissingPiece
from workbench.labs.tools import LOCK, ToolLab
from workbench.settings import settings

STAMP = ".workbench-lab"
AGAIN = "run the same command again: nothing is downloaded twice"


def state(lab: ToolLab) -> str:
    """``ready``, ``changed`` (another lock) or ``missing`` (never finished, or moved)."""
    have, want = _stamp(lab), _wanted(lab)
    if not _python(lab).exists() or have.get("place") != want["place"]:
        return "missing"
    return "ready" if have == want and _kernel_file(lab).is_file() else "changed"


def make(lab: ToolLab, force: bool = False, say=print) -> bool:
    """Bring the lab's environment to what its lock says; False where it was so already.

    Raises BadInput for a lab that has none of its own, MissingPiece where uv or a package cannot be
    had. Stopped at any moment, it is done again from where it was.
    """
    if lab.lock is None:
        fix = f"run it as it is: workbench labs run {lab.name}"
        raise BadInput(f"the lab {lab.name} uses the course's own environment", fix)
    with _one_at_a_time(lab):
        if not force and state(lab) == "ready":
            return False
        _make(lab, "missing" if force else state(lab), say)
    return True


def _make(lab: ToolLab, now: str, say) -> None:
    installer = _installer()
    try:
        uv, env = installer.find_uv(settings().root), installer.environment()
    except installer.SetupError as error:
        raise MissingPiece(str(error)) from None
    with contextlib.suppress(FileNotFoundError):
        (lab.environment / STAMP).unlink()
    say(f"Setting up {_short(lab.environment)} from {_short(lab.lock)}.")
    place, python = str(lab.environment), str(_python(lab))
    if now == "missing":
        _uv(uv, env, "venv", "--quiet", "--clear", "--python", sys.executable, place)
    install = ["--python", python, "--require-hashes"]
    _uv(uv, env, "pip", "sync", str(lab.lock), *install)
    _show_package(lab)
    _register(lab)
    _write(lab.environment / STAMP, json.dumps(_wanted(lab), indent=1))
    say(f"The kernel {lab.kernel} is ready. Next: workbench labs run {lab.name}")


def _uv(uv: str, env: dict[str, str], *arguments: str) -> None:
    """One uv command; Ctrl-C reaches it as it reaches this process, and both end."""
    done = subprocess.run([uv, *arguments], cwd=settings().root, env=env, stdout=2, check=False)
    if done.returncode != 0:
        raise MissingPiece(
            f"uv {' '.join(arguments[:2])} did not succeed",
            f"see the lines above (is there a network?); then {AGAIN}",
        )


def _show_package(lab: ToolLab) -> None:
    """Let the environment import this package from its source; its libraries come by the lock."""
    (folder,) = sorted((lab.environment / "lib").glob("python3*/site-packages"))[:1]
    _write(folder / "workbench.pth", str(Path(__file__).resolve().parents[2]) + "\n")


def _register(lab: ToolLab) -> None:
    """A kernel of the lab's own Python, where this environment's Jupyter looks for kernels."""
    spec = {
        "argv": [str(_python(lab)), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": f"Lab: {lab.name}",
        "language": "python",
        "metadata": {"debugger": False},
        "env": {"WORKBENCH_ROOT": str(settings().root)},
    }
    _write(_kernel_file(lab), json.dumps(spec, indent=1))


def remove(lab: ToolLab) -> None:
    """Remove the lab's environment and kernel."""
    shutil.rmtree(_kernel_file(lab).parent, ignore_errors=True)
    shutil.rmtree(lab.environment, ignore_errors=True)


# --- where things are ---------------------------------------------------------------------------


def _python(lab: ToolLab) -> Path:
    return lab.environment / "bin" / "python"


def _kernel_file(lab: ToolLab) -> Path:
    kernel = f"workbench-lab-{lab.name}"
    return Path(sys.prefix) / "share" / "jupyter" / "kernels" / kernel / "kernel.json"


def _short(path: Path) -> str:
    root = settings().root
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _wanted(lab: ToolLab) -> dict[str, str]:
    import hashlib

    lock = lab.folder / LOCK
    return {
        "lock_sha256": hashlib.sha256(lock.read_bytes()).hexdigest(),
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "place": str(lab.environment),
    }


def _stamp(lab: ToolLab) -> dict[str, str]:
    try:
        kept = json.loads((lab.environment / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


@contextlib.contextmanager
def _one_at_a_time(lab: ToolLab):
    from filelock import FileLock

    folder = lab.environment.parent
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / ".gitignore", "*\n")
    with FileLock(folder / f"{lab.name}.lock"):
        yield


def _installer() -> ModuleType:
    """``nbconfig/installer.py``, which finds uv and hands it pip's settings."""
    path = settings().nbconfig / "installer.py"
    if not path.is_file():
        raise MissingPiece(f"there is no {path}", "run this inside the working copy")
    spec = importlib.util.spec_from_file_location("workbench_installer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
