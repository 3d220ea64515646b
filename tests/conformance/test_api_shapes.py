"""The shape of every answer: names, types, counts and durations as Ollama gives them."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime

import httpx
import pytest

from conformance.helpers import (
    CHAT,
    EMBED,
    LONG,
    SCHEMA,
    answer,
    chat,
    count,
    generate,
    loaded,
    options,
    templated,
    user,
)

DETAILS = {"format", "family", "families", "parameter_size", "quantization_level"}
METRICS = (
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
)


def when(text: str) -> datetime:
    """An RFC 3339 time; nanoseconds are cut to what Python keeps."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))


def test_root_says_it_is_running(http: httpx.Client) -> None:
    reply = http.get("/")
    assert (reply.status_code, reply.text) == (200, "Ollama is running")
    head = http.head("/")
    assert (head.status_code, head.content) == (200, b"")


def test_version(http: httpx.Client) -> None:
    assert re.match(r"\d+\.\d+", http.get("/api/version").json()["version"])


def test_tags_list_each_model(http: httpx.Client) -> None:
    models = {m["name"]: m for m in http.get("/api/tags").json()["models"]}
    assert CHAT in models and f"{EMBED}:latest" in models
    for name, model in models.items():
        assert model["model"] == name
        assert model["size"] > 1_000_000
        assert re.fullmatch(r"[0-9a-f]{64}", model["digest"])
        assert when(model["modified_at"]).tzinfo
        assert set(model["details"]) >= DETAILS
    assert models[CHAT]["details"]["family"] == "llama"
    assert models[CHAT]["details"]["format"] == "gguf"
    assert http.head("/api/tags").status_code == 200


def test_show_of_a_chat_model(http: httpx.Client) -> None:
    shown = answer(http, "/api/show", model=CHAT)
    assert set(shown["details"]) >= DETAILS
    assert shown["details"]["families"] == ["llama"]
    assert re.fullmatch(r"\d+(\.\d+)?M", shown["details"]["parameter_size"])
    info = shown["model_info"]
    assert info["general.architecture"] == "llama"
    assert info["llama.context_length"] == 8192
    assert info["general.parameter_count"] > 130_000_000
    assert "completion" in shown["capabilities"] and "embedding" not in shown["capabilities"]
    assert "im_start" in shown["template"]
    assert "FROM " in shown["modelfile"]
    assert "Apache" in shown["license"]
    assert isinstance(shown.get("parameters", ""), str)
    assert when(shown["modified_at"])


def test_show_of_an_embedding_model(http: httpx.Client) -> None:
    shown = answer(http, "/api/show", model=EMBED)
    assert shown["details"]["family"] == "bert"
    assert shown["model_info"]["bert.embedding_length"] == 384
    assert shown["capabilities"] == ["embedding"]


def test_show_takes_the_old_name_field_and_the_latest_tag(http: httpx.Client) -> None:
    by_model = answer(http, "/api/show", model=EMBED)
    by_name = answer(http, "/api/show", name=f"{EMBED}:latest")
    assert by_name["details"] == by_model["details"]


def test_ps_tells_what_is_loaded_and_until_when(http: httpx.Client) -> None:
    chat(http, "Hi", keep_alive="5m")
    model = loaded(http)[CHAT]
    assert model["model"] == model["name"] == CHAT
    assert model["size"] > 50_000_000 and 0 <= model["size_vram"] <= model["size"]
    assert re.fullmatch(r"[0-9a-f]{64}", model["digest"])
    assert set(model["details"]) >= DETAILS
    assert model["context_length"] >= 2048
    left = (when(model["expires_at"]) - datetime.now(UTC)).total_seconds()
    assert 240 < left <= 301


def check_metrics(body: dict, wall: float) -> None:
    """Durations are whole nanoseconds that fit together and into the time that passed."""
    for name in METRICS:
        assert isinstance(body[name], int) and body[name] >= 0, name
    parts = body["load_duration"] + body["prompt_eval_duration"] + body["eval_duration"]
    assert parts <= body["total_duration"] * 1.05 + 50_000_000
    assert 0.5 * wall * 1e9 - 100_000_000 <= body["total_duration"] <= wall * 1e9
    assert body["eval_duration"] > 0 and body["prompt_eval_count"] > 0


