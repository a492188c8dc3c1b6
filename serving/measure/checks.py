"""What is asked of a campaign before its numbers are believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ...models.inputs.arrays import Ints
from ...models.inputs.check import Check
from ...models.uplift.arms import Arms
from ...models.uplift.randomisation import covariate_balance, sample_ratio
from .compare import sample_of
from .design import MeasuredWindow, own_probabilities
from .effect import measure_effects
from .material import Material, Positions
from .result import Result

TINY = 1e-9
SURE = 0.999  # level at which other campaigns count as having reached one arm more often
NO_HARM = 0.01  # standard deviations that the arms may lie apart before, however sure that is
FEW_CONTACTED = 0.001  # share of contacted controls that is not worth a word
LATE_SHARE = 0.5  # of the shortest window: contacts that go out later miss much of it

UNLIKE = 0.1  # standard deviations from which arms that lie apart before are no trial, whatever is recorded
SAMPLE_RATIO, ONE_ARM, BALANCE = "sample-ratio", "one-arm", "covariate-balance"
_BROKEN = {
    SAMPLE_RATIO: "The arms do not have the sizes that the recorded probabilities imply.",
    ONE_ARM: "Some customers are in several arms of one wave.",
    BALANCE: "The arms held different customers before the campaign: they were not randomised as recorded.",
}


def checks_of(
    material: Material, view: MeasuredWindow, headline: Result, others: Ints | None = None
) -> tuple[Check, ...]:
    """Return all checks, those first that decide whether anything may be said."""
    return (
        shares_as_drawn(material),
        one_arm(material),
        alike_before(material, view),
        contamination(material, view),
        other_campaigns(material, view, others),
        contact_delay(material),
        horizon_over(material),
        detectable(headline, material.settings.relevant_share),
    )


def why_broken(checks: Sequence[Check]) -> str:
    """Return why no number may be believed; empty where nothing says so."""
    return " ".join(_BROKEN[check.code] for check in checks if check.code in _BROKEN and _forbids(check))


def _forbids(check: Check) -> bool:
    """Say whether an issue is so grave that no number may be believed; slight imbalance is what CUPED takes off."""
    return check.is_issue and bool(check.facts.get("is_grave", True))


def shares_as_drawn(material: Material) -> Check:
    """Return whether each wave has as many treated customers as the recorded probabilities promise: the worst wave."""
    if not np.isfinite(material.assigned.probability).any():
        told = "No probabilities were recorded, so the planned sizes are unknown."
        return Check(SAMPLE_RATIO, "The arms have the planned shares", told, "not applicable")
    rows = material.design.rows
    waves = material.assigned.wave[rows]
    found = {int(wave): sample_ratio(treated_or_not(material, rows[waves == wave])) for wave in np.unique(waves)}
    wave, worst = min(found.items(), key=lambda item: item[1].facts["p_value"])
    if len(found) == 1:
        return worst
    return replace(worst, explanation=f"Wave {wave}, the worst of {len(found)}: {worst.explanation}")


def treated_or_not(material: Material, rows: Positions) -> Arms:
    """Return some rows as a trial of any treatment against the control.

    A treated row's probability is that of its arm: where lots decided between arms, it is divided by the arm's share.
    """
    arm, own = material.assigned.arm[rows], own_probabilities(material.assigned)[rows]
    share = material.shares[material.assigned.waves[1][rows], arm]
    if material.planned is not None:
        share = np.where(material.planned[rows] >= 0, 1.0, share)
    p_treated = np.where(arm == 0, 1 - own, own / np.where(share > 0, share, 1.0)).clip(TINY, 1 - TINY)
    names = (material.assigned.names[0], "treated")
    return Arms((arm > 0).astype(np.int8), names, np.column_stack([1 - p_treated, p_treated]))


def alike_before(material: Material, view: MeasuredWindow) -> Check:
    """Return whether the arms were alike before the campaign, as far as chance lets them be.

    Unlike ones are grave where no probabilities tell how they came about, or where they lie far apart.
    """
    rows = material.design.rows_of(view, material.assigned)
    if not any(np.ptp(values[rows]) > 0 for values in material.before.values()):
        title = "The arms hold the same kind of customers"
        return Check(
            BALANCE,
            title,
            "Nothing is known about them before the campaign, so nothing can be compared.",
            "not applicable",
        )
    frame = pd.DataFrame({name: values[rows] for name, values in material.before.items()})
    check = covariate_balance(frame, treated_or_not(material, rows), material.assigned.customer[rows], most=NO_HARM)
    largest = max(map(abs, check.facts.get("largest", {}).values()), default=0.0)
    is_grave = largest >= UNLIKE or not np.isfinite(material.assigned.probability).any()
    return replace(check, facts={**check.facts, "is_grave": check.is_issue and is_grave})


def one_arm(material: Material) -> Check:
    """Return whether nobody stands in two arms of one wave."""
    numbers, codes = material.assigned.waves
    keys = np.sort(material.assigned.customer * len(numbers) + codes)
    n_twice = int((keys[1:] == keys[:-1]).sum())
    text = f"{n_twice:,} customers have several rows in one wave." if n_twice else "Nobody has two rows in a wave."
    title = "Everyone has one arm in each wave"
    return Check(ONE_ARM, title, text, "issue" if n_twice else "passed", {"n": n_twice})


def contamination(material: Material, view: MeasuredWindow) -> Check:
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


def other_campaigns(material: Material, view: MeasuredWindow, others: Ints | None) -> Check:
    """Return whether other campaigns reached both arms alike meanwhile: else what they changed is measured too."""
    code, title = "other-campaigns", "Other campaigns reached both arms equally"
    if others is None:
        return Check(code, title, "There were no other campaigns.", "not applicable")
    rows, sample = sample_of(material, view)
    effect = measure_effects(sample, np.isin(rows, others)[np.newaxis].astype(np.float64))[0]
    found = effect.plain.interval(SURE)
    text = (
        f"They contacted {effect.treated.value:.1%} of those assigned to treatment within the window, "
        f"{effect.control.value:.1%} of the control."
    )
    if found.excludes_zero:
        text += " Their effect is part of the difference."
    facts = {"treated_share": effect.treated.value, "control_share": effect.control.value}
    return Check(code, title, text, "issue" if found.excludes_zero else "passed", facts)


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
    title = "All windows are complete"
    design = material.design
    refused = design.refused
    if not refused:
        return Check("horizon-over", title, "Every window ended before the data does.", "passed")
    listed = "; ".join(f"{name}: over at {design.clock(over_at)}" for name, over_at in refused.items())
    text = f"Not measured: {listed}. The data ends at {design.clock(design.extract_end)}."
    return Check("horizon-over", title, text, "issue", {"refused": list(refused)})


def detectable(headline: Result, relevant_share: float) -> Check:
    """Return whether the campaign was large enough to see a change worth knowing about."""
    title = "The campaign is large enough"
    smallest, natural = headline.response.smallest_seen, headline.response.control.value
    relevant = relevant_share * natural
    text = (
        f"A true difference of {smallest:.2%} would be detected in four out of five campaigns like this one; "
        f"{relevant_share:.0%} of the natural rate is {relevant:.2%}."
    )
    if smallest > relevant:
        text = f"Not for small changes. {text}"
    facts = {"smallest_difference": smallest, "relevant_difference": relevant}
    return Check("detectable", title, text, "passed" if smallest <= relevant else "issue", facts)
