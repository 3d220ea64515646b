"""Where things live, read from the environment at each call."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

#: Switches off the usage reporting of every library that has it; set by :func:`quiet`.
NO_USAGE_REPORTS = {
    "DO_NOT_TRACK": "1",
    "ANONYMIZED_TELEMETRY": "False",  # chromadb
    "CHROMA_OTEL_COLLECTION_ENDPOINT": "",
    "DEEPEVAL_TELEMETRY_OPT_OUT": "YES",
    "DEEPEVAL_UPDATE_WARNING_OPT_OUT": "YES",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PHOENIX_TELEMETRY_ENABLED": "false",
    "RAGAS_DO_NOT_TRACK": "true",
    "SCARF_NO_ANALYTICS": "true",  # unstructured
    "UNSLOTH_DISABLE_STATISTICS": "1",
    "VLLM_NO_USAGE_STATS": "1",
}
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Settings:
    """The folders of this working copy and of this user."""

    root: Path
    cache: Path
    state: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def notebooks(self) -> Path:
        return self.root / "notebooks"

    @property
    def nbconfig(self) -> Path:
        return self.root / "nbconfig"

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def models(self) -> Path:
        """The model store: one per user, shared by all working copies."""
        return self.cache / "models"


def settings() -> Settings:
    """Folders as the environment has them now; nothing is created.

    ``WORKBENCH_ROOT`` names the working copy, else it is the nearest folder upwards that has an
    ``nbconfig`` folder, else the one this package is installed from. ``WORKBENCH_HOME`` moves the
    user's cache and state folders.
    """
    home = os.environ.get("WORKBENCH_HOME")
    if home:
        cache, state = Path(home) / "cache", Path(home) / "state"
    else:
        cache = platformdirs.user_cache_path("llmops-workbench")
        state = platformdirs.user_state_path("llmops-workbench")
    return Settings(root=_root(), cache=cache, state=state)


def _root() -> Path:
    named = os.environ.get("WORKBENCH_ROOT")
    if named:
        return Path(named).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "nbconfig").is_dir() and (folder / "notebooks").is_dir():
            return folder
    return Path(__file__).resolve().parents[2]


def quiet(environ: dict[str, str] | None = None) -> None:
    """Switch off usage reports, keep proxies away from loopback; children inherit both."""
    env = os.environ if environ is None else environ
    for name, value in NO_USAGE_REPORTS.items():
        env.setdefault(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        have = [part for part in env.get(name, "").split(",") if part]
        env[name] = ",".join(have + [h for h in LOOPBACK if h not in have])
