"""Ingestion measured: documents per second and memory, and how both grow.

The documents are generated (``bench.generated``). Each run is a process of its own, so that its
memory is its own; the model server is outside and counted apart.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from workbench.bench.generated import mixed_folder, write_documents
from workbench.errors import ServerError
from workbench.settings import settings

__all__ = ["Child", "Live", "killed_and_gone_on_with", "measure", "mixed_folder", "write_documents"]

Say = Callable[[int, int], None]


class Child:
    """An ingestion in a process of its own; ``peak`` is its tree's resident memory in bytes."""

    def __init__(self, folder: Path, path: Path, workers: int = 2) -> None:
        import psutil

        command = [sys.executable, "-m", "workbench.bench.ingest_child"]
        self._process = subprocess.Popen(
            [*command, str(folder), str(path), str(workers)],
            stdout=subprocess.PIPE,
            text=True,
        )
        self._tree = psutil.Process(self._process.pid)
        self.peak = 0
        self.peak_alone = 0

    def run(self, say: Say, stop_at: int | None = None) -> dict[str, Any]:
        """Wait for the report; with ``stop_at`` kill it (no warning) after so many files."""
        import threading

        watch, ended = threading.Event(), {}
        sampler = threading.Thread(target=self._sample, args=(watch,), daemon=True)
        sampler.start()
        try:
            for line in self._process.stdout:
                ended = json.loads(line)
                if "done" not in ended:
                    break
                say(ended["done"], ended["total"])
                if stop_at and ended["done"] >= stop_at:
                    break
        finally:
            watch.set()
            self.kill() if stop_at else self._process.wait()
            sampler.join()
        if not stop_at and "seconds" not in ended:
            raise ServerError("the ingestion did not end well", "see what it said above")
        return ended

    def _sample(self, watch: Any) -> None:
        import psutil

        while not watch.wait(0.1):
            try:
                alone = self._tree.memory_info().rss
                readers = sum(p.memory_info().rss for p in self._tree.children(recursive=True))
            except psutil.Error:
                continue
            self.peak, self.peak_alone = (
                max(self.peak, alone + readers),
                max(self.peak_alone, alone),
            )

    def kill(self) -> None:
        """SIGKILL to the process alone; its readers notice by themselves."""
        self._process.kill()
        self._process.wait()


def measure(sizes: list[int], say: Callable[[str], Say], workers: int = 2) -> dict[str, Any]:
    """All sizes: a first run, one with nothing changed, one with 1 % changed; then a killed run.

    ``say`` gets what is being measured and gives a function for files done and to do.
    """
    with tempfile.TemporaryDirectory() as room:
        _warm_up(Path(room), say)
        rows = [_one_size(Path(room), size, workers, say) for size in sizes]
        killed = _killed(Path(room), min(sorted(sizes)[-1], 1000), say)
    return {
        "n": max(sizes),
        "workers": workers,
        "sizes": rows,
        "growth": growth(rows),
        "killed": killed,
        "memory": "resident set of the ingesting process and its readers; the model server apart",
    }


def _warm_up(room: Path, say: Callable[[str], Say]) -> None:
    write_documents(room / "warm", 40, seed=0)
    Child(room / "warm", room / "index-warm").run(say("warming up"))


