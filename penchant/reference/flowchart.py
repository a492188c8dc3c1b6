"""Flowcharts of the site, drawn when it is built: Mermaid's own script would have to be loaded, and is megabytes.

`on_page_markdown` is a hook of MkDocs (``hooks`` in mkdocs.yml): a block of Mermaid in a page becomes a picture in the
text's colour, so that both themes show it. Forges draw the same block themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

BLOCK = re.compile(r"^```mermaid\nflowchart TB\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINE = re.compile(r'(\S+?)(?:\[\(?(.+?)\)?\])?\s+(?:(-->)|(---)|-- "(.+?)" -->)\s+(\S+)')
ROW, LETTER, PADDING, GAP, TALL = 70, 6.6, 9, 14, 28  # pixels
SWEEPS = 12

Row = list[str]
Links = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Arrow:
    """A line of a flowchart, from the box above to that below: what it says, and which of its ends has a tip."""

    above: str
    below: str
    text: str
    tip: str


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a page with its flowcharts as pictures."""
    return BLOCK.sub(lambda block: f'<div class="flowchart" tabindex="0">{flowchart(block[1])}</div>', markdown)


def flowchart(text: str) -> str:
    """Return a flowchart as SVG: from top to bottom, each box below all that lead to it; what closes a circle goes up.

    Parameters
    ----------
    text
        Lines of Mermaid: ``a --> b``, ``a -- "words" --> b``, ``a --- b``; a box may be given a text, ``a[words]``.

    Examples
    --------
    >>> flowchart("a --> b").count("<rect")
    2
    """
    arrows, names = _read(text)
    rank = _ranks(names, arrows)
    rows, ways = _rows(rank, arrows)
    links = [pair for way in ways for pair in pairwise(way)]
    wide = {name: len(title) * LETTER + 2 * PADDING for name, title in names.items()}
    rows = _untangled(rows, links)
    x = _places(rows, links, wide)
    y = {name: 20 + ROW * place for place, row in enumerate(rows) for name in row}
    left = min(x[name] - wide[name] / 2 for name in names) - 8
    right = max(x[name] + wide[name] / 2 for name in names) + 8
    drawn = [_arrow(arrow, [(x[name], y[name]) for name in way]) for arrow, way in zip(arrows, ways, strict=True)]
    boxes = [_box(title, x[name], y[name], wide[name]) for name, title in names.items()]
    told = "; ".join(f"{names[one.above]} and {names[one.below]}" for one in arrows)
    sized = 'viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"'
    tip = f'<marker id="tip" {sized}><path d="M0 0L8 4L0 8z"/></marker>'
    return (
        f'<svg role="img" aria-label="{escape(told)}" viewBox="{left:.0f} 0 {right - left:.0f} {ROW * len(rows):.0f}" '
        f'width="{right - left:.0f}"><defs>{tip}</defs>{"".join(drawn + boxes)}</svg>'
    )


def _read(text: str) -> tuple[list[Arrow], dict[str, str]]:
    """Return the arrows, and box -> its text."""
    arrows: list[Arrow] = []
    names: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        found = LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"a flowchart's line is 'a --> b', not '{line}'")
        start, title, _pointing, plain, said, end = found.groups()
        names[start] = title or names.get(start, start)
        names.setdefault(end, end)
        goes_up = start in _reached(end, arrows)
        above, below, tip = (end, start, "marker-start") if goes_up else (start, end, "marker-end")
        arrows.append(Arrow(above, below, said or "", "" if plain else tip))
    return arrows, names


def _reached(name: str, arrows: Sequence[Arrow]) -> set[str]:
    """Return the boxes below one."""
    found = {name}
    while more := {one.below for one in arrows if one.above in found} - found:
        found |= more
    return found


def _ranks(names: Mapping[str, str], arrows: Sequence[Arrow]) -> dict[str, int]:
    """Return box -> row: the longest way to it."""
    rank = dict.fromkeys(names, 0)
    for _ in names:
        for arrow in arrows:
            rank[arrow.below] = max(rank[arrow.below], rank[arrow.above] + 1)
    for name in rank:  # what nothing leads to stands just above what it leads to
        if name not in {arrow.below for arrow in arrows}:
            rank[name] = min(rank[arrow.below] for arrow in arrows if arrow.above == name) - 1
    return rank


