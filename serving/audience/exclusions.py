"""Who may not be contacted now, and why: each customer counted by reason.

Exclusion depends on what happened before the wave and never on the arm that will be drawn. Within a campaign's own
history a control counts as contacted, so that both arms leave for the same reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.config import Config
from penchant.errors import InputError, LeftOutError, quoted

from ..candidates.values import PAST_COLUMNS
from ..goals.eligible import Mask, is_true
from ..goals.offers import CONTROL, Arm
from .hashing import uniforms

REASONS = (
    "universal control",
    "opted out",
    "a complaint is open",
    "another campaign's control",
    "returned since the last wave",
    "no consent for the channel",
    "contact fatigue",
)


@dataclass(frozen=True)
class Cap:
    """No more than ``most`` contacts within any ``days``, this one included; by one channel, or by all."""

    days: int
    most: int
    channel: str | None = None

    def __post_init__(self) -> None:
        """Refuse caps that cannot be meant."""
        if self.days < 1 or self.most < 0:
            raise InputError("cap", "days >= 1 and most >= 0", f"{self}")


@dataclass(frozen=True)
class Protection:
    """What customers and experiments are protected from.

    Parameters
    ----------
    caps
        The most contacts within windows; the defaults are an assumption.
    universal_control
        Share of all customers that no campaign ever contacts, in [0, 1).
    control_days
        For how many days a campaign's control is kept from other campaigns.
    consent
        ``required``: only who is known to agree is contacted. ``assumed``: where the shop has no column
        ``consent_<channel>``, everyone is taken to agree, and the result says so.
    seed
        The shop's: who is in the universal control must not depend on a campaign's own.
    open_complaints
        Whether whoever has a complaint that is not settled is left alone.
    """

    caps: tuple[Cap, ...] = (Cap(7, 2), Cap(30, 6))
    universal_control: float = 0.02
    control_days: int = 30
    consent: Literal["required", "assumed"] = "required"
    seed: int = 0
    open_complaints: bool = True

    def __post_init__(self) -> None:
        """Refuse shares and words that are not known."""
        if not 0 <= self.universal_control < 1:
            raise InputError("universal_control", "a share in [0, 1)", f"{self.universal_control}")
        if self.consent not in ("required", "assumed"):
            raise InputError("consent", "'required' or 'assumed'", f"'{self.consent}'")


USUAL_PROTECTION = Protection()


def protection_of(config: Config) -> Protection:
    """Return what penchant.toml protects, section ``[protection]``."""
    section = config.protection
    caps = tuple(Cap(cap.days, cap.most, cap.channel) for cap in section.caps)
    return Protection(
        caps, section.universal_control, section.control_days, section.consent, config.seed, section.open_complaints
    )


@dataclass(frozen=True)
class Wave:
    """Which send of which campaign is meant, and when.

    Parameters
    ----------
    campaign_id
        The campaign.
    number
        The number of the dated send, from 1.
    at
        When the arms are drawn and the messages go out, UTC without a zone.
    seed
        Of all draws.
    """

    campaign_id: str
    number: int
    at: datetime
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse waves that cannot be dated or numbered."""
        if self.number < 1 or self.at.tzinfo is not None or not self.campaign_id:
            raise InputError("wave", "an id, a number from 1, and an instant in UTC without a zone", f"{self}")


@dataclass(frozen=True, eq=False)
class Excluded:
    """Who is left out of a wave.

    Attributes
    ----------
    reason
        (n,) the first reason that holds for a customer, in the order of ``REASONS``; None: not excluded.
    allowed
        (n, n_arms) whether consent and caps allow each arm.
    counts
        Reason -> number of customers it holds for, and of those for whom it is the first.
    """

    reason: npt.NDArray[np.object_]
    allowed: Mask
    counts: dict[str, tuple[int, int]]

    def and_for(self, name: str, holds: Mask) -> Excluded:
        """Return the same with one more reason, after those that are there."""
        first = holds & pd.isna(self.reason)
        counts = {**self.counts, name: (int(holds.sum()), int(first.sum()))}
        return Excluded(np.where(first, name, self.reason), self.allowed, counts)


def exclude(
    people: pd.DataFrame,
    past: pd.DataFrame | None,
    arms: Sequence[Arm],
    wave: Wave,
    protection: Protection,
    last_success_at: str = "last_order_at",
) -> Excluded:
    """Return who may not be contacted in a wave, and which arms the others may get.

    Parameters
    ----------
    people
        Candidates: customer_id, ``consent_<channel>`` for each arm's channel, ``opted_out`` and ``n_open_complaints``
        where they are known, and for waves after the first the column ``last_success_at``.
    past
        Earlier assignments, columns ``PAST_COLUMNS``; times UTC without a zone. None: nobody was ever contacted.
    arms
        The treatments that could be sent.
    wave
        The send that is meant.
    protection
        Caps, shares and rules.
    last_success_at
        The column that tells when the goal's success last happened.

    Raises
    ------
    InputError
        If the wave has been drawn before, or a column of the past is missing.
    LeftOutError
        If consent is required and the shop does not have it, or nothing tells who came back.
    """
    past = read_past(past, wave)
    consent, fits = _consent(people, arms, protection), _fits_caps(people, past, arms, wave, protection)
    holds = {
        "universal control": in_universal_control(people["customer_id"], protection.seed, protection.universal_control),
        "opted out": is_true(people["opted_out"]) if "opted_out" in people else np.zeros(len(people), bool),
        "a complaint is open": _complains(people, protection),
        "another campaign's control": _held_elsewhere(people, past, wave, protection),
        "returned since the last wave": _returned(people, past, wave, last_success_at),
        "no consent for the channel": ~consent.any(axis=1),
        "contact fatigue": ~(consent & fits).any(axis=1) & consent.any(axis=1),
    }
    reason = np.full(len(people), None, dtype=object)
    for name in reversed(REASONS):
        reason[holds[name]] = name
    counts = {name: (int(holds[name].sum()), int((reason == name).sum())) for name in REASONS}
    return Excluded(reason, consent & fits, counts)


