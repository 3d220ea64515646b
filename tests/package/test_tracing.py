"""Tracing: spans of real client calls, the record, the sender, the drawing, and Phoenix itself."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from opentelemetry.sdk.trace import TracerProvider

from doubles import OllamaDouble
from workbench.errors import BadInput
from workbench.tracing import phoenix, spool, view, waterfall
from workbench.tracing.sender import Sender
from workbench.tracing.span import Span, newest_traces, tree

HOSTILE = "<script>alert('x')</script>&\"><img src=x onerror=y>"


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """An empty working copy, so that no other viewer is seen or disturbed."""
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path))
    return tmp_path


def run(root: Path, code: str, *args: str, **env: str) -> subprocess.CompletedProcess:
    """Run ``code`` in a process of its own, whose instrumentation is nobody else's."""
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        env={**os.environ, "WORKBENCH_ROOT": str(root), **env},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def said(done: subprocess.CompletedProcess) -> dict:
    """The JSON object that a process printed last."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def step(name: str, start: float, end: float, parent: str | None = None, **rest) -> Span:
    fields = {"kind": "CHAIN", "status": "OK", "message": "", "attributes": {}} | rest
    return Span("t" * 32, name, parent, name, start=start, end=end, **fields)


# --- what becomes a span, and what is counted

CALLS = """
import asyncio, json, sys
from workbench.tracing.provider import begin
tracing = begin("test")
assert "ollama" not in sys.modules and "llama_index.core" not in sys.modules
import ollama
url, hello = sys.argv[1], [{"role": "user", "content": "hello"}]
client = ollama.Client(url)
client.chat("m", hello)
list(client.chat("m", hello, stream=True))
client.generate("m", "hello")
list(client.generate("m", "hello", stream=True))
client.embed("e", ["a", "b"])
client.embeddings("e", "a")
try:
    client.generate("missing", "hello")
except ollama.ResponseError:
    pass
async def ask():
    client = ollama.AsyncClient(url)
    await client.chat("m", hello)
    async for _ in await client.chat("m", hello, stream=True):
        pass
    async for _ in await client.generate("m", "hello", stream=True):
        pass
    await client.embed("e", "a")
asyncio.run(ask())
from llama_index.core.llms import ChatMessage
from llama_index.llms.ollama import Ollama
llm = Ollama(model="m", base_url=url, context_window=2000)
with tracing.tracer.start_as_current_span("ask", openinference_span_kind="chain"):
    llm.chat([ChatMessage(role="user", content="hello")])
    llm.complete("hello")
    list(llm.stream_complete("hello"))
