"""The simulated traffic: its size, each claimed shift, the abusive users, and no personal data."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench import catalog, golden
from workbench.monitoring import costs

FIELDS = ["id", "time", "user", "group", "session", "language", "topic", "question", "model"]
FIELDS += ["prompt_version", "prompt_tokens", "output_tokens", "seconds", "status", "feedback"]
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def truth(data) -> dict:
    return json.loads((data / "traffic" / "truth.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def rows(data) -> list[dict]:
    lines = (data / "traffic" / "requests.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def frame(rows, truth) -> pd.DataFrame:
    found = pd.DataFrame(rows)
    found["time"] = pd.to_datetime(found["time"])
    found["day"] = found["time"].dt.normalize()
    found["week"] = (found["day"] - pd.Timestamp(truth["first_day"])).dt.days // 7 + 1
    return found


@pytest.fixture(scope="module")
def ordinary(frame, truth) -> pd.DataFrame:
    return frame[~frame["user"].isin([case["user"] for case in truth["abuse"]])]


@pytest.fixture(scope="module")
def during(ordinary, truth) -> pd.Series:
    storm = truth["storm"]
    return ordinary["day"].between(storm["first"], storm["last"])


@pytest.fixture(scope="module")
def made(data, script):
    """The script that makes the data, with what it imports from its folder."""
    sys.path.insert(0, str(data / "make"))
    yield script("traffic")
    sys.path.remove(str(data / "make"))


def of(frame: pd.DataFrame, truth: dict, kind: str) -> tuple[pd.DataFrame, dict]:
    """The rows of an abusive user, and what is true about them."""
    (case,) = [case for case in truth["abuse"] if case["kind"] == kind]
    return frame[frame["user"] == case["user"]], case


class TestShape:
    def test_counts(self, frame, truth):
        assert len(frame) == truth["requests"]["all"] == 6000
        assert frame["user"].nunique() == 40 and frame["group"].nunique() == 5
        assert frame["question"].nunique() >= 1500
        assert frame["week"].between(1, 6).all() and frame["week"].nunique() == 6
        assert frame["day"].nunique() == 42

    def test_schema(self, rows):
        assert all(list(row) == FIELDS for row in rows)
        assert [row["id"] for row in rows] == [f"r{n:04d}" for n in range(1, 6001)]
        assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
        assert {row["status"] for row in rows} == {"ok", "refused", "error", "timeout"}
        assert {row["feedback"] for row in rows} == {1, -1, None}
        assert {row["language"] for row in rows} == {"en", "de"}
        assert all(row["question"].strip() == row["question"] != "" for row in rows)

    def test_users_and_sessions_belong_together(self, frame, truth):
        assert (frame.groupby("user")["group"].nunique() == 1).all()
        for column in ("user", "group", "language"):
            assert (frame.groupby("session")[column].nunique() == 1).all()
        for group, about in truth["groups"].items():
            assert set(frame.loc[frame["group"] == group, "user"]) == set(about["users"])

    def test_texts_vary_in_every_group_and_topic(self, ordinary):
        for _, asked in ordinary.groupby("group"):
            assert asked["question"].nunique() > 0.6 * len(asked)
        assert ordinary["topic"].nunique() == 17
        assert ordinary["question"].value_counts().max() < 40

    def test_no_slot_is_left_open(self, frame):
        assert not frame["question"].str.contains(r"[{}]|  ").any()

    def test_german_looks_german(self, frame):
        german = re.compile(
            r"\b(?:ich|ist|der|die|das|den|wie|was|wer|wo|wann|und|auf|gilt|sind|kann|können|gibt|"
            r"bist|nach|nehmen|fährt|fahren|reicht|brauche|dürfen|darf|zahlen|wir|muss|für|welche)\b",
            re.IGNORECASE,
        )
        english = re.compile(r"\b(?:the|what|how|can|is there|which|when|does)\b", re.IGNORECASE)
        asked = frame.loc[frame["language"] == "de", "question"]
        assert asked.str.contains(german).all() and not asked.str.contains(english).any()
        assert asked.nunique() > 150
        assert frame.loc[frame["language"] == "en", "question"].str.contains("ß|ä|ü").sum() == 0

    def test_small_enough(self, data):
        assert (data / "traffic" / "requests.jsonl").stat().st_size < 3_000_000


class TestShifts:
    def test_storm_changes_the_topics(self, ordinary, during, truth):
        storm = truth["storm"]
        before = ordinary["day"] < storm["first"]
        table = pd.crosstab(ordinary["topic"], during)[lambda t: t.sum(axis=1) > 20]
        assert stats.chi2_contingency(table).pvalue < 1e-20
        shares = {
            "before": ordinary[before]["topic"].value_counts(normalize=True),
            "during": ordinary[during]["topic"].value_counts(normalize=True),
            "after": ordinary[~before & ~during]["topic"].value_counts(normalize=True),
        }
        assert shares["during"]["storm"] > 4 * shares["before"]["storm"]
        for topic in ("refunds", "storm"):
            assert shares["after"][topic] > shares["before"][topic]

    def test_two_ordinary_weeks_have_the_same_topics(self, ordinary):
        weeks = ordinary[ordinary["week"].isin([1, 2]) & ~ordinary["topic"].eq("other")]
        first = weeks.drop_duplicates("session")  # talks keep to a topic: count each once
        table = pd.crosstab(first["topic"], first["week"])
        assert stats.chi2_contingency(table).pvalue > 0.01

    def test_topics_are_those_of_the_truth(self, ordinary, during, truth):
        storm = truth["storm"]
        parts = {
            "before": ordinary[ordinary["day"] < storm["first"]],
            "during": ordinary[during],
            "after": ordinary[ordinary["day"] > storm["last"]],
        }
        for when, part in parts.items():
            for topic, share in truth["expected_topics"][when].items():
                found = (part["topic"] == topic).mean()
                # talks of about two requests keep to their topic, so chance counts double
                spread = 4 * np.sqrt(2 * share * (1 - share) / len(part))
                assert abs(found - share) < spread + 1e-9, (when, topic, found, share)

    def test_german_rises_by_week(self, ordinary, truth):
        found = ordinary["language"].eq("de").groupby(ordinary["week"]).mean()
        assert list(found) == sorted(found)
        sizes = ordinary["week"].value_counts()
        for week, share in truth["german"]["expected_by_week"].items():
            spread = 3.5 * np.sqrt(2 * share * (1 - share) / sizes[int(week)])
            assert abs(found[int(week)] - share) < spread, (week, found[int(week)], share)
        assert found[1] < 0.04 and found[6] > 0.13

    def test_one_group_grows(self, ordinary, truth):
        counts = pd.crosstab(ordinary["group"], ordinary["week"])
        weeks = [1, 2, 3, 6]  # those without a day of the storm
        slopes = {g: np.polyfit(weeks, np.log(counts.loc[g, weeks]), 1)[0] for g in counts.index}
        for group, about in truth["groups"].items():
            assert abs(np.exp(slopes[group]) - about["growth_a_week"]) < 0.08, group
        assert max(slopes, key=slopes.get) == "agents"

    def test_counts_are_those_of_the_truth(self, ordinary, truth):
        counts = pd.crosstab(ordinary["group"], ordinary["week"])
        for group, weeks in truth["expected_by_week"].items():
            for week, expected in weeks.items():
                assert abs(counts.loc[group, int(week)] - expected) < 0.18 * expected, (group, week)
        assert len(ordinary) == truth["requests"]["ordinary"]
        total = sum(about["expected_requests"] for about in truth["groups"].values())
        assert abs(total - len(ordinary)) < 1

    def test_the_storm_brings_more_questions_on_the_web(self, ordinary, during, truth):
        web = ordinary["group"] == "web"
        ratio = (web & during).sum() / 7 / ((web & ~during).sum() / 35)
        assert abs(ratio - truth["storm"]["volume"]["web"]) < 0.15

    def test_the_new_prompt_is_longer(self, ordinary, truth):
        about = truth["prompt"]
        new = ordinary["prompt_version"] == about["after"]
        assert (new == (ordinary["time"] >= about["changes_at"])).all()
        near = ordinary["day"].between("2026-06-11", "2026-06-24")
        tokens = ordinary[near].groupby(new)["prompt_tokens"].median()
        assert abs(tokens[True] - tokens[False] - about["added_tokens"]) < 40
        written = ordinary[near & (ordinary["status"] == "ok")].groupby(new)["output_tokens"].mean()
        assert abs(written[True] / written[False] - about["output_factor"]) < 0.08

    def test_the_engine_fails_one_afternoon(self, ordinary, truth):
        about = truth["outage"]
        hit = (ordinary["time"] >= about["from"]) & (ordinary["time"] < about["until"])
        errors = ordinary["status"] == "error"
        assert hit.sum() >= 15 and abs(errors[hit].mean() - about["error_share"]) < 0.25
        assert errors[~hit].mean() < 0.02

    def test_the_list_of_shifts_is_whole(self, truth):
        starts = {shift["what"]: shift["from"][:10] for shift in truth["shifts"]}
        assert starts["storm week"] == "2026-06-25" and starts["German rises"] == "2026-06-08"
        assert starts["prompt changes"] == truth["prompt"]["changes_at"][:10]
        assert {case["kind"] for case in truth["abuse"]} <= set(starts) and len(starts) == 8
        assert all(shift["from"] <= shift["until"] for shift in truth["shifts"])


class TestRhythm:
    def test_nights_are_quiet(self, ordinary):
        hours = ordinary["time"].dt.hour
        assert (hours < 4).mean() < 0.01 < (hours == 8).mean()

    def test_each_group_has_its_hours_and_days(self, ordinary, truth):
        for group, about in truth["groups"].items():
            own = ordinary[ordinary["group"] == group]
            hours = own["time"].dt.hour.value_counts().reindex(range(24), fill_value=0)
            assert stats.pearsonr(hours, about["hours"]).statistic > 0.88, group
            days = own["day"].dt.day_of_week.value_counts().reindex(range(7), fill_value=0)
            assert stats.pearsonr(days, about["weekdays"]).statistic > 0.5, group
        agents = ordinary.loc[ordinary["group"] == "agents", "day"].dt.day_of_week
        assert (agents >= 5).mean() < 0.06, "agents rest at the weekend"

    def test_sessions_are_as_long_as_planned(self, ordinary, truth):
        lengths = ordinary.groupby(["group", "session"]).size().groupby("group").mean()
        for group, about in truth["groups"].items():
            assert abs(lengths[group] / about["mean_session"] - 1) < 0.15, group


class TestMeasures:
    def test_tokens(self, frame):
        assert frame["prompt_tokens"].between(200, 4000).all()
        gone = frame["status"].isin(["error", "timeout"])
        assert (frame.loc[gone, "output_tokens"] == 0).all()
        assert frame.loc[~gone, "output_tokens"].between(6, 600).all()

    def test_output_is_log_normal_by_topic(self, ordinary, truth):
        good = ordinary[(ordinary["status"] == "ok") & (ordinary["language"] == "en")]
        good = good[good["time"] >= truth["prompt"]["changes_at"]]
        for topic in ("timetable", "fares", "storm", "refunds"):
            logs = np.log(good.loc[good["topic"] == topic, "output_tokens"])
            wanted = truth["tokens"]["output"][topic] * truth["prompt"]["output_factor"]
            assert abs(np.exp(logs.mean()) / wanted - 1) < 0.1, topic
            assert abs(logs.std() - truth["tokens"]["output_sigma"]) < 0.06
            assert abs(stats.skew(logs)) < 0.4 < stats.skew(np.exp(logs))

    def test_german_writes_more_tokens(self, ordinary):
        good = ordinary[ordinary["status"] == "ok"]
        means = good[good["topic"] == "timetable"].groupby("language")["output_tokens"].mean()
        assert means["de"] > 1.1 * means["en"]

    def test_seconds(self, frame, truth):
        limit = truth["latency"]["timeout"]
        assert frame["seconds"].between(0.1, limit).all()
        assert (frame["seconds"].eq(limit) == frame["status"].eq("timeout")).all()
        good = frame[frame["status"] == "ok"]
        assert stats.spearmanr(good["seconds"], good["output_tokens"]).statistic > 0.5

    def test_feedback_depends_on_status(self, frame):
        given = frame.dropna(subset="feedback")
        good = given["feedback"].eq(1).groupby(given["status"]).mean()
        assert good["ok"] > 0.7 and good["refused"] < 0.4 and good["error"] < 0.2
        trouble = frame["status"].isin(["error", "timeout"])
        pressed = frame["feedback"].notna()
        assert pressed[trouble].mean() > 1.5 * pressed[~trouble].mean()

    def test_feedback_depends_on_seconds(self, ordinary, truth):
        given = ordinary[ordinary["status"] == "ok"].dropna(subset="feedback")
        slow = given["seconds"] > truth["feedback"]["slow_seconds"]
        good = given["feedback"] == 1
        assert slow.sum() > 30 and good[slow].mean() < good[~slow].mean() - 0.1

    def test_feedback_depends_on_topic(self, ordinary):
        given = ordinary[ordinary["status"] == "ok"].dropna(subset="feedback")
        hard = given["topic"].isin(["storm", "refunds"])
        assert given["feedback"][hard].mean() < given["feedback"][~hard].mean()

    def test_every_row_can_be_priced(self, frame, truth):
        assert set(frame["model"]) == {truth["model"]}
        assert truth["model"] in set(catalog.prices()["item"])
        row = frame.iloc[0]
        assert costs.per_call(row["model"], row["prompt_tokens"], row["output_tokens"]) > 0


class TestAbuse:
    def test_each_has_the_planted_number(self, frame, truth):
        for case in truth["abuse"]:
            assert (frame["user"] == case["user"]).sum() == case["all_requests"], case["kind"]
        total = sum(case["all_requests"] for case in truth["abuse"])
        assert total == truth["requests"]["abusive"]

    def test_flooding(self, frame, ordinary, truth):
        own, case = of(frame, truth, "flooding")
        assert own["question"].nunique() <= 5
        for burst in case["bursts"]:
            hit = own[own["time"].between(burst["starts"], pd.Timestamp(burst["starts"]) + DAY)]
            assert len(hit) == burst["requests"]
            assert hit["time"].diff().dt.total_seconds().median() < 15
        most = ordinary.groupby(["user", ordinary["time"].dt.floor("10min")]).size().max()
        assert own.groupby(own["time"].dt.floor("10min")).size().max() > 2 * most

    def test_the_flood_slows_the_answers(self, frame, truth):
        own, _ = of(frame, truth, "flooding")
        good = frame["status"] == "ok"
        usual = frame.loc[good & (frame["topic"] == "timetable"), "seconds"].median()
        assert own.loc[own["status"] == "ok", "seconds"].median() > 1.8 * usual

    def test_injections(self, frame, ordinary, truth):
        own, case = of(frame, truth, "injection")
        pattern = r"(?i)ignore|instructions|developer mode|SYSTEM:|grandmother|no rules|</doc"
        pattern += r"|then do it|testing you|base64|After that"
        attempts = own[own["question"].str.contains(pattern)]
        assert len(attempts) == case["attempts"]
        assert attempts["question"].nunique() > 25
        assert 0.7 < (attempts["status"] == "refused").mean() < 1.0, "some get through"
        assert (
            not ordinary["question"].str.contains(pattern.replace("After that", "system p")).any()
        )

    def test_scraping(self, frame, ordinary, truth):
        own, case = of(frame, truth, "scraping personal data")
        assert len(set(own["day"])) == len(case["nights"])
        assert own["time"].dt.hour.between(1, 4).all()
        gaps = own["time"].diff().dt.total_seconds()
        same = gaps[gaps < 3600]
        assert same.std() < 0.2 * same.mean(), "as regular as a machine"
        assert (own["status"] == "refused").mean() > 0.8
        assert own["question"].str.contains("SK").mean() > 0.4
        assert not ordinary["question"].str.contains(r"\bSK[0-9A-Z]{5}\b").any()


class TestPrivacy:
    def test_no_personal_data(self, frame):
        text = "\n".join(frame["question"])
        assert "@" not in text and not re.search(r"\d{4} \d{3}|\d{7}|\+\d", text)
        planted = "Holt Terrin Vaule Saltway Askarsen Lunde Quill Maren Odd Ines Birgit Ruben Petra"
        names = "Brekka Teal Marl Corran Isbister Vass Haldane Rook Strand SK7Q4M2 X4471902"
        for name in (planted + " " + names).split():
            assert not re.search(rf"\b{name}\b", text), name

    def test_booking_numbers_belong_to_nobody(self, data, frame):
        asked = set(re.findall(r"\bSK[0-9A-Z]{5}\b", "\n".join(frame["question"])))
        assert len(asked) > 50 and all(re.fullmatch(r"SK00\d{3}", number) for number in asked)
        assert not asked & set(_booked(data))


def _booked(data: Path):
    """Every text in the database that looks like a booking number."""
    for file in (data / "corpus").glob("*.sqlite"):
        database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                yield from (v for v in row if isinstance(v, str) and re.fullmatch("SK.{5}", v))
        database.close()


def plain(text: str) -> str:
    """A text without case, marks and double spaces."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def test_no_golden_question_is_asked(data, frame):
    files = sorted((data / "golden").glob("*.jsonl"))
    known = {plain(q.question) for file in files for q in golden.load(file)}
    assert known
    assert not known & {plain(text) for text in frame["question"]}


