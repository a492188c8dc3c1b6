"""The page's charts as SVG text: no script and no style of their own; the page's sheet colours them, light or dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

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
    return _svg(drawn, len(rows) * ROW + 4, title)


def column_chart(rows: Sequence[tuple[str, float, bool, str]], title: str) -> Markup:
    """Draw one column a month: label, value, whether it is unfinished, and what a pointer reads."""
    most = max((value for _label, value, _open, _text in rows), default=0.0) or 1.0
    step, height = WIDTH / max(len(rows), 1), 180
    drawn = []
    for number, (label, value, is_unfinished, text) in enumerate(rows):
        tall, kind = height * value / most, "bar unfinished" if is_unfinished else "bar"
        drawn.append(
            Markup(
                '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="{}"><title>{}</title></rect>'
            ).format(number * step + 2, height - tall, step - 4, tall, kind, text)
        )
        if number % max(1, len(rows) // 7) == 0 and number < len(rows) - 1:
            drawn.append(
                Markup('<text x="{:.1f}" y="{}" class="label" text-anchor="start">{}</text>').format(
                    number * step + 2, height + 18, label
                )
            )
    return _svg(drawn, height + 26, title)


def flow_chart(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str], title: str) -> Markup:
    """Draw a Sankey picture: stages at the first date on the left, at the second on the right, customers as bands."""
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
                drawn.append(
                    _band(at_left[was] + used_left[was], at_right[name] + used_right[name], n * scale, n, was == name)
                )
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
    return _svg(drawn, int(tall) + 10, title)


def square_map(cells: Mapping[tuple[int, int], int], title: str, x_title: str, y_title: str) -> Markup:
    """Draw a map of five by five squares: how many customers stand at each pair of scores, darker where more."""
    most = max(cells.values(), default=1)
    size, drawn = 74, []
    for (x, y), n in sorted(cells.items()):
        shade = 1 + min(4, int(5 * (n / most) ** 0.5))
        place = ((x - 1) * size + 40, (5 - y) * size)
        drawn.append(
            Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="4" class="shade-{}"/>').format(
                *place, size - 4, size - 4, shade
            )
            + Markup('<text x="{}" y="{}" text-anchor="middle" class="on-{}">{}</text>').format(
                place[0] + size / 2 - 2, place[1] + size / 2 + 3, shade, f"{n:,}"
            )
        )
    for score in range(1, 6):
        drawn.append(
            Markup('<text x="{}" y="{}" class="label" text-anchor="middle">{}</text>').format(
                (score - 1) * size + 38 + size / 2, 5 * size + 14, score
            )
            + Markup('<text x="28" y="{}" class="label" text-anchor="end">{}</text>').format(
                (5 - score) * size + size / 2, score
            )
        )
    drawn.append(
        Markup('<text x="{}" y="{}" class="label">{}</text>').format(40, 5 * size + 34, f"→ {x_title}   ↑ {y_title}")
    )
    return _svg(drawn, 5 * size + 44, title, 5 * size + 60)


def _stacked(sizes: Mapping[str, float], scale: float, gap: int) -> dict[str, float]:
    places, y = {}, 4.0
    for name, size in sizes.items():
        places[name] = y
        y += size * scale + gap
    return places


def _band(y_left: float, y_right: float, tall: float, n: float, stays: bool) -> Markup:
    x1, x2 = 150, WIDTH - 150
    middle = (x1 + x2) / 2
    path = (
        f"M{x1},{y_left:.1f} C{middle},{y_left:.1f} {middle},{y_right:.1f} {x2},{y_right:.1f} "
        f"L{x2},{y_right + tall:.1f} "
        f"C{middle},{y_right + tall:.1f} {middle},{y_left + tall:.1f} {x1},{y_left + tall:.1f} Z"
    )
    kind = "band stays" if stays else "band"
    return Markup('<path d="{}" class="{}"><title>{}</title></path>').format(path, kind, f"{n:,.0f}")


def _svg(parts: Sequence[Markup], height: int, title: str, width: int = WIDTH) -> Markup:
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}" preserveAspectRatio="xMinYMin">').format(
        width, height, escape(title)
    )
    return head + Markup("").join(parts) + Markup("</svg>")
