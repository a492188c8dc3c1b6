"""How the times in a column of text or numbers are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

from ..intake.conversion import ZONED
from ..intake.expressions import text_literal
from ..intake.raw import Gate

_DAYS = tuple(
    sign.join(parts) for sign in "/-." for year in ("%Y", "%y") for parts in (("%m", "%d", year), ("%d", "%m", year))
)
_NAMED = (
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%Y-%b-%d",
    "%b-%d-%y",
    "%b-%d-%Y",
)
_HOURS = (
    *("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S"),
    *(", %H:%M", ", %H:%M:%S", ", %I:%M %p"),
)
_COMPACT = ("%Y-%m-%d %H", "%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d %H:%M:%S", "%Y%m%d %H%M%S")
EPOCHS = {"epoch_s": 1, "epoch_ms": 10**3, "epoch_us": 10**6, "epoch_ns": 10**9}
FORMATS = (*_COMPACT, *(day + hour for day, hour in product((*_DAYS, *_NAMED), _HOURS)))

ISO = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d")
DATE_LIKE = re.compile(r"\d{1,4}[-/. ](\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{2,4}|[A-Za-z]{3,9} \d{1,2},? \d{4}")
MOST_FORMATS = 3  # in one column
MANY_CELLS = 500
NEARLY_ALL = 0.98  # a file may hold a few bad times
SECONDS = (315_532_800, 4_102_444_800)  # from 1980 to 2100
SHEET_DAYS = (29_221, 62_093)  # from 1980 to 2069, as workbooks count


@dataclass(frozen=True)
class TimeForm:
    """How times are written.

    Parameters
    ----------
    time_format
        As penchant.toml says it: a strptime format or several, ``epoch_s`` and the like; None for ISO 8601.
    has_zone
        Whether each carries its zone, or needs none.
    other_format
        Another format that all fit too: day and month cannot be told apart; None where they can.
    """

    time_format: str | tuple[str, ...] | None
    has_zone: bool = False
    other_format: str | None = None


def time_form(gate: Gate, relation: str, cell: str, engine_type: str) -> TimeForm | None:
    """Return how the times of a column are written; None if it does not hold times.

    Parameters
    ----------
    gate, relation
        Where the sample is.
    cell
        The SQL of a cell, with null signs as null.
    engine_type
        The column's type.
    """
    if engine_type.startswith("TIMESTAMP") or engine_type == "DATE":
        return TimeForm(None, "ZONE" in engine_type)
    if engine_type != "VARCHAR":
        return _of_numbers(gate, relation, f"{cell}::double")
    text = f"{cell}::varchar"
    if _share(gate, relation, cell, f"try_cast({text} as timestamp)", f"length({text}) >= 8") >= NEARLY_ALL:
        zoned = f"case when regexp_matches({text}, {text_literal(ZONED)}) then 1 end"
        return TimeForm(None, _share(gate, relation, cell, zoned) >= NEARLY_ALL)
    fitting = [form for form in _likely(gate, relation, text) if _fits(gate, relation, text, form)]
    if fitting:
        return _decided(gate, relation, text, fitting)
    number = f"try_cast({text} as double)"
    return _of_numbers(gate, relation, number) or _mixed(gate, relation, text)


def _share(gate: Gate, relation: str, cell: str, value: str, also: str = "true") -> float:
    """Return the share of cells that are there for which a value is there too."""
    row = gate.row(f"select count({cell}), count(case when {also} then {value} end) from {relation}")
    return float(row[1] / row[0]) if row[0] else 0.0


def _likely(gate: Gate, relation: str, text: str) -> list[str]:
    """Return the formats that the first few cells fit, so that only those are tried on all."""
    cells = [row[0] for row in gate.rows(f"select distinct {text} from {relation} where {text} is not null limit 20")]
    if not cells or not all(any(sign.isdigit() for sign in cell) and len(cell) >= 6 for cell in cells):
        return []
    listed = ", ".join(f"({text_literal(cell)})" for cell in cells)
    tries = ", ".join(f"count(try_strptime(x, {text_literal(form)}))" for form in FORMATS)
    counts = gate.row(f"select {tries} from (values {listed}) as cells(x)")
    return [form for form, n_read in zip(FORMATS, counts, strict=True) if n_read >= 0.8 * len(cells)]


def _fits(gate: Gate, relation: str, text: str, form: str) -> bool:
    parsed = f"try_strptime({text}, {text_literal(form)})"
    sane = f"year({parsed}) between 1980 and 2099"
    return _share(gate, relation, text, parsed, sane) >= NEARLY_ALL


def _decided(gate: Gate, relation: str, text: str, fitting: list[str]) -> TimeForm:
    """Choose among formats that all fit: that in which the rows are in order, else the day before dots, else the month.

    Dates with dots are written day first wherever they are usual.
    """
    if len(fitting) == 1:
        return TimeForm(fitting[0])
    orderly = [form for form in fitting if _steps_back(gate, relation, text, form) == 0]
    if len(orderly) == 1:
        return TimeForm(orderly[0])
    chosen = next((form for form in fitting if form.startswith("%d.")), fitting[0])
    return TimeForm(chosen, other_format=next(form for form in fitting if form != chosen))


def _steps_back(gate: Gate, relation: str, text: str, form: str) -> int:
    """Return how often a row is earlier than the one before it."""
    parsed = f"try_strptime({text}, {text_literal(form)})"
    return int(
        gate.row(
            f"select count(*) from (select {parsed} as instant, lag({parsed}) over (order by _file, _row) as former"
            f" from {relation}) where instant < former"
        )[0]
    )


def _mixed(gate: Gate, relation: str, text: str) -> TimeForm | None:
    """Return several formats that together fit nearly all cells: files that were edited, or put together by hand."""
    rows = gate.rows(f"select distinct {text} as x from {relation} where x is not null limit {MANY_CELLS}")
    cells_seen = [str(row[0]) for row in rows]
    left = [cell for cell in cells_seen if DATE_LIKE.match(cell)]
    n_cells = len(cells_seen)
    if len(left) < NEARLY_ALL * n_cells:
        return None
    found: list[str] = []
    while left and len(found) < MOST_FORMATS:
        listed = ", ".join(f"({text_literal(cell)})" for cell in left)
        tries = ", ".join(f"list(x) filter ({_is_sane('x', form)})" for form in (*ISO, *FORMATS))
        read = gate.row(f"select {tries} from (values {listed}) as cells(x)")
        best, cells = max(zip((*ISO, *FORMATS), read, strict=True), key=lambda pair: len(pair[1] or ()))
        if len(cells or ()) < 0.02 * n_cells:
            break
        found.append(best)
        left = [cell for cell in left if cell not in set(cells)]
    fits = len(found) > 1 and len(left) <= (1 - NEARLY_ALL) * n_cells
    return TimeForm(tuple(found)) if fits else None


def _is_sane(text: str, form: str) -> str:
    return f"year(try_strptime({text}, {text_literal(form)})) between 1980 and 2099"


def _of_numbers(gate: Gate, relation: str, number: str) -> TimeForm | None:
    """Return the form of times that are numbers: since 1970, a date's digits, or days as workbooks count them.

    A few may be anything: logs have times of 0, or of a clock that was set wrongly.
    """
    spans = {form: (SECONDS[0] * factor, SECONDS[1] * factor) for form, factor in EPOCHS.items()}
    whole = f"{number} = trunc({number})"
    asked = [f"count(*) filter ({number} between {low} and {high})" for low, high in spans.values()]
    asked += [
        f"count(*) filter ({number} between 19800101 and 20991231 and {whole})",
        f"count(*) filter ({number} between {SHEET_DAYS[0]} and {SHEET_DAYS[1]})",
    ]
    n_cells, *counts = gate.row(f"select count({number}), {', '.join(asked)} from {relation}")
    if not n_cells:
        return None
    fits = [n_fitting >= NEARLY_ALL * n_cells for n_fitting in counts]
    for form, is_fit in zip(spans, fits, strict=False):
        if is_fit:
            return TimeForm(form, has_zone=True)
    if fits[-2]:
        text = f"try_cast({number} as bigint)::varchar"
        return TimeForm("%Y%m%d") if _fits(gate, relation, text, "%Y%m%d") else None
    return TimeForm("excel_days") if fits[-1] else None
