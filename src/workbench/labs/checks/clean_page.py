"""Task 02.1: the text of a messy page."""

from __future__ import annotations

import re
from typing import Any

from workbench.labs.asking import Learner, Wrong
from workbench.labs.pictures import Blocks

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


def check(learner: Learner) -> Any:
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
