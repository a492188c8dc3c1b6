"""What a campaign changed: against the control, by assigned arm, with intervals, after the checks.

``measure`` reads a shop; everything after that is a function of what was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from penchant.errors import UnfinishedHorizonError
from penchant.overview import Overview, WithOverview
from penchant.spreadsheet import shop_time

from ...features.shop import Shop
from ...models.inputs.arrays import Floats, Ints
from ...models.inputs.check import Check
from ..goals.catalogue import Outcome
from .baskets import read_baskets, read_channels, read_others
from .behaviour import HAPPENINGS, KINDS, read_behaviour
from .checks import checks_of, why_broken
from .compare import between_arms, break_down, by_arm, by_decile, by_label, by_means, compare_arms, sample_among, sidak
from .data import CampaignRows, campaign_rows
from .design import MOST_WAVES, Kind, MeasuredWindow, read_design
from .effect import Sample, measure_effects
from .material import Material, Positions
from .result import Breakdown, Result
from .sequential import Looks, look_daily
from .settings import Campaign, MeasureSettings
from .verdict import WINDOW_TITLES, Verdict, verdict_on, window_cells

DAY = np.timedelta64(1, "D")
ALL_KNOWN = 0.995  # a share of known costs from which nothing needs to be said
SEVERAL_ARMS = "name customers in several arms of one wave; they are left out on both sides"
NEW_CATEGORY = "a category new to them"


@dataclass(frozen=True, eq=False, repr=False)
class Measurement(WithOverview):
    """What a campaign changed.

    Attributes
    ----------
    campaign, settings, outcome, currency
        What was measured, how, what counts as a response, and the unit of money.
    kind, first_at, last_at, extract_end, timezone
        How the waves hang together, when the first and the last window began, and where the data ends.
    checks
        What was asked before the numbers.
    verdict
        In words, on the headline.
    headline
        All treatments against the control over all waves, in the window that decides.
    windows
        Every window that is over: over all waves first, then wave by wave.
    refused
        Window -> when it will be over.
    arms, pairs, means
        Treatments against the control, against each other, and by channel and offer against the control.
    breakdowns
        By columns of the record, and by decile of predicted uplift.
    looks
        What daily looks would have seen.
    categories, channels
        What customers bought, and through which channel they came, as effects per customer.
    notes
        What was left out or taken for granted, in words.
    """

    campaign: Campaign
    settings: MeasureSettings
    outcome: Outcome
    currency: str
    kind: Kind
    first_at: datetime
    last_at: datetime
    extract_end: datetime
    timezone: str
    checks: tuple[Check, ...]
    verdict: Verdict
    headline: Result
    windows: tuple[Result, ...]
    refused: Mapping[str, datetime]
    arms: tuple[Result, ...]
    pairs: tuple[Result, ...]
    means: Mapping[str, tuple[Result, ...]]
    breakdowns: tuple[Breakdown, ...]
    looks: Looks
    categories: tuple[Result, ...]
    channels: tuple[Result, ...]
    notes: tuple[str, ...]

    def clock(self, at: datetime) -> str:
        """Return an instant as the shop's clock shows it."""
        return shop_time(at, self.timezone)

    @property
    def failed(self) -> bool:
        """Whether a check says that the numbers must not be believed (exit code 3)."""
        return bool(why_broken(self.checks))

    def overview(self) -> Overview:
        """Return the verdict, what the checks object to, and the windows."""
        issues = [f"Issue: {check.title}? No: {check.explanation}" for check in self.checks if check.is_issue]
        lines = [self.verdict.text, self.verdict.paid, *issues]
        rows = [] if self.failed else [window_cells(result) for result in self.windows]
        title = f"Campaign '{self.campaign.campaign_id}': {self.verdict.word}"
        note = "measurement_page(measured).html() is the whole report, measured.as_dict() every number."
        return Overview(title, [line for line in lines if line], WINDOW_TITLES if rows else (), rows, note)

    def as_dict(self) -> dict[str, Any]:
        """Return everything by name, as JSON takes it; a number with an interval has value, low and high."""
        tables = ("windows", "arms", "pairs", "categories", "channels")
        return {
            "campaign": self.campaign.as_dict(),
            "outcome": self.outcome,
            "currency": self.currency,
            "design": self.kind,
            "first_at": self.first_at.isoformat(),
            "last_at": self.last_at.isoformat(),
            "extract_end": self.extract_end.isoformat(),
            "timezone": self.timezone,
            "verdict": self.verdict.as_dict(),
            "checks": [check.as_dict() for check in self.checks],
            "headline": self.headline.as_dict(),
            **{name: [result.as_dict() for result in getattr(self, name)] for name in tables},
            "means": {name: [result.as_dict() for result in found] for name, found in self.means.items()},
            "breakdowns": [breakdown.as_dict() for breakdown in self.breakdowns],
            "looks": self.looks.as_dict(),
            "refused": {name: over_at.isoformat() for name, over_at in self.refused.items()},
            "notes": list(self.notes),
        }


