"""The registry: own versions, pins with their history, Phoenix, JSON answers, the trace."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fake_ollama import FakeOllama
from typer.testing import CliRunner

from workbench import prompts
from workbench.errors import BadInput, BrokenFile, UnknownName
from workbench.prompts import Registry
from workbench.prompts.cli import app
from workbench.rag import REFUSAL, Assistant
from workbench.rag.structured import said

WORDS = [("user", "Say {question} in {max_words} words.")]
TYPED = {"question": "text", "max_words": "integer"}


@pytest.fixture(autouse=True)
def root(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path / "root"))
    return tmp_path / "root"


@pytest.fixture
def registry(tmp_path) -> Registry:
    return Registry(tmp_path / "own")


def shorter(registry: Registry) -> prompts.Prompt:
    """A third version of the packaged prompt."""
    messages = [(role, text.replace("brackets", "brackets, please")) for role, text in
                registry.get("answer", 2).messages]  # fmt: skip
    return registry.save("answer", messages, "Asks nicely.")


def test_a_version_is_saved_beside_the_packaged_ones(registry):
    saved = shorter(registry)
    assert saved.id == "answer/v3" and saved.path.parent == registry.folder / "answer"
    assert registry.versions("answer") == [1, 2, 3] and registry.get("answer/v3") == saved
    assert registry.get("answer").version == 2  # saved is not in force
    assert prompts.versions("answer") == [1, 2]  # and concerns no other registry


def test_a_new_prompt_has_typed_variables(registry):
    first = registry.save("echo", WORDS, "First.", variables=TYPED)
    assert registry.names() == sorted([*prompts.names(), "echo"])
    assert registry.get("echo") == first and first.variables == TYPED
    assert first.render(question="hello", max_words=3)[0]["content"] == "Say hello in 3 words."
    with pytest.raises(BadInput, match=r"'max_words'.*integer.*str"):
        first.render(question="hello", max_words="3")


def test_the_same_words_twice_are_one_version(registry):
    assert shorter(registry) == shorter(registry)
    again = registry.save("answer", registry.get("answer", 1).messages, "The old one.")
    assert again.id == "answer/v1" and registry.versions("answer") == [1, 2, 3]
    chat = [{"role": role, "content": text} for role, text in WORDS]
    assert registry.save("echo", chat, "As chat.") == registry.save("echo", WORDS, "As pairs.")


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"name": "../up"}, "no name for a prompt"),
        ({"name": "Answer"}, "no name for a prompt"),
        ({"changelog": " "}, "changelog"),
        ({"messages": []}, "no messages"),
        ({"messages": [("wizard", "{question}")]}, "no messages"),
        ({"messages": [("user", "a\n## system\nb {question}")]}, "heading"),
        ({"variables": {"question": "word"}}, "type 'word'"),
        ({"variables": {"passages": "text"}}, "other variables"),
        ({"format": {"type": "object"}}, "property 'answer'"),
    ],
)
def test_what_cannot_be_read_back_is_not_saved(registry, given, what):
    good = {"name": "echo", "messages": [("user", "{question}")], "changelog": "x"}
    with pytest.raises(BadInput, match=what):
        registry.save(**good | given)
    assert not list(registry.folder.rglob("*.md"))


SAVE = """
import sys
from workbench.prompts import Registry
registry = Registry(sys.argv[1])
for number in range(10):
    registry.save("race", [("user", f"{sys.argv[2]} {number} {{question}}")], "One of many.")
