"""The comparison of a task's versions as one page: who leads, curves laid over each other, and whom they rank apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import roc_curve

from penchant.charts import Axis, Curve, lines
from penchant.page import Block, Page, PageColumn, PageSection, Picture, Prose, Table, Words

from ...models.evaluation.curves import calibration_curve, decile_table
from ...models.evaluation.metrics import evaluate
from ...models.inputs.arrays import Floats
from ..checks import MAIN_METRIC
from ..versions.compare import Place, Standings
from .parts import verdict_words

MOST_DRAWN = 6
FEWEST_OF_A_STAGE = 100
DRAWS_BY_STAGE = 200
MOST_PRICED = 0.95  # share of customers whose promise lies below the dearest contact drawn
SHOWN = ("auc", "log_loss", "brier", "lift_top_tenth", "rmse", "spearman", "spend_top_tenth", "bias_percent")


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
    curves = [_gains(found, drawn), _profit(found, drawn)]
    if found.kind == "binary":
        curves = [_roc(found, drawn), *curves, _calibration(found, drawn)]
    sections = [
        PageSection("Who leads", (_leaderboard(found), *_not_ranked(found))),
        PageSection("Laid over each other", tuple(curves)),
        *(PageSection(f"By {name}", (table,)) for name in found.groups if (table := _by_group(found, drawn, name))),
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
    return verdict_words(comparison, "+,.3g")


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


def profit_by_cost(found: Standings, names: Sequence[str]) -> tuple[Floats, dict[str, Floats]]:
    """Return costs of a contact, and what each model brings there per 1,000 customers: an outcome counts as one.

    Whoever promises more than a contact costs is contacted. Amounts count as they are.

    References
    ----------
    Vickers & Elkin (2006), Decision curve analysis: a novel method for evaluating prediction models.
    """
    y = np.asarray(found.outcomes.y, dtype=np.float64)
    dearest = max(float(np.quantile(found.scores[name], MOST_PRICED)) for name in names)
    cost = np.linspace(0.0, max(dearest, 1e-9), 101)
    brings = {name: np.array([1000 * np.mean((y - c) * (found.scores[name] > c)) for c in cost]) for name in names}
    return cost, brings


def _profit(found: Standings, names: Sequence[str]) -> Picture:
    cost, brings = profit_by_cost(found, names)
    curves = [Curve(name.replace("_", " "), cost, profit) for name, profit in brings.items()]
    mean = float(np.mean(found.outcomes.y))
    everyone = Curve("everyone or nobody", cost, 1000 * np.maximum(mean - cost, 0.0), reference=True)
    is_binary = found.kind == "binary"
    axes = (
        Axis("Cost of a contact, as a share of what an outcome is worth" if is_binary else "Cost of a contact", ".2f"),
        Axis("Brings per 1,000 customers" + (", in outcomes" if is_binary else ""), ",.0f"),
    )
    told = (
        "Profit: at each cost of a contact, whoever promises more than it costs is contacted. Above the dashed line a "
        "model earns more than contacting everyone or nobody. All outcomes count as won; an uplift says how many are."
    )
    return Picture(lines([*curves, everyone], *axes), told)


def _by_group(found: Standings, names: Sequence[str], group: str) -> Table | None:
    """Return the main metric among the customers of each stage or segment; None where none holds enough."""
    main, rows, values = MAIN_METRIC[found.kind], [], found.groups[group]
    for stage in sorted({str(value) for value in values if value is not None and value == value}):
        own = values == stage
        y = found.outcomes.y[own]
        if own.sum() < FEWEST_OF_A_STAGE or (found.kind == "binary" and not 0 < y.sum() < len(y)):
            continue
        same: dict[str, Any] = {"kind": found.outcomes.kind, "groups": found.outcomes.customer_id[own]}
        numbers = [evaluate(y, found.scores[n][own], n_draws=DRAWS_BY_STAGE, **same)[main] for n in names]
        rows.append((stage.replace("_", " "), int(own.sum()), *numbers))
    columns = (
        PageColumn(group.capitalize()),
        PageColumn("Customers", ",d"),
        *(PageColumn(n.replace("_", " "), ",.3f") for n in names),
    )
    return (
        Table(columns, rows, f"{main.upper()} of the customers of each {group}, with its interval.") if rows else None
    )


def _apart(found: Standings) -> Table | None:
    """Return the customers whom the two best versions rank most differently; None where there are not two."""
    if not found.disagreements:
        return None
    y, groups = np.asarray(found.outcomes.y), found.groups.items()
    rows = [
        (
            str(found.outcomes.customer_id[one.row]),
            *(str(values[one.row]).replace("_", " ") for _, values in groups),
            *one.percentiles,
            float(y[one.row]),
            *one.reasons,
        )
        for one in found.disagreements
    ]
    columns = (
        PageColumn("Customer"),
        *(PageColumn(name.capitalize()) for name, _ in groups),
        *(PageColumn(f"{name}, percentile", ".0f") for name in found.compared),
        PageColumn("Came", ",.4g"),
        *(PageColumn(f"Raised by, {name}") for name in found.compared),
    )
    told = "100 = the highest score. What raised each score most says what the two models disagree on."
    return Table(columns, rows, told)
