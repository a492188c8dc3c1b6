"""The few charts that reports need, as SVG text for `penchant.page.Picture`.

Each function is pure: the same numbers give the same text. Matplotlib's objects are used directly, so that no
figure, style or canvas is shared between callers. Text stays text, in the page's own font.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO, StringIO
from textwrap import fill
from typing import Any

import numpy as np
from cycler import cycler
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from penchant.errors import InputError
from penchant.page import Interval, write_number

# Wong (2011), Nature Methods 8:441: colours that people with any colour vision tell apart.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
MARKERS = ("o", "s", "D", "^", "v", "P")
INK, SOFT, FAINT = "#1c2430", "#5b6675", "#dfe4ea"
WIDTH = 7.2  # inches; the page scales it to its column
MOST_CHARACTERS = 34  # of a label; the table beside a chart has it in full
POINTS = 72  # of an inch, an SVG's unit
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))

_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": SOFT,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "errorbar.capsize": 0,
    "figure.facecolor": "none",
    "font.family": "DejaVu Sans",  # measures the text; the page's font, a little narrower, shows it
    "font.size": 9,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "penchant",  # the same ids each time
    "text.parse_math": False,
    "xtick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.color": SOFT,
    "ytick.labelcolor": INK,
}


@dataclass(frozen=True)
class Axis:
    """What an axis shows: a label that ends in the unit, and how its numbers are written."""

    label: str
    format: str = ",.4g"


@dataclass(frozen=True)
class Curve:
    """A line, with a band where its bounds are known.

    Parameters
    ----------
    name
        Stands in the legend.
    x, y
        Coordinates, shape (n,).
    low, high
        Bounds of y, shape (n,), or None.
    reference
        Whether it is what the others are read against: drawn thin, dashed and grey.
    """

    name: str
    x: ArrayLike
    y: ArrayLike
    low: ArrayLike | None = None
    high: ArrayLike | None = None
    reference: bool = False


@dataclass(frozen=True)
class Series:
    """Numbers for the same labels; with their intervals, or bare. None leaves a label out."""

    name: str
    values: Sequence[Interval | float | None]


@rc_context(_STYLE)
def lines(curves: Sequence[Curve], x: Axis, y: Axis, *, zero_line: bool = False) -> str:
    """Return curves with their bands, for example a Qini curve or a measured effect by day."""
    figure, axes = _blank(x, y, height=3.6)
    colours = iter(PALETTE * len(curves))
    for curve in curves:
        style = {"color": SOFT, "linewidth": 1.1, "linestyle": (0, (4, 3))} if curve.reference else None
        drawn = axes.plot(curve.x, curve.y, label=_short(curve.name), **(style or {"color": next(colours)}))[0]
        if curve.low is not None and curve.high is not None:
            axes.fill_between(curve.x, curve.low, curve.high, color=drawn.get_color(), alpha=0.15, linewidth=0)
    _zero(axes.axhline, zero_line)
    axes.margins(x=0.01)
    _legend(axes, len(curves))
    return _svg(figure, f"{y.label} by {x.label}")


@rc_context(_STYLE)
def points(labels: Sequence[str], series: Sequence[Series], value: Axis, *, line_at: float = 0.0) -> str:
    """Return one row for each label with a point and its interval for each series: who differs from the line?"""
    _refuse_unequal(labels, series)
    height = 0.9 + len(labels) * max(0.32, 0.22 * len(series))
    figure, axes = _blank(value, Axis(""), height=height)
    for number, (own, shift) in enumerate(zip(series, _shifts(len(series)), strict=True)):
        place, middle, low, high = _shown(own, shift)
        axes.errorbar(
            middle,
            place,
            xerr=[middle - low, high - middle],
            fmt=MARKERS[number % len(MARKERS)],
            color=PALETTE[number % len(PALETTE)],
            label=_short(own.name),
        )
    axes.set_yticks(range(len(labels)), [_short(label) for label in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.axvline(line_at, color=INK, linewidth=0.9, zorder=1.5)
    _legend(axes, len(series))
    return _svg(figure, f"{value.label} of {len(labels)} rows")


@rc_context(_STYLE)
def bars(labels: Sequence[str], series: Sequence[Series], x: Axis, y: Axis) -> str:
    """Return upright bars side by side for each label, with intervals where there are any."""
    _refuse_unequal(labels, series)
    figure, axes = _blank(x, y, height=3.4)
    width = 0.8 / len(series)
    for number, (own, shift) in enumerate(zip(series, _shifts(len(series)), strict=True)):
        place, middle, low, high = _shown(own, shift)
        axes.bar(place, middle, width * 0.94, color=PALETTE[number % len(PALETTE)], label=_short(own.name))
        if (high > low).any():
            bounds = [middle - low, high - middle]
            axes.errorbar(place, middle, yerr=bounds, fmt="none", ecolor=INK, elinewidth=1)
    axes.set_xticks(range(len(labels)), [_short(label) for label in labels])
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)
    _zero(axes.axhline, True)
    _legend(axes, len(series))
    return _svg(figure, f"{y.label} by {x.label}")


@rc_context(_STYLE)
def heatmap(
    rows: Sequence[str], columns: Sequence[str], values: ArrayLike, marked: ArrayLike, x: Axis, value: Axis
) -> str:
    """Return a cell for each row and column, the darker the higher, with its number; marked ones are hatched.

    Parameters
    ----------
    rows, columns
        Labels, from the top and from the left.
    values
        Shape (rows, columns); nan: no cell.
    marked
        Shape (rows, columns), whether a cell is hatched: not to be read like the others.
    x, value
        What the columns are, and what the cells show.
    """
    shown, hatched = np.asarray(values, dtype=np.float64), np.asarray(marked, dtype=bool)
    if shown.shape != (len(rows), len(columns)) or hatched.shape != shown.shape:
        raise InputError("values", f"{len(rows)} rows of {len(columns)} cells", f"{shown.shape} and {hatched.shape}")
    figure, axes = _blank(x, Axis(""), height=0.9 + 0.26 * len(rows))
    known = shown[np.isfinite(shown)]
    top = float(np.quantile(known, 0.97)) if len(known) else 1.0  # a few giants leave the others their colours
    for row, column in zip(*np.nonzero(np.isfinite(shown)), strict=True):
        share = float(np.clip(shown[row, column] / top, 0.0, 1.0)) if top > 0 else 0.0
        hatch = "////" if hatched[row, column] else None
        corner = (column - 0.5, row - 0.5)
        colour = (*to_rgb(PALETTE[0]), 0.06 + 0.79 * share)
        edge, width = (SOFT, 0.0) if hatch else ("white", 0.6)
        axes.add_patch(Rectangle(corner, 1, 1, facecolor=colour, hatch=hatch, edgecolor=edge, linewidth=width))
        text = write_number(float(shown[row, column]), value.format)
        ink = "white" if share > 0.6 and hatch is None else INK
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks(range(len(columns)), list(columns))
    axes.set_yticks(range(len(rows)), [_short(label) for label in rows])
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    return _svg(figure, f"{value.label} by {x.label}")


@rc_context(_STYLE)
def reliability(predicted: ArrayLike, observed: Series, x: Axis, y: Axis) -> str:
    """Return what was predicted against what came: a point with its interval for each bin, and the ideal."""
    expected = np.asarray(predicted, dtype=np.float64)
    _refuse_unequal(list(expected), [observed])
    figure, axes = _blank(x, y, height=4.2)
    place, middle, low, high = _shown(observed, 0.0)
    expected = expected[place.astype(np.intp)]
    ends = [min(expected.min(initial=0), low.min(initial=0)), max(expected.max(), high.max())]
    axes.plot(ends, ends, color=SOFT, linewidth=1.1, linestyle=(0, (4, 3)), label="as predicted")
    axes.errorbar(expected, middle, yerr=[middle - low, high - middle], fmt="o-", label=_short(observed.name))
    _legend(axes, 2)
    return _svg(figure, f"{y.label} against {x.label}")


def _blank(x: Axis, y: Axis, height: float) -> tuple[Any, Any]:
    """Return a figure with one pair of axes in the house's style."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.set_xlabel(fill(x.label, 90))
    axes.set_ylabel(fill(y.label, 42))
    axes.xaxis.set_major_formatter(lambda value, _: write_number(value, x.format))
    axes.yaxis.set_major_formatter(lambda value, _: write_number(value, y.format))
    return figure, axes


