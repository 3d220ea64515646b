"""The tuning examples: the curated ones keep the house style, the noisy ones are as bad as said."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import replace

import pytest
from content_words import stems

from workbench import chunking, golden, tuning

SILENT = "The documents do not say."
FIELDS = ["id", "question", "context", "answer", "source", "answerable"]
TEXTS = ("question", "context", "answer")
GERMAN = re.compile(r"\b(?:der|die|das|ist|sind|ein|eine|wird|werden|es|sie|uhr|mit|kamen)\b")


def read(data, name: str) -> list[dict]:
    lines = (data / "tuning" / f"{name}.jsonl").read_text("utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


@pytest.fixture(scope="module")
def examples(data) -> list[dict]:
    return read(data, "curated")


@pytest.fixture(scope="module")
def noisy(data) -> list[dict]:
    return read(data, "noisy")


@pytest.fixture(scope="module")
def originals(examples) -> dict[str, dict]:
    return {example["id"]: example for example in examples}


@pytest.fixture(scope="module")
def made(data, script):
    """The script that makes the data, with what it imports from its folder."""
    sys.path.insert(0, str(data / "make"))
    yield script("tuning")
    sys.path.remove(str(data / "make"))


@pytest.fixture(scope="module")
def spoil(script):
    return script("spoil")


@pytest.fixture(scope="module")
def asked(data) -> list[golden.Question]:
    """Golden questions, those in parts among them."""
    files = sorted((data / "golden").glob("*.jsonl"))
    return [question for file in files for question in golden.load(file)]


def kind(example: dict) -> str:
    return example["id"].split(".")[1]


def base(example: dict, originals: dict[str, dict]) -> dict:
    return originals[example["id"].split(".")[0]]


def bare(example: dict) -> str:
    return example["answer"].removesuffix(f" [{example['source']}]")


def texts(example: dict) -> tuple:
    return tuple(example[name] for name in TEXTS)


def of(noisy: list[dict], *kinds: str) -> list[dict]:
    found = [example for example in noisy if kind(example) in kinds]
    assert found
    return found


class TestCurated:
    def test_counts(self, examples):
        assert len(examples) == len({e["id"] for e in examples}) == 160
        assert sum(not e["answerable"] for e in examples) == 32
        assert len({e["context"] for e in examples}) == 64
        assert len({e["question"] for e in examples}) == 160

    def test_schema(self, examples):
        assert all(list(example) == FIELDS for example in examples)

    def test_house_style(self, examples):
        for example in examples:
            assert in_house_style(example), example["id"]

    def test_contexts_are_short(self, examples):
        lengths = [len(chunking.words(example["context"])) for example in examples]
        assert min(lengths) >= 40 and max(lengths) <= 120

    def test_answers_come_from_their_context(self, examples):
        for example in examples:
            if example["answerable"]:
                answer = stems(bare(example))
                common = answer & (stems(example["context"]) | stems(example["question"]))
                assert len(common) >= 0.6 * len(answer), example["id"]


def in_house_style(example: dict) -> bool:
    """One or two sentences and the source, or the words for what the documents do not say."""
    if not example["answerable"]:
        return example["answer"] == SILENT
    text, _, source = example["answer"].rpartition(" ")
    return source == f"[{example['source']}]" and text.endswith(".") and text.count(". ") <= 1


class TestNoisy:
    def test_counts_by_flaw(self, noisy, spoil):
        assert len(noisy) == len({e["id"] for e in noisy}) == 2400
        found = Counter((e["flaw"], kind(e)) for e in noisy)
        wanted = {(f, k): n for f, kinds in spoil.COUNTS.items() for k, n in kinds.items()}
        assert found == wanted
        shares = Counter(e["flaw"] for e in noisy)
        assert shares["none"] == 360
        assert max(found.values()) <= 360 and len(found) >= 15, "no trick rules the set"

    def test_schema(self, noisy):
        assert all(list(example) == [*FIELDS, "flaw"] for example in noisy)

    def test_every_passage_is_in_every_family(self, noisy):
        for flaw in ("wrong", "off_style", "truncated", "none", "unsupported"):
            names = {re.sub(r"-\d$", "", e["id"].split(".")[0]) for e in noisy if e["flaw"] == flaw}
            assert len(names) >= 60, flaw

    def test_only_duplicates_come_twice(self, noisy):
        single = [texts(e) for e in noisy if e["flaw"] != "duplicated"]
        assert len(set(single)) == len(single) == 2016

    def test_questions_vary(self, noisy):
        assert len({e["question"] for e in noisy}) > 1500
        assert len({e["answer"] for e in noisy}) > 1400

    def test_order_is_mixed(self, noisy):
        for start in range(0, 2400, 400):
            assert len({e["flaw"] for e in noisy[start : start + 100]}) == 6

    def test_none_is_in_house_style(self, noisy, originals):
        for example in of(noisy, "good"):
            assert in_house_style(example)
            assert example["answer"] == base(example, originals)["answer"]
            assert example["context"] == base(example, originals)["context"]
        assert {e["answerable"] for e in of(noisy, "good")} == {True, False}


class TestWrong:
    def test_wrong_figures_are_not_in_the_context(self, noisy, originals, spoil):
        for example in of(noisy, "number"):
            right = bare(base(example, originals))
            assert bare(example) != right
            new = set(spoil.NUMBER.findall(bare(example))) - set(spoil.NUMBER.findall(right))
            assert len(new) == 1, example["id"]
            assert not spoil.whole(new.pop(), example["context"]), example["id"]

    def test_wrong_facts_are_not_in_the_context(self, noisy, originals):
        for example in of(noisy, "fact"):
            right = set(re.findall(r"\w+", bare(base(example, originals)).lower()))
            new = set(re.findall(r"\w+", bare(example).lower())) - right
            old = right - set(re.findall(r"\w+", bare(example).lower()))
            assert new or old, example["id"]
            there = set(re.findall(r"\w+", example["context"].lower()))
            assert new - there or old & there, example["id"]

    def test_opposites_say_yes_for_no(self, noisy, originals):
        for example in of(noisy, "opposite"):
            first, right = (bare(e).split(",")[0] for e in (example, base(example, originals)))
            assert {first, right} == {"Yes", "No"}, example["id"]

    def test_other_answers_answer_something_else(self, noisy, originals):
        rights = {bare(e): e["source"] for e in originals.values() if e["answerable"]}
        for example in of(noisy, "other_answer"):
            assert rights[bare(example)] != example["source"], example["id"]
            assert bare(example) != bare(base(example, originals))

    def test_wrong_answers_look_right(self, noisy):
        for example in of(noisy, "number", "fact", "opposite", "other_answer"):
            assert in_house_style(example) and example["answerable"], example["id"]

    def test_figures_are_changed_in_many_ways(self, noisy):
        assert len({bare(e) for e in of(noisy, "number")}) > 150


class TestOffStyle:
    def test_none_is_in_house_style(self, noisy):
        for example in noisy:
            if example["flaw"] == "off_style" and kind(example) != "capitals":
                known = kind(example) in ("language", "chatty", "marketing")
                assert known or not in_house_style(example), example["id"]

    def test_the_answer_itself_is_right(self, noisy, originals):
        for example in of(noisy, "long", "chatty", "marketing", "no_source", "markup"):
            assert bare(base(example, originals)) in example["answer"], example["id"]
        for example in of(noisy, "capitals"):
            assert bare(base(example, originals)).upper() in example["answer"]

    def test_each_kind_is_what_it_says(self, noisy, originals):
        words = {
            k: [len(e["answer"].split()) for e in of(noisy, k)] for k in ("long", "chatty", "good")
        }
        assert min(words["long"]) > 45 and max(words["good"]) < 40
        for example in of(noisy, "no_source", "apology", "markup"):
            assert f"[{example['source']}]" not in example["answer"]
        for example in of(noisy, "capitals"):
            assert bare(example).isupper()
        for example in of(noisy, "apology"):
            assert not example["answerable"] and example["answer"] != SILENT
        for example in of(noisy, "chatty", "marketing"):
            assert bare(example) != bare(base(example, originals))

    def test_another_language_is_german(self, noisy, originals):
        found = of(noisy, "language")
        assert len({bare(e) for e in found}) >= 60
        for example in found:
            shared = stems(bare(example)) & stems(bare(base(example, originals)))
            assert len(shared) <= 4, example["id"]
            text = bare(example).lower()
            assert GERMAN.search(text) or re.search("[äöüß]", text), example["id"]

    def test_german_figures_are_the_right_ones(self, noisy, originals):
        for example in of(noisy, "language"):
            there = example["context"].replace(",", ".")
            for figure in re.findall(r"\d[\d.:]*\d|\d", bare(example)):
                assert figure in there or "2025" in figure, (example["id"], figure)


class TestDuplicated:
    def test_exact_ones_are_copies_of_good_ones(self, noisy):
        good = {texts(e) for e in of(noisy, "good")}
        copies = Counter(texts(e) for e in of(noisy, "exact"))
        assert set(copies) <= good
        assert max(copies.values()) >= 10 and len(copies) >= 20, "a few come many times"

    def test_near_ones_differ_in_marks_only(self, noisy):
        plain = {tuple(map(flatten, texts(e))) for e in of(noisy, "good")}
        exact = {texts(e) for e in of(noisy, "good")}
        for example in of(noisy, "near"):
            assert tuple(map(flatten, texts(example))) in plain, example["id"]
        differ = sum(texts(e) not in exact for e in of(noisy, "near"))
        assert differ > 0.9 * 192


def flatten(text: str) -> str:
    """A text without case, marks and what ``near`` puts around it."""
    words = re.findall(r"\w+", text.lower())
    words = words[1:] if words[:1] == ["q"] else words
    return " ".join(words[:-1] if words[-1:] == ["please"] else words)


class TestTruncated:
    def test_answers_break_off(self, noisy, originals):
        for example in of(noisy, "answer_cut"):
            right = bare(base(example, originals))
            assert right.startswith(example["answer"]) and len(example["answer"]) < len(right) - 3
            assert not example["answer"].endswith("."), example["id"]

    def test_the_answer_is_gone_from_the_context(self, noisy, originals, spoil):
        for example in of(noisy, "context_cut"):
            whole = base(example, originals)["context"]
            assert example["context"] in whole and example["context"] != whole
            assert not example["answerable"]
            for figure in spoil.NUMBER.findall(bare(example)):
                assert not spoil.whole(figure, example["context"]), example["id"]
            lost = stems(bare(example)) & stems(whole) - stems(example["context"])
            assert lost, example["id"]


class TestUnsupported:
    def test_invented_answers_are_sure_of_what_is_not_said(self, noisy, originals):
        for example in of(noisy, "invented"):
            assert not base(example, originals)["answerable"] and not example["answerable"]
            assert example["answer"] != SILENT
            said = stems(bare(example)) - stems(example["context"]) - stems(example["question"])
            assert said, example["id"]
        assert len({bare(e) for e in of(noisy, "invented")}) > 100

    def test_answers_from_elsewhere_are_not_in_their_context(self, noisy, originals, spoil):
        for example in of(noisy, "elsewhere"):
            before = base(example, originals)
            assert bare(example) == bare(before)
            assert example["source"] != before["source"] and not example["answerable"]
            for figure in spoil.NUMBER.findall(bare(example)):
                assert not spoil.whole(figure, example["context"]), example["id"]
            pair = (bare(example), example["context"])
            said, there = (set(re.findall(r"[a-z]{4,}", text.lower())) for text in pair)
            assert len(said - there) > 0.5 * len(said), example["id"]


def leaks(examples: list[dict], questions: list[golden.Question]) -> list[tuple[str, str]]:
    """Pairs of example and test question: an accepted form stands beside most of what is asked."""
    found = []
    seen = {}
    for example in examples:
        seen.setdefault(f"{example['context']} {example['answer']}", example["id"])
    rows = [(name, text, stems(text)) for text, name in seen.items()]
    for question in questions:
        if question.split != "test" or not question.answerable:
            continue
        asked = stems(question.question)
        form = "|".join(re.escape(form) for form in question.accept)
        form = re.compile(rf"(?<!\w)(?:{form})(?!\w)", re.IGNORECASE)
        for name, text, words in rows:
            if len(asked & words) >= 0.75 * len(asked) and form.search(text):
                found.append((name, question.id))
    return found


class TestNoLeak:
    def test_no_fact_of_the_test_split(self, examples, noisy, asked):
        assert leaks([*examples, *noisy], asked) == []

    def test_no_source_is_a_document(self, examples, documents):
        assert not {example["source"] for example in examples} & set(documents)

    def test_no_question_is_a_golden_one(self, examples, noisy, asked):
        known = {flatten(question.question) for question in asked}
        assert not known & {flatten(e["question"]) for e in [*examples, *noisy]}

    def test_a_leak_would_be_seen(self, examples, asked):
        kept = replace(next(q for q in asked if q.type == "single_fact"), split="test")
        planted = {
            "id": "planted",
            "context": f"{kept.question} {kept.evidence[0]['quote']}",
            "answer": f"{kept.answer} [x]",
            "source": "x",
        }
        assert leaks([*examples, planted], [kept]) == [("planted", kept.id)]


def test_both_sets_can_be_trained_on(data, examples, noisy):
    for name, found in (("curated", examples), ("noisy", noisy)):
        loaded = tuning.load_examples(data / "tuning" / f"{name}.jsonl")
        assert loaded == found


def test_made_again_the_same(data, made, tmp_path):
    made.main(tmp_path)
    for name in ("curated.jsonl", "noisy.jsonl"):
        assert (tmp_path / name).read_bytes() == (data / "tuning" / name).read_bytes(), name


@pytest.mark.parametrize(("name", "count"), [("curated", 160), ("noisy", 2400)])
def test_loads_with_datasets(data, tmp_path, name, count):
    from datasets import load_dataset

    folder = str(data / "tuning")
    found = load_dataset(folder, name, cache_dir=str(tmp_path), split="train")
    assert len(found) == count
    assert found.column_names == (FIELDS if name == "curated" else [*FIELDS, "flaw"])


def test_card(data, noisy, spoil):
    card = (data / "tuning" / "README.md").read_text("utf-8")
    for field in [*FIELDS, "flaw"]:
        assert f"`{field}`" in card, field
    for flaw, kinds in spoil.COUNTS.items():
        (row,) = [line for line in card.splitlines() if line.startswith(f"| `{flaw}` |")]
        assert row.endswith(f"| {sum(kinds.values())} |")
        assert all(f"`{name}` {count}" in row for name, count in kinds.items()), flaw
    assert f"| `noisy.jsonl` | {len(noisy):,} |" in card
