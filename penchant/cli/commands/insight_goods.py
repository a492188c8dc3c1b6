"""The pages of goods and worth: penchant insight products, demand, joint-price, scene, value."""

from __future__ import annotations

from typing import Any, cast

from penchant.cli.options.insight import DemandOptions, JointPriceOptions, ProductsOptions, SceneOptions, ValueOptions
from penchant.cli.terminal import present, show_at
from penchant.cli.work import Work
from penchant.serving.insight.joint_price import joint_price_page
from penchant.serving.insight.products import demand_page, products_page
from penchant.serving.insight.scene_page import scene_page
from penchant.serving.insight.scenes import SceneRules, scene_of
from penchant.serving.insight.value import value_page


def show_products(work: Work, options: ProductsOptions) -> None:
    """Show which role goods play."""
    with work.shop() as shop, work.step("analysing products"):
        as_of = work.moment(shop, options.as_of)
        page = products_page(shop, as_of, cast(Any, options.by), options.top, options.least)
    present(work, page, options.out)


def show_demand(work: Work, options: DemandOptions) -> None:
    """Show demand by category and price tier."""
    show_at(work, options, "measuring demand", lambda shop, at: demand_page(shop, at, options.days, options.top))


def show_joint_price(work: Work, options: JointPriceOptions) -> None:
    """Show whom a joint price action addresses, and what it brings."""
    with work.shop() as shop, work.step("following what is held"):
        as_of = work.moment(shop, options.as_of)
        page = joint_price_page(shop, options.item, as_of, options.price or (), options.elasticity, options.days)
    present(work, page, options.out)


def show_scene(work: Work, options: SceneOptions) -> None:
    """Show whom a scene fits, and which goods to show each of them."""
    scene_of(work.config, options.name)  # a mistyped name is refused before the shop is read
    rules = SceneRules(least_fit=options.least_fit, n_goods=options.goods)
    with work.shop() as shop, work.step("matching customers and products"):
        page = scene_page(shop, options.name, work.moment(shop, options.as_of), rules=rules)
    present(work, page, options.out)


def show_value(work: Work, options: ValueOptions) -> None:
    """Show what customers of each stage bring in a year."""
    show_at(work, options, "counting what a year brings", value_page)