def _short(label: str) -> str:
    """Return a label that leaves room for the data."""
    return label if len(label) <= MOST_CHARACTERS else label[: MOST_CHARACTERS - 1].rstrip() + "…"


def _shifts(n_series: int) -> list[float]:
    """Return how far each series is moved from its label, so that none hides another."""
    return [0.8 * ((i + 0.5) / n_series - 0.5) for i in range(n_series)]


def _shown(series: Series, shift: float) -> tuple[Any, Any, Any, Any]:
    """Return places, values and bounds of what is known; a bound that is not known equals the value."""
    rows = []
    for place, cell in enumerate(series.values):
        if cell is None:
            continue
        value, low, high = (cell.value, cell.low, cell.high) if isinstance(cell, Interval) else (cell, cell, cell)
        if np.isfinite(value):
            bounds = [bound if np.isfinite(bound) else value for bound in (low, high)]
            rows.append((place + shift, value, min(bounds[0], value), max(bounds[1], value)))
    places, values, lows, highs = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    return places, values, lows, highs


def _zero(line: Any, wanted: bool) -> None:
    if wanted:
        line(0, color=INK, linewidth=0.9, zorder=1.5)


def _legend(axes: Any, n_entries: int) -> None:
    """Name the series above the axes, where no data can hide; a lone series is named by the axis."""
    if n_entries > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=min(n_entries, 4), borderaxespad=0.2)


