"""Prompts: files with versions, rendered with typed variables, compared and scored."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from workbench import prompts
from workbench.errors import BadInput, BrokenFile, UnknownName
from workbench.prompts import Score, file

SAMPLES = {"text": "<text>", "integer": 3, "number": 2.5, "flag": True}


@pytest.fixture(autouse=True)
def root(monkeypatch, tmp_path) -> Path:
    """A working copy without pins or prompts of its own."""
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path / "root"))
    return tmp_path


def test_the_latest_version_is_the_default():
    assert prompts.versions("answer") == [1, 2]
    assert prompts.get("answer").version == 2
    assert prompts.get("answer", 1).id == prompts.get("answer/v1").id == "answer/v1"


def test_the_words_that_answers_are_kept_by_have_not_changed():
    """Other notebooks' kept answers and training data hang on them."""
    digests = [prompts.get("answer", version).digest[:16] for version in (1, 2)]
    assert digests == ["cd790099cdc4b684", "07ccd60137fbf1fe"]


def test_every_packaged_prompt_reads_and_renders():
    for name in prompts.names():
        for version in prompts.versions(name):
            prompt = prompts.get(name, version)
            messages = prompt.render(**{v: f"<{v}>" for v in prompt.variables})
            assert messages[-1]["role"] == "user" and prompt.changelog and prompt.text
            assert all(f"<{v}>" in messages[-1]["content"] for v in prompt.variables)


def test_the_two_answer_prompts_differ_in_more_than_words():
    plain, house = prompts.get("answer", 1), prompts.get("answer", 2)
    assert "The documents do not say." in house.text and "brackets" in house.text
    assert "do not say" not in plain.system + plain.text
    assert [role for role, _ in house.messages] == ["system", "user", "assistant", "user"]
    assert plain.digest != house.digest


def test_each_technique_is_what_it_is_called():
    zero, system, few, turned, structured = (
        prompts.get(f"answer-{how}/v{version}")
        for how, version in (
            ("zero-shot", 1), ("system", 1), ("few-shot", 1), ("few-shot", 2), ("json", 1)
        )
    )  # fmt: skip
    assert [role for role, _ in zero.messages] == ["user"]
    rules = zero.text.split("\n\n")[0]
    assert system.system == rules and rules not in system.text
    assert few.messages[0][1].startswith(rules) and len(few.messages) == 5
    assert turned.messages[0][1].startswith(rules) and few.messages[1] == turned.messages[3]
    assert few.messages[3] == turned.messages[1] and turned.text == few.text
    assert few.text == "{passages}\n\nQuestion: {question}"
    assert structured.format["required"] == ["answer", "source"] and zero.format is None


def test_a_missing_variable_is_named_with_its_file():
    with pytest.raises(BadInput, match="lacks its variable 'passages'") as error:
        prompts.get("answer").render(question="?")
    assert "answer/v2.md" in error.value.fix


def test_braces_in_a_value_are_left_alone():
    hostile = "{question} {0} {passages.__class__} {{x}} {"
    *_, user = prompts.get("answer").render(passages=hostile, question="Why {passages}?")
    assert hostile in user["content"] and "Why {passages}?" in user["content"]


def test_unknown_names_and_versions_list_the_known():
    with pytest.raises(UnknownName, match="did you mean 'answer'"):
        prompts.get("anwser")
    with pytest.raises(UnknownName, match=r"there are: 1, 2"):
        prompts.get("answer", 9)
    with pytest.raises(UnknownName, match=r"there are: 1, 2"):
        prompts.get("answer/v9")


HEAD = '+++\nversion = 1\nchangelog = "x"\nvariables = {question = "text"}\n+++\n'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("no front matter", "cannot be read"),
        (HEAD + "no heading {question}", "no messages"),
        (HEAD + "## user\n{other}", "declares other variables"),
        (HEAD.replace("1", "2") + "## user\n{question}", "another version"),
        (HEAD.replace('{question = "text"}', '["question"]') + "## user\n{question}", "need types"),
        (HEAD.replace('"text"', '"word"') + "## user\n{question}", "type 'word'"),
        (HEAD.replace("changelog", "format = '{'\nchangelog") + "## user\n{question}", "Expecting"),
        (HEAD.replace("changelog", "format = '{}'\nchangelog") + "## user\n{question}", "property"),
    ],
)
def test_a_broken_prompt_file_is_an_error_that_names_it(tmp_path: Path, text: str, what: str):
    path = tmp_path / "v1.md"
    path.write_text(text)
    with pytest.raises(BrokenFile, match=what) as error:
        prompts.read(path, "test")
    assert "v1.md" in str(error.value)


