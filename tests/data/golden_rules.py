"""What a golden question must keep, each rule as a function that lists what breaks it.

The tests call them on ``data/golden``; for a file that is being written:

    python tests/data/golden_rules.py data/golden/draft.jsonl

A question is one JSON object a line with the fields of ``workbench.golden.Question``:
``id``, ``question``, ``answer``, ``accept``, ``evidence`` (``[{document, quote}]``), ``type``,
``split``, and by type ``sql``, ``stale``, ``why_unanswerable``, ``nearest``, ``key_terms``.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

from content_words import stems

from workbench import chunking, corpus, golden

DATA = Path(__file__).resolve().parents[2] / "data"
DOCUMENTED = [t for t in golden.TYPES if t not in ("aggregate", *golden.REFUSED)]
#: Two quotes whose stems overlap by more (Jaccard) say the same, wherever they stand.
SAME = 0.7
Problem = tuple[str, str]


def flat(text: str) -> str:
    """A text with every run of white space as one space."""
    return " ".join(text.split())


def has_term(term: str, text: str, flags: int = 0) -> bool:
    """Whether a term stands in a text as whole words."""
    return re.search(rf"(?<!\w){re.escape(term)}(?!\w)", text, flags) is not None


@dataclass(frozen=True)
class Estate:
    """The documents, their chunks in each way of splitting, and the database."""

    documents: Mapping[str, corpus.Document]
    database: Path

    @cached_property
    def chunks(self) -> dict[str, list[str]]:
        """Way of splitting -> the text of every chunk."""
        every = list(self.documents.values())
        return {
            how: [flat(c.text) for c in chunking.split(every, how=how)] for how in chunking.WAYS
        }

    @cached_property
    def units(self) -> dict[str, list[str]]:
        """Document -> its sentences, list items and table rows: what holds one fact."""
        return {name: list(_units(document.text)) for name, document in self.documents.items()}

    def holds(self, quote: str) -> bool:
        """Whether a quote is whole in a chunk of the course's way of splitting."""
        return any(quote in chunk for chunk in self.chunks["heading"])

    def facts(self, piece: Mapping[str, str]) -> set[tuple[str, str]]:
        """The units of a document that a quote touches."""
        quote = flat(piece["quote"])
        units = self.units.get(piece["document"], [])
        return {(piece["document"], unit) for unit in units if unit in quote or quote in unit}


def _units(text: str) -> Iterator[str]:
    for block in re.split(r"\n{2,}", text):
        lines = block.splitlines()
        joined = (
            lines
            if block.lstrip().startswith("|")
            else re.split(r"\n(?=\s*(?:[-*]|\d+\.) )", block)
        )
        for line in joined:
            is_row = line.lstrip().startswith("|")
            for part in [line] if is_row else re.split(r"(?<=[.!?])\s+(?=[^\sa-z])", line):
                if len(part.strip()) > 3 and not set(part) <= set("|-: \n"):
                    yield flat(part)


def verbatim(questions: Sequence[golden.Question], estate: Estate) -> Iterator[Problem]:
    """Each quote is in its cleaned document, and whole in a chunk."""
    for question in questions:
        for piece in [*question.evidence, question.nearest, question.stale]:
            if not piece:
                continue
            document, quote = estate.documents.get(piece["document"]), flat(piece["quote"])
            if document is None:
                yield question.id, f"there is no document {piece['document']}"
            elif quote not in flat(document.text):
                yield question.id, f"not verbatim in {document.id}: {quote}"
            elif not estate.facts(piece):
                yield (
                    question.id,
                    f"the quote is part of no sentence, or no sentence of it: {quote}",
                )
            elif piece in question.evidence and not estate.holds(quote):
                yield question.id, f"cut by chunking: {quote}"