def test_truth_is_made_from_the_plan(data, made, truth):
    plan = made.load()
    again = json.loads(json.dumps(made.truth(plan), default=lambda day: day.isoformat()))
    assert again == truth
    german = sys.modules["traffic.plan"].german
    assert german(plan, plan["first"]) == plan["german"]["start_share"]
    assert german(plan, plan["last"]) == plan["german"]["end_share"]


def test_the_storm_week_holds_the_storm_of_the_database(data, truth):
    (file,) = (data / "corpus").glob("*.sqlite")
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    wind = dict(database.execute("SELECT date, wind_ms FROM weather").fetchall())
    database.close()
    windiest = max(wind, key=wind.get)
    assert truth["storm"]["first"] <= windiest <= truth["storm"]["last"]
    assert wind["2026-06-27"] == 21 and wind["2026-06-28"] == 16


def test_made_again_the_same(data, made, tmp_path):
    made.main(tmp_path)
    for name in ("requests.jsonl", "truth.json"):
        assert (tmp_path / name).read_bytes() == (data / "traffic" / name).read_bytes(), name


def test_without_the_shifts_none_is_found(made):
    plan = made.load()
    plan["storm"] |= {"during": {}, "after": {}, "volume": dict.fromkeys(plan["groups"], 1.0)}
    plan["german"]["end_share"] = plan["german"]["start_share"]
    plan["groups"]["agents"]["growth"] = 1.0
    found = pd.DataFrame(made.requests(plan))
    found = found[~found["user"].isin(["u13", "u14", "u35"])]
    day = found["time"].str[:10]
    first = found.drop_duplicates("session")
    during = first["time"].str[:10].between("2026-06-25", "2026-07-01")
    table = pd.crosstab(first["topic"], during)[lambda t: t.sum(axis=1) > 20]
    assert stats.chi2_contingency(table).pvalue > 0.001
    assert found["language"].eq("de")[day >= "2026-07-06"].mean() < 0.04
    agents = day[found["group"] == "agents"]
    assert 0.8 < (agents >= "2026-07-06").sum() / (agents <= "2026-06-07").sum() < 1.25


