"""The command monitor: what has changed since the models in use were trained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

from penchant.cli.options.models import MonitorOptions
from penchant.cli.results import json_values
from penchant.cli.terminal import show_page
from penchant.cli.work import Work
from penchant.errors import InputError, NoModelError, NotThereError, OutputError, did_you_mean
from penchant.models.evaluation.reference import REFERENCE
from penchant.models.store.address import Store
from penchant.models.store.artifact import read_facts
from penchant.models.store.registry import Registry
from penchant.output import replaced_folder, write_json
from penchant.serving.goals.own import own_goals
from penchant.serving.insight.page import InsightPage, moment_of
from penchant.serving.monitor.drift import USUAL, InUse, Monitored, Thresholds, monitor
from penchant.serving.monitor.promises import files_of_scores
from penchant.serving.score.facts import facts_of
from penchant.serving.score.left import left_matrix
from penchant.serving.score.registered import champions_of
from penchant.training.card import added_to_card


def run_monitor(work: Work, options: MonitorOptions) -> None:
    """Compare signals, scores and stages with the training's, and earlier scores with what came."""
    thresholds = read_limits(options.limit or [])
    refuse_missing_folders(options.scores or ())
    with work.step("reading the champions and earlier scores"):
        in_use = watched_models(work, work.store(options.store), options.task or None)
        scored = files_of_scores(options.scores or [work.result_folder("score")], options.task or None)
    with work.shop() as shop:
        instant = moment_of(shop, work.moment(shop, options.as_of))
        with work.step(f"comparing with {instant:%Y-%m-%d}"):
            left = left_matrix(work.left, facts_of(work.workspace, instant, {}))
            watched = monitor(shop, in_use, scored, instant, thresholds, own_goals(work.config), left)
    page = watched.page()
    folder = options.out or work.result_folder("monitor", instant)
    manifest: dict[str, Any] = {
        "step": "monitor",
        "config": work.config.resolved(),
        "sources": work.sources(),
        "models": [model.champion.version for model in in_use],
    }
    with replaced_folder(folder, manifest) as place, work.step(f"writing {folder}"):
        page.write(place)
        write_json(place / "monitor.json", json_values(page.as_dict()))
    _tell_cards(work.store(options.store), in_use, watched)
    _show(work, page, folder)
    work.finish({**page.as_dict(), "out": str(folder)})
    if watched.faults:
        raise typer.Exit(3)


def _tell_cards(store: Store, in_use: Sequence[InUse], watched: Monitored) -> None:
    """Write into the cards of the models in use what was found of each, where the store may be written."""
    registry = Registry(store)
    for model in in_use:
        name, _, number = model.champion.version.partition("/")
        mine = [fault for fault in watched.faults if fault.startswith(model.champion.name)]
        with suppress(OutputError, NoModelError):
            drift = {"as_of": watched.as_of.isoformat(), "faults": mine}
            added_to_card(registry, registry.version(name, int(number)), drift=drift)


def refuse_missing_folders(folders: Sequence[Path]) -> None:
    """Raise NotThereError if one of the folders that were named is none."""
    for folder in folders:
        if not folder.is_dir():
            raise NotThereError(f"option --scores '{folder}'", "a folder of scores", "none")


def watched_models(work: Work, store: Store, names: list[str] | None) -> list[InUse]:
    """Return the champions of a store with what their rows looked like at training."""
    models = []
    for champion, folder, _registered in champions_of(work.config, store, names):
        path = folder / REFERENCE
        reference = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        models.append(InUse(champion, reference, _tested_at(folder)))
    return models


def _tested_at(folder: Path) -> datetime | None:
    """Return when the test of a model's training looked; None of an uplift, which is tested on waves."""
    test = read_facts(folder).get("schedule", {}).get("test")
    return None if test is None else datetime.fromisoformat(test)


def read_limits(texts: list[str]) -> Thresholds:
    """Return the thresholds, those that are named replaced.

    Raises
    ------
    InputError
        If one is not known, or no number of 0 or more.
    """
    known, changes = [field.name for field in fields(USUAL)], dict[str, float]()
    for text in texts:
        name, _, value = text.partition("=")
        if name not in known:
            raise InputError("option --limit", "a threshold", f"'{name}'", did_you_mean(name, known))
        try:
            changes[name] = float(value)
        except ValueError:
            changes[name] = -1.0
        if not changes[name] >= 0:
            raise InputError(f"option --limit {name}", "a number of 0 or more", f"'{value}'")
    return replace(USUAL, **changes)


def _show(work: Work, page: InsightPage, folder: Path) -> None:
    show_page(work, page, [table for table in page.tables if not table.name.startswith("promise_")])
    work.show(*(escape(f"left out: {name}, because {why}") for name, why in page.left_out.items()))
    work.show(f"{folder / 'monitor.html'}")
