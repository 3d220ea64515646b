"""Prompts: files with versions, rendered with named variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench import prompts
from workbench.errors import BadInput, BrokenFile, UnknownName


def test_the_latest_version_is_the_default():
    assert prompts.versions("answer") == [1, 2]
    assert prompts.get("answer").version == 2
    assert prompts.get("answer", 1).id == "answer/v1"


def test_every_packaged_prompt_reads_and_renders():
    for name in prompts.names():
        for version in prompts.versions(name):
            prompt = prompts.get(name, version)
            messages = prompt.render(**{v: f"<{v}>" for v in prompt.variables})
            assert messages[0]["role"] == "system" and messages[-1]["role"] == "user"
            assert all(f"<{v}>" in messages[-1]["content"] for v in prompt.variables)
            assert prompt.changelog and prompt.system and prompt.text


def test_the_two_answer_prompts_differ_in_more_than_words():
    plain, house = prompts.get("answer", 1), prompts.get("answer", 2)
    assert "The documents do not say." in house.text and "brackets" in house.text
    assert "do not say" not in plain.system + plain.text
    assert [role for role, _ in house.messages] == ["system", "user", "assistant", "user"]
    assert plain.digest != house.digest


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


HEAD = '+++\nversion = 1\nchangelog = "x"\nvariables = ["question"]\n+++\n'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("no front matter", "cannot be read"),
        (HEAD + "no heading {question}", "no messages"),
        (HEAD + "## user\n{other}", "declares other variables"),
        (HEAD.replace("1", "2") + "## user\n{question}", "another version"),
    ],
)
def test_a_broken_prompt_file_is_an_error_that_names_it(tmp_path: Path, text: str, what: str):
    path = tmp_path / "v1.md"
    path.write_text(text)
    with pytest.raises(BrokenFile, match=what) as error:
        prompts.read(path, "test")
    assert "v1.md" in str(error.value)


def test_few_shot_turns_keep_their_order(tmp_path: Path):
    path = tmp_path / "v1.md"
    path.write_text(HEAD + "## user\nWhat is 1+1?\n## assistant\n2\n## user\n{question}\n")
    prompt = prompts.read(path, "test")
    assert [m["role"] for m in prompt.render(question="?")] == ["user", "assistant", "user"]
    assert prompt.system == "" and prompt.text == "{question}"
