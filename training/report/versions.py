"""The comparison of a task's versions as one page: who leads, curves laid over each other, and whom they rank apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import roc_curve

from penchant.charts import Axis, Curve, lines
from penchant.page import Block, Page, PageColumn, PageSection, Picture, Prose, Table, Words

from ...models.evaluation.comparison import Verdict
from ...models.evaluation.curves import calibration_curve, decile_table
from ...models.evaluation.metrics import evaluate
from ..checks import MAIN_METRIC
from ..versions.compare import Place, Standings

MOST_DRAWN = 6
MOST_APART = 15  # customers whom two models rank most differently
FEWEST_OF_A_STAGE = 100
DRAWS_BY_STAGE = 200
SHOWN = ("auc", "log_loss", "brier", "lift_top_tenth", "rmse", "spearman", "spend_top_tenth", "bias_percent")
TONES: dict[Verdict, Any] = {"better": "good", "worse": "bad", "not separable": "open"}


def versions_page(found: Standings, shop: str, facts: Mapping[str, str]) -> Page:
    """Return the comparison as a page.

    Parameters
    ----------
    found
        Versions and baselines on one test.
    shop
        The shop's name.
    facts
        What it was made from, name -> text; stands at the page's foot.
    """
    drawn = [place.name for place in found.places][:MOST_DRAWN]
    curves = [_gains(found, drawn)]
    if found.kind == "binary":
        curves = [_roc(found, drawn), *curves, _calibration(found, drawn)]
    sections = [
        PageSection("Who leads", (_leaderboard(found), *_not_ranked(found))),
        PageSection("Laid over each other", tuple(curves)),
        *([PageSection("By stage", (stages,))] if (stages := _by_stage(found, drawn)) else []),
        *([PageSection("Whom they rank apart", (apart,))] if (apart := _apart(found)) else []),
    ]
    lead = (
        f"{len(found.places)} models and baselines of '{found.task}' on {len(found.outcomes.y):,} customers of "
        f"{found.day}, {found.span.horizon_days} days; each compared with {found.reference} on the same customers."
    )
    return Page(f"Versions of {found.task}: {shop}", lead, tuple(sections), facts)


def _leaderboard(found: Standings) -> Table:
    main = MAIN_METRIC[found.kind]
    shown = [name for name in SHOWN if found.places and name in found.places[0].metrics]
    columns = (
        PageColumn("Model"),
        PageColumn(f"{main.upper()}, against {found.reference}"),
        *(PageColumn(name.replace("_", " "), ",.4g") for name in shown),
    )
    rows = [(_name(place), _verdict(place, main), *(place.metrics[name] for name in shown)) for place in found.places]
    strong = frozenset(number for number, place in enumerate(found.places) if "champion" in place.aliases)
    return Table(columns, rows, "The best first, with 95 % intervals over customers.", strong=strong)


def _name(place: Place) -> str:
    alias = f" ({', '.join(place.aliases)})" if place.aliases else ""
    return f"{place.name.replace('_', ' ')}{alias}"


def _verdict(place: Place, metric: str) -> Words | str:
    comparison = place.against.get(metric)
    if comparison is None:
        return "the reference"
    return Words(f"{comparison.verdict} ({comparison.difference.value:+,.3g})", TONES[comparison.verdict])


def _not_ranked(found: Standings) -> tuple[Block, ...]:
    told = [f"Not ranked: {name}, because {reason}." for name, reason in found.not_ranked.items()]
    told += [f"Left out: {name.replace('_', ' ')} ({reason})." for name, reason in found.baselines_left_out.items()]
    return (Prose(tuple(told)),) if told else ()


def _roc(found: Standings, names: Sequence[str]) -> Picture:
    curves = []
    for name in names:
        false, true, _ = roc_curve(found.outcomes.y, found.scores[name])
        at = np.linspace(0, 1, 101)
        curves.append(Curve(name.replace("_", " "), at, np.interp(at, false, true)))
    chance = Curve("chance", [0, 1], [0, 1], reference=True)
    axes = Axis("Share of the others found too", ".0%"), Axis("Share of the outcomes found", ".0%")
    return Picture(lines([*curves, chance], *axes), "ROC: the further up and to the left, the better the order.")


def _gains(found: Standings, names: Sequence[str]) -> Picture:
    curves = []
    for name in names:
        kind = "count" if found.outcomes.y.min() < 0 else found.outcomes.kind
        table = decile_table(found.outcomes.y, found.scores[name], kind=kind, groups=found.outcomes.customer_id)
        curves.append(Curve(name.replace("_", " "), [0.0, *(table["decile"] / 10)], [0.0, *table["gains"]]))
    at_random = Curve("at random", [0, 1], [0, 1], reference=True)
    axes = Axis("Share of customers, highest score first", ".0%"), Axis("Share of outcomes", ".0%")
    return Picture(lines([*curves, at_random], *axes), "Gains: how many of all outcomes the highest scores hold.")


def _calibration(found: Standings, names: Sequence[str]) -> Picture:
    curves = []
    for name in names:
        table = calibration_curve(found.outcomes.y, found.scores[name], groups=found.outcomes.customer_id)
        if len(table) > 1:
            curves.append(Curve(name.replace("_", " "), table["mean_score"], table["rate"]))
    held = Curve("held", [0, 1], [0, 1], reference=True)
    axes = Axis("Promised probability", ".0%"), Axis("Share that came", ".0%")
    return Picture(lines([*curves, held], *axes), "Calibration: on the line, probabilities can be taken at their word.")


def _by_stage(found: Standings, names: Sequence[str]) -> Table | None:
    if found.stage is None:
        return None
    main, rows = MAIN_METRIC[found.kind], []
    for stage in sorted({str(value) for value in found.stage if value is not None and value == value}):
        own = found.stage == stage
        y = found.outcomes.y[own]
        if own.sum() < FEWEST_OF_A_STAGE or (found.kind == "binary" and not 0 < y.sum() < len(y)):
            continue
        same: dict[str, Any] = {"kind": found.outcomes.kind, "groups": found.outcomes.customer_id[own]}
        numbers = [evaluate(y, found.scores[n][own], n_draws=DRAWS_BY_STAGE, **same)[main] for n in names]
        rows.append((stage.replace("_", " "), int(own.sum()), *numbers))
    columns = (
        PageColumn("Stage"),
        PageColumn("Customers", ",d"),
        *(PageColumn(n.replace("_", " "), ",.3f") for n in names),
    )
    return Table(columns, rows, f"{main.upper()} of the customers of each stage, with its interval.") if rows else None


def _apart(found: Standings) -> Table | None:
    """Return the customers whom the two best versions rank most differently; None where there are not two."""
    names = [place.name for place in found.places if place.what != "baseline"][:2]
    if len(names) < 2:
        return None
    percent = [100 * (rankdata(found.scores[name]) - 0.5) / len(found.outcomes.y) for name in names]
    order = np.argsort(-np.abs(percent[0] - percent[1]), kind="stable")[:MOST_APART]
    y, stage = np.asarray(found.outcomes.y), found.stage
    rows = [
        (
            str(found.outcomes.customer_id[i]),
            "" if stage is None else str(stage[i]).replace("_", " "),
            float(percent[0][i]),
            float(percent[1][i]),
            float(y[i]),
        )
        for i in order
    ]
    columns = (
        PageColumn("Customer"),
        PageColumn("Stage"),
        *(PageColumn(f"{name}, percentile", ".0f") for name in names),
        PageColumn("Came", ",.4g"),
    )
    return Table(columns, rows, "100 = the highest score. Look at these customers to see what the models disagree on.")
