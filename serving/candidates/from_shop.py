"""The candidates for goals, asked of the shop itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pandas as pd

from ...features.goods.roles import products
from ...features.shop import Shop
from ...models.inputs.estimate import Estimate
from ..goals.catalogue import Goal
from .gather import candidates_for, goals_that_need_rates, with_roles_shown
from .known import known_and
from .rates import goal_rates
from .values import Candidates, Known, Score


def candidates_at(
    shop: Shop,
    as_of: datetime,
    goals: Sequence[Goal],
    scores: Sequence[Score] = (),
    signals: pd.DataFrame | None = None,
    margin_share: float | None = None,
    order_worth: Mapping[str, Estimate] | None = None,
) -> Candidates:
    """Return the candidates for goals at a moment.

    Parameters
    ----------
    shop
        The shop.
    as_of
        The moment, UTC without a zone.
    goals, scores, signals, margin_share, order_worth
        As `candidates_for` takes them.
    """
    known = with_roles_shown(
        known_at(shop, as_of, goals_that_need_rates(goals, scores)), lambda: products(shop, as_of, "category")
    )
    return candidates_for(known, goals, scores, signals, margin_share, order_worth)


def known_at(shop: Shop, as_of: datetime, goals: Sequence[Goal] = ()) -> Known:
    """Return what is known of every customer at a moment, with the shop's own rates for goals."""
    return replace(known_and(shop, as_of, {})[0], rates=goal_rates(shop, as_of, goals))