def parts(questions: Sequence[golden.Question], estate: Estate) -> Iterator[Problem]:
    """Evidence, query and reasons are there exactly where the type needs them."""
    for q in questions:
        for name, given, wanted in (
            ("evidence", q.evidence, q.type in DOCUMENTED),
            ("sql", q.sql, q.type == "aggregate"),
            ("stale", q.stale, q.type == "in_force"),
            ("why_unanswerable", q.why_unanswerable, not q.answerable),
            ("nearest", q.nearest, q.type == "unanswerable"),
            ("key_terms", q.key_terms, q.type == "unanswerable"),
        ):
            if bool(given) != wanted:
                yield q.id, f"{name} is {'missing' if wanted else 'not for this type'}"
        if q.type in ("multi_hop", "procedure") and len(q.evidence) < 2:
            yield q.id, "needs two pieces of evidence"
        if q.type == "unanswerable" and len(q.key_terms) < 2:
            yield q.id, "needs two key terms"


def short_forms(questions: Sequence[golden.Question], estate: Estate) -> Iterator[Problem]:
    """The first short form is in the answer, and none is given away by the question."""
    for q in questions:
        if not q.accept or not all(form.strip() for form in q.accept):
            yield q.id, "accept is empty"
        elif q.accept[0] not in q.answer:
            yield q.id, f"{q.accept[0]!r} is not in the answer"
        for form in q.accept:
            if has_term(form, q.question, re.IGNORECASE):
                yield q.id, f"the question gives {form!r} away"


def supported(questions: Sequence[golden.Question], estate: Estate) -> Iterator[Problem]:
    """Figures in the answer of a question from one place are in its evidence."""
    for q in questions:
        if q.type not in ("single_fact", "table_lookup", "in_force", "misspelt"):
            continue
        quoted = " ".join(piece["quote"] for piece in q.evidence)
        figures = [f for f in q.accept[:1] for f in re.findall(r"\d[\d,.:]*\d|\d", f)]
        missing = [figure for figure in figures if figure not in quoted]
        if missing and not any(form.lower() in quoted.lower() for form in q.accept):
            yield q.id, f"{missing} is in no quote"


def queries(questions: Sequence[golden.Question], estate: Estate) -> Iterator[Problem]:
    """A query gives one value, and it is the accepted one."""
    database = sqlite3.connect(f"file:{estate.database}?mode=ro", uri=True)
    for q in (q for q in questions if q.sql):
        try:
            rows = database.execute(q.sql).fetchall()
        except sqlite3.Error as problem:
            yield q.id, f"the query fails: {problem}"
            continue
        if len(rows) != 1 or len(rows[0]) != 1:
            yield q.id, f"the query gives {len(rows)} rows, or several values"
        elif not any(_same_value(form, rows[0][0]) for form in q.accept):
            yield q.id, f"the query gives {rows[0][0]!r}, accepted is {q.accept}"
    database.close()


def _same_value(form: str, value: object) -> bool:
    plain = form.replace(",", "").replace("\u202f", "")
    found = re.search(r"-?\d+(?:\.\d+)?", plain)
    if isinstance(value, int | float):
        return bool(found) and abs(float(found.group()) - value) < 1e-9
    return form in str(value)


def paraphrases(questions: Sequence[golden.Question], estate: Estate) -> Iterator[Problem]:
    """A paraphrase shares no content stem with its evidence."""
    for q in (q for q in questions if q.type == "paraphrase"):
        for piece in q.evidence:
            shared = stems(q.question) & stems(piece["quote"])
            if shared:
                yield q.id, f"shares {sorted(shared)} with its evidence"


def in_force(questions: Sequence[golden.Question], estate: Estate) -> Iterator[Problem]:
    """The stale passage is elsewhere and does not hold the accepted answer."""
    for q in (q for q in questions if q.type == "in_force" and q.stale):
        if any(flat(q.stale["quote"]) == flat(piece["quote"]) for piece in q.evidence):
            yield q.id, "the stale quote is the evidence"
        for form in q.accept:
            if has_term(form, q.stale["quote"], re.IGNORECASE):
                yield q.id, f"{form!r} stands in the stale passage too"


