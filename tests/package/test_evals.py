"""The deterministic metrics, the intervals and the judge's bookkeeping."""

from __future__ import annotations

import math
import random
from types import SimpleNamespace

import pytest

from workbench.evals import intervals, judge, metrics


@pytest.mark.parametrize(
    ("answer", "forms", "right"),
    [
        ("A bicycle costs £6.50 each way.", ["6.50"], True),
        ("A bicycle costs 16.50.", ["6.50"], False),
        ("It leaves at 14:05.", ["14:05"], True),
        ("It leaves at 4:05.", ["14:05"], False),
        ("Within fourteen days", ["14 days", "fourteen days"], True),
        ("THE North Pier!", ["north pier"], True),
        ("", ["6.50"], False),
        ("anything", [""], False),
    ],
)
def test_accepted_form_is_found_as_whole_words(answer, forms, right):
    assert metrics.accepted(answer, forms) is right


@pytest.mark.parametrize(
    ("answer", "is_refusal"),
    [
        ("The documents do not say.", True),
        ("The passages don't say anything about that.", True),
        ("I cannot find that in the documents.", True),
        ("Dogs travel free.", False),
        ("You may not bring petrol.", False),
    ],
)
def test_refusals(answer, is_refusal):
    assert metrics.refused(answer) is is_refusal


def test_correct_depends_on_whether_there_is_an_answer():
    assert metrics.correct("The documents do not say.", [], "unanswerable")
    assert not metrics.correct("It costs £4.", [], "unanswerable")
    assert not metrics.correct("The documents do not say. Perhaps 4.", ["4"], "single_fact")


def test_citations_are_read_in_order_once():
    assert metrics.citations("Yes [pets]. No [refunds] and [pets].") == ["pets", "refunds"]
    assert metrics.cites_evidence("Yes [pets].", ["pets"])
    assert not metrics.cites_evidence("Yes.", ["pets"])


def test_token_f1_is_one_for_the_same_and_zero_for_nothing_shared():
    assert metrics.token_f1("the North Pier", "north pier") == 1.0
    assert metrics.token_f1("south", "north pier") == 0.0
    assert metrics.token_f1("north", "north pier") == pytest.approx(2 / 3)


def test_wilson_interval_covers_as_it_says():
    rng = random.Random(1)
    for p in (0.1, 0.5, 0.8):
        inside = 0
        for _ in range(400):
            found = intervals.share([rng.random() < p for _ in range(20)])
            inside += found.low <= p <= found.high
        assert 0.90 <= inside / 400 <= 0.99


def test_share_of_nothing_is_unknown():
    found = intervals.share([])
    assert math.isnan(found.value)
    assert (found.low, found.high) == (0.0, 1.0)


def test_paired_difference_decides_only_when_it_can():
    assert intervals.paired([1] * 20, [0] * 15 + [1] * 5).verdict == "better"
    assert intervals.paired([0, 0, 1, 1], [0, 1, 0, 1]).verdict == "too few to conclude"
    with pytest.raises(ValueError):
        intervals.paired([1], [1, 0])


def test_agreement_is_kappa():
    same = judge.agreement([True, False, True, False], [True, False, True, False])
    assert (same.accuracy, same.kappa) == (1.0, 1.0)
    always_yes = judge.agreement([True] * 4, [True, False, True, False])
    assert (always_yes.accuracy, always_yes.kappa) == (0.5, 0.0)
    with pytest.raises(ValueError):
        judge.agreement([], [])


@pytest.fixture
def question():
    return SimpleNamespace(
        id="q1",
        question="What does a bicycle cost?",
        answer="A bicycle costs £6.50.",
        accept=["6.50"],
        type="single_fact",
        documents=["luggage"],
    )


def test_deepeval_runs_our_rules(question):
    cases = [judge.case(question, "£6.50 [luggage]"), judge.case(question, "It is free.")]
    right, wrong = judge.run(cases, judge.rules())
    assert (right["correct by rule"], right["cites evidence"]) == (1.0, 1.0)
    assert (wrong["correct by rule"], wrong["cites evidence"]) == (0.0, 0.0)


def test_a_case_the_judge_cannot_score_is_unjudged_not_passed(question):
    class Nonsense:
        name = "nonsense"

        def get_model_name(self):
            return self.name

        def generate(self, prompt, schema=None):
            return schema.model_validate_json('{"verdict": "perhaps"}'), 0

    (row,) = judge.run([judge.case(question, "£6.50")], [judge.judged(Nonsense())])
    assert row["judged correct (nonsense)"] is None


@pytest.mark.model
def test_the_local_judge_answers_within_its_schema(question):
    from workbench.llm import client

    client.ensure("smollm2:135m")
    metric = judge.judged(judge.model("smollm2:135m"))
    (row,) = judge.run([judge.case(question, "£6.50")], [metric])
    assert row[metric.name] in (0.0, 1.0)
