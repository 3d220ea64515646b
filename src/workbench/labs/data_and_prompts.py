"""The tasks of phase 2: clean, index, measure what is found, cut, and guard the database."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from workbench.labs.asking import Learner, Slip, Wrong, compare
from workbench.labs.pictures import Blocks
from workbench.labs.solutions import load
from workbench.labs.task import Task

# --- 02.1 ---------------------------------------------------------------------------------------

PAGE = """<html><head><title>Pets</title><style>p{font:16px serif}</style>
<script>function track(e){send("visit")}</script></head><body>
<div class="cookie-banner">We use cookies. <button>Accept all</button></div>
<nav><a href="/">Home</a> <a href="/offers">Offers</a></nav>
<h1>Pets &amp; other friends</h1>
<p>A dog pays 90&nbsp;kr on the night cross\u00ading.<br>Cats travel in a <b>car</b>rier.</p>
<table><tr><th>Route</th><th>Dog</th></tr><tr><td>Storholm</td><td>30 kr</td></tr></table>
<details><summary>Papers?</summary><p>None   between
our ports.</p></details>
<p>Children &lt; 12 and dogs &gt; 40 cm need a lead: it costs &#8364;5.</p>
<footer>All rights reserved</footer></body></html>"""

#: What must not be left: words to look for, and the question to ask.
LEFT = [
    (r"</?[a-z][^<>]*>", "There are tags left."),
    (r"track\(|send\(", "There is program text in it: what is inside `<script>` is no prose."),
    (r"16px|serif", "The style sheet is in it: what is inside `<style>` is no prose."),
    (r"We use cookies|Accept all", "The cookie banner is still there. How can you tell it apart?"),
    (r"Offers", "The menu is still there. Which element holds it?"),
    (r"All rights reserved", "The footer is still there."),
    (r"&(amp|lt|gt|nbsp|#\d+);", "There are entities left, such as `&amp;`. What reads them?"),
    (
        "\u00ad",
        "There is a soft hyphen left: unseen, and a search for the word misses it.",
    ),
    ("\u00a0", "There is a no-break space left: `90 kr` typed by a passenger does not match it."),
    (r"[ \t]{2,}", "There are several blanks in a row."),
]
#: What must be there, white space apart, and the question to ask where it is not.
KEPT = [
    ("Pets & other friends", "The heading is not there as a person would read it."),
    ("90 kr on the night crossing", "What has become of the price of the night crossing?"),
    ("None between our ports", "The answer that folds out is gone. Passengers do ask for it."),
    ("Children < 12 and dogs > 40 cm need a lead", "Part of a sentence with < and > is gone. In "
     "which order do you take out tags and read entities?"),
    ("€5", "The euro sign is gone. How is it written in the page?"),
    ("in a carrier", "A word was torn in two where only a part of it is bold."),
    ("Storholm", "The table is gone."),
    ("30 kr", "The table has lost its prices."),
]  # fmt: skip
GLUED = [
    (r"RouteDog|Storholm30|DogStorholm", "Two cells of the table run into one another."),
    (r"crossing\.Cats", "Two lines run into one another where the page has `<br>`."),
    (r"friendsA dog|Papers\?None|ports\.Children", "Two paragraphs run into one another."),
]


def check_clean(learner: Learner) -> Any:
    """One page with a trap for every habit."""
    text = learner(PAGE)
    if not isinstance(text, str):
        raise Wrong("Return the text as one string.", got=text, given=f"{learner.name}(page)")
    look = Blocks("What your function leaves of the page", [text])
    for pattern, say in LEFT:
        if found := re.search(pattern, text):
            raise Wrong(say, got=_around(text, found.start()), given="clean(page)", picture=look)
    flat = " ".join(text.split())
    for pattern, say in GLUED:
        if found := re.search(pattern, flat):
            raise Wrong(say, got=_around(flat, found.start()), given="clean(page)", picture=look)
    for words, say in KEPT:
        if words.casefold() not in flat.casefold():
            raise Wrong(say, expected=words, given="clean(page)", picture=look)
    if "Pets & other" not in flat:
        raise Wrong("Why change the letters? The model reads capitals as well.", picture=look)
    return look


def _around(text: str, place: int) -> str:
    return text[max(0, place - 25) : place + 35]


# --- 02.2 ---------------------------------------------------------------------------------------


def digest(text: str) -> str:
    """The content hash that the index keeps."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _index(**documents: str) -> dict[str, str]:
    return {name: digest(text) for name, text in documents.items()}


