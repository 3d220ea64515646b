"""The tasks of phase 2: clean, index, measure what is found, cut, and guard the database."""

from __future__ import annotations

from workbench.labs.checks import (
    changed_documents,
    clean_page,
    evidence_in_budget,
    read_only_sql,
    whole_chunks,
)
from workbench.labs.task import Task

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
        clean_page.check,
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
        changed_documents.check,
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
        evidence_in_budget.check,
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
        whole_chunks.check,
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
        read_only_sql.check,
    ),
]  # fmt: skip