def measure(
    shop: Shop, campaign_id: str, settings: MeasureSettings | None = None, record: pd.DataFrame | None = None
) -> Measurement:
    """Return what a campaign changed.

    Parameters
    ----------
    shop
        The shop; it needs ``assignments``, and orders or interactions.
    campaign_id
        The campaign.
    settings
        How it is measured; default: `MeasureSettings`.
    record
        The audience's own record, for columns that the assignments table does not have.

    Raises
    ------
    InputError
        The campaign is not known, has no control or only one arm, or a probability lies outside (0, 1].
    LeftOutError
        The shop lacks a table that it takes.
    UnfinishedHorizonError
        None of the windows is over.
    """
    settings = settings or MeasureSettings()
    with campaign_rows(shop, campaign_id, settings, record) as rows:
        outcome = rows.campaign.outcome(settings)
        design = read_design(rows.assigned, settings.windows_days, shop.extract_end, shop.timezone)
        behaviour = read_behaviour(shop, rows, (*design.views, design.longest), outcome, settings.pre_days)
        material = Material(rows.campaign, settings, rows.assigned, design, behaviour)
        view = deciding(material)
        baskets = read_baskets(shop, rows, view, settings.pre_days)
        channels = read_channels(shop, rows, view, outcome)
        others = read_others(shop, rows, view, settings.control)
    # products of small matrices: threads would cost more than they bring
    with threadpool_limits(limits=1, user_api="blas"):
        found = measured(material, shop.currency, baskets, channels, others)
    return replace(found, notes=(*_notes_on_arms(shop, rows), *found.notes))


def _notes_on_arms(shop: Shop, rows: CampaignRows) -> Iterator[str]:
    """Say how many assignments are left out because their customers stand in several arms of one wave."""
    if rows.n_in_several_arms:
        yield f"{rows.n_in_several_arms:,} assignments {SEVERAL_ARMS}."
    report = shop.report.tables.get("assignments")
    for found in report.findings if report else ():
        if found.rule == "several_arms":
            yield f"{found.n_rows:,} assignments {SEVERAL_ARMS}, in this campaign or in others."


def measured(
    material: Material,
    currency: str,
    baskets: pd.DataFrame | None = None,
    channels: pd.DataFrame | None = None,
    others: Ints | None = None,
) -> Measurement:
    """Return what a campaign changed, from what was read of it.

    Parameters
    ----------
    material
        Assignments and behaviour.
    currency
        The unit of money.
    baskets, channels
        Pairs of unit and label: the categories that a unit bought (with ``is_new``), the channel it came through.
    others
        Units that other campaigns contacted in the window that decides; None: there are no other campaigns.
    """
    view, settings, design = deciding(material), material.settings, material.design
    headline = compare_arms(material, view, view.name)
    beside = sidak(settings.level, len(design.views) - 1)
    checks = checks_of(material, view, headline, others)
    by_column = [break_down(material, view, name) for name in dict.fromkeys((*settings.breakdowns, *settings.by))]
    return Measurement(
        campaign=material.campaign,
        settings=settings,
        outcome=material.campaign.outcome(settings),
        currency=currency,
        kind=design.kind,
        first_at=material.assigned.start.min().item(),
        last_at=material.assigned.start.max().item(),
        extract_end=design.extract_end,
        timezone=design.timezone,
        checks=checks,
        verdict=verdict_on(headline, view.name, settings.relevant_share, why_broken(checks), currency),
        headline=headline,
        windows=tuple(
            headline if one == view else compare_arms(material, one, one.name, level=beside) for one in design.views
        ),
        refused=design.refused,
        arms=by_arm(material, view),
        pairs=between_arms(material, view),
        means={name: found for name in ("channel", "offer") if (found := by_means(material, view, name))},
        breakdowns=tuple(found for found in (*by_column, by_decile(material, view)) if found),
        looks=daily_looks(material),
        categories=() if baskets is None else by_label(material, view, with_new(baskets)),
        channels=() if channels is None else by_label(material, view, channels),
        notes=notes_on(material, view),
    )


def deciding(material: Material) -> MeasuredWindow:
    """Return the window that the verdict rests on: the one asked for, else the longest that is over.

    It is over all waves, or while the last of them is still open, the first wave's.
    """
    design, days = material.design, material.settings.decision_days
    overall = [view for view in design.views if view.wave is None]
    asked = [view for view in overall or design.views if days in (None, view.days)]
    if asked:
        return min(asked, key=lambda view: (-view.days, view.wave or 0))
    name, over_at = next(item for item in design.refused.items() if f" {days} days" in item[0])
    raise UnfinishedHorizonError(
        f"the window '{name}'",
        "one that is over when the data ends",
        f"data up to {design.clock(design.extract_end)}; it is over at {design.clock(over_at)}",
        "Measure again then, or let another window decide",
    )


