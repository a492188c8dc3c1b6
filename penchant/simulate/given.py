"""Assignments from outside: rows in the form of the assignments table, checked and numbered."""

from __future__ import annotations

import numpy as np
import pandas as pd

from penchant.errors import InputError, did_you_mean, quoted
from penchant.simulate.contacts import SimulatedAssignments
from penchant.simulate.settings import ONE_DAY
from penchant.simulate.streams import Int, Streams
from penchant.simulate.traits import arrival
from penchant.simulate.world import World

_NEEDED = ("campaign_id", "customer_id", "arm", "assigned_at")
_WHERE = "assignments"


def given_assignments(frame: pd.DataFrame | None, world: World) -> SimulatedAssignments:
    """Return assignments from outside as numbers.

    Parameters
    ----------
    frame
        Rows in the form of the assignments table; further columns are not looked at. None: no rows.
    world
        Has the campaigns that they belong to.

    Raises
    ------
    InputError
        If a column is missing, a customer, campaign or arm is not known, the simulator draws the campaign itself,
        a customer had not appeared yet or the shop has ended when the arm was drawn, or a customer is twice in one
        wave.
    """
    if frame is None or frame.empty:
        return SimulatedAssignments.joined([])
    missing = [name for name in _NEEDED if name not in frame.columns]
    if missing:
        raise InputError(_WHERE, f"the columns {quoted(_NEEDED)}", f"none called {quoted(missing)}")
    campaign, arm = _campaigns_and_arms(frame, world)
    at = _instants(frame, world)
    customer = _numbers(frame["customer_id"], at, world)
    wave = frame["wave"].fillna(1).to_numpy(np.int64) if "wave" in frame else np.ones(len(frame), np.int64)
    _refuse_twice(frame.assign(wave=wave))
    probability = frame["probability"] if "probability" in frame else pd.Series(np.nan, frame.index)
    microseconds_a_day = ONE_DAY.total_seconds() * 1e6
    given = SimulatedAssignments(
        customer=customer,
        campaign=campaign,
        wave=wave,
        arm=arm,
        probability=np.asarray(probability, dtype=np.float64),
        at=at,
        day=np.ceil(at / microseconds_a_day).astype(np.int64),
    )
    return given.take(np.lexsort((wave, campaign, customer, at)))


def _campaigns_and_arms(frame: pd.DataFrame, world: World) -> tuple[Int, Int]:
    numbers = {campaign.campaign_id: number for number, campaign in enumerate(world.campaigns)}
    unknown = sorted(set(frame["campaign_id"]) - set(numbers))
    if unknown:
        known = f"{did_you_mean(str(unknown[0]), numbers)} Give it to simulate(campaigns=...)"
        raise InputError(_WHERE, "campaigns of the shop, or given beside the assignments", quoted(unknown), known)
    drawn = sorted({one for one in set(frame["campaign_id"]) if world.campaigns[numbers[one]].reach > 0})
    if drawn:
        why = "The simulator draws these itself; give it the assignments of other campaigns only"
        raise InputError(_WHERE, "campaigns with a reach of 0", quoted(drawn), why)
    campaign = np.asarray(frame["campaign_id"].map(numbers), dtype=np.int64)
    pairs = frame[["campaign_id", "arm"]].drop_duplicates().itertuples(index=False)
    arms = {(one, arm): world.campaigns[numbers[one]].arm_number(arm) for one, arm in pairs}
    keys = zip(frame["campaign_id"], frame["arm"], strict=True)
    return campaign, np.array([arms[key] for key in keys], np.int64)


def _instants(frame: pd.DataFrame, world: World) -> Int:
    """Return microseconds since the shop's start."""
    settings = world.settings
    at = pd.to_datetime(frame["assigned_at"], utc=True).dt.as_unit("us")
    early, late = at < pd.Timestamp(settings.starts_at), at >= pd.Timestamp(settings.ends_at)
    if (early | late | at.isna()).any():
        wrong = quoted(frame.loc[early | late | at.isna(), "assigned_at"].astype(str).unique())
        expected = f"assigned_at within the shop's days, {settings.starts_at:%Y-%m-%d} to {settings.ends_at:%Y-%m-%d}"
        raise InputError(_WHERE, expected, wrong, "Let the shop end later: replace(settings, ends_at=...)")
    since = (at - pd.Timestamp(settings.starts_at)) // pd.Timedelta(microseconds=1)
    return np.asarray(since, dtype=np.int64)


def _numbers(ids: pd.Series[str], at: Int, world: World) -> Int:
    """Return the numbers of customers who had appeared."""
    is_id = ids.astype("string").str.fullmatch(r"c\d{7,}").fillna(False).to_numpy(bool)
    numbers: Int = np.asarray(ids.where(is_id, "c0").str[1:].astype("int64"), dtype=np.int64)
    within = Streams.of(world.settings.seed, numbers).uniform("arrives")
    arrived = arrival(world.settings, numbers, within) * ONE_DAY.total_seconds() * 1e6 < at
    if not (is_id & arrived).all():
        wrong = quoted(ids[~(is_id & arrived)].unique())
        raise InputError(_WHERE, "customers who had appeared when the arm was drawn", wrong)
    return numbers


def _refuse_twice(frame: pd.DataFrame) -> None:
    twice = frame[frame.duplicated(["campaign_id", "customer_id", "wave"])]
    if len(twice):
        raise InputError(_WHERE, "each customer once in a wave", f"{quoted(twice['customer_id'].unique())} twice")
