"""The index: fused search, incremental, killed and completed, and safe to give anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fake_ollama import FakeOllama

from workbench import retrieval
from workbench.chunking import Chunk
from workbench.errors import BadInput, MissingPiece
from workbench.retrieval.framework import fuse

TEXTS = {
    "pets": "Dogs travel free on the open deck, on a lead.",
    "fares": "An adult pays 120 kr and a child under 7 travels free.",
    "storm": "In a storm the ferry waits in harbour and tickets are refunded.",
    "bikes": "A bicycle costs 40 kr; electric bicycles go on the car deck.",
    "berths": "Boats for Fulmar leave from berth 5, boats for Eider from berth B.",
}


def chunks(**changes: str) -> list[Chunk]:
    texts = TEXTS | changes
    return [
        Chunk(f"{name}#1", name, text, {"title": name.title(), "kind": "html" if i % 2 else "pdf"})
        for i, (name, text) in enumerate(texts.items())
    ]


@pytest.fixture
def ollama(monkeypatch) -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield server


@pytest.fixture
def index(ollama, tmp_path) -> retrieval.Retriever:
    return retrieval.index(chunks(), tmp_path / "index")


def documents(hits: list[retrieval.Hit]) -> list[str]:
    return [hit.chunk.document for hit in hits]


def test_search_finds_and_ranks(index):
    hits = index.search("May dogs travel on deck?", k=3)
    assert hits[0].chunk.document == "pets" and hits[0].chunk.text == TEXTS["pets"]
    assert [h.rank for h in hits] == [1, 2, 3]
    assert 1 >= hits[0].score > hits[1].score >= hits[2].score >= 0
    assert len(index) == 5 and "5 chunks" in repr(index)


def test_chunks_come_back_as_they_went_in(index):
    found = {hit.chunk.id: hit.chunk for hit in index.search("ferry", k=5)}
    for chunk in chunks():
        assert found[chunk.id].text == chunk.text
        assert found[chunk.id].metadata.items() >= chunk.metadata.items()


def test_words_of_one_letter_count(index):
    assert documents(index.search("berth B", k=1)) == ["berths"]


def test_filters_hold_for_both_searches(index):
    assert documents(index.search("dogs on deck", where={"kind": "html"})) != []
    assert "pets" not in documents(index.search("dogs on deck", where={"kind": "html"}))
    both = index.search("dogs", where={"kind": "pdf", "document": "pets"})
    assert documents(both) == ["pets"]
    assert index.search("dogs", where={"document": "none"}) == []


def test_what_cannot_be_searched_is_refused(index):
    with pytest.raises(BadInput, match="question is empty"):
        index.search("  ")
    with pytest.raises(BadInput, match="k is 0"):
        index.search("dogs", k=0)
    with pytest.raises(BadInput, match="filter"):
        index.search("dogs", where={"$nonsense": 1})


def test_a_query_of_unknown_words_still_answers(index):
    assert len(index.search("¿¡ zzz qqq", k=2)) == 2


def test_only_the_changed_chunk_is_embedded_again(index, ollama, tmp_path):
    ollama.embedded.clear()
    again = retrieval.index(chunks(pets="Dogs need a ticket."), tmp_path / "index")
    assert ollama.embedded == ["Pets\nDogs need a ticket."]
    assert again.changes == retrieval.Changes(added=0, changed=1, removed=0, unchanged=4)
    assert again.search("dogs ticket", k=1)[0].chunk.text == "Dogs need a ticket."


def test_metadata_counts_as_a_change(index, ollama, tmp_path):
    ollama.embedded.clear()
    new = [Chunk(c.id, c.document, c.text, {**c.metadata, "kind": "text"}) for c in chunks()[:1]]
    again = retrieval.index([*new, *chunks()[1:]], tmp_path / "index")
    assert again.changes.changed == 1 and len(ollama.embedded) == 1


def test_vanished_chunks_are_deleted_and_nothing_else_is_done(index, ollama, tmp_path):
    ollama.embedded.clear()
    again = retrieval.index(chunks()[1:], tmp_path / "index")
    assert ollama.embedded == []
    assert again.changes.removed == 1 and again.changes.unchanged == 4
    assert "pets" not in documents(again.search("dogs on the open deck", k=5))


def test_a_killed_build_is_completed_by_the_next(ollama, tmp_path):
    many = [Chunk(f"d#{i}", "d", f"Passage number {i}.", {}) for i in range(80)]
    seen = []

    def kill(done: int, total: int) -> None:
        seen.append((done, total))
        if done >= 64:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retrieval.index(many, tmp_path / "index", progress=kill)
    with pytest.raises(MissingPiece, match="is not finished"):
        retrieval.open(tmp_path / "index")
    until = time.monotonic() + 10
    while len(ollama.embedded) < 80 and time.monotonic() < until:
        time.sleep(0.01)  # the request that was under way comes to its end
    ollama.embedded.clear()
    done = retrieval.index(many, tmp_path / "index")
    # The last batch was under way: it is kept where it was done in time.
    assert seen[:2] == [(32, 80), (64, 80)] and len(ollama.embedded) == 80 - seen[-1][0]
    assert len(done) == len(retrieval.open(tmp_path / "index")) == 80


def test_an_index_that_is_there_opens(index):
    assert documents(retrieval.open(index.path).search("bicycle", k=1)) == ["bikes"]


def test_an_index_that_is_not_there_says_how_to_make_it(tmp_path):
    with pytest.raises(MissingPiece, match="does not exist") as error:
        retrieval.open(tmp_path / "none")
    assert "retrieval.index" in error.value.fix


def test_another_embedding_model_makes_the_index_anew(index, ollama):
    ollama.embedded.clear()
    again = retrieval.index(chunks(), index.path, embed_model="other-minilm")
    assert again.changes.added == 5 and len(ollama.embedded) == 5
    assert retrieval.open(index.path).embed_model == "other-minilm"


def test_nothing_and_twins_are_refused(ollama, tmp_path):
    with pytest.raises(BadInput, match="nothing to index"):
        retrieval.index([], tmp_path / "index")
    with pytest.raises(BadInput, match="'pets#1'"):
        retrieval.index([*chunks(), *chunks()[:1]], tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_metadata_of_any_kind_is_kept_as_chroma_takes_it(ollama, tmp_path):
    odd = [Chunk("a#1", "a", "Text.", {"n": 3, "list": [1, 2], "none": None, "day": Path("x")})]
    [hit] = retrieval.index(odd, tmp_path / "ïndex with space").search("text")
    assert hit.chunk.metadata == {"n": 3, "list": "[1, 2]", "day": "x", "document": "a"}


def test_fusion_weighs_both_and_rewards_agreement():
    scores = fuse({"a": 0.9, "b": 0.5, "c": 0.1}, {"b": 10.0, "d": 5.0}, dense_weight=0.5)
    assert scores == pytest.approx({"a": 0.5, "b": 0.25 + 0.5, "c": 0.0, "d": 0.25})
    assert fuse({"a": 0.9, "b": 0.1}, {"b": 1.0}, 1.0) == {"a": 1.0, "b": 0.0}
    assert fuse({}, {}, 0.5) == {}


def test_a_folder_of_documents_becomes_an_index(ollama, monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path / "root"))
    folder = tmp_path / "döcs"
    folder.mkdir()
    (folder / "opening.md").write_text("# Opening\n\nThe museum opens at ten.\n")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    skipped = []
    made = retrieval.of_folder(folder, on_skip=lambda path, why: skipped.append(path.name))
    assert documents(made.search("When does the museum open?")) == ["opening"]
    assert (
        skipped == ["photo.jpg"]
        and (tmp_path / "root" / "artifacts" / "index") in made.path.parents
    )
    assert retrieval.of_folder(folder).changes.unchanged == 1


@pytest.mark.model
def test_the_real_embeddings_find_what_words_cannot(tmp_path):
    made = retrieval.index(chunks(), tmp_path / "index")
    assert documents(made.search("Can I bring my puppy?", k=1)) == ["pets"]
    assert documents(made.search("What happens in a gale?", k=1)) == ["storm"]


@pytest.mark.model
@pytest.mark.full
def test_a_warm_query_takes_less_than_50_ms(tmp_path):
    made = retrieval.index(chunks(), tmp_path / "index")
    questions = [
        f"How much is a {what} on route {i}?" for i in range(10) for what in ("dog", "car")
    ]
    for question in questions[:5]:
        made.search(question)
    times = []
    for question in questions:
        started = time.perf_counter()
        made.search(question)
        times.append(time.perf_counter() - started)
    assert np.percentile(times, 95) < 0.05
