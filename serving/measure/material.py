"""All that the comparisons of one campaign are made of: who was in which arm, what came of it, what it cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...models.inputs.arrays import Floats, Ints
from .behaviour import Behaviour
from .design import Assigned, Design, MeasuredWindow, is_first
from .settings import Campaign, MeasureSettings

RECENCY_DAYS = 60.0  # how fast the weight of the last order fades as a covariate
OUTCOMES = ("response", "orders", "revenue", "margin", "cost", "profit")
Positions = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Material:
    """All that comparisons are made of."""

    campaign: Campaign
    settings: MeasureSettings
    assigned: Assigned
    design: Design
    behaviour: Behaviour

    @cached_property
    def covariates(self) -> Floats:
        """(k, n) what was known before each row's start: behaviour and propensity, of mean 0 and spread 1."""
        found = list(self.before.values())
        rows = [(row - row.mean()) / row.std() for row in found if row.std() > 0]
        return np.stack(rows) if rows else np.empty((0, len(self.assigned)))

    @cached_property
    def before(self) -> dict[str, Floats]:
        """Name -> (n,) what was known before each row's start, on scales without long tails.

        The predicted uplift is not among them: that of a treated row is the drawn arm's.
        """
        before = self.behaviour.before
        found = {name: np.log1p(np.maximum(v, 0)) for name, v in before.items() if name != "days"}
        if "days" in before:
            found["recency"] = np.exp(-before["days"] / RECENCY_DAYS)
        propensity = self.number("propensity")
        if propensity is not None:
            found["propensity"] = np.nan_to_num(propensity, nan=float(np.nanmean(propensity)))
        return found

    def number(self, name: str) -> Floats | None:
        """(n,) a column of the record as numbers; None where it is missing or empty."""
        if name not in self.assigned.extras:
            return None
        values = pd.to_numeric(self.assigned.extras[name], errors="coerce").to_numpy(np.float64)
        return values if np.isfinite(values).any() else None

    @cached_property
    def predicted(self) -> Floats | None:
        """(n,) predicted uplift; None where it is not recorded, or hangs on the arm that was drawn."""
        if len(self.assigned.names) > 2 and (self.planned is None or (self.planned < 0).any()):
            return None
        found = (self.number(name) for name in self.settings.predicted)
        return next((values for values in found if values is not None), None)

    @cached_property
    def planned(self) -> Ints | None:
        """(n,) the arm that a customer gets unless held out, -1 where lots decide; None where it is not recorded."""
        if "planned_arm" not in self.assigned.extras:
            return None
        column = self.assigned.extras["planned_arm"].astype(object)
        return pd.Categorical(column, list(self.assigned.names)).codes.astype(np.int64)

    def arms_by(self, attribute: str) -> dict[str, tuple[int, ...]]:
        """Return the treatments by channel or kind of offer, as positions of their names; empty if not known."""
        of_arm = {arm.name: getattr(arm, "channel", None) for arm in self.settings.arms}
        if attribute == "offer":
            of_arm = {arm.name: arm.offer.kind for arm in self.settings.arms}
        column = self.assigned.extras.get("channel" if attribute == "channel" else "offer_kind")
        found: dict[str, tuple[int, ...]] = {}
        for code, name in enumerate(self.assigned.names[1:], 1):
            value = of_arm.get(name)
            if value is None and column is not None:
                value = next(iter(column[self.assigned.arm == code].dropna()), None)
            if value is None:
                return {}
            found[str(value)] = (*found.get(str(value), ()), code)
        return found

    @cached_property
    def shares(self) -> Floats:
        """(waves, arms) share of each treatment among the treated of a wave; that of the control is 0."""
        numbers, codes = self.assigned.waves
        n_arms = len(self.assigned.names)
        counts = np.bincount(codes * n_arms + self.assigned.arm, minlength=n_arms * len(numbers))
        treated = counts.reshape(-1, n_arms).astype(np.float64)
        treated[:, 0] = 0.0
        return treated / np.maximum(treated.sum(axis=1, keepdims=True), 1.0)

    @property
    def knows_cost(self) -> bool:
        """Whether every treatment's contact has a known cost."""
        costs = [self.campaign.costs(arm, self.settings) for arm in self.assigned.names[1:]]
        return all(cost.contact is not None for cost in costs)

    def outcomes(self, view: MeasuredWindow, rows: Positions) -> dict[str, Floats]:
        """Return the outcomes of rows in a view's window, by name; those that the shop cannot tell are missing."""
        found = self._sums(view, rows)
        found |= self._money(found)
        if self.knows_cost:
            redeemed = self._redeemed(view, rows, found["response"])
            found["cost"] = self._contacts(view, rows) + redeemed("redemption")
            if "margin" in found:
                found["margin"] = found["margin"] + redeemed("taken_off")
                found["profit"] = found["margin"] - found["cost"]
        return {name: found[name] for name in OUTCOMES if name in found}

    def known_share(self, view: MeasuredWindow, rows: Positions) -> float:
        """Return the share of the revenue in a view's window that goods of known cost brought."""
        sums = self._sums(view, rows)
        total = float(sums["revenue"].sum())
        return float(sums["known_revenue"].sum()) / total if total else 1.0

    def _sums(self, view: MeasuredWindow, rows: Positions) -> dict[str, Floats]:
        wave = self.assigned.wave[rows]
        found: dict[str, Floats] = {}
        for number, span in view.spans.items():
            here = wave == number
            for name, values in self.behaviour.sums.get(span, {}).items():
                found.setdefault(name, np.zeros(len(rows)))[here] = values[rows[here]]
        return found

    def _money(self, found: dict[str, Floats]) -> dict[str, Floats]:
        """Return the margin, with the configured share of what goods of unknown cost brought."""
        share = self.settings.margin_share
        if share is None or "revenue" not in found:
            return {}
        known, margin = found.get("known_revenue", 0.0), found.get("margin", 0.0)
        return {"margin": margin + share * (found["revenue"] - known)}

    @cached_property
    def owner(self) -> Positions:
        """(n,) the row that a row's costs belong to: the customer's first where arms are carried over, else its own."""
        if self.design.kind != "carried":
            return np.arange(len(self.assigned))
        first = np.flatnonzero(is_first(self.assigned))
        codes = np.unique(self.assigned.customer, return_inverse=True)[1]
        by_customer = np.empty(len(first), np.intp)
        by_customer[codes[first]] = first
        return by_customer[codes]

    def _contacts(self, view: MeasuredWindow, rows: Positions) -> Floats:
        """Return what the contacts of each row cost; a control contacted all the same cost as the first arm does."""
        costs = [self.campaign.costs(name, self.settings).contact or 0.0 for name in self.assigned.names[1:]]
        contacted, arm = self.assigned.contacted, self.assigned.arm
        if contacted is None:
            contacted = np.where(arm > 0, self.assigned.start, np.datetime64("NaT", "us"))
        return self._added_up(np.array(costs)[np.maximum(arm - 1, 0)], contacted, view)[rows]

    def _redeemed(self, view: MeasuredWindow, rows: Positions, response: Floats) -> Callable[[str], Floats]:
        """Return what gives a part of the costs of the offers that each row redeemed in the window.

        Where the shop does not record redemptions, every response of a treated customer is taken for one: rather too
        much cost than too little.
        """
        costs = [self.campaign.costs(name, self.settings) for name in self.assigned.names[1:]]
        arm, is_treated = np.maximum(self.assigned.arm - 1, 0), self.assigned.arm > 0

        def part(name: str) -> Floats:
            each = np.array([getattr(cost, name) for cost in costs])[arm]
            if self.assigned.redeemed is None:
                return np.asarray(each[rows] * is_treated[rows] * response)
            return self._added_up(each, self.assigned.redeemed, view)[rows]

        return part

    def _added_up(self, amount: Floats, times: npt.NDArray[Any], view: MeasuredWindow) -> Floats:
        """Return (n,) the amounts whose time falls into the window of the row that they belong to."""
        since = times - self.assigned.start[self.owner]
        begin, end = view.begins(self.assigned.wave[self.owner]), view.ends(self.assigned.wave[self.owner])
        falls_in = (since < end) & ((since >= begin) | (begin == np.timedelta64(0, "us")))
        return np.bincount(self.owner, amount * falls_in, len(self.assigned)).astype(np.float64)

    def was_contacted(self) -> npt.NDArray[np.bool_] | None:
        """(n,) whether the row was ever contacted, in any wave that it stands for; None where that is not recorded."""
        if self.assigned.contacted is None or np.isnat(self.assigned.contacted).all():
            return None
        ever = ~np.isnat(self.assigned.contacted)
        return np.bincount(self.owner, ever, minlength=len(self.assigned)) > 0
