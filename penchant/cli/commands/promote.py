"""The command promote: promote the challenger if it passes the gates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import typer

from penchant.cli.options.models import PromoteOptions
from penchant.cli.work import Work
from penchant.features.catalogue import task_of
from penchant.features.shop import Shop
from penchant.models.inputs.check import Check
from penchant.models.store.artifact import read_facts
from penchant.models.store.registry import CHALLENGER, CHAMPION, Registered, Registry
from penchant.training.card import added_to_card
from penchant.training.record import model_name
from penchant.training.versions.promote import gates, same_horizon_as_configured

from .compare import entrants_of, on_common_test
from .train import configure, version_facts


def run_promote(work: Work, options: PromoteOptions) -> None:
    """Hold a version against the gates, and promote it if it passes or is forced."""
    task = options.task
    configure(work, task, None, options.test, None)
    registry = Registry(work.store(options.store))
    name = model_name(work.config, task)
    chosen = registry.version(name, CHALLENGER if options.version is None else options.version)
    if CHAMPION in chosen.aliases:
        work.show(f"{chosen} is already the champion.")
        work.finish({**version_facts(chosen), "promoted": False, "gates": []})
        return
    with work.shop() as shop:
        checked = _gates(work, shop, task, registry, chosen)
    failed = [gate for gate in checked if gate.is_issue]
    work.show(*(_gate_line(gate) for gate in checked))
    is_promoted = options.force or not failed
    if is_promoted:
        with work.step(f"promoting {chosen}"):
            chosen = registry.promote(name, chosen.version, _promotion_tags(failed))
            added_to_card(registry, chosen, promotion=_promotion(chosen, checked))
    work.show(_outcome(chosen, failed, is_promoted=is_promoted))
    facts = {**version_facts(chosen), "promoted": is_promoted, "forced": bool(is_promoted and failed)}
    work.finish({**facts, "gates": [gate.as_dict() for gate in checked]})
    if not is_promoted:
        raise typer.Exit(3)


def _outcome(chosen: Registered, failed: Sequence[Check], *, is_promoted: bool) -> str:
    """Return what became of a version, for a person."""
    if not is_promoted:
        return f"{chosen} is not promoted. --force promotes it anyway, and this is recorded."
    overruled = f", although it failed {len(failed)} gates (recorded)" if failed else ""
    return f"{chosen} is the champion now{overruled}."


def _gates(work: Work, shop: Shop, task: str, registry: Registry, chosen: Registered) -> tuple[Check, ...]:
    """Return the gates between a version and its use."""
    entrants = entrants_of(registry, chosen.name)
    champion = next((e for e in entrants if CHAMPION in e.aliases), None)
    challenger = next(e for e in entrants if e.version == chosen.version)
    board = on_common_test(work, shop, task, [e for e in (champion, challenger) if e is not None])
    record = registry.artifacts(chosen) / "metrics.json"
    written = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    checked = gates(board, challenger.name, champion.name if champion else None, written)
    facts = read_facts(registry.folder(chosen))
    return (*checked, same_horizon_as_configured(work.config, task_of(work.config, task), facts))


def _promotion(chosen: Registered, checked: Sequence[Check]) -> dict[str, Any]:
    """Return what the card says of a promotion."""
    forced = any(gate.is_issue for gate in checked)
    who = {name: chosen.tags.get(f"promoted_{name}", "") for name in ("by", "at")}
    return {**who, "forced": forced, "gates": [gate.as_dict() for gate in checked]}


def _promotion_tags(failed: Sequence[Check]) -> dict[str, str]:
    """Return what stays with a promoted version: that it passed all gates, or which were overruled."""
    if not failed:
        return {"gates": "passed"}
    return {"gates": "overruled by --force", "gates_failed": ", ".join(gate.code for gate in failed)}


def _gate_line(gate: Check) -> str:
    marks = {"passed": "[green]passed[/]", "issue": "[red]failed[/]", "not applicable": "[dim]not applicable[/]"}
    return f"{marks[gate.outcome]} {gate.title}. {gate.explanation}"
