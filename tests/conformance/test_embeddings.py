"""Embeddings: shapes, counts, truncation, and the same vectors as sentence-transformers."""

from __future__ import annotations

import math
import random

import httpx
import pytest

from conformance.helpers import EMBED, answer, cosine, embed, error_of

WORDS = """
ferry harbour ticket island storm cargo deck refund passenger bicycle dog timetable night
crossing engine lighthouse Unst Yell Fetlar fare discount wheelchair allergen lifeboat
naïve café Ærø smörgåsbord 1,250.50 24/7 e-mail #4471 don't e.g. — “quoted” 海 море 🐧 ½
""".split()  # noqa: SIM905


def texts(n: int = 200) -> list[str]:
    """Varied texts: one word to far beyond the 256 tokens that the model reads, odd characters."""
    rng = random.Random(7)
    lengths = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 400]
    made = [" ".join(rng.choices(WORDS, k=lengths[i % len(lengths)])) for i in range(n - 6)]
    return [*made, "a", "  spaced   out  ", "line\nbreak\ttab", "UPPER lower", "?!", "x" * 90]


def test_a_text_gives_one_unit_vector(http: httpx.Client) -> None:
    body = embed(http, "The ferry leaves at nine.")
    assert body["model"] == EMBED and len(body["embeddings"]) == 1
    (vector,) = body["embeddings"]
    assert len(vector) == 384 and math.isclose(math.hypot(*vector), 1, abs_tol=1e-4)
    assert body["total_duration"] > 0 and body["load_duration"] >= 0
    assert body["prompt_eval_count"] in (6, 8), "six words and a stop, with or without [CLS] [SEP]"


def test_a_list_gives_a_vector_each_in_order(http: httpx.Client) -> None:
    many = ["ferry", "a long sentence about storms at sea", "dog", "ferry"]
    body = embed(http, many)
    single = [embed(http, text) for text in many]
    for got, alone in zip(body["embeddings"], single, strict=True):
        assert cosine(got, alone["embeddings"][0]) > 0.9999
    assert body["prompt_eval_count"] == sum(one["prompt_eval_count"] for one in single)


@pytest.mark.parametrize("nothing", ["", []])
def test_nothing_gives_no_vectors(http: httpx.Client, nothing: object) -> None:
    assert answer(http, "/api/embed", model=EMBED, input=nothing)["embeddings"] == []


def test_a_long_text_is_cut_by_default_and_refused_on_request(http: httpx.Client) -> None:
    long = "ferry harbour ticket " * 400
    cut = embed(http, long)["embeddings"][0]
    assert len(cut) == 384
    assert embed(http, long, truncate=True)["embeddings"][0] == pytest.approx(cut, abs=1e-4)
    body = {"model": EMBED, "input": ["short", long], "truncate": False}
    message = error_of(http.post("/api/embed", json=body), 400)
    assert "context length" in message or "token" in message


def test_dimensions_shorten_and_normalize(http: httpx.Client) -> None:
    whole = embed(http, "ferry")["embeddings"][0]
    short = embed(http, "ferry", dimensions=64)["embeddings"][0]
    assert len(short) == 64 and math.isclose(math.hypot(*short), 1, abs_tol=1e-4)
    assert cosine(short, whole[:64]) > 0.9999


def test_the_older_endpoint(http: httpx.Client) -> None:
    body = answer(http, "/api/embeddings", model=EMBED, prompt="The ferry leaves at nine.")
    assert set(body) == {"embedding"}
    assert (
        cosine(body["embedding"], embed(http, "The ferry leaves at nine.")["embeddings"][0])
        > 0.9999
    )
    assert answer(http, "/api/embeddings", model=EMBED, prompt="")["embedding"] == []


def test_meaning_is_in_the_vectors(http: httpx.Client) -> None:
    boat, ship, cake = embed(http, ["a boat", "a ship", "a birthday cake"])["embeddings"]
    assert cosine(boat, ship) > cosine(boat, cake) + 0.2


def test_vectors_are_those_of_sentence_transformers(http: httpx.Client) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    from workbench import models

    torch.set_num_threads(1)  # spinning threads crawl beside the server's
    many = texts()
    reference = SentenceTransformer(str(models.path(EMBED).folder / "st"), device="cpu").encode(
        many
    )
    served = embed(http, many)["embeddings"]
    scores = [cosine(a, b) for a, b in zip(served, reference, strict=True)]
    worst = min(range(len(many)), key=scores.__getitem__)
    assert scores[worst] >= 0.999, f"{scores[worst]:.5f} for {many[worst][:80]!r}"