def test_a_whole_chat_answer(http: httpx.Client) -> None:
    started = time.perf_counter()
    body = chat(http, LONG, options=options(num_predict=24))
    check_metrics(body, time.perf_counter() - started)
    assert body["model"] == CHAT and body["done"] is True
    assert abs((when(body["created_at"]) - datetime.now(UTC)).total_seconds()) < 60
    assert body["message"]["role"] == "assistant" and body["message"]["content"]
    assert (body["done_reason"], body["eval_count"]) == ("length", 24)


def test_a_whole_generate_answer_and_its_context(http: httpx.Client) -> None:
    started = time.perf_counter()
    body = generate(http, "The sea is")
    check_metrics(body, time.perf_counter() - started)
    assert body["model"] == CHAT and body["done"] is True and body["response"]
    assert all(isinstance(token, int) for token in body["context"])
    assert len(body["context"]) >= body["prompt_eval_count"]


def test_an_answer_that_ends_by_itself_says_stop(http: httpx.Client) -> None:
    body = chat(http, "What is 1+1? Answer with one number.", options=options(num_predict=200))
    assert body["done_reason"] == "stop" and 0 < body["eval_count"] < 200


def test_context_continues_a_conversation(http: httpx.Client) -> None:
    first = generate(http, "My name is Ingrid.", system="Be brief.")
    second = generate(http, "And you?", context=first["context"])
    alone = generate(http, "And you?")
    assert second["prompt_eval_count"] > alone["prompt_eval_count"]
    assert len(second["context"]) > len(first["context"])


def test_raw_prompts_are_not_templated_and_have_no_context(http: httpx.Client) -> None:
    prompt = "The three primary colours are"
    raw = generate(http, prompt, raw=True)
    assert raw["prompt_eval_count"] == count(prompt)
    assert "context" not in raw


@pytest.mark.parametrize("text", ["Hello", "Årstider: 4 in 2024 – naïve?", LONG * 3])
def test_prompt_counts_are_those_of_the_tokenizer(http: httpx.Client, text: str) -> None:
    messages = [{"role": "system", "content": "Be brief."}, *user(text)]
    body = answer(http, "/api/chat", model=CHAT, messages=messages, stream=False, options=options())
    assert body["prompt_eval_count"] == count(templated(messages))
    generated = generate(http, text, system="Be brief.")
    assert generated["prompt_eval_count"] == body["prompt_eval_count"]
    again = generate(http, text, system="Be brief.")
    assert again["prompt_eval_count"] == body["prompt_eval_count"], "a cached prompt counts too"


def test_chat_and_generate_say_the_same_to_the_same(http: httpx.Client) -> None:
    messages = [{"role": "system", "content": "Be brief."}, *user("Name a fruit.")]
    talked = answer(
        http, "/api/chat", model=CHAT, messages=messages, stream=False, options=options()
    )
    made = generate(http, "Name a fruit.", system="Be brief.")
    assert talked["message"]["content"] == made["response"]


def test_several_turns_are_all_in_the_prompt(http: httpx.Client) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Name a fish."},
    ]
    body = answer(http, "/api/chat", model=CHAT, messages=messages, stream=False, options=options())
    assert body["prompt_eval_count"] == count(templated(messages))


def test_an_empty_request_loads_and_keep_alive_0_unloads(http: httpx.Client) -> None:
    for path, key in (("/api/generate", "response"), ("/api/chat", "message")):
        body = answer(http, path, model=CHAT)
        assert (body["done"], body["done_reason"]) == (True, "load") and key in body
        assert CHAT in loaded(http)
        body = answer(http, path, model=CHAT, keep_alive=0)
        assert (body["done"], body["done_reason"]) == (True, "unload")
        for _ in range(50):
            if CHAT not in loaded(http):
                break
            time.sleep(0.1)
        assert CHAT not in loaded(http)


def test_a_greedy_answer_repeats_and_top_k_1_is_greedy(http: httpx.Client) -> None:
    first, second = (chat(http, LONG)["message"]["content"] for _ in range(2))
    narrow = chat(http, LONG, options=options(temperature=1.5, top_k=1))["message"]["content"]
    assert first == second == narrow


