"""The page's maps and lines as SVG text: scores, cohorts, calendars, intervals of groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from markupsafe import Markup

from .drawings import WIDTH, round_ticks, svg_picture, with_link


def square_map(
    cells: Mapping[tuple[int, int], int], links: Mapping[tuple[int, int], str], title: str, x_title: str, y_title: str
) -> Markup:
    """Draw a map of five by five squares: how many customers stand at each pair of scores, darker where more."""
    most = max(cells.values(), default=1)
    size, drawn = 74, []
    for (x, y), n in sorted(cells.items()):
        shade = 1 + min(4, int(5 * (n / most) ** 0.5))
        place = ((x - 1) * size + 40, (5 - y) * size)
        square = Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="4" class="shade-{}"/>').format(
            *place, size - 4, size - 4, shade
        ) + Markup('<text x="{}" y="{}" text-anchor="middle" class="on-{}">{}</text>').format(
            place[0] + size / 2 - 2, place[1] + size / 2 + 3, shade, f"{n:,}"
        )
        drawn.append(with_link(square, links.get((x, y)), f"{x_title} {x}, {y_title} {y}: {n:,}"))
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
    return svg_picture(drawn, 5 * size + 44, title, 5 * size + 60, "group")


def heat_map(
    names: Sequence[str],
    sizes: Mapping[str, str],
    values: Mapping[tuple[str, int], tuple[float, str, bool]],
    links: Mapping[str, str],
    title: str,
    x_title: str,
) -> Markup:
    """Draw shares by row and age: darker where more; a value that is not final is framed.

    Parameters
    ----------
    names, sizes, links
        The rows, how many each holds, and where each leads.
    values
        Row and age -> share, what a pointer reads, whether it is final.
    title, x_title
        Of the picture and of the ages.
    """
    ages = sorted({age for _name, age in values})
    most = max((value for value, _text, _final in values.values()), default=1.0) or 1.0
    wide, tall, left, drawn = 45, 24, 150, []
    for row, name in enumerate(names):
        y = row * tall + 24
        label = Markup('<text x="{}" y="{}" class="linked">{}</text>').format(4, y + 16, name) + Markup(
            '<text x="{}" y="{}" text-anchor="end" class="label">{}</text>'
        ).format(left - 12, y + 16, sizes.get(name, ""))
        drawn.append(with_link(label, links.get(name), name))
        for place, age in enumerate(ages):
            if (name, age) not in values:
                continue
            value, text, is_final = values[name, age]
            shade = 1 + min(4, int(5 * value / most))
            drawn.append(
                Markup(
                    '<g><title>{}</title><rect x="{}" y="{}" width="{}" height="{}" rx="3" class="shade-{}{}"/>'
                    '<text x="{}" y="{}" text-anchor="middle" class="on-{}">{}</text></g>'
                ).format(
                    text, left + place * wide, y, wide - 3, tall - 3, shade, "" if is_final else " open",
                    left + place * wide + wide / 2 - 2, y + 15, shade, f"{100 * value:.0f}",
                )
            )  # fmt: skip
    for place, age in enumerate(ages):
        drawn.append(
            Markup('<text x="{}" y="16" class="label" text-anchor="middle">{}</text>').format(
                left + place * wide + wide / 2 - 2, age
            )
        )
    bottom = len(names) * tall + 44
    drawn.append(Markup('<text x="{}" y="{}" class="label">{}</text>').format(left, bottom - 4, x_title))
    return svg_picture(drawn, bottom + 4, title, left + 12 * wide, "group")


def timeline(
    rows: Mapping[str, Sequence[tuple[date, str]]], kinds: Mapping[str, str], names: Mapping[str, str], title: str
) -> Markup:
    """Draw days on a line for each row.

    Parameters
    ----------
    rows
        Row -> days, each with what a pointer reads.
    kinds, names
        Row -> its kind, by which it is coloured; and what each kind is called in the legend.
    title
        Of the picture.
    """
    days = [day for marks in rows.values() for day, _text in marks]
    first, last = min(days), max(days)
    span = max((last - first).days, 1)
    left, tall, top = 190, 28, 30

    def x_of(day: date) -> float:
        return left + (WIDTH - left - 24) * (day - first).days / span

    drawn = _days(first, span, x_of, (top, top + tall * len(rows)))
    colours = {kind: number % 4 + 1 for number, kind in enumerate(names)}
    for number, (name, marks) in enumerate(rows.items()):
        y, colour = top + number * tall + tall / 2, colours.get(kinds[name], 1)
        ends = [x_of(day) for day, _text in marks]
        drawn.append(
            Markup('<text x="{}" y="{:.1f}" text-anchor="end" class="label">{}</text>').format(left - 14, y + 4, name)
            + Markup('<line x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}" class="span kind-{}"/>').format(
                min(ends), max(ends), y, y, colour
            )
        )
        drawn += [
            Markup('<circle cx="{:.1f}" cy="{:.1f}" r="7" class="kind-{}"><title>{}</title></circle>').format(
                x_of(day), y, colour, text
            )
            for day, text in marks
        ]
    bottom = top + tall * len(rows) + 8
    for place, (kind, text) in enumerate(names.items()):
        drawn.append(
            Markup('<circle cx="{}" cy="{}" r="6" class="kind-{}"/><text x="{}" y="{}" class="label">{}</text>').format(
                left + place * 130, bottom + 12, colours[kind], left + place * 130 + 12, bottom + 16, text
            )
        )
    return svg_picture(drawn, bottom + 26, title)


def _days(first: date, span: int, x_of: Callable[[date], float], ends: tuple[int, int]) -> list[Markup]:
    """Return lines of up to five days, evenly spaced."""
    n = min(4, span)
    days = [first + timedelta(days=round(number * span / n)) for number in range(n + 1)]
    return [
        Markup('<line x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}" class="grid"/>').format(x_of(day), *ends)
        + Markup('<text x="{:.1f}" y="18" text-anchor="middle" class="label">{}</text>').format(
            x_of(day), f"{day:%m-%d}"
        )
        for day in days
    ]


def interval_chart(rows: Sequence[tuple[str, tuple[float, float, float], str]], title: str, x_title: str) -> Markup:
    """Draw a value with its interval for each row, beside the line of zero.

    Parameters
    ----------
    rows
        Label; value, low and high; what a pointer reads.
    title, x_title
        Of the picture, and of the values with their unit.
    """
    if not rows:
        return Markup("")
    left, tall, top = 190, 26, 8
    marks = round_ticks(min(0.0, *(one[1][1] for one in rows)), max(0.0, *(one[1][2] for one in rows)))
    span = (marks[-1] - marks[0]) or 1.0

    def x_of(value: float) -> float:
        return left + (WIDTH - left - 24) * (value - marks[0]) / span

    bottom = top + tall * len(rows)
    drawn = [
        Markup('<line x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}" class="{3}"/>').format(
            x_of(mark), top, bottom, "zero" if mark == 0 else "grid"
        )
        + Markup('<text x="{:.1f}" y="{}" text-anchor="middle" class="label">{}</text>').format(
            x_of(mark), bottom + 18, f"{mark:g}"
        )
        for mark in marks
    ]
    for number, (label, (value, low, high), text) in enumerate(rows):
        y = top + number * tall + tall / 2
        drawn.append(
            Markup(
                '<g><title>{}</title><text x="{}" y="{:.1f}" text-anchor="end" class="label">{}</text>'
                '<line x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}" class="reach"/>'
                '<circle cx="{:.1f}" cy="{:.1f}" r="5" class="dot"/></g>'
            ).format(text, left - 14, y + 4, label, x_of(low), x_of(high), y, y, x_of(value), y)
        )
    drawn.append(
        Markup('<text x="{:.1f}" y="{}" text-anchor="middle" class="label">{}</text>').format(
            (left + WIDTH) / 2, bottom + 38, x_title
        )
    )
    return svg_picture(drawn, bottom + 44, title)
