"""Commands about experiments: compare, promote."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.model_commands import STORE, Horizon, Seed, Store, Test, configure, registered
from penchant.cli.shop_commands import Out
from penchant.cli.work import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from penchant.features.outcomes.tasks import Span
    from penchant.features.shop import Shop
    from penchant.models.inputs.check import Check
    from penchant.models.store.registry import Registered, Registry
    from penchant.training.compare import Entrant, Place, Standings

TaskName = Annotated[str, typer.Argument(help="Whose models: churn, repurchase, value, ...")]
SHOWN = ("auc", "log_loss", "rmse", "spearman")
CHAMPION, CHALLENGER = "champion", "challenger"


def compare(
    context: typer.Context,
    task: TaskName,
    out: Out = None,
    store: Store = STORE,
    horizon: Horizon = None,
    test: Test = None,
    seed: Seed = None,
) -> None:
    """Judge all versions of a task's model, and the baselines, on one common test.

    The test's rows are built now and are the same for all. A version is ranked only if the labels that it learned
    from were over when the test looked; for a model that was refitted since, the one kept from before is judged.
    Each line is compared with the champion on the same customers: better, worse, or not separable, with the smallest
    difference that the test would have seen.
    """
    from penchant.models.store.registry import Registry
    from penchant.output import replaced_folder, write_json
    from penchant.training.record import model_name

    work: Work = context.obj
    configure(work, task, horizon, test, seed)
    name = model_name(work.config, task)
    registry = Registry(store)
    entrants = entrants_of(registry, name)
    folder = out or work.result_folder("compare") / task
    manifest: dict[str, Any] = {"step": "compare", "config": work.config.resolved()}
    with replaced_folder(folder, manifest) as place:
        with work.shop() as shop:
            found = on_common_test(work, shop, task, entrants, is_asked=horizon is not None)
            manifest |= {"sources": work.sources(), "test": found.test.isoformat()}
        found.frame().to_csv(place / "leaderboard.csv", index=False)
        write_json(place / "leaderboard.json", found.as_dict())
        with work.step(f"recording in {store}"):
            run_id = registry.log_run(name, *_logged(found), artifacts=place)
    work.show_wide(standings_table(found), _told(found, folder))
    work.finish({**found.as_dict(), "run_id": run_id, "out": str(folder), "store": str(store)})


def promote(
    context: typer.Context,
    task: TaskName,
    version: Annotated[int | None, typer.Option("--version", help="Which one. Default: the challenger.", min=1)] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Put it in use though a gate fails; this is recorded with it.")
    ] = False,
    store: Store = STORE,
    test: Test = None,
) -> None:
    """Put the challenger in use, if the gates hold: else nothing changes, and the exit code is 3.

    The gates: the checks of its training allow its use; on one common test it is not worse than the champion, nor than
    the best baseline; if it was tuned, it was not worse than the default parameters.
    """
    from penchant.models.store.registry import Registry
    from penchant.training.record import model_name

    work: Work = context.obj
    configure(work, task, None, test, None)
    registry = Registry(store)
    name = model_name(work.config, task)
    chosen = registry.version(name, CHALLENGER if version is None else version)
    if CHAMPION in chosen.aliases:
        work.show(f"{chosen} is the champion already.")
        work.finish({**registered(chosen), "promoted": False, "gates": []})
        return
    with work.shop() as shop:
        asked = _gates(work, shop, task, registry, chosen)
    failed = [gate for gate in asked if gate.is_issue]
    work.show(*(_gate_line(gate) for gate in asked))
    is_promoted = force or not failed
    if is_promoted:
        with work.step(f"putting {chosen} in use"):
            chosen = registry.promote(name, chosen.version, _promotion_tags(failed))
    overruled = f", though {len(failed)} gates failed (recorded)" if failed else ""
    work.show(
        f"{chosen} is in use (champion){overruled}."
        if is_promoted
        else f"{chosen} is not put in use. --force overrules the gates, and is recorded."
    )
    facts = {**registered(chosen), "promoted": is_promoted, "forced": bool(is_promoted and failed)}
    work.finish({**facts, "gates": [gate.as_dict() for gate in asked]})
    if not is_promoted:
        raise typer.Exit(3)


def entrants_of(registry: Registry, name: str) -> list[Entrant]:
    """Return all versions of a model with the folders of their plain files, the latest first."""
    from penchant.errors import NoModelError
    from penchant.training.compare import Entrant
    from penchant.training.record import JUDGED

    found = []
    for version in registry.versions(name):
        folders = {}
        with suppress(NoModelError):  # its files are gone: the standings say so
            folders["in use"] = registry.folder(version)
        if (judged := registry.artifacts(version) / JUDGED).is_dir():
            folders["judged"] = judged
        found.append(Entrant(version.version, version.aliases, folders))
    return found


def on_common_test(
    work: Work, shop: Shop, task: str, entrants: Sequence[Entrant], *, is_asked: bool = False
) -> Standings:
    """Return the standings on the test that the configuration lays, for the horizon in use."""
    from penchant.training.compare import standings
    from penchant.training.material import gather

    span = None if is_asked else _span_in_use(entrants)
    material = gather(shop, task, work.step, lambda plan: (*plan.train, plan.test), span)
    with work.step(f"judging {len(entrants)} versions and the baselines on {len(material.test):,} rows"):
        return standings(material, entrants)


def _span_in_use(entrants: Sequence[Entrant]) -> Span | None:
    """Return the champion's gap and horizon, which a purchase cycle that moves on must not change."""
    from penchant.features.outcomes.tasks import Span
    from penchant.models.store.artifact import read_facts

    leading = [entrant for entrant in entrants if CHAMPION in entrant.aliases] or list(entrants)
    folder = next(iter(leading[0].folders.values()), None) if leading else None
    if folder is None:
        return None
    facts = read_facts(folder)
    return Span(int(facts["gap_days"]), int(facts["horizon_days"]))