print(json.dumps([span.as_dict() for span in tracing.recent()]))
"""


@pytest.fixture(scope="module")
def called(tmp_path_factory) -> dict:
    """The spans and the record of one process that made every kind of call."""
    root = tmp_path_factory.mktemp("calls")
    record = root / "record.jsonl"
    with OllamaDouble(pause=0.02) as double:
        names = {"WORKBENCH_RECORD": str(record), "WORKBENCH_NOTEBOOK": "03_customization"}
        spans = said(run(root, CALLS, double.url, **names))
        asked = list(double.asked)
    lines = [json.loads(line) for line in record.read_text("utf-8").splitlines()]
    spooled = list((root / "artifacts" / "phoenix" / "spool").glob("*.pb"))
    return {"spans": spans, "record": lines, "asked": asked, "spooled": spooled}


def test_every_call_of_the_client_is_recorded_once(called):
    calls = [line["call"] for line in called["record"] if "call" in line]
    embeds = [line["embed"] for line in called["record"] if "embed" in line]
    chats = [path for path in called["asked"] if path in ("/api/chat", "/api/generate")]
    assert len(calls) == len(chats) == 11
    assert len(embeds) == len(called["asked"]) - len(chats) == 3
    assert [call for call in calls if call.get("failed")] == [calls[4]]
    good = [call for call in calls if not call.get("failed")]
    assert all((call["prompt_tokens"], call["output_tokens"]) == (11, 5) for call in good)
    assert all(call["model"] == "m" and call["seconds"] > 0 for call in good)
    assert [embed["texts"] for embed in embeds] == [2, 1, 1]


def test_spans_count_each_token_once_though_llama_index_wraps_the_client(called):
    counted = [span for span in called["spans"] if span["output_tokens"]]
    assert {span["name"] for span in counted} == {"Chat", "AsyncChat", "Generate"}
    assert sum(span["output_tokens"] for span in counted) == 10 * 5
    assert any(span["name"] == "Ollama.chat" for span in called["spans"])


def test_streamed_calls_say_when_the_first_token_came(called):
    streamed = [s for s in called["spans"] if "llm.first_token_seconds" in s["attributes"]]
    names = [span["name"] for span in streamed]
    assert sorted(names) == ["AsyncChat", "Chat", "Chat", "Generate", "Generate"]
    for span in streamed:  # five words, 20 ms before each
        assert 0.02 <= span["attributes"]["llm.first_token_seconds"] < span["seconds"] - 0.06


def test_spans_name_their_notebook_their_failure_and_their_parent(called):
    spans = {span["span_id"]: span for span in called["spans"]}
    assert {s["attributes"]["workbench.notebook"] for s in spans.values()} == {"03_customization"}
    failed = [span for span in spans.values() if span["status"] == "ERROR"]
    assert [span["name"] for span in failed] == ["Generate"]
    assert "not found" in failed[0]["message"]
    inner = [s for s in spans.values() if s["name"] == "Chat" and s["parent_id"]]
    assert "Ollama.chat" in {spans[span["parent_id"]]["name"] for span in inner}


def test_a_process_that_ends_before_phoenix_is_up_leaves_its_spans_as_files(called):
    assert len(called["spooled"]) == 1


# --- the sender


def test_spans_beyond_the_bound_are_counted_and_ending_one_never_waits(root, monkeypatch):
    monkeypatch.setattr(Sender, "LIMIT", 10)
    sender = Sender()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(sender)
    for _ in range(13):
        provider.get_tracer("test").start_span("x").end()
    assert (sender.waiting(), sender.dropped) == (10, 3)
    assert sender.force_flush(50) is False
    sender.shutdown()
    assert len(spool.waiting()) == 1


def test_a_stopped_viewer_is_not_started_again_by_waiting_spans(root, monkeypatch):
    monkeypatch.setattr(phoenix, "_launch", lambda: pytest.fail("launched"))
    sender = Sender()
    assert sender._viewer() is None
    sender.shutdown()


# --- the viewer's record


def test_a_damaged_or_stale_record_counts_as_no_viewer(root):
    phoenix.folder().mkdir(parents=True)
    for text in ("", "{", "[]", '{"pid": "x"}', '{"pid": 1}'):
        phoenix.record_path().write_text(text, "utf-8")
        assert phoenix.recorded() is None
    phoenix._write(phoenix.Viewer(os.getpid(), created=1.0, port=6006))
    assert phoenix.recorded() is not None
    assert phoenix.find() is None  # this process's id, but it was made at another time


def test_a_taken_port_is_replaced_by_another():
    with socket.socket() as taken:
        taken.bind((phoenix.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with phoenix._bind(phoenix.Viewer(1, 1.0, port)) as door:
            assert door.getsockname()[1] != port


def test_the_command_line_says_that_no_viewer_runs(root):
    done = cli(root, "status", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["running"] is False
    assert json.loads(cli(root, "stop", "--json").stdout) == {"stopped": False}


def cli(root: Path, *words: str) -> subprocess.CompletedProcess:
    code = "import sys; sys.argv[0] = 'workbench'; from workbench.cli import main; main()"
    return run(root, code, "phoenix", *words)


# --- the drawing


def test_a_trace_is_drawn_as_a_tree_on_one_time_axis():
    spans = [step("ask", 0, 4), step("find", 0, 1, "ask"), step("chat", 1, 4, "ask")]
    assert [(depth, span.name) for depth, span in tree(spans)] == [
        (0, "ask"),
        (1, "find"),
        (1, "chat"),
    ]
    html = waterfall.html(spans)
    assert "margin-left:25.00%;width:75.00%" in html
    assert "chat: starts at 1 s, takes 3 s" in html
    assert waterfall.text(spans).count("█") == 40 + 10 + 30


def test_a_span_whose_parent_is_not_there_is_still_drawn():
    assert [depth for depth, _ in tree([step("a", 0, 1, "lost"), step("b", 0, 1, "a")])] == [0, 1]


def test_everything_that_a_span_says_is_escaped():
    said_by_span = {
        "input.value": HOSTILE,
        "output.value": HOSTILE,
        "llm.model_name": HOSTILE,
        "retrieval.documents.0.document.content": HOSTILE,
    }
    one = step(HOSTILE, 0, 1, kind=HOSTILE, status="ERROR", message=HOSTILE)
    hostile = [one, step("x", 0, 1, HOSTILE, attributes=said_by_span)]
    html = view.Traces([hostile], HOSTILE, None, "", 480)._repr_html_()
    assert "<script" not in html and "<img" not in html
    assert html.count("&lt;script&gt;") >= 6


def test_a_long_trace_is_cut_and_says_so():
    many = [step(f"s{i}", i, i + 1) for i in range(waterfall.ROWS + 7)]
    assert "7 more steps" in waterfall.html(many)


def test_durations_are_for_reading():
    read = [waterfall.duration(s) for s in (0.00012, 0.0421, 0.9996, 3.14159, 125.4)]
    assert read == ["120 µs", "42.1 ms", "1 s", "3.14 s", "2 min 05 s"]


def test_the_newest_traces_come_first():
    old, new = step("old", 0, 9), step("new", 5, 6)
    spans = [old, Span(**{**vars(new), "trace_id": "n" * 32})]
    assert newest_traces(spans, 2) == ["n" * 32, "t" * 32]
    assert newest_traces(spans, 1) == ["n" * 32]


def test_no_traces_is_not_a_number_to_ask_for():
    with pytest.raises(BadInput, match="last is 0"):
        view.look(None, last=0, trace_id=None, height=480)


# --- Phoenix itself: started once for the tests below

LAUNCH = """
import json
from workbench.tracing import phoenix
print(json.dumps(vars(phoenix.start())))
"""

ASK = """
import json, sys, time
from workbench import tracing
begun = time.perf_counter()
running = tracing.start()
begun = time.perf_counter() - begun
span = running.tracer.start_as_current_span
clock = time.perf_counter()
for _ in range(200):
    with span("ask the desk", openinference_span_kind="chain") as step:
        step.set_input("When?")
        with span("look it up", openinference_span_kind="retriever"):
            pass