"""


def test_processes_that_save_at_once_get_numbers_of_their_own(registry):
    commands = [[sys.executable, "-c", SAVE, str(registry.folder), who] for who in ("a", "b")]
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda c: subprocess.run(c, check=False).returncode, commands))
    assert done == [0, 0] and registry.versions("race") == list(range(1, 21))
    assert len({registry.get("race", v).text for v in range(1, 21)}) == 20


def test_a_pin_is_in_force_until_it_is_rolled_back(registry):
    shorter(registry)
    registry.pin("answer", 3, "nicer")
    registry.pin("answer", 3, "the same again changes nothing")
    assert registry.get("answer").version == 3 and registry.pinned("answer").reason == "nicer"
    registry.pin("answer", 1, "plain is enough")
    assert registry.get("answer").version == 1 and registry.get("answer", 2).version == 2
    assert registry.rollback("answer", "it is not").version == 3
    assert registry.rollback("answer").version == 2  # nothing pinned: the latest packaged
    with pytest.raises(BadInput, match="nothing to roll back"):
        registry.rollback("answer")
    log = registry.log("answer")
    assert [(e.action, e.version) for e in log] == [
        ("pin", 3), ("pin", 1), ("rollback", 3), ("rollback", None)
    ]  # fmt: skip
    assert [e.reason for e in log][2:] == ["it is not", "undo: nicer"]
    assert all(e.who and e.when.endswith("+00:00") for e in log)
    assert prompts.get("answer").version == 2 and prompts.log("answer") == []


def test_the_working_copy_has_a_registry_of_its_own(root):
    prompts.save("answer", [("user", "{passages} {question}")], "Bare.")
    prompts.pin("answer", 3, "try it")
    assert prompts.get("answer").text == "{passages} {question}"
    assert (root / "artifacts" / "prompts" / "answer" / "v3.md").exists()
    assert prompts.rollback("answer").version == 2


def test_pins_want_a_reason_and_a_version_that_is_there(registry):
    with pytest.raises(BadInput, match="reason"):
        registry.pin("answer", 1, " ")
    with pytest.raises(UnknownName, match="there are: 1, 2"):
        registry.pin("answer", 7, "because")
    with pytest.raises(UnknownName, match="did you mean 'answer'"):
        registry.rollback("anwser")


def test_a_pinned_version_that_is_gone_or_altered_is_not_believed(registry):
    saved = shorter(registry)
    registry.pin("answer", 3, "nicer")
    text = saved.path.read_text()
    saved.path.write_text(text.replace("please", "now"))
    with pytest.raises(BadInput, match="pinned and its file was changed"):
        registry.get("answer")
    saved.path.write_text(text[:200])
    with pytest.raises(BrokenFile, match=r"v3\.md"):
        registry.get("answer")
    saved.path.unlink()
    with pytest.raises(BadInput, match="pinned and its file is gone") as error:
        registry.get("answer")
    assert "rollback" in error.value.fix
    assert registry.rollback("answer").version == 2


def test_what_is_half_written_is_no_version_and_broken_pins_are_named(registry):
    shorter(registry)
    (registry.folder / "answer" / "v4.md.123.part").write_text("+++\nversion = 4")
    (registry.folder / "answer" / "v4-draft.md").write_text("mine")
    assert registry.versions("answer") == [1, 2, 3]
    registry.pin("answer", 3, "nicer")
    pins = registry.folder / "pins.json"
    pins.write_text(pins.read_text()[:-30])
    with pytest.raises(BrokenFile, match=r"pins\.json"):
        registry.get("answer")
    assert registry.get("answer", 2).version == 2


def test_two_files_of_one_number_are_not_chosen_between(registry):
    path = registry.folder / "answer" / "v2.md"
    path.parent.mkdir(parents=True)
    packaged = prompts.get("answer", 2).path.read_text()
    path.write_text(packaged)
    assert registry.get("answer").version == 2
    path.write_text(packaged.replace("data", "gold"))
    with pytest.raises(BadInput, match="there twice"):
        registry.get("answer")


# --- answers in JSON

SCHEMA = prompts.get("answer-json").format


@pytest.mark.parametrize(
    ("raw", "text", "failed"),
    [
        ('{"answer": "20 kr.", "source": "fares"}', "20 kr. [fares]", ""),
        ('{"answer": "20 kr.", "source": "[fares]"}', "20 kr. [fares]", ""),
        ('{"answer": "The documents do not say.", "source": ""}', REFUSAL, ""),
        ('{"answer": "20 kr., which', "", "not valid JSON"),
        ('{"answer": 20, "source": "fares"}', "", "not of the schema"),
        ('{"answer": "20 kr."}', "", "not of the schema"),
        ('["20 kr."]', "", "not of the schema"),
        ("", "", "not valid JSON"),
    ],
)
def test_json_becomes_an_answer_or_a_failed_one(raw, text, failed):
    got = said(raw, SCHEMA)
    assert got.text == text and failed in got.failed and bool(got.failed) == bool(failed)
    assert (got.data is None) == bool(failed)
    assert said(f" {raw} ", None).text == raw


@pytest.fixture
def ollama(monkeypatch) -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield server


class Shelf:
    """Stands where a retriever does: one passage for every question."""

    def search(self, query: str, k: int = 5, where: dict | None = None):
        from workbench.chunking import Chunk
        from workbench.retrieval import Hit

        return [Hit(Chunk("fares#1", "fares", "A locker costs 20 kr.", {}), 1.0, 1)]


def test_the_schema_reaches_the_model_and_the_data_comes_back(ollama):
    ollama.reply = lambda _: '{"answer": "20 kr.", "source": "fares"}'
    assistant = Assistant(Shelf(), prompt="answer-json", cache=True)
    answer = assistant.ask("What is a locker?")
    assert ollama.chats[0]["format"] == SCHEMA and answer.prompt == "answer-json/v1"
    assert answer.data == {"answer": "20 kr.", "source": "fares"}
    assert answer.text == "20 kr. [fares]" and answer.sources == ["fares"] and not answer.failed
    assert assistant.ask("What is a locker?").data == answer.data  # kept as it came
    ollama.reply = lambda _: '{"answer": "20 kr. and 20 kr. and'
    cut = assistant.ask("And two?")
    assert cut.text == "" and cut.data is None and cut.sources == [] and "cut off" in cut.failed
    assert "No answer" in cut._repr_markdown_() and "20 kr. and" in cut.raw


def test_a_prompt_itself_may_be_given_and_its_other_variables(ollama, registry):
    prompt = registry.save("echo", WORDS, "First.", variables=TYPED)
    answer = Assistant(None, prompt=prompt, values={"max_words": 3}).ask("Hello")
    assert answer.prompt == "echo/v1" and "format" not in ollama.chats[0]
    assert ollama.chats[0]["messages"][0]["content"] == "Say Hello in 3 words."
    with pytest.raises(BadInput, match="lacks its variable 'max_words'"):
        Assistant(None, prompt=prompt).ask("Hello")


def test_a_pin_of_the_working_copy_is_what_an_assistant_uses(ollama):
    prompts.pin("answer", 1, "try it")
    assert Assistant(Shelf()).ask("What is a locker?").prompt == "answer/v1"


@pytest.mark.model
def test_a_real_model_keeps_to_the_schema_and_fails_clearly_when_cut(root):
    answer = Assistant(Shelf(), prompt="answer-json", max_tokens=80).ask("What is a locker?")
    assert set(answer.data) == {"answer", "source"} and not answer.failed
    cut = Assistant(Shelf(), prompt="answer-json", max_tokens=4).ask("What is a locker?")
    assert cut.raw.lstrip().startswith("{") and cut.failed and cut.text == ""


TRACED = """
import json
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from workbench.tracing.instrument import instrument

