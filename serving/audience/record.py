"""What is written of an audience: the record in the form of ``assignments``, and the send list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.contract import ASSIGNMENTS, CAMPAIGNS
from ...models.inputs.arrays import Floats
from ..candidates.recommend import Texts, recommended_category, recommended_offer
from ..goals.catalogue import Goal
from ..goals.offers import CONTROL, Arm
from ..goals.triggers import ITEM, PRICE
from ..worth.columns import LISTED
from .exclusions import Wave
from .expected_profit import Gain
from .holdout import Draw
from .result import Audience

N_REASONS = 3
RESPONSE_TIMES = ("contacted_at", "delivered_at", "opened_at", "clicked_at", "redeemed_at")
SEND_COLUMNS = (
    "campaign_id",
    "wave",
    "customer_id",
    "arm",
    "send_at",
    "channel",
    "offer_kind",
    "offer_value",
    "offer_threshold",
    "offer_valid_days",
    "message_key",
    "item_id",
    "item_price",
    "recommended_category",
    "rank",
)


@dataclass(frozen=True, eq=False)
class Listed:
    """The customers of an audience as they were dealt, best first."""

    people: pd.DataFrame
    gain: Gain
    planned: npt.NDArray[np.intp]
    shares: Floats
    draw: Draw
    rank: npt.NDArray[np.intp]
    is_exploring: npt.NDArray[np.bool_]
    included: Floats
    stratum: pd.Series


def record_of(listed: Listed, goal: Goal, arms: Sequence[Arm], wave: Wave, keys: Texts) -> pd.DataFrame:
    """Return the record: the columns of ``assignments``, then what the ranking knew; ``keys`` are the messages'.

    Returns
    -------
    DataFrame
        Further columns: ``planned_arm`` (what the control would have got; None where it was left to chance),
        ``goal``, ``rank`` (1 = best of all who could be contacted), ``is_exploring``,
        ``probability_included`` (1 above the cut), ``stratum``, ``stage``, ``segment``, ``propensity``, of the next
        order ``p_alive``, ``next_order_at`` with bounds, ``expected_amount_12m``, ``expected_margin_12m`` where known,
        ``uplift`` with bounds, ``expected_value`` with bounds, ``expected_cost``, ``expected_profit`` (of treating;
        major units), ``basis``, ``reason_1`` to ``reason_3``, ``recommended_category``, ``recommended_offer``,
        ``item_id`` and ``item_price`` (of the goods that a trigger is about; major units), and channel, offer and
        message of the arm (None in the control).
    """
    n = len(listed.people)
    names = np.array([CONTROL, *(arm.name for arm in arms)], dtype=object)
    frame = pd.DataFrame(
        {
            "campaign_id": np.full(n, wave.campaign_id, dtype=object),
            "customer_id": listed.people["customer_id"],
            "arm": names[listed.draw.arm],
            "assigned_at": pd.Series(wave.at, index=range(n)).astype("datetime64[us]"),
            "wave": np.full(n, wave.number, np.int64),
            "probability": listed.draw.probability,
            **{name: _no_times(n) for name in RESPONSE_TIMES},
            "planned_arm": np.array([*names[1:], None], dtype=object)[listed.planned],
            "goal": np.full(n, goal.name, dtype=object),
            "rank": listed.rank.astype(np.int64),
            "is_exploring": listed.is_exploring,
            "probability_included": listed.included,
            "stratum": listed.stratum,
            **_known_of(listed.people),
            **_expected(listed),
            "basis": np.full(n, listed.gain.basis, dtype=object),
            **_reasons(listed, goal),
            "recommended_category": recommended_category(listed.people),
            "recommended_offer": recommended_offer(listed.people, goal),
            **_item_of(listed.people),
            **_sent(listed, arms, keys),
        }
    )
    return frame[[*ASSIGNMENTS.names, *(name for name in frame if name not in ASSIGNMENTS.names)]]


def send_list(record: pd.DataFrame) -> pd.DataFrame:
    """Return what the campaign tool needs: the treated alone, one row per message; ``send_at`` in UTC."""
    treated = record[record["arm"] != CONTROL]
    return treated.rename(columns={"assigned_at": "send_at"})[list(SEND_COLUMNS)].reset_index(drop=True)


def campaign_row(audience: Audience, minor_units: int) -> pd.DataFrame:
    """Return the campaign as one row of ``campaigns``; what differs between its arms stays empty.

    Parameters
    ----------
    audience
        What was drawn.
    minor_units
        How many minor units make a major one.
    """
    described = [_arm_columns(arm, minor_units) for arm in audience.settings.arms]
    same = {name: {row[name] for row in described} for name in described[0]}
    row: dict[str, Any] = {
        "campaign_id": audience.settings.wave.campaign_id,
        "goal": audience.goal.name,
        "phase": audience.goal.phases[0] if len(audience.goal.phases) == 1 else None,
        "starts_at": pd.Timestamp(audience.starts_at),
        "ends_at": pd.Timestamp(audience.settings.wave.at) + pd.Timedelta(days=audience.goal.horizon_days),
        **{name: values.pop() if len(values) == 1 else None for name, values in same.items()},
    }
    frame = pd.DataFrame([row])[list(CAMPAIGNS.names)]
    money = dict.fromkeys(("offer_value", "offer_threshold", "unit_cost"), "Int64")
    return frame.astype({**money, "starts_at": "datetime64[us]", "ends_at": "datetime64[us]"})


def _arm_columns(arm: Arm, minor_units: int) -> dict[str, Any]:
    return {
        "channel": arm.channel,
        "offer_kind": arm.offer.kind,
        "offer_value": round(arm.offer.value * minor_units),
        "offer_threshold": round(arm.offer.threshold * minor_units),
        "offer_valid_days": float(arm.offer.valid_days),
        "unit_cost": round(arm.unit_cost * minor_units),
    }


def _no_times(n: int) -> pd.Series:
    return pd.Series(pd.NaT, index=range(n)).astype("datetime64[us]")


def _known_of(people: pd.DataFrame) -> dict[str, Any]:
    """Return stage, segment and propensity, empty where they are not known; and of the next order what is."""
    texts = {
        name: people[name].astype(object).where(people[name].notna(), None) if name in people else None
        for name in ("stage", "segment")
    }
    known = people["propensity"].astype(np.float64) if "propensity" in people else np.nan
    return {**texts, "propensity": known, **{name: people[name] for name in LISTED if name in people}}


def _item_of(people: pd.DataFrame) -> dict[str, Any]:
    """Return the item that a trigger is about and its price, empty where there is none."""
    if ITEM not in people:
        return {ITEM: np.full(len(people), None, dtype=object), PRICE: np.nan}
    return {ITEM: people[ITEM].astype(object).where(people[ITEM].notna(), None), PRICE: people[PRICE].astype(float)}


def _expected(listed: Listed) -> dict[str, Floats]:
    """Return what treating is expected to change and cost, for the arm drawn or, in the control, meant."""
    gain, shares = listed.gain, listed.shares.copy()
    treated = listed.draw.arm > 0
    shares[treated] = listed.draw.arm[treated, None] == np.arange(1, shares.shape[1] + 1)

    def mean(values: Floats) -> Floats:
        return np.where(shares > 0, shares * values, 0.0).sum(axis=1)

    return {
        "uplift": mean(gain.uplift),
        "uplift_low": mean(gain.low),
        "uplift_high": mean(gain.high),
        "expected_value": mean(gain.value),
        "expected_value_low": mean(gain.value_low),
        "expected_value_high": mean(gain.value_high),
        "expected_cost": mean(gain.cost),
        "expected_profit": mean(gain.profit),
    }


def _reasons(listed: Listed, goal: Goal) -> dict[str, Any]:
    """Return the reasons in words: the model's where it gave them, else what made the customer eligible."""
    people = listed.people
    names = [f"reason_{place}" for place in range(1, N_REASONS + 1)]
    if names[0] in people:
        return {
            name: people[name].astype(object).where(people[name].notna(), None) if name in people else None
            for name in names
        }
    return {names[0]: goal.eligible.words(people), **dict.fromkeys(names[1:])}


def _sent(listed: Listed, arms: Sequence[Arm], keys: Texts) -> dict[str, Any]:
    """Return channel, offer and message of the treated, None in the control."""
    drawn = listed.draw.arm
    columns: dict[str, Any] = {
        "channel": [None, *(arm.channel for arm in arms)],
        "offer_kind": [None, *(arm.offer.kind for arm in arms)],
        "offer_value": [np.nan, *(arm.offer.value for arm in arms)],
        "offer_threshold": [np.nan, *(arm.offer.threshold for arm in arms)],
        "offer_valid_days": [np.nan, *(float(arm.offer.valid_days) for arm in arms)],
    }
    sent = {
        name: np.array(values, dtype=object if name in ("channel", "offer_kind") else float)[drawn]
        for name, values in columns.items()
    }
    keys = keys.copy()
    keys[drawn == 0] = None
    return {**sent, "message_key": keys}
