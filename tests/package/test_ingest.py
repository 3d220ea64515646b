"""Ingestion: only what is new, killed and gone on with, evil files, and what an index remembers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from fake_ollama import FakeOllama

from workbench import retrieval
from workbench.bench import generated
from workbench.bench import ingest as bench
from workbench.chunking import Chunk
from workbench.errors import BadInput, MissingPiece, ServerError
from workbench.retrieval import ingest as ingestion
from workbench.retrieval import reader, store
from workbench.retrieval.ingest import Report, ingest
from workbench.retrieval.reader import Job, Reading
from workbench.retrieval.store import MANIFEST


class Here:
    """Reads in this very process, and keeps what it was asked for."""

    asked: list[str]

    def __init__(self, workers: int, seconds: float) -> None:
        pass

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def each(self, jobs: Iterable[Job], idle: Callable[[], None]) -> Iterator[tuple[Job, Reading]]:
        for job in jobs:
            Here.asked.append(job.name)
            yield job, reader.reading(job)


@pytest.fixture
def ollama(monkeypatch) -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield server


@pytest.fixture
def here(monkeypatch) -> type[Here]:
    Here.asked = []
    monkeypatch.setattr(ingestion, "Readers", Here)
    return Here


@pytest.fixture
def docs(tmp_path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, text in {"pets": "Dogs travel free.", "fares": "A car costs 90 kr."}.items():
        (folder / f"{name}.md").write_text(f"# {name.title()}\n\n{text}\n")
    (folder / "stores.csv").write_text("part,shed\nwinch,4\npump,7\n")
    return folder


def run(docs: Path, **options) -> Report:
    return ingest(docs, docs.with_name("index"), **options)


def stored(docs: Path) -> dict[str, str]:
    kept = store.collection(docs.with_name("index"), "all-minilm").get()
    return dict(zip(kept["ids"], kept["documents"], strict=True))


def test_a_folder_is_indexed_and_counted(ollama, here, docs):
    report = run(docs)
    assert report.kinds == {"markdown": 2, "csv": 1} and report.documents == 3
    assert report.changes == retrieval.Changes(added=3)
    assert (report.read, report.embedded, report.skipped) == (3, 3, [])
    assert set(stored(docs)) == {"fares#1", "pets#1", "stores#1"}
    assert len(retrieval.open(report.path).search("winch shed")) == 3


def test_what_has_not_changed_is_neither_opened_nor_embedded(ollama, here, docs, monkeypatch):
    run(docs)
    here.asked.clear()
    ollama.embedded.clear()
    monkeypatch.setattr(ingestion, "sha256", lambda file: pytest.fail("opened"))
    report = run(docs)
    assert here.asked == ollama.embedded == [] and report.read == 0
    assert report.changes == retrieval.Changes(unchanged=3)


def test_a_touched_file_is_known_by_its_content(ollama, here, docs):
    run(docs)
    here.asked.clear()
    os.utime(docs / "pets.md", (1, 1))
    assert run(docs).read == 0 and here.asked == []


def test_a_change_that_keeps_size_and_time_is_seen(ollama, here, docs):
    run(docs)
    file = docs / "pets.md"
    before = file.stat()
    file.write_text(file.read_text().replace("free", "FREE"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run(docs).changes.changed == 1 and "FREE" in stored(docs)["pets#1"]


def test_only_the_changed_passage_of_a_document_is_embedded(ollama, here, docs):
    parts = [f"## Part {n}\n\n{'Words of it. ' * 40}{n}" for n in range(6)]
    (docs / "long.md").write_text("# Long\n\n" + "\n\n".join(parts))
    run(docs)
    ollama.embedded.clear()
    (docs / "long.md").write_text("# Long\n\n" + "\n\n".join([*parts[:2], "## New\n\nOther."]))
    report = run(docs)
    assert len(ollama.embedded) == report.embedded == 1
    assert report.changes == retrieval.Changes(changed=1, removed=3, unchanged=5)


def test_deleted_files_lose_their_passages(ollama, here, docs):
    run(docs)
    (docs / "pets.md").unlink()
    report = run(docs)
    assert report.changes.removed == 1 and "pets#1" not in stored(docs)
    assert report.kinds == {"markdown": 1, "csv": 1} and report.embedded == 0


def test_renamed_files_move_and_are_not_embedded_again(ollama, here, docs):
    run(docs)
    ollama.embedded.clear()
    (docs / "sub").mkdir()
    (docs / "pets.md").rename(docs / "sub" / "animals.md")
    report = run(docs)
    assert set(stored(docs)) == {"fares#1", "sub/animals#1", "stores#1"}
    assert ollama.embedded == [] and (report.changes.added, report.changes.removed) == (1, 1)


def test_a_second_file_of_one_name_renames_the_first(ollama, here, docs):
    run(docs)
    (docs / "pets.txt").write_text("Cats too.")
    run(docs)
    assert set(stored(docs)) == {"fares#1", "pets.md#1", "pets.txt#1", "stores#1"}


def test_other_chunking_reads_all_and_embeds_what_differs(ollama, here, docs):
    (docs / "long.txt").write_text("One two three four. " * 100)
    run(docs)
    ollama.embedded.clear()
    report = run(docs, cut={"size": 100})
    assert report.read == 4 and 0 < len(ollama.embedded) < len(stored(docs))


def test_another_embedding_model_makes_it_anew(ollama, here, docs):
    run(docs)
    report = run(docs, embed_model="other-minilm")
    assert report.embedded == 3 and report.changes.added == 3
    assert retrieval.open(report.path).embed_model == "other-minilm"


def test_other_reading_code_reads_all_again_and_embeds_nothing(ollama, here, docs, monkeypatch):
    run(docs)
    monkeypatch.setattr(ingestion, "_code", lambda: "another version")
    report = run(docs)
    assert (report.read, report.embedded) == (3, 0)


def test_what_supersedes_what_stays_right_when_one_file_changes(ollama, here, docs):
    def about(name: str) -> str | None:
        kept = store.collection(docs.with_name("index"), "all-minilm").get(ids=[f"{name}#1"])
        return kept["metadatas"][0].get("superseded_by")

    assert run(docs).changes == retrieval.Changes(added=3) and about("pets") is None
    ollama.embedded.clear()
    (docs / "rules.md").write_text("---\nsupersedes: pets\n---\n# Rules\n\nDogs pay.\n")
    report = run(docs)
    assert about("pets") == "rules" and about("fares") is None
    assert report.changes == retrieval.Changes(added=1, changed=1, unchanged=2)
    assert len(ollama.embedded) == 1
    (docs / "rules.md").unlink()
    run(docs)
    assert about("pets") is None and len(ollama.embedded) == 1
    assert run(docs).read == 0


def test_a_first_run_knows_what_supersedes_what(ollama, here, docs):
    (docs / "rules.md").write_text("---\nsupersedes: pets\n---\n# Rules\n\nDogs pay.\n")
    report = run(docs)
    assert report.changes == retrieval.Changes(added=4) and report.embedded == 4
    [hit] = retrieval.open(report.path).search("dogs", k=1, where={"document": "pets"})
    assert hit.chunk.metadata["superseded_by"] == "rules"


def test_vanished_metadata_is_taken_out(ollama, here, docs):
    (docs / "pets.md").write_text("---\nstatus: draft\n---\n# Pets\n\nDogs.\n")
    report = run(docs)
    (docs / "pets.md").write_text("# Pets\n\nDogs.\n")
    run(docs)
    assert retrieval.open(report.path).search("dogs", where={"status": "draft"}) == []


def test_files_left_out_are_told_each_time_and_retried_on_demand(ollama, docs, here):
    (docs / "photo.jpg").write_bytes(b"x")
    (docs / "broken.pdf").write_bytes(b"PK")
    for told in ([], []):
        report = run(docs, on_skip=lambda path, why, told=told: told.append(path.name))
        assert sorted(told) == ["broken.pdf", "photo.jpg"]
        assert [path.name for path, _ in report.skipped] == sorted(told)
    assert here.asked.count("broken") == 1


def test_a_file_that_turns_unreadable_leaves_the_index(ollama, here, docs):
    run(docs)
    (docs / "pets.md").write_bytes(b"\0\0")
    report = run(docs)
    assert "pets#1" not in stored(docs) and "not text" in report.skipped[0][1]


def test_a_folder_in_which_nothing_is_left_keeps_its_index(ollama, here, docs):
    report = run(docs)
    for file in docs.iterdir():
        file.unlink()
    with pytest.raises(BadInput, match="no document to read"):
        run(docs)
    (docs / "pets.md").write_bytes(b"\0\0")
    with pytest.raises(BadInput, match="not text"):
        run(docs)
    assert len(retrieval.open(report.path)) == 3
    with pytest.raises(BadInput, match="there is no folder"):
        ingest(docs / "none", docs / "index-none")
    assert not (docs / "index-none").exists()


def test_a_run_that_is_stopped_keeps_what_was_embedded(ollama, here, docs, monkeypatch):
    monkeypatch.setattr(store, "BATCH", 2)
    for n in range(20):
        (docs / f"n{n:02d}.txt").write_text(f"Number {n}.")

    def stop(done: int, total: int) -> None:
        assert total == 23
        if done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(docs, progress=stop)
    kept = len(stored(docs))
    assert kept >= 10
    with pytest.raises(MissingPiece, match="not finished"):
        retrieval.open(docs.with_name("index"))
    ollama.embedded.clear()
    report = run(docs)
    assert len(ollama.embedded) == 23 - kept and len(stored(docs)) == 23
    assert run(docs).changes == retrieval.Changes(unchanged=23)
    assert report.changes.unchanged == kept


def test_a_batch_that_was_kept_and_not_written_down_is_found_again(ollama, here, docs):
    """As where the process dies between the two."""
    report = run(docs)
    for file in report.path.glob(f"{MANIFEST}*"):
        file.unlink()
    (report.path / store.MARK).unlink()
    ollama.embedded.clear()
    assert run(docs).read == 3 and ollama.embedded == []


@pytest.mark.parametrize("damage", [b"no database", b""])
def test_a_broken_manifest_is_made_anew(ollama, here, docs, damage):
    report = run(docs)
    for file in report.path.glob(f"{MANIFEST}*"):
        file.unlink()
    (report.path / MANIFEST).write_bytes(damage)
    assert run(docs).embedded == 0


def test_an_index_made_of_chunks_is_taken_over(ollama, here, docs):
    retrieval.index([Chunk("old#1", "old", "Old.", {})], docs.with_name("index"))
    assert run(docs).changes == retrieval.Changes(added=3, removed=1)


def test_single_documents_go_in_and_out_without_a_rebuild(ollama, here, docs):
    run(docs)
    index = retrieval.open(docs.with_name("index"))
    index.search("car")
    ollama.embedded.clear()
    new = [Chunk(f"pets#{n}", "pets", f"Cats pay {n} kr.", {"kind": "text"}) for n in (1, 2)]
    assert index.upsert(new) == retrieval.Changes(added=1, changed=1)
    assert len(index) == 4 and len(ollama.embedded) == 2
    assert index.search("cats pay 2", k=1)[0].chunk.id == "pets#2"
    assert index.delete("fares") == 1 and index.delete("fares") == 0 and len(index) == 3
    assert "fares" not in {hit.chunk.document for hit in index.search("car costs", k=9)}
    assert len(retrieval.open(index.path)) == 3
    run(docs)  # the folder is what counts
    assert set(stored(docs)) == {"fares#1", "pets#1", "stores#1"}


def test_names_and_texts_of_any_kind(ollama, here, tmp_path):
    folder = tmp_path / "dócs 😀"
    folder.mkdir()
    names = ["with space.txt", "é.txt", "😀.txt", "line\nbreak.txt", "#1.txt", "'quote\".txt"]
    for n, name in enumerate(names):
        (folder / name).write_text(f"Text {n} \u2028 \x0b with \x07 odd marks 😀.")
    report = run(folder)
    assert report.documents == len(names) and report.skipped == []
    assert run(folder).read == 0


def test_no_permission_and_vanished_files_are_skipped(ollama, here, docs, monkeypatch):
    real = Path.read_bytes

    def read(path: Path) -> bytes:
        if path.name == "pets.md":
            raise PermissionError(13, "Permission denied")
        if path.name == "fares.md":
            path.unlink()
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    reasons = {path.name: why for path, why in run(docs).skipped}
    assert reasons == {
        "pets.md": "cannot be opened (Permission denied)",
        "fares.md": "cannot be opened (No such file or directory)",
    }


def test_a_large_text_is_not_read(ollama, here, docs):
    with (docs / "dump.txt").open("wb") as file:
        file.truncate(200 * 2**20)
    report = run(docs)
    assert report.skipped[0][1] == "larger than 20 MB" and "dump" not in here.asked


def test_a_second_run_waits_and_says_so(ollama, here, docs, capsys):
    release = threading.Event()
    index = docs.with_name("index")

    def hold() -> None:
        with store.alone(index):
            release.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    while not index.with_name("index.lock").exists():
        time.sleep(0.01)
    threading.Timer(0.5, release.set).start()
    assert run(docs).documents == 3
    holder.join()
    assert "another run is at work" in capsys.readouterr().err


EVIL = """
import os, sys, time
from workbench import chunking, corpus
from workbench.chunking import Chunk
chunking.split = lambda some, **cut: [Chunk(f"{d.id}#1", d.id, d.text, {}) for d in some]
real = corpus.read
def read(path, name, data=None):
    print("noise on standard output")
    if path.name == "hangs.md":
        time.sleep(600)
    if path.name == "dies.md":
        os._exit(7)
    if path.name == "swells.md":
        raise MemoryError
    return real(path, name, data)
