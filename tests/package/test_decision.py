"""A winner is claimed only where intervals part; the record says what was done."""

from __future__ import annotations

import pytest

from workbench.catalog import decision
from workbench.catalog.needs import Need
from workbench.errors import BadInput
from workbench.evals.intervals import Interval, share

SIZE = "memory in MB"
NEED = Need(private=True, memory_gb=6.0, context_tokens=2048, seconds_to_answer=10)


def measured(model: str, right: Interval, size: float, seconds: float = 1.0) -> dict:
    return {"model": model, "right": right, SIZE: size, "seconds": seconds}


def some(right: int, n: int) -> Interval:
    return share([True] * right + [False] * (n - right))


CLOSE = [measured("smollm2:135m", some(3, 6), 280.0), measured("big", some(4, 6), 1733.0)]
CLEAR = [measured("smollm2:135m", some(20, 100), 280.0), measured("big", some(80, 100), 1733.0)]


def test_overlapping_intervals_name_no_winner_and_the_smaller_is_chosen():
    choice = decision.choose(CLOSE, "right", SIZE)
    assert (choice.model, choice.decided, choice.rivals) == ("smollm2:135m", False, ("big",))
    assert "no winner" in choice.reason


def test_intervals_that_part_decide():
    choice = decision.choose(CLEAR, "right", SIZE)
    assert (choice.model, choice.decided) == ("big", True)


def test_a_small_one_that_is_clearly_worse_is_not_chosen_for_its_size():
    rows = [*CLEAR, measured("middle", some(75, 100), 900.0)]
    choice = decision.choose(rows, "right", SIZE)
    assert (choice.model, choice.decided) == ("middle", False)


def test_the_record_has_every_part_and_is_written_whole(tmp_path):
    made = decision.record(NEED, NEED.rank(), CLOSE, sources=["a | b"])
    text = made.markdown
    for part in ("Context", "Candidates", "Vetoes", "Measurements", "Decision", "Consequences",
                 "What would change this decision", "Sources"):  # fmt: skip
        assert f"\n## {part}" in text
    assert "no winner by quality is claimed" in text
    assert "| nan |" not in text and "| None |" not in text
    assert "licence Qwen-Research does not allow commercial use" in text
    assert "0.50 [0.19, 0.81], n = 6" in text
    path = made.write(tmp_path / "new" / "decision.md")
    assert path.read_text("utf-8") == text
    assert [p.name for p in path.parent.iterdir()] == ["decision.md"]


def test_a_vetoed_model_is_never_chosen():
    rows = [measured("qwen2.5:3b", some(99, 100), 2000.0), CLEAR[0]]
    made = decision.record(NEED, NEED.rank(), rows)
    assert made.choice.model == "smollm2:135m"
    slow = [measured("big", some(99, 100), 2000.0, seconds=60.0), CLEAR[0]]
    made = decision.record(NEED, NEED.rank(), slow)
    assert made.choice.model == "smollm2:135m"
    assert "answers in 60.0 s of 10.0" in made.markdown


def test_where_all_are_vetoed_nothing_is_chosen():
    made = decision.record(NEED, NEED.rank(), [measured("big", some(9, 10), 9000.0)])
    assert made.choice.model == "none" and "took 9.0 GB of 6.0" in made.markdown


def test_nothing_measured_is_an_error():
    with pytest.raises(BadInput, match="no candidates"):
        decision.choose([], "right", SIZE)
    with pytest.raises(BadInput, match="no interval"):
        decision.choose([{"model": "a", "right": 0.5, SIZE: 1.0}], "right", SIZE)


def test_questions_needed_part_the_intervals():
    n = decision.questions_needed(some(3, 6), some(4, 6))
    low, high = some(round(n / 2), n), some(round(n * 2 / 3), n)
    assert high.low > low.high - 0.01
    fewer = n // 2
    assert some(round(fewer * 2 / 3), fewer).low < some(round(fewer / 2), fewer).high
    assert decision.questions_needed(some(3, 6), some(3, 6)) is None


def test_pareto_marks_what_nothing_dominates():
    rows = [
        {"model": name, "quality": q, "cost": c}
        for name, q, c in [
            ("a", 0.5, 1),
            ("b", 0.4, 2),
            ("c", 0.9, 3),
            ("d", 0.9, 3),
            ("e", 0.9, 4),
        ]
    ]
    front = decision.pareto(rows, "quality", "cost")
    assert front.loc[front["front"], "model"].tolist() == ["a", "c", "d"]
    fig = decision.figure(CLOSE, "right", "seconds")
    assert fig.axes[0].get_ylim()[0] == 0
