"""What is asked of a campaign before its numbers are believed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from penchant.page import write_number

from ..models.check import Check
from ..models.inputs import Floats
from .measure_compare import sample_of
from .measure_design import View
from .measure_effect import weighted_means
from .measure_material import Material, Positions
from .measure_result import Result
from .measure_words import told_p

# Fabijan et al. (2019), Diagnosing sample ratio mismatch in online controlled experiments, KDD: a strict level, because
# the check is made each time and a false alarm costs a campaign.
STRICT = 0.001
FEW_CONTACTED = 0.001  # share of contacted controls that is not worth a word
LATE_SHARE = 0.5  # of the shortest window: contacts that go out later miss much of it

_RATIO, _ONE_ARM = "sample-ratio", "one-arm"
_BROKEN = {
    _RATIO: "The arms do not hold the customers that the recorded probabilities promise: some were lost or moved.",
    _ONE_ARM: "Customers stand in several arms of one wave.",
}


def checks_of(material: Material, view: View, headline: Result) -> tuple[Check, ...]:
    """Return all checks, those first that decide whether anything may be said."""
    return (
        sample_ratio(material),
        one_arm(material),
        balance(material, view),
        contamination(material, view),
        contact_delay(material),
        horizon_over(material),
        detectable(headline, material.settings.relevant_share),
    )


def why_broken(checks: Sequence[Check]) -> str:
    """Return why no number may be believed; empty where nothing says so."""
    return " ".join(_BROKEN[check.code] for check in checks if check.is_issue and check.code in _BROKEN)


def sample_ratio(material: Material) -> Check:
    """Return whether each wave has as many treated customers as the recorded probabilities promise."""
    title = "The arms hold as many customers as was drawn"
    if not np.isfinite(material.assigned.probability).any():
        text = "No probabilities were recorded, so nothing says how many there should be."
        return Check(_RATIO, title, text, "not applicable")
    waves = material.assigned.wave[material.design.rows]
    p_treated, is_treated = chance_of_treatment(material, material.design.rows)
    worst, p_least, counts = 0, 1.0, (0, 0.0, 0)
    for wave in np.unique(waves):
        here = waves == wave
        expected, n = float(p_treated[here].sum()), int(here.sum())
        treated = int(is_treated[here].sum())
        error = max(float(np.sqrt((p_treated[here] * (1 - p_treated[here])).sum())), 1e-12)
        p_value = float(2 * stats.norm.sf(abs(treated - expected) / error))
        if p_value < p_least or not worst:
            worst, p_least, counts = int(wave), p_value, (treated, expected, n)
    n_waves = len(np.unique(waves))
    p_least = min(1.0, p_least * n_waves)
    treated, expected, n = counts
    text = f"Wave {worst}: {treated:,} of {n:,} treated, {expected:,.0f} were to be expected ({told_p(p_least)})."
    facts = {"treated": treated, "expected": expected, "n": n, "p_value": p_least, "wave": worst}
    return Check(_RATIO, title, text, "issue" if p_least < STRICT else "passed", facts)


def chance_of_treatment(material: Material, rows: Positions) -> tuple[Floats, np.ndarray]:
    """Return each row's probability of being treated at all, and whether it was.

    A treated row's own is that of its arm: where lots decided between arms, it is divided by the arm's share.
    """
    arm, own = material.assigned.arm[rows], material.assigned.probability[rows]
    share = material.shares[material.assigned.waves[1][rows], arm]
    if material.planned is not None:
        share = np.where(material.planned[rows] >= 0, 1.0, share)
    p_treated = np.where(arm == 0, 1 - own, own / np.where(share > 0, share, 1.0))
    return np.clip(p_treated, 0.0, 1.0), arm > 0


def one_arm(material: Material) -> Check:
    """Return whether nobody stands in two arms of one wave."""
    numbers, codes = material.assigned.waves
    keys = np.sort(material.assigned.customer * len(numbers) + codes)
    n_twice = int((keys[1:] == keys[:-1]).sum())
    text = (
        f"{n_twice:,} customers have several rows in one wave."
        if n_twice
        else "Nobody has two rows in a wave."
    )
    title = "Everyone has one arm in each wave"
    return Check(_ONE_ARM, title, text, "issue" if n_twice else "passed", {"n": n_twice})


def balance(material: Material, view: View) -> Check:
    """Return whether the arms were alike before: all covariates at once, by Hotelling's test."""
    title = "The arms were alike before the campaign"
    names = [name for name, values in material.before.items() if values.std() > 0]
    _, sample = sample_of(material, view)
    if not names:
        return Check("balance", title, "Nothing is known of the time before.", "not applicable")
    means, spread = weighted_means(sample, sample.covariates[: len(names)])
    difference = means[0] - means[1]
    variance = spread[0, :, 0] + spread[1, :, 1] - spread[0, :, 1] - spread[1, :, 0]
    distance = float(difference @ np.linalg.pinv(variance, rcond=1e-9, hermitian=True) @ difference)
    p_value = float(stats.chi2.sf(distance, np.linalg.matrix_rank(variance, hermitian=True)))
    largest = int(np.argmax(np.abs(difference)))
    text = (
        f"Of {len(names)} measures of behaviour before, '{names[largest]}' differs most: by "
        f"{write_number(difference[largest], '+.3f')} "
        f"standard deviations. All together: {told_p(p_value)}."
    )
    facts = {"largest": names[largest], "difference": float(difference[largest]), "p_value": p_value}
    return Check("balance", title, text, "issue" if p_value < STRICT else "passed", facts)


