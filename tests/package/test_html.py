"""HTML pages as they are in life: clutter in the text, folded parts, and tags that do not match."""

from __future__ import annotations

import pytest

from workbench.corpus import html


def text(page: str) -> str:
    return html.read(page.encode()).text


@pytest.mark.parametrize(
    "clutter",
    [
        '<div class="promo-box"><p>Buy now</p></div>',
        '<div class="toc">On this page: Buy now</div>',
        '<form>Was it any good? <label><input type="radio"> Buy now</label></form>',
        '<form class="helpful"><p>Buy now</p></form>',
        '<div id="live_chat">Buy now</div>',
        '<a class="back-to-top" href="#">Buy now</a>',
    ],
)
def test_clutter_inside_the_main_part_goes(clutter):
    page = f"<main><h1>Soup</h1><p>Pea soup.</p>{clutter}<p>Fish soup.</p></main>"
    assert text(page) == "# Soup\n\nPea soup.\n\nFish soup.\n"


@pytest.mark.parametrize("inside", ["<p>Soup.</p>", "<table><tr><td>Soup.</td></tr></table>"])
def test_a_form_round_the_whole_page_stays(inside):
    page = f'<body><form action="page.aspx"><input name="state">{inside}</form></body>'
    assert "Soup." in text(page)


@pytest.mark.parametrize("head", ["<h3>{}</h3>", "<div>{}</div>"])
def test_accordions_made_of_buttons_are_opened(head):
    button = '<button aria-expanded="false" aria-controls="a1">Without milk?</button>'
    panel = '<div id="a1" aria-hidden="true" hidden><p>Ask the cook.</p></div>'
    page = f"<main><h1>Soup</h1>{head.format(button)}{panel}<button>Buy</button></main>"
    assert text(page) == "# Soup\n\n### Without milk?\n\nAsk the cook.\n"


def test_a_button_that_opens_the_menu_is_no_heading():
    page = """<body><header><button aria-controls="menu">Menu</button><nav id="menu">Home</nav>
    </header><button aria-controls="gone">Old</button><main>
    <button aria-controls="to">Share</button><div id="to" class="share">By mail</div>
    <p>Soup.</p></main></body>"""
    assert text(page) == "Soup.\n"


def test_a_stray_end_tag_does_not_end_the_page():
    page = """<body><div class="page"><main><h1>Soup</h1><p>Pea soup.</p></div></section>
    <div><p>Fish soup.</p></div></div><h2>Prices</h2><p>75 kr.</p></main></div></body>"""
    assert text(page) == "# Soup\n\nPea soup.\n\nFish soup.\n\n## Prices\n\n75 kr.\n"


def test_tags_that_editors_leave_open():
    page = """<main><h1>Soup</h1><p>Every day <ul><li>Pea<li>Fish</ul>
    <TABLE border=1><tr><th>Soup<th>Price<tr><td>Pea<td>75 kr<tr><td>Fish<td>86 kr</TABLE>
    <p>Bring a <b>spoon.<p>And a friend</font>."""
    clean = text(page)
    assert "- Pea\n- Fish" in clean
    assert "| Soup | Price |" in clean and "| Fish | 86 kr |" in clean
    assert "And a friend." in clean
