"""What the report of an uplift's training says: what was asked, whether it was a trial, and what the model gains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.charts import Axis, Curve, Series, lines, reliability
from penchant.page import Banner, KeyFigure, KeyFigures, PageColumn, PageSection, Picture, Prose, Table, Words

from ...models.decisions.budgets import BudgetCurve
from ...models.evaluation.qini import UpliftCurve
from ..uplift.evaluate import AT_DEPTH, MAIN, STACK, ArmBoard
from ..uplift.train import TrainedUplift
from .parts import baselines_table, checks_block

NAMES = {
    STACK: "uplift stack",
    "random": "random list",
    "average_effect": "average effect for everyone",
    "response_model": "response model",
    "one_column_rule": "best one-column rule",
    "ridge_dr": "ridge, doubly robust",
}
DRAWN = ("response_model", "one_column_rule", "ridge_dr")  # the constants are the straight line
QINI = "What is gained, the better the higher, when only the best-scored share is contacted, with 95 % bands."
SHOWN = (MAIN, "auuc", "autoc", "policy_value")
TITLES = {
    MAIN: "Qini",
    "auuc": "AUUC",
    "uplift_at_10": "The best 10 %",
    "uplift_at_20": "The best 20 %",
    "uplift_at_30": "The best 30 %",
    "autoc": "AUTOC",
    "policy_value": "Contacting the best 30 %",
}


def uplift_sections(trained: TrainedUplift, charts: Mapping[str, str]) -> tuple[PageSection, ...]:
    """Return the sections of an uplift's report, with its `uplift_pictures` in them."""
    sections = [
        PageSection("What was asked", (_asked(trained), _waves(trained))),
        PageSection("Is it a randomised trial?", (checks_block(trained.checks),)),
    ]
    for board, ending in zip(trained.boards, _endings(trained), strict=True):
        own = {kind: charts[f"{kind}{ending}.svg"] for kind in ("qini", "calibration", "profit")}
        sections += _of_arm(trained, board, own)
    if trained.budget:
        picture = _budget(trained.budget, charts["budget.svg"])
        sections.append(PageSection("What a budget brings, shared among the treatments", (picture,)))
    return tuple(sections)


def uplift_pictures(trained: TrainedUplift) -> dict[str, str]:
    """Return the report's charts as SVG by file name."""
    found = {}
    for board, ending in zip(trained.boards, _endings(trained), strict=True):
        found[f"qini{ending}.svg"] = _qini_chart(board, trained)
        found[f"calibration{ending}.svg"] = _calibration_chart(board)
        found[f"profit{ending}.svg"] = _profit_chart(board, trained)
    if trained.budget:
        found["budget.svg"] = _budget_chart(trained.budget, trained)
    return found


def _endings(trained: TrainedUplift) -> list[str]:
    """Return what the names of each treatment's charts end in."""
    n = len(trained.boards)
    return [""] if n == 1 else [f"_{number + 1}" for number in range(n)]


def _unit(trained: TrainedUplift) -> str:
    return trained.asked.outcome if trained.rows.is_binary else f"units of {trained.asked.outcome}"


def uplift_lead(trained: TrainedUplift) -> str:
    """Return what the numbers allow to say of each treatment."""
    return " ".join((f"'{board.arm}': " if len(trained.boards) > 1 else "") + board.verdict for board in trained.boards)


def _asked(trained: TrainedUplift) -> Prose:
    asked = trained.asked
    within = f" within {asked.horizon_days} days of the assignment" if asked.horizon_days else ""
    told = [
        f"What does a contact change in '{asked.outcome}'{within}, and for whom? {asked.source}",
        f"{trained.split.words} All numbers are theirs, per 1,000 customers, with 95 % intervals over customers. "
        f"In use: the same stack, refitted on all {len(trained.rows):,} rows.",
        "A single customer's own effect may lie far from its prediction ('predict_uplift(X, interval=True)' says how "
        "far): what can be vouched for is that of groups, as the deciles below show.",
    ]
    if trained.rows.not_used:
        told.append("Not used: " + " ".join(trained.rows.not_used))
    return Prose(tuple(told))