def test_another_seed_gives_other_requests(made):
    plan = made.load()
    first, other = made.requests(plan)[:50], made.requests({**plan, "seed": plan["seed"] + 1})[:50]
    assert first != other and made.truth(plan) == made.truth({**plan, "seed": 1})


def test_loads_with_datasets(data, tmp_path):
    from datasets import load_dataset

    found = load_dataset(str(data / "traffic"), cache_dir=str(tmp_path), split="train")
    assert len(found) == 6000 and list(found.column_names) == FIELDS


def test_card(data, truth, frame):
    card = (data / "traffic" / "README.md").read_text("utf-8")
    for field in FIELDS:
        assert f"`{field}`" in card, field
    asked = truth["requests"]
    assert f"{asked['all']:,} requests: {asked['ordinary']:,} ordinary" in card
    assert f"{asked['abusive']} abusive" in card
    assert frame["question"].nunique() > 4000 and "More than 4,000 texts are distinct" in card
    share = (frame["status"] == "ok")[~frame["user"].isin([c["user"] for c in truth["abuse"]])]
    assert f"{share.mean() * 100:.0f} of 100 ordinary requests" in card
    for case in truth["abuse"]:
        assert str(case["all_requests"]) in card, case["kind"]
    for group, about in truth["groups"].items():
        assert f"`{group}` {len(about['users'])}" in card, group
