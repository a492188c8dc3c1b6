"""What is in an order: lines, quantities, prices, discounts, coupons, freight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from penchant.simulate.columns import ColumnBlock
from penchant.simulate.items import (
    EPOCH_DAYS,
    FROM_MAIN,
    FROM_SECOND,
    MOST_LINES,
    MOST_PIECES,
    Catalogue,
    anywhere,
    of_categories,
)
from penchant.simulate.season import Season
from penchant.simulate.streams import Float, Int, Streams
from penchant.simulate.traits import CustomerTraits

FREIGHT_CENTS, FREE_FROM_CENTS = 590, 5_900
SALE_DEPTH, SALE_SHARE = (0.12, 0.5)  # outside promotions: how much, and how often the most price-sensitive buy so
BASKET_SPREAD = 0.8  # of the logarithm of a basket's value around its expectation
PER_DAY = 64  # counters per customer and day


@dataclass(frozen=True)
class OrderLines(ColumnBlock):
    """Order lines, one entry each; money in cents.

    Parameters
    ----------
    order
        Place of the order among those given.
    item
        Number of the item; once per order.
    quantity, full, paid
        Pieces, their list price, and what is paid for them.
    """

    order: Int
    item: Int
    quantity: Int
    full: Int
    paid: Int


def fill(
    who: CustomerTraits, day: Int, is_first: NDArray[np.bool_], catalogue: Catalogue, season: Season
) -> OrderLines:
    """Return the lines of orders, before coupons.

    Parameters
    ----------
    who
        The customer of each order.
    day, is_first
        Its day, and whether it is the customer's first paid one.
    """
    extra = np.floor(np.log(who.uniform("more lines", day)) / np.log(who.more_lines)).astype(np.int64)
    order = np.repeat(np.arange(len(day)), 1 + np.minimum(extra, MOST_LINES - 1))
    first_line = np.concatenate([[0], np.flatnonzero(np.diff(order)) + 1]) if len(order) else order
    place = np.arange(len(order)) - first_line[order]
    dice, counter = who.streams.take(order), day[order] * PER_DAY + place
    category = wanted_category(who, order, "line", counter)
    chance = dice.uniform("line item", counter)
    item = catalogue.pick(day[order] // EPOCH_DAYS, is_first[order], category, who.level[order], chance)
    pieces = _pieces(dice, category, counter) * who.bulk[order]
    depth = np.where(season.is_promotion[day[order]], season.depth[day[order]], 0.0)
    on_sale = dice.uniform("line sale", counter) < SALE_SHARE * who.sensitivity[order]
    depth = np.where(on_sale & (depth == 0), SALE_DEPTH, depth)
    full = catalogue.items.price[item] * pieces
    return _merged(OrderLines(order, item, pieces, full, np.rint(full * (1 - depth)).astype(np.int64)))


def wanted_category(who: CustomerTraits, rows: Int, purpose: str, counter: Int) -> Int:
    """Return a category for each row: mostly its customer's main one, sometimes the second, or any."""
    dice = who.streams.take(rows)
    chance = dice.uniform(f"{purpose} category", counter)
    any_one = anywhere(dice.uniform(f"{purpose} anywhere", counter))
    other = np.where(chance < FROM_MAIN + FROM_SECOND, who.second[rows], any_one)
    return np.where(chance < FROM_MAIN, who.main[rows], other)


def _pieces(dice: Streams, category: Int, counter: Int) -> Int:
    more = np.log(dice.uniform("line pieces", counter)) / np.log(of_categories("more_pieces")[category])
    return 1 + np.minimum(np.floor(more).astype(np.int64), MOST_PIECES - 1)


def _merged(lines: OrderLines) -> OrderLines:
    """Return the lines with each item once per order, by order and item."""
    key = lines.order * 1_000_000 + lines.item
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    total = {name: np.bincount(group, getattr(lines, name)) for name in ("quantity", "full", "paid")}
    sums = {name: np.rint(values).astype(np.int64) for name, values in total.items()}
    return OrderLines(lines.order[first], lines.item[first], **sums)


def redeem(lines: OrderLines, value: Int, threshold: Int) -> tuple[OrderLines, NDArray[np.bool_]]:
    """Return the lines with coupons taken off, and which orders are large enough for theirs.

    Parameters
    ----------
    value, threshold
        Per order, in cents; value 0 where no coupon is used. The last line of an order takes the odd cents.
    """
    n = len(value)
    total = np.bincount(lines.order, lines.paid, minlength=n)
    fits = total >= threshold
    off = np.where(fits, value, 0)[lines.order]
    before = np.concatenate([[0], np.cumsum(lines.paid)])
    start = before[np.searchsorted(lines.order, np.arange(n))][lines.order]
    # shares of the running total: their differences sum to the coupon's value exactly
    share = off / np.maximum(total[lines.order], 1)
    until = np.floor((before[1:] - start) * share + 1e-9).astype(np.int64)
    since = np.floor((before[:-1] - start) * share + 1e-9).astype(np.int64)
    return OrderLines(lines.order, lines.item, lines.quantity, lines.full, lines.paid - (until - since)), fits


def basket_value(who: CustomerTraits, catalogue: Catalogue, epoch: int, is_first: NDArray[np.bool_]) -> Float:
    """Return the expected value of a basket at the list prices of a quarter, in major units."""
    return _expected(catalogue.line_value[epoch], who, is_first)


def basket_cost(who: CustomerTraits, catalogue: Catalogue, epoch: int, is_first: NDArray[np.bool_]) -> Float:
    """Return what the goods of an expected basket cost the shop, in major units."""
    return _expected(catalogue.line_cost[epoch], who, is_first)


def paid_share(who: CustomerTraits, season: Season, day: int) -> Float:
    """Return the expected share of the list price that is paid on a day, before coupons."""
    if season.is_promotion[day]:
        return np.full(len(who), 1.0 - season.depth[day])
    return 1.0 - SALE_DEPTH * SALE_SHARE * who.sensitivity


def reaches(basket: Float, threshold: Float | float) -> Float:
    """Return the chance that a basket of some expected value is worth at least so much (log-normal)."""
    with np.errstate(divide="ignore"):  # no threshold is always reached
        return np.asarray(ndtr(np.log(basket / threshold) / BASKET_SPREAD - BASKET_SPREAD / 2))


def _expected(by_shelf: Float, who: CustomerTraits, is_first: NDArray[np.bool_]) -> Float:
    first = is_first.astype(np.int64)
    shares = of_categories("share") / of_categories("share").sum()
    rest = np.einsum("fcl,c->fl", by_shelf, shares)[first, who.level]
    main, second = by_shelf[first, who.main, who.level], by_shelf[first, who.second, who.level]
    line = FROM_MAIN * main + FROM_SECOND * second + (1 - FROM_MAIN - FROM_SECOND) * rest
    return np.asarray(line * who.expected_lines * who.bulk)