def _rows(rank: Mapping[str, int], arrows: Sequence[Arrow]) -> tuple[list[Row], list[list[str]]]:
    """Return the rows from above, and each arrow's way through them: where it passes a row it has a place there."""
    rows: list[Row] = [[] for _ in range(max(rank.values()) + 1)]
    for name, place in rank.items():
        rows[place].append(name)
    ways = []
    for number, arrow in enumerate(arrows):
        between = [f"{number}/{place}" for place in range(rank[arrow.above] + 1, rank[arrow.below])]
        for place, name in enumerate(between, start=rank[arrow.above] + 1):
            rows[place].append(name)
        ways.append([arrow.above, *between, arrow.below])
    return rows, ways


def _untangled(rows: list[Row], links: Links) -> list[Row]:
    """Return the rows, each in the order of what it hangs on above and below, back and forth."""
    for sweep in range(SWEEPS):
        for place in range(len(rows)) if sweep % 2 == 0 else reversed(range(len(rows))):
            beside = rows[place - 1 : place] if sweep % 2 == 0 else rows[place + 1 : place + 2]
            at = {name: number for row in beside for number, name in enumerate(row)}
            mean = _means(rows[place], links, at)
            own = {name: number for number, name in enumerate(rows[place])}
            rows[place] = sorted(rows[place], key=lambda name: mean.get(name, own[name]))
    return rows


def _means(row: Row, links: Links, at: Mapping[str, float]) -> dict[str, float]:
    """Return name -> the mean place of those it is linked with that have one."""
    found: dict[str, list[float]] = {}
    for start, end in links:
        for one, other in ((start, end), (end, start)):
            if one in row and other in at:
                found.setdefault(one, []).append(at[other])
    return {name: sum(places) / len(places) for name, places in found.items()}


def _places(rows: Sequence[Row], links: Links, wide: Mapping[str, float]) -> dict[str, float]:
    """Return name -> the middle of its box: near what it is linked with, and beside its neighbours."""
    x = {name: float(number * 90) for row in rows for number, name in enumerate(row)}
    for _ in range(4 * SWEEPS):
        for row in rows:
            wished = {**x, **_means(row, links, x)}
            rightwards = _pushed(row, wished, wide, 1)
            leftwards = _pushed(row[::-1], wished, wide, -1)
            x |= {name: (rightwards[name] + leftwards[name]) / 2 for name in row}
    return x


def _pushed(row: Row, wished: Mapping[str, float], wide: Mapping[str, float], way: int) -> dict[str, float]:
    """Return the places wished for, each pushed on by the one before it until there is room."""
    placed: dict[str, float] = {}
    edge = -way * float("inf")
    for name in row:
        half = wide.get(name, 0) / 2
        nearest = edge + way * half
        placed[name] = max(wished[name], nearest) if way == 1 else min(wished[name], nearest)
        edge = placed[name] + way * (half + GAP)
    return placed


def _box(title: str, x: float, y: float, wide: float) -> str:
    return (
        f'<rect x="{x - wide / 2:.1f}" y="{y - TALL / 2:.1f}" width="{wide:.1f}" height="{TALL}" rx="5"/>'
        f'<text x="{x:.1f}" y="{y + 4:.1f}">{escape(title)}</text>'
    )


def _arrow(arrow: Arrow, points: Sequence[tuple[float, float]]) -> str:
    """Return an arrow that leaves a box below, passes its places, and meets a box from above."""
    (x, y), *others = points
    path, y = f"M{x:.1f} {y + TALL / 2:.1f}", y + TALL / 2
    for number, (next_x, next_y) in enumerate(others, start=1):
        end = next_y - (TALL / 2 + 1 if number == len(others) else 0)
        middle = (y + end) / 2
        path += f"C{x:.1f} {middle:.1f} {next_x:.1f} {middle:.1f} {next_x:.1f} {end:.1f}"
        x, y = next_x, end
    tip = f' {arrow.tip}="url(#tip)"' if arrow.tip else ""
    (from_x, from_y), (to_x, to_y) = points[:2]
    place = f'x="{(from_x + to_x) / 2:.1f}" y="{(from_y + to_y) / 2 + 4:.1f}"'
    text = f'<text class="said" {place}>{escape(arrow.text)}</text>' if arrow.text else ""
    return f'<path class="way" d="{path}"{tip}/>{text}'
