"""The page's curves as SVG text: a value with its band over a number, with axes that say what they measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from .drawings import round_ticks, svg_picture

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 300, 84, 16, 12, 44
Text = Callable[[float], str]


@dataclass(frozen=True)
class Axes:
    """What a curve's axes measure.

    Parameters
    ----------
    title
        Of the whole picture, for who cannot see it.
    x, y
        What each axis says, with its unit.
    write_x, write_y
        How a value is written on it.
    """

    title: str
    x: str
    y: str
    write_x: Text
    write_y: Text


@dataclass(frozen=True)
class CurvePoint:
    """A point with the bounds of its value."""

    x: float
    value: float
    low: float
    high: float
    text: str = ""


def band_curve(
    points: Sequence[CurvePoint], axes: Axes, mark: tuple[float, str] | None = None, diagonal: bool = False
) -> Markup:
    """Draw a curve with its band.

    Parameters
    ----------
    points
        In the order of x.
    axes
        What they measure.
    mark
        A place on the x axis with what it says, drawn as a line.
    diagonal
        Whether the line of equal values is drawn too, as for a calibration.
    """
    if not points:
        return Markup("")
    lows, highs = [one.low for one in points], [one.high for one in points]
    xs = round_ticks(min(0.0, points[0].x), max(one.x for one in points))
    ys = round_ticks(min(0.0, *lows), max(*highs, 0.0))
    place = _Scale(xs[0], max(xs[-1], points[-1].x), ys[0], ys[-1])
    drawn = [_grid(xs, ys, place, axes)]
    upper = " ".join(f"{place.x(one.x):.1f},{place.y(one.high):.1f}" for one in points)
    lower = " ".join(f"{place.x(one.x):.1f},{place.y(one.low):.1f}" for one in reversed(points))
    drawn.append(Markup('<polygon points="{} {}" class="area"/>').format(upper, lower))
    if diagonal:
        most = min(place.x_most, place.y_most)
        drawn.append(_line(place.x(0), place.y(0), place.x(most), place.y(most), "even"))
    middle = " ".join(f"{place.x(one.x):.1f},{place.y(one.value):.1f}" for one in points)
    drawn.append(Markup('<polyline points="{}" class="curve"/>').format(middle))
    drawn += [
        Markup('<circle cx="{:.1f}" cy="{:.1f}" r="4" class="dot"><title>{}</title></circle>').format(
            place.x(one.x), place.y(one.value), one.text
        )
        for one in points
        if one.text
    ]
    if mark is not None:
        drawn.append(_mark(mark, place))
    return svg_picture(drawn, HEIGHT, axes.title, WIDTH)


@dataclass(frozen=True)
class _Scale:
    """Where values stand in the picture."""

    x_least: float
    x_most: float
    y_least: float
    y_most: float

    def x(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - self.x_least) / ((self.x_most - self.x_least) or 1.0)

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.y_most - value) / ((self.y_most - self.y_least) or 1.0)


def _grid(xs: Sequence[float], ys: Sequence[float], place: _Scale, axes: Axes) -> Markup:
    parts = []
    for value in ys:
        y = place.y(value)
        parts.append(_line(LEFT, y, WIDTH - RIGHT, y, "zero" if value == 0 else "grid"))
        parts.append(_text(LEFT - 8, y + 4, axes.write_y(value), "end"))
    for value in xs:
        if value <= place.x_most:
            parts.append(_text(place.x(value), HEIGHT - BOTTOM + 18, axes.write_x(value), "middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, axes.x, "middle"))
    parts.append(
        Markup('<text x="{}" y="{}" transform="rotate(-90 {} {})" text-anchor="middle" class="label">{}</text>').format(
            14, (HEIGHT - BOTTOM) / 2, 14, (HEIGHT - BOTTOM) / 2, axes.y
        )
    )
    return Markup("").join(parts)


def _mark(mark: tuple[float, str], place: _Scale) -> Markup:
    x = place.x(mark[0])
    is_left = x > WIDTH / 2
    text = _text(x - 8 if is_left else x + 8, TOP + 14, mark[1], "end" if is_left else "start", "marked")
    return _line(x, TOP, x, HEIGHT - BOTTOM, "mark") + text


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>').format(x1, y1, x2, y2, kind)


def _text(x: float, y: float, text: str, anchor: str, kind: str = "label") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>').format(x, y, anchor, kind, text)
