"""An audience as it was drawn, and how it is shown: as values for scripts, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Group
from rich.table import Table
from rich.text import Text

from penchant.overview import Overview, WithOverview

from ...models.inputs.estimate import Estimate
from ..goals.catalogue import Goal
from ..goals.offers import CONTROL
from .cut import Cut
from .depth import Depth
from .expected_profit import Basis
from .expected_result import Expected
from .settings import AudienceSettings

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN = (
    *("customer_id", "arm", "rank", "stage", "segment", "propensity", "uplift", "expected_value", "expected_cost"),
    *("expected_profit", "reason_1", "reason_2", "reason_3", "recommended_category", "channel", "offer_kind"),
)
MOST_SHOWN = 20


@dataclass(frozen=True, eq=False, repr=False)
class Audience(WithOverview):
    """Who is contacted and who is held out in one wave.

    Attributes
    ----------
    goal, settings
        What was asked for; the arms and the holdout as they were used.
    record
        One row per customer of the audience, best first, in the schema of ``assignments`` with more columns.
    starts_at
        When the campaign's first wave was assigned.
    n_candidates, n_eligible, n_ranked
        How many there were before eligibility, before exclusions, and before the cut.
    excluded
        Reason -> (customers it holds for, those for whom it is the first).
    cut
        Where the list ends, and why.
    basis
        What the ranking rests on.
    notes
        What was taken for granted or left out, in words.
    depth
        What the ranked list brings at growing depths, the part below the cut included.
    """

    goal: Goal
    settings: AudienceSettings
    record: pd.DataFrame
    starts_at: datetime
    n_candidates: int
    n_eligible: int
    n_ranked: int
    excluded: Mapping[str, tuple[int, int]]
    cut: Cut
    basis: Basis
    notes: tuple[str, ...]
    depth: tuple[Depth, ...] = ()

    @property
    def treated(self) -> pd.DataFrame:
        """The rows that are contacted."""
        return self.record[self.record["arm"] != CONTROL]

    @property
    def expected(self) -> Expected:
        """What contacting the treated is expected to bring."""
        return expected_of(self.treated)

    def overview(self) -> Overview:
        """Return how many customers were left after each step, and what contacting them is expected to bring."""
        wave, profit = self.settings.wave, self.expected.profit
        lines = [f"expected profit {profit:,.0f}, by {self.basis}", *self.notes]
        rows = [(name, f"{count:,}") for name, count in _path(self)]
        title = f"Audience '{wave.campaign_id}', wave {wave.number}: {self.goal.name} ({self.goal.moves})"
        return Overview(title, lines, ("", "customers"), rows, "Everyone on it: audience.record, best first.")

    def as_dict(self) -> dict[str, Any]:
        """Return sizes, exclusions, expectations and notes by name."""
        return audience_dict(self)

    def render(self) -> Any:
        """Return what a terminal shows, for rich."""
        return audience_view(self)


def expected_of(treated: pd.DataFrame) -> Expected:
    """Return what contacting the rows of a record is expected to bring."""

    def total(name: str) -> Estimate:
        return Estimate(*(float(treated[name + end].sum(skipna=False)) for end in ("", "_low", "_high")))

    return Expected(total("uplift"), total("expected_value"), float(treated["expected_cost"].sum()))


def audience_dict(audience: Audience) -> dict[str, Any]:
    """Return an audience's sizes, exclusions, expectations and notes."""
    record, wave = audience.record, audience.settings.wave
    return {
        "campaign_id": wave.campaign_id,
        "wave": wave.number,
        "as_of": wave.at.isoformat(),
        "seed": wave.seed,
        "goal": audience.goal.as_dict(),
        "basis": audience.basis,
        "n_candidates": audience.n_candidates,
        "n_eligible": audience.n_eligible,
        "excluded": {
            name: {"customers": all_, "first_reason": first} for name, (all_, first) in audience.excluded.items()
        },
        "n_ranked": audience.n_ranked,
        "n_chosen": audience.cut.n,
        "cut_by": audience.cut.reason,
        "n_exploring": int(record["is_exploring"].sum()),
        "n_treated": len(audience.treated),
        "n_control": int((record["arm"] == CONTROL).sum()),
        "expected": audience.expected.as_dict(),
        "arms": [{"arm": name, **counts} for name, counts in counts_by_arm(record).items()],
        "stages": record["stage"].value_counts(dropna=False, sort=True).rename(str).to_dict(),
        "notes": list(audience.notes),
        "depth": [each.as_dict() for each in audience.depth],
    }


def some_rows(record: pd.DataFrame, most: int = MOST_SHOWN) -> list[dict[str, Any]]:
    """Return the first rows of a record with what a person looks at: who, which arm, what is expected, and why."""
    rows = record[[name for name in SHOWN if name in record]].head(most).astype(object)
    found = rows.where(rows.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in found]


def counts_by_arm(record: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return for each arm of a record its customers, and for treatments the expected cost and profit."""
    found: dict[str, dict[str, float]] = {}
    for arm, rows in record.groupby("arm", sort=True):
        sums = {name: float(rows[name].sum()) for name in ("expected_cost", "expected_profit")}
        found[str(arm)] = {"customers": len(rows)} | ({} if arm == CONTROL else sums)
    return found


def audience_view(audience: Audience) -> RenderableType:
    """Return tables for a terminal."""
    wave = audience.settings.wave
    path = Table(
        title=f"{wave.campaign_id}, wave {wave.number}: {audience.goal.name} ({audience.goal.moves})",
        title_justify="left",
    )
    path.add_column("")
    path.add_column("customers", justify="right")
    for name, count in _path(audience):
        path.add_row(name, f"{count:,}")
    notes = [Text(f"· {note}") for note in audience.notes]
    return Group(path, _expectation(audience), *notes)


def _path(audience: Audience) -> list[tuple[str, int]]:
    """Return how many customers were left after each step."""
    record = audience.record
    excluded = [(f"  − {name}", first) for name, (_, first) in audience.excluded.items() if first]
    return [
        ("candidates", audience.n_candidates),
        ("eligible", audience.n_eligible),
        *excluded,
        ("ranked", audience.n_ranked),
        (f"chosen (ended by: {audience.cut.reason})", audience.cut.n),
        ("exploring below the cut", int(record["is_exploring"].sum())),
        ("contacted", len(audience.treated)),
        ("held out", int((record["arm"] == CONTROL).sum())),
    ]


def _expectation(audience: Audience) -> RenderableType:
    table = Table(title=f"expected, by {audience.basis}", title_justify="left")
    for column in ("", "value", "low", "high"):
        table.add_column(column, justify="left" if not column else "right")
    for row in audience.expected.rows():
        table.add_row(*row)
    return table
