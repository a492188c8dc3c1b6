"""Price preference: how dear, within its category, what the customer buys is; and how much a discount matters.

A price's percentile is its place among the prices of its category, those seen by anyone before the midnight (UTC) that
precedes as_of: the share of rows that were cheaper, plus half of those at the same price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from penchant.lazy import _, ibis

from ..history.past import Past
from ..history.rows import Rows
from .declare import AskRows, per, share_of, signal
from .group import BOUGHT_CATEGORY, PURCHASES, VIEWED_CATEGORY, FeatureGroup, Signal, Windows

LOOK_BACK_DAYS = 365
TIERS = ("low", "middle", "high")


def bought_prices(past: Past) -> Rows:
    """Return lines of purchases with the percentile of what one piece cost."""
    return past.rows("bought_prices", lambda: _placed(past, "bought", _bought))


def viewed_prices(past: Past) -> Rows:
    """Return views with the percentile of the price that was shown."""
    return past.rows("viewed_prices", lambda: _placed(past, "viewed", _viewed))


def _bought(past: Past) -> Any:
    lines = past.lines.relation
    return lines.mutate(price=piece_price(lines)).select("row", "as_of", "at", "category_id", "price")


def piece_price(lines: Any) -> Any:
    """Return what one piece of a line cost, in whole minor units; null where nothing was delivered."""
    pieces = lines.quantity if "quantity" in lines.columns else ibis.literal(1.0)
    return (lines.amount / pieces.nullif(0)).round().cast("int64")


def _viewed(past: Past) -> Any:
    rows = past.interactions.relation
    return rows.filter(rows.kind == "view").select("row", "as_of", "at", "category_id", "price")


def _placed(past: Past, name: str, rows: Callable[[Past], Any]) -> Any:
    """Return priced rows with their percentile; prices that nobody had seen before midnight are left out."""
    keep = past.keep
    levels = past.everyone.relation(
        f"{name}_levels", lambda: keep.table(price_levels(rows(past.everyone).filter(_.price.notnull())))
    )
    levels = levels.rename(seen_at="as_of", level_category="category_id", level_price="price")
    mine = rows(past)
    same = [
        mine.category_id == levels.level_category,
        mine.price == levels.level_price,
        mine.as_of.truncate("D") == levels.seen_at,
    ]
    return mine.inner_join(levels, same).drop("seen_at", "level_category", "level_price")


def price_levels(priced: Any) -> Any:
    """Return (as_of, category_id, price, percentile) of priced rows."""
    counts = priced.filter(_.category_id.notnull()).group_by("as_of", "category_id", "price").aggregate(n=_.count())
    so_far = ibis.window(group_by=["as_of", "category_id"], order_by="price", preceding=(None, 0))
    whole = ibis.window(group_by=["as_of", "category_id"])
    ranked = counts.mutate(n_upto=_.n.sum().over(so_far), n_all=_.n.sum().over(whole))
    return ranked.select("as_of", "category_id", "price", percentile=(_.n_upto - _.n / 2) / _.n_all)


def price_tier(past: Past) -> Any:
    """Return low, middle or high: a third of the percentiles each, of what was bought, else of what was viewed."""
    level = (
        bought_prices(past).mean(_.percentile)
        if past.has_category and past.has("orders", "amount")
        else ibis.null("float64")
    )
    if past.has_viewed_category and past.has("interactions", "price"):
        level = ibis.coalesce(level, viewed_prices(past).mean(_.percentile))
    return tier_of(level)


def tier_of(percentile: Any) -> Any:
    """Return low, middle or high: a third of the percentiles each; null where there is none."""
    return ibis.cases((percentile < 1 / 3, TIERS[0]), (percentile < 2 / 3, TIERS[1]), (percentile.notnull(), TIERS[2]))


PRICED = "bought.category_id.amount|viewed.category_id.price"


def _signals(_windows: Windows) -> Iterator[Signal]:
    yield _percentile("bought", ("orders.amount", BOUGHT_CATEGORY), bought_prices)
    yield _percentile("viewed", ("interactions.price", VIEWED_CATEGORY), viewed_prices)
    yield signal(
        "price_tier", "low, middle or high: in which third of its category's prices the customer buys, else looks",
        "code", price_tier, PRICED, "nothing bought or viewed at a known price", "buys in the {value} price tier",
        population=True,
    )  # fmt: skip
    yield from _discount_signals()
    yield from _coupon_signals()
    yield from _freight_signals()


def _percentile(name: str, needs: tuple[str, ...], rows: AskRows) -> Signal:
    return signal(
        f"price_percentile_{name}", f"mean percentile, within the category, of the prices {name}", "share",
        lambda past: rows(past).mean(_.percentile), needs, f"nothing {name} at a known price",
        (f"what was {name} is dear for its category", f"what was {name} is cheap for its category"), population=True,
    )  # fmt: skip


def _discount_signals() -> Iterator[Signal]:
    needs = ("orders.amount", "orders.discount|orders.list_amount")
    yield signal(
        "discount_line_share", "share of the lines bought at a discount", "share",
        lambda past: share_of(past.lines, _.discount > 0), needs, "no purchase yet",
        "{value:.0%} of the goods bought were at a discount",
    )  # fmt: skip
    yield signal(
        "discount_depth", "mean depth of the discount where there was one: what was taken off the list amount", "share",
        _depth, needs, "nothing bought at a discount", "discounts of {value:.0%} on average",
    )  # fmt: skip
    yield signal(
        "discount_only_share", "share of the purchases that were made at a discount: 1 = buys in promotions only",
        "share", lambda past: share_of(past.purchases, _.discount > 0), needs, "no purchase yet",
        "{value:.0%} of the purchases were at a discount",
    )  # fmt: skip


def _depth(past: Past) -> Any:
    cut = past.lines.where(_.discount > 0, _.list_amount > 0)
    return per(cut.sum(_.discount), cut.sum(_.list_amount))


def _coupon_signals(days: int = LOOK_BACK_DAYS) -> Iterator[Signal]:
    yield signal(
        "coupon_purchase_share", "share of the purchases with a coupon", "share",
        lambda past: share_of(past.purchases, _.has_coupon), "orders.coupon_id", "no purchase yet",
        "{value:.0%} of the purchases were with a coupon",
    )  # fmt: skip
    yield signal(
        f"n_coupons_claimed_{days}d", f"coupons claimed in the last {days} days", "count",
        lambda past: coupons_claimed(past, days), "interactions", reason="{value:,.0f} coupons claimed in a year",
    )  # fmt: skip
    yield signal(
        "coupon_use_rate", f"coupons redeemed per coupon claimed in the last {days} days", "ratio",
        lambda past: per(coupons_redeemed(past, days), coupons_claimed(past, days)), "interactions",
        "no coupon claimed", "redeems {value:.0%} of the coupons claimed",
    )  # fmt: skip


def coupons_claimed(past: Past, days: int) -> Any:
    """Return how many coupons were claimed in the last days."""
    return past.interactions.where(_.kind == "coupon_claim").within(days).count()


def coupons_redeemed(past: Past, days: int) -> Any:
    """Return how many coupons were redeemed in the last days, by interactions or orders, whichever tell of more."""
    told = past.interactions.where(_.kind == "coupon_redeem").within(days).count()
    if not past.has("orders", "coupon_id"):
        return told
    return ibis.greatest(told, past.orders.within(days).where(_.has_coupon).count())


def _freight_signals() -> Iterator[Signal]:
    yield signal(
        "freight_paid_share", "share of the purchases for which freight was paid", "share",
        lambda past: share_of(past.purchases, _.freight > 0), ("orders.freight", PURCHASES), "no purchase yet",
        "paid for delivery in {value:.0%} of the purchases",
    )  # fmt: skip
    yield signal(
        "freight_ratio", "what was paid for delivery, per amount paid for goods", "ratio",
        lambda past: per(past.purchases.sum(_.freight), past.purchases.sum(_.amount)),
        ("orders.freight", "orders.amount"), "no purchase yet",
        "pays {value:.0%} of the goods' amount for delivery",
    )  # fmt: skip


PRICE = FeatureGroup("price", "How dear what the customer buys is, and how much discounts matter.", _signals)
