"""What goals ask of a customer, as questions to the past: stage, crowds, open orders and carts, last successes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import ibis
import pandas as pd
from ibis import _

from ...features.catalogue import our_groups
from ...features.engine.temporary import Keep
from ...features.engine.times import instant
from ...features.history.evaluate import evaluated
from ...features.history.past import Past
from ...features.history.rows import Rows
from ...features.shop import Shop
from ...features.signals.category import affinities
from ...features.signals.crowds import CROWDS, UNPAID, favorites_and_carts
from ...features.signals.declare import money
from ...features.signals.group import BOUGHT_MARGIN, CATEGORY, joined_needs, unmet_needs
from ...features.signals.rfm import value_tier
from ...features.signals.stage import funnel_state, stage
from ...features.spine import Spine
from .programmes import PROGRAMME_FACTS
from .shown import SHOWN_FACTS
from .triggers import NAMED_WITH, trigger_facts
from .values import Known

Question = Callable[[Past], Any]

YEAR_DAYS = 365

PURCHASES = "orders|interactions"


def _most_bought(past: Past) -> Rows:
    """Return one row per spine row: the category of which most lines were bought."""
    first = ibis.row_number().over(group_by="row", order_by=[_.n_bought.desc(), _.category_id])
    bought = affinities(past).relation.filter(_.n_bought > 0).mutate(place=first)
    return past.rows("most_bought", lambda: bought.filter(_.place == 0))


def _registered(past: Past) -> Any:
    if past.has("customers", "registered_at"):
        return past.registrations.any()
    if past.has("interactions"):
        return past.interactions.where(_.kind.isin(("register", "login"))).any()
    return ibis.literal(True)  # a list of customers without times is a list of the registered


def _value_tier(past: Past) -> Any:
    """Return the tag ``tier``: low, middle or high, by what the customer has paid; null without a purchase."""
    shop = past.history.shop
    [rfm] = [group for group in our_groups(shop) if group.name == "rfm"]
    signals = {one.column.name: one for one in rfm.signals(tuple(sorted(set(shop.config.features.windows))))}
    return value_tier(signals["rfm_monetary"].value(past))


FACTS: Mapping[str, tuple[Question, tuple[str, ...]]] = MappingProxyType(
    {
        "stage": (stage, (PURCHASES,)),
        "funnel_state": (funnel_state, (PURCHASES,)),
        "is_registered": (_registered, ("customers|interactions",)),
        "value_tier": (_value_tier, (PURCHASES, "orders.amount")),
        "n_orders": (lambda past: past.purchases.count(), (PURCHASES,)),
        **{f"in_{crowd.name}": (crowd.holds, crowd.needs) for crowd in CROWDS},
        "unpaid_days": (lambda past: past.days_since(past.unpaid.last()), UNPAID),
        "amount_unpaid": (lambda past: money(past, past.unpaid.sum(_.amount)), (*UNPAID, "orders.amount")),
        "amount_mean": (lambda past: money(past, past.purchases.mean(_.amount)), ("orders.amount",)),
        "amount_365d": (lambda past: money(past, past.purchases.within(YEAR_DAYS).sum(_.amount)), ("orders.amount",)),
        "margin_365d": (
            lambda past: money(past, past.purchases.within(YEAR_DAYS).sum(_.margin)),
            ("orders.amount", BOUGHT_MARGIN),
        ),
        "last_order_at": (lambda past: past.purchases.last(), (PURCHASES,)),
        "last_visit_at": (lambda past: past.interactions.last(), ("interactions",)),
        "last_interest_at": (lambda past: favorites_and_carts(past).last(), ("interactions",)),
        "top_category": (lambda past: affinities(past).where(_.rank == 0).max(_.category_id), (CATEGORY,)),
        "bought_category": (lambda past: _most_bought(past).max(_.category_id), (CATEGORY,)),
        **PROGRAMME_FACTS,
        **SHOWN_FACTS,
        **trigger_facts(),
    }
)


def known_and(shop: Shop, as_of: datetime, more: Mapping[str, Question]) -> tuple[Known, pd.DataFrame]:
    """Return what goals ask of every customer, without rates, and the answers to further questions, in one pass.

    Parameters
    ----------
    shop, as_of
        The shop and the moment, UTC without a zone.
    more
        Further questions by name; their answers are a frame in the order of the customers.
    """
    missing = {name: unmet_needs(needs, shop.has) for name, (_ask, needs) in FACTS.items()}
    asked = {name: ask for name, (ask, _needs) in FACTS.items() if not missing[name]}
    with Keep(shop.backend) as keep:
        parts = evaluated(shop, Spine.at(shop, as_of), {**asked, **more}, keep)
        frame = parts[0].drop("as_of").order_by("customer_id").to_pyarrow().to_pandas()
    answers, frame = frame[list(more)], frame.drop(columns=list(more))
    if shop.has("customers"):
        people = shop.tables["customers"]
        if "registered_at" in people.columns:  # nothing is known of a person before the registration
            people = people.filter(people.registered_at.isnull() | (people.registered_at < instant(as_of)))
        attributes = people.to_pyarrow().to_pandas()
        frame = frame.merge(attributes, on="customer_id", how="left", suffixes=("", "_attribute"))
    left_out = {
        name: f"the shop has no {joined_needs(lack, 'and no')}"
        for name, lack in missing.items()
        if lack and not name.endswith(NAMED_WITH) and name not in (*PROGRAMME_FACTS, *SHOWN_FACTS)
    }
    return Known(frame, left_out, {}), answers
