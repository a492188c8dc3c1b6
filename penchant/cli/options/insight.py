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
        help="Folder for the tables as CSV and Parquet and the page as HTML, replaced as a whole.",
        show_default=False,
    ),
]
From = Annotated[
    str | None, typer.Option("--from", help="The first day. Default: the beginning of the data.", show_default=False)
]
Until = Annotated[str | None, typer.Option("--to", help="The end. Default: the end of the data.", show_default=False)]


@dataclass(frozen=True)
class StagesOptions:
    """Show how many customers are in each relationship stage: stranger, prospect, lead, new ... churned."""

    as_of: AsOfOrEnd = None
    out: Out = None


@dataclass(frozen=True)
class FlowOptions:
    """Show how customers moved between stages, from one date to a later one.

    Customers who were not known yet at the first date have a row of their own.
    """

    first: Annotated[
        str | None,
        typer.Option("--from", help="The first date or timestamp. Default: 90 days before --to.", show_default=False),
    ] = None
    second: Annotated[
        str | None,
        typer.Option("--to", help="The second date or timestamp. Default: the end of the data.", show_default=False),
    ] = None
    out: Out = None


@dataclass(frozen=True)
class FunnelOptions:
    """Show the funnel: customers at each step, the rate of moving on, and what one more per cent is worth.

    The rates follow the customers who were at a step one horizon before --as-of to where they are at --as-of.
    """

    as_of: AsOfOrEnd = None
    horizon: Annotated[
        int | None,
        typer.Option(
            "--horizon",
            help="Days to move on to the next step. Default: 30, or a third of a shorter history.",
            show_default=False,
        ),
    ] = None
    out: Out = None


@dataclass(frozen=True)
class CrowdsOptions:
    """Show how many customers are in each focus crowd: interested, due to buy again, with unpaid orders ...

    Includes the buyers of each promotion in the calendar that had started.
    """

    as_of: AsOfOrEnd = None
    crowd: Annotated[
        list[str] | None,
        typer.Option(
            "--crowd",
            help="Additional crowd: favorites, carts or interest with :item:ID or :category:ID. May be repeated.",
            show_default=False,
        ),
    ] = None
    out: Out = None


@dataclass(frozen=True)
class ProfileOptions:
    """Show how a crowd differs from all customers, as an index: 100 = the same share.

    By stage, value tier, segment, price tier, gender, region, age, hour of day and the shop's own attributes, with the
    share unknown.
    """

    crowd: Annotated[
        str,
        typer.Option(
            "--crowd",
            help="Stage (loyal), focus crowd (interest, once:PROMOTION), RFM segment (segment:lost) or funnel step "
            "(funnel:cart).",
            show_default=False,
        ),
    ]
    as_of: AsOfOrEnd = None
    out: Out = None


@dataclass(frozen=True)
class ProductsOptions:
    """Show the role of each product, and what many customers have in their carts and favourites.

    Each product has one role: traffic brings in customers, profit earns, potential is rising, marginal is none of
    these. What many customers hold in carts and favourites is a candidate for a joint price promotion, listed with
    today's price, the price when it was added, and the last price paid.
    """

    by: Annotated[str, typer.Option("--by", help="Unit of the rows: item or category.")] = "item"
    as_of: AsOfOrEnd = None
    top: Annotated[int, typer.Option("--top", help="Number of rows shown; --out writes all.", min=1)] = 20
    least: Annotated[
        int,
        typer.Option(
            "--least", help="Minimum number of customers who hold a candidate for a joint price promotion.", min=1
        ),
    ] = 5
    out: Out = None


@dataclass(frozen=True)
class DemandOptions:
    """Show demand by category and price tier within it: views, favourites, carts, orders, amount."""

    as_of: AsOfOrEnd = None
    days: Annotated[int, typer.Option("--days", help="Days before as_of.", min=1, max=36_500)] = 90
    top: Annotated[int, typer.Option("--top", help="Number of categories shown; --out writes all.", min=1)] = 10
    out: Out = None


@dataclass(frozen=True)
class SceneOptions:
    """Show which customers a holiday, a promotion or a theme page suits, and which products to show each of them.

    A scene is a section of penchant.toml; all its keys are optional:

    [scenes.gifts] categories = ["toys"], price_tiers = ["high"], roles = ["traffic"], stages = ["new", "loyal"],
    calendar = "christmas"
    """

    name: Annotated[str, typer.Argument(help="Scene in penchant.toml: the section \\[scenes.NAME].")]
    as_of: AsOfOrEnd = None
    least_fit: Annotated[
        float, typer.Option("--least-fit", help="Minimum fit; customers below it are left out.", min=0, max=1)
    ] = 0.25
    goods: Annotated[int, typer.Option("--goods", help="Maximum number of products per customer.", min=1)] = 5
    out: Out = None


