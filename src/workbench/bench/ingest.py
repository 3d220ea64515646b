"""Ingestion measured: documents per second and memory, and how both grow.

The documents are made here, from word lists with a seed, each its own: notes, pages, mails, tables
and plain text of some 60 to 150 words. Each run is a process of its own, so that its memory is its
own; the model server is outside and counted apart.
"""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from workbench.errors import ServerError
from workbench.settings import settings

Say = Callable[[int, int], None]

PLACES = "Alder Bay,Brant Point,Cull Head,Dunwick,Eskholm,Fenna,Garrow,Hollin Sound,Inner Rusk,Jarl"
THINGS = "crane,gangway,winch,beacon,lifeboat,ticket machine,forklift,pump,radio,fuel line,kiosk"
PEOPLE = "the deck crew,the harbour office,a fitter,the night watch,the agent,the pilot"
STATES = "worn,repaired,out of order,inspected,repainted,replaced,tested,cleaned,locked,on order"
TIMES = "before the first sailing,at noon,after the tide turned,on Friday,overnight"
REASONS = "because of ice,after a complaint,by order of the surveyor,for the season,as a precaution"
SENTENCES = (
    "{Person} found the {thing} at {place} {state} {time}.",
    "The {thing} in store {n} was {state} {reason}; the next check is due in {m} days.",
    "Order {n} for {place} names {m} parts of the {thing} and a price of {k} kr.",
    "{Time}, {person} moved the {thing} from {place} to shed {m}.",
    "Whoever needs the {thing} at {place} asks {person} and signs list {n}.",
    "It was {state} {reason}, and {person} wrote it into the book at {place}.",
)
#: Suffix of a document's file, in turn.
SUFFIXES = (".md", ".html", ".txt", ".eml", ".csv")


def write_documents(folder: Path, count: int, seed: int = 1, first: int = 0) -> list[Path]:
    """Write documents number ``first`` and following; the same numbers and seed give the same."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder, number, seed) for number in range(first, first + count)]


def _write(folder: Path, number: int, seed: int) -> Path:
    rng = random.Random(f"{seed} {number}")
    suffix = SUFFIXES[number % len(SUFFIXES)]
    folder = folder / f"{number // 500:03d}"
    folder.mkdir(exist_ok=True)
    path = folder / f"note-{number:05d}{suffix}"
    title = f"Note {number} on the {rng.choice(THINGS.split(','))}"
    path.write_text(_FORMS[suffix](title, rng), encoding="utf-8")
    return path


def _sentence(rng: random.Random) -> str:
    words = {
        "thing": rng.choice(THINGS.split(",")),
        "place": rng.choice(PLACES.split(",")),
        "person": rng.choice(PEOPLE.split(",")),
        "state": rng.choice(STATES.split(",")),
        "time": rng.choice(TIMES.split(",")),
        "reason": rng.choice(REASONS.split(",")),
        "n": str(rng.randint(1000, 99999)),
        "m": str(rng.randint(2, 60)),
        "k": str(rng.randint(100, 9900)),
    }
    words |= {name.capitalize(): _upper(words[name]) for name in ("person", "time")}
    return rng.choice(SENTENCES).format(**words)


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def _paragraphs(rng: random.Random) -> list[str]:
    return [" ".join(_sentence(rng) for _ in range(rng.randint(2, 4))) for _ in range(2)]


def _markdown(title: str, rng: random.Random) -> str:
    first, second = _paragraphs(rng)
    return f"# {title}\n\n{first}\n\n{second}\n"


def _html(title: str, rng: random.Random) -> str:
    said = "".join(f"<p>{text}</p>" for text in _paragraphs(rng))
    return f"<html><body><nav>Start</nav><main><h1>{title}</h1>{said}</main></body></html>"


def _text(title: str, rng: random.Random) -> str:
    return "\n\n".join([title, *_paragraphs(rng)]) + "\n"


def _mail(title: str, rng: random.Random) -> str:
    mail = EmailMessage()
    mail["From"], mail["To"] = "Ada Reed <ada@example.org>", "Store <store@example.org>"
    mail["Subject"], mail["Date"] = title, "Mon, 02 Mar 2026 08:00:00 +0000"
    mail.set_content("\n\n".join(_paragraphs(rng)))
    return mail.as_string()


def _csv(title: str, rng: random.Random) -> str:
    rows = [
        f"{rng.choice(THINGS.split(','))};{rng.choice(PLACES.split(','))};{rng.randint(1, 9999)}"
        for _ in range(rng.randint(8, 16))
    ]
    return "\n".join([f"part;{title};order", *rows]) + "\n"


_FORMS: dict[str, Callable[[str, random.Random], str]] = {
    ".md": _markdown,
    ".html": _html,
    ".txt": _text,
    ".eml": _mail,
    ".csv": _csv,
}


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


def growth(rows: list[dict[str, Any]]) -> dict[str, float]:
    """From the smallest to the largest size: exponents of time (1 is linear) and of memory."""
    low, high = rows[0], rows[-1]
    if low["documents"] == high["documents"]:
        return {}
    times = math.log(high["documents"] / low["documents"])
    return {
        "time_exponent": round(math.log(high["seconds"] / low["seconds"]) / times, 3),
        "memory_exponent": round(math.log(high["peak_mb"] / low["peak_mb"]) / times, 3),
        "memory_kb_per_document": round(
            1024 * (high["peak_mb"] - low["peak_mb"]) / (high["documents"] - low["documents"]), 1
        ),
    }


def server_memory() -> int:
    """Resident bytes of the embedded server and its models; 0 where another Ollama serves."""
    import psutil

    from workbench.llm import daemon

    process = daemon._process(daemon._record())
    try:
        family = [process, *process.children(recursive=True)] if process else []
        return sum(member.memory_info().rss for member in family)
    except psutil.Error:
        return 0


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