def _waves(trained: TrainedUplift) -> Table:
    share = ".1%" if trained.rows.is_binary else ",.3f"
    rows = [
        (row.wave, str(row.assigned_at)[:10] if trained.rows.as_of is not None else None, row.arm, row.n, row.rate)
        for row in trained.rows.by_wave().itertuples()
    ]
    columns = (
        PageColumn("Wave"),
        PageColumn("Assigned"),
        PageColumn("Arm"),
        PageColumn("Customers", ",d"),
        PageColumn("Outcome", share),
    )
    return Table(
        columns, rows, "The waves that were learned from, by arm, and the share with the outcome (or its mean)."
    )


def _of_arm(trained: TrainedUplift, board: ArmBoard, charts: Mapping[str, str]) -> list[PageSection]:
    found = trained.model.findings_[board.arm]
    name = f"'{board.arm}': " if len(trained.boards) > 1 else ""
    qini = board.metrics[MAIN]
    tone = "good" if qini.low > 0 else "bad" if qini.high < 0 else "open"
    banner = Banner(Words(board.verdict, tone), f"The model in use: {found.words}")  # type: ignore[arg-type]
    return [
        PageSection(f"{name}What it changes", (banner, _figures(board), _leaderboard(board), _best(board))),
        PageSection(f"{name}How much of it the ranking finds", (Picture(charts["qini"], QINI),)),
        PageSection(f"{name}Do the predictions come true?", (_calibration(board, charts), _deciles(board))),
        PageSection(f"{name}How many to contact", (_profit(board, trained, charts["profit"]),)),
        PageSection(f"{name}What the stack is made of", (_parts(trained, board),)),
    ]


def _figures(board: ArmBoard) -> KeyFigures:
    own = board.metrics
    return KeyFigures(
        (
            KeyFigure("Contacting everyone", board.average_effect, "+,.1f", "changes, per 1,000 customers"),
            KeyFigure("Qini of the stack", own[MAIN], "+,.1f", "over a random list, per 1,000 customers"),
            KeyFigure("The best 10 %", own["uplift_at_10"], "+,.1f", "effect per 1,000 of them"),
            KeyFigure("Slope", board.calibration.slope, ".2f", "1: predicted differences come true"),
        )
    )


def _leaderboard(board: ArmBoard) -> Table:
    caption = (
        f"On the same {board.n_rows:,} rows, per 1,000 customers. Qini: gained over a random list, on average over all "
        "depths; AUUC: gained over contacting nobody. A constant score ranks as a random list does."
    )
    columns = {name: PageColumn(TITLES[name], "+,.1f") for name in SHOWN}
    ours, title = NAMES[STACK], TITLES[MAIN]
    return baselines_table(board, MAIN, columns, caption, ours=ours, title=title, form="+,.1f", name=NAMES.__getitem__)


def _best(board: ArmBoard) -> Table:
    columns = (PageColumn("Score"), *(PageColumn(TITLES[name], "+,.1f") for name in AT_DEPTH))
    rows = [
        (NAMES[score], *(own[name] for name in AT_DEPTH))
        for score, own in {STACK: board.metrics, **board.baselines}.items()
    ]
    caption = "What contacting changes among the best-scored, per 1,000 of them."
    return Table(columns, rows, caption, strong=frozenset({0}))


def _qini_chart(board: ArmBoard, trained: TrainedUplift) -> str:
    own = board.curves[STACK]
    shown = [_drawn(NAMES[STACK], own), *(_drawn(NAMES[name], board.curves[name]) for name in DRAWN)]
    by_lot = Curve(NAMES["random"], own.depth, own.by_chance, reference=True)
    return lines(
        [*shown, by_lot],
        Axis("Share of customers contacted, best score first", ".0%"),
        Axis(f"Extra {_unit(trained)} per 1,000 customers", ",.0f"),
        zero_line=True,
    )