FOLDERS = [
    (_index(pets="Dogs 30 kr", fares="Adults 90 kr", crew="On watch"),
     {"pets": "Dogs 30 kr", "fares": "Adults 95 kr", "storm": "No sailing"}),
    ({}, {"pets": "Dogs 30 kr", "café": "Blåbær"}),
    (_index(pets="Dogs 30 kr", fares="Adults 90 kr"), {}),
    (_index(pets="Dogs 30 kr"), {"pets": "Dogs 30 kr"}),
    (_index(pets="Dogs 30 kr"), {"pets": "Dogs 30 kr\n"}),
    (_index(pets="Dogs 30 kr"), {"animals": "Dogs 30 kr"}),
]  # fmt: skip


def _like(**changed: Any):
    """The right three sets with some of them made another way."""

    def wrong(index, documents):
        right = load("02.2")(index, documents)
        made = {key: how(right, index, documents) for key, how in changed.items()}
        return right | made

    return wrong


CHANGE_SLIPS = [
    Slip(
        "A document that was deleted is still in the index and would still be quoted. Which ids "
        "are in the index and not in the folder?",
        _like(remove=lambda *_: set()),
    ),
    Slip(
        "Each document that was there before counts as changed, touched or not. What do you "
        "compare the stored hash with?",
        _like(change=lambda r, index, docs: set(index) & set(docs)),
    ),
    Slip(
        "A changed document is not a new one: its old chunks have to go first. Which ids are in "
        "the folder and not in the index?",
        lambda index, docs: {
            **load("02.2")(index, docs),
            "add": load("02.2")(index, docs)["add"] | load("02.2")(index, docs)["change"],
            "change": set(),
        },
    ),
    Slip(
        "You index everything anew. What is the use of the hashes?",
        lambda index, docs: {"add": set(docs), "change": set(), "remove": set(index) - set(docs)},
    ),
    Slip(
        "What is new is under `remove`, and what is gone is under `add`.",
        _like(add=lambda r, *_: r["remove"], remove=lambda r, *_: r["add"]),
    ),
    Slip(
        "A document whose content changed was not noticed. What does its hash tell?",
        _like(change=lambda *_: set()),
    ),
    Slip(
        "A new document counts as changed too. Can something change that was not there?",
        _like(change=lambda r, *_: r["change"] | r["add"]),
    ),
    Slip(
        "A line end was added to the document and nothing noticed. Do you hash the text as it is?",
        lambda index, docs: load("02.2")(index, {k: v.strip() for k, v in docs.items()}),
    ),
]


def check_changes(learner: Learner) -> Any:
    """Folders before and after: added, changed, deleted, renamed, untouched."""
    first = learner(*FOLDERS[0])
    keys = ["add", "change", "remove"]
    if not isinstance(first, dict) or sorted(map(str, first)) != keys:
        say = 'Return a dictionary with the keys "add", "change" and "remove".'
        raise Wrong(say, load("02.2")(*FOLDERS[0]), first)
    say = "Take one id after the other: is it in the index, in the folder, with which hash?"
    return compare(learner, FOLDERS, load("02.2"), CHANGE_SLIPS, say)


# --- 02.3 ---------------------------------------------------------------------------------------

FOUND = [
    "Dogs pay 90 kr on the\nnight crossing.",
    "Small pets travel free in a carrier of at most 55 x 40 x 35 cm.",
    "Bicycles cost 40 kr.",
    "A refund needs the booking",
    "number. Vouchers are valid for twelve months.",
]
RECALLS = [
    (FOUND, ["90 kr on the night crossing", "cost 40 kr"], 100),
    (FOUND, ["90 kr on the night crossing", "cost 40 kr"], 12),
    (FOUND, ["90 kr on the night crossing", "Small pets travel free"], 12),
    (FOUND, ["90 kr on the night crossing", "Small pets travel free"], 22),
    (FOUND, ["needs the booking number", "twelve months"], 100),
    (FOUND, ["90 kr on the  night crossing"], 8),
    (FOUND, ["cost 40 kr"], 7),
    (FOUND, ["valid for twelve months", "Dogs", "trains", "Bicycles cost"], 100),
]


def _flat(text: str) -> str:
    return " ".join(text.split())


def _taken(
    passages: list[str], budget: float, length=lambda p: len(p.split()), stop=True
) -> list[str]:
    """Passages in the budget; ``stop`` ends at the first that does not fit."""
    taken, used = [], 0
    for passage in passages:
        if used + length(passage) <= budget:
            taken.append(passage)
            used += length(passage)
        elif stop:
            break
    return taken


