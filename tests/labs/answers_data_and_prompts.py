"""Learners' answers to the tasks of phase 2: other right ones, and typical wrong ones."""

from __future__ import annotations

import hashlib
import html as entities
import re
import sqlite3
from html.parser import HTMLParser

from bs4 import BeautifulSoup

# --- 02.1 ---------------------------------------------------------------------------------------

CLUTTER = ["script", "style", "nav", "footer"]


def clean_by_pattern(page):
    page = re.sub(r"(?is)<(script|style|nav|footer|title)\b.*?</\1>", " ", page)
    page = re.sub(r'(?is)<div class="cookie-banner">.*?</div>', " ", page)
    page = re.sub(r"(?i)</?(b|i|em|strong|a|span)\b[^>]*>", "", page)
    page = entities.unescape(re.sub(r"<[^>]+>", " ", page))
    return " ".join(page.replace("\u00ad", "").split())


class Reader(HTMLParser):
    """Collects text outside clutter."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.out, self.depth = [], 0

    def handle_starttag(self, tag, attrs):
        opens = tag in CLUTTER or ("class", "cookie-banner") in attrs
        if opens or (self.depth and tag not in ("br", "img")):
            self.depth += 1
        elif tag != "b":
            self.out.append("\n")

    def handle_endtag(self, tag):
        if self.depth:
            self.depth -= 1
        elif tag != "b":
            self.out.append("\n")

    def handle_data(self, data):
        if not self.depth:
            self.out.append(data)


def clean_by_parser(page):
    reader = Reader()
    reader.feed(page)
    text = "".join(reader.out).replace("\u00ad", "").replace("\xa0", " ")
    return re.sub(r"\n\s*\n", "\n\n", re.sub(r"[ \t]+", " ", text)).strip()


def clean_by_lxml(page):
    import lxml.html

    root = lxml.html.fromstring(page)
    for part in root.xpath("//script|//style|//nav|//footer|//title|//*[@class='cookie-banner']"):
        part.drop_tree()
    for element in root.iter():
        if element.tag != "b":
            element.text = "\n" + (element.text or "")
            element.tail = "\n" + (element.tail or "")
    return " ".join(root.text_content().replace("\u00ad", "").split())


def clean_tags_only(page):
    return re.sub(r"<[^>]+>", " ", page)


def _soup(page, *extra):
    soup = BeautifulSoup(page, "html.parser")
    for part in soup.select(", ".join([*CLUTTER, ".cookie-banner", *extra])):
        part.decompose()
    return soup


def clean_torn(page):
    return " ".join(_soup(page).get_text(" ").replace("\u00ad", "").split())


def clean_glued(page):
    return " ".join(_soup(page).get_text().replace("\u00ad", "").split())


def clean_soft_hyphen(page):
    return clean_by_pattern(page).replace("crossing", "cross\u00ading")


def clean_no_break(page):
    return clean_by_pattern(page).replace("90 kr", "90\xa0kr")


def clean_no_details(page):
    return clean_by_pattern(re.sub(r"(?s)<details>.*?</details>", "", page))


def clean_banner_left(page):
    return clean_by_pattern(page.replace("cookie-banner", "box"))


def clean_unescaped_first(page):
    return clean_by_pattern(entities.unescape(page))


def clean_entities_left(page):
    page = re.sub(r"(?is)<(script|style|nav|footer|title)\b.*?</\1>", " ", page)
    page = re.sub(r'(?is)<div class="cookie-banner">.*?</div>', " ", page)
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


# --- 02.2 ---------------------------------------------------------------------------------------


def sha(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def changes_by_loop(index, documents):
    out = {"add": [], "change": [], "remove": []}
    for name, text in documents.items():
        if name not in index:
            out["add"].append(name)
        elif index[name] != sha(text):
            out["change"].append(name)
    out["remove"] += [name for name in index if name not in documents]
    return out


def changes_by_sets(index, documents):
    before = set(index.items())
    now = {(name, sha(text)) for name, text in documents.items()}
    fresh = {name for name, _ in now - before}
    return {
        "remove": frozenset(index) - frozenset(documents),
        "change": frozenset(fresh & set(index)),
        "add": frozenset(fresh - set(index)),
    }


def changes_by_pop(index, documents):
    left, add, change = dict(index), [], []
    for name, text in sorted(documents.items()):
        have = left.pop(name, None)
        if have is None:
            add.append(name)
        elif have != sha(text):
            change.append(name)
    return {"add": tuple(add), "change": tuple(change), "remove": tuple(left)}


def changes_keep_deleted(index, documents):
    return changes_by_loop(index, documents) | {"remove": []}


def changes_compare_text(index, documents):
    right = changes_by_loop(index, documents)
    return right | {"change": [n for n in documents if n in index and index[n] != documents[n]]}


def changes_all_new(index, documents):
    return {
        "add": list(documents),
        "change": [],
        "remove": [n for n in index if n not in documents],
    }


def changes_as_new(index, documents):
    right = changes_by_loop(index, documents)
    return {"add": right["add"] + right["change"], "change": [], "remove": right["remove"]}


def changes_turned(index, documents):
    right = changes_by_loop(index, documents)
    return right | {"add": right["remove"], "remove": right["add"]}


def changes_stripped(index, documents):
    return changes_by_loop(index, {k: v.strip() for k, v in documents.items()})


def changes_tuple(index, documents):
    return tuple(changes_by_loop(index, documents).values())


# --- 02.3 ---------------------------------------------------------------------------------------


def flat(text):
    return re.sub(r"\s+", " ", text).strip()


def recall_by_cumsum(passages, quotes, budget):
    import numpy as np

    if len(quotes) == 0:
        return None
    ends = np.cumsum([len(p.split()) for p in passages])
    seen = [flat(p) for p, end in zip(passages, ends, strict=True) if end <= budget]
    return np.mean([any(flat(q) in p for p in seen) for q in quotes])


def recall_by_pattern(passages, quotes, budget):
    if not quotes:
        return None
    found, left = set(), budget
    for passage in passages:
        left -= len(passage.split())
        if left < 0:
            break
        for number, quote in enumerate(quotes):
            if re.search(r"\s+".join(map(re.escape, quote.split())), passage):
                found.add(number)
    return len(found) / len(quotes)


def recall_by_recursion(passages, quotes, budget):
    if not quotes:
        return None

    def taken(rest, left):
        if not rest or len(rest[0].split()) > left:
            return []
        return [flat(rest[0]), *taken(rest[1:], left - len(rest[0].split()))]

    texts = taken(passages, budget)
    return sum(1 for q in quotes if [t for t in texts if flat(q) in t]) / len(quotes)


def _in(passages, budget):
    out = []
    for p in passages:
        budget -= len(p.split())
        if budget < 0:
            break
        out.append(p)
    return out


def _skipping(passages, budget):
    out = []
    for p in passages:
        if len(p.split()) <= budget:
            budget -= len(p.split())
            out.append(p)
    return out


def _hits(texts, quotes):
    return [any(flat(q) in flat(t) for t in texts) for q in quotes]


def recall_of_nothing(passages, quotes, budget):
    return sum(_hits(_in(passages, budget), quotes)) / (len(quotes) or 1)


# --- 02.4 ---------------------------------------------------------------------------------------


def blocks(text):
    return [block for block in re.split(r"\n{2,}", text) if block.strip()]


def sentences(block):
    return re.findall(r"\S.*?[.!?](?=\s|$)", " ".join(block.split()))


def chunk_one_each(text, size):
    out = []
    for block in blocks(text):
        if block.startswith("|"):
            first, second, *rows = block.splitlines()
            out += [f"{first}\n{second}\n{row}" for row in rows]
        else:
            out += sentences(block)
    return out


def chunk_by_generator(text, size):
    for block in blocks(text):
        lines = block.splitlines()
        table = lines[0].startswith("|")
        start = lines[:2] if table else []
        held = list(start)
        for piece in lines[2:] if table else sentences(block):
            if len(" ".join([*held, piece]).split()) > size:
                yield "\n".join(held)
                held = list(start)
            held.append(piece)
        yield "\n".join(held)


def chunk_packed(text, size):
    """Neighbours are put together across blocks wherever they fit."""
    out = []
    for piece in chunk_by_generator(text, size):
        if out and len((out[-1] + "\n\n" + piece).split()) <= size:
            out[-1] += "\n\n" + piece
        else:
            out.append(piece)
    return out


def chunk_with_overlap(text, size):
    """One sentence of each chunk comes again in the next, where it fits."""
    out = []
    for block in blocks(text):
        if block.startswith("|"):
            out += list(chunk_by_generator(block, size))
            continue
        held = []
        for piece in sentences(block):
            if len(" ".join([*held, piece]).split()) > size:
                out.append(" ".join(held))
                held = held[-1:] if len(f"{held[-1]} {piece}".split()) <= size else []
            held.append(piece)
        out.append(" ".join(held))
    return out


def chunk_windows(text, size):
    words = text.split()
    return [" ".join(words[i : i + size]) for i in range(0, len(words), size)]


def chunk_blocks(text, size):
    return blocks(text)


def chunk_no_head(text, size):
    out = []
    for block in blocks(text):
        if block.startswith("|"):
            lines = block.splitlines()
            out += ["\n".join(lines[:3]), *lines[3:]]
        else:
            out += sentences(block)
    return out


def chunk_full_stops(text, size):
    out = []
    for block in blocks(text):
        if block.startswith("|"):
            out += list(chunk_by_generator(block, size))
        else:
            out += [part.strip() + "." for part in block.split(".") if part.strip()]
    return out


def chunk_forgets_last(text, size):
    return list(chunk_one_each(text, size))[:-1]


def chunk_rows_joined(text, size):
    return [" ".join(piece.split()) for piece in chunk_one_each(text, size)]


def chunk_empty(text, size):
    return ["", *chunk_one_each(text, size)]


def chunk_head_not_counted(text, size):
    out = []
    for block in blocks(text):
        if block.startswith("|"):
            head, rows = block.splitlines()[:2], block.splitlines()[2:]
            out += ["\n".join(head + rows[i : i + 3]) for i in range(0, len(rows), 3)]
        else:
            out += sentences(block)
    return out


# --- 02.5 ---------------------------------------------------------------------------------------


def guard_by_program(sql, schema):
    """Looks at SQLite's own program: a reading statement opens no table for writing."""
    database = sqlite3.connect(":memory:")
    database.executescript(schema)
    try:
        steps = [row[1] for row in database.execute("EXPLAIN " + sql)]
    except (sqlite3.Error, sqlite3.Warning):
        return False
    writes = {"OpenWrite", "Delete", "Insert", "Clear", "Destroy", "ParseSchema", "SetCookie"}
    writes |= {"Vacuum", "Function0", "CreateBtree", "JournalMode"}
    first = re.sub(r"(?s)/\*.*?\*/|--[^\n]*", " ", sql).split()
    return bool(first) and first[0].lower() in ("select", "with") and not writes & set(steps)


