"""Pictures of cohorts: a heat map of cohort and age, and a curve for each of the largest."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...models.inputs.estimate import Estimate

MOST_CURVES = 6
FORMS = {"retention": ".0%"}
TITLES = {
    "retention": "share that bought",
    "revenue_cumulative": "revenue per customer so far",
    "margin_cumulative": "margin per customer so far",
}


def cohort_heatmap(cells: pd.DataFrame, name: str, unit: str) -> str:
    """Return a heat map of cohorts and ages.

    Parameters
    ----------
    cells
        As `penchant.serving.insight.cohorts.cohort_cells` gives them.
    name
        The column to show.
    unit
        Of ages: months or weeks.
    """
    from penchant.charts import Axis, heatmap  # draws with what takes long to import

    table = cells.assign(shown=_numbers(cells[name])).pivot(index="cohort", columns="age", values="shown")
    open_ = cells.pivot(index="cohort", columns="age", values="is_finished").reindex_like(table)
    sizes = cells.groupby("cohort")["n_customers"].max()
    labels = [f"{cohort} ({sizes[cohort]:,})" for cohort in table.index]
    is_open = open_.notna() & (open_ != True)  # noqa: E712  # of objects, with what is missing
    axis = Axis(TITLES[name], FORMS.get(name, ",.0f" if table.max().max() >= 100 else ",.1f"))
    return heatmap(labels, [f"{age}" for age in table.columns], table, is_open, Axis(f"{unit} since"), axis)


def cohort_curves(cells: pd.DataFrame, name: str, unit: str) -> str:
    """Return a curve for each of the largest cohorts, over the ages whose period is over; shares with their bands."""
    from penchant.charts import Axis, Curve, lines  # as above

    over = cells[cells["is_finished"].astype(bool)]
    largest = (
        over.groupby("cohort")["n_customers"].max().sort_values(ascending=False, kind="stable").index[:MOST_CURVES]
    )
    curves = []
    for cohort in sorted(largest, key=str):
        own = over[over["cohort"] == cohort].sort_values("age")
        own = own[own["age"] > 0] if name == "retention" else own  # everyone bought at age 0
        x, values = own["age"].to_numpy(), _numbers(own[name])
        if name == "retention" and len(own):
            low, high = (np.array([getattr(cell, end) for cell in own[name]]) for end in ("low", "high"))
            curves.append(Curve(str(cohort), x, values, low, high))
        elif len(own):
            curves.append(Curve(str(cohort), x, values))
    y = Axis(TITLES[name], FORMS.get(name, ",.0f"))
    return lines(curves, Axis(f"{unit} since the first order", ",.0f"), y)


def _numbers(values: pd.Series) -> np.ndarray:
    return np.array([value.value if isinstance(value, Estimate) else value for value in values], dtype=np.float64)
