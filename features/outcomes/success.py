"""What counts as a campaign's success, and what its customers spent: read within each customer's own horizon.

The questions are put to the past as seen from the end of the horizon, as labels are. An order counts if it was placed
after the assignment and stands paid, neither cancelled nor refunded, at the end; a payment counts where it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from penchant.errors import InputError, LeftOutError, did_you_mean
from penchant.lazy import _, pd

from ..engine.temporary import Keep
from ..engine.times import days_before
from ..history.evaluate import evaluated_whole
from ..history.past import Past
from ..history.rows import Rows
from ..shop import Shop
from ..signals.declare import money
from ..signals.group import PURCHASES, joined_needs, unmet_needs
from ..spine import Spine
from .programmes import HAPPENED

Successes = Callable[[Past, int], Rows]  # (the past at the horizon's end, its days) -> the rows that are successes


def _visits(past: Past, days: int) -> Rows:
    return past.interactions.within(days)


def _interest(past: Past, days: int) -> Rows:
    return past.interactions.where(_.kind.isin(("favorite", "cart"))).within(days)


def _paid_orders(past: Past, days: int) -> Rows:
    return past.purchases.where(_.ordered_at >= days_before(_.as_of, days))


def _payments(past: Past, days: int) -> Rows:
    return past.purchases.within(days)


def _within(rows: Callable[[Past], Rows]) -> Successes:
    return lambda past, days: rows(past).within(days)


OUTCOMES: Mapping[str, tuple[Successes, str]] = MappingProxyType(
    {
        "visit": (_visits, "interactions"),
        "interest": (_interest, "interactions"),
        "first_order": (_paid_orders, PURCHASES),
        "paid_order": (_paid_orders, PURCHASES),
        "payment": (_payments, PURCHASES),
        **{name: (_within(rows), need) for name, (rows, need) in HAPPENED.items()},
    }
)  # outcome of a goal -> its successes, and what the shop must have


def read_outcomes(shop: Shop, rows: pd.DataFrame, outcome: str, horizon_days: int) -> pd.DataFrame:
    """Return what came within the horizon after each assignment.

    Parameters
    ----------
    shop
        The shop.
    rows
        ``customer_id`` and ``assigned_at`` (UTC, no zone), each pair once.
    outcome
        A key of ``OUTCOMES``.
    horizon_days
        The outcome is read in ``[assigned_at, assigned_at + horizon)``, which must be over.

    Returns
    -------
    DataFrame
        In the order of ``rows``: ``success`` (0.0 or 1.0), ``success_at`` (the first one's time, or NaT), and where
        the shop knows them ``amount`` and ``margin`` of orders placed within the horizon, in major units.

    Raises
    ------
    InputError
        There is no such outcome.
    LeftOutError
        The shop has nothing that tells of it.
    """
    if outcome not in OUTCOMES:
        raise InputError("outcome", "a goal's outcome", f"'{outcome}'", did_you_mean(outcome, OUTCOMES))
    successes, need = OUTCOMES[outcome]
    missing = unmet_needs((need,), shop.has)
    if missing:
        raise LeftOutError(f"outcome '{outcome}'", f"a shop with {joined_needs(missing)}", "a shop without")
    ends = rows["assigned_at"] + pd.Timedelta(days=horizon_days)
    questions: dict[str, Any] = {
        "success_at": lambda past: successes(past, horizon_days).first(),
        **_money_of(shop, horizon_days),
    }
    asked = pd.DataFrame({"customer_id": rows["customer_id"], "as_of": ends})
    with Keep(shop.backend) as keep:
        parts = evaluated_whole(shop, Spine.of(shop, asked), questions, keep)
        frames = [part.table.to_pyarrow().to_pandas() for part in parts]
    found = pd.concat(frames, ignore_index=True)
    keyed = asked.astype({"as_of": found["as_of"].dtype, "customer_id": found["customer_id"].dtype})
    answers = keyed.merge(found, on=["customer_id", "as_of"], how="left", validate="one_to_one")
    amounts = {name: answers[name].fillna(0.0).to_numpy(np.float64) for name in _money_of(shop, horizon_days)}
    success_at = answers["success_at"].astype("datetime64[us]")
    success = success_at.notna().to_numpy(np.float64)
    return pd.DataFrame({"success": success, "success_at": success_at.to_numpy(), **amounts})


def _money_of(shop: Shop, days: int) -> dict[str, Callable[[Past], Any]]:
    """Return the questions for what was spent and earned, as far as the shop can answer them."""
    questions: dict[str, Callable[[Past], Any]] = {}
    if shop.has("orders", "amount"):
        questions["amount"] = lambda past: money(past, _paid_orders(past, days).sum(_.amount))
        if shop.has("bought", "margin"):
            questions["margin"] = lambda past: money(past, _paid_orders(past, days).sum(_.margin))
    return questions
