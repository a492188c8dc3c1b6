"""The insight page about value: what customers of each stage bring in a year, and what an order changes in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from penchant.errors import LeftOutError, TooLittleDataError
from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.shop import Shop
from ..worth.early_value import EARLY_DAYS, EarlyValue, early_value
from ..worth.stage_value import SOON_DAYS, StageValues, stage_values, told_stages
from .page import InsightPage, InsightTable, moment_of

WAYS = {"ratio": "ratio to the first days", "surrogate": "first orders, as a surrogate"}
NAMES = {"margin": "margin", "amount": "paid", "orders": "orders"}


def value_page(shop: Shop, as_of: datetime | None = None) -> InsightPage:
    """Return what a customer of each stage brings in a year, the ratios among them, and what an order changes.

    Parameters
    ----------
    shop
        The shop.
    as_of
        UTC without a zone; default: the end of the shop's data.

    Raises
    ------
    InputError
        If the data ends before as_of.
    LeftOutError
        If the shop knows no purchases.
    TooLittleDataError
        If its data does not begin a year and a half before as_of.
    """
    moment = moment_of(shop, as_of)
    found = stage_values(shop, moment)
    unit = NAMES[found.measure] + ("" if found.measure == "orders" else f", {shop.currency}")
    lead = (
        f"{len(found.rows):,} customers by the stage they were in at {shop_time(found.since, shop.timezone)}, and what "
        f"they brought in the year until {shop_time(moment, shop.timezone)}."
    )
    tables, left_out = [_stages(found, unit), *_moves(found, unit)], {}
    try:
        tables.append(_new_customers(early_value(shop, moment), shop.currency))
    except (LeftOutError, TooLittleDataError) as fault:
        left_out["a year of new customers"] = str(fault)
    facts = {"as_of": moment.isoformat(), "since": found.since.isoformat(), "measure": found.measure}
    return InsightPage("value", "Value by stage", lead, tuple(tables), facts, left_out, _notes())


def _stages(found: StageValues, unit: str) -> InsightTable:
    columns = {
        "stage": PageColumn("stage a year before"),
        "n_customers": PageColumn("customers", ",d"),
        "ordered": PageColumn("ordered since", ".1%"),
        "orders_each": PageColumn("orders each", ".2f"),
        "value_each": PageColumn(f"{unit} each", ",.2f"),
        "ratio": PageColumn("times a new one", ".1f"),
    }
    title = "What a customer of each stage brings in a year"
    return InsightTable("stages", title, columns, list(told_stages(found)), drawn="value_each")


def _moves(found: StageValues, unit: str) -> list[InsightTable]:
    rows: list[dict[str, Any]] = [
        {
            "stage": name,
            "n_ordered": worth.n_ordered,
            "brought": worth.brought,
            "others": worth.others,
            "difference": worth.difference,
            "explained": worth.selected * worth.one_order,
            "one_order": worth.one_order,
            "factor": worth.factor,
            "worth": worth.factor.scaled(worth.one_order),
        }
        for name, worth in found.moves().items()
    ]
    columns = {
        "stage": PageColumn("stage"),
        "n_ordered": PageColumn(f"ordered in {SOON_DAYS} days", ",d"),
        "brought": PageColumn("they brought in the year", ",.2f"),
        "others": PageColumn("others alike", ",.2f"),
        "difference": PageColumn("difference", ",.2f"),
        "explained": PageColumn("of it, by histories", ",.2f"),
        "one_order": PageColumn("the order itself", ",.2f"),
        "factor": PageColumn("worth in orders", ".2f"),
        "worth": PageColumn(f"worth of an order, {unit}", ",.2f"),
    }
    return [InsightTable("orders", "What one more order is worth over the year", columns, rows)] if rows else []


def _new_customers(found: EarlyValue, currency: str) -> InsightTable:
    """Return the year of customers whose first days alone are over, told two ways."""
    rows = [
        {
            "way": WAYS[one.way],
            "n_learned": found.n_over,
            "promised": one.promised,
            "came": one.came,
            "n_customers": found.n_young,
            "early": found.early_young,
            "expected": one.expected,
        }
        for one in found.ways
    ]
    unit = f"{NAMES[found.measure]}, {currency}"
    columns = {
        "way": PageColumn("told by"),
        "n_learned": PageColumn("whose year is over", ",d"),
        "promised": PageColumn("latest of them: expected", ",.2f"),
        "came": PageColumn("came", ",.2f"),
        "n_customers": PageColumn("new customers", ",d"),
        "early": PageColumn(f"first {EARLY_DAYS} days, {unit}", ",.2f"),
        "expected": PageColumn(f"12 months, {unit}", ",.2f"),
    }
    return InsightTable("new_customers", f"A year of new customers, from their first {EARLY_DAYS} days", columns, rows)


def _notes() -> tuple[str, ...]:
    return (
        "Intervals of 95 %, of the customers, not of the years: another year may be better or worse for all of them.",
        f"Who ordered within {SOON_DAYS} days is compared with customers of the same stage, expected number of orders "
        "and spending who did not. Frequent customers order sooner: what a model of the histories, in which an order "
        "changes nothing, gives for the same comparison is not counted. The lower bound of the worth says that nothing "
        "lasts beyond the order, the upper one that all of the difference does.",
        "A year of new customers: the ratio is what those whose year is over brought in it, by what they brought in "
        "their first days; the surrogate reads the year from number and amount of the first orders. The interval also "
        "holds how far the same way was off for the latest customers whose year is over. Customers of the "
        "data's first 90 days, who may be older ones, are left out of it where there are enough others.",
        "Audiences and plans count an order with this worth where 'penchant score' has stored it.",
    )
