"""A model's tokenizer, read from its file, agrees with the server that runs the model."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench import display, golden
from workbench.errors import BadInput, ModelMissing
from workbench.models import tokens

ODD = [
    "Skarn Haven, 12:45, £3.50",
    "naïve ☂ 日本 ½",
    "don't I'LL we've\r\n\t\tcode();;  ",
    "   leading, a\n\n\nblank line",
    "2026-07-12",
]

pytestmark = pytest.mark.model


@pytest.mark.parametrize("model", ["smollm2:135m", "qwen2.5-coder:1.5b"])
def test_as_many_tokens_as_the_server_counts(model: str):
    client = wb.client()
    texts = ODD + [q.question for q in golden.load(split="dev")[::12]]
    for text in texts:
        answer = client.generate(model, text, raw=True, options={"num_predict": 1})
        assert tokens.count(text, model) == answer.prompt_eval_count, text


def test_the_pieces_are_the_text():
    for text in ODD:
        joined = "".join(tokens.pieces(text))
        assert joined == text or "�" in joined
    assert tokens.pieces("the ferry") == ["the", " ferry"]
    assert len(tokens.pieces("Skarn")) > 1, "a name the model never met falls into pieces"


def test_an_unknown_tokenizer_is_said_so():
    with pytest.raises(BadInput, match="not known here"):
        tokens.count("x", "all-minilm")
    with pytest.raises((ModelMissing, Exception), match="nobody"):
        tokens.count("x", "nobody:1b")


def test_pieces_are_escaped_and_counted():
    shown = display.pieces(["<b>", " a\n"], "x")._repr_html_()
    assert "&lt;b&gt;" in shown and "<b>" not in shown and 'aria-label="2 tokens"' in shown
