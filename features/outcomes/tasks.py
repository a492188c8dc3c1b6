"""What can be predicted: who is eligible at as_of, and what is read within the horizon.

Eligibility is a question to the past as seen from as_of. The outcome is a question to the past as seen from the end of
the horizon, asked of its last ``horizon_days``: the same rows, the same rules, no second way to count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from penchant.config import Config
from penchant.lazy import _

from ..engine.times import days_before
from ..history.past import Past
from ..signals.declare import money
from ..signals.group import BOUGHT_MARGIN, PURCHASES
from ..signals.stage import ACTIVE_BUYERS, stage, stage_without_purchase

MONTH, QUARTER = 30, 90
Kind = Literal["binary", "value"]


@dataclass(frozen=True)
class Span:
    """The days between as_of and the end of the horizon.

    Parameters
    ----------
    gap_days
        Neither feature nor label.
    horizon_days
        Where the outcome is read.
    """

    gap_days: int
    horizon_days: int

    @property
    def days(self) -> int:
        """From as_of to the end of the horizon."""
        return self.gap_days + self.horizon_days


@dataclass(frozen=True)
class Task:
    """What one model predicts.

    Parameters
    ----------
    name
        How penchant.toml and the command line call it.
    meaning
        The outcome, as a phrase.
    eligible
        From the past at as_of: whether the row may enter.
    outcome
        From the past at the horizon's end, and the span: the label.
    kind
        ``binary`` (0 or 1) or ``value`` (a number, money in major units).
    horizon_days
        The default horizon; None: the shop's churn horizon.
    gap_days
        The default gap.
    buying
        Whether more buying raises the outcome (+1) or lowers it (-1): turns a column's hint into a direction.
    needs
        Tables and columns that the shop must have, as in `Signal`.
    """

    name: str
    meaning: str
    eligible: Callable[[Past], Any]
    outcome: Callable[[Past, Span], Any]
    kind: Kind = "binary"
    horizon_days: int | None = QUARTER
    gap_days: int = 0
    buying: Literal[-1, 1] = 1
    needs: tuple[str, ...] = (PURCHASES,)


def configured_days(config: Config, task: Task, otherwise: int) -> dict[str, int]:
    """Return the gap and the horizon that a configuration asks for, by the names that a model is saved with.

    Parameters
    ----------
    config, task
        The configuration, and the task.
    otherwise
        The horizon where neither says one: the purchase cycle's.
    """
    section = config.task(task.name)
    horizon = section.horizon_days or task.horizon_days or otherwise
    return {"gap_days": section.gap_days or task.gap_days, "horizon_days": horizon}


def _has_bought(past: Past) -> Any:
    return past.purchases.count() > 0


def _bought_once(past: Past) -> Any:
    return past.purchases.count() == 1


def _is_active_buyer(past: Past) -> Any:
    return stage(past).isin(ACTIVE_BUYERS)


def _is_unknown(past: Past) -> Any:
    return (past.purchases.count() == 0) & stage_without_purchase(past).isin(("stranger", "prospect"))


def _is_interested(past: Past) -> Any:
    return (past.purchases.count() == 0) & stage_without_purchase(past).isin(("prospect", "lead"))


def _buys(past: Past, span: Span) -> Any:
    return past.purchases.within(span.horizon_days).any()


def _does_not_buy(past: Past, span: Span) -> Any:
    return past.purchases.within(span.horizon_days).count() == 0


def _visits(past: Past, span: Span) -> Any:
    return past.interactions.within(span.horizon_days).any()


def _engages(past: Past, span: Span) -> Any:
    return past.interactions.where(_.kind.isin(("favorite", "cart"))).within(span.horizon_days).any()


def _pays(past: Past, span: Span) -> Any:
    paid = past.purchases.within(span.horizon_days)
    return paid.where(_.ordered_at < days_before(_.as_of, span.days)).any()


def _spends(past: Past, span: Span) -> Any:
    return money(past, past.purchases.within(span.horizon_days).sum(_.amount))


def _earns(past: Past, span: Span) -> Any:
    return money(past, past.purchases.within(span.horizon_days).sum(_.margin))


VISIT = Task("visit", "a visit", _is_unknown, _visits, horizon_days=MONTH, needs=("interactions",))
ENGAGEMENT = Task(
    "engagement", "a favourite or cart", _is_unknown, _engages, horizon_days=MONTH, needs=("interactions",)
)
CONVERSION = Task("conversion", "the first paid order", _is_interested, _buys, horizon_days=MONTH)
PAYMENT = Task(
    "payment",
    "an open order is paid",
    lambda past: past.unpaid.any(),
    _pays,
    horizon_days=MONTH,
    needs=("orders.paid_at",),
)
REPURCHASE = Task("repurchase", "another paid order", _has_bought, _buys)
SECOND_PURCHASE = Task("second_purchase", "the second paid order", _bought_once, _buys)
CHURN = Task("churn", "no paid order", _is_active_buyer, _does_not_buy, horizon_days=None, buying=-1)
VALUE = Task("value", "the amount paid", _has_bought, _spends, kind="value", needs=("orders.amount",))
MARGIN = Task("margin", "the margin earned", _has_bought, _earns, kind="value", needs=("orders.amount", BOUGHT_MARGIN))