def typed(tmp_path: Path, kind: str) -> prompts.Prompt:
    path = tmp_path / "v1.md"
    path.write_text(HEAD.replace('"text"', f'"{kind}"') + "## user\n{question}\n")
    return prompts.read(path, "test")


@pytest.mark.parametrize("kind", ["text", "integer", "number", "flag"])
def test_a_value_of_another_type_is_named_with_both_types(tmp_path: Path, kind: str):
    prompt = typed(tmp_path, kind)
    for given, value in SAMPLES.items():
        if given == kind or (kind, given) == ("number", "integer"):
            assert prompt.render(question=value)[0]["content"] == str(value)
            continue
        with pytest.raises(BadInput, match=f"'question'.*type {kind}.*{type(value).__name__}"):
            prompt.render(question=value)


def test_few_shot_turns_keep_their_order(tmp_path: Path):
    path = tmp_path / "v1.md"
    path.write_text(HEAD + "## user\nWhat is 1+1?\n## assistant\n2\n## user\n{question}\n")
    prompt = prompts.read(path, "test")
    assert [m["role"] for m in prompt.render(question="?")] == ["user", "assistant", "user"]
    assert prompt.system == "" and prompt.text == "{question}"


def score(value: float, metric: str = "right", n: int = 96, model: str = "m") -> Score:
    return Score(metric, value, value - 0.1, value + 0.1, n, "dev", model, "2026-11-25")


def test_scores_are_written_and_nothing_else_is_touched(tmp_path: Path):
    path = tmp_path / "v1.md"
    head = HEAD.replace("changelog", "# why it is so\nchangelog")
    path.write_text(head + "## user\n+++\n{question}\n")
    file.record(prompts.read(path, "test"), [score(0.5), score(0.9, "cites")])
    file.record(prompts.read(path, "test"), [score(0.6), score(0.7, model="other")])
    prompt = prompts.read(path, "test")
    assert prompt.scores == (score(0.6), score(0.9, "cites"), score(0.7, model="other"))
    assert prompt.text == "+++\n{question}" and prompt.score("cites") == score(0.9, "cites")
    assert prompt.score("refusals") is None
    lines = path.read_text().splitlines()
    assert (head + "## user\n+++\n{question}\n").splitlines() == [
        line for line in lines if "metric" not in line and line not in ("scores = [", "]")
    ]
    assert not list(tmp_path.glob("*.part"))


def test_what_is_composed_reads_back(tmp_path: Path):
    path = tmp_path / "v1.md"
    for source in (prompts.get("answer-json"), prompts.get("answer", 2)):
        prompt = dataclasses.replace(
            source, version=1, path=path, changelog='"Quoted" \\ line', scores=()
        )
        file.write(path, file.compose(prompt))
        assert prompts.read(path, source.name) == prompt


def test_a_diff_marks_words_and_escapes_them():
    plain, house = prompts.get("answer", 1), prompts.get("answer", 2)
    hostile = dataclasses.replace(
        house, version=3, messages=(("user", "Use <script>alert(1)</script> {passages}"),)
    )
    assert "+You are a helpful assistant. Answer in one or two sentences." in repr(
        prompts.diff(plain, house)
    )
    html = prompts.diff(plain, hostile)._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "<del" in html and "<ins" in html and "answer/v3" in html


def test_a_diff_shows_only_what_changed():
    house = prompts.get("answer", 2)
    role, text = house.messages[-1]
    fewer = text.replace(" After the answer, give its source in brackets.", "")
    changed = dataclasses.replace(house, version=3, messages=(*house.messages[:-1], (role, fewer)))
    found = prompts.diff(house, changed)
    assert found.added == []
    assert " ".join(found.removed).split() == [
        "After",
        "the",
        "answer,",
        "give",
        "its",
        "source",
        "in",
        "brackets.",
    ]
    assert prompts.diff(house, house).unified == "" and "same words" in repr(
        prompts.diff(house, house)
    )
    structured = prompts.get("answer-json")
    free = dataclasses.replace(structured, format=None)
    assert '"required"' in " ".join(prompts.diff(structured, free).removed)
