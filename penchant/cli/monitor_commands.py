"""The command monitor: what has changed since the models in use were trained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.model_commands import STORE, Store
from penchant.cli.shop_commands import Out
from penchant.cli.work import Work, plain, read_instant

if TYPE_CHECKING:
    from penchant.serving.monitor.drift import InUse, Thresholds


def monitor(
    context: typer.Context,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            help="Look at what was known strictly before: a date or an instant. Default: the end of the data.",
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", help="Whose champion and scores; may be repeated. Default: all.")
    ] = None,
    scores: Annotated[
        list[Path] | None,
        typer.Option(
            "--scores", help="Folders of `penchant score`, or of several of them; may be repeated. Default: below out/."
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            help="A threshold, such as score_stability=0.2; may be repeated. Others: signal_stability, unseen, "
            "missing, promise.",
        ),
    ] = None,
    out: Out = None,
    store: Store = STORE,
) -> None:
    """Tell how far signals, scores and stages moved since training, and what earlier scores promised against what came.

    Exit code 3: something is past its threshold. Scores: PSI above 0.25. Signals: more than 5 % unseen categories, or a
    share of missing values that changed by 20 points; by their own PSI only with --limit signal_stability, for they
    move with the season too. Promises: missed by more than 10 %, beyond their interval.
    """
    from penchant.cli.scoring import own_goals
    from penchant.output import replaced_folder, write_json
    from penchant.serving.insight.page import moment_of
    from penchant.serving.monitor.drift import monitor as look
    from penchant.serving.monitor.promises import files_of_scores

    work: Work = context.obj
    thresholds = read_limits(limit or [])
    refuse_absent(scores or ())
    asked = None if as_of is None else read_instant(as_of, work.config.shop.timezone)
    with work.step("looking at the champions and earlier scores"):
        in_use = models_in_use(work, store, task or None)
        scored = files_of_scores(scores or [work.result_folder("score")], task or None)
    with work.shop() as shop:
        instant = moment_of(shop, asked)
        with work.step(f"comparing with {instant:%Y-%m-%d}"):
            found = look(shop, in_use, scored, instant, thresholds, own_goals(work))
    page = found.page()
    folder = out or work.result_folder("monitor", instant)
    manifest: dict[str, Any] = {
        "step": "monitor",
        "config": work.config.resolved(),
        "sources": work.sources(),
        "models": [one.champion.version for one in in_use],
    }
    with replaced_folder(folder, manifest) as place, work.step(f"writing {folder}"):
        page.write(place)
        write_json(place / "monitor.json", plain(page.as_dict()))
    _show(work, page, folder)
    work.finish({**page.as_dict(), "out": str(folder)})
    if found.faults:
        raise typer.Exit(3)


def refuse_absent(folders: Sequence[Path]) -> None:
    """Raise NotThereError if one of the folders that were named is none."""
    from penchant.errors import NotThereError

    for folder in folders:
        if not folder.is_dir():
            raise NotThereError(f"option --scores '{folder}'", "a folder of scores", "none")


def models_in_use(work: Work, store: Path, names: list[str] | None) -> list[InUse]:
    """Return the champions of a store with what their rows looked like at training."""
    from penchant.cli.scoring import champions_of
    from penchant.models.evaluation.reference import REFERENCE
    from penchant.serving.monitor.drift import InUse

    found = []
    for champion, folder, _registered in champions_of(work, store, names):
        path = folder / REFERENCE
        reference = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        found.append(InUse(champion, reference, _tested_at(folder)))
    return found


def _tested_at(folder: Path) -> datetime | None:
    """Return when the test of a model's training looked; None of an uplift, which is tested on waves."""
    from penchant.models.store.artifact import read_facts
    from penchant.models.uplift_scorer import MODEL_FILE

    if (folder / MODEL_FILE).is_file():
        return None
    told = read_facts(folder).get("schedule", {}).get("test")
    return None if told is None else datetime.fromisoformat(told)


def read_limits(texts: list[str]) -> Thresholds:
    """Return the thresholds, those that are named replaced.

    Raises
    ------
    InputError
        If one is not known, or no number of 0 or more.
    """
    from dataclasses import fields, replace

    from penchant.errors import InputError, did_you_mean
    from penchant.serving.monitor.drift import USUAL

    known, changes = [one.name for one in fields(USUAL)], dict[str, float]()
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


def _show(work: Work, page: Any, folder: Path) -> None:
    from penchant.cli.insight_commands import UNBOUNDED, escaped, grid

    work.show_wide(f"[bold]{page.title}[/]", escaped(page.lead), width=UNBOUNDED)
    for table in page.tables:
        if not table.name.startswith("promise_"):
            work.show("", grid(table))
    work.show("", *(f"[dim]{escaped(note)}[/]" for note in page.notes))
    work.show(*(f"left out: {name}, because {why}" for name, why in page.left_out.items()))
    work.show(f"{folder / 'monitor.html'}")


COMMANDS = (monitor,)