def read_past(past: pd.DataFrame | None, wave: Wave) -> pd.DataFrame:
    """Return the assignments up to a wave, each with ``at``: when it reached the customer, or would have.

    Raises
    ------
    InputError
        If a column is missing, or the wave has been drawn before.
    """
    if past is None:
        past = pd.DataFrame({name: pd.Series(dtype="object") for name in PAST_COLUMNS})
    missing = [name for name in PAST_COLUMNS if name not in past]
    if missing:
        raise InputError("past assignments", f"the columns {quoted(PAST_COLUMNS, most=9)}", f"no {quoted(missing)}")
    times = {name: pd.to_datetime(past[name]).astype("datetime64[us]") for name in ("assigned_at", "contacted_at")}
    past = past.assign(**times, customer_id=past["customer_id"].astype("str"))
    past = past.assign(at=past["contacted_at"].fillna(past["assigned_at"]))
    own = (past["campaign_id"] == wave.campaign_id) & (past["wave"] == wave.number)
    if own.any():
        raise InputError(
            f"campaign '{wave.campaign_id}'",
            f"a wave that was not drawn before, or its customers could change arms (wave {wave.number} was)",
            f"{int(own.sum()):,} assignments of it, from {past.loc[own, 'assigned_at'].min():%Y-%m-%d %H:%M}",
            f"Draw wave {wave.number + 1}, or name another campaign",
        )
    return past[past["assigned_at"] <= wave.at]


def in_universal_control(customer_id: pd.Series, seed: int, share: float) -> Mask:
    """Return who is never contacted, shape (n,): the same customers in every campaign with one seed."""
    return uniforms(customer_id, f"{seed}|universal control") < share


def former_wave(past: pd.DataFrame, wave: Wave) -> pd.DataFrame:
    """Return the campaign's latest assignment of each customer before a wave."""
    own = past[(past["campaign_id"] == wave.campaign_id) & (past["wave"] < wave.number)]
    return own.sort_values(["wave", "customer_id"]).drop_duplicates("customer_id", keep="last")


def _complains(people: pd.DataFrame, protection: Protection) -> Mask:
    """Return who has a complaint that is not settled; nobody where the shop does not know of complaints."""
    if not protection.open_complaints or "n_open_complaints" not in people:
        return np.zeros(len(people), bool)
    return people["n_open_complaints"].to_numpy(np.float64, na_value=0.0) > 0


def _consent(people: pd.DataFrame, arms: Sequence[Arm], protection: Protection) -> Mask:
    """Return (n, n_arms) who agrees to each arm's channel."""
    names = [f"consent_{arm.channel}" for arm in arms]
    missing = sorted({name for name in names if name not in people})
    if missing and protection.consent == "required":
        raise LeftOutError(
            "customers",
            f"{quoted(missing)} is needed to contact anyone",
            "nothing of that name",
            "Map the column in penchant.toml, or say that consent is assumed: --assume-consent, or consent = 'assumed'"
            " under [protection]",
        )
    everyone = np.ones(len(people), bool)
    return np.column_stack([is_true(people[name]) if name in people else everyone for name in names])


def _fits_caps(
    people: pd.DataFrame, past: pd.DataFrame, arms: Sequence[Arm], wave: Wave, protection: Protection
) -> Mask:
    """Return (n, n_arms) whom one more contact through each arm's channel keeps within the caps."""
    reached = past[(past["arm"] != CONTROL) | (past["campaign_id"] == wave.campaign_id)]
    place_of = pd.Index(people["customer_id"]).get_indexer(reached["customer_id"])
    at, channel = reached["at"].to_numpy(), reached["channel"].to_numpy(object)
    fits = np.ones((len(people), len(arms)), bool)
    for cap in protection.caps:
        counted = (place_of >= 0) & (at > np.datetime64(wave.at - timedelta(days=cap.days)))
        if cap.channel is not None:
            counted &= channel == cap.channel
        contacts = np.bincount(place_of[counted], minlength=len(people))
        for place, arm in enumerate(arms):
            if cap.channel in (None, arm.channel):
                fits[:, place] &= contacts + 1 <= cap.most
    return fits


def _held_elsewhere(people: pd.DataFrame, past: pd.DataFrame, wave: Wave, protection: Protection) -> Mask:
    """Return who is in the control of another campaign that is still being measured."""
    others = (past["arm"] == CONTROL) & (past["campaign_id"] != wave.campaign_id)
    fresh = past["assigned_at"] > wave.at - timedelta(days=protection.control_days)
    return people["customer_id"].isin(past.loc[others & fresh, "customer_id"]).to_numpy(bool)


def _returned(people: pd.DataFrame, past: pd.DataFrame, wave: Wave, last_success_at: str) -> Mask:
    """Return who has reached the goal since the campaign's first wave."""
    if wave.number == 1:
        return np.zeros(len(people), bool)
    if last_success_at not in people:
        raise LeftOutError(
            f"wave {wave.number}", f"'{last_success_at}' is needed to see who came back", "nothing of that name"
        )
    own = past[(past["campaign_id"] == wave.campaign_id) & (past["wave"] < wave.number)]
    since = own.groupby("customer_id")["assigned_at"].min().reindex(people["customer_id"]).to_numpy()
    last = people[last_success_at].astype("datetime64[us]").to_numpy()
    return np.asarray(last >= since, bool)  # an unknown time compares as false
