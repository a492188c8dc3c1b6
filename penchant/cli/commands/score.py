"""The command score: all champions over everyone who is eligible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from rich.table import Table

from penchant.cli.options.models import ScoreOptions
from penchant.cli.terminal import bare_table
from penchant.cli.work import Work
from penchant.output import MANIFEST, replaced_folder
from penchant.serving.score.files import is_whole, read_manifest
from penchant.serving.score.fresh import score_into
from penchant.serving.score.registered import inputs_of

RISK = "churn"
N_SHOWN = 5


def run_score(work: Work, options: ScoreOptions) -> None:
    """Score everyone who is eligible at a moment, unless the same result is there already."""
    instant = work.day(options.as_of)
    folder = options.out or work.result_folder("score", instant)
    with work.step("checking the shop's files and the champions"):
        inputs = inputs_of(work.workspace, work.store(options.store), instant, options.task or None)
        inputs.facts["reasons"] = options.reasons
        is_there = not options.again and is_whole(folder, inputs.key)
    if not is_there:
        manifest: dict[str, Any] = {"step": "score", "key": inputs.key, **inputs.facts}
        with replaced_folder(folder, manifest) as place, work.shop() as shop:
            scored = score_into(shop, inputs, place, folder, work, with_reasons=options.reasons, left=work.left)
            manifest |= scored.as_dict()
    _show(work, folder, inputs.registered, is_there=is_there)


def _show(work: Work, folder: Path, registered: dict[str, dict[str, Any]], *, is_there: bool) -> None:
    """Show and print what the folder holds."""
    manifest = read_manifest(folder) or {}
    tasks = {name: {**facts, **registered[name]} for name, facts in manifest["tasks"].items()}
    left_out = [f"[yellow]left out[/] {name}: {why}" for name, why in manifest["left_out"].items()]
    state = "already up to date" if is_there else "written"
    work.show(
        *([_top(folder / f"{RISK}.parquet", work.workspace.config.shop.currency)] if RISK in tasks else []),
        summary(tasks),
        *next_order_words(manifest.get("next_order")),
        *next_category_words(manifest.get("next_category")),
        *left_out,
        f"{manifest['n_customers']:,} customers: {folder} ({state})",
    )
    files = [*(file["name"] for file in manifest["files"]), MANIFEST]
    facts = {"as_of": manifest["as_of"], "n_customers": manifest["n_customers"], "tasks": tasks}
    facts |= {name: manifest.get(name) for name in ("next_order", "next_category")}
    facts |= {"left_out": manifest["left_out"], "bands": tasks.get(RISK, {}).get("bands", {})}
    work.finish({**facts, "already_there": is_there, "out": str(folder), "files": files})


def next_order_words(told: dict[str, Any] | None) -> list[str]:
    """Return what the file of next orders holds, and how far the same model was right before, in lines."""
    if told is None:
        return []
    lines = [f"next order: {told['n_customers']:,} buyers, by {told['model']}"]
    within = told["within_90d"]
    if within["low"] is not None:
        lines.append(
            f"  of all, {within['value']:.0%} order within 90 days ({within['low']:.0%} to {within['high']:.0%}, "
            f"as far as {within['n_looks']} earlier promises were off: season and growth move everybody)"
        )
    if judged := told["judged"]:
        inside = judged["inside_interval"]["next_order"]
        chance, orders = judged["p_order_90d"], judged["orders"]
        lines.append(
            f"  looked back to {judged['as_of'][:10]}: {chance['promised']:.0%} were expected to order within 90 days, "
            f"{chance['came']:.0%} did; {orders['promised']:,.0f} orders expected in {judged['days']} days, "
            f"{orders['came']:,.0f} came; {inside:.0%} of the next orders inside their interval"
        )
    if widths := told.get("widths"):  # results of earlier releases have none
        lines.append(f"  {width_words(widths)}")
    return lines + [f"  [yellow]left out[/] {name}: {why}" for name, why in told["left_out"].items()]


def width_words(widths: dict[str, Any]) -> str:
    """Return whether the widths of intervals were checked on the past, and what came of it."""
    if not widths["looks_days"]:
        return "[yellow]widths unchecked[/]: the history is too short to look back, intervals are the model's own"
    looks = ", ".join(f"{days}" for days in widths["looks_days"])
    wider = [name for name, drift in widths["rate_drift"].items() if drift > 0]
    done = f"wider for {' and '.join(wider)}, since customers' rates wander" if wider else "wide enough"
    return f"widths of intervals, checked {looks} days back: {done}"


def next_category_words(told: dict[str, Any] | None) -> list[str]:
    """Return how often the next category was right, beside simple rules, in a line."""
    if told is None:
        return []
    hits = ", ".join(f"{way} {hit['top_1']:.0%}" for way, hit in told["hits"].items())
    customers = f"{told['n_customers']:,} buyers, by {told['used']}"
    return [f"next category: {customers}; right for {told['n_judged']:,} next baskets of the last 90 days: {hits}"]


def summary(tasks: dict[str, dict[str, Any]]) -> Table:
    """Return what was scored by whom, for a terminal."""
    table = bare_table(("task", "model", "customers", "horizon"), right=("customers", "horizon"))
    for name, facts in tasks.items():
        table.add_row(name, facts["model"], f"{facts['n_customers']:,}", f"{facts['horizon_days']} days")
    return table


def _top(path: Path, currency: str) -> Table:
    """Return the head of the churn list, for a terminal."""
    at_risk = f"{currency} at risk"
    table = bare_table(("customer", "churn", "band", at_risk, "why"), right=("churn", at_risk))
    with pq.ParquetFile(path) as file:
        head = next(file.iter_batches(N_SHOWN)).to_pylist()
    for row in head:
        why = "; ".join(row[f"reason_{place}"] for place in (1, 2, 3) if row.get(f"reason_{place}"))
        value = f"{row['expected_value_at_risk']:,.0f}"
        table.add_row(row["customer_id"][:24], f"{row['churn_probability']:.0%}", row["band"], value, why)
    return table
