"""Commands that show what is known of goods: penchant insight products, demand, scene."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from penchant.cli.insight_commands import AsOf, Out, instant_of, present
from penchant.cli.work import Work


def products(
    context: typer.Context,
    by: Annotated[str, typer.Option("--by", help="What is told apart: item or category.")] = "item",
    as_of: AsOf = None,
    top: Annotated[int, typer.Option("--top", help="How many rows are shown; --out writes all.", min=1)] = 20,
    least: Annotated[
        int, typer.Option("--least", help="The fewest customers that hold a joint-action candidate.", min=1)
    ] = 5,
    out: Out = None,
) -> None:
    """Show which role goods play, and what many customers hold open in carts and favourites.

    Exactly one role each: traffic brings in customers, profit earns, potential rises, marginal does none of these.
    What many hold open is a candidate for a joint price action; it is listed with today's price, the price when it
    was put in, and the last price paid.
    """
    from penchant.serving.insight.products import products_page

    work: Work = context.obj
    with work.shop() as shop, work.step("measuring goods"):
        page = products_page(shop, instant_of(work, as_of), cast(Any, by), top, least)
    present(work, page, out)


def demand(
    context: typer.Context,
    as_of: AsOf = None,
    days: Annotated[int, typer.Option("--days", help="The window before as_of.", min=1, max=36_500)] = 90,
    top: Annotated[int, typer.Option("--top", help="How many categories are shown; --out writes all.", min=1)] = 10,
    out: Out = None,
) -> None:
    """Show demand by category and price tier within it: views, favourites, carts, orders, amount."""
    from penchant.serving.insight.products import demand_page

    work: Work = context.obj
    with work.shop() as shop, work.step("measuring demand"):
        page = demand_page(shop, instant_of(work, as_of), days, top)
    present(work, page, out)


def scene(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A scene of penchant.toml: a section \\[scenes.NAME].")],
    as_of: AsOf = None,
    least_fit: Annotated[
        float, typer.Option("--least-fit", help="Whom it fits less is left out.", min=0, max=1)
    ] = 0.25,
    goods: Annotated[int, typer.Option("--goods", help="Goods for each customer at most.", min=1)] = 5,
    out: Out = None,
) -> None:
    """Show whom a holiday, a promotion or a theme page fits, and which goods to show each of them.

    A scene names what it is about, each of these as far as it matters:

    \\[scenes.gifts] categories = ["toys"], price_tiers = ["high"], roles = ["traffic"], stages = ["new", "loyal"],
    calendar = "christmas"
    """
    from penchant.serving.insight.scene_page import scene_page
    from penchant.serving.insight.scenes import SceneRules, scene_of

    work: Work = context.obj
    scene_of(work.config, name)  # a mistyped name is told before the shop is read
    rules = SceneRules(least_fit=least_fit, n_goods=goods)
    with work.shop() as shop, work.step("matching customers and goods"):
        page = scene_page(shop, name, instant_of(work, as_of), rules=rules)
    present(work, page, out)


COMMANDS = (products, demand, scene)