def _drawn(name: str, curve: UpliftCurve) -> Curve:
    return Curve(name, curve.depth, curve.gain, curve.low, curve.high)


def _budget_chart(found: BudgetCurve, trained: TrainedUplift) -> str:
    alike = Curve("all customers taken to be alike", found.budget, found.untargeted, reference=True)
    return lines(
        [Curve(NAMES[STACK], found.budget, found.gain, found.low, found.high), alike],
        Axis("Contacts per 1,000 customers", ",.0f"),
        Axis(f"Extra {_unit(trained)} per 1,000 customers", ",.0f"),
        zero_line=True,
    )


def _budget(found: BudgetCurve, chart: str) -> Picture:
    return Picture(
        chart,
        "Each contact goes to the customer and with the treatment that gain most by the prediction, with its 95 % "
        "band, on customers that the model has not seen. On average over all budgets it brings "
        f"{found.over_untargeted:+,.1f} per 1,000 customers more than taking all customers to be alike.",
    )


def _calibration_chart(board: ArmBoard) -> str:
    bins = board.calibration.bins
    came = Series("realised", [one.realised for one in bins])
    return reliability(
        [one.predicted for one in bins],
        came,
        Axis("Predicted uplift per 1,000 customers", ",.0f"),
        Axis("Realised uplift per 1,000 customers", ",.0f"),
    )


def _calibration(board: ArmBoard, charts: Mapping[str, str]) -> Picture:
    return Picture(
        charts["calibration"],
        f"A point for each tenth of the customers by predicted uplift. On the whole: {board.calibration}.",
    )


def _deciles(board: ArmBoard) -> Table:
    rows = [(one.decile, one.share, one.predicted, one.realised) for one in board.calibration.bins]
    columns = (
        PageColumn("Decile", "d", "1 = highest predicted"),
        PageColumn("Share of customers", ".0%"),
        PageColumn("Predicted", "+,.1f"),
        PageColumn("Realised", "+,.1f"),
    )
    return Table(columns, rows, f"Uplift per 1,000 customers. The lowest-scored: {board.dogs_in_words}.")


def _profit_chart(board: ArmBoard, trained: TrainedUplift) -> str:
    curve = board.profit.curve
    by_lot = Curve(NAMES["random"], curve.depth, curve.by_chance, reference=True)
    return lines(
        [_drawn(NAMES[STACK], curve), by_lot],
        Axis("Share of customers contacted, best score first", ".0%"),
        Axis(f"Extra {_worth(trained)} per 1,000 customers", ",.0f"),
        zero_line=True,
    )


def _worth(trained: TrainedUplift) -> str:
    is_paid = {"margin": "margin", "amount": "amount paid"}
    return is_paid.get(trained.rows.money_is, _unit(trained))


def _profit(board: ArmBoard, trained: TrainedUplift, chart: str) -> Picture:
    less = f", less {trained.rows.cost:g} for each contact" if trained.rows.cost else ""
    return Picture(
        chart,
        f"In {_worth(trained)}{less}; what offers cost beyond a lower price is not in it. "
        f"{str(board.profit).capitalize()}.",
    )


def _parts(trained: TrainedUplift, board: ArmBoard) -> Table:
    found = trained.model.findings_[board.arm]
    rows: list[tuple[Any, ...]] = [(part.name, part.weight, part.share) for part in found.parts]
    apart = "tell" if found.tells_apart else "do not tell"
    return Table(
        (PageColumn("Part"), PageColumn("Weight", ".3f"), PageColumn("Share of the spread", ".0%")),
        rows or [("the average effect for everyone", None, None)],
        f"What the model in use takes of each part beyond the average effect. The data {apart} customers apart by "
        f"their uplift (belief {found.believed:.0%}).",
    )
