"""Tables, prose, figures and the course's map: escaped, accessible, honest about gaps."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser

import pandas as pd
import pytest

from workbench import display, session
from workbench.errors import BadInput, BrokenFile


class Elements(HTMLParser):
    """The elements of a fragment, with their attributes; ``open`` is empty when all were closed."""

    VOID = ("img", "path", "rect", "br")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.found if name == tag]


ROWS = [{"model": "<b>a</b>", "score": 0.5, "n": 1200}, {"model": "b|c", "score": None, "n": 7}]


def test_html_tables_escape_and_name_their_headers():
    html = display.table(ROWS, "A & B", {"score": ".1%"})._repr_html_()
    page = Elements(html)
    assert not page.open and not page.of("b")
    assert [h["scope"] for h in page.of("th")] == ["col", "col", "col", "row", "row"]
    assert "&lt;b&gt;a&lt;/b&gt;" in html and "A &amp; B" in html
    assert "50.0%" in html and "1,200" in html and display.tables.MISSING in html


def test_only_number_columns_are_flush_right():
    page = Elements(display.table(ROWS)._repr_html_())
    aligned = ["text-align:right" in h["style"] for h in page.of("th")[:3]]
    assert aligned == [False, True, True]


def test_markdown_cells_cannot_break_the_table():
    text = display.table([{"a": "x|y\nz"}], "T")._repr_markdown_()
    assert text.splitlines()[-1] == "| x\\|y<br>z |"
    assert text.splitlines()[-2] == "| :--- |"


def test_plain_tables_line_up():
    lines = repr(display.table(ROWS, "Scores")).splitlines()
    assert lines[0] == "Scores"
    assert lines[1].index("n") == len(lines[1]) - 1 and lines[2].endswith("1,200")


def test_tables_from_frames_keep_a_named_index_and_from_columns():
    frame = pd.DataFrame({"x": [1, 2]}, index=pd.Index(["a", "b"], name="key"))
    assert display.table(frame).columns == ["key", "x"]
    assert display.table({"x": [1, 2], "y": [3, 4]}).rows == [[1, 3], [2, 4]]
    assert display.table([])._repr_html_().count("<td") == 0
    with pytest.raises(BadInput, match="differ in length"):
        display.table({"x": [1], "y": []})


def test_a_format_for_a_column_that_is_not_there_is_named():
    with pytest.raises(BadInput, match="no column 'scroe'") as error:
        display.table(ROWS, formats={"scroe": ".1%"})
    assert "score" in error.value.fix


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.12345, "0.123"), (3, "3"), (1234.5, "1,234"), (float("inf"), "∞"), (float("nan"), "–")],
)
def test_numbers_without_a_format(value, shown):
    assert display.table([{"v": value}]).cells() == [[shown]]


def test_notes_carry_numbers_and_escape_text():
    note = display.note("**{share:.0%}** of {n}, said {who}.", share=0.5, n=27, who="*me* <i>")
    assert note._repr_markdown_() == "**50%** of 27, said \\*me\\* &lt;i&gt;."
    with pytest.raises(BadInput, match="asks for 'share'"):
        display.note("{share:.0%}", n=1)
    with pytest.raises(BadInput, match="cannot be filled in"):
        display.note("{share:.0%}", share="many")


def test_intervals_name_their_sample_size():
    assert display.interval(0.6296, 0.4424, 0.7852, 27) == "0.63 [0.44, 0.79], n = 27"
    assert display.interval(0.5, 0.4, 0.6, 1000, ".0%") == "50% [40%, 60%], n = 1,000"


def test_side_by_side_escapes_and_cuts():
    shown = display.side_by_side("<p>", "x" * 50, ("Raw", "Clean"), limit=10)
    page = Elements(shown._repr_html_())
    assert [s["aria-label"] for s in page.of("section")] == ["Raw", "Clean"]
    assert "&lt;p&gt;" in shown._repr_html_() and not page.open
    assert "… 40 more characters" in repr(shown)


def test_figures_have_alternative_text_and_are_closed():
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    display.style()
    assert plt.rcParams["axes.prop_cycle"].by_key()["color"][0] == display.PALETTE["blue"]
    fig, ax = plt.subplots()
    ax.plot([1, 2], [3, 4])
    shown = display.figure(ax, 'A "rising"\n line')
    data, metadata = shown._repr_mimebundle_()
    image = Elements(data["text/html"]).of("img")[0]
    assert image["alt"] == 'A "rising" line' == metadata["image/png"]["alt"]
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert not plt.fignum_exists(fig.number)
    with pytest.raises(BadInput, match="alternative text"):
        display.figure(fig, "  ")


def test_the_lifecycle_marks_one_phase():
    shown = display.lifecycle(3)
    page = Elements(shown._repr_html_())
    assert not page.open
    assert "phase 3 of 6: Customize" in page.of("svg")[0]["aria-label"]
    assert [box["fill"] for box in page.of("rect")].index("#0072B2") == 2
    assert repr(shown).count("[") == 1
    with pytest.raises(BadInput, match="no phase 7"):
        display.lifecycle(7)


def test_the_course_table_shows_what_phases_recorded(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path))
    assert "No phase" in display.course_table().caption
    session.record_phase(4, "judged", quality=0.5, low=0.3, high=0.7, n=27, latency_s=2.345)
    session.record_phase(1, "no context", quality=0.1)
    session.record_phase(1, "no context", quality=0.25)
    shown = display.course_table()
    assert [row[0] for row in shown.rows] == ["1 Select", "4 Evaluate"]
    assert shown.cells()[0][2] == "25.0%" and "2.35 s" in shown._repr_html_()
    assert "30% to 70%" in repr(shown)


def test_a_broken_course_file_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path))
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "course.json").write_text(json.dumps([1]))
    with pytest.raises(BrokenFile, match="delete it"):
        display.course_table()