def guard_by_reading(sql, schema):
    """Takes out what is quoted and what is remarked, then looks at the words that are left."""
    bare = re.sub(r"'(?:[^']|'')*'", "''", sql)
    bare = re.sub(r"(?s)/\*.*?\*/|--[^\n]*", " ", bare).strip().rstrip(";").strip()
    if ";" in bare or not re.match(r"(?i)(select|with)\b", bare):
        return False
    return not re.search(r"(?i)\b(insert|update|delete|drop|create|alter|attach|pragma)\b", bare)


def guard_by_query_only(sql, schema):
    """Runs it on an empty copy where all but reading is denied; rows are a sign of reading."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript(schema)
    denied = []

    def watch(action, *_):
        denied.append(action not in (20, 21, 31, 33))
        return sqlite3.SQLITE_DENY if denied[-1] else sqlite3.SQLITE_OK

    database.set_authorizer(watch)
    try:
        found = database.execute(sql)
    except Exception:
        return False
    return found.description is not None and not any(denied)


def guard_starts_with_select(sql, schema):
    return sql.strip().upper().startswith("SELECT")


def guard_select_anywhere(sql, schema):
    return "SELECT" in sql.upper()


def guard_word_list(sql, schema):
    bad = ("delete", "drop", "update", "insert", "replace", "create", "pragma", "attach", "vacuum")
    return "select" in sql.lower() and not any(word in sql.lower() for word in bad)


def guard_capitals(sql, schema):
    return not any(word in sql for word in ("DELETE", "DROP", "UPDATE", "INSERT"))


def guard_no_semicolon(sql, schema):
    return guard_by_reading(sql, schema) and ";" not in sql


def guard_select_or_with(sql, schema):
    return ";" not in sql.strip()[:-1] and sql.strip().lower().startswith(("select", "with"))


def guard_refuses_with(sql, schema):
    return guard_by_reading(sql, schema) and "with" not in sql.lower()


RIGHT = {
    "02.1": [clean_by_pattern, clean_by_parser, clean_by_lxml],
    "02.2": [changes_by_loop, changes_by_sets, changes_by_pop],
    "02.3": [recall_by_cumsum, recall_by_pattern, recall_by_recursion],
    "02.4": [chunk_one_each, chunk_by_generator, chunk_packed, chunk_with_overlap],
    "02.5": [guard_by_program, guard_by_reading, guard_by_query_only],
}
WRONG = {
    "02.1": [
        (clean_tags_only, "program text"),
        (clean_torn, "torn in two"),
        (clean_glued, "run into one another"),
        (clean_soft_hyphen, "soft hyphen"),
        (clean_no_break, "no-break space"),
        (clean_no_details, "folds out is gone"),
        (clean_banner_left, "cookie banner"),
        (clean_unescaped_first, "with < and > is gone"),
        (clean_entities_left, "entities left"),
        (lambda page: clean_by_pattern(page).lower(), "change the letters"),
        (lambda page: None, "as one string"),
    ],
    "02.2": [
        (changes_keep_deleted, "was deleted is still"),
        (changes_compare_text, "touched or not"),
        (changes_all_new, "everything anew"),
        (changes_as_new, "not a new one"),
        (changes_turned, "what is gone is under"),
        (changes_stripped, "line end was added"),
        (changes_tuple, "dictionary with the keys"),
    ],
    "02.3": [
        (lambda p, q, b: sum(_hits(p, q)) / len(q) if q else None, "all passages"),
        (lambda p, q, b: sum(_hits(_skipping(p, b), q)) / len(q) if q else None, "a later one"),
        (lambda p, q, b: sum(any(x in t for t in _in(p, b)) for x in q) / len(q) if q else None,
         "a line ends where"),
        (lambda p, q, b: float(any(_hits(_in(p, b), q))) if q else None, "All or nothing"),
        (lambda p, q, b: sum(_hits(_in(p, b), q)) if q else None, "how many were found"),
        (lambda p, q, b: sum(_hits([" ".join(_in(p, b))], q)) / len(q) if q else None,
         "ends in the next"),
        (recall_of_nothing, "return None"),
        (lambda p, q, b: sum(_hits(_in(p, b), q)) / len(q), "ZeroDivisionError"),
    ],
    "02.4": [
        (chunk_windows, "cut"),
        (chunk_blocks, "too long"),
        (chunk_no_head, "nothing says for what"),
        (chunk_full_stops, "point of a number"),
        (chunk_forgets_last, "in none of your chunks"),
        (chunk_rows_joined, "run together"),
        (chunk_empty, "is empty"),
        (chunk_head_not_counted, "head of the table count"),
        (lambda text, size: text, "list of strings"),
    ],
    "02.5": [
        (guard_starts_with_select, "after the semicolon"),
        (guard_select_anywhere, "after the semicolon"),
        (guard_word_list, "begin with WITH|between quotes|look like commands"),
        (guard_capitals, "small letters"),
        (guard_no_semicolon, "one semicolon at the end"),
        (guard_select_or_with, "does this one do in the end"),
        (guard_refuses_with, "may begin with WITH"),
        (lambda sql, schema: "yes", "Return True"),
    ],
}  # fmt: skip
