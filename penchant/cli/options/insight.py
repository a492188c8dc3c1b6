"""Options of the pages of `penchant insight`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from .shared import AsOfOrEnd

Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="A folder for the tables as CSV and Parquet and the page as HTML, replaced as a whole.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class StagesOptions:
    """Show how many customers are in each relationship stage: stranger, prospect, lead, new ... churned."""

    as_of: AsOfOrEnd = None
    out: Out = None


@dataclass(frozen=True)
class FlowOptions:
    """Show how customers moved between stages: the stage at one date by the stage at a later one.

    Who was not known yet at the first date stands in a row of its own.
    """

    first: Annotated[str, typer.Option("--from", help="The first date or instant.", show_default=False)]
    second: Annotated[
        str | None, typer.Option("--to", help="The second. Default: the end of the data.", show_default=False)
    ] = None
    out: Out = None


@dataclass(frozen=True)
class FunnelOptions:
    """Show how far open journeys got, the rates of passing on, and what one more per cent at each step is worth.

    The rates are of who stood at a step one horizon before --as-of, by where they stand at --as-of.
    """

    as_of: AsOfOrEnd = None
    horizon: Annotated[
        int | None,
        typer.Option(
            "--horizon",
            help="Days within which customers pass on. Default: 30, or a third of a shorter history.",
            show_default=False,
        ),
    ] = None
    out: Out = None


@dataclass(frozen=True)
class CrowdsOptions:
    """Show how many customers are in each focus crowd: interested, due to buy again, with unpaid orders ...

    The buyers of each promotion of the calendar that had begun stand there too.
    """

    as_of: AsOfOrEnd = None
    crowd: Annotated[
        list[str] | None,
        typer.Option(
            "--crowd",
            help="A further crowd: favorites:item:ID, favorites:category:ID. May be repeated.",
            show_default=False,
        ),
    ] = None
    out: Out = None


@dataclass(frozen=True)
class ProfileOptions:
    """Show what the customers of a crowd are, against all customers, as an index: 100 = as the base.

    Stage, value tier, segment, price tier, gender, region, age, hour of day and the shop's own attributes,
    with the share unknown.
    """

    crowd: Annotated[
        str,
        typer.Option(
            "--crowd",
            help="A stage (loyal), focus crowd (interest, once:PROMOTION), RFM segment (segment:lost) or step of the "
            "funnel (funnel:cart).",
            show_default=False,
        ),
    ]
    as_of: AsOfOrEnd = None
    out: Out = None


@dataclass(frozen=True)
class ProductsOptions:
    """Show which role goods play, and what many customers hold open in carts and favourites.

    Exactly one role each: traffic brings in customers, profit earns, potential rises, marginal does none of these.
    What many hold open is a candidate for a joint price action; it is listed with today's price, the price when it
    was put in, and the last price paid.
    """

    by: Annotated[str, typer.Option("--by", help="What is told apart: item or category.")] = "item"
    as_of: AsOfOrEnd = None
    top: Annotated[int, typer.Option("--top", help="How many rows are shown; --out writes all.", min=1)] = 20
    least: Annotated[
        int, typer.Option("--least", help="The fewest customers that hold a joint-action candidate.", min=1)
    ] = 5
    out: Out = None


@dataclass(frozen=True)
class DemandOptions:
    """Show demand by category and price tier within it: views, favourites, carts, orders, amount."""

    as_of: AsOfOrEnd = None
    days: Annotated[int, typer.Option("--days", help="The window before as_of.", min=1, max=36_500)] = 90
    top: Annotated[int, typer.Option("--top", help="How many categories are shown; --out writes all.", min=1)] = 10
    out: Out = None


@dataclass(frozen=True)
class SceneOptions:
    """Show whom a holiday, a promotion or a theme page fits, and which goods to show each of them.

    A scene names what it is about, each of these as far as it matters:

    [scenes.gifts] categories = ["toys"], price_tiers = ["high"], roles = ["traffic"], stages = ["new", "loyal"],
    calendar = "christmas"
    """

    name: Annotated[str, typer.Argument(help="A scene of penchant.toml: a section \\[scenes.NAME].")]
    as_of: AsOfOrEnd = None
    least_fit: Annotated[float, typer.Option("--least-fit", help="Whom it fits less is left out.", min=0, max=1)] = 0.25
    goods: Annotated[int, typer.Option("--goods", help="Goods for each customer at most.", min=1)] = 5
    out: Out = None
