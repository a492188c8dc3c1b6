"""What a file's time is made of, where no single column says it all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from ..intake.expressions import quoted_name
from ..intake.raw import Gate
from .files import ColumnLook, TableLook
from .languages import english, plain
from .platforms import recognised
from .roles import is_called_customer, may_be_customers, roles_of
from .timeforms import TimeForm
from .values import ARBITRARY_DAY, Quote, Seen, When

RETURNS = 1.3  # times at which a customer is seen, of those seen twice or more
ARBITRARY_YEAR = ARBITRARY_DAY[:4]


def seen(gate: Gate, look: TableLook, quote: Quote) -> Seen:
    """Return a file with the parts that its columns play, and what its time is made of."""
    platform = recognised(look)
    if platform is not None and platform.roles:
        said = (*_above(look), f"{platform.platform.name}, by its columns")
        return Seen(look, platform.roles, _when(look, platform.roles, quote), quote, gate, said, platform)
    roles = roles_of(look)
    who = roles.get("customer_id")
    if who is not None and _is_of_staff(look):
        roles.pop("customer_id")
        return Seen(look, roles, _when(look, roles, quote), quote, gate)
    has_names = "header" not in look.options
    notes: tuple[str, ...] = _above(look)
    if who is not None and not (has_names and is_called_customer(who)):
        who = _who_returns(gate, look, roles) or who
        roles = {part: name for part, name in roles.items() if name != who} | {"customer_id": who}
        why = "the name does not say so" if has_names else "the columns have no names"
        notes = (*notes, f"TODO '{who}' is taken for the customer: {why}")
    return Seen(look, roles, _when(look, roles, quote), quote, gate, notes)


def _above(look: TableLook) -> tuple[str, ...]:
    """Return a note on lines above the header, if there are any."""
    found = re.search(r"\d+ lines above the header", look.raw.how)
    return (f"{found[0]} are skipped",) if found else ()


def _is_of_staff(look: TableLook) -> bool:
    """Say whether a file is called after those who work for the shop, or sell to it."""
    name = look.options.get("table") or look.options.get("sheet") or Path(look.paths[0]).name.split(".")[0]
    return bool(
        re.fullmatch(r"(\w+_)?(employee|staff|seller|supplier|vendor|agent|courier)s?", english(plain(str(name))))
    )


def _who_returns(gate: Gate, look: TableLook, roles: Mapping[str, str]) -> str | None:
    """Return the first key whose values come back at other times, as customers do and numbers of orders do not."""
    if "time" not in roles:
        return None
    time = quoted_name(look.raw.names[roles["time"]])
    taken = set(roles.values()) - {roles["customer_id"]}
    for column in (column for column in look.columns if column.name not in taken and may_be_customers(column)):
        key = quoted_name(look.raw.names[column.name])
        n_keys, n_times = gate.row(
            f"select count(*), avg(n) from (select count(distinct {time}) as n from {look.raw.relation}"
            f" where {key} is not null group by {key} having count(*) > 1)"
        )
        if n_keys and n_times > RETURNS:
            return column.name
    return None


def _when(look: TableLook, roles: Mapping[str, str], quote: Quote) -> When | None:
    if "time" not in roles:
        attempts: tuple[Callable[[TableLook, Quote], When | None], ...] = (_counted_days, _days_of_a_year)
        return next((when for attempt in attempts if (when := attempt(look, quote)) is not None), None)
    column = look.column(roles["time"])
    form = column.time
    if form is None:
        return None
    notes = doubts_about(column.name, form)
    clock = _clock(look, column)
    if clock is None:
        return When(column.name, form.time_format, form.has_zone, notes)
    value = f"{quote(column.name)} || ' ' || {quote(clock.name)}"
    hours = "%H:%M:%S" if clock.longest == len("00:00:00") else "%H:%M"
    return When(value, f"{form.time_format} {hours}" if form.time_format else None, form.has_zone, notes)


def doubts_about(name: str, form: TimeForm) -> tuple[str, ...]:
    """Return what could not be settled about how a column's times are written."""
    if form.other_format is not None:
        return (
            f"TODO day and month of '{name}' cannot be told apart: '{form.time_format}' is a guess,"
            f" '{form.other_format}' fits as well",
        )
    if isinstance(form.time_format, tuple):
        return (f"TODO '{name}' is written in several ways, day and month as it seems: look at them",)
    return ()


def _clock(look: TableLook, day: ColumnLook) -> ColumnLook | None:
    """Return the column that holds the time of day, where the other holds days alone."""
    form = day.time
    if (
        form is None
        or form.has_zone
        or isinstance(form.time_format, tuple)
        or "%H" in (form.time_format or "")
        or day.engine_type != "VARCHAR"
        or day.longest > len("30 September 2024")
    ):
        return None
    if form.time_format is None and day.longest > len("2024-01-01"):
        return None
    return next((column for column in look.columns if column.is_clock and "time" in english(plain(column.name))), None)


def _counted_days(look: TableLook, quote: Quote) -> When | None:
    """Return the time of data that counts days from a start of its own, and hours as hhmm."""
    names = {plain(column.name): column for column in look.columns if column.is_whole}
    day = next((names[name] for name in ("day", "day_no", "day_number", "day_idx") if name in names), None)
    if day is None or not 0 <= (day.low or 0) <= (day.high or 0) < 10_000:
        return None
    value = f"timestamp '{ARBITRARY_DAY}' + {quote(day.name)} * interval 1 day"
    clock = next((names[name] for name in ("trans_time", "time", "hhmm") if name in names), None)
    if clock is not None and (clock.high or 0) < 2400:
        hhmm = quote(clock.name)
        value += f" + floor({hhmm} / 100) * interval 1 hour + ({hhmm} % 100) * interval 1 minute"
    note = f"'{day.name}' counts days from a start that is not named: {ARBITRARY_DAY} is arbitrary"
    return When(value, notes=(note,))


def _days_of_a_year(look: TableLook, quote: Quote) -> When | None:
    """Return the time of data that gives month and day as one number, such as 1111."""
    named = [column for column in look.columns if plain(column.name) in ("time_stamp", "timestamp", "date", "day")]
    found = next((column for column in named if column.is_whole and _is_month_and_day(column)), None)
    if found is None:
        return None
    value = f"strptime('{ARBITRARY_YEAR}' || lpad({quote(found.name)}::varchar, 4, '0'), '%Y%m%d')"
    return When(value, notes=(f"'{found.name}' holds month and day of a year that is not named: {ARBITRARY_YEAR}",))


def _is_month_and_day(column: ColumnLook) -> bool:
    return (column.low or 0) >= 101 and (column.high or 0) <= 1231 and column.n_distinct <= 366
