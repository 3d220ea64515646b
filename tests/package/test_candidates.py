"""Models side by side: what is worked out from their answers, and the measurement itself."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter

import pandas as pd
import pytest

from workbench import golden
from workbench.bench import kept
from workbench.errors import BrokenFile, MissingPiece
from workbench.evals import candidates
from workbench.evals.candidates import Candidate


def frame(correct: list[bool], first: float, seconds: float) -> pd.DataFrame:
    n = len(correct)
    return pd.DataFrame(
        {
            "correct": correct,
            "type": ["single_fact"] * n,
            "first_token_seconds": [first] * n,
            "seconds": [seconds] * n,
            "prompt_tokens": [100] * n,
            "output_tokens": [11] * n,
        }
    )


SMALL = Candidate("small", frame([True, False] * 20, 0.5, 1.0), 200_000_000)
LARGE = Candidate("large", frame([True, True, True, False] * 10, 2.0, 4.0), 1_200_000_000)


def test_speeds_are_tokens_over_the_time_they_took():
    assert SMALL.tokens_per_second == pytest.approx(10 / 0.5)
    assert SMALL.prompt_tokens_per_second == pytest.approx(100 / 0.5)
    assert SMALL.seconds == 1.0 and LARGE.first_token_seconds == 2.0
    assert SMALL.row()["right"] == 0.5 and SMALL.row()["n"] == 40


def test_an_answer_of_one_token_has_no_speed_of_its_own():
    short = frame([True], 0.5, 0.5)
    short["output_tokens"] = 1
    assert math.isnan(Candidate("x", short).tokens_per_second)


def test_what_the_larger_model_buys():
    bought = candidates.gain(LARGE, SMALL)
    assert bought.right.value == pytest.approx(0.25)
    assert bought.times_slower == pytest.approx(4) and bought.times_memory == pytest.approx(6)
    assert bought.per_second == pytest.approx(25 / 3)
    assert bought.per_gigabyte == pytest.approx(25)


def test_unknown_memory_stays_unknown():
    bought = candidates.gain(Candidate("large", LARGE.answers, None), SMALL)
    assert math.isnan(bought.times_memory) and math.isnan(bought.per_gigabyte)
    assert bought.times_slower == pytest.approx(4)


def test_models_asked_different_questions_are_not_compared():
    with pytest.raises(ValueError):
        candidates.gain(LARGE, Candidate("small", frame([True], 1, 1), 1))


def test_the_types_take_turns():
    questions = golden.load(split="dev")
    by_type = sorted(questions, key=lambda q: q.type)
    for order in (questions, by_type):
        chosen = candidates.spread(order, 20)
        assert len(chosen) == 20 == len({q.id for q in chosen})
        assert Counter(q.type for q in chosen) == Counter(dict.fromkeys(golden.TYPES, 2))
    assert sorted(q.id for q in candidates.spread(questions, 1000)) == sorted(
        q.id for q in questions
    )
    assert candidates.spread(questions, 0) == []


@pytest.mark.model
def test_the_command_measures_and_prints_one_object():
    command = [sys.executable, "-m", "workbench", "bench", "candidates", "--models", "smollm2:135m"]
    done = subprocess.run(
        [*command, "--questions", "3", "--json"], capture_output=True, text=True, check=True
    )
    result = json.loads(done.stdout)
    (row,) = result["models"]
    assert result["n"] == 3 and row["n"] == 3 and result["gains"] == []
    assert 0 < row["first_token_seconds"] <= row["seconds"]
    assert row["memory"] > 100e6, "weights alone take more"


def test_a_kept_result_says_how_it_was_made(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path))
    with pytest.raises(MissingPiece, match="no kept result"):
        kept.load("x")
    kept.keep("x", "workbench bench x", {"n": 3})
    found = kept.load("x")
    assert found["n"] == 3 and found["command"] == "workbench bench x"
    assert found["date"].count("-") == 2 and "cores" in found["machine"]
    kept.path("x").write_text("{")
    with pytest.raises(BrokenFile):
        kept.load("x")