def _share(texts: list[str], quotes: list[str]) -> float:
    return sum(any(_flat(q) in _flat(t) for t in texts) for q in quotes) / len(quotes)


def _cut(passages: list[str], budget: int) -> list[str]:
    """Passages with the last one cut to what is left of the budget."""
    out, left = [], budget
    for passage in passages:
        words = passage.split()[: max(0, left)]
        left -= len(words)
        out.append(" ".join(words))
    return out


RECALL_SLIPS = [
    Slip(
        "You looked through all passages. The model sees only those that fit in the budget.",
        lambda p, q, b: _share(p, q),
    ),
    Slip(
        "You left out a passage that did not fit and took a later one. Here the first that does "
        "not fit ends the prompt.",
        lambda p, q, b: _share(_taken(p, b, stop=False), q),
    ),
    Slip(
        "A quote was not found although it is there: a line ends where the quote has a blank.",
        lambda p, q, b: sum(any(x in t for t in _taken(p, b)) for x in q) / len(q),
    ),
    Slip(
        "All or nothing? Half of the evidence is better than none. Return the share.",
        lambda p, q, b: float(_share(_taken(p, b), q) > 0),
    ),
    Slip(
        "You ask for all quotes at once. Return the share of those that were found.",
        lambda p, q, b: float(_share(_taken(p, b), q) == 1),
    ),
    Slip(
        "That is how many were found. Which share of the quotes is it?",
        lambda p, q, b: _share(_taken(p, b), q) * len(q),
    ),
    Slip(
        "A quote that begins in one passage and ends in the next counts as found. Would a reader "
        "of either passage have it?",
        lambda p, q, b: _share([" ".join(_taken(p, b))], q),
    ),
    Slip(
        "You count the budget in characters. It is in words.",
        lambda p, q, b: _share(_taken(p, b, len), q),
    ),
    Slip(
        "You cut the last passage to fit. A passage goes in whole or not at all.",
        lambda p, q, b: _share(_cut(p, b), q),
    ),
    Slip(
        "A passage that fills the budget to its last word does fit.",
        lambda p, q, b: _share(_taken(p, b - 1), q),
    ),
    Slip(
        "You divide by the passages. The share is of the quotes.",
        lambda p, q, b: _share(_taken(p, b), q) * len(q) / len(p),
    ),
]


def check_recall(learner: Learner) -> Any:
    """Quotes in reach, out of reach, split, and with other white space; and none at all."""
    say = "Which passages fit in the budget, and which quotes are in them?"
    look = compare(learner, RECALLS, load("02.3"), RECALL_SLIPS, say)
    if learner(FOUND, [], 100) is not None:
        given = learner.given(["…"], [], 100)
        say = "Where there is no evidence to find, there is no share of it either: return None."
        raise Wrong(say, None, learner(FOUND, [], 100), given)
    return look


# --- 02.4 ---------------------------------------------------------------------------------------

SENTENCES = [
    "The ramp closes ten minutes before the ship leaves.",
    "Vehicles over 2.4 metres wait in lane 3.",
    "Do you tow a trailer?",
    "Then tell the desk its length when you book, because the deck is short!",
    "Motorcycles are lashed by the crew.",
    "Keep your lead on the dog at all times.",
    "It may be up to 1.5 metres long.",
]
HEAD = ["| Route | Car | Van |", "|---|---|---|"]
ROWS = [
    "| Marrowick to Storholm | 120 kr | 180 kr |",
    "| Storholm to Hestra Quay | 90 kr | 140 kr |",
    "| Marrowick to Skarn Haven | 410 kr | 560 kr |",
    "| Ulvey South to Gannet Slip | 70 kr | 95 kr |",
]
TEXT = "\n\n".join(
    [" ".join(SENTENCES[:3]) + "\n" + " ".join(SENTENCES[3:5]), "\n".join(HEAD + ROWS),
     " ".join(SENTENCES[5:])]
)  # fmt: skip


def check_chunk(learner: Learner) -> Any:
    """Every sentence and row whole, nothing lost, nothing too long, each table with its head."""
    for size in (22, 34, 60):
        chunks = learner(TEXT, size)
        call = f"{learner.name}(text, size={size})"
        if isinstance(chunks, str) or not hasattr(chunks, "__iter__"):
            raise Wrong("Return a list of strings.", got=chunks, given=call)
        chunks = list(chunks)
        if not all(isinstance(one, str) for one in chunks):
            raise Wrong("Return a list of strings, one a chunk.", got=chunks, given=call)
        look = Blocks(f"Your chunks of at most {size} words", chunks)
        _check_chunks(chunks, size, call, look)
    return look