def _refuse_unequal(labels: Sequence[Any], series: Sequence[Series]) -> None:
    for own in series:
        if len(own.values) != len(labels):
            raise InputError(f"series '{own.name}'", f"{len(labels)} values, one for each label", f"{len(own.values)}")


class Chart(str):
    """A chart as SVG text, which can be drawn as a PNG too."""

    figure: Any

    def __new__(cls, svg: str, figure: Any) -> Chart:
        """Return the text with the figure that it shows."""
        made = super().__new__(cls, svg)
        made.figure = figure
        return made


def png(chart: str) -> bytes:
    """Return a chart of this module as a PNG on white, for pages that take no SVG."""
    if not isinstance(chart, Chart):
        raise InputError("chart", "one that a function of penchant.charts returned", type(chart).__name__)
    buffer = BytesIO()
    with rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        chart.figure.savefig(buffer, format="png", dpi=130, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def _svg(figure: Any, description: str) -> str:
    """Return a figure as an SVG element that takes its size, font and place from the page."""
    buffer = StringIO()
    with warnings.catch_warnings():
        # The font that measures the text need not have every script; the reader's browser will.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.dpi = POINTS
        figure.get_layout_engine().execute(figure)
        figure.set_layout_engine("none")  # placed once: `savefig` would draw all of it to place it, and draw it again
        figure.canvas.print_svg(buffer, metadata=NO_METADATA)
    return Chart(_inline(buffer.getvalue(), description), figure)


def _inline(svg: str, description: str) -> str:
    """Return SVG text without what belongs to a file: header, size, style for all, names of groups."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r' width="[\d.]+pt" height="[\d.]+pt"', "", svg, count=1)
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r" font-family: [^;\"]*;", "", svg)
    svg = re.sub(r"<[^>]*>", _coarser, svg)
    label = f'<svg role="img" aria-label="{escape(description)}" stroke-linejoin="round"'
    return svg.replace("<svg", label, 1)


def _coarser(tag: re.Match[str]) -> str:
    """Return a tag with its coordinates cut to hundredths of a point, which is finer than any print."""
    return re.sub(r"(-?\d+\.\d\d)\d+", r"\1", tag.group())
