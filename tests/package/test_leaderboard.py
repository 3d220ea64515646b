"""The leaderboard is read through ``datasets`` where it can be had, else from a file like it."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from fake_hub import FakeHub, running

from workbench.catalog import leaderboard
from workbench.errors import BadInput, UnknownName

NAME = leaderboard.DATASET
PARQUET = "data/train-00000-of-00001.parquet"


@pytest.fixture
def fake(monkeypatch) -> FakeHub:
    with running() as one:
        monkeypatch.setenv("HF_ENDPOINT", one.url)
        for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        yield one


@pytest.fixture(scope="module")
def own() -> pd.DataFrame:
    return leaderboard._tidy(leaderboard._catalog())


def rows(**changed) -> pd.DataFrame:
    """Two rows with the published columns, and one column more, as the data set has."""
    row = dict.fromkeys(leaderboard.COLUMNS, 12.5) | {
        "fullname": "a/b",
        "Precision": "bfloat16",
        "Type": "chat",
        "Architecture": "LlamaForCausalLM",
        "Model sha": "main",
        "Hub License": "mit",
        "Chat Template": True,
        "Upload To Hub Date": "2025-01-01",
        "Submission Date": "2025-01-02",
        "CO₂ cost (kg)": 0.1,
    }
    better = row | {"fullname": "c/d", leaderboard.AVERAGE: 40.0, "Hub License": "gemma"} | changed
    return pd.DataFrame([row, better])


def parquet(frame: pd.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.to_parquet(target)
    return target.getvalue()


class TestRead:
    def test_live_through_datasets(self, fake):
        fake.dataset(NAME, {PARQUET: parquet(rows())})
        board = leaderboard.read(seconds=5, patience=60)
        assert board.why == "" and board.source == leaderboard.LIVE
        assert list(board.table["fullname"]) == ["c/d", "a/b"], "best first"
        assert list(board.table["licence kind"]) == ["own terms", "free"]
        assert any("resolve" in path for path, _ in fake.asked)

    def test_another_schema_is_not_taken(self, tmp_path):
        rows().drop(columns=["MUSR"]).to_csv(tmp_path / "train.csv", index=False)
        board = leaderboard.read(dataset=tmp_path, patience=60)
        assert board.source == leaderboard.FILE and "no MUSR" in board.why

    def test_a_folder_without_data(self, tmp_path):
        board = leaderboard.read(dataset=tmp_path, patience=60)
        assert board.source == leaderboard.FILE and "could not be loaded" in board.why

    def test_a_hub_that_is_down(self, monkeypatch, own):
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        leaderboard.read()
        board = leaderboard.read()
        assert board.source == leaderboard.FILE and "cannot be reached" in board.why
        assert board.seconds < 2 and board.table.equals(own)

    def test_offline_is_obeyed(self, fake, monkeypatch):
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        board = leaderboard.read()
        assert not fake.asked and "HF_HUB_OFFLINE" in board.why

    def test_a_slow_download_is_ended(self, fake):
        fake.dataset(NAME, {PARQUET: parquet(rows())})
        fake.page(f"/api/datasets/{NAME}/revision/main", {}, wait=60)
        board = leaderboard.read(seconds=5, patience=1.5)
        assert board.source == leaderboard.FILE and "within 1.5 s" in board.why
        assert board.seconds < 12

    def test_a_data_set_that_is_gone(self, fake):
        board = leaderboard.read(seconds=5)
        assert board.source == leaderboard.FILE and board.why

    def test_no_time(self):
        with pytest.raises(BadInput, match="above 0"):
            leaderboard.read(seconds=0)


class TestSelect:
    def test_by_size_licence_name_and_template(self, own):
        small = leaderboard.select(own, max_parameters_b=1)
        assert 3 < len(small) < len(own) and small[leaderboard.PARAMETERS].max() <= 1
        free = leaderboard.select(own, kinds=["free"])
        assert set(free["Hub License"]) == {"apache-2.0", "mit"}
        smol = leaderboard.select(own, names=["smollm2-135m"], chat=True)
        assert list(smol["fullname"]) == ["HuggingFaceTB/SmolLM2-135M-Instruct"]
        assert leaderboard.select(own).equals(own)

    def test_a_size_that_is_not_known_is_not_small(self):
        board = leaderboard._tidy(rows(**{leaderboard.PARAMETERS: -1}))
        assert list(leaderboard.select(board, max_parameters_b=50)["fullname"]) == ["a/b"]

    @pytest.mark.parametrize(
        "licence, kind",
        [("MIT", "free"), ("llama3.2", "own terms"), ("other", "other"), ("", "not read")],
    )
    def test_licence_kinds(self, licence, kind):
        assert leaderboard.licence_kind(licence) == kind
        assert leaderboard.licence_kind(float("nan")) == "not read"

    def test_unknown_names(self, own):
        with pytest.raises(UnknownName, match="own terms"):
            leaderboard.select(own, kinds=["open"])
        with pytest.raises(UnknownName, match="IFEval"):
            leaderboard.plot(own, "MMLU")


def test_the_figure_marks_each_kind_and_names_models_once(own):
    import matplotlib.pyplot as plt

    fig = leaderboard.plot(own, label=["HuggingFaceTB/SmolLM2-135M-Instruct"])
    ax = fig.axes[0]
    told = [text.get_text() for text in ax.get_legend().get_texts()]
    assert told == [kind for kind in leaderboard.KINDS if kind in set(own["licence kind"])]
    assert [text.get_text() for text in ax.texts] == ["SmolLM2-135M-Instruct"]
    assert sum(len(part.get_offsets()) for part in ax.collections) == len(own)
    plt.close(fig)


def test_the_story_names_a_source_for_each_sentence():
    assert len(leaderboard.STORY) >= 5
    assert all("https://" in source and said.endswith(".") for said, source in leaderboard.STORY)
