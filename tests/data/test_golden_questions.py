"""The golden questions keep what their card promises, and each rule can fail."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import golden_rules as rules
import pytest

from workbench import golden


@pytest.fixture(scope="session")
def estate(documents, data) -> rules.Estate:
    return rules.Estate(documents, data / "corpus" / "skerry.sqlite")


def test_counts_and_splits(questions):
    assert Counter(q.type for q in questions) == dict.fromkeys(golden.TYPES, 36)
    for kind in golden.TYPES:
        splits = Counter(q.split for q in questions if q.type == kind)
        assert splits == {"dev": 12, "test": 24}, kind


@pytest.mark.parametrize("split", golden.SPLITS)
def test_a_file_holds_its_split_with_types_in_turn(data, split):
    lines = (data / "golden" / f"{split}.jsonl").read_text("utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    assert {q["split"] for q in questions} == {split}
    assert len({q["type"] for q in questions[:10]}) == 10


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_rule(rule, questions, estate):
    assert list(rule(questions, estate)) == []


def first(questions, kind: str, split: str = "dev") -> golden.Question:
    return next(q for q in questions if q.type == kind and q.split == split)


def spoilt(questions) -> dict[str, list[golden.Question]]:
    """For each rule questions that break it."""
    fact, hop, agg = (first(questions, t) for t in ("single_fact", "multi_hop", "aggregate"))
    force, para = first(questions, "in_force"), first(questions, "paraphrase")
    mute = first(questions, "unanswerable")
    (piece, *_) = fact.evidence
    return {
        "verbatim": [replace(fact, evidence=[piece | {"quote": "We never said this."}])],
        "parts": [replace(hop, evidence=hop.evidence[:1])],
        "short_forms": [replace(fact, question=f"Is it {fact.accept[0]}?")],
        "supported": [replace(fact, accept=["98,765 kr"])],
        "queries": [replace(agg, accept=["-17"])],
        "paraphrases": [replace(para, question=para.evidence[0]["quote"])],
        "in_force": [replace(force, stale=force.evidence[0])],
        "silent": [replace(mute, key_terms=["the", "and"])],
        "no_repeats": [fact, replace(fact, id="again")],
        "no_shared_facts": [fact, replace(fact, id="again", split="test")],
    }


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_rule_can_fail(rule, questions, estate):
    assert list(rule(spoilt(questions)[rule.__name__], estate))


def test_a_fact_told_elsewhere_is_seen(questions, estate):
    fact = first(questions, "single_fact")
    there = fact.evidence[0] | {"document": "elsewhere"}
    other = replace(fact, id="again", split="test", question="Else?", evidence=[there])
    problems = list(rules.no_shared_facts([fact, other], estate))
    assert problems and problems[0][0] == "again"
