"""What the report of a task's training says: what was asked, of whom, how well it went, and against what."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from penchant.charts import Axis, Curve, Series, lines, reliability
from penchant.page import KeyFigure, KeyFigures, PageColumn, PageSection, Picture, Prose, Table

from ...models.inputs.estimate import Estimate
from ..train import MAIN_METRIC, Trained
from .parts import baselines_table, checks_block
from .signals import importance_chart, signal_blocks
from .summary import left_out_line, verdict_banner

SHOWN = ("auc", "brier", "lift_top_tenth", "rmse", "mae", "spearman", "spend_top_tenth")
IN_MONEY = ("rmse", "mae")
GAINS, CALIBRATION = "gains.svg", "calibration.svg"


def task_sections(trained: Trained, charts: Mapping[str, str]) -> tuple[PageSection, ...]:
    """Return the sections of a task's report, with its `task_pictures` in them."""
    return (
        PageSection("In short", (verdict_banner(trained), _figures(trained))),
        PageSection("What was asked", (_asked(trained), _snapshots(trained))),
        PageSection("Beside the baselines", (_leaderboard(trained), *_absent(trained))),
        PageSection("Whom it finds", (_gains(charts), _deciles(trained))),
        *((PageSection("Are the probabilities right?", (_calibration(charts),)),) if trained.is_binary else ()),
        PageSection("What it looks at", signal_blocks(trained)),
        PageSection("Checks before you trust it", (checks_block(trained.checks),)),
    )


def task_pictures(trained: Trained) -> dict[str, str]:
    """Return the report's charts as SVG by file name."""
    found = {GAINS: _gains_chart(trained), "importance.svg": importance_chart(trained)}
    return found | {CALIBRATION: _calibration_chart(trained)} if trained.is_binary else found


def task_lead(trained: Trained) -> str:
    """Return what the model says and how well it did, in two sentences."""
    days, when = trained.span.horizon_days, trained.schedule.day(trained.schedule.test)
    metrics = trained.board.metrics
    since = f"On the customers of {when}, after everything it learned from was complete,"
    if not trained.is_binary:
        found = metrics["spearman"]
        return (
            f"What to expect of each customer within {days} days: {trained.task.meaning}. {since} the rank correlation "
            f"with what happened was {found.value:.2f} ({found.low:.2f} to {found.high:.2f}; 1 is the same order)."
        )
    auc = metrics["auc"]
    return (
        f"The chance of '{trained.task.meaning}' within {days} days. {since} the model put the right customer first "
        f"in {auc.value:.1%} of pairs ({auc.low:.1%} to {auc.high:.1%})."
    )


def _figures(trained: Trained) -> KeyFigures:
    metrics = trained.board.metrics
    bias = KeyFigure("Bias", metrics["bias_percent"], "+.1f", "per cent, mean prediction against what happened")
    if trained.is_binary:
        found = [
            KeyFigure("AUC", metrics["auc"], ".3f", "0.5 is chance"),
            KeyFigure("Top tenth's lift", metrics["lift_top_tenth"], ".2f", "times the average rate"),
            KeyFigure("Base rate", metrics["base_rate"], ".1%", "of those eligible in the test"),
        ]
    else:
        found = [
            KeyFigure("RMSE", metrics["rmse"], ",.2f", "in the currency's major unit"),
            KeyFigure("Top tenth's spend", metrics["spend_top_tenth"], ".1%", "of all that was spent"),
            KeyFigure("Mean", metrics["mean"], ",.2f", "of those eligible in the test"),
        ]
    return KeyFigures((*found, bias))


def _asked(trained: Trained) -> Prose:
    plan, split = trained.schedule, trained.split
    called = trained.estimator.replace("_", " ")
    other = f"Estimator: {called}, in the place of our model." if trained.is_foreign else ""
    return Prose(
        (
            *((other,) if other else ()),
            f"Horizon: {trained.basis}. Gap: {trained.span.gap_days} days.",
            f"Judged: a model that learned from {split.n_train:,} rows of {len(plan.train)} snapshots, the last on "
            f"{plan.day(plan.train[-1])}, on {split.n_test:,} rows of {plan.day(plan.test)}. All numbers are its.",
            f"In use: the same model refitted on all {split.n_used:,} rows of {len(plan.every)} finished snapshots.",
        )
    )


def _snapshots(trained: Trained) -> Table:
    told = "the share with the outcome" if trained.is_binary else "the average outcome"
    used = dict.fromkeys(trained.schedule.train, "training") | {trained.schedule.test: "test"}
    rows = [
        (trained.schedule.day(at), used.get(at, "refit"), row.n_eligible, row.base_rate)
        for row in trained.snapshots.itertuples()
        for at in [pd.Timestamp(str(row.as_of)).to_pydatetime()]
    ]
    came = PageColumn("Base rate", ".1%") if trained.is_binary else PageColumn("Mean", ",.2f")
    columns = (PageColumn("As of"), PageColumn("Used for"), PageColumn("Eligible", ",d"), came)
    return Table(columns, rows, f"Customers who were eligible at each snapshot, and {told}.")


def _leaderboard(trained: Trained) -> Table:
    shown = [name for name in SHOWN if name in trained.board.metrics]
    columns = {name: PageColumn(name.replace("_", " "), ",.4g" if name in IN_MONEY else ",.3f") for name in shown}
    caption = "On the same rows, with 95 % intervals over customers."
    return baselines_table(trained.board, MAIN_METRIC[trained.task.kind], columns, caption)


def _absent(trained: Trained) -> tuple[Prose, ...]:
    told = left_out_line(trained.board.left_out)
    return (Prose((told,)),) if told else ()


def _estimates(table: pd.DataFrame, name: str) -> list[Estimate]:
    bounds = (table[name], table[f"{name}_low"], table[f"{name}_high"])
    return [Estimate(*map(float, numbers)) for numbers in zip(*bounds, strict=True)]


def _deciles(trained: Trained) -> Table:
    table = trained.deciles
    share = ".1%" if trained.is_binary else ",.2f"
    columns = (
        PageColumn("Decile", "d", "1 = highest scored"),
        PageColumn("Customers", ",.0f"),
        PageColumn("Promised", share),
        PageColumn("Came", share),
        PageColumn("Lift", ".2f"),
        PageColumn("Outcomes up to here", ".1%"),
    )
    parts = (table["decile"], table["n"], table["mean_score"], table["rate"])
    rows = list(zip(*parts, _estimates(table, "lift"), _estimates(table, "gains"), strict=True))
    return Table(columns, rows, "The test's customers in tenths of the score.")


def _gains_chart(trained: Trained) -> str:
    table = trained.deciles
    depth = [0.0, *(table["decile"] / 10)]
    curve = Curve("model", depth, [0, *table["gains"]], [0, *table["gains_low"]], [0, *table["gains_high"]])
    at_random = Curve("at random", [0, 1], [0, 1], reference=True)
    return lines(
        [curve, at_random], Axis("Share of customers, highest score first", ".0%"), Axis("Share of outcomes", ".0%")
    )


def _gains(charts: Mapping[str, str]) -> Picture:
    return Picture(charts[GAINS], "How many of all outcomes are found among the customers with the highest scores.")


def _calibration_chart(trained: Trained) -> str:
    table = trained.calibration
    came = Series("came", _estimates(table, "rate"))
    return reliability(table["mean_score"], came, Axis("Promised probability", ".0%"), Axis("Share that came", ".0%"))


def _calibration(charts: Mapping[str, str]) -> Picture:
    return Picture(charts[CALIBRATION], "Where the points lie on the line, the probabilities are right.")
