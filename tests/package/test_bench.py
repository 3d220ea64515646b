"""The benchmark of the embedded server: what it counts, when it fails, and that it cleans up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from workbench.bench import llm, load, report
from workbench.bench.load import Answer, Batch
from workbench.errors import BadInput, ServerError

COMMAND = [sys.executable, "-c", "from workbench.cli import main; main()", "bench", "llm"]


def rounds(raw: float, passive: float, v1: float, api: float, n: int = 5) -> llm.Rounds:
    """Rounds in which each arm makes so many tokens a second, the machine slower each time."""

    def batch(speed: float, slower: float) -> Batch:
        seconds = 64 / speed * slower
        return Batch(seconds, (Answer(seconds / 10, seconds, 50, 64),))

    speeds = dict(zip((*llm.RAW, *llm.EMBEDDED), (raw, passive, v1, api), strict=True))
    return [{name: batch(s, 1 + i) for name, s in speeds.items()} for i in range(n)]


def test_ratios_are_taken_round_by_round_against_raw_as_it_comes() -> None:
    result = llm.summary(rounds(raw=100, passive=80, v1=96, api=90))
    assert result["baseline"] == llm.RAW[0]
    assert result["ratio"][llm.EMBEDDED[0]] == {"median": 0.96, "min": 0.96, "max": 0.96}
    assert result["ratio"][llm.EMBEDDED[1]]["median"] == 0.9
    assert result["arms"][llm.RAW[0]]["tokens_per_second"] == round(100 / 3, 2)


def test_a_raw_arm_that_was_left_out_is_no_baseline() -> None:
    kept = [{k: v for k, v in r.items() if k != llm.RAW[0]} for r in rounds(80, 60, 57, 57)]
    assert llm.summary(kept)["baseline"] == llm.RAW[1]


def test_throughput_is_of_all_clients_together() -> None:
    batch = Batch(2.0, (Answer(0.5, 1.0, 50, 30), Answer(1.5, 2.0, 50, 50)))
    assert batch.tokens_per_second == 40 and batch.first_token == 1.0


OPENAI = b"""data: {"choices":[{"delta":{"role":"assistant","content":null}}]}

data: {"choices":[{"delta":{"content":"Once"}}]}

data: {"choices":[],"usage":{"prompt_tokens":50,"completion_tokens":64,"total_tokens":114}}

data: [DONE]

"""
OLLAMA = b"""{"message": {"role": "assistant", "content": "Once"}, "done": false}
{"message": {"content": ""}, "done": true, "prompt_eval_count": 50, "eval_count": 64}
"""


@pytest.mark.parametrize("answer", [OPENAI, OLLAMA], ids=["openai", "ollama"])
def test_counts_are_the_engines_own(answer: bytes) -> None:
    assert load.counts(answer) == (50, 64)
    assert load.CONTENT.search(answer).start() > 20, "an empty first piece is no token"


def test_an_answer_cut_short_is_an_error() -> None:
    with pytest.raises(ServerError, match="without its counts"):
        load.counts(OPENAI[: OPENAI.index(b'data: {"choices":[],')])


def test_both_apis_are_asked_for_the_same() -> None:
    openai = load.body(load.OPENAI, "m", "Hi", 64)
    ollama = load.body(load.OLLAMA, "m", "Hi", 64)
    assert openai["messages"] == ollama["messages"] and openai["stream"] and ollama["stream"]
    assert openai["max_tokens"] == ollama["options"]["num_predict"] == 64
    assert openai["temperature"] == ollama["options"]["temperature"] == 0


@pytest.mark.parametrize("text", ["", "a", "1,,8", "0", "1,-8", "1.5"])
def test_numbers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--clients"):
        report.numbers("--clients", text)
    assert report.numbers("--clients", "1, 8") == [1, 8]


def test_what_is_kept_is_whole(tmp_path) -> None:
    path = llm.keep({"ok": True}, tmp_path / "results" / "bench_llm.json")
    assert json.loads(path.read_text()) == {"ok": True}
    assert list(path.parent.iterdir()) == [path]


def test_wrong_usage_exits_2() -> None:
    done = subprocess.run([*COMMAND, "--clients", "none"], capture_output=True, text=True)
    assert done.returncode == 2 and "--clients" in done.stderr and done.stdout == ""


@pytest.mark.model
def test_a_small_measurement_is_one_json_object() -> None:
    small = ["--clients", "2", "--prompt-tokens", "50", "--runs", "1", "--output-tokens", "8"]
    done = subprocess.run([*COMMAND, *small, "--json"], capture_output=True, text=True, timeout=300)
    result = json.loads(done.stdout)
    assert done.returncode == (0 if result["ok"] else 1), done.stderr
    (cell,) = result["cells"]
    assert {llm.RAW[1], *llm.EMBEDDED} <= set(cell["arms"])
    assert result["runs"] == 1
    for arm in cell["arms"].values():
        assert arm["prompt_tokens"] == 50 and arm["output_tokens"] == [16]
        assert arm["tokens_per_second"] > 0 and arm["first_token_ms"] > 0
    assert result["machine"]["cores"] and result["commit"] and result["measured"]


@pytest.mark.model
def test_ctrl_c_leaves_nothing_running() -> None:
    mark = f"bench-{os.getpid()}-{time.time_ns()}"
    process = subprocess.Popen(
        COMMAND, env={**os.environ, "BENCH_TEST": mark}, stdout=subprocess.PIPE
    )
    try:
        wait_for(lambda: len(marked(mark)) >= 5, 120)  # this one, three servers, a runner
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        wait_for(lambda: not marked(mark), 20)
    finally:
        for left in marked(mark):
            left.kill()


def marked(mark: str) -> list[psutil.Process]:
    """The processes that have this mark in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("BENCH_TEST") == mark and process.status() != "zombie":
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_for(true, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.2)