def daily_looks(material: Material) -> Looks:
    """Return what each day's look would have seen, up to the end of the longest window or of the data."""
    assigned, design = material.assigned, material.design
    first = assigned.start.min()
    rows = design.rows[assigned.start[design.rows] < np.datetime64(design.extract_end, "us")]
    rows, sample = sample_among(material, rows)
    ends = assigned.start[rows] + design.longest.ends(assigned.wave[rows])
    until = min(np.datetime64(design.extract_end, "us"), ends.max()) - first
    responded = material.behaviour.first_response[rows]
    return look_daily(
        sample,
        (assigned.start[rows] - first) / DAY,
        responded,
        float(until / DAY),
        level=material.settings.level,
        inflation=_inflation(sample, np.isfinite(responded)),
    )


def _inflation(sample: Sample, has_responded: npt.NDArray[np.bool_]) -> float:
    """Return by how much customers with several rows raise the variance of a difference."""
    if sample.clusters is None:
        return 1.0
    bare = replace(sample, covariates=np.empty((0, len(sample))))
    own, alone = (
        measure_effects(one, has_responded[np.newaxis].astype(np.float64))[0].plain.error
        for one in (bare, replace(bare, customer=None))
    )
    return max((own / alone) ** 2, 1.0) if alone > 0 else 1.0


def with_new(baskets: pd.DataFrame) -> pd.DataFrame:
    """Return baskets with a label for whoever bought a category that was new to them."""
    new = baskets.loc[baskets["is_new"], ["unit"]].drop_duplicates().assign(label=NEW_CATEGORY)
    return pd.concat([baskets[["unit", "label"]], new], ignore_index=True)


def notes_on(material: Material, view: MeasuredWindow) -> tuple[str, ...]:
    """Return what was left out of the comparison or taken for granted, in words."""
    design, assigned = material.design, material.assigned
    notes = [f"{n:,} assignments are left out because {why}." for why, n in design.left_out.items()]
    n_open = int((assigned.start + view.ends(assigned.wave) > np.datetime64(design.extract_end, "us")).sum())
    if n_open:
        notes.append(f"{n_open:,} customers entered so late that their window is not over; they are left out.")
    if len(assigned.waves[0]) > MOST_WAVES:
        notes.append(f"The campaign has {len(assigned.waves[0])} waves; they are shown together, not one by one.")
    if not np.isfinite(assigned.probability).any():
        notes.append("No probabilities were recorded: each arm's share of its wave is used instead.")
    if not any(name in assigned.extras for name in (*material.settings.breakdowns, *material.settings.by)):
        notes.append("No breakdown by stage or segment: no audience's record has them for this campaign.")
    notes += _notes_on_response(material)
    rows = design.rows_of(view, assigned)
    return (*notes, *_notes_on_money(material, material.outcomes(view, rows), view, rows))


def _notes_on_response(material: Material) -> Iterator[str]:
    behaviour, settings = material.behaviour, material.settings
    bought = behaviour.before.get("lines", np.zeros(1)).any() or any(
        own["orders"].any() for own in behaviour.sums.values()
    )
    outcome = material.campaign.outcome(settings)
    if not bought and outcome not in KINDS and outcome not in HAPPENINGS:
        yield (
            "None of these customers has ever bought, as far as the data shows. Choose another response, such as "
            "visits (outcome 'visit')."
        )
    contacted = material.assigned.contacted
    if settings.count_from == "contact" and (contacted is None or np.isnat(contacted).all()):
        yield "No contacts are recorded: windows begin at the assignment."


def _notes_on_money(
    material: Material, outcomes: Mapping[str, Floats], view: MeasuredWindow, rows: Positions
) -> Iterator[str]:
    if "revenue" not in outcomes:
        yield "Revenue and profit are left out: the orders have no amounts."
        return
    if "margin" not in outcomes:
        yield "Profit is left out: no item's cost is known. Set a margin share to have it estimated."
    elif material.settings.margin_share is None:
        known = material.known_share(view, rows)
        if known < ALL_KNOWN:
            yield (
                f"The cost of the goods is known for {known:.0%} of the revenue; the rest counts as no margin. "
                "Set a margin share to have it estimated."
            )
    if "cost" not in outcomes:
        yield "Costs are left out: the cost of a contact is not known for every arm. Add the arms' costs."
    elif material.assigned.redeemed is None and any(
        material.campaign.costs(arm, material.settings).redemption for arm in material.assigned.names[1:]
    ):
        yield "Redemptions are not recorded: every response of a treated customer counts as a redeemed offer."
