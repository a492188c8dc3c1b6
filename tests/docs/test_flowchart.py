"""Flowcharts drawn when the site is built: each box once, below what leads to it, and no two upon each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penchant.reference.flowchart import BLOCK, flowchart, on_page_markdown

DESIGN = Path(__file__).resolve().parents[2] / "docs" / "design.md"
BOX = re.compile(r'<rect x="(.+?)" y="(.+?)" width="(.+?)" .+?<text .+?>(.+?)</text>')


def boxes(svg: str) -> dict[str, tuple[float, float, float]]:
    """Return text -> left, top and width."""
    return {text: (float(x), float(y), float(wide)) for x, y, wide, text in BOX.findall(svg)}


def test_a_box_is_below_all_that_lead_to_it_and_what_closes_a_circle_goes_up() -> None:
    svg = flowchart('a[(the files)] --> b\na --> c\nb -- "rows & <all>" --> c\nc --> a\nb --- d')
    found = boxes(svg)
    assert list(found) == ["the files", "b", "c", "d"]
    assert found["the files"][1] < found["b"][1] < found["c"][1] == found["d"][1]
    assert "rows &amp; &lt;all&gt;" in svg
    assert (svg.count("marker-end"), svg.count("marker-start"), svg.count('class="way"')) == (3, 1, 5)


def test_the_design_is_drawn_whole_without_boxes_upon_each_other() -> None:
    text = DESIGN.read_text(encoding="utf-8")
    (chart,) = BLOCK.findall(text)
    found = boxes(flowchart(chart))
    named = {name for line in chart.splitlines() for name in re.findall(r"\w+/\w+|training", line)}
    assert named <= set(found)
    places = list(found.values())
    for number, (x, y, wide) in enumerate(places):
        assert not [one for one in places[number + 1 :] if one[1] == y and x < one[0] + one[2] and one[0] < x + wide]
    assert "```mermaid" not in on_page_markdown(text)


def test_a_line_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="not 'a => b'"):
        flowchart("a => b")
