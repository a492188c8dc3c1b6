"""SQL that turns raw values into canonical ones, and says of each cell whether it could.

Three layers of columns for each canonical column ``x``: ``raw:x``, the value as the mapping gives it; then numbers as
doubles (``num:x``) and times as local ones (``local:x``); then ``x`` itself, and what the rules ask about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from penchant.config import Reading

from ..contract import Kind, TableColumn
from .clocks import Clock
from .expressions import Meaning, RawColumns, quoted_name, text_literal
from .ids import EXACT
from .rules import EARLIEST, LATEST

_SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
WHOLE_TYPES = (*_SIGNED, *(f"U{kind}" for kind in _SIGNED))
REAL_TYPES = ("FLOAT", "DOUBLE")
ZONED = r":\d\d(\.\d+)?\s*(Z|UTC|GMT|[+-]\d\d(:?\d\d)?|[A-Za-z]+/[A-Za-z_/]+)$"
FEW_STEPS = 12  # of a zone's clocks: six years of summer time
NEVER = "false"  # the SQL of what cannot happen
EPOCHS: Mapping[str, float] = {
    "epoch_s": 1e6,
    "epoch_ms": 1e3,
    "epoch_us": 1.0,
    "epoch_ns": 1e-3,
}  # microseconds in one
FURTHEST_MICROS = 9e18  # from 1970, as far as the engine counts
SHEET_DAYS = "excel_days"  # as a workbook counts them, from the 30th of December 1899
SHEET_DAY_OF_1970 = 25_569
LATEST_SHEET_DAY = 73_050  # the year 2100
MILLIS_OF_DAY = 86_400_000
ROUNDED = "'-?\\d(\\.\\d{1,8})?[eE]\\+\\d+'"  # a long number as a workbook shows it, 1.23E+12
NOISE = 1e-6  # what is left of sums that are nothing
COARSE = 0.01  # what rounding to minor units may change an amount by before it is told


@dataclass(frozen=True)
class Cells:
    """The three layers of SQL of one canonical column: alias -> SQL."""

    raw: Mapping[str, str]
    middle: Mapping[str, str]
    final: Mapping[str, str]


@dataclass(frozen=True)
class Origin:
    """Where a canonical column's values come from.

    Parameters
    ----------
    column
        The canonical column.
    meaning
        What its mapping means.
    engine_type
        The engine's type of the mapping's value.
    reading
        How its cells are read.
    codes
        The shop's code to the canonical one.
    decimals
        Decimal places of the currency's minor unit.
    merge
        Whether ids that differ by case or Unicode form alone are one.
    clock
        What the clocks of the zone showed over the span of the times.
    """

    column: TableColumn
    meaning: Meaning
    engine_type: str
    reading: Reading
    codes: Mapping[str, str]
    decimals: int
    merge: bool = False
    clock: Clock = field(default_factory=Clock)

    @property
    def is_text(self) -> bool:
        """Whether the mapping gives text."""
        return self.engine_type == "VARCHAR"

    @property
    def is_number(self) -> bool:
        """Whether the mapping gives numbers."""
        return self.engine_type in (*WHOLE_TYPES, *REAL_TYPES) or self.engine_type.startswith("DECIMAL")

    @property
    def is_time(self) -> bool:
        """Whether the mapping gives times."""
        return self.engine_type.startswith("TIMESTAMP") or self.engine_type == "DATE"

    @property
    def zone(self) -> str:
        """The zone of times that carry none."""
        return self.reading.timezone or "UTC"

    @property
    def formats(self) -> tuple[str, ...]:
        """How times are written; none for ISO 8601."""
        given = self.reading.time_format
        return (given,) if isinstance(given, str) else given or ()


def misfit(origin: Origin) -> str:
    """Return why a type cannot become what the contract asks, or an empty text."""
    kind: Kind = origin.column.kind
    is_plain = origin.is_text or origin.is_number or origin.engine_type in ("BOOLEAN", "UUID")
    if kind == "text" or origin.engine_type == '"NULL"':
        return ""
    if kind == "time":
        if origin.is_number and not origin.formats:
            return f"{origin.engine_type}; name time_format, such as 'epoch_s', 'epoch_ms', 'excel_days' or '%Y%m%d'"
        return "" if origin.is_time or origin.is_text or origin.is_number else origin.engine_type
    if kind in ("id", "code"):
        return "" if is_plain or origin.is_time else origin.engine_type
    return "" if is_plain and origin.engine_type != "UUID" else origin.engine_type


def cells(origin: Origin, raw: RawColumns) -> Cells:
    """Return the SQL of a canonical column."""
    name = origin.column.name
    first = {f"raw:{name}": origin.meaning.sql}
    unreadable = " or ".join(origin.meaning.unreadable)
    if unreadable:
        first[f"cell:{name}"] = f"coalesce({unreadable}, false)"
    if origin.column.kind == "time":
        return Cells(first, *_time(origin))
    if origin.column.kind in ("number", "money", "whole"):
        return Cells(first, *_number(origin))
    if origin.column.kind == "flag":
        return Cells(first, {}, {name: _flag(origin), f"bad:{name}": _bad(origin, quoted_name(name))})
    if origin.column.kind == "text":
        return Cells(first, {}, {name: quoted_name(f"raw:{name}"), f"bad:{name}": _bad(origin)})
    middle = {
        f"bare:{name}": as_text(origin, quoted_name(f"raw:{name}"))
    }  # asked of often: not to be written out again
    return Cells({**first, f"pad:{name}": _padding(origin, raw)}, middle, _string(origin))


def _bad(origin: Origin, value: str = "") -> str:
    """Say that a cell is there but could not be read: what the mapping reads, or its result."""
    name = origin.column.name
    asked = [quoted_name(f"cell:{name}")] if origin.meaning.unreadable else []
    if value and (origin.is_text or origin.column.kind == "whole" or origin.formats):
        asked.append(f"({quoted_name(f'raw:{name}')} is not null and {value} is null)")
    return f"({' or '.join(asked)})" if asked else NEVER


def _padding(origin: Origin, raw: RawColumns) -> str:
    """Return the SQL that says whether a text cell has blanks around it."""
    column = origin.meaning.column
    if column is None or not raw.is_text(column):
        return NEVER
    cell = quoted_name(raw.names[column])
    bare = f"{'bare_id' if origin.column.kind == 'id' else 'trim'}({cell})"
    return f"coalesce(length({cell}) <> length({bare}), false)"


def _string(origin: Origin) -> dict[str, str]:
    name = origin.column.name
    bare = quoted_name(f"bare:{name}")
    is_id = origin.is_text and origin.column.kind == "id"
    value = f"plain_id({bare})" if is_id else bare
    facts = {f"bad:{name}": _bad(origin), **_id_facts(origin, bare, is_id)}
    if origin.codes or origin.column.codes:
        value = _coded(value, origin)
    if origin.merge:
        value, facts[f"merged:{name}"] = f"folded_id({value})", f"coalesce({value} <> folded_id({value}), false)"
    return {name: value, **facts}


def _id_facts(origin: Origin, bare: str, is_id: bool) -> dict[str, str]:
    """Return what the rules ask of the way in which an id was written."""
    name = origin.column.name
    cell = quoted_name(f"raw:{name}")
    facts = {f"{asked}:{name}": NEVER for asked in ("float", "rounded", "infinite", "merged")}
    if is_id:
        rounded = f"contains(upper({bare}), 'E+') and regexp_full_match({bare}, {ROUNDED})"
        facts[f"float:{name}"] = f"coalesce(is_whole_id({bare}), false)"
        facts[f"infinite:{name}"] = f"coalesce(is_no_id({bare}), false)"
        facts[f"rounded:{name}"] = f"coalesce({rounded}, false)"
    elif origin.engine_type in REAL_TYPES:
        facts[f"float:{name}"] = f"({cell} is not null and isfinite({cell}))"
        facts[f"infinite:{name}"] = f"({cell} is not null and not isfinite({cell}))"
        facts[f"rounded:{name}"] = f"coalesce(isfinite({cell}) and abs({cell}) >= {EXACT}, false)"
    return facts


def as_text(origin: Origin, value: str) -> str:
    """Return the SQL of a raw value as text; whole numbers lose their decimal point."""
    if origin.is_text:
        return f"bare_id({value})" if origin.column.kind == "id" else value
    if origin.engine_type in REAL_TYPES or origin.engine_type.startswith("DECIMAL"):
        whole = f"{value} = trunc({value}) and abs({value}) < 1e18"
        missing = f"not isfinite({value})" if origin.engine_type in REAL_TYPES else "false"
        return f"case when {missing} then null when {whole} then {value}::bigint::varchar else {value}::varchar end"
    return f"{value}::varchar"


def _coded(value: str, origin: Origin) -> str:
    """Return the SQL that maps the shop's codes, and forgives upper case in the contract's own."""
    known = ", ".join(text_literal(code) for code in origin.column.codes)
    other = f"case when lower({value}) in ({known}) then lower({value}) else {value} end" if known else value
    if not origin.codes:
        return other
    listed = " ".join(f"when {text_literal(own)} then {text_literal(code)}" for own, code in origin.codes.items())
    return f"case {value} {listed} else {other} end"


def _number(origin: Origin) -> tuple[dict[str, str], dict[str, str]]:
    """Return doubles, and of them integers of the minor unit, whole numbers or the finite ones."""
    name, kind = origin.column.name, origin.column.kind
    value, number = quoted_name(f"raw:{name}"), quoted_name(f"num:{name}")
    coarse = NEVER
    finite = f"case when isfinite({number}) then {number} end"
    bad = _bad(origin, number)
    if kind == "money":
        final = f"try_cast({minor_units(finite, origin)} as bigint)"
        coarse = _is_coarse(finite, origin)
    elif kind == "whole":
        final = f"case when {number} = trunc({number}) then try_cast({number} as bigint) end"
        if origin.engine_type not in WHOLE_TYPES:
            bad = f"({bad} or (isfinite({number}) and {number} <> trunc({number})))"
    else:
        final = finite
    if origin.engine_type in WHOLE_TYPES and (kind == "whole" or _is_minor(origin)):
        final = f"try_cast({value} as bigint)"
    told = {f"bad:{name}": bad, f"num:{name}": number, f"coarse:{name}": coarse}
    return {f"num:{name}": _double(origin, value)}, {name: final, **told}


def _is_coarse(number: str, origin: Origin) -> str:
    """Say whether rounding to minor units changes an amount by much: the currency is given too few places."""
    if _is_minor(origin) or origin.engine_type in WHOLE_TYPES:
        return NEVER
    exact = f"abs({number} * {10**origin.decimals})"
    return f"coalesce(abs({exact} - round({exact})) > {COARSE} * {exact} and {exact} > {NOISE}, false)"


def _double(origin: Origin, value: str) -> str:
    if origin.is_text:
        return f"{'as_number_with_comma' if origin.reading.decimal == ',' else 'as_number'}({value})"
    return f"{value}::int::double" if origin.engine_type == "BOOLEAN" else f"{value}::double"


def _is_minor(origin: Origin) -> bool:
    return origin.column.kind == "money" and origin.reading.amounts_in == "minor"


def minor_units(number: str, origin: Origin) -> str:
    """Return the SQL that rounds an amount to minor units once, halves away from zero.

    Binary fractions are taken for the decimal ones that they stand for, to the sixth place: 2.675 is 2.675 and
    becomes 268 cents, not the 2.67499... that a double holds.
    """
    if origin.reading.amounts_in == "minor":
        return f"round({number})"
    return f"round(round({number} * 1e6) / 1e{6 - origin.decimals})"


def _flag(origin: Origin) -> str:
    value = quoted_name(f"raw:{origin.column.name}")
    if origin.engine_type == "BOOLEAN":
        return value
    if origin.is_number:
        return f"{value} <> 0"
    yes, no = "('true', 't', 'yes', 'y', '1', '1.0')", "('false', 'f', 'no', 'n', '0', '0.0')"
    return f"case when lower({value}) in {yes} then true when lower({value}) in {no} then false end"


def _time(origin: Origin) -> tuple[dict[str, str], dict[str, str]]:
    """Return local times and instants, and of these the ones within the range of the contract."""
    name = origin.column.name
    value, local, at = (quoted_name(f"{layer}:{name}") for layer in ("raw", "local", "at"))
    read, zoned, clock = local_time_sql(origin, value), NEVER, NEVER
    utc = read
    if not is_absolute(origin):
        utc = origin.clock.in_utc(read)
        if origin.is_text and not origin.formats:
            zoned = f"coalesce(regexp_matches({value}, {text_literal(ZONED)}), false)"
            joined = f"regexp_replace({value}, '\\s+([+-])', '\\1')"  # the engine takes no blank before an offset
            utc = f"case when {zoned} then try_cast({joined} as timestamptz)::timestamp else {utc} end"
        if origin.clock.steps:
            clock = f"coalesce(not {zoned} and {origin.clock.unclear(local)}, false)"
    within = f"{at} >= timestamp '{EARLIEST}' and {at} < timestamp '{LATEST}'"
    return {f"local:{name}": read, f"at:{name}": utc}, {
        name: f"case when {within} then {at} end",
        f"bad:{name}": _bad(origin, at),
        f"at:{name}": at,
        f"zoned:{name}": zoned,
        f"clock:{name}": clock,
    }


def is_absolute(origin: Origin) -> bool:
    """Say whether times come with their zone, or as seconds since 1970."""
    if origin.engine_type == "TIMESTAMP WITH TIME ZONE":
        return True
    return bool(origin.formats) and all(form in EPOCHS or "%z" in form for form in origin.formats)


def local_time_sql(origin: Origin, value: str) -> str:
    """Return the SQL of a time as the shop's clock showed it."""
    if origin.is_time:
        return f"{value}::timestamp"
    if not origin.formats:
        return f"try_cast({value} as timestamp)"
    tries = [_by_format(origin, value, form) for form in origin.formats]
    return f"coalesce({', '.join(tries)})" if len(tries) > 1 else tries[0]


def _by_epoch(origin: Origin, value: str, micros: float) -> str:
    """Return the SQL of an instant given as a number since 1970; whole numbers lose no digit."""
    if origin.engine_type in WHOLE_TYPES and micros <= 1:
        return f"make_timestamp({value}::bigint{'' if micros == 1 else ' // 1000'})"
    number = f"as_number({value})" if origin.is_text else f"{value}::double"
    furthest = FURTHEST_MICROS / micros
    return f"case when abs({number}) < {furthest} then make_timestamp(({number} * {micros})::bigint) end"


def _by_format(origin: Origin, value: str, form: str) -> str:
    if form in EPOCHS:
        return _by_epoch(origin, value, EPOCHS[form])
    if form == SHEET_DAYS:
        number = f"as_number({value})" if origin.is_text else f"{value}::double"
        millis = f"round(({number} - {SHEET_DAY_OF_1970}) * {MILLIS_OF_DAY})::bigint"
        return f"case when {number} between 1 and {LATEST_SHEET_DAY} then make_timestamp({millis} * 1000) end"
    return f"try_strptime({as_text(origin, value)}, {text_literal(form)})::timestamp"
