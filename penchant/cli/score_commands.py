"""The command score: all champions over everyone who is eligible."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.model_commands import STORE, Store
from penchant.cli.shop_commands import AsOf, Out
from penchant.cli.work import Work, read_instant

if TYPE_CHECKING:
    from rich.table import Table

RISK = "churn"
N_SHOWN = 5


def score(
    context: typer.Context,
    as_of: AsOf,
    task: Annotated[
        list[str] | None,
        typer.Option("--task", help="Whose champion scores; may be repeated. Default: every champion."),
    ] = None,
    out: Out = None,
    store: Store = STORE,
    again: Annotated[
        bool, typer.Option("--again", help="Score anew even where the same result is there already.")
    ] = False,
    reasons: Annotated[
        bool, typer.Option(help="Say why, in words; it takes several times as long as to score.")
    ] = True,
) -> None:
    """Apply all champions to everyone eligible at as_of, a file for each of them.

    The churn list is for people: riskiest first, with what is at stake and three reasons in words, as CSV too. A run
    that was killed goes on where it was; a result of the same data and models is left as it is.
    """
    from penchant.cli.scoring import inputs_of, score_into
    from penchant.output import replaced_folder
    from penchant.serving.score.files import is_whole

    work: Work = context.obj
    instant = read_instant(as_of, work.config.shop.timezone)
    folder = out or work.result_folder("score", instant)
    with work.step("looking at the shop's files and the champions"):
        inputs = inputs_of(work, store, instant, task or None)
        inputs.facts["reasons"] = reasons
        is_there = not again and is_whole(folder, inputs.key)
    if not is_there:
        manifest: dict[str, Any] = {"step": "score", "key": inputs.key, **inputs.facts}
        with replaced_folder(folder, manifest) as place, work.shop() as shop:
            manifest |= score_into(work, shop, inputs, place, folder, with_reasons=reasons).as_dict()
    _tell(work, folder, inputs.registered, is_there=is_there)


def _tell(work: Work, folder: Path, registered: dict[str, dict[str, Any]], *, is_there: bool) -> None:
    """Show and print what the folder holds."""
    from penchant.output import MANIFEST
    from penchant.serving.score.files import read_manifest

    told = read_manifest(folder) or {}
    tasks = {name: {**facts, **registered[name]} for name, facts in told["tasks"].items()}
    left_out = [f"[yellow]left out[/] {name}: {why}" for name, why in told["left_out"].items()]
    state = "already there, of the same data and models" if is_there else "written"
    work.show(
        *([_top(folder / f"{RISK}.parquet")] if RISK in tasks else []),
        summary(tasks),
        *left_out,
        f"{told['n_customers']:,} customers: {folder} ({state})",
    )
    files = [*(file["name"] for file in told["files"]), MANIFEST]
    facts = {"as_of": told["as_of"], "n_customers": told["n_customers"], "tasks": tasks}
    facts |= {"left_out": told["left_out"], "bands": tasks.get(RISK, {}).get("bands", {})}
    work.finish({**facts, "already_there": is_there, "out": str(folder), "files": files})


def summary(tasks: dict[str, dict[str, Any]]) -> Table:
    """Return what was scored by whom, for a terminal."""
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("task", "model", "customers", "horizon"):
        grid.add_column(title, justify="right" if title in ("customers", "horizon") else "left")
    for name, facts in tasks.items():
        grid.add_row(name, facts["model"], f"{facts['n_customers']:,}", f"{facts['horizon_days']} days")
    return grid


def _top(path: Path) -> Table:
    """Return the head of the churn list, for a terminal."""
    import pyarrow.parquet as pq
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("customer", "churn", "band", "at risk", "why"):
        grid.add_column(title, justify="right" if title in ("churn", "at risk") else "left")
    with pq.ParquetFile(path) as file:
        head = next(file.iter_batches(N_SHOWN)).to_pylist()
    for row in head:
        why = "; ".join(row[f"reason_{place}"] for place in (1, 2, 3) if row.get(f"reason_{place}"))
        at_risk = f"{row['expected_value_at_risk']:,.0f}"
        grid.add_row(row["customer_id"][:24], f"{row['churn_probability']:.0%}", row["band"], at_risk, why)
    return grid


COMMANDS = (score,)