@dataclass(frozen=True)
class CohortsOptions:
    """Show what became of customers by when, or with what, they first bought: retention, orders, revenue, margin.

    Ages are calendar months (or weeks) since the first order; periods that are not over are marked. With --out: heat
    maps and curves as a page, and every cell with its interval as CSV and Parquet.
    """

    by: Annotated[str, typer.Option(help="month or week of the first order, or its category, channel or offer.")] = (
        "month"
    )
    as_of: AsOfOrEnd = None
    out: Out = None


@dataclass(frozen=True)
class ValueOptions:
    """Show what a customer of each stage brings in a year, the ratios among them, and what an order changes in it.

    A year of new customers is told from their first 60 days. Margin where the items' costs are known, else what was
    paid. The worth of an order over the year ranks audiences and plans.
    """

    as_of: AsOfOrEnd = None
    out: Out = None


@dataclass(frozen=True)
class CrowdOptions:
    """Show who is in one crowd: its size, and what its customers are against all customers.

    Any crowd, tag or signal that is a yes or no: interest, new_with:PROMOTION>=299, carts:category:tea, tier:high,
    stage:loyal, prefers:holiday.
    """

    name: Annotated[str, typer.Argument(help="The crowd.", show_default=False)]
    as_of: AsOfOrEnd = None
    out: Out = None


@dataclass(frozen=True)
class ProgrammeOptions:
    """Show what all campaigns together changed: the universal control beside all other customers, over a span.

    Refused while the control is too small to show even a large effect, saying when it will be large enough.
    """

    first: Annotated[str, typer.Option("--from", help="The first day of the span.", show_default=False)]
    second: Annotated[
        str | None, typer.Option("--to", help="The end of the span. Default: the end of the data.", show_default=False)
    ] = None
    out: Out = None


@dataclass(frozen=True)
class LoyaltyOptions:
    """Show memberships by level and how many renew, points held and used, and what a referral is worth.

    Takes the optional tables memberships, points and referrals; what the shop does not have is left out by name.
    """

    as_of: AsOfOrEnd = None
    days: Annotated[
        int, typer.Option("--days", help="Days from the referral in which the referred are followed.", min=1)
    ] = 180
    out: Out = None


@dataclass(frozen=True)
class JointPriceOptions:
    """Show whom a joint price action on an item addresses, and the orders and margin to expect at each price.

    The holders are customers with the item in the cart or among their favourites; --out writes all of them. How many
    order anyway is learned from what was held before; how orders answer to the price must be given or tested.
    """

    item: Annotated[str, typer.Argument(help="The item_id.", show_default=False)]
    as_of: AsOfOrEnd = None
    price: Annotated[
        list[float] | None,
        typer.Option("--price", help="A price; may be repeated. Default: today's, and 5 to 30 % less."),
    ] = None
    elasticity: Annotated[
        float | None,
        typer.Option("--elasticity", help="Change of orders for one per cent of price, such as -2. Default: unknown."),
    ] = None
    days: Annotated[int, typer.Option("--days", help="Days that the action runs.", min=1)] = 14
    out: Out = None


@dataclass(frozen=True)
class LookalikesOptions:
    """Show what sets the best customers apart from those who never ordered, and who of these resembles them.

    Learned from attributes, first touches and the first day's browsing, and judged on the strangers of earlier: who of
    them became as good since, against chance and against who was seen last. A list from outside is scored with --list,
    and stands with --out as list.csv; refused where the ranking is not surely better than chance.
    """

    as_of: AsOfOrEnd = None
    best: Annotated[
        float, typer.Option("--best", help="Share of buyers who are best, by what they paid.", min=0.01, max=1.0)
    ] = 0.2
    days: Annotated[
        int, typer.Option("--days", help="Days of payments, and in which strangers are followed.", min=7)
    ] = 180
    outside: Annotated[
        Path | None,
        typer.Option(
            "--list",
            help="A .csv or .parquet file of people: customer_id, customer_id_sha256, or attributes of customers.",
            show_default=False,
        ),
    ] = None
    out: Out = None
