"""Every set loads through ``datasets``, has its data card, and the estate is small."""

from __future__ import annotations

import json
import subprocess

import pytest
from typer.testing import CliRunner

from workbench import estate, estate_cli
from workbench.errors import UnknownName
from workbench.settings import Settings

#: Set, part -> rows in each split.
COUNTS = {
    ("golden", "default"): {"dev": 120, "test": 240},
    ("judge", "answers"): {"choose": 120, "report": 120},
    ("judge", "pairs"): {"choose": 40, "report": 40},
    ("redteam", "attacks"): {"train": 120},
    ("redteam", "harmless"): {"train": 60},
    ("tuning", "curated"): {"train": 160},
    ("tuning", "noisy"): {"train": 2400},
    ("traffic", "requests"): {"train": 6000},
    ("catalog", "models"): {"train": 35},
    ("catalog", "prices"): {"train": 27},
    ("catalog", "leaderboard"): {"train": 57},
    ("catalog", "benchmarks"): {"train": 69},
}
SECTIONS = ("How made", "Licence", "Known flaws")


@pytest.mark.parametrize("name, part", COUNTS, ids=["-".join(key) for key in COUNTS])
def test_sets_load(name, part):
    loaded = estate.load(name, part)
    splits = loaded if isinstance(loaded, dict) else {next(iter(COUNTS[name, part])): loaded}
    assert {split: rows.num_rows for split, rows in splits.items()} == COUNTS[name, part]


@pytest.mark.parametrize("name", sorted({name for name, _ in COUNTS}))
def test_datasets_alone_does_the_same(name, data, tmp_path):
    from datasets import load_dataset

    for part in estate.parts(name):
        loaded = load_dataset(str(data / name), part, cache_dir=str(tmp_path))
        assert {s: rows.num_rows for s, rows in loaded.items()} == COUNTS[name, part]


def test_a_changed_file_is_read_again(data, tmp_path, monkeypatch):
    own = tmp_path / "data" / "golden"
    own.mkdir(parents=True)
    lines = (data / "golden" / "dev.jsonl").read_text("utf-8").splitlines(keepends=True)
    (own / "README.md").write_text((data / "golden" / "README.md").read_text("utf-8"), "utf-8")
    (own / "test.jsonl").write_text("".join(lines[:9]), "utf-8")
    monkeypatch.setattr(estate, "settings", lambda: Settings(tmp_path, tmp_path, tmp_path))
    for count in (9, 12):
        (own / "dev.jsonl").write_text("".join(lines[:count]), "utf-8")
        assert estate.load("golden", split="dev").num_rows == count


def test_no_part_is_left_out():
    parts = {
        (name, part) for name in estate.SETS if name != "corpus" for part in estate.parts(name)
    }
    assert parts == set(COUNTS)


def test_documents_and_tables(documents):
    loaded = estate.load("corpus")
    assert set(loaded["id"]) == set(documents)
    assert json.loads(loaded[0]["metadata"]) == documents[loaded[0]["id"]].metadata
    assert sum(estate.load("corpus", table).num_rows for table in estate.tables()) == 20_000


@pytest.mark.parametrize(
    "arguments, kind",
    [(["golde"], "set"), (["golden", "attacks"], "part"), (["golden", None, "train"], "split")],
)
def test_unknown_names(arguments, kind):
    with pytest.raises(UnknownName, match=f"unknown {kind}"):
        estate.load(*arguments)


@pytest.mark.parametrize("name", estate.SETS)
def test_each_set_has_its_card(name, data):
    card = data / "CORPUS.md" if name == "corpus" else data / name / "README.md"
    text = card.read_text("utf-8")
    assert all(section in text for section in SECTIONS), card


def test_whole_estate_is_small(data):
    listed = subprocess.run(
        ["git", "ls-files", "-z", "."], cwd=data, capture_output=True, text=True
    )
    files = [data / name for name in listed.stdout.split("\0") if name]
    assert len(files) > 100
    assert sum(path.stat().st_size for path in files) < 20_000_000


def test_command_lists_and_shows():
    runner = CliRunner()
    listed = runner.invoke(estate_cli.app, ["--json"])
    sets = json.loads(listed.stdout)["sets"]
    assert {"set": "golden", "part": "default", "split": "test", "rows": 240} in sets
    shown = runner.invoke(estate_cli.app, ["golden", "--split", "dev", "-n", "2"])
    assert "2 of 120 rows of golden" in shown.stdout and "single_fact" in shown.stdout
