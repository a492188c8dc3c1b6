"""The command compare: all versions of a model on one common test."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.table import Table

from penchant.cli.options.models import CompareOptions
from penchant.cli.terminal import interval_text
from penchant.cli.work import Work
from penchant.errors import InputError, NoModelError
from penchant.features.outcomes.tasks import Span
from penchant.features.shop import Shop
from penchant.models.store.artifact import read_facts
from penchant.models.store.registry import CHAMPION, Registry
from penchant.output import replaced_folder, versions, write_json
from penchant.training.checks import MAIN_METRIC
from penchant.training.material import task_data
from penchant.training.record import JUDGED, data_hash, model_name
from penchant.training.report.summary import left_out_line
from penchant.training.report.versions import versions_page
from penchant.training.rows_file import scores_of_rows
from penchant.training.versions.compare import Entrant, Place, Standings, standings

from .train import configure

SHOWN = ("auc", "log_loss", "rmse", "spearman")


def run_compare(work: Work, options: CompareOptions) -> None:
    """Judge all versions and the baselines on one test, and record the standings."""
    task, store = options.task, work.store(options.store)
    configure(work, task, options.horizon, options.test, options.seed)
    name = model_name(work.config, task)
    registry = Registry(store)
    entrants = entrants_of(registry, name)
    folder = options.out or work.result_folder("compare") / task
    manifest: dict[str, Any] = {"step": "compare", "config": work.config.resolved()}
    with replaced_folder(folder, manifest) as place:
        with work.shop() as shop:
            files = read_named(options.scores or ())
            board = on_common_test(work, shop, task, entrants, files, horizon_given=options.horizon is not None)
            manifest |= {"sources": work.sources(), "test": board.test.isoformat()}
        board.frame().to_csv(place / "leaderboard.csv", index=False)
        write_json(place / "leaderboard.json", board.as_dict())
        used = {"data": data_hash(work.sources()), "seed": str(work.config.seed), **versions()}
        page = versions_page(board, work.config.shop.name, used)
        (place / "comparison.html").write_text(page.html(), encoding="utf-8")
        with work.step(f"recording in {store}"):
            run_id = registry.log_run(name, *_logged(board), artifacts=place)
    work.show_wide(standings_table(board), _account(board, folder))
    work.finish({**board.as_dict(), "run_id": run_id, "out": str(folder), "store": str(store)})


def read_named(texts: Sequence[str]) -> dict[str, Path]:
    """Return the files of --scores by the name under which the leaderboard shows them.

    Raises
    ------
    InputError
        If one is no NAME=FILE.
    """
    pairs = [text.partition("=") for text in texts]
    for name, sign, file in pairs:
        if not (name and sign and file):
            raise InputError("option --scores", "NAME=FILE, such as notebook=scores.parquet", f"'{name}{sign}{file}'")
    return {name: Path(file) for name, _, file in pairs}


def entrants_of(registry: Registry, name: str) -> list[Entrant]:
    """Return all versions of a model with the folders of their plain files, the latest first."""
    entrants = []
    for version in registry.versions(name):
        folders = {}
        try:
            with suppress(NoModelError):  # its files are gone: the standings say so
                folders["in use"] = registry.folder(version)
        except InputError as fault:
            warnings.warn(f"{fault} It takes no part", stacklevel=2)
        if (judged := registry.artifacts(version) / JUDGED).is_dir():
            folders["judged"] = judged
        entrants.append(Entrant(version.version, version.aliases, folders))
    return entrants


def on_common_test(
    work: Work,
    shop: Shop,
    task: str,
    entrants: Sequence[Entrant],
    scores: Mapping[str, Path] = MappingProxyType({}),
    *,
    horizon_given: bool = False,
) -> Standings:
    """Return the standings on the test that the configuration lays, for the horizon in use unless one is given."""
    span = None if horizon_given else _span_in_use(entrants)
    material = task_data(shop, task, work.step, lambda plan: (*plan.train, plan.test), span)
    with work.step(f"judging {len(entrants)} versions and the baselines on {len(material.test):,} rows"):
        return standings(material, entrants, {name: scores_of_rows(file, material) for name, file in scores.items()})


def _span_in_use(entrants: Sequence[Entrant]) -> Span | None:
    """Return the champion's gap and horizon, which a purchase cycle that moves on must not change."""
    leading = [entrant for entrant in entrants if CHAMPION in entrant.aliases] or list(entrants)
    folder = next(iter(leading[0].folders.values()), None) if leading else None
    if folder is None:
        return None
    facts = read_facts(folder)
    return Span(int(facts["gap_days"]), int(facts["horizon_days"]))


def _logged(board: Standings) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Return parameters, metrics and tags of a comparison's run."""
    params = {"test": board.test.isoformat(), "n_rows": len(board.outcomes.y), "reference": board.reference}
    metrics = {
        f"{place.name.replace(' ', '_')}_{metric}": number
        for place in board.places
        for metric, number in place.metrics.items()
    }
    return params, metrics, {"kind": "comparison", "mlflow.runName": f"comparison {board.day}"}


def standings_table(board: Standings) -> Table:
    """Return the standings for a terminal."""
    main = MAIN_METRIC[board.kind]
    table = Table(box=None, pad_edge=False, header_style="bold")
    metrics = board.places[0].metrics if board.places else {}
    shown = [name for name in SHOWN if name in metrics and math.isfinite(metrics[name].value)]
    table.add_column("", no_wrap=True)
    for name in shown:
        table.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    table.add_column(f"against {board.reference}, by {main}")
    for place in board.places:
        numbers = (interval_text(place.metrics[metric], 3) for metric in shown)
        table.add_row(_place_name(place), *numbers, _verdict(place, main))
    return table


def _place_name(place: Place) -> str:
    star = "*" if place.what == "judged" else ""
    state = "in use" if CHAMPION in place.aliases else "on trial" if place.aliases else ""
    return f"{place.name.replace('_', ' ')}{star}" + (f", [bold]{state}[/]" if state else "")


def _verdict(place: Place, metric: str) -> str:
    comparison = place.against.get(metric)
    if comparison is None:
        return "the reference"
    if comparison.verdict == "not separable":
        seen_from = f"{comparison.smallest_difference:,.4f}"
        return f"not separable ({comparison.difference.value:+,.4f}; seen from {seen_from})"
    return f"{comparison.verdict} ({comparison.difference.value:+,.4f})"


def _account(board: Standings, folder: Path) -> str:
    lines = [f"[yellow]not ranked[/] {name}: {reason}." for name, reason in board.not_ranked.items()]
    if any(place.what == "judged" for place in board.places):
        lines.append("* judged: the model kept from before its training's test; the one in use has seen this test.")
    absent = left_out_line(board.baselines_left_out)
    lines += [absent] if absent else []
    lines.append(f"Judged on {len(board.outcomes.y):,} customers of {board.day}, {board.span.horizon_days} days.")
    return "\n" + "\n".join([*lines, f"Table: {folder / 'leaderboard.csv'}; page: {folder / 'comparison.html'}"])
