"""Profile: what the shop knows of the customer's person. Kept without history: today's values, whatever the as_of.

Before a customer registered nothing is known, where the time of that is: else who has attributes would tell who will.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from penchant.lazy import _, ibis

from ..history.past import Past
from ..history.rows import Rows
from ..shop import Shop
from .declare import signal
from .group import Dtype, FeatureGroup, Signal, Windows

PLAIN = {
    "gender": ("gender", "gender: {value}"),
    "region": ("where the customer lives", "lives in {value}"),
    "acquisition_channel": ("through what the customer came", "came through {value}"),
}
UNKNOWN = "{} unknown, or not registered yet"
KNOWN = (*PLAIN, "birth_year", "registered_at", "customer_id")
_NUMBER = re.compile(r"(u?(tiny|small|big|huge)?int(eger)?\d*|float\d*|double|decimal)\b", re.IGNORECASE)


def profile_group(attributes: Iterable[tuple[str, Dtype, str]] = ()) -> FeatureGroup:
    """Return the group of the customer's attributes.

    Parameters
    ----------
    attributes
        Name, type and unit ("flag" or none) of the shop's further columns of ``customers``.
    """
    return FeatureGroup(
        "profile", "What the shop knows of the customer's person.", partial(_signals, tuple(attributes)), ("customers",)
    )


def attributes_of(shop: Shop) -> list[tuple[str, Dtype, str]]:
    """Return name, type and unit of the further columns of a shop's customers; flags become 0 and 1."""
    found: list[tuple[str, Dtype, str]] = []
    for name, dtype in shop.types.get("customers", {}).items():
        if name not in KNOWN:
            unit = "flag" if dtype.lower() == "boolean" else ""
            found.append((name, "float64" if unit or _NUMBER.match(dtype) else "string", unit))
    return found


def _signals(attributes: tuple[tuple[str, Dtype, str], ...], _windows: Windows) -> Iterator[Signal]:
    for name, (meaning, reason) in PLAIN.items():
        yield _attribute(name, meaning, reason, dtype="string")
    yield signal(
        "age_years", "age in the year of as_of", "ratio", _age, "customers.birth_year", UNKNOWN.format("age"),
        "{value:.0f} years old", unit="years", high=130, historical=False,
    )  # fmt: skip
    for name, dtype, unit in attributes:
        words, meaning = name.replace("_", " "), f"the shop's attribute '{name}'"
        if unit == "flag" and words.startswith("consent "):
            channel = words.removeprefix("consent ")
            yield _attribute(name, meaning, (f"agreed to {channel}", f"has not agreed to {channel}"), dtype, unit)
        else:
            form = "{value}" if dtype == "string" or unit == "flag" else "{value:,.4g}"
            yield _attribute(name, meaning, f"{_escaped(words)}: {form}", dtype, unit)


def _escaped(words: str) -> str:
    """Return words as they stand in a template: a shop may name a column with braces."""
    return words.replace("{", "{{").replace("}", "}}")


def _attribute(name: str, meaning: str, reason: str | tuple[str, str], dtype: Dtype, unit: str = "") -> Signal:
    missing = UNKNOWN.format(name.replace("_", " "))
    return signal(
        name, meaning, "code", lambda past: person(past).max(_[name]), f"customers.{name}", missing,
        reason, dtype=dtype, unit=unit, historical=False,
    )  # fmt: skip


def person(past: Past) -> Rows:
    """Return the customer's row of attributes."""
    return past.rows("person", lambda: _person(past))


def _person(past: Past) -> Any:
    always = ibis.timestamp("1000-01-01").cast("timestamp(6)")
    people = past.history.customers
    flags = [name for name in people.columns if people[name].type().is_boolean() and name != "wanted"]
    plain = people.mutate(**{name: people[name].cast("float64") for name in flags})
    since = ibis.coalesce(plain.registered_at, always) if "registered_at" in plain.columns else always
    return past.seen(plain, since)


def _age(past: Past) -> Any:
    age = _.as_of.year() - person(past).max(_.birth_year)
    return ibis.cases((age.between(0, 130), age.cast("float64")))


PROFILE = profile_group()
