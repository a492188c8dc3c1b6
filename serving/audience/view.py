"""How an audience is shown: as values for scripts, as tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from ..goals.offers import CONTROL

if TYPE_CHECKING:
    from rich.console import RenderableType

    from .draw import Audience


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
        "arms": [{"arm": name, **counts} for name, counts in by_arm(record).items()],
        "stages": record["stage"].value_counts(dropna=False, sort=True).rename(str).to_dict(),
        "notes": list(audience.notes),
    }


def by_arm(record: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return for each arm of a record its customers, and for treatments the expected cost and profit."""
    found: dict[str, dict[str, float]] = {}
    for arm, rows in record.groupby("arm", sort=True):
        sums = {name: float(rows[name].sum()) for name in ("expected_cost", "expected_profit")}
        found[str(arm)] = {"customers": len(rows)} | ({} if arm == CONTROL else sums)
    return found


def audience_view(audience: Audience) -> RenderableType:
    """Return tables for a terminal."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

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
    from rich.table import Table

    table = Table(title=f"expected, by {audience.basis}", title_justify="left")
    for column in ("", "value", "low", "high"):
        table.add_column(column, justify="left" if not column else "right")
    for row in audience.expected.rows():
        table.add_row(*row)
    return table
