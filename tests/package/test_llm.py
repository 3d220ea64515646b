"""The embedded server's translations and its bookkeeping, without a model."""

from __future__ import annotations

import json
import math
import os

import pytest

from workbench.llm import client, daemon, server, translate
from workbench.llm.engine import ApiError, find, seconds
from workbench.llm.runner import Job


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(300, 300), ("5m", 300), ("1h30m", 5400), ("90", 90), ("250ms", 0.25), (0, 0), ("0", 0)],
)
def test_keep_alive_in_seconds(given, wanted):
    assert seconds(given) == pytest.approx(wanted)


@pytest.mark.parametrize("forever", [-1, "-1", "-5m"])
def test_negative_keep_alive_is_forever(forever):
    assert math.isinf(seconds(forever))


@pytest.mark.parametrize("bad", ["soon", "5 minutes", True, [], "5mm"])
def test_bad_keep_alive_is_a_bad_request(bad):
    with pytest.raises(ApiError) as caught:
        seconds(bad)
    assert caught.value.status == 400


def test_options_are_ollamas_defaults_then_the_models_then_the_requests():
    request = {"options": {"temperature": 0, "num_predict": 5, "unheard_of": 1, "seed": None}}
    found = translate.options(request, {"temperature": 0.3, "stop": ["<|im_end|>"]})
    assert found["temperature"] == 0
    assert found["n_predict"] == 5
    assert found["stop"] == ["<|im_end|>"]
    assert (found["top_p"], found["repeat_penalty"], found["seed"]) == (0.9, 1.1, -1)
    assert "unheard_of" not in found


@pytest.mark.parametrize(
    "options", [{"temperature": "hot"}, {"num_predict": 1.5}, {"stop": "x"}, {"seed": True}]
)
def test_an_option_of_the_wrong_type_is_named(options):
    with pytest.raises(ApiError, match=f'option "{next(iter(options))}" must be of type'):
        translate.options({"options": options}, {})


def test_a_schema_is_closed_all_the_way_down():
    inner = {"type": "object", "properties": {"n": {"type": "integer"}}}
    schema = {"type": "object", "properties": {"properties": inner, "l": {"items": inner}}}
    closed = translate.completion_format(schema)["json_schema"]
    assert closed["additionalProperties"] is False
    assert closed["properties"]["properties"]["additionalProperties"] is False
    assert closed["properties"]["l"]["items"]["additionalProperties"] is False
    assert "additionalProperties" not in schema


def test_an_unknown_format_is_a_bad_request():
    with pytest.raises(ApiError, match="invalid format"):
        translate.response_format("xml")


def test_stats_count_the_whole_prompt_and_use_nanoseconds():
    timings = {"cache_n": 10, "prompt_n": 5, "prompt_ms": 2.5, "predicted_n": 7, "predicted_ms": 70}
    found = translate.stats(timings, 0.5, 1.5)
    assert (found["prompt_eval_count"], found["eval_count"]) == (15, 7)
    assert (found["prompt_eval_duration"], found["eval_duration"]) == (2_500_000, 70_000_000)
    assert (found["load_duration"], found["total_duration"]) == (500_000_000, 1_500_000_000)


def test_tool_calls_go_there_and_back():
    call = {"function": {"name": "fares", "arguments": {"port": "Ulvey"}}}
    (message,) = translate.messages_in([{"role": "assistant", "tool_calls": [call]}])
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"port": "Ulvey"}
    assert translate.calls_out(message["tool_calls"]) == [call]


def test_a_too_long_prompt_is_refused_with_both_lengths():
    error = {"type": "exceed_context_size_error", "n_prompt_tokens": 5031, "n_ctx": 4096}
    refused = translate.engine_error(400, {"error": error})
    assert refused.status == 400
    assert "5031 tokens" in refused.message and "4096 tokens" in refused.message


def test_missing_models_and_names_have_ollamas_status(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    for name, status in (("no-such", 404), ("smollm2:135m", 404), ("", 400), (None, 400)):
        with pytest.raises(ApiError) as caught:
            find(name)
        assert caught.value.status == status


def test_a_job_survives_its_way_to_the_process():
    job = Job("a file.gguf", 4096, 8, adapters=("ä.gguf",), name="smollm2:135m")
    assert Job.loads(job.dumps()) == job


def test_a_port_in_use_is_refused_if_asked_for_and_else_another_is_taken():
    with server.listen(None) as first:
        port = first.getsockname()[1]
        with pytest.raises(OSError):
            server.listen(port)
        with server.listen(port, otherwise_any=True) as second:
            assert second.getsockname()[1] != port
            assert second.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("", None),
        ("127.0.0.1:9999", "http://127.0.0.1:9999"),
        ("http://10.0.0.1", "http://10.0.0.1:80"),
    ],
)
def test_ollama_host_is_read_as_ollamas_client_reads_it(monkeypatch, value, url):
    monkeypatch.setenv("OLLAMA_HOST", value)
    assert client.named_host() == url


def test_a_record_of_another_process_is_not_believed(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    daemon.record_path().parent.mkdir(parents=True)
    record = {"url": "http://127.0.0.1:9", "pid": os.getpid()}
    daemon.record_path().write_text(json.dumps(record))
    assert daemon.running() is None
    assert daemon.stop() is False  # and this test is still alive
    daemon.record_path().write_text("half a rec")
    assert daemon.running() is None
