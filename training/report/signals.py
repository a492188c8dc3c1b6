"""What a model looks at: the report's section on its signals, by SHAP values of some rows of the test."""

from __future__ import annotations

import numpy as np
import pandas as pd

from penchant.charts import Axis, Curve, Series, lines, points
from penchant.page import Block, PageColumn, Picture, Table

from ...models.estimators.sklearn_model import SklearnModel
from ...models.explain.dependence import MISSING, by_value
from ..train import Trained

N_IMPORTANT = 15
N_DRAWN = 6
FEWEST_ON_A_LINE = 3


def signal_blocks(trained: Trained) -> tuple[Block, ...]:
    """Return the table of the signals that matter most, and a chart for each of the first."""
    weights = _weights(trained)
    top = [str(name) for name in weights.index[:N_IMPORTANT] if weights[name] > 0]
    drawn = [Picture(_dependence_chart(trained, name), _caption(trained, name)) for name in top[:N_DRAWN]]
    return (_table(trained, weights, top), *drawn)


def _weights(trained: Trained) -> pd.Series[float]:
    return trained.explained.abs().mean().sort_values(ascending=False, kind="stable")


def importance_chart(trained: Trained) -> str:
    """Return the mean absolute contributions as SVG."""
    weights = _weights(trained).head(N_IMPORTANT)
    axis = Axis("Mean absolute contribution to " + _scale(trained), ".2f")
    return points([str(name) for name in weights.index], [Series("model", list(weights))], axis)


def importance_table(trained: Trained) -> pd.DataFrame:
    """Return how far each signal moves a score on average, and its share, the most important first."""
    weights = _weights(trained)
    meaning = {column.name: column.meaning for column in trained.columns}
    total = max(float(weights.sum()), 1e-300)
    rows = [(name, meaning.get(str(name), ""), weight, weight / total) for name, weight in weights.items()]
    return pd.DataFrame(rows, columns=["signal", "meaning", "moves_a_score_by", "share"])


def _table(trained: Trained, weights: pd.Series[float], top: list[str]) -> Table:
    meaning = {column.name: column.meaning for column in trained.columns}
    total = max(float(weights.sum()), 1e-300)
    rows = [(name, meaning[name], float(weights[name]), float(weights[name]) / total) for name in top]
    columns = (
        PageColumn("Signal"),
        PageColumn("Meaning"),
        PageColumn("Moves a score by", ".2f", f"mean, in {_scale(trained)}"),
        PageColumn("Share", ".1%"),
    )
    if isinstance(trained.model, SklearnModel):
        told = (
            f"How far the scores of {len(trained.shown):,} customers of the test would move were one signal as usual."
        )
        return Table(columns, rows, f"{told} The charts below show in which direction.")
    caption = (
        f"SHAP values of the model in use on {len(trained.shown):,} customers of the test: how far each signal moves a "
        "score from the average, up or down. The charts below show in which direction."
    )
    return Table(columns, rows, caption)


def _scale(trained: Trained) -> str:
    if trained.is_binary:
        return "log-odds"
    return "the amount" if isinstance(trained.model, SklearnModel) else "log amount"


def _caption(trained: Trained, name: str) -> str:
    column = next(column for column in trained.columns if column.name == name)
    unit = f" ({column.unit})" if getattr(column, "unit", "") else ""
    return (
        f"{column.meaning[:1].upper()}{column.meaning[1:]}{unit}: how the score moves with it. "
        "The band holds nine of ten customers: what else is known of them moves it within."
    )


def _dependence_chart(trained: Trained, name: str) -> str:
    """Return how the score moves with a signal: a line over numbers, points for categories and few values."""
    table = by_value(trained.shown[name], trained.explained[name].to_numpy())
    y = Axis(f"Moves {_scale(trained)} by", "+.2f")
    known = table[table["value"] != MISSING]
    is_text = known["value"].map(lambda value: isinstance(value, str)).any()
    if is_text or len(known) < FEWEST_ON_A_LINE:
        labels = [value if isinstance(value, str) else f"{value:,.4g}" for value in table["value"]]
        return points(labels, [Series(name, list(table["contribution"]))], y)
    at = known["value"].to_numpy(np.float64)
    middle, low, high = (known[f"contribution{end}"].to_numpy(np.float64) for end in ("", "_low", "_high"))
    curves = [Curve(name, at, middle, low, high)]
    missing = table.loc[table["value"] == MISSING, "contribution"]
    if len(missing):
        level = float(missing.iloc[0])
        curves.append(Curve("missing", [at[0], at[-1]], [level, level], reference=True))
    return lines(curves, Axis(name.replace("_", " ")), y, zero_line=True)