spent = time.perf_counter() - clock
held = running.sender.waiting()
flushed = tracing.flush(120)
stored, patience = 0, time.monotonic() + 60
while stored < 400 and time.monotonic() < patience:
    stored = len(tracing.spans(notebook="06_monitoring"))
took = []
for _ in range(3):
    clock = time.perf_counter()
    shown = tracing.traces(last=2)
    took.append(time.perf_counter() - clock)
print(json.dumps({"begun": begun, "spent": spent, "held": held, "flushed": flushed,
    "took": min(took), "html": shown._repr_html_(), "note": shown.note,
    "url": tracing.url(), "stored": stored}))
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> dict:
    """A viewer that was launched twice at once, killed while starting, and launched again."""
    root = tmp_path_factory.mktemp("välkommen 1")
    with ThreadPoolExecutor(2) as pool:
        both = [said(done) for done in pool.map(lambda _: run(root, LAUNCH), range(2))]
    os.kill(both[0]["pid"], signal.SIGKILL)
    try:
        asked = said(run(root, ASK, WORKBENCH_NOTEBOOK="06_monitoring"))
        yield {"root": root, "both": both, "asked": asked}
    finally:
        cli(root, "stop")


@pytest.mark.viewer
def test_two_that_start_at_once_get_one_viewer(served):
    assert served["both"][0] == served["both"][1]


@pytest.mark.viewer
def test_a_killed_viewer_is_launched_again_on_its_port(served):
    status = said(cli(served["root"], "status", "--json"))
    assert status["answers"] and status["pid"] != served["both"][0]["pid"]
    assert status["url"].endswith(f":{served['both'][0]['port']}")


@pytest.mark.viewer
def test_spans_wait_for_phoenix_without_making_the_answer_wait(served):
    asked = served["asked"]
    assert asked["held"] == 400  # Phoenix was not up when they ended
    assert asked["spent"] < 1.0  # for 400 spans, on a machine that is busy starting Phoenix
    assert asked["flushed"] and asked["stored"] == 400


