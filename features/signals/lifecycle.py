"""Lifecycle: the customer's stage, how long it has lasted, and the purchase cycle that decides what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

from penchant.lazy import _, ibis

from ..engine.times import days_between, earlier
from ..history.past import Past
from ..history.rows import Rows
from .cycle import cycle, quantile_name, shop_cycle
from .declare import signal
from .group import PURCHASES, FeatureGroup, Signal, Windows
from .stage import FUNNEL_STATES, STAGES, funnel_state, interest_rows, last_visit, stage, visit_rows, visits_still


def _signals(_windows: Windows) -> Iterator[Signal]:
    yield signal(
        "stage", f"relationship stage: {', '.join(STAGES)}", "code", stage, PURCHASES, reason="stage {value}",
        population=True,
    )  # fmt: skip
    yield signal(
        "days_in_stage",
        "days since the stage began; of a regular, since the second purchase or the last return from a long pause",
        "days", days_in_stage, PURCHASES, "has never done anything in the shop",
        "in this stage for {value:.0f} days", population=True,
    )  # fmt: skip
    yield signal(
        "funnel_state", f"how far the open journey got: {', '.join(FUNNEL_STATES)}", "code", funnel_state, PURCHASES,
        reason="{value}",
    )  # fmt: skip
    yield signal(
        "cycle_days", "median days between purchases to expect: own, shrunk to those of the categories bought", "days",
        lambda past: cycle(past).typical, PURCHASES, "nobody in the shop has bought twice",
        "usually buys every {value:.0f} days", population=True,
    )  # fmt: skip
    yield signal(
        "churn_threshold_days", "days since the last purchase from which the customer counts as churned", "days",
        lambda past: cycle(past).churned, PURCHASES, reason="counts as churned after {value:.0f} days",
        population=True,
    )  # fmt: skip
    yield signal(
        "overdue_days", "days since the customer was due: since the threshold of semi-active; negative before it",
        "days", lambda past: past.days_since(past.purchases.last()) - cycle(past).semi_active, PURCHASES,
        "no purchase yet", ("overdue by {value:.0f} days", "not overdue"), low=None, buying=-1, population=True,
    )  # fmt: skip
    yield signal(
        "days_since_registration", "days since the registration", "days",
        lambda past: past.days_since(past.registrations.first()), "customers.registered_at",
        "not registered, or no time known", "registered {value:.0f} days ago",
    )  # fmt: skip


def days_in_stage(past: Past) -> Any:
    """Return the days since the present stage began, as an expression."""
    thresholds, now = cycle(past), stage(past)
    since = past.days_since(past.purchases.last())
    overdue = since - thresholds.semi_active
    fell = ibis.ifelse(since >= thresholds.semi_active, overdue, since - past.config.stages.new_days)
    visiting, left = _visiting_days(past), past.days_since(last_visit(past)) - past.config.stages.visit_days
    silent, churned = since - thresholds.silent, since - thresholds.churned
    lifted = visits_still(past)
    second_at = past.gaps.first()
    settled_at = ibis.cases((second_at.notnull(), ibis.greatest(second_at, _returns(past).last().fill_null(second_at))))
    return ibis.cases(
        (now == "new", since),
        (now == "churned", ibis.least(churned, ibis.coalesce(left, churned))),
        ((now == "silent") & lifted, ibis.least(churned, visiting)),
        (now == "silent", ibis.least(silent, ibis.coalesce(left, silent))),
        ((now == "semi_active") & lifted & (silent >= 0) & (visiting < silent), visiting),
        (now == "semi_active", ibis.greatest(fell, 0.0)),
        (now.isin(("regular", "loyal")), ibis.coalesce(past.days_since(settled_at), since)),
        (now == "lead", past.days_since(_first(interest_rows(past)))),
        (now == "prospect", past.days_since(_first(visit_rows(past)))),
    )


def _visiting_days(past: Past) -> Any:
    """Return for how many days the customer has been visiting without a pause that would have let the stage fall."""
    if not past.has("interactions"):
        return ibis.null("float64")
    return past.days_since(past.rows("returns_to_visit", lambda: _visits_after_a_pause(past)).last())


def _visits_after_a_pause(past: Past) -> Any:
    days = past.days.relation
    before = days["at"].lag().over(group_by="row", order_by="at")
    pause = days_between(days["at"], before)
    began = days.mutate(pause=pause).filter(_.pause.isnull() | (_.pause > past.config.stages.visit_days))
    return began.select("row", "as_of", "at")


def _returns(past: Past) -> Rows:
    """Return the purchases that came after a gap which the shop calls silent."""
    return past.rows("returns", lambda: _long_gaps(past))


def _long_gaps(past: Past) -> Any:
    gaps, settings = past.gaps.relation, past.config.cycle
    if settings.fixed_days is not None:
        return gaps.filter(gaps.gap_days >= settings.fixed_days)
    shop = past.shared_table("shop_cycle", shop_cycle)
    joined = gaps.inner_join(shop, gaps.as_of.truncate("D") == shop.shop_cycle_as_of)
    least = joined[f"shop_cycle_{quantile_name(settings.churn_quantile)}"].clip(settings.min_days, settings.max_days)
    return joined.filter(joined.gap_days >= least).select("row", "as_of", "at")


def _first(rows: list[Rows]) -> Any:
    """Return when the first of several kinds of rows happened."""
    return reduce(earlier, [one.first() for one in rows], ibis.null("timestamp(6)"))


LIFECYCLE = FeatureGroup("lifecycle", "The customer's stage, how long it has lasted, and the purchase cycle.", _signals)