kept, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(kept))
trace.set_tracer_provider(provider)
instrument(provider)

from workbench.rag import Assistant


class Empty:
    def search(self, query, k):
        return []


for version in (1, 2):
    Assistant(None, prompt="direct").ask("Who are you?")
    Assistant(Empty(), version=version).ask("What?")
print(json.dumps([dict(span.attributes) for span in kept.get_finished_spans()]))
"""


def test_the_version_is_on_the_answers_span_and_on_the_models(ollama):
    done = subprocess.run(
        [sys.executable, "-c", TRACED], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    spans = json.loads(done.stdout)
    seen = {}
    for kind in ("CHAIN", "LLM"):
        mine = [s for s in spans if s["openinference.span.kind"] == kind]
        seen[kind] = [json.loads(s["metadata"])["prompt"] for s in mine]
        for span in mine:
            name, version = json.loads(span["metadata"])["prompt"].split("/")
            prompt = prompts.get(name, int(version[1:]))
            assert span["llm.prompt_template.version"] == version
            assert span["llm.prompt_template.template"] == prompt.template
            filled = json.loads(span["llm.prompt_template.variables"])
            assert set(filled) == set(prompt.variables) and filled["question"]
            assert kind == "LLM" or span["prompt.id"] == prompt.id
    assert seen["CHAIN"] == seen["LLM"] == ["direct/v1", "answer/v1", "direct/v1", "answer/v2"]


# --- the command


def call(*words: str) -> object:
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def test_the_command_lists_shows_compares_pins_and_rolls_back():
    listed = {row["name"]: row for row in call("list")["prompts"]}
    assert listed["answer"]["versions"] == [1, 2] and listed["answer"]["in_force"] == 2
    assert call("show", "answer", "--version", "1")["id"] == "answer/v1"
    assert "+You are a helpful assistant. Answer" in call("diff", "answer", "1", "2")["unified"]
    assert call("pin", "answer", "1", "--reason", "try it")["in_force"] == "answer/v1"
    assert call("show", "answer")["id"] == "answer/v1"
    assert call("rollback", "answer")["in_force"] == "answer/v2"
    assert [e["action"] for e in call("log", "answer")["events"]] == ["pin", "rollback"]


def test_the_command_speaks_to_people_too():
    def say(*words: str) -> str:
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == 0, done.output
        return done.stdout

    assert "answer-json" in say("list")
    assert "## user" in say("show", "answer") and "--- answer/v1" in say("diff", "answer", "1", "2")
    assert "answer/v1 is in force" in say("pin", "answer", "1", "--reason", "try it")
    assert "try it" in say("log", "answer")
    assert CliRunner().invoke(app, ["pin", "answer", "1"]).exit_code == 2


# --- Phoenix


def test_without_phoenix_there_is_a_warning_and_no_error(monkeypatch, caplog):
    from workbench.errors import ServerError
    from workbench.tracing import phoenix

    def gone(timeout: float):
        raise ServerError("Phoenix stopped while starting")

    monkeypatch.setattr(phoenix, "wait", gone)
    published = prompts.to_phoenix(prompts.get("answer"))
    assert not published.same and "Phoenix stopped" in published.problem
    assert "Phoenix stopped" in caplog.text and "not in Phoenix" in repr(published)


@pytest.mark.viewer
def test_phoenix_gives_back_what_it_was_given(monkeypatch, registry):
    import httpx

    from workbench.tracing import phoenix

    monkeypatch.delenv("WORKBENCH_ROOT")  # the viewer of the working copy, not another one
    viewer = phoenix.wait()
    for source in (prompts.get("answer", 2), prompts.get("answer-json", 1)):
        prompt = registry.save("course-test", source.messages, "A copy.", format=source.format)
        published = prompts.to_phoenix(prompt, tag="tried")
        assert not published.problem and published.same and published.digest == prompt.digest
        assert {f"v{prompt.version}", "tried"} <= set(published.tags)
        assert published.url.startswith(viewer.url) and published.version_id in published.url
        assert httpx.get(published.url, trust_env=False).status_code == 200
    again = prompts.to_phoenix(prompt, tag="tried")
    assert again.version_id == published.version_id  # sent once only


@pytest.mark.full
@pytest.mark.viewer
def test_phoenixs_own_client_finds_what_was_published(monkeypatch, registry):
    from phoenix.client import Client

    from workbench.tracing import phoenix

    monkeypatch.delenv("WORKBENCH_ROOT")
    source = prompts.get("answer-json", 1)
    prompt = registry.save("course-test", source.messages, "A copy.", format=source.format)
    published = prompts.to_phoenix(prompt, tag="tried")
    client = Client(base_url=phoenix.wait().url)
    found = client.prompts.get(prompt_identifier="course-test", tag="tried")
    assert found.id == published.version_id
    filled = found.format(variables={"passages": "P", "question": "Q"}, sdk="openai")
    assert filled.messages[0]["content"] == prompt.render(passages="P", question="Q")[0]["content"]
    assert filled.kwargs["response_format"]["json_schema"]["schema"] == prompt.format
