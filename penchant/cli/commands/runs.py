"""The command runs: every training of a task, its version and how well it did."""

from __future__ import annotations

import math
from typing import Any

from penchant.cli.options.models import RunsOptions
from penchant.cli.terminal import bare_table
from penchant.cli.work import Work
from penchant.errors import InputError, did_you_mean
from penchant.models.store.records import Run
from penchant.models.store.registry import Registry

MAIN = ("auc", "rmse", "qini")  # the first that a run has is shown with its interval


def run_runs(work: Work, options: RunsOptions) -> None:
    """List the runs of a task, or of all, the best of each first where that can be told."""
    registry, prefix = Registry(work.store(options.store)), f"{work.config.shop.name}."
    names = [name for name in registry.names() if name.startswith(prefix)]
    if options.task is not None:
        if prefix + options.task not in names:
            tasks = [name.removeprefix(prefix) for name in names]
            raise InputError(
                f"runs of '{options.task}'", "a task with registered models", "none", _hint(options, tasks)
            )
        names = [prefix + options.task]
    told: dict[str, Any] = {}
    for name in names:
        runs = [run for run in registry.runs(name) if _is_wanted(run, options.filter or [])]
        ordered = sorted(runs, key=_rank)
        told[name.removeprefix(prefix)] = [_facts(run) for run in ordered]
        table = bare_table(["run", "started", "version", "result", "status"], title=name)
        for run in ordered:
            alias = "".join(f" [bold]{alias}[/]" for alias in run.aliases)
            version = "" if run.version is None else f"{run.version}{alias}"
            table.add_row(run.name, f"{run.started_at:%Y-%m-%d %H:%M}", version, _result(run), run.status.lower())
        work.show_wide(table, "")
    work.show("On one common test: penchant compare TASK. Tests of different dates are not comparable with each other.")
    work.finish({"runs": told, "store": str(registry.store)})


def _hint(options: RunsOptions, tasks: list[str]) -> str:
    return did_you_mean(options.task or "", tasks) if tasks else f"Run 'penchant train {options.task}' first"


def _is_wanted(run: Run, conditions: list[str]) -> bool:
    """Say whether a run meets all conditions, such as ``status=FINISHED`` or ``horizon_days=90``."""
    facts = {"status": run.status, "name": run.name, **run.params, **{f"tag.{n}": v for n, v in run.tags.items()}}
    for condition in conditions:
        name, sign, value = condition.partition("=")
        if not sign:
            raise InputError("option --filter", "NAME=VALUE, such as horizon_days=90", f"'{condition}'")
        if str(facts.get(name, "")) != value:
            return False
    return True


def _main(run: Run) -> str | None:
    return next((name for name in MAIN if name in run.metrics), None)


def _rank(run: Run) -> tuple[bool, float]:
    """Return what sorts runs: those with a version first, the best of them first."""
    name = _main(run)
    value = run.metrics[name] if name else math.nan
    good = value if name == "rmse" else -value
    return run.version is None, good if math.isfinite(good) else math.inf


def _result(run: Run) -> str:
    name = _main(run)
    if name is None:
        return ""
    low, high = (run.metrics.get(f"{name}_{end}") for end in ("low", "high"))
    bounds = "" if low is None or high is None else f" [dim]{low:,.3f}..{high:,.3f}[/]"
    return f"{name} {run.metrics[name]:,.3f}{bounds}"


def _facts(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "name": run.name,
        "started_at": run.started_at.isoformat(),
        "status": run.status,
        "version": run.version,
        "aliases": list(run.aliases),
        "metrics": dict(run.metrics),
        "params": dict(run.params),
    }