def _check_chunks(chunks: list[str], size: int, call: str, look: Blocks) -> None:
    def wrong(say: str, expected: Any, got: Any) -> Wrong:
        return Wrong(say, expected, got, call, look)

    if empty := [n for n, one in enumerate(chunks, 1) if not one.strip()]:
        raise wrong(f"Chunk {empty[0]} is empty. What would a search find in it?", "words", "")
    _check_whole(chunks, wrong)
    for one in chunks:
        if len(one.split()) > size:
            say = f"A chunk has {len(one.split())} words. What becomes of a block that is too long?"
            if "|" in one:
                say += " Does the head of the table count?"
            raise wrong(say, f"at most {size} words", one)
        rows = [row for row in ROWS if row in one]
        if rows and HEAD[0] not in one:
            say = "Here are prices, and nothing says for what. What does a row need with it?"
            raise wrong(say, HEAD[0], one)
    total = sum(len(one.split()) for one in chunks)
    if total > 2.5 * len(TEXT.split()):
        raise wrong("Your chunks repeat most of the text. Must each sentence be in so many?",
                    f"about {len(TEXT.split())} words in all", f"{total} words in all")  # fmt: skip


def _check_whole(chunks: list[str], wrong) -> None:
    flat = [_flat(one) for one in chunks]
    lines = [line.strip() for one in chunks for line in one.splitlines()]
    whole = " ".join(flat)
    for words in [*SENTENCES, *ROWS]:
        if any(words in one for one in flat):
            continue
        if not set(words.split()) <= set(whole.split()):
            say = "Something of the text is in none of your chunks. What happens to the last one?"
            if re.search(r"\d", words) and words in SENTENCES and words.rstrip(".!?") in whole:
                say = "The end of a sentence is gone. Where did its full stop go?"
            raise wrong(say, words, "nothing")
        if words in ROWS:
            raise wrong(
                "A row of the table was cut. Where may a table be cut?", words, "only parts"
            )
        number = re.search(r"\d\.\d", words)
        if number and not any(number.group(0) in one for one in flat):
            raise wrong("You cut at the point of a number. What follows the end of a sentence?",
                        words, "only parts")  # fmt: skip
        raise wrong("A sentence was cut in two. Whoever finds one half misses the other.",
                    words, "only parts")  # fmt: skip
    if lost := [row for row in ROWS if row not in lines]:
        say = "The rows of the table have run together. How do you tell where one ends?"
        raise wrong(say, f"a line of its own: {lost[0]}", "rows within a longer line")
    places = [next(i for i, one in enumerate(flat) if w in one) for w in SENTENCES]
    if places != sorted(places):
        raise wrong("The chunks are not in the order of the text.", "in order", places)


# --- 02.5 ---------------------------------------------------------------------------------------

SCHEMA = """CREATE TABLE sailings (id INTEGER, route TEXT, departs TEXT, updated_at TEXT);
CREATE TABLE bookings (id INTEGER, sailing_id INTEGER, price_kr INTEGER);"""
QUESTIONS = [
    ("SELECT count(*) FROM sailings", "This is a plain question. What keeps it out?"),
    ("  select route from sailings ;\n", "Small letters, blanks and one semicolon at the end do no "
     "harm."),
    ("-- which routes?\nSELECT DISTINCT route FROM sailings", "A remark in front of a question is "
     "no reason to refuse it."),
    ("WITH late AS (SELECT * FROM sailings) SELECT count(*) FROM late", "A question may begin with "
     "WITH as well."),
    ("SELECT count(*) FROM sailings WHERE route = 'drop; delete'", "These words are a value "
     "between quotes and do nothing. Does your guard look at words or at what they mean?"),
    ("SELECT max(updated_at), replace(route, '-', ' ') FROM sailings", "A column named updated_at "
     "and the function replace() only look like commands."),
]  # fmt: skip
ATTACKS = [
    ("DELETE FROM bookings", "This empties a table."),
    ("drop table sailings", "This removes a table, in small letters."),
    ("SELECT 1; DROP TABLE bookings", "It begins as a question. And after the semicolon?"),
    ("SELECT 1;-- done\nDELETE FROM bookings", "A remark after the semicolon does not end the "
     "text: the next line is a second statement."),
    ("/* SELECT */ DELETE FROM bookings", "SELECT stands in a remark here. What is carried out?"),
    ("WITH old AS (SELECT id FROM bookings) DELETE FROM bookings WHERE id IN (SELECT id FROM old)",
     "Not all that begins with WITH is a question. What does this one do in the end?"),
    ("INSERT INTO bookings (price_kr) SELECT price_kr FROM bookings", "It contains a question, and "
     "writes its result into a table."),
    ("REPLACE INTO bookings SELECT * FROM bookings", "REPLACE writes too."),
    ("CREATE TABLE copy AS SELECT * FROM bookings", "This makes a new table."),
    ("PRAGMA writable_schema = 1", "PRAGMA changes settings of the database itself."),
    ("ATTACH DATABASE 'other.sqlite' AS other", "ATTACH opens another file: is that reading?"),
    ("VACUUM INTO 'nowhere/copy.sqlite'", "This writes the whole database into a file elsewhere."),
    ("-- nothing at all", "There is nothing in it to be carried out."),
    ("Please show me all sailings", "That is no SQL. Can a guard let through what it does not "
     "understand?"),
]  # fmt: skip


