"""Options of the commands about a shop's data: demo, init, check, features, simulate, prove, tags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from .shared import AsOf, Out


@dataclass(frozen=True)
class DemoOptions:
    """Run the main job on a simulated shop: check its files, list who may leave, and let one campaign teach the next.

    A campaign goes to one-time buyers with half of them held out, is measured, and teaches whom a contact changes; the
    next list is compared on the simulator's truth with one by propensity and one by lot. The same commands do it
    for your own shop: init, check, train, score, audience, measure, train uplift.
    """

    customers: Annotated[int, typer.Option(help="How many customers appear in a year and a half.", min=8_000)] = 20_000
    out: Annotated[Path, typer.Option("--out", help="The folder for the shop and all results.")] = Path("out/demo")
    seed: Annotated[int, typer.Option(help="Same seed, same shop.", min=0)] = 0


@dataclass(frozen=True)
class InitOptions:
    """Look at a folder of files and propose a penchant.toml, commented, to be read and mended."""

    folder: Annotated[Path, typer.Argument(help="The folder of the shop's files.")]
    out: Annotated[Path, typer.Option("--out", help="The configuration to write.")] = Path("penchant.toml")
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the configuration that is there.")] = False


@dataclass(frozen=True)
class CheckOptions:
    """Read every table and report all violations of the contract, with counts and examples.

    Rows that are set aside are written, with the reason, to the result's folder.
    """

    out: Out = None


@dataclass(frozen=True)
class FeaturesOptions:
    """Build the feature matrix: a row per customer and moment, a column per signal.

    With --as-of, everyone known at that moment; several moments share the work. With --spine, the rows of a file.
    """

    as_of: Annotated[
        list[str] | None,
        typer.Option(
            "--as-of",
            help="Look at customers as they were known strictly before: a date (midnight of the shop) or an instant; "
            "may be repeated.",
            show_default=False,
        ),
    ] = None
    spine: Annotated[
        Path | None,
        typer.Option(
            "--spine",
            help="In place of --as-of: a Parquet or CSV file with customer_id and as_of, each row's own moment (UTC "
            "where it has no zone), such as the assignments of a campaign.",
            show_default=False,
        ),
    ] = None
    out: Out = None
    group: Annotated[
        list[str] | None,
        typer.Option("--group", help="A feature group; may be repeated. Default: all the shop can have."),
    ] = None


@dataclass(frozen=True)
class SimulateOptions:
    """Write the files of a simulated shop; what no shop can know goes into the folder truth beside them."""

    out: Annotated[Path, typer.Option("--out", help="The folder of the shop's files.")] = Path("out/demo/shop")
    customers: Annotated[int, typer.Option(help="How many customers appear in two years.", min=1)] = 20_000
    seed: Annotated[int, typer.Option(help="Same seed, same shop.", min=0)] = 0


@dataclass(frozen=True)
class ProveOptions:
    """Prove on your own data that feature groups look at the past alone, and keep their other promises.

    Builds the groups for up to 1,000 customers, then again without all that
    came later, with the rows the other way round, and without anybody else's
    rows. What changes by that is a fault; the first of each kind is shown.

    Your own groups are those that a module of yours lists as GROUPS; name it
    in penchant.toml: modules = ["my_groups.py"].
    """

    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group", help="A feature group, of ours or of your own modules; may be repeated. Default: all configured."
        ),
    ] = None
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            help="Where past and future part: a date or an instant. Default: an event late in the shop's time.",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True)
class TagsOptions:
    """Write all that is known at as_of as tags for other systems: one long table, as Parquet and CSV.

    Its columns are subject, id, tag, value and as_of. Of customers: stage, funnel, tier, rfm_segment, crowd,
    category_1 to category_3, price_tier, prefers, channel. Of items: category, price_tier, role, holiday. Of the
    scenes in penchant.toml ([scenes.NAME]): what they show and whom they are for.
    """

    as_of: AsOf
    subject: Annotated[
        str | None, typer.Option("--subject", help="customer, item or scene. Default: all three.", show_default=False)
    ] = None
    out: Out = None
