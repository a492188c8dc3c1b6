"""Options of the commands that look after a shop's results: clean, forget, nightly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from .shared import Rebuild, Store


@dataclass(frozen=True)
class CleanOptions:
    """Show how much space results take, and remove those that are older than the rules in penchant.toml allow.

    The rules stand in the section [keep], such as score = "90d"; results of steps without a rule stay. The latest
    result of each step always stays, as do scores that are still needed: their horizon is not over, or an audience or a
    plan was drawn from them. Audiences, plans, measurements and models are never removed. What killed runs left is.
    """

    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            help="Count ages back from this moment: a date or a timestamp. Default: the latest result.",
            show_default=False,
        ),
    ] = None
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed, and remove nothing.")] = False


@dataclass(frozen=True)
class ForgetOptions:
    """Remove customers from every result: scores, signals, audiences, plans, tags, and rows that were set aside.

    Results are searched below out/. Results that name a customer elsewhere than in rows (the report of a check, pages
    of insight) are removed as a whole; their command makes them again. Not reached are the shop's own files, results
    elsewhere, what was exported, and models, which learned from the customer but hold no row.
    """

    customers: Annotated[list[str], typer.Argument(metavar="CUSTOMER...", help="Ids of the customers.")]


@dataclass(frozen=True)
class NightlyOptions:
    """Do everything that is due once a day: check, score, due waves, measure, monitor, retrain, clean.

    Every step is safe to repeat. A step that fails does not stop the others, except that nothing can be done with
    tables that the check refuses; the exit code is the most serious one. Plans, destination and retraining are set in
    the section [nightly] of penchant.toml.
    """

    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            help="Use only what was known before this moment. Default: the end of the shop's last complete day.",
            show_default=False,
        ),
    ] = None
    plan: Annotated[
        list[Path] | None,
        typer.Option("--plan", help="Draw the due waves of this plan; may be repeated. Default: as configured."),
    ] = None
    to: Annotated[
        Path | None, typer.Option("--to", help="TOML file of the destination for due waves. Default: as configured.")
    ] = None
    store: Store = None
    rebuild: Rebuild = False
