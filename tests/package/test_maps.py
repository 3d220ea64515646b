"""Maps of texts, and what vectors know of them: drawn for everybody, and honest about its loss."""

from __future__ import annotations

import re

import numpy as np
import pytest
from test_display import Elements

from workbench import display, neighbours
from workbench.errors import BadInput

POINTS = [(0, 0), (1, 0), (0, 1), (5, 5)]
LABELS = ["pets: <b>dogs</b> & cats", "refunds: money", "fares: kr", "storm: wind"]
KINDS = ["html", "html", "pdf", "mail"]


def ferry_map(**more):
    return display.map(POINTS, LABELS, KINDS, **more)


class Page(Elements):
    VOID = ("img", "path", "rect", "br", "line")

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.found.append((tag, dict(attrs)))


def test_each_dot_says_what_it_is():
    html = ferry_map().html()
    assert html.count("<title>") == 4
    assert "&lt;b&gt;dogs&lt;/b&gt; &amp; cats" in html and "<b>" not in html


def test_the_map_needs_nothing_from_outside_and_no_script():
    html = ferry_map(star=(2, 2), marked=[3]).html()
    assert not re.search(r"<script|https?:|\burl\(|@import|\bon\w+=", html)
    assert ":hover" in html and ":focus" in html and "currentColor" in html


def test_groups_differ_in_colour_and_in_shape():
    html = display.map([(n, n) for n in range(6)], ["x"] * 6, list("abcdef")).html()
    dots = re.findall(r'<path class="d" d="([^"]+)" fill="([^"]+)"', html)
    shapes, colours = zip(*dots, strict=True)
    assert len(set(shapes)) == 6 and len(set(colours)) == 6
    assert "#000000" not in colours, "black does not show in a dark theme"


def test_more_groups_than_colours_still_differ():
    count = 30
    groups = [f"g{n}" for n in range(count)]
    html = display.map([(n, n) for n in range(count)], ["x"] * count, groups).html()
    assert len(set(re.findall(r'class="d" d="([^"]+)" fill="([^"]+)"', html))) == count


def test_the_star_and_its_lines():
    html = ferry_map(star=(2, 2), star_label='May "my" dog?', marked=[1, 3]).html()
    assert html.count("<line ") == 2 and html.count('tabindex="0"') == 3
    assert "May &quot;my&quot; dog?" in html
    assert "<li>refunds: money</li><li>storm: wind</li>" in html, "also for those who cannot point"
    assert "<line" not in ferry_map().html()


def test_the_map_has_a_text_for_those_who_cannot_see_it():
    plain = ferry_map(star=(2, 2), marked=[1])
    assert "4 texts in two dimensions, in groups: html, pdf, mail" in plain.html()
    assert repr(plain).endswith("1. refunds: money")
    bundle = plain._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert "Only mine" in ferry_map(alt="Only mine").html()


def test_all_elements_are_closed_and_all_dots_inside():
    html = ferry_map(star=(-9, 30), marked=[0, 3]).html()
    page = Page(html)
    assert not page.open
    for x, y in re.findall(r"translate\(([\d.-]+),([\d.-]+)\)", html):
        assert 0 <= float(x) <= 760 and 0 <= float(y) <= 460


def test_arrays_are_taken_as_well_as_lists():
    drawn = display.map(
        np.array(POINTS), np.array(LABELS), np.array(KINDS), marked=np.array([2, 0])
    )
    assert drawn.marked == [2, 0] and drawn.labels == ferry_map().labels


def test_texts_in_one_place_and_one_text_are_drawn():
    assert "nan" not in display.map([(1, 1)] * 3, ["a"] * 3, ["k"] * 3).html()
    assert display.map([(2, 3)], ["a"], ["k"]).html().count("<title>") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([], [], []), "0 points"),
        ((POINTS, LABELS[:2], KINDS), "2 labels"),
        (([(1, 2, 3)], ["a"], ["k"]), "is no point"),
        (([(1, "x")], ["a"], ["k"]), "is no point"),
        (([(float("nan"), 1)], ["a"], ["k"]), "cannot be drawn"),
    ],
)
def test_wrong_points_are_told(arguments, said):
    with pytest.raises(BadInput, match=said):
        display.map(*arguments)


def test_a_mark_that_does_not_exist_is_told():
    with pytest.raises(BadInput, match="no point 4"):
        ferry_map(marked=[4])


def groups_of(count: int = 120, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Vectors around six directions of fifty."""
    rng = np.random.default_rng(seed)
    where = np.arange(count) % 6
    return rng.normal(size=(6, 50))[where] * 3 + rng.normal(size=(count, 50)), where


def test_a_map_keeps_near_ones_near_and_is_the_same_each_time():
    vectors, where = groups_of()
    points = neighbours.flat(vectors)
    assert points.shape == (120, 2)
    assert np.array_equal(points, neighbours.flat(vectors))
    centres = np.array([points[where == g].mean(axis=0) for g in range(6)])
    nearest = ((points[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == where).mean() > 0.95
    directions = neighbours.flat(vectors, "directions")
    kept, less = (neighbours.kept(vectors, p) for p in (points, directions))
    assert 0 < less < kept < 1


def test_the_share_of_neighbours_that_a_map_keeps():
    angles = np.linspace(0, 1, 40)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert neighbours.kept(circle, circle, k=3) > 0.95
    shuffled = np.random.default_rng(0).permutation(circle)
    assert neighbours.kept(circle, shuffled, k=3) < 0.5


def test_a_layout_that_cannot_be_made_is_told():
    with pytest.raises(BadInput, match="at least five"):
        neighbours.flat([[1, 0]] * 4)
    with pytest.raises(BadInput, match="no layout"):
        neighbours.flat([[1, 0]] * 9, "sideways")
    with pytest.raises(BadInput, match="table"):
        neighbours.flat([1, 2, 3])


def test_similarity_is_the_cosine():
    assert neighbours.similarity([1, 0], [5, 0]) == pytest.approx(1)
    assert neighbours.similarity([1, 0], [0, 2]) == pytest.approx(0)
    assert neighbours.similarity([1, 0], [-1, 0]) == pytest.approx(-1)
    assert neighbours.similarity([1, 1], [0, 0]) == 0


def test_the_closest_pairs_of_different_documents():
    vectors = [[1, 0, 0], [1, 0.01, 0], [1, 0.1, 0], [0, 1, 0], [0, 1, 0.3]]
    texts = ["Fee 60 kr in 2024", "Fee 60 kr", "Fee 80 kr in 2026", "Dogs", "Cats at 10:30"]
    found = neighbours.closest(vectors, texts, ["a", "a", "b", "c", "d"], most=2)
    assert [(p.first, p.second) for p in found] == [(1, 2), (3, 4)]
    assert found[0].numbers == ("2026", "60", "80") and found[1].numbers == ("10:30",)
    assert found[0].similarity > found[1].similarity > 0.9
    assert len(neighbours.closest(vectors, texts, list("aabcd"), least=0.97)) == 1
    assert neighbours.closest(vectors, texts, ["a"] * 5) == []
    with pytest.raises(BadInput, match="3 texts"):
        neighbours.closest(vectors, texts[:3], list("aabcd"))