def _one_size(room: Path, size: int, workers: int, say: Callable[[str], Say]) -> dict[str, Any]:
    folder, path = room / f"docs-{size}", room / f"index-{size}"
    paths = write_documents(folder, size)
    first, child = _timed(folder, path, workers, say(f"{size} documents"))
    server = server_memory()
    again, second = _timed(folder, path, workers, say(f"{size}, nothing changed"))
    some = paths[:: max(1, size // max(1, size // 100))][: max(1, size // 100)]
    for file in some:
        file.write_text(file.read_text("utf-8").replace("Note", "Changed note"), "utf-8")
    changed, third = _timed(folder, path, workers, say(f"{size}, {len(some)} changed"))
    return {
        "documents": size,
        "passages": first["passages"],
        "seconds": first["seconds"],
        "documents_per_second": round(size / first["seconds"], 2),
        "cpu_seconds_without_server": first["cpu_seconds"],
        "peak_mb": child.peak // 2**20,
        "peak_without_readers_mb": child.peak_alone // 2**20,
        "server_mb": server // 2**20,
        "index_mb": round(sum(f.stat().st_size for f in path.rglob("*")) / 2**20, 1),
        "again": _short(again, second),
        "changed": {"documents": len(some), **_short(changed, third)},
    }


def _timed(folder: Path, path: Path, workers: int, say: Say) -> tuple[dict[str, Any], Child]:
    child = Child(folder, path, workers)
    return child.run(say), child


def _short(result: dict[str, Any], child: Child) -> dict[str, Any]:
    kept = {name: result[name] for name in ("seconds", "read", "embedded")}
    return {**kept, "peak_mb": child.peak // 2**20}


def _killed(room: Path, size: int, say: Callable[[str], Say]) -> dict[str, Any]:
    """A run killed half way, then gone on with: what was kept is not embedded again."""
    from workbench.retrieval import store

    folder, path = room / "docs-killed", room / "index-killed"
    write_documents(folder, size, seed=2)
    at = Child(folder, path).run(say(f"{size}, killed half way"), stop_at=size // 2)
    kept = store.collection(path, "all-minilm").count()
    rest = Child(folder, path).run(say(f"{size}, gone on with"))
    return {
        "documents": size,
        "killed_after_documents": at["done"],
        "passages_kept": kept,
        "passages_embedded_after": rest["embedded"],
        "passages": rest["passages"],
        "finished_passages_lost": kept + rest["embedded"] - rest["passages"],
        "seconds_after": rest["seconds"],
    }


@dataclass(frozen=True)
class Live:
    """Three runs over one folder: a row for each, what each had kept when, and what was lost.

    ``runs``: name -> (seconds, documents in the index); ``kept``: chunks that the killed run left;
    ``lost``: chunks of these that were embedded again.
    """

    rows: list[dict[str, Any]]
    runs: dict[str, list[tuple[float, int]]]
    kept: int
    lost: int


def killed_and_gone_on_with(folder: Path, path: Path, changes: list[Path]) -> Live:
    """Index a folder in a process that is killed half way, go on, change some files, run again."""
    from workbench.retrieval import store
    from workbench.retrieval.ingest import ingest

    runs: dict[str, list[tuple[float, int]]] = {}
    total = sum(1 for file in folder.rglob("*") if file.is_file())
    first = _watched(runs, "killed half way")
    Child(folder, path).run(first, stop_at=total // 2)
    kept = store.collection(path, "all-minilm").count()
    rest = ingest(folder, path, progress=_watched(runs, "gone on with", before=total))
    for file in changes:
        file.write_text(file.read_text("utf-8").replace("Note", "Changed note"), "utf-8")
    last = ingest(folder, path, progress=_watched(runs, "after changes", before=total))
    rows = [{"run": "1, killed half way", "files read": runs["killed half way"][-1][1]}]
    rows[0] |= {"chunks embedded": kept, "seconds": round(runs["killed half way"][-1][0], 1)}
    for name, report in (("2, gone on with", rest), ("3, after changes", last)):
        about = {"files read": report.read, "chunks embedded": report.embedded}
        rows.append({"run": name, **about, "seconds": round(report.seconds, 1)})
    return Live(rows, runs, kept, max(0, kept + rest.embedded - len_of(rest)))


def len_of(report: Any) -> int:
    """Passages in the index after a run."""
    return report.changes.added + report.changes.changed + report.changes.unchanged


def _watched(runs: dict[str, list[tuple[float, int]]], name: str, before: int = 0) -> Say:
    """Writes down when how many documents were in the index; ``before``: of so many in all."""
    began = time.monotonic()
    points: list[tuple[float, int]] = []
    runs[name] = points

    def say(done: int, total: int) -> None:
        there = before - total if before else 0
        if not points:
            points.append((0.0, there))
        points.append((time.monotonic() - began, there + done))

    return say


def growth(rows: list[dict[str, Any]]) -> dict[str, float]:
    """From the smallest to the largest size: exponents, 1 being linear, of time and of memory.

    ``cpu``: processor time of the ingesting processes alone, which other work on the machine and
    the model server leave as it is; the start of the processes is in it.
    """
    low, high = rows[0], rows[-1]
    if low["documents"] == high["documents"]:
        return {}
    times = math.log(high["documents"] / low["documents"])
    return {
        "time_exponent": round(math.log(high["seconds"] / low["seconds"]) / times, 3),
        "cpu_exponent": round(math.log(_cpu(high) / _cpu(low)) / times, 3),
        "memory_exponent": round(math.log(high["peak_mb"] / low["peak_mb"]) / times, 3),
        "memory_kb_per_document": round(
            1024 * (high["peak_mb"] - low["peak_mb"]) / (high["documents"] - low["documents"]), 1
        ),
    }


def _cpu(row: dict[str, Any]) -> float:
    return row["cpu_seconds_without_server"]


def server_memory(model: str = "all-minilm") -> int:
    """Resident bytes of the process that serves a model, as its server tells; else its size."""
    import httpx

    from workbench.llm import client

    loaded = httpx.get(f"{client.host()}/api/ps", timeout=30, trust_env=False).json()["models"]
    found = [one for one in loaded if one["name"].split(":")[0] == model]
    return sum(int(one.get("resident") or one.get("size") or 0) for one in found)


def keep(result: dict[str, Any], command: str, seconds: float) -> Path:
    """Keep a result as docs/results/ingest.json."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    root = settings().root
    commit = subprocess.run(asked, cwd=root, capture_output=True, text=True, check=False).stdout
    about = {
        "command": command,
        "commit": commit.strip(),
        "date": date.today().isoformat(),
        "machine": "two cores of an AMD EPYC",
        "minutes": round(seconds / 60, 1),
    }
    path = root / "docs" / "results" / "ingest.json"
    part = path.with_suffix(".json.part")
    part.write_text(json.dumps({**about, **result}, indent=1) + "\n", encoding="utf-8")
    part.replace(path)
    return path


def kept() -> dict[str, Any]:
    """The kept result."""
    return json.loads((settings().root / "docs" / "results" / "ingest.json").read_text("utf-8"))


def clock() -> float:
    return time.monotonic()
