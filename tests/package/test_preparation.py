"""Ways of preparing documents: the ranker is the retriever's, the rule of choice, the command."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fake_ollama import FakeOllama
from typer.testing import CliRunner

from workbench import chunking, corpus, retrieval
from workbench.bench import kept, preparation, preparation_answers, preparation_cli
from workbench.bench.preparation import DEFAULT, Cut, Result
from workbench.bench.ranker import Ranker, Vectors
from workbench.corpus import Document
from workbench.errors import BadInput, MissingPiece, UnknownName
from workbench.evals import retrieval_scores
from workbench.golden import Question

PAGES = {
    "pets": "# Pets\n\nDogs travel free on the open deck.\n\n## Cats\n\nCats stay inside.",
    "fares": "# Fares\n\n| Who | Price |\n| --- | --- |\n| Adult | 120 kr |\n| Child | 60 kr |",
    "storm": "# Storm\n\nIn a storm the ferry waits in harbour and tickets are refunded.",
}


def documents() -> list[Document]:
    clutter = "Skip to content\nLog in\n\n"
    return [
        Document(i, i.title(), "html", text, Path(i), raw=clutter + re.sub(r"[#|]|---", "\n", text))
        for i, text in PAGES.items()
    ]


def questions() -> list[Question]:
    asked = [
        ("Where do dogs travel?", "pets", "Dogs travel free on the open deck"),
        ("What does a child pay?", "fares", "| Child | 60 kr |"),
        ("What of tickets in a storm?", "storm", "tickets are refunded"),
    ]
    return [
        Question(d, q, "a", ["a"], [{"document": d, "quote": quote}], "single_fact", "dev")
        for q, d, quote in asked
    ]


@pytest.fixture
def tokens(monkeypatch) -> None:
    """Words stand in for the small model's tokens."""
    monkeypatch.setattr(
        retrieval_scores,
        "token_spans",
        lambda: lambda text: [match.span() for match in re.finditer(r"\S+", text)],
    )


@pytest.fixture
def ollama(monkeypatch) -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield server


@pytest.fixture
def results(monkeypatch, tmp_path) -> Path:
    monkeypatch.setattr(kept, "path", lambda name: tmp_path / f"{name}.json")
    return tmp_path


def test_ranks_as_the_retriever_does(ollama, tmp_path):
    chunks = chunking.split(documents())
    index = retrieval.index(chunks, tmp_path / "index")
    both, words = Ranker(chunks, Vectors(tmp_path / "v.sqlite")), Ranker(chunks)
    for question in ("dogs on deck", "price of a child", "ferry tickets", "xyz"):
        for ranker, weight in ((both, None), (words, 0)):
            mine, its = ranker.rank(question), index.search(question, 50, dense_weight=weight)
            assert [h.chunk.id for h in mine] == [h.chunk.id for h in its]
            assert np.allclose([h.score for h in mine], [h.score for h in its], atol=1e-4)


def test_vectors_are_kept(ollama, tmp_path):
    texts = ["one", "two", "one"]
    first = Vectors(tmp_path / "v.sqlite").of(texts)
    assert ollama.embedded == ["one", "two"] and np.allclose(np.linalg.norm(first, axis=1), 1)
    assert np.array_equal(Vectors(tmp_path / "v.sqlite").of(texts), first)
    assert len(ollama.embedded) == 2, "nothing is embedded twice"


def test_measure(tokens):
    found = preparation.measure(documents(), questions(), DEFAULT)
    assert found.recall == found.hit == found.reciprocal_rank == found.ndcg == [1.0] * 3
    assert found.means()["recall"] == 1.0 and found.chunks == 4
    tight = preparation.measure(documents(), questions(), DEFAULT, budget=5)
    assert sum(tight.recall) < 3, "five words are room for little"


def test_uncleaned_is_the_text_as_it_came(tokens):
    raw = preparation.uncleaned(documents())
    assert all(d.text.startswith("Skip") and d.title for d in raw)
    found = preparation.measure(raw, questions(), Cut("fixed", 220, 40))
    assert found.recall == [1.0] * 3, "the measure forgives the form"


def test_cuts_hold_the_default():
    assert DEFAULT in preparation.cuts() and len(set(preparation.cuts())) == 24
    assert preparation.cuts(["fixed"], [100], [0.5]) == [Cut("fixed", 100, 50)]