@pytest.mark.viewer
def test_traces_are_drawn_from_phoenix(served):
    asked = served["asked"]
    assert "Drawn from Phoenix" in asked["note"] and asked["url"] in asked["note"]
    assert asked["html"].count("ask the desk") >= 2 and "look it up" in asked["html"]
    assert 'data-path="projects/' in asked["html"]
    assert asked["took"] < 3


@pytest.mark.viewer
def test_phoenix_listens_on_loopback_only_and_is_marked_as_a_daemon(served):
    viewer = psutil.Process(said(cli(served["root"], "status", "--json"))["pid"])
    family = [viewer, *viewer.children(recursive=True)]
    doors = [c.laddr for p in family for c in p.net_connections() if c.status == "LISTEN"]
    assert [door.ip for door in doors] == ["127.0.0.1"]
    assert viewer.environ()["WORKBENCH_DAEMON"] == "1"
    assert os.getsid(viewer.pid) == viewer.pid


@pytest.mark.viewer
def test_phoenix_can_be_reached_under_a_proxy_path(served):
    url = served["asked"]["url"]
    proxied = httpx.get(url, headers={"x-forwarded-prefix": "/user/x/proxy/6006"}).text
    assert 'basename: "/user/x/proxy/6006"' in proxied and "/user/x/proxy/6006/assets/" in proxied
    assert "/proxy/" not in httpx.get(url).text


@pytest.mark.viewer
def test_phoenix_looks_nothing_up_outside_and_starts_without_an_error(served):
    log = (served["root"] / "artifacts/phoenix/phoenix.log").read_text("utf-8")
    assert "Traceback" not in log and "ERROR" not in log
    assert "Telemetry           ➖ Disabled" in log and "Docs MCP            ➖ Disabled" in log


@pytest.mark.viewer
def test_spans_left_as_files_are_taken_in(served):
    code = """
from workbench.tracing.provider import begin
begin("left behind").tracer.start_span("last words").end()
"""
    run(served["root"], code)
    folder = served["root"] / "artifacts/phoenix/spool"
    page = f"{served['asked']['url']}/v1/projects/left behind/spans"
    deadline = time.monotonic() + 20
    while httpx.get(page).status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert [span["name"] for span in httpx.get(page).json()["data"]] == ["last words"]
    assert not list(folder.glob("*.pb"))


DIE = """
import json, os, signal, time
from workbench import tracing
from workbench.tracing import phoenix
running = tracing.start("killed")
def ask(name):
    clock = time.perf_counter()
    running.tracer.start_span(name).end()
    return time.perf_counter() - clock
ask("before")
assert tracing.flush(60)
os.kill(phoenix.find().pid, signal.SIGKILL)
spent = [ask(f"while down {i}") for i in range(100)]
shown = tracing.traces(last=1)
flushed = tracing.flush(120)
print(json.dumps({"spent": sorted(spent)[50], "flushed": flushed,
    "stored": sorted(s["name"] for s in tracing.spans(project="killed"))}))
"""


@pytest.mark.viewer
@pytest.mark.full
def test_spans_made_while_phoenix_is_dead_arrive_when_it_is_back(served):
    died = said(run(served["root"], DIE))
    assert died["spent"] < 0.05
    assert died["flushed"] and len(died["stored"]) == 101 and "before" in died["stored"]


@pytest.mark.viewer
@pytest.mark.full
def test_an_idle_viewer_and_one_whose_record_is_gone_end_by_themselves(tmp_path):
    idle = said(run(tmp_path / "a", LAUNCH, WORKBENCH_PHOENIX_IDLE_MINUTES="0.05"))
    orphan = said(run(tmp_path / "b", LAUNCH))
    (tmp_path / "b/artifacts/phoenix/server.json").unlink()
    deadline = time.monotonic() + 120
    for viewer in (idle, orphan):
        while phoenix.alive(phoenix.Viewer(**viewer)) and time.monotonic() < deadline:
            time.sleep(0.5)
        assert not phoenix.alive(phoenix.Viewer(**viewer))