def contamination(material: Material, view: View) -> Check:
    """Return whether the control was left alone."""
    title = "The control was not contacted"
    ever = material.was_contacted()
    if ever is None:
        return Check("contamination", title, "No contacts are recorded.", "not applicable")
    rows = material.design.rows_of(view, material.assigned)
    was, is_control = ever[rows], material.assigned.arm[rows] == 0
    n, share = int(was[is_control].sum()), float(was[is_control].mean())
    reached = float(was[~is_control].mean())
    text = f"Of the control {n:,} ({share:.2%}) were contacted, of those assigned to treatment {reached:.1%}."
    if share > FEW_CONTACTED:
        text += " The effect of a contact is larger than the one measured, which goes by assigned arm."
    facts = {"n": n, "control_share": share, "treated_share": reached}
    return Check("contamination", title, text, "issue" if share > FEW_CONTACTED else "passed", facts)


def contact_delay(material: Material) -> Check:
    """Return whether contacts went out soon enough for the shortest window."""
    title = "Contacts went out soon after the windows began"
    contacted = material.assigned.contacted
    if contacted is None or np.isnat(contacted).all():
        return Check("contact-delay", title, "No contacts are recorded.", "not applicable")
    days = (contacted - material.assigned.start) / np.timedelta64(1, "D")
    median, shortest = float(np.nanmedian(days)), min(material.settings.windows_days)
    is_late = median > LATE_SHARE * shortest
    text = f"Half of them went out within {median:.1f} days; the shortest window has {shortest}."
    if is_late:
        text += " Count windows from the contact, or leave the shortest out."
    return Check("contact-delay", title, text, "issue" if is_late else "passed", {"median_days": median})


def horizon_over(material: Material) -> Check:
    """Return whether all windows are over."""
    title = "All windows are over"
    refused = material.design.refused
    if not refused:
        return Check("horizon-over", title, "Every window ended before the data does.", "passed")
    listed = "; ".join(f"{name}: over at {over_at:%Y-%m-%d %H:%M}" for name, over_at in refused.items())
    text = f"Not measured: {listed}. The data ends at {material.design.extract_end:%Y-%m-%d %H:%M}."
    return Check("horizon-over", title, text, "issue", {"refused": list(refused)})


def detectable(headline: Result, relevant_share: float) -> Check:
    """Return whether the campaign was large enough to see a change worth knowing about."""
    title = "The campaign is large enough"
    smallest, natural = headline.response.smallest_seen, headline.response.control.value
    relevant = relevant_share * natural
    text = (
        f"A true difference of {smallest:.2%} is seen in four of five campaigns like this one; "
        f"{relevant_share:.0%} of what comes anyway is {relevant:.2%}."
    )
    if smallest > relevant:
        text = f"Not for small changes. {text}"
    facts = {"smallest_difference": smallest, "relevant_difference": relevant}
    return Check("detectable", title, text, "passed" if smallest <= relevant else "issue", facts)
