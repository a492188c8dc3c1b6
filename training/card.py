"""The model card of a version: for whom it is, how good, where it must not be used; as a page and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.config import Config
from penchant.output import write_json
from penchant.page import CheckLine, Checks, Page, PageColumn, PageSection, Prose, Table

from ..models.evaluation.checks import promised
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
        "later": "Who promoted it, when and through which gates stands with the version; penchant monitor tells drift.",
    }
    if isinstance(trained, Trained):
        card["calibration"] = promised(trained.board.metrics["bias_percent"])[1] + "."
        card["by_stage"] = trained.by_stage.to_dict("records")
        card["schedule"] = facts["schedule"]
    return card


def write_card(trained: Trained | TrainedUplift, config: Config, folder: Path, used: Mapping[str, str]) -> None:
    """Write the card as ``model_card.json`` and ``model_card.html``."""
    card = card_of(trained, config, used)
    write_json(folder / f"{CARD}.json", card)
    (folder / f"{CARD}.html").write_text(_page(trained, card).html(), encoding="utf-8")


def _for_whom(trained: Trained | TrainedUplift) -> str:
    if isinstance(trained, TrainedUplift):
        return f"Customers of campaigns of the goal '{trained.asked.goal}', as known when they were assigned."
    until = trained.schedule.day(trained.schedule.test)
    return f"Whoever was eligible for '{trained.task.name}' at a snapshot: {trained.n_used:,} rows up to {until}."


def _page(trained: Trained | TrainedUplift, card: Mapping[str, Any]) -> Page:
    numbers = list(trained.numbers()[0].items())
    quality = Table(
        (PageColumn("Metric"), PageColumn("On the test", ",.4g")),
        [(name.replace("_", " "), number) for name, number in numbers],
        "With 95 % intervals over customers; of the model that had not seen the test.",
    )
    sections = [
        PageSection("For whom", (Prose((card["for"], *_horizon(card))),)),
        PageSection("How good", (quality, *_by_stage(trained), *_calibration(card))),
        PageSection("What it must not be used for", (Prose(tuple(card["not_for"])),)),
        PageSection("Data", (Prose(_data(card)),)),
        PageSection("Checks", (Checks(tuple(CheckLine(c.title, c.outcome, c.explanation) for c in trained.checks)),)),
    ]
    lead = f"Predicts: {card['predicts']}. {card['later']}"
    return Page(f"Model card: {card['model']}", lead, tuple(sections), dict(card["made_of"]))


def _horizon(card: Mapping[str, Any]) -> tuple[str, ...]:
    days = card["horizon_days"]
    return (f"Within {days} days, after a gap of {card['gap_days']}.",) if days else ()


def _by_stage(trained: Trained | TrainedUplift) -> tuple[Table, ...]:
    if isinstance(trained, TrainedUplift) or trained.by_stage.empty:
        return ()
    main = "auc" if trained.is_binary else "rmse"
    table = trained.by_stage
    columns = (
        PageColumn("Stage"),
        PageColumn("Customers", ",d"),
        *(PageColumn(n, ",.3f") for n in ("Low", main, "High")),
    )
    shown = [table[name] for name in ("stage", "n", f"{main}_low", main, f"{main}_high")]
    return (Table(columns, list(zip(*shown, strict=True)), f"{main.upper()} by stage, with its 95 % interval."),)


def _calibration(card: Mapping[str, Any]) -> tuple[Prose, ...]:
    return (Prose((card["calibration"],)),) if "calibration" in card else ()


def _data(card: Mapping[str, Any]) -> tuple[str, ...]:
    rows = ", ".join(f"{count:,} {part.replace('_', ' ')}" for part, count in card["rows"].items())
    undated = card["not_historical"]
    told = (f"Signals without history, taken as they are today: {', '.join(undated)}.",) if undated else ()
    return (f"Rows: {rows}. Signals: {card['signals']}.", *told)