def result(recall: list[float], hit: float = 1.0) -> Result:
    return Result(9, recall, [hit] * len(recall), [1.0] * len(recall), [1.0] * len(recall))


def test_a_bare_lead_does_not_choose():
    small, big = Cut("fixed", 60, 0), Cut("fixed", 400, 0)
    near = {DEFAULT: result([1.0, 0.0] * 20), small: result([1.0, 0.0] * 19 + [1.0, 1.0])}
    choice = preparation.choose(near)
    assert choice["best"]["size"] == 60 and choice["chosen"]["size"] == 220
    far = {DEFAULT: result([0.0] * 40), small: result([1.0, 0.0] * 20), big: result([0.0] * 40)}
    choice = preparation.choose(far)
    assert choice["chosen"]["size"] == 60 and choice["best_against_default"]["low"] > 0


def test_of_equals_the_one_nearer_the_default():
    same = result([1.0, 0.0])
    choice = preparation.choose(
        {Cut("fixed", 60, 0): same, Cut("heading", 220, 0): same, DEFAULT: same}
    )
    assert choice["best"] == {"how": "heading", "size": 220, "overlap": 0}


def test_a_plain_hit_rate_would_choose_otherwise():
    found = {DEFAULT: result([1.0] * 4, hit=0.5), Cut("fixed", 400, 0): result([0.0] * 4, hit=1.0)}
    assert preparation.choose(found)["best_by_hit_rate"]["size"] == 400


def test_comparisons_are_paired(tokens):
    found = preparation.compare(documents(), questions(), DEFAULT)
    assert set(found) == set(preparation_cli.NAMES)
    for rows in found.values():
        assert set(rows) == {"recall", "hit_at_5", "mrr", "ndcg_at_5"}
        for row in rows.values():
            assert row["n"] == 3
            assert row["difference"] == pytest.approx(row["after"] - row["before"])


def test_test_split_waits_for_dev(results):
    with pytest.raises(MissingPiece) as problem:
        preparation.on_test(words_only=True)
    assert "--split dev --keep" in problem.value.fix


def test_splits_are_kept_beside_each_other(results):
    preparation.keep("dev", {"n": 84, "chosen": {"how": "heading"}}, "dev --keep")
    preparation.keep("test", {"n": 168}, "test --keep")
    preparation.keep("dev", {"n": 84, "chosen": {"how": "fixed"}}, "dev --keep")
    found = kept.load("preparation")
    assert found["test"] == {"command": "test --keep", "n": 168}
    assert found["dev"]["chosen"] == {"how": "fixed"} and found["commit"] and found["measure"]


def test_command(tokens, results, monkeypatch):
    monkeypatch.setattr(corpus, "load", documents)
    monkeypatch.setattr(preparation, "with_evidence", lambda split: questions())
    command = ["--words-only", "--keep", "--json"]
    done = CliRunner().invoke(preparation_cli.app, ["--split", "dev", *command])
    assert done.exit_code == 0, done.output
    dev = json.loads(done.stdout)
    assert len(dev["cells"]) == 24 and dev["n"] == 3 and dev["search"] == "words"
    done = CliRunner().invoke(preparation_cli.app, ["--split", "test", "--words-only"])
    assert done.exit_code == 0 and "cleaned against uncleaned" in done.stdout
    done = CliRunner().invoke(preparation_cli.app, ["--split", "train"])
    assert isinstance(done.exception, UnknownName)


def test_answers_from_both(ollama, monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path))
    ollama.reply = lambda messages: "I do not know" if "Log in" in str(messages) else "It is a."
    asked = [dataclasses.replace(q, accept=["it is"]) for q in questions()]
    found = preparation_answers.compare(documents(), asked, DEFAULT)
    assert found["right"]["after"] == 1.0 and found["right"]["before"] == 0.0
    assert found["right"]["n"] == 3 and len(ollama.chats) == 6
    done = CliRunner().invoke(preparation_cli.app, ["--split", "test", "--answers"])
    assert isinstance(done.exception, BadInput)


def test_own_questions_with_evidence():
    counts = {split: len(preparation.with_evidence(split)) for split in ("dev", "test")}
    assert counts == {"dev": 84, "test": 168}
