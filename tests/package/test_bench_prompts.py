"""Prompts on golden questions: what is counted, of which questions, and what is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_ollama import FakeOllama
from typer.testing import CliRunner

from workbench import golden, prompts
from workbench.bench import kept
from workbench.bench import prompts as bench
from workbench.bench.prompts_cli import app
from workbench.prompts import registry
from workbench.settings import settings


@pytest.fixture
def ollama(monkeypatch, tmp_path) -> Iterator[FakeOllama]:
    """A double for the model, and a working copy whose packaged prompts are copies."""
    data = settings().data
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path / "root"))
    shutil.copytree(data / "golden", tmp_path / "root" / "data" / "golden")
    copies = shutil.copytree(registry.files(), tmp_path / "files")
    monkeypatch.setattr(registry, "files", lambda: copies)
    with FakeOllama() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield server


class Knowing:
    """Answers as told: by prompt, from the golden reference."""

    def __init__(self, asked: list[golden.Question]) -> None:
        self.by_text = {q.question: q for q in asked}

    def __call__(self, messages: list[dict]) -> str:
        text = messages[-1]["content"]
        question = next(q for words, q in self.by_text.items() if words in text)
        if "Reply as JSON" in text:
            return self.structured(question)
        if not question.documents:
            return "The documents do not say."
        return f"{question.accept[0]} [{question.documents[0]}]"

    def structured(self, question: golden.Question) -> str:
        if question.type == "single_fact":
            return '{"answer": "' + question.accept[0]  # cut off
        return json.dumps({"answer": "Surely 42.", "source": "nowhere"})


def test_the_questions_come_with_a_passage_and_are_spread(ollama):
    every = bench.questions("dev")
    assert 90 <= len(every) <= 110 and all(q.evidence or q.nearest for q in every)
    some = bench.questions("dev", 16)
    assert len(some) == 16 and len({q.type for q in some}) >= 7
    assert {q.id for q in some} <= {q.id for q in every}


def test_each_metric_counts_its_own_questions(ollama):
    asked = bench.questions("dev", 24)
    ollama.reply = Knowing(asked)
    result = bench.measure(["answer/v2", "answer-json/v1"], count=24)
    good, bad = result["prompts"]
    documents = sum(bool(q.documents) for q in asked)
    facts = sum(q.type == "single_fact" for q in asked)
    assert good["right"]["n"] == 24 and good["cites"]["n"] == documents
    assert good["refuses"]["n"] == 24 - documents > 0
    assert good["right"]["value"] == good["cites"]["value"] == good["refuses"]["value"] == 1.0
    assert good["false_refusals"]["value"] == 0.0 and "valid" not in good
    assert bad["valid"]["value"] == pytest.approx(1 - facts / 24) and bad["valid"]["n"] == 24
    assert bad["right"]["value"] == 0 and bad["cites"]["value"] == 0  # a cut answer is not right
    assert bad["names_source"]["value"] == pytest.approx(1 - facts / documents)
    [change] = result["changes"]
    assert change["against"] == "answer/v2" and change["right"]["value"] == -1.0
    assert change["cites"]["n"] == documents


def test_the_first_prompts_interval_is_wilsons(ollama):
    ollama.reply = lambda _: "Zebras graze quietly."
    result = bench.measure(["answer/v1"], count=10)
    [row] = result["prompts"]
    assert row["right"]["low"] == pytest.approx(0) and 0.2 < row["right"]["high"] < 0.35
    assert row["words"]["value"] == 3 and result["changes"] == []


def test_what_is_kept_is_a_result_and_the_scores_in_the_files(ollama):
    ollama.reply = Knowing(bench.questions("dev"))
    words = ["--prompts", "answer/v1, answer-json", "--questions", "12"]
    before = prompts.get("answer/v1")
    done = CliRunner().invoke(app, [*words, "--keep", "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    result = json.loads(done.stdout)
    whole = kept.load("prompts")
    assert whole["prompts"] == result["prompts"] and whole["n"] == 12
    assert "--prompts answer/v1,answer-json --model" in whole["command"] and whole["date"]
    after = prompts.get("answer/v1")
    assert after.digest == before.digest and after.score("right").n == 12
    assert after.score("right").split == "dev" and after.score("right").model == "smollm2:135m"
    assert prompts.get("answer-json").score("valid") is not None
    asked = len(ollama.chats)
    plain = CliRunner().invoke(app, words)
    assert "answer-json/v1 against answer/v1: right" in plain.stdout
    assert len(ollama.chats) == asked  # answers are kept


def test_an_unknown_prompt_is_named_before_anything_is_asked(ollama):
    done = CliRunner().invoke(app, ["--prompts", "answer/v1,anwser"])
    assert done.exit_code != 0 and "anwser" in str(done.exception) and not ollama.chats


def test_the_packaged_scores_are_of_the_dev_split():
    for name in prompts.names():
        for version in prompts.versions(name):
            for score in prompts.get(name, version).scores:
                assert score.metric in bench.METRICS and score.split == "dev"
                assert 0 <= score.low <= score.value <= score.high <= 1 and score.n > 0


def test_a_lost_example_shows_in_the_sources(ollama, tmp_path):
    """The story of notebook 02: what the check must see when a format is shown no longer."""
    house = prompts.get("answer", 2)
    own = prompts.Registry(tmp_path / "own")
    short = own.save("answer", [house.messages[0], house.messages[-1]], "Shorter.")
    ollama.reply = lambda messages: "20 kr. [lockers]" if len(messages) > 2 else "20 kr."
    asked = [q for q in bench.questions("dev") if q.documents][:8]
    frames = [bench.answers(prompt, asked) for prompt in (house, short)]
    shown, told = (bench.shares(f, house)["names_source"] for f in frames)
    assert (shown.value, told.value) == (1.0, 0.0) and told.high < shown.low
    assert bench.changes(frames[1], frames[0])["names_source"].value == -1.0


def test_a_result_of_a_search_is_not_written_into_prompts(ollama):
    result = {"open_book": False, "prompts": [{"prompt": "answer/v1"}]}
    before = Path(prompts.get("answer/v1").path).read_text()
    bench.record(result)
    assert Path(prompts.get("answer/v1").path).read_text() == before
