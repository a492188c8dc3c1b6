"""What all campaigns together change: customers whom none ever contacts, beside all others, over a span of time.

Who is in the universal control follows from the shop's seed and the customer's id alone, so that it is a trial of the
whole programme. It is read by intention: whoever could have been contacted counts, contacted or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from ibis import _
from scipy import stats

from penchant.errors import InputError, LeftOutError, TooLittleDataError
from penchant.page import PageColumn
from penchant.spreadsheet import shop_day, shop_time

from ...features.engine.temporary import Keep
from ...features.history.evaluate import evaluated
from ...features.shop import Shop
from ...features.signals.declare import money
from ...features.signals.group import BOUGHT_MARGIN, PURCHASES, joined_needs, unmet_needs
from ...models.inputs.arrays import Floats
from ...models.inputs.estimate import Estimate
from ..goals.eligible import Mask
from ..insight.page import InsightPage, InsightTable, moment_of, seen_before
from .exclusions import Protection, in_universal_control
from .sizing import BOTH

LARGE_EFFECT = 0.25  # of the control's orders: a control that cannot even show so much is too small
LEAST_CONTROL = 30  # customers
LONG_WAIT_DAYS = 3650
LEVEL = 0.95
NAMES = {"orders": "orders", "revenue": "revenue", "margin": "margin"}


@dataclass(frozen=True)
class ProgrammeEffect:
    """What one quantity is per customer in both groups, and what the programme adds.

    Attributes
    ----------
    treated, control
        Mean per customer.
    each
        The difference per customer, adjusted by what the same customers did before.
    total
        The difference for all who could be contacted.
    """

    treated: float
    control: float
    each: Estimate
    total: Estimate

    @property
    def error(self) -> float:
        """The standard error of the difference per customer, as its interval has it."""
        return (self.each.high - self.each.low) / 2 / stats.norm.ppf((1 + LEVEL) / 2)


def programme_page(
    shop: Shop, since: datetime, until: datetime | None = None, protection: Protection | None = None
) -> InsightPage:
    """Return what all campaigns together changed within a span, by the universal control.

    Parameters
    ----------
    shop
        The shop.
    since, until
        The span, UTC without a zone; default end: the end of the data. A quarter shows more than a week.
    protection
        Says who is in the universal control; None: the usual.

    Raises
    ------
    InputError
        If the span has no days, the data ends before it, or there is no universal control.
    LeftOutError
        If the shop does not know what was bought.
    TooLittleDataError
        If the control is too small to show even a large effect; the message says when it will be large enough.
    """
    protection = protection or Protection()
    until = moment_of(shop, until, "--to")
    days = (until - since).days
    if days < 1 or not protection.universal_control:
        got = f"{days} days" if days < 1 else "universal_control = 0"
        raise InputError("programme", "a day or more, and a universal control to compare with", got)
    if missing := unmet_needs((PURCHASES,), shop.has):
        raise LeftOutError("programme", "purchases", f"the shop has no {joined_needs(missing, 'and no')}")
    people = _people(shop, since, until, days)
    held = in_universal_control(people["customer_id"], protection.seed, protection.universal_control)
    effects = effects_of(people, held)
    _refuse_small(shop, effects["orders"], people, held, protection, (since, until))
    return _page(shop, effects, held, (since, until), _contacted(shop, people["customer_id"][held], since, until))


def effects_of(people: pd.DataFrame, held: Mask) -> dict[str, ProgrammeEffect]:
    """Return what the programme adds of each quantity: columns ``orders`` and so on, with ``_before`` beside them."""
    return {
        name: _effect(people[name].to_numpy(float), people[f"{name}_before"].to_numpy(float), held)
        for name in NAMES
        if name in people
    }


def _effect(after: Floats, before: Floats, held: Mask) -> ProgrammeEffect:
    """Return the difference of means, adjusted by what was before (CUPED), with Welch's interval.

    References
    ----------
    Deng, Xu, Kohavi & Walker (2013), Improving the sensitivity of online controlled experiments, WSDM.
    """
    spread = before.var()
    slope = np.cov(after, before)[0, 1] / before.var(ddof=1) if spread > 0 else 0.0
    adjusted = after - slope * (before - before.mean())
    one, other = adjusted[~held], adjusted[held]
    reach = _reach(one, other)
    difference = float(one.mean() - other.mean()) if len(other) else float("nan")
    each = Estimate(difference, difference - reach, difference + reach)
    return ProgrammeEffect(
        float(after[~held].mean()),
        float(after[held].mean()) if held.any() else float("nan"),
        each,
        each.scaled(len(one)),
    )


def _reach(one: Floats, other: Floats) -> float:
    """Return by how much a difference of means may be off either way (Welch); NaN where a group is too small."""
    if min(len(one), len(other)) < 2:
        return float("nan")
    parts = [part.var(ddof=1) / len(part) for part in (one, other)]
    if not sum(parts) > 0:
        return 0.0
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(one) - 1) + parts[1] ** 2 / (len(other) - 1))
    return float(stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(sum(parts)))


def _people(shop: Shop, since: datetime, until: datetime, days: int) -> pd.DataFrame:
    """Return the customers known before the span, with what they bought within it and within as many days before."""
    spine = seen_before(shop, since)
    parts = []
    for at, ending in ((since, "_before"), (until, "")):
        asked: dict[str, Any] = {f"orders{ending}": lambda past: past.purchases.within(days).count()}
        if shop.has("orders", "amount"):
            asked[f"revenue{ending}"] = lambda past: money(past, past.purchases.within(days).sum(_.amount))
        if not unmet_needs(("orders.amount", BOUGHT_MARGIN), shop.has):
            asked[f"margin{ending}"] = lambda past: money(past, past.purchases.within(days).sum(_.margin))
        moment = spine if at == since else seen_before(shop, until)
        with Keep(shop.backend) as keep:
            rows = evaluated(shop, moment, asked, keep)[0].drop("as_of").to_pyarrow().to_pandas()
        parts.append(rows.set_index("customer_id"))
    joined = parts[0].join(parts[1], how="left").fillna(0.0).sort_index()
    return joined.astype(float).reset_index()


def _refuse_small(
    shop: Shop,
    orders: ProgrammeEffect,
    people: pd.DataFrame,
    held: Mask,
    protection: Protection,
    span: tuple[datetime, datetime],
) -> None:
    """Raise TooLittleDataError where not even a large effect would be seen, saying when it would."""
    n_control, smallest = int(held.sum()), BOTH * orders.error
    large = LARGE_EFFECT * orders.control
    if n_control >= LEAST_CONTROL and orders.control > 0 and smallest <= large:
        return
    factor = (smallest / large) ** 2 if orders.control > 0 and n_control >= 2 else LEAST_CONTROL / max(n_control, 1)
    needed = max(int(np.ceil(n_control * factor)), LEAST_CONTROL)
    share = min(protection.universal_control * needed / max(n_control, 1), 0.5)
    raise TooLittleDataError(
        "programme",
        f"{needed:,} customers or more in the universal control, to show a change of {LARGE_EFFECT:.0%} in orders",
        f"{n_control:,} of {len(people):,} known before {shop_time(span[0], shop.timezone)}",
        f"Hold out {share:.1%} ([protection] universal_control), look at a longer span, or wait: "
        f"{_when(shop, len(people), len(people) * needed / max(n_control, 1), span)}",
    )


def _when(shop: Shop, n_before: int, n_needed: float, span: tuple[datetime, datetime]) -> str:
    """Return when the shop will know enough customers, at the pace of the span."""
    since, until = span
    with Keep(shop.backend) as keep:
        n_now = int(keep.table(seen_before(shop, until).table).count().execute())
    a_day = (n_now - n_before) / max((until - since).days, 1)
    if a_day <= 0:
        return "no customers came within the span, so that waiting does not help"
    days = (n_needed - n_now) / a_day
    if days > LONG_WAIT_DAYS:
        return "at the pace of the span that takes more than ten years"
    return f"about {shop_day(until + timedelta(days=days), shop.timezone)} at the pace of the span"


def _contacted(shop: Shop, held: pd.Series, since: datetime, until: datetime) -> int | None:
    """Return how many of the universal control were contacted within the span all the same; None: not known."""
    if not shop.has("assignments"):
        return None
    rows = shop.tables["assignments"].filter(_.assigned_at >= since, _.assigned_at < until, _.arm != "control")
    reached = rows.select("customer_id").distinct().to_pyarrow().to_pandas()["customer_id"]
    return int(held.isin(reached).sum())


def _page(
    shop: Shop,
    effects: dict[str, ProgrammeEffect],
    held: Mask,
    span: tuple[datetime, datetime],
    n_contacted: int | None,
) -> InsightPage:
    rows = [
        {"quantity": name, "treated": one.treated, "control": one.control, "each": one.each, "total": one.total}
        for name, one in effects.items()
    ]
    columns = {
        "quantity": PageColumn("quantity"),
        "treated": PageColumn("per customer", ",.3f"),
        "control": PageColumn("in the control", ",.3f"),
        "each": PageColumn("added per customer", ",.3f"),
        "total": PageColumn("added in all", ",.0f"),
    }
    since, until = (shop_time(at, shop.timezone) for at in span)
    lead = (
        f"{int((~held).sum()):,} customers whom campaigns may contact beside {int(held.sum()):,} of the universal "
        f"control, all known before {since}: what they bought until {until}."
    )
    notes = [
        "By intention: whoever may be contacted counts, contacted or not. Differences are adjusted by what the same "
        "customers bought in as many days before. Intervals of 95 % (Welch)."
    ]
    if n_contacted:
        notes.append(f"{n_contacted:,} of the universal control were contacted all the same, which hides a part.")
    if n_contacted is None:
        notes.append("The shop does not have 'assignments': whether anybody of the control was contacted is not known.")
    facts = {
        "from": span[0].isoformat(),
        "to": span[1].isoformat(),
        "n_control": int(held.sum()),
        "n_treated": int((~held).sum()),
    }
    left_out = {name: f"the shop does not know {name}" for name in NAMES if name not in effects}
    table = InsightTable("programme", "What all campaigns together changed", columns, rows)
    return InsightPage("programme", "The programme's effect", lead, (table,), facts, left_out, tuple(notes))
