"""Options of the commands about a shop's data: demo, init, check, features, simulate, prove, tags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from .shared import AsOf, Out, Rebuild


@dataclass(frozen=True)
class DemoOptions:
    """Run everything once on a simulated shop: check its files, list who may leave, run a campaign and learn from it.

    The campaign contacts one-time buyers and holds out half of them. It is measured, an uplift model learns from it,
    and the next list is compared with one ranked by propensity and a random one, using the effects that the simulator
    knows. The same commands work on your own shop: init, check, train, score, audience, measure, train uplift.
    """

    size: Annotated[
        Literal["small", "medium", "large"],
        typer.Option(
            help="small: 8,000 customers, medium: 20,000, large: 60,000; the more, the narrower the intervals."
        ),
    ] = "medium"
    customers: Annotated[
        int | None,
        typer.Option(help="Number of customers who appear in a year and a half, instead of --size.", min=8_000),
    ] = None
    out: Annotated[Path, typer.Option("--out", help="Folder for the shop and all results.")] = Path("out/demo")
    seed: Annotated[int, typer.Option(help="Random seed: the same seed gives the same shop.", min=0)] = 0


@dataclass(frozen=True)
class InitOptions:
    """Look at a folder of files and propose a penchant.toml, with comments, for you to check and correct."""

    folder: Annotated[Path, typer.Argument(help="Folder with the shop's files.")]
    out: Annotated[Path, typer.Option("--out", help="Configuration file to write.")] = Path("penchant.toml")
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing configuration file.")] = False
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing: what the files do not say stays marked with TODO.")
    ] = False


@dataclass(frozen=True)
class CheckOptions:
    """Read every table and report every violation of the data contract, with counts and examples.

    Rows that are set aside are written to the result folder, each with its reason. Accepted rows are stored: what was
    read before is not read again, new files of a table are taken in alone, and a table is read as a whole where a file
    that was read has changed or gone, or where new rows change what the rules said of others.
    """

    out: Out = None
    rebuild: Rebuild = False


@dataclass(frozen=True)
class FeaturesOptions:
    """Build the feature matrix: one row per customer and moment, one column per signal.

    With --as-of: every customer known by then; several moments are built in one go. With --spine: the rows of a file.
    """

    as_of: Annotated[
        list[str] | None,
        typer.Option(
            "--as-of",
            help="Use only what was known before this moment: a date (midnight in the shop's time zone) or a "
            "timestamp; may be repeated.",
            show_default=False,
        ),
    ] = None
    spine: Annotated[
        Path | None,
        typer.Option(
            "--spine",
            help="Instead of --as-of: a Parquet or CSV file with customer_id and as_of, a moment for each row (UTC "
            "unless it has a time zone), such as the assignments of a campaign.",
            show_default=False,
        ),
    ] = None
    out: Out = None
    group: Annotated[
        list[str] | None,
        typer.Option("--group", help="Feature group; may be repeated. Default: all that the shop's data allow."),
    ] = None


@dataclass(frozen=True)
class SimulateOptions:
    """Write the files of a simulated shop; what no real shop can know goes into the subfolder truth."""

    out: Annotated[Path, typer.Option("--out", help="Folder with the shop's files.")] = Path("out/demo/shop")
    customers: Annotated[int, typer.Option(help="Number of customers who appear in two years.", min=1)] = 20_000
    seed: Annotated[int, typer.Option(help="Random seed: the same seed gives the same shop.", min=0)] = 0


@dataclass(frozen=True)
class ProveOptions:
    """Prove on your own data that feature groups use the past only, and keep their other promises.

    Builds the groups for up to 1,000 customers, then again with another future, with the rows in another order, and
    without the rows of other customers. Any number that changes is a fault; the first of each kind is shown.

    Your own groups come from a module that lists them as GROUPS; name it in penchant.toml: modules = ["my_groups.py"].
    """

    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            help="Feature group, built-in or from your own modules; may be repeated. Default: all configured.",
        ),
    ] = None
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            help="Where the past ends: a date or a timestamp. Default: an event late in the shop's history.",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True)
class TagsOptions:
    """Write everything known at as_of as tags for other systems: one long table, as Parquet and CSV.

    The columns are subject, id, tag, value and as_of. Customer tags: stage, funnel, tier, rfm_segment, crowd,
    category_1 to category_3, price_tier, prefers, next_order, alive, channel. Item tags: category, price_tier, role,
    holiday. Tags of the scenes in penchant.toml ([scenes.NAME]): which goods they show, and for whom they are.
    """

    as_of: AsOf
    subject: Annotated[
        str | None, typer.Option("--subject", help="customer, item or scene. Default: all three.", show_default=False)
    ] = None
    out: Out = None