def check_guard(learner: Learner) -> Any:
    """Harmless questions that look dangerous, and dangerous ones that look harmless."""
    cases = [(sql, True, say) for sql, say in QUESTIONS[:1]]
    cases += [(sql, False, say) for sql, say in ATTACKS]
    cases += [(sql, True, say) for sql, say in QUESTIONS[1:]]
    for sql, right, say in cases:
        got, call = learner(sql, SCHEMA), f"{learner.name}({sql!r}, schema)"
        if not isinstance(got, bool | int) or got not in (True, False):
            raise Wrong("Return True for a question and False for all else.", right, got, call)
        if bool(got) is not right:
            raise Wrong(say, right, bool(got), call)
    return None


TASKS = [
    Task(
        "02.1", "A page without its clutter", "clean", 10, 1,
        "return the text of a web page as a passenger would read it.",
        "Nobody sees a soft hyphen or a no-break space. A search engine does.",
        (
            "A parser knows HTML better than a regular expression: `BeautifulSoup(html, "
            '"html.parser")` is installed, and it reads the entities for you.',
            "Remove whole elements first (`element.decompose()`), then take the text.",
            "`get_text()` glues neighbours, `get_text(' ')` tears words. Put a line end around the "
            "elements that begin a new line, and nothing around `<b>`.",
            "Soft hyphens are `\\u00ad`, no-break spaces `\\u00a0`.",
        ),
        check_clean,
    ),
    Task(
        "02.2", "Index only what changed", "changes", 8, 1,
        "say which documents to add, to index again and to remove.",
        "A deleted document that stays in the index is the one that embarrasses you later.",
        (
            "Three questions about each id: is it in the folder, is it in the index, is the hash "
            "the same?",
            "Sets of ids make two of the three answers one line each.",
            "`hashlib.sha256(text.encode('utf-8')).hexdigest()` makes a hash like those in the "
            "index.",
        ),
        check_changes,
    ),
    Task(
        "02.3", "Does the evidence reach the model?", "evidence_recall", 10, 2,
        "return the share of the quotes that are in the passages within the budget.",
        "This number bounds the answers: what is not in the prompt cannot be quoted from it.",
        (
            "Do it in two steps: which passages go into the prompt, then which quotes are in one "
            "of them.",
            "A passage goes in whole, in the order given, until one does not fit.",
            'White space may differ: `" ".join(text.split())` makes page and quote alike.',
        ),
        check_recall,
    ),
    Task(
        "02.4", "Cut without cutting sense", "chunk", 15, 3,
        "cut a text into chunks that leave each sentence and each row whole.",
        "Each of your chunks can be understood alone. That is what makes it worth finding.",
        (
            "Blocks are separated by empty lines. A block whose lines begin with `|` is a table.",
            "A sentence ends where `.`, `!` or `?` is followed by white space: "
            "`re.split(r'(?<=[.!?])\\s+', ...)` keeps the mark.",
            "Collect pieces as long as they fit. Write one function for sentences and rows alike, "
            "and hand it the head that each chunk of a table begins with.",
        ),
        check_chunk,
    ),
    Task(
        "02.5", "Only questions reach the database", "is_safe", 15, 3,
        "let through a single question, and nothing that could change anything.",
        "You judged what a statement does and not how it looks. Keep the database read-only as "
        "well: two locks are better than one.",
        (
            "Lists of forbidden words refuse honest questions and miss tricks. Who knows for sure "
            "what a statement does?",
            "SQLite does: make an empty database with the schema in memory, and look at what it "
            "would have to do.",
            "`connection.set_authorizer(function)` calls your function for each thing a statement "
            "wants to do, before it does it; `execute` refuses a second statement.",
        ),
        check_guard,
    ),
]  # fmt: skip
