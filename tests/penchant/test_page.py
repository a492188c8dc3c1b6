"""Reports: everything escaped, nothing loaded, the same bytes again; charts that say what they were given."""

from __future__ import annotations

import doctest
import re
from dataclasses import dataclass
from html.parser import HTMLParser

import numpy as np
import pytest

from penchant import page as page_module
from penchant.charts import Axis, Curve, Series, bars, heatmap, lines, points, reliability
from penchant.errors import InputError
from penchant.page import (
    Banner,
    CheckLine,
    Checks,
    Details,
    KeyFigure,
    KeyFigures,
    Page,
    PageColumn,
    PageSection,
    Picture,
    Prose,
    Table,
    Words,
    write_cell,
)

BRIEF = '</text><b>"$5$&{{ 7 * 7 }}'  # short enough for a chart's label
HOSTILE = '<img src="http://x.test/a.png" onerror="alert(1)">$5 & "\'{{ 7 * 7 }}'


@dataclass(frozen=True)
class Measured:
    value: float
    low: float
    high: float


EFFECT = Measured(0.012, 0.004, 0.02)


def hostile_chart() -> str:
    return points([BRIEF], [Series(BRIEF, [EFFECT]), Series("b", [None])], Axis(BRIEF, "+.1%"))


def hostile_page() -> Page:
    table = Table((PageColumn(HOSTILE, note=HOSTILE), PageColumn("n", ",d")), [(HOSTILE, 3)], caption=HOSTILE)
    blocks = (
        Banner(Words(HOSTILE, "good"), HOSTILE),
        Prose((HOSTILE,)),
        KeyFigures((KeyFigure(HOSTILE, HOSTILE, note=HOSTILE), KeyFigure("effect", EFFECT, "+.1%"))),
        Checks((CheckLine(HOSTILE, "issue", HOSTILE),)),
        Details(HOSTILE, (table, Picture(hostile_chart(), HOSTILE))),
    )
    return Page(HOSTILE, HOSTILE, (PageSection(HOSTILE, blocks),), {HOSTILE: HOSTILE})


class Reader(HTMLParser):
    """Collects tags, ids and text, and fails on tags that do not close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


def test_nothing_that_a_shop_wrote_becomes_markup() -> None:
    reader = read(hostile_page().html())
    assert not reader.tags & {"b", "img", "script", "link", "iframe"}
    said = "".join(reader.said)  # as text it is all there, to the letter
    assert said.count(HOSTILE) == 20
    assert said.count(BRIEF) == 3


def test_a_page_names_no_address_that_a_browser_would_fetch() -> None:
    html = hostile_page().html()
    assert all(link.startswith("#") for link in read(html).links)
    assert "url(http" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_the_same_page_has_the_same_bytes_and_each_picture_ids_of_its_own() -> None:
    twice = Page("t", "l", (PageSection("s", (Picture(hostile_chart()), Picture(hostile_chart()))),))
    html = twice.html()
    ids = read(html).ids
    assert len(ids) == len(set(ids)) > 2
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)
    assert hostile_page().html() == hostile_page().html()


@pytest.mark.parametrize(
    ("cell", "form", "expected"),
    [
        (-0.0123, "+.1%", ("−1.2%", "")),
        (-0.00001, "+.1%", ("0.0%", "")),
        (np.int64(12345), ",d", ("12,345", "")),
        (float("nan"), ".1f", ("–", "")),
        (None, ".1f", ("–", "")),
        (True, "", ("yes", "")),
        (EFFECT, "+.1%", ("+1.2%", "+0.4% to +2.0%")),
        (Measured(2.0, float("nan"), float("nan")), ".0f", ("2", "")),
        (Measured(2.0, 1.0, float("inf")), ".0f", ("2", "1 to –")),
        ("mail", ".1f", ("mail", "")),
    ],
)
def test_cells_read_as_a_person_writes_them(cell: object, form: str, expected: tuple[str, str]) -> None:
    assert write_cell(cell, form) == expected


def test_numbers_stand_right_with_their_interval_and_issues_come_first() -> None:
    table = Table((PageColumn("Effect", "+.1%"),), [(EFFECT,), (Words("can't be told", "open"),)])
    checks = Checks(tuple(CheckLine(f"c-{o}", o, "") for o in ("not applicable", "passed", "issue")))
    html = Page("t", "l", (PageSection("s", (table, checks)),)).html()
    assert '<td class="number">+1.2%<span class="interval">+0.4% to +2.0%</span></td>' in html
    assert '<td><span class="words open">can&#39;t be told</span></td>' in html
    assert html.index("c-issue") < html.index("c-passed") < html.index("c-not applicable")


def test_a_row_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"2 cells in each row. Got 1 in row 1"):
        Table((PageColumn("a"), PageColumn("b")), [("x", "y"), ("x",)], caption="t")


def test_charts_label_their_axes_and_skip_what_is_not_known() -> None:
    x, y = Axis("share contacted", ".0%"), Axis("extra orders", ",.0f")
    rising = np.linspace(0, 1, 5)
    svgs = [
        lines([Curve("uplift", rising, rising, rising - 0.1, rising + 0.1)], x, y, zero_line=True),
        bars(["1", "2"], [Series("a", [1.0, None]), Series("b", [EFFECT, float("nan")])], x, y),
        reliability([0.1, 0.2, 0.4], Series("seen", [0.1, None, EFFECT]), x, y),
    ]
    for svg in svgs:
        assert svg.startswith('<svg role="img" aria-label="extra orders')
        assert "share contacted" in svg
        assert "extra orders</text>" in svg
        assert "nan" not in svg.lower()
        assert "<style" not in svg


def test_a_heat_map_tells_its_cells_and_hatches_the_marked_ones() -> None:
    x, value = Axis("age"), Axis("share", ".0%")
    svg = heatmap(["Jan", "Feb"], ["0", "1"], [[1.0, 0.25], [0.5, np.nan]], [[False, True], [False, False]], x, value)
    assert [text in svg for text in ("100%", "25%", "50%", "Jan", "share by age")] == [True] * 5
    assert "nan" not in svg.lower()
    assert svg.count("<pattern") == 1
    with pytest.raises(InputError, match="2 rows of 1 cells"):
        heatmap(["a", "b"], ["0"], [[1.0]], [[False]], x, value)


def test_long_labels_are_cut_and_labels_of_any_script_are_kept() -> None:
    svg = points(["x" * 300, "母婴用品"], [Series("s", [1.0, 2.0])], Axis("orders"))
    assert "x" * 33 + "…" in svg
    assert "母婴用品" in svg


def test_a_series_of_another_length_than_the_labels_is_refused() -> None:
    with pytest.raises(InputError, match="2 values, one for each label"):
        points(["a", "b"], [Series("s", [1.0])], Axis("x"))


def test_charts_leave_the_style_of_others_alone() -> None:
    from matplotlib import rcParams

    before = dict(rcParams)
    hostile_chart()
    assert dict(rcParams) == before


def test_the_examples_run() -> None:
    assert doctest.testmod(page_module).failed == 0
