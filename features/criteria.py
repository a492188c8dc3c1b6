"""Criteria: every crowd, tag and signal by its name, as a question to the past that a condition can be made of.

Audiences, exclusions, splits, targets and pages of insight name what they mean; here a name becomes what is asked of
each customer, or one clear error before any work begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from penchant.errors import InputError, LeftOutError, did_you_mean

from .catalogue import our_groups
from .condition import condition_names, condition_of
from .criterion import TAGS, Criterion, Kind
from .matrix import available
from .own_modules import own_values
from .shop import Shop
from .signals.crowd import Crowd
from .signals.crowds import crowd_named, crowds_of, lacking_of
from .signals.crowds_of_goods import OF_GOODS
from .signals.group import Column, FeatureGroup, Signal
from .signals.holiday import KINDS, prefers
from .signals.price import TIERS
from .signals.promotions import PARTS, promotion_names
from .signals.rfm import SEGMENTS, value_tier
from .signals.stage import FUNNEL_STATES, STAGES

VALUE_TIER = ("tier", "value_tier")
_VALUES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"stage": STAGES, "funnel_state": FUNNEL_STATES, "rfm_segment": SEGMENTS, "price_tier": TIERS}
)
_WINDOW = re.compile(r"_(\d{1,4})d$")


def criterion_named(shop: Shop, name: str, as_of: datetime) -> Criterion:
    """Return what a name stands for, at a moment: see `criteria_named`."""
    return criteria_named(shop, [name], as_of)[name]


def criteria_named(shop: Shop, names: Iterable[str], as_of: datetime) -> dict[str, Criterion]:
    """Return name -> what is asked for it, of each name once; nothing is computed yet.

    Parameters
    ----------
    shop
        The shop.
    names
        Columns of the feature matrix, the shop's own groups and attributes included, in any window
        (``n_orders_45d``); crowds with or without ``crowd:`` before them (``interest``, ``new_with:11.11>=299``,
        ``favorites:item:ID``, ``carts:category:ID``, ``interest:item:ID``); tags (``tier``, ``price_tier``,
        ``channel``, ``category_1``); ``prefers:holiday`` and ``prefers:promotion``; and ``tag:value``
        (``stage:loyal``, ``tier:high``), which is a flag.
    as_of
        The moment, UTC without a zone: promotions count that had begun by then.

    Raises
    ------
    InputError
        If there is no such crowd, promotion, tag or signal.
    LeftOutError
        If the shop has not what one needs; the message names it.
    """
    wanted = list(dict.fromkeys(names))
    names_own = {name.removeprefix("crowd:") for name in wanted} & set(shop.config.crowds.own)
    known = _known(shop, as_of, wanted, own_crowds(shop, as_of) if names_own else ())
    return {name: _criterion(known, name) for name in wanted}


def own_crowds(shop: Shop, as_of: datetime) -> tuple[Crowd, ...]:
    """Return the crowds that penchant.toml describes under ``[crowds.NAME]``, of those that the shop can tell.

    Parameters
    ----------
    shop
        The shop.
    as_of
        As `criteria_named` takes it.

    Raises
    ------
    InputError
        If an expression is none, or names no crowd, tag or signal; a crowd may name those above it.
    LeftOutError
        If the shop has not what one needs.
    """
    made: list[Crowd] = []
    for name, section in shop.config.crowds.own.items():
        where = f"crowds.{name}.who"
        names = condition_names(section.who, where)
        known = _known(shop, as_of, names, tuple(made))
        criteria = {one: _criterion(known, one) for one in names}
        holds = condition_of(section.who, where, criteria)
        made.append(Crowd(name, section.meaning or section.who, holds, (), population=True))
    return tuple(made)


def all_crowds(shop: Shop, as_of: datetime) -> tuple[Crowd, ...]:
    """Return the crowds of the catalogue, those of promotions that had begun, and the shop's own."""
    return (*crowds_of(shop, as_of), *own_crowds(shop, as_of))


def criterion_names(shop: Shop, as_of: datetime) -> tuple[str, ...]:
    """Return the names that a condition can use in this shop, in the configured windows."""
    known = _known(shop, as_of, (), own_crowds(shop, as_of))
    lacking = lacking_of(shop, known.crowds)
    crowds = [f"crowd:{crowd.name}" for crowd in known.crowds if crowd.name not in lacking]
    tags = [tag for tag, name in TAGS.items() if name in known.signals]
    holidays = [f"prefers:{kind}" for kind in KINDS] if shop.has("calendar") else []
    return tuple(dict.fromkeys((*crowds, *tags, *holidays, *known.signals)))