def silent(questions: Sequence[golden.Question], estate: Estate) -> Iterator[Problem]:
    """Key terms of an unanswerable question each occur, and never all in one chunk."""
    for q in (q for q in questions if q.type == "unanswerable"):
        for how, chunks in estate.chunks.items():
            found = {
                t: {n for n, c in enumerate(chunks) if has_term(t, c, re.I)} for t in q.key_terms
            }
            for term, places in found.items():
                if not places and how == "heading":
                    yield q.id, f"the key term {term!r} is nowhere, so the question is easy"
            meet = set.intersection(*found.values()) if found else set()
            if meet:
                yield q.id, f"its key terms meet ({how}): {chunks[min(meet)][:90]}"


def no_repeats(questions: Sequence[golden.Question], estate: Estate) -> Iterator[Problem]:
    """No two questions ask the same in the same words."""
    seen: dict[frozenset[str], str] = {}
    for q in questions:
        words = frozenset(stems(q.question))
        if words in seen:
            yield q.id, f"asks what {seen[words]} asks"
        seen[words] = q.id


def no_shared_facts(questions: Sequence[golden.Question], estate: Estate) -> Iterator[Problem]:
    """No sentence, list item or row serves both splits, nor one that says nearly the same."""
    dev, test = ([q for q in questions if q.split == split] for split in golden.SPLITS)
    used: dict[tuple[str, str], str] = {}
    for q in dev:
        used |= {fact: q.id for piece in q.evidence for fact in estate.facts(piece)}
    for q in test:
        facts = {fact for piece in q.evidence for fact in estate.facts(piece)}
        for fact in sorted(facts & set(used)):
            yield q.id, f"shares a fact with {used[fact]}: {fact[1][:90]}"
    yield from _alike(dev, test)
    said = {flat(q.sql).casefold(): q.id for q in dev if q.sql}
    for q in test:
        if q.sql and flat(q.sql).casefold() in said:
            yield q.id, f"the query of {said[flat(q.sql).casefold()]}"


def _alike(dev: Sequence[golden.Question], test: Sequence[golden.Question]) -> Iterator[Problem]:
    quotes = [[(q.id, p, stems(p["quote"])) for q in s for p in q.evidence] for s in (dev, test)]
    for (one, piece, a), (other, there, b) in product(*quotes):
        if len(a & b) > SAME * len(a | b):
            yield (
                other,
                f"{there['document']} says what {one} has from {piece['document']}: "
                + flat(there["quote"]),
            )
    asked = [[(q.id, stems(q.question)) for q in s] for s in (dev, test)]
    for (one, a), (other, b) in product(*asked):
        if len(a & b) > 0.8 * len(a | b):
            yield other, f"asks nearly what {one} asks"


RULES: tuple[Callable[[Sequence[golden.Question], Estate], Iterator[Problem]], ...] = (
    verbatim,
    parts,
    short_forms,
    supported,
    queries,
    paraphrases,
    in_force,
    silent,
    no_repeats,
    no_shared_facts,
)


def main(files: list[str]) -> int:
    """Check files of questions, together with ``data/golden``; 1 if something is wrong."""
    documents = {document.id: document for document in corpus.load(DATA / "corpus")}
    estate = Estate(documents, next((DATA / "corpus").glob("*.sqlite")))
    own = [q for file in files for q in golden.load(file)]
    names = {q.id for q in own}
    others = [q for q in golden.load() if q.id not in names]
    found = 0
    for rule in RULES:
        across = rule in (no_repeats, no_shared_facts)
        for name, problem in rule([*others, *own] if across else own, estate):
            if name in names or across:
                found += 1
                print(f"{name}  {rule.__name__}: {problem}")
    print(f"{len(own)} questions, {found} problems")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
