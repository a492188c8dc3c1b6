"""The model card of a version: for whom it is, how good, where it must not be used; as a page and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from penchant.config import Config
from penchant.output import read_json, write_json
from penchant.page import CheckLine, Checks, Page, PageColumn, PageSection, Prose, Table

from ..models.evaluation.checks import promised
from ..models.inputs.estimate import Estimate
from ..models.store.registry import Registered, Registry
from .train import Trained
from .uplift.train import TrainedUplift

CARD = "model_card"
NOT_FOR = (
    "Decisions with legal or similar effects on a person, such as credit, insurance or prices for one customer.",
    "Customers of another shop, or of another kind than those who were eligible at its snapshots.",
    "Days other than those of its horizon: train a model for those.",
)
NOT_UPLIFT = "Claims about what a contact changes: it says what will happen, not what a message would add."
NOT_SINGLE = "Claims about a single customer's effect: what can be vouched for is that of groups."


def card_of(trained: Trained | TrainedUplift, config: Config, used: Mapping[str, str]) -> dict[str, Any]:
    """Return the card in types that JSON knows.

    Parameters
    ----------
    trained
        The training.
    config
        The shop's configuration.
    used
        What it was made of: data hash, seed, versions.
    """
    facts, (metrics, _) = trained.facts(), trained.numbers()
    is_task = isinstance(trained, Trained)
    card = {
        "model": f"{config.shop.name}.{trained.name}",
        "predicts": facts["outcome"],
        "for": _for_whom(trained),
        "horizon_days": facts["horizon_days"],
        "gap_days": facts["gap_days"],
        "rows": facts["n_rows"],
        "signals": len(trained.columns),
        "not_historical": [column.name for column in trained.columns if not column.historical],
        "quality": {name: number.as_dict() for name, number in metrics.items()},
        "checks": [check.as_dict() for check in trained.checks],
        "not_for": [*NOT_FOR, NOT_UPLIFT if is_task else NOT_SINGLE],
        "made_of": dict(used),
        "estimator": facts.get("estimator", "default"),
        "promotion": None,
        "drift": None,
    }
    if isinstance(trained, Trained):
        card["calibration"] = promised(trained.board.metrics["bias_percent"])[1] + "."
        card["by_stage"] = trained.by_stage.to_dict("records")
        card["schedule"] = facts["schedule"]
    return card


def write_card(trained: Trained | TrainedUplift, config: Config, folder: Path, used: Mapping[str, str]) -> None:
    """Write the card as ``model_card.json`` and ``model_card.html``."""
    write_card_files(card_of(trained, config, used), folder)


def write_card_files(card: Mapping[str, Any], folder: Path) -> None:
    """Write a card as JSON and as a page."""
    write_json(folder / f"{CARD}.json", dict(card))
    (folder / f"{CARD}.html").write_text(card_page(card).html(), encoding="utf-8")


def added_to_card(registry: Registry, version: Registered, **parts: Any) -> None:
    """Write what became known of a version since its training into its card; nothing where it has none.

    Parameters
    ----------
    registry, version
        Where the card lies, and whose it is.
    parts
        ``promotion``: who, when, through which gates. ``drift``: what the latest monitoring found.
    """
    page = registry.artifacts(version) / f"{CARD}.json"
    card = read_json(page) if page.is_file() else {}
    if card and any(card.get(name) != value for name, value in parts.items()):
        with TemporaryDirectory() as folder:
            write_card_files({**card, **parts}, Path(folder))
            registry.attach(version, Path(folder))


def _for_whom(trained: Trained | TrainedUplift) -> str:
    if isinstance(trained, TrainedUplift):
        return f"Customers of campaigns of the goal '{trained.asked.goal}', as known when they were assigned."
    until = trained.schedule.day(trained.schedule.test)
    return f"Whoever was eligible for '{trained.task.name}' at a snapshot: {trained.split.n_used:,} rows up to {until}."


def card_page(card: Mapping[str, Any]) -> Page:
    """Return a card as a page."""
    numbers = [(name.replace("_", " "), _estimate(number)) for name, number in card["quality"].items()]
    quality = Table(
        (PageColumn("Metric"), PageColumn("On the test", ",.4g")),
        numbers,
        "With 95 % intervals over customers; of the model that had not seen the test.",
    )
    sections = [
        PageSection("For whom", (Prose((card["for"], *_horizon(card))),)),
        PageSection("How good", (quality, *_by_stage(card), *_calibration(card))),
        PageSection("What it must not be used for", (Prose(tuple(card["not_for"])),)),
        PageSection("In use", (*_promotion(card.get("promotion")), *_drift(card.get("drift")))),
        PageSection("Data", (Prose(_data(card)),)),
        PageSection("Checks", (_checks(card["checks"]),)),
    ]
    return Page(
        f"Model card: {card['model']}", f"Predicts: {card['predicts']}.", tuple(sections), dict(card["made_of"])
    )


def _checks(checks: Sequence[Mapping[str, Any]]) -> Checks:
    return Checks(tuple(CheckLine(check["title"], check["outcome"], check["explanation"]) for check in checks))


def _estimate(number: Any) -> Any:
    """Return a number, or a number with its interval; JSON has None for what is not known."""
    if not isinstance(number, Mapping):
        return number
    return Estimate(*(math.nan if number[part] is None else number[part] for part in ("value", "low", "high")))


def _promotion(found: Mapping[str, Any] | None) -> tuple[Prose | Checks, ...]:
    if not found:
        return (
            Prose(("Not promoted by anybody: the first model of a task is in use at once if its checks allow it.",)),
        )
    overruled = ", although not all gates were passed" if found["forced"] else ""
    told = f"Promoted by {found['by']} at {found['at']}{overruled}, through these gates:"
    return Prose((told,)), _checks(found["gates"])


def _drift(found: Mapping[str, Any] | None) -> tuple[Prose, ...]:
    if not found:
        return (Prose(("Drift since: not monitored yet (penchant monitor).",)),)
    told = "; ".join(found["faults"]) or "nothing is past the thresholds"
    return (Prose((f"Drift since, as of {found['as_of'][:10]}: {told}.",)),)


def _horizon(card: Mapping[str, Any]) -> tuple[str, ...]:
    days = card["horizon_days"]
    return (f"Within {days} days, after a gap of {card['gap_days']}.",) if days else ()


def _by_stage(card: Mapping[str, Any]) -> tuple[Table, ...]:
    rows = card.get("by_stage") or []
    if not rows:
        return ()
    main = "auc" if "auc" in card["quality"] else "rmse"
    columns = (PageColumn("Stage"), PageColumn("Customers", ",d"), PageColumn(main, ",.3f"))
    bounds = [Estimate(*(float(row[f"{main}{end}"]) for end in ("", "_low", "_high"))) for row in rows]
    shown = [(row["stage"].replace("_", " "), int(row["n"]), number) for row, number in zip(rows, bounds, strict=True)]
    return (Table(columns, shown, f"{main.upper()} by stage, with its 95 % interval."),)


def _calibration(card: Mapping[str, Any]) -> tuple[Prose, ...]:
    return (Prose((card["calibration"],)),) if "calibration" in card else ()


def _data(card: Mapping[str, Any]) -> tuple[str, ...]:
    rows = ", ".join(f"{count:,} {part.replace('_', ' ')}" for part, count in card["rows"].items())
    undated = card["not_historical"]
    told = (f"Signals without history, taken as they are today: {', '.join(undated)}.",) if undated else ()
    return (f"Rows: {rows}. Signals: {card['signals']}.", *told)