def test_a_seed_repeats_an_answer_and_another_changes_it(http: httpx.Client) -> None:
    def told(seed: int) -> str:
        return chat(http, LONG, options=options(temperature=1.2, seed=seed))["message"]["content"]

    answers = {seed: told(seed) for seed in (1, 2, 3)}
    assert told(1) == answers[1]
    assert len(set(answers.values())) > 1


def test_a_tiny_top_p_is_greedy(http: httpx.Client) -> None:
    greedy = chat(http, LONG)["message"]["content"]
    narrow = chat(http, LONG, options=options(temperature=1.0, top_k=0, top_p=0.0001))
    assert narrow["message"]["content"] == greedy


def test_a_repeat_penalty_changes_what_repeats(http: httpx.Client) -> None:
    prompt = "one two one two one two one two one two one two"
    plain = generate(http, prompt, raw=True, options=options(repeat_penalty=1.0))
    spread = generate(http, prompt, raw=True, options=options(repeat_penalty=2.0))
    assert plain["response"] != spread["response"]


def test_stop_words_end_the_answer_and_are_left_out(http: httpx.Client) -> None:
    prompt = "Count: 1, 2, 3, 4, 5, 6,"
    whole = generate(http, prompt, raw=True, options=options(num_predict=24))["response"]
    assert "9" in whole
    for stop in ("9", ["zzz", "9"]):
        if isinstance(stop, str):
            stop = [stop]
        cut = generate(http, prompt, raw=True, options=options(num_predict=24, stop=stop))
        assert cut["response"] == whole.split("9")[0]
        assert cut["done_reason"] == "stop"


def test_null_and_unknown_options_are_as_if_not_given(http: httpx.Client) -> None:
    plain = chat(http, LONG)["message"]["content"]
    odd = options(top_p=None, num_gpu=None, no_such_option=1)
    assert chat(http, LONG, options=odd)["message"]["content"] == plain
    assert chat(http, LONG, format=None, tools=None, keep_alive=None)["message"]["content"] == plain


def test_a_json_schema_is_kept_to(http: httpx.Client) -> None:
    for body in (
        chat(http, "What colour is fire?", format=SCHEMA, options=options(num_predict=120)),
        generate(http, "What colour is fire?", format=SCHEMA, options=options(num_predict=120)),
    ):
        made = json.loads(body["message"]["content"] if "message" in body else body["response"])
        assert set(made) == {"colour", "warm"}
        assert made["colour"] in SCHEMA["properties"]["colour"]["enum"]
        assert isinstance(made["warm"], bool)


def test_json_mode_makes_a_json_object(http: httpx.Client) -> None:
    text = 'Answer in JSON, like {"name": "Ann", "age": 3}. Describe Bob, who is 5.'
    body = chat(http, text, format="json", options=options(num_predict=300))
    assert body["done_reason"] == "stop", body
    assert isinstance(json.loads(body["message"]["content"]), dict)


def test_tools_are_taken_or_refused_as_the_model_is_able(http: httpx.Client) -> None:
    able = "tools" in answer(http, "/api/show", model=CHAT)["capabilities"]
    function = {
        "name": "fare",
        "description": "The fare to an island.",
        "parameters": {"type": "object", "properties": {"island": {"type": "string"}}},
    }
    request = {
        "model": CHAT,
        "messages": user("Fare to Unst?"),
        "stream": False,
        "options": options(),
        "tools": [{"type": "function", "function": function}],
    }
    reply = http.post("/api/chat", json=request)
    if able:
        assert reply.status_code == 200 and reply.json()["message"]["role"] == "assistant"
    else:
        assert reply.status_code == 400
        assert "does not support tools" in reply.json()["error"]


def test_pulling_a_model_that_is_there(http: httpx.Client) -> None:
    with http.stream("POST", "/api/pull", json={"model": EMBED}) as reply:
        states = [json.loads(line) for line in reply.iter_lines()]
    assert states[0]["status"] == "pulling manifest"
    assert states[-1] == {"status": "success"}
    assert answer(http, "/api/pull", name=EMBED, stream=False) == {"status": "success"}
