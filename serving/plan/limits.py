"""What the campaigns of a plan share: stock of offers, capacity of channels, sizes; and what is used already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from penchant.errors import InputError

from ..audience.holdout import SAFETY
from ..goals.offers import CONTROL
from .file import Plan
from .options import CampaignCrowd
from .sections import OWN, CampaignSection


@dataclass(frozen=True)
class Shared:
    """A limit on how many customers may get one of several options.

    Attributes
    ----------
    words
        What it is called.
    options
        The options that use it.
    customers
        The most customers in the audience, the holdout included; less than one draw in 30,000 uses more.
    surely
        The same where every one of them could be treated.
    per_unit
        Customers that one more unit allows.
    """

    words: str
    options: tuple[str, ...]
    customers: float
    surely: float
    per_unit: float


def shared_limits(
    crowds: Sequence[CampaignCrowd], plan: Plan, used: Mapping[str, float], *, surely: bool = False
) -> list[Shared]:
    """Return all limits on groups of options; of two on the same options the narrower.

    ``surely`` counts the held-out too, so that no draw at all can pass a limit.
    """
    found = [*_stocks(crowds, plan, used), *_capacities(crowds, plan, used), *_sizes(crowds)]
    narrowest: dict[tuple[str, ...], Shared] = {}
    for limit in found:
        limit = replace(limit, customers=limit.surely) if surely else limit
        known = narrowest.get(limit.options)
        if known is None or limit.customers < known.customers:
            narrowest[limit.options] = limit
    return list(narrowest.values())


def used_before(past: pd.DataFrame | None, plan: Plan) -> dict[str, float]:
    """Return what the plan's campaigns that have begun use, all their waves together: budget, stock, capacity.

    Raises
    ------
    InputError
        If their records do not say what they cost.
    """
    used: dict[str, float] = {"budget": 0.0}
    if past is None:
        return used
    for campaign in plan.campaigns:
        rows = past[(past["campaign_id"] == campaign.id) & (past["arm"] != CONTROL) & (past["wave"] == 1)]
        if rows.empty:
            continue
        if "expected_cost" not in rows or rows["expected_cost"].isna().any():
            raise InputError(
                f"plan '{plan.plan.name}', campaign '{campaign.id}'",
                "the records of its waves, because they say what was spent",
                "assignments without 'expected_cost'",
                "Name the folders of the plan's earlier results",
            )
        used["budget"] += float(rows["expected_cost"].sum())
        for arm, (offers, channels) in _uses(campaign).items():
            n = float((rows["arm"] == arm).sum())
            for channel in channels:
                _add(used, f"capacity of {channel} in {campaign.phase or 'any'}", n)
            for offer, times in offers.items():
                _add(used, f"stock of {offer}", n * times)
    return used


def units_used(crowd: CampaignCrowd, plan: Plan) -> dict[str, float]:
    """Return what one treated customer of a crowd uses of each stock and capacity; of arms dealt by lot the mean."""
    found: dict[str, float] = {}
    for name in plan.offers:
        weights = _weights([crowd], lambda offers, _, name=name: offers.get(name, 0))
        found[f"stock of {name}"] = max(weights.values(), default=0.0)
    for name in plan.channels:
        weights = _weights([crowd], lambda _, own, name=name: int(name in own))
        found[f"capacity of {name} in {crowd.phase}"] = max(weights.values(), default=0.0)
    return {name: units for name, units in found.items() if units}


def customers_within(most: float, holdout: float) -> float:
    """Return how large an audience may be so that no more than ``most`` are treated.

    The larger of ``most`` itself, and the size whose expected treated and four standard deviations come to ``most``.

    Examples
    --------
    >>> customers_within(3, 0.1), round(customers_within(1000, 0.1))
    (3.0, 1068)
    """
    treated, spread = 1.0 - holdout, SAFETY * np.sqrt(holdout * (1.0 - holdout))
    root = (np.sqrt(spread**2 + 4.0 * treated * most) - spread) / (2.0 * treated)
    return float(np.floor(max(most, root**2)))


def treated_at_most(size: float, holdout: float) -> float:
    """Return how many of an audience may be treated: the expected ones and four standard deviations, or all.

    Examples
    --------
    >>> treated_at_most(3, 0.1), round(treated_at_most(1068, 0.1))
    (3.0, 1000)
    """
    return float(min(size, (1.0 - holdout) * size + SAFETY * np.sqrt(size * holdout * (1.0 - holdout))))


def _uses(campaign: CampaignSection) -> dict[str, tuple[dict[str, int], tuple[str, ...]]]:
    """Return arm -> how many times each offer goes out over the waves, and the channels."""
    found = {}
    for name, own, channel, _ in campaign.uses:
        sent = [own if step.offer == OWN else step.offer for step in campaign.waves]
        channels = tuple(dict.fromkeys(step.channel or channel for step in campaign.waves))
        found[name] = ({offer: sent.count(offer) for offer in dict.fromkeys(sent)}, channels)
    return found


def _stocks(crowds: Sequence[CampaignCrowd], plan: Plan, used: Mapping[str, float]) -> list[Shared]:
    limits = []
    for name, offer in plan.offers.items():
        if offer.stock is not None:
            weights = _weights(crowds, lambda offers, _, name=name: offers.get(name, 0))
            limits += _limit(f"stock of {name}", weights, offer.stock, crowds, used)
    return limits


def _capacities(crowds: Sequence[CampaignCrowd], plan: Plan, used: Mapping[str, float]) -> list[Shared]:
    limits = []
    for name, channel in plan.channels.items():
        for phase in dict.fromkeys(crowd.phase for crowd in crowds) if channel.capacity is not None else ():
            within = [crowd for crowd in crowds if crowd.phase == phase]
            weights = _weights(within, lambda _, own, name=name: int(name in own))
            limits += _limit(f"capacity of {name} in {phase}", weights, channel.capacity or 0, within, used)
    return limits


def _sizes(crowds: Sequence[CampaignCrowd]) -> list[Shared]:
    return [
        Shared(
            f"size of {crowd.campaign.id}", crowd.options, float(crowd.campaign.size), float(crowd.campaign.size), 1.0
        )
        for crowd in crowds
        if crowd.campaign.size is not None
    ]


def _weights(crowds: Sequence[CampaignCrowd], units: object) -> dict[str, float]:
    """Return option -> units that one treated customer uses; a split's arms by their shares."""
    weights: dict[str, float] = {}
    for crowd in crowds:
        by_arm = [float(units(*use)) for use in _uses(crowd.campaign).values()]  # type: ignore[operator]
        if crowd.is_split:
            shares = np.array([arm.share for arm in crowd.arms])
            by_arm = [float(np.dot(by_arm, shares / shares.sum()))]
        weights |= {name: weight for name, weight in zip(crowd.options, by_arm, strict=True) if weight}
    return weights


def _limit(
    words: str, weights: Mapping[str, float], most: float, crowds: Sequence[CampaignCrowd], used: Mapping[str, float]
) -> list[Shared]:
    """Return the limit in customers: each counts as many units as the option that uses most."""
    if not weights:
        return []
    holdout = min(crowd.holdout for crowd in crowds if set(crowd.options) & set(weights))
    units = max(weights.values())
    left = max(0.0, most - used.get(words, 0.0))
    most = left / units
    per_unit = 1.0 / (units * (1.0 - holdout))
    return [Shared(words, tuple(weights), customers_within(most, holdout), float(np.floor(most)), per_unit)]


def _add(used: dict[str, float], name: str, more: float) -> None:
    used[name] = used.get(name, 0.0) + more
