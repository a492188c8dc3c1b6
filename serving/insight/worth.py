"""The value per registration, taken apart along the funnel, and what one more per cent at each step is worth.

Value per registration = sales / registrations. Of all, a share reached each step or a further one; a buyer brought
the first purchase, and who bought again brought more. So the value is the product of the shares, times the mean first
purchase plus the share of repeaters times what they brought beyond it: exactly, by counting.

One more per cent at a step: of those who reached the step before, one in a hundred more reach this one, and go on from
there as those who reached it did so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from penchant.page import PageColumn

from ...features.signals.stage import FUNNEL_STATES
from ...models.inputs.estimate import Estimate
from .intervals import mean_of, wilson
from .page import InsightTable

ONE_PER_CENT = 0.01
REACHED = {
    "favorite": "a favourite",
    "cart": "a cart",
    "unpaid_order": "an order",
    "one_purchase": "a purchase",
    "repeat_purchase": "a second purchase",
}


def worth_table(now: pd.DataFrame, steps: Sequence[str], base: str, unit: str) -> InsightTable:
    """Return the value per registration along the funnel.

    Parameters
    ----------
    now
        One row per registration: the furthest step ``reached``, ``sales`` and ``first_sales`` in ``unit``.
    steps
        The states of the funnel that the shop can tell, in order.
    base
        What a row is called.
    unit
        Of sales: a currency, or orders.
    """
    n_all = len(now)
    value = mean_of(now["sales"].to_numpy(np.float64))
    whole = {"step": base, "n_reached": n_all, "share": None, "sales_mean": value}
    rows: list[dict[str, Any]] = [{**whole, "one_per_cent": None, "one_per_cent_each": None, "who": base}]
    rank = now["reached"].map({name: place for place, name in enumerate(FUNNEL_STATES)})
    before = n_all
    for name in _beyond_first(steps):
        reached = now[rank >= FUNNEL_STATES.index(name)]
        is_repeat = name == FUNNEL_STATES[-1]
        brought = reached["sales"] - reached["first_sales"] if is_repeat else reached["sales"]
        rows.append(_row(name, len(reached), before, mean_of(brought.to_numpy(np.float64)), n_all))
        before = len(reached)
    return InsightTable("value", _title(base, unit), _columns(unit), rows)


def worth_words(now: pd.DataFrame, steps: Sequence[str], unit: str) -> str:
    """Return how the value per registration is made up, as a sentence: it holds exactly, but for rounding."""
    rank = now["reached"].map({name: place for place, name in enumerate(FUNNEL_STATES)})
    n_reached = [len(now), *(int((rank >= FUNNEL_STATES.index(name)).sum()) for name in _beyond_first(steps))]
    shares = [f"{n / max(before, 1):.1%}" for before, n in pairwise(n_reached)]
    buyers, again = now[rank >= FUNNEL_STATES.index("one_purchase")], now[rank == len(FUNNEL_STATES) - 1]
    if not len(buyers):
        return "Nobody has bought yet, so a registration has no value to break down."
    more = float((again["sales"] - again["first_sales"]).mean()) if len(again) else 0.0
    return (
        f"{now['sales'].mean():,.2f} {unit} = {' x '.join(shares[:-1]) or '100.0%'} of the steps up to the purchase x "
        f"({buyers['first_sales'].mean():,.2f} for the first purchase + {shares[-1]} x {more:,.2f} beyond it). "
        "One more per cent: of those who reached the step before, one in a hundred more reach this one and go on as "
        "those did who reached it; on the last line, what they bring beyond the first purchase."
    )


def _beyond_first(steps: Sequence[str]) -> list[str]:
    """Return the steps beyond the first, to which everyone who is counted has come."""
    return [name for name in steps if name != FUNNEL_STATES[0]]


def _row(name: str, n: int, before: int, brought: Estimate, n_all: int) -> dict[str, Any]:
    """Return one step: how many reached it, of how many, and what one more per cent of those would bring."""
    share = wilson(n, before)
    has_room = n > 0 and share.value <= 1 - ONE_PER_CENT
    gain = brought.scaled(ONE_PER_CENT * before) if has_room else None
    return {
        "step": name,
        "n_reached": n,
        "share": share,
        "sales_mean": brought if n else None,
        "one_per_cent": gain,
        "one_per_cent_each": gain and gain.scaled(1 / n_all),
        "who": REACHED[name],
    }


def _title(base: str, unit: str) -> str:
    return f"Value of {base} along the funnel, {unit}, all sales before as_of"


def _columns(unit: str) -> dict[str, PageColumn]:
    form = ",.2f"
    return {
        "who": PageColumn("reached"),
        "n_reached": PageColumn("customers", ",d"),
        "share": PageColumn("of step before", ".1%"),
        "sales_mean": PageColumn(f"{unit} each brought", form),
        "one_per_cent": PageColumn(f"one more per cent, {unit}", ",.1f"),
    }