@dataclass(frozen=True, eq=False)
class _Known:
    """What can be asked of a shop at a moment: signals by name, what it lacks for others, crowds, promotions."""

    shop: Shop
    signals: Mapping[str, Signal]
    left_out: Mapping[str, str]
    crowds: tuple[Crowd, ...]
    promotions: tuple[str, ...]


def _known(shop: Shop, as_of: datetime, names: Iterable[str], crowds: tuple[Crowd, ...]) -> _Known:
    configured = tuple(sorted(set(shop.config.features.windows)))
    others = {int(match.group(1)) for name in names if (match := _WINDOW.search(name))} - {0, *configured}
    signals: dict[str, Signal] = {}
    left_out: dict[str, str] = {}
    groups = (*our_groups(shop), *own_values(shop.config, "GROUPS", FeatureGroup))  # whichever a matrix is built of
    for windows in (*((days,) for days in sorted(others)), configured):  # what is configured goes last, and wins
        found, missing = available(shop, groups, windows)
        signals |= {one.column.name: one for one in found}
        left_out |= missing
    return _Known(shop, signals, left_out, (*crowds_of(shop, as_of), *crowds), promotion_names(shop, as_of))


def _criterion(known: _Known, name: str) -> Criterion:
    """Return what a name stands for: a signal, a tag, a tag with a value, or a crowd."""
    tag, colon, value = name.partition(":")
    if name in known.signals or name in known.left_out:
        return _of_signal(known, name, name)
    if name in TAGS:
        return _of_signal(known, name, TAGS[name])
    if tag == "prefers" and value in KINDS:
        return _of_holidays(known, name, value)
    if colon and (tag in TAGS or tag in known.signals):
        return _with_value(_of_signal(known, tag, TAGS.get(tag, tag)), name, value)
    plain = name.removeprefix("crowd:")
    crowds = {crowd.name: crowd for crowd in known.crowds}
    if plain in crowds or plain != name or tag in (*PARTS, *OF_GOODS):
        return _of_crowd(known, name, crowds.get(plain) or crowd_named(plain, known.promotions, known.shop.config))
    names = [*TAGS, *known.signals, *crowds, *(f"crowd:{crowd}" for crowd in crowds)]
    hint = did_you_mean(name, [*names, *(f"prefers:{kind}" for kind in KINDS)])
    raise InputError("condition", "the name of a crowd, tag or signal", f"'{name}'", hint)


def _of_signal(known: _Known, name: str, column_name: str) -> Criterion:
    if column_name not in known.signals:
        lack = known.left_out.get(column_name, "none of its tables")
        raise LeftOutError(f"condition on '{name}'", "what it is made of", lack)
    signal = known.signals[column_name]
    column, ask = signal.column, signal.value
    if name in VALUE_TIER:
        meaning = "the tier of what was spent: high, middle or low"
        return Criterion(name, meaning, "text", lambda past: value_tier(ask(past)), TIERS)
    if is_flag(column):
        return Criterion(name, column.meaning, "flag", lambda past: ask(past).fill_null(0) == 1)
    kind: Kind = "text" if column.dtype == "string" else "number"
    return Criterion(name, column.meaning, kind, ask, _VALUES.get(column_name, ()))


def _of_holidays(known: _Known, name: str, kind: str) -> Criterion:
    if not known.shop.has("calendar"):
        raise LeftOutError(f"condition on '{name}'", "what it is made of", "the shop has no calendar")
    return Criterion(name, f"buys in {KINDS[kind]} beyond what the calendar explains", "flag", prefers(kind))


def _with_value(of: Criterion, name: str, value: str) -> Criterion:
    """Return the flag of a text's having a value, such as ``stage:loyal``."""
    if of.kind != "text":
        raise InputError(
            f"condition '{name}'", "the name alone, compared with a number", f"':{value}'", f"Name it '{of.name}'"
        )  # fmt: skip
    of.check(value)
    ask = of.ask
    return Criterion(name, f"{of.meaning}: {value}", "flag", lambda past: (ask(past) == value).fill_null(False))


def _of_crowd(known: _Known, name: str, crowd: Crowd) -> Criterion:
    lacks = lacking_of(known.shop, [crowd])
    if lacks:
        raise LeftOutError(f"condition on '{name}'", "what it is made of", lacks[crowd.name])
    return Criterion(name, crowd.meaning, "flag", crowd.holds)


def is_flag(column: Column) -> bool:
    """Say whether a column is declared to be 0 or 1."""
    return column.dtype == "int64" and (column.low, column.high) == (0, 1)