corpus.read = read
from workbench.retrieval import reader
reader.main()
"""


def test_a_file_that_hangs_or_kills_its_reader_costs_itself_alone(
    ollama, docs, tmp_path, monkeypatch
):
    for name in ("hangs", "dies", "swells"):
        (docs / f"{name}.md").write_text(f"# {name}\n")
    script = tmp_path / "evil.py"
    script.write_text(EVIL)
    start = subprocess.Popen

    def popen(command: list[str], **options) -> subprocess.Popen:
        return start([command[0], str(script), *command[3:]], **options)

    monkeypatch.setattr(reader.subprocess, "Popen", popen)
    report = run(docs, seconds=5)
    assert report.documents == 3
    reasons = {path.stem: why for path, why in report.skipped}
    assert "given up after 5 s" in reasons["hangs"]
    assert "broke down (exit 7)" in reasons["dies"] and "too much" in reasons["swells"]


CHILD = """
import sys
from workbench.retrieval import store
from workbench.retrieval.ingest import ingest
store.BATCH = 2
ingest(sys.argv[1], sys.argv[2], progress=lambda done, total: print(done, flush=True))
"""


def test_sigkill_half_way_loses_nothing_that_was_kept(ollama, tmp_path, here):
    docs = tmp_path / "docs"
    generated.write_documents(docs, 19)
    command = [sys.executable, "-c", CHILD, str(docs), str(tmp_path / "index")]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if int(line) >= 8:
            child.send_signal(signal.SIGKILL)
            break
    child.wait()
    kept = len(stored(docs))
    assert kept >= 8
    ollama.embedded.clear()
    report = run(docs)
    assert len(ollama.embedded) == report.embedded == report.changes.added
    assert report.changes.unchanged == kept and report.documents == 19
    assert len(ollama.embedded) == len(stored(docs)) - kept


def test_generated_documents_are_distinct_and_come_back_the_same(tmp_path):
    first = generated.write_documents(tmp_path / "a", 50)
    again = generated.write_documents(tmp_path / "b", 50)
    texts = [path.read_text() for path in first]
    assert len(set(texts)) == 50 and texts == [path.read_text() for path in again]
    assert {path.suffix for path in first} == set(generated.SUFFIXES)


def test_growth_is_an_exponent():
    rows = [
        {"documents": 100, "seconds": 1.0, "peak_mb": 100, "cpu_seconds_without_server": 2},
        {"documents": 10000, "seconds": 100.0, "peak_mb": 100, "cpu_seconds_without_server": 20},
    ]
    assert bench.growth(rows) == {
        "time_exponent": 1.0,
        "cpu_exponent": 0.5,
        "memory_exponent": 0.0,
        "memory_kb_per_document": 0.0,
    }


def test_a_server_that_fails_once_is_asked_again(ollama, here, docs, monkeypatch):
    monkeypatch.setattr(store, "PATIENCE", (0.0,))
    real, failures = store.Embedder._asked, [ServerError("gone"), ServerError("gone")]

    def asked(self: store.Embedder, texts: list[str]) -> list[list[float]]:
        if failures:
            raise failures.pop()
        return real(self, texts)

    monkeypatch.setattr(store.Embedder, "_asked", asked)
    with pytest.raises(ServerError):
        run(docs)
    assert run(docs).documents == 3