def _gates(work: Work, shop: Shop, task: str, registry: Registry, chosen: Registered) -> tuple[Check, ...]:
    """Return the gates between a version and its use."""
    from penchant.features.catalogue import task_of
    from penchant.models.store.artifact import read_facts
    from penchant.training.promote import gates, same_horizon_as_configured

    entrants = entrants_of(registry, chosen.name)
    champion = next((e for e in entrants if CHAMPION in e.aliases), None)
    challenger = next(e for e in entrants if e.version == chosen.version)
    found = on_common_test(work, shop, task, [e for e in (champion, challenger) if e is not None])
    record = registry.artifacts(chosen) / "metrics.json"
    written = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    asked = gates(found, challenger.name, champion.name if champion else None, written)
    facts = read_facts(registry.folder(chosen))
    return (*asked, same_horizon_as_configured(work.config, task_of(work.config, task), facts))


def _promotion_tags(failed: Sequence[Check]) -> dict[str, str]:
    """Return what stays with a promoted version: that all gates held, or which were overruled."""
    if not failed:
        return {"gates": "passed"}
    return {"gates": "overruled by --force", "gates_failed": ", ".join(gate.code for gate in failed)}


def _gate_line(gate: Check) -> str:
    marks = {"passed": "[green]passed[/]", "issue": "[red]failed[/]", "not applicable": "[dim]not applicable[/]"}
    return f"{marks[gate.outcome]} {gate.title}. {gate.explanation}"


def _logged(found: Standings) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Return parameters, metrics and tags of a comparison's run."""
    params = {"test": found.test.isoformat(), "n_rows": len(found.outcomes.y), "reference": found.reference}
    metrics = {
        f"{place.name.replace(' ', '_')}_{metric}": number
        for place in found.places
        for metric, number in place.metrics.items()
    }
    return params, metrics, {"kind": "comparison", "mlflow.runName": f"comparison {found.day}"}


def standings_table(found: Standings) -> Table:
    """Return the standings for a terminal."""
    from rich.table import Table

    from penchant.training.checks import MAIN_METRIC

    main = MAIN_METRIC[found.kind]
    grid = Table(box=None, pad_edge=False, header_style="bold")
    metrics = found.places[0].metrics if found.places else {}
    shown = [name for name in SHOWN if name in metrics and math.isfinite(metrics[name].value)]
    grid.add_column("", no_wrap=True)
    for name in shown:
        grid.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    grid.add_column(f"against {found.reference}, by {main}")
    for place in found.places:
        numbers = (place.metrics[metric] for metric in shown)
        told = (f"{n.value:,.3f} [dim]{n.low:,.3f}..{n.high:,.3f}[/]" for n in numbers)
        grid.add_row(_place_name(place), *told, _verdict(place, main))
    return grid


def _place_name(place: Place) -> str:
    star = "*" if place.what == "judged" else ""
    return f"{place.name.replace('_', ' ')}{star}" + "".join(f" [bold]{alias}[/]" for alias in place.aliases)


def _verdict(place: Place, metric: str) -> str:
    found = place.against.get(metric)
    if found is None:
        return "the reference"
    if found.verdict == "not separable":
        return f"not separable ({found.difference.value:+,.4f}; seen from {found.smallest_difference:,.4f})"
    return f"{found.verdict} ({found.difference.value:+,.4f})"


def _told(found: Standings, folder: Path) -> str:
    from penchant.training.report_summary import left_out_line

    lines = [f"[yellow]not ranked[/] {name}: {reason}." for name, reason in found.not_ranked.items()]
    if any(place.what == "judged" for place in found.places):
        lines.append("* judged: the model kept from before its training's test; the one in use has seen this test.")
    absent = left_out_line(found.baselines_left_out)
    return "\n" + "\n".join(
        [
            *lines,
            *([absent] if absent else []),
            f"Judged on {len(found.outcomes.y):,} customers of {found.day}, {found.span.horizon_days} days.",
            f"Table: {folder / 'leaderboard.csv'}",
        ]
    )


COMMANDS = (compare, promote)
