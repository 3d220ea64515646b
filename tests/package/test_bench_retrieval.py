"""``workbench bench retrieval`` on files as people have them: ids, encodings, gaps, filters."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_ollama import FakeOllama
from typer.testing import CliRunner

from workbench import retrieval
from workbench.bench import collection, retrieval_cli
from workbench.bench import retrieval as bench
from workbench.errors import BadInput

DOCUMENTS = [
    {"id": 1, "text": "It boils at 100 degrees.", "question": "When does a kettle boil?"},
    {"id": "ü#2", "text": "Dogs may sleep on deck.", "section": "Pets", "tags": ["x"]},
    {"id": "ü", "text": "Cats stay in cabins.", "author": "Brannoch"},
    {"id": "long", "text": "plain words here. " * 300 + "The zanzibar is last.", "title": "Long"},
]
QUESTIONS = [
    {"question": "When does the kettle boil?", "document": 1},
    {"question": "Where do dogs sleep?", "document": "ü#2"},
    {"question": "What did Brannoch write?", "document": "ü"},
    {"question": "zanzibar", "document": "long"},
]


@pytest.fixture
def ollama(monkeypatch, tmp_path) -> Iterator[FakeOllama]:
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path / "root"))
    with FakeOllama() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield server


@pytest.fixture
def write(tmp_path) -> Callable[[str, str | bytes | list], Path]:
    def put(name: str, content: str | bytes | list) -> Path:
        if isinstance(content, list):
            content = "\n".join(json.dumps(record) for record in content)
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return file

    return put


def run(*command: object) -> dict:
    done = CliRunner().invoke(retrieval_cli.app, [*map(str, command), "--json"])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0
    (line,) = done.stdout.splitlines()
    return json.loads(line)


def test_every_string_is_searched_and_every_kind_of_id_is_found(ollama, write):
    files = "--documents", write("d.jsonl", DOCUMENTS), "--questions", write("q.jsonl", QUESTIONS)
    found = run(*files, "-k", 1)
    assert found["hit_rate"] == found["mrr"] == 1.0, found["misses"]
    assert found["queries"] == found["documents"] == 4 and found["k"] == 1
    assert found["hit_rate_low"] < 1 and 0 < found["p50_ms"] <= found["p95_ms"]
    assert found["chunks"] > 4, "the long text is cut"


def test_second_run_embeds_questions_only(ollama, write):
    files = "--documents", write("d.jsonl", DOCUMENTS), "--questions", write("q.jsonl", QUESTIONS)
    run(*files)
    ollama.embedded.clear()
    run(*files)
    assert set(ollama.embedded) == {q["question"] for q in QUESTIONS}
    write("d.jsonl", [*DOCUMENTS, {"id": "new", "text": "A late addition."}])
    assert run(*files)["documents"] == 5, "other content, another index"


def test_ranks_are_of_documents_and_not_of_passages(ollama, write):
    documents = [
        {"id": "a", "text": "\n\n".join("ferry " * 200 for _ in range(9))},
        {"id": "b", "text": "One ferry among many other words that fill this text."},
        {"id": "c", "text": "Nothing of the kind."},
    ]
    questions = [{"question": "ferry", "document": "b"}]
    files = "--documents", write("d.jsonl", documents), "--questions", write("q.jsonl", questions)
    found = run(*files, "-k", 2, "--dense-weight", 0)
    assert found["hit_rate"] == 1.0 and found["mrr"] == 0.5
    assert run(*files, "-k", 1, "--dense-weight", 0)["misses"] == [
        {"question": "ferry", "document": "b", "found": ["a"]}
    ]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(DOCUMENTS),
        json.dumps({"source": "x", "documents": DOCUMENTS}),
        "\ufeff\r\n" + "\r\n\r\n".join(json.dumps(d, ensure_ascii=False) for d in DOCUMENTS),
    ],
    ids=["list", "object with a list", "lines with BOM, CRLF and gaps"],
)
def test_shapes_of_documents(write, content):
    read = collection.read_documents(write("d", content), None, [])
    assert [d.id for d in read] == ["1", "ü#2", "ü", "long"]


@pytest.mark.parametrize(
    "content",
    [
        'question,document\nWhy?,1\n"One, two\nor three?",ü#2\n',
        '\ufeffdocument;question\r\n1;Why?\r\n\r\nü#2;"One, two\nor three?"\r\n',
        "question\tdocument\nWhy?\t1\nOne, two\nor three?\tü#2\n".replace("two\nor", "two or"),
        json.dumps([{"question": "Why?", "document": 1, "x": None}] * 2),
    ],
    ids=["commas", "semicolons, BOM, CRLF", "tabs", "JSON"],
)
def test_shapes_of_questions(write, content):
    first, second = collection.read_questions(write("q", content), None, [])
    assert (first.question, first.right) == ("Why?", ("1",))
    assert second.right in (("ü#2",), ("1",)) and second.question.startswith(("One, two", "Why"))


def test_filter_keeps_to_the_part_that_the_question_names(ollama, write):
    documents = [
        {"id": f"{course}{n}", "text": f"How to enrol, part {n}.", "course": course, "kind": n}
        for course in ("ml", "de")
        for n in range(6)
    ]
    rows = "question,course,document\nHow to enrol part 3?,ml,ml3\nHow to enrol part 3?,de,de3\n"
    files = "--documents", write("d.json", json.dumps(documents)), "--questions", write("q", rows)
    found = run(*files, "--filter", "course", "-k", 1)
    assert found["hit_rate"] == 1.0 and set(found["by_filter"]) == {"ml", "de"}
    assert run(*files, "-k", 1)["hit_rate"] == 0.5, "without the filter the two are the same"


def test_filter_field_may_have_any_name_and_numbers(ollama, write):
    documents = [{"id": n, "text": "the same", "kind": n} for n in range(4)]
    questions = [{"question": "the same", "kind": str(n), "document": n} for n in range(4)]
    files = "--documents", write("d.jsonl", documents), "--questions", write("q.jsonl", questions)
    assert run(*files, "--filter", "kind", "-k", 1)["hit_rate"] == 1.0


def test_objects_that_share_an_id_are_one_document_and_that_is_said(ollama, write):
    documents = [*DOCUMENTS, {"id": "ü", "text": "Parrots whistle."}]
    questions = [{"question": "Who whistles? Parrots?", "document": "ü"}]
    files = "--documents", write("d.jsonl", documents), "--questions", write("q.jsonl", questions)
    found = run(*files, "-k", 1)
    assert found["hit_rate"] == 1.0 and found["documents"] == 4
    assert "more than once ('ü')" in found["notes"][0]


def test_gaps_are_counted_and_not_hidden(ollama, write):
    documents = [*DOCUMENTS, {"id": "empty", "text": " "}]
    documents = [d | ({"part": "p"} if d["id"] != "ü" else {}) for d in documents]
    questions = [
        {"question": "zanzibar", "part": "p", "document": "long"},
        {"question": "Cats in cabins?", "part": "p", "document": "ü"},
    ]
    files = "--documents", write("d.jsonl", documents), "--questions", write("q.jsonl", questions)
    found = run(*files, "--filter", "part", "-k", 1)
    assert found["hit_rate"] == 0.5
    notes = " ".join(found["notes"])
    assert "1 document in d.jsonl without text" in notes and "'empty'" in notes
    assert "1 document in d.jsonl without 'part'" in notes
    assert "1 question with another part" in notes


@pytest.mark.parametrize(
    "documents, questions, field, words",
    [
        ("", "question,document\na,1", None, "is empty"),
        ("[]", "question,document\na,1", None, "nothing in"),
        ("id,text\n1,a", "question,document\na,1", None, "is not JSON"),
        ('{"id": 1, "text": "a"}\n{"id": 2', "question,document\na,1", None, "line 2: not JSON"),
        ('[{"text": "a"}, {"id": " "}]', "question,document\na,1", None, "2 documents in"),
        ('[{"id": null, "text": "a"}]', "question,document\na,1", None, "without an id"),
        ('["a"]', "question,document\na,1", None, "number 1 is not an object"),
        ('{"a": [{"id": 1}], "b": [{"id": 2}]}', "question,document\na,1", None, "2 lists"),
        (DOCUMENTS, "query,answer\na,1", None, "no column 'question', 'document'"),
        (DOCUMENTS, "question,document\na,1", "course", "no document in .* has a 'course'"),
        (
            [{"id": 1, "text": "a", "course": "x"}],
            "question,document\na,1",
            "course",
            "no column 'course'",
        ),
        (DOCUMENTS, "question,document\na,1\n,1\n", None, "1 question in .* number 2"),
        (DOCUMENTS, "question,document\na,\n", None, "no 'document'"),
        (DOCUMENTS, "question,document\n", None, "nothing in"),
        (
            DOCUMENTS,
            "question,document\na,7\nb,8\nc,7\nd,1",
            None,
            "3 questions name 2 documents that are not there: '7', '8'",
        ),
        (DOCUMENTS, "question,document\né,1".encode("utf-16"), None, "not UTF-8"),
    ],
)
def test_what_cannot_be_used_is_said_with_what_is_missing(
    write, documents, questions, field, words
):
    with pytest.raises(BadInput) as problem:
        collection.read(write("d", documents), write("q", questions), field)
    assert re.search(words, problem.value.what) and problem.value.fix


def test_missing_file_and_bad_numbers(ollama, write, tmp_path):
    with pytest.raises(BadInput, match="there is no file"):
        collection.read(tmp_path / "no.json", tmp_path / "no.csv")
    read = collection.read(write("d", DOCUMENTS), write("q", QUESTIONS))
    for bad in ({"k": 0}, {"dense_weight": 1.5}):
        with pytest.raises(BadInput, match=r"is 0|is 1\.5"):
            bench.measure(read, **bad)


def test_folder_and_golden_questions(ollama, tmp_path, write):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "pets.md").write_text("# Pets\n\nDogs may sleep on deck.", "utf-8")
    (folder / "food.md").write_text("# Food\n\nSoup is served at noon.", "utf-8")
    golden = [
        {"question": "Where may dogs sleep?", "evidence": [{"document": "pets", "quote": "Dogs"}]},
        {"question": "Who is king?", "evidence": []},
    ]
    found = run("--documents", folder, "--questions", write("q.jsonl", golden), "-k", 1)
    assert found["queries"] == 1 and found["hit_rate"] == 1.0
    assert "1 question in q.jsonl left out" in found["notes"][0]


def test_own_golden_files_can_be_read(tmp_path, monkeypatch):
    root = Path(__file__).parents[2]
    notes: list[str] = []
    asked = collection.read_questions(root / "data" / "golden" / "dev.jsonl", None, notes)
    assert len(asked) == 84 and all(q.right for q in asked)
    assert notes == ["36 questions in dev.jsonl left out: no document answers them"]


def foreign() -> tuple[list[dict], list[dict]]:
    """Functions of the standard library: a docstring each, asked for by its first line."""
    import json as module_json
    import os.path
    import random
    import shutil
    import statistics
    import textwrap

    documents, questions = [], []
    for module in (shutil, statistics, textwrap, module_json, random, os.path):
        for name, function in inspect.getmembers(module, inspect.isroutine):
            lines = (inspect.getdoc(function) or "").splitlines()
            if name.startswith("_") or len(lines) < 3 or function.__module__ == "builtins":
                continue
            identity = f"{module.__name__}.{name}"
            body = "\n".join(lines[1:])
            documents.append({"id": identity, "text": body, "name": identity, "summary": lines[0]})
            questions.append({"question": lines[0], "document": identity})
    return documents, questions


def test_a_foreign_collection(ollama, write):
    documents, questions = foreign()
    files = "--documents", write("d.jsonl", documents), "--questions", write("q.jsonl", questions)
    found = run(*files)
    assert found["queries"] == len(documents) > 40
    assert found["hit_rate"] > 0.95 and found["mrr"] > 0.9


def test_more_documents_than_there_are(ollama, write):
    files = "--documents", write("d.jsonl", DOCUMENTS), "--questions", write("q.jsonl", QUESTIONS)
    found = run(*files, "-k", 50)
    assert found["hit_rate"] == 1.0


def test_table_says_what_was_not_found(ollama, write):
    questions = [*QUESTIONS, {"question": "Cats stay in cabins?", "document": "long"}]
    files = ["--documents", str(write("d.jsonl", DOCUMENTS))]
    files += ["--questions", str(write("q.jsonl", questions)), "-k", "1"]
    done = CliRunner().invoke(retrieval_cli.app, files)
    assert done.exit_code == 0
    assert "hit rate at 1" in done.stdout and "not found: 'Cats stay in cabins?'" in done.stdout


def test_table_shows_the_largest_parts_as_they_are_written(ollama, write):
    documents = [{"id": n, "text": "same", "part": f"[b]{n}"} for n in range(23)]
    questions = [{"question": "same", "part": f"[b]{n}", "document": n} for n in range(23)]
    questions += questions[-1:]
    files = ["--documents", str(write("d.jsonl", documents)), "--filter", "part"]
    files += ["--questions", str(write("q.jsonl", questions))]
    shown = CliRunner().invoke(retrieval_cli.app, files).stdout
    assert "[b]22" in shown and "and 3 more" in shown and "1.000 [" in shown


def test_the_searcher_is_that_of_the_assistant(ollama, write, monkeypatch):
    asked = []
    search = retrieval.Retriever.search
    monkeypatch.setattr(
        retrieval.Retriever,
        "search",
        lambda self, *given: asked.append(given) or search(self, *given),
    )
    run("--documents", write("d", DOCUMENTS), "--questions", write("q", QUESTIONS))
    assert len(asked) == 5 and {given[3] for given in asked} == {None}, "default weights"
