"""The Hub is read live through the real client, within its time, or else the catalog says so."""

from __future__ import annotations

import time

import pytest
from fake_hub import FakeHub, running

from workbench import catalog
from workbench.catalog import hub
from workbench.errors import BadInput

SMALL = "HuggingFaceTB/SmolLM2-135M-Instruct"
QWEN = "Qwen/Qwen2.5-3B-Instruct"
CARD = """---
license: other
license_name: qwen-research
base_model: Qwen/Qwen2.5-3B
language: [en, fr]
---

# Qwen2.5-3B-Instruct

A card.
"""


@pytest.fixture
def fake(monkeypatch) -> FakeHub:
    with running() as one:
        monkeypatch.setenv("HF_ENDPOINT", one.url)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield one


def full(fake: FakeHub, name: str = SMALL, licence: dict | None = None, **more) -> None:
    files = [
        {"rfilename": "README.md", "size": 100},
        {"rfilename": "model-00001-of-00002.safetensors", "size": 200_000_000},
        {"rfilename": "model-00002-of-00002.safetensors", "size": 69_000_000},
        {"rfilename": "consolidated.safetensors", "size": 269_000_000},
        {"rfilename": "onnx/model.safetensors", "size": 269_000_000},
        {"rfilename": "model-q4.gguf", "size": 90_000_000},
    ]
    told = {
        "cardData": licence or {"license": "apache-2.0"},
        "safetensors": {"parameters": {"BF16": 134_515_008}, "total": 134_515_008},
        "siblings": files,
        "downloads": 123_456,
        "gated": False,
        "lastModified": "2025-09-22T20:43:14.000Z",
    }
    fake.model(name, CARD, **(told | more))


def row(look: hub.Look, name: str = SMALL) -> dict:
    return look.table.set_index("model_id").loc[name].to_dict()


