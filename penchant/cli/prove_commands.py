"""The command that proves feature groups, ours and the shop's own, on the shop's rows: prove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.work import Work, read_instant

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.features.prove import Proof


def prove(
    context: typer.Context,
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group", help="A feature group, of ours or of your own modules; may be repeated. Default: all configured."
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            help="Where past and future part: a date or an instant. Default: an event late in the shop's time.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Prove on your own data that feature groups look at the past alone, and keep their other promises.

    Builds the groups for up to 1,000 customers, then again without all that
    came later, with the rows the other way round, and without anybody else's
    rows. What changes by that is a fault; the first of each kind is shown.

    Your own groups are those that a module of yours lists as GROUPS; name it
    in penchant.toml: modules = ["my_groups.py"].
    """
    from penchant.features.prove import prove as prove_groups

    work: Work = context.obj
    moment = None if as_of is None else read_instant(as_of, work.config.shop.timezone)
    with work.shop() as shop, work.step("building the groups of the shop, and of the shop changed"):
        proof = prove_groups(shop, group, moment)
    work.show(_table(proof), "", *_account(proof), *work.left_out(proof.left_out))
    work.finish(proof.as_dict())
    if proof.broken:
        raise typer.Exit(3)


def _table(proof: Proof) -> Table:
    """Return a row for each group, a column for each promise."""
    from rich.table import Table

    from penchant.features.prove import PROMISES

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", *PROMISES):
        grid.add_column(name, max_width=16)
    found = {(one.group, one.promise): one for one in proof.findings}
    for group in dict.fromkeys(one.group for one in proof.findings):
        cells = (found.get((group, promise)) for promise in PROMISES)
        marks = ("-" if one is None else "[green]kept[/]" if one.is_kept else "[red]broken[/]" for one in cells)
        grid.add_row(group, *marks)
    return grid


def _account(proof: Proof) -> list[str]:
    looked = f"{proof.n_customers:,} customers at {proof.as_of:%Y-%m-%d %H:%M:%S} UTC"
    if not proof.broken:
        return [f"All promises kept by {looked}."]
    told = [f"[red]{one.group}[/]: {one.promise}? No: {_plain(one.counterexample)}" for one in proof.broken]
    return [*told, f"{len(proof.broken)} promises broken, by {looked}."]


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


COMMANDS = (prove,)
