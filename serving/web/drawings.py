"""The page's charts as SVG text: no script and no style of their own; the page's sheet colours them, light or dark."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil, floor, log10
from typing import Any

from markupsafe import Markup

WIDTH, ROW, LABEL = 720, 26, 170


def bar_chart(rows: Sequence[tuple[str, float, str]], title: str) -> Markup:
    """Draw one horizontal bar a row: label, value, and the value as people read it."""
    most = max((value for _label, value, _text in rows), default=0.0) or 1.0
    room = WIDTH - LABEL - 110
    drawn = []
    for number, (label, value, text) in enumerate(rows):
        y, width = number * ROW, max(1.0, room * value / most)
        drawn.append(
            Markup('<text x="{}" y="{}" text-anchor="end" class="label">{}</text>').format(LABEL - 10, y + 17, label)
            + Markup('<rect x="{}" y="{}" width="{:.1f}" height="{}" rx="3" class="bar"/>').format(
                LABEL, y + 4, width, 18
            )
            + Markup('<text x="{:.1f}" y="{}" class="value">{}</text>').format(LABEL + width + 8, y + 17, text)
        )
    return svg_picture(drawn, len(rows) * ROW + 4, title)


def column_chart(
    rows: Sequence[tuple[str, float, bool, str, float | None]], title: str, write: Callable[[float], str]
) -> Markup:
    """Draw one column a month.

    Parameters
    ----------
    rows
        Label, value, whether it is unfinished, what a pointer reads, and the value of the year before.
    title
        Of the picture.
    write
        How a value stands on the axis.
    """
    values = [value for row in rows for value in (row[1], row[4] or 0.0)]
    marks = round_ticks(0.0, max(values, default=0.0))
    left, height = 64, 190
    step, most = (WIDTH - left) / max(len(rows), 1), marks[-1] or 1.0
    drawn = [_level(height - height * mark / most, left, write(mark)) for mark in marks]
    for number, (label, value, is_unfinished, text, before) in enumerate(rows):
        x, tall = left + number * step, height * value / most
        drawn.append(
            Markup(
                '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2" class="{}"><title>{}</title></rect>'
            ).format(x + 5, height - tall + 8, step - 10, tall, "bar unfinished" if is_unfinished else "bar", text)
        )
        if before is not None:
            y = height - height * before / most + 8
            drawn.append(
                Markup('<line x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}" class="before"/>').format(
                    x + 1, x + step - 1, y, y
                )
            )
        if number % 3 == 0:
            drawn.append(
                Markup('<text x="{:.1f}" y="{}" class="label" text-anchor="middle">{}</text>').format(
                    x + step / 2, height + 26, label
                )
            )
    return svg_picture(drawn, height + 34, title)


def _level(y: float, left: int, text: str) -> Markup:
    return Markup(
        '<line x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}" class="grid"/><text x="{}" y="{:.1f}" text-anchor="end" '
        'class="label">{}</text>'
    ).format(left, WIDTH, y + 8, y + 8, left - 8, y + 12, text)


def round_ticks(least: float, most: float) -> list[float]:
    """Return three to seven round numbers that reach from the least to the most."""
    span = (most - least) or 1.0
    step = 10.0 ** floor(log10(span / 4))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if span / (step * factor) <= 6)
    first, last = floor(least / step + 1e-9), ceil(most / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def flow_chart(
    rows: Sequence[Mapping[str, Any]], names: Mapping[str, str], title: str, link: Callable[[str, str], str]
) -> Markup:
    """Draw a Sankey picture: stages at the first date on the left, at the second on the right, customers as bands.

    Parameters
    ----------
    rows
        Stage then, and of each stage now how many.
    names, title
        What stages are called, and the picture.
    link
        From a stage then and a stage now to the address of those customers.
    """
    rows = [row for row in rows if str(row["from"]) in names]  # without the row of totals
    left = {str(row["from"]): float(row["n_customers"]) for row in rows if row["n_customers"]}
    right = {name: sum(float(row.get(name) or 0) for row in rows) for name in names}
    right = {name: n for name, n in right.items() if n}
    gap, tall = 16, 420.0
    scale = (tall - gap * max(len(left), len(right))) / max(sum(left.values()), 1.0)
    at_left, at_right = _stacked(left, scale, gap), _stacked(right, scale, gap)
    drawn = []
    used_left, used_right = dict.fromkeys(left, 0.0), dict.fromkeys(right, 0.0)
    for row in rows:
        for name in right:
            if n := float(row.get(name) or 0):
                was = str(row["from"])
                text = f"{names[was]} → {names.get(name, name)}: {n:,.0f}"
                tops = (at_left[was] + used_left[was], at_right[name] + used_right[name])
                band = _band(*tops, n * scale, text, was == name)
                drawn.append(with_link(band, link(was, name), text))
                used_left[was] += n * scale
                used_right[name] += n * scale
    for places, sizes, x, anchor in ((at_left, left, 8, "start"), (at_right, right, WIDTH - 8, "end")):
        for name, y in places.items():
            middle = y + sizes[name] * scale / 2 + 4
            text = f"{names.get(name, name)} {sizes[name]:,.0f}"
            drawn.append(
                Markup('<text x="{}" y="{:.1f}" text-anchor="{}" class="label">{}</text>').format(
                    x, middle, anchor, text
                )
            )
    return svg_picture(drawn, int(tall) + 10, title, role="group")


def with_link(part: Markup, address: str | None, name: str) -> Markup:
    """Return a part of a picture that leads somewhere; without an address the part alone."""
    if address is None:
        return part
    return Markup('<a href="{}" aria-label="{}">{}</a>').format(address, name, part)


def _stacked(sizes: Mapping[str, float], scale: float, gap: int) -> dict[str, float]:
    places, y = {}, 4.0
    for name, size in sizes.items():
        places[name] = y
        y += size * scale + gap
    return places


def _band(y_left: float, y_right: float, tall: float, text: str, stays: bool) -> Markup:
    x1, x2 = 150, WIDTH - 150
    middle = (x1 + x2) / 2
    path = (
        f"M{x1},{y_left:.1f} C{middle},{y_left:.1f} {middle},{y_right:.1f} {x2},{y_right:.1f} "
        f"L{x2},{y_right + tall:.1f} "
        f"C{middle},{y_right + tall:.1f} {middle},{y_left + tall:.1f} {x1},{y_left + tall:.1f} Z"
    )
    kind = "band stays" if stays else "band"
    return Markup('<path d="{}" class="{}"><title>{}</title></path>').format(path, kind, text)


def svg_picture(parts: Sequence[Markup], height: int, title: str, width: int = WIDTH, role: str = "img") -> Markup:
    """Return a picture of parts; ``group`` where some of them lead elsewhere."""
    head = Markup('<svg viewBox="0 0 {} {}" role="{}" aria-label="{}" preserveAspectRatio="xMinYMin">').format(
        width, height, role, title
    )
    return head + Markup("").join(parts) + Markup("</svg>")