class TestLive:
    def test_what_the_hub_says_is_told_as_such(self, fake):
        full(fake)
        look = hub.look([SMALL])
        found = row(look)
        assert look.live == 1 and look.why == "" and look.endpoint == fake.url
        assert found["source"] == hub.HUB and found["licence"] == "Apache-2.0"
        assert found["parameters_b"] == 0.135 and found["downloads"] == 123_456
        assert found["last_modified"] == "2025-09-22" and not found["gated"]
        assert found["weights_gb"] == 0.269, "shards once, no copies, no GGUF beside safetensors"
        assert not found["licence_differs"]

    def test_no_token_is_sent(self, fake, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", "hf_never")
        full(fake)
        hub.look([SMALL])
        hub.card(SMALL)
        assert len(fake.asked) == 2
        assert not [head for _, head in fake.asked if "authorization" in map(str.lower, head)]

    def test_a_licence_that_differs_is_flagged(self, fake):
        full(fake, licence={"license": "mit"})
        found = row(hub.look([SMALL]))
        assert found["licence_differs"] and found["licence"] == "MIT"
        assert found["licence_in_catalog"] == "Apache-2.0" and "differs" in found["note"]

    def test_other_gives_way_to_the_licence_name(self, fake):
        full(fake, QWEN, {"license": "other", "license_name": "qwen-research"})
        found = row(hub.look([QWEN]), QWEN)
        assert found["licence"] == "Qwen-Research" and not found["licence_differs"]

    def test_only_gguf_files_are_added_up(self, fake):
        fake.model("a/b", siblings=[{"rfilename": "x.gguf", "size": 5_000_000_000}])
        assert row(hub.look(["a/b"]), "a/b")["weights_gb"] == 5.0

    def test_half_an_answer_leaves_the_rest_missing(self, fake):
        fake.model(SMALL)
        found = row(hub.look([SMALL]))
        assert found["source"] == hub.HUB
        import pandas as pd

        assert all(pd.isna(found[name]) for name in ("licence", "weights_gb", "parameters_b"))

    def test_models_are_asked_for_at_once(self, fake):
        names = [f"a/m{number}" for number in range(8)]
        for name in names:
            fake.page(f"/api/models/{name}", {"id": name}, wait=0.4)
        look = hub.look(names, seconds=5)
        assert look.live == 8 and look.seconds < 2.4, "one after the other would take 3.2 s"

    def test_the_endpoint_is_that_of_the_call(self, fake, monkeypatch):
        full(fake)
        assert hub.look([SMALL]).live == 1
        with running() as other:
            monkeypatch.setenv("HF_ENDPOINT", other.url + "/")
            assert hub.look([SMALL]).live == 0
            assert other.asked


class TestFallback:
    def test_offline_is_obeyed(self, fake, monkeypatch):
        full(fake)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        look = hub.look([SMALL, "no/body"])
        assert not fake.asked and "HF_HUB_OFFLINE" in look.why and look.live == 0
        known = catalog.models().set_index("model_id").loc[SMALL]
        assert row(look)["source"] == hub.CATALOG
        assert row(look)["licence"] == known["license_id"]
        assert row(look)["parameters_b"] == known["parameters_b"]
        assert row(look, "no/body")["source"] == hub.NOWHERE

    def test_a_hub_that_is_down_costs_little(self, fake, monkeypatch):
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        hub.look([SMALL])
        look = hub.look(list(catalog.models()["model_id"]), seconds=3)
        assert "cannot be reached: connection refused." in look.why and look.seconds < 2
        assert len(look.table) == 35 and set(look.table["source"]) == {hub.CATALOG}

    def test_a_slow_hub_is_left_at_the_deadline_and_what_came_is_kept(self, fake):
        full(fake)
        fake.page(f"/api/models/{QWEN}", {"id": QWEN}, wait=20)
        begun = time.monotonic()
        look = hub.look([SMALL, QWEN], seconds=1)
        assert time.monotonic() - begun < 4
        assert look.live == 1 and row(look, QWEN)["source"] == hub.CATALOG
        assert "1 of 2" in look.why or "no answer in time" in look.why

    @pytest.mark.parametrize(
        "how, said",
        [
            ({"status": 404, "headers": {"X-Error-Code": "RepoNotFound"}}, "not found"),
            ({"status": 401, "headers": {"X-Error-Code": "GatedRepo"}}, "gated"),
            ({"status": 403, "headers": {"X-Error-Code": "GatedRepo"}}, "gated"),
            ({"status": 500}, "HTTP status 500"),
            ({"status": 429}, "HTTP status 429"),
            ({"body": b"{broken"}, "cannot be read"),
            ({"body": b"[1, 2]"}, "cannot be read"),
            ({"body": b'{"id": "a/b", "downloads": 12}' * 100, "cut": True}, "broke off"),
        ],
    )
    def test_every_failure_is_told_in_words(self, fake, how, said):
        full(fake, QWEN)
        fake.page(f"/api/models/{SMALL}", how.pop("body", b"{}"), **how)
        look = hub.look([SMALL, QWEN])
        assert said in look.why and said in row(look)["note"]
        assert row(look)["source"] == hub.CATALOG and row(look)["licence"] == "Apache-2.0"
        assert row(look, QWEN)["source"] == hub.HUB, "one failure costs no other row"

    def test_a_name_that_no_repository_has(self, fake):
        look = hub.look(["gpt-4o (2024-08-06)"])
        assert "no name" in look.why and row(look, "gpt-4o (2024-08-06)")["source"] == hub.CATALOG

    @pytest.mark.parametrize("names, seconds", [([], 3), ([""], 3), ([SMALL], 0), ([SMALL], -1)])
    def test_bad_input(self, names, seconds):
        with pytest.raises(BadInput, match="fix:"):
            hub.look(names, seconds)


class TestCard:
    def test_the_header_and_the_text(self, fake):
        full(fake, QWEN)
        card = hub.card(QWEN)
        assert card.source == hub.HUB and card.why == ""
        assert card.licence == "Qwen-Research" and card.base_model == ("Qwen/Qwen2.5-3B",)
        assert card.languages == ("en", "fr")
        assert card.text.startswith("# Qwen2.5-3B-Instruct")

    def test_a_card_without_or_with_a_broken_header(self, fake):
        fake.model("a/b", "just text")
        fake.model("a/c", "---\nlicense: [\n---\ntext")
        assert hub.card("a/b").text == "just text" and hub.card("a/b").licence is None
        assert "text" in hub.card("a/c").text and hub.card("a/c").licence is None

    def test_no_card_falls_back_to_the_catalog(self, fake):
        card = hub.card(SMALL)
        assert card.source == hub.CATALOG and card.licence == "Apache-2.0" and card.why
        assert hub.card("no/body").source == hub.NOWHERE
