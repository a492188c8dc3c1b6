"""Focus crowds: customers that a retailer has a reason to speak to now, each one rule over the past.

One definition serves the feature group ``crowds``, the filters of audiences, the insight pages and the tags. Crowds
of an item, a category or a promotion are made by a function, or named in text: see `crowd_named`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import ibis
from ibis import _

from penchant.config import Config, CrowdSection
from penchant.errors import InputError, did_you_mean

from ..engine.times import days_between
from ..history.past import Past
from ..history.rows import Rows
from ..shop import Shop
from .crowd import Crowd
from .cycle import kept_category_cycles, quantile_name
from .declare import signal
from .funnel import OPEN_DAYS, open_items
from .group import BOUGHT_CATEGORY, PURCHASES, VIEWED_CATEGORY, FeatureGroup, Signal, Windows, unmet_needs
from .price import coupons_claimed, coupons_redeemed
from .promotions import PARTS, promotion_buyers, promotion_names, promotion_part
from .stage import is_new_customer

UNPAID_DAYS = (1, 7, 30)  # the ladder of reminders

UNPAID = ("orders.paid_at|orders.status",)
FAVORITES = ("interactions.item_id",)


def favorites_and_carts(past: Past) -> Rows:
    """Return favourites and carts."""
    return past.interactions.where(_.kind.isin(("favorite", "cart")))


def _is_interested(past: Past) -> Any:
    """Return whether something was put into the cart or made a favourite in the window and not bought since."""
    rules = past.config.crowds
    goods = past.rows("goods_of_interest", lambda: _goods_of_interest(past, rules))
    return goods.where(_.wanted_at.notnull(), _.bought_at.isnull() | (_.bought_at < _.wanted_at)).any()


def _goods_of_interest(past: Past, rules: CrowdSection) -> Any:
    """Return one row per spine row and good: wanted_at (the last in the window) and bought_at (the last)."""
    acts = past.rows("wants_and_buys", lambda: _wants_and_buys(past))

    def wanted_at(rows: Rows) -> Any:
        return rows.where(~_.is_bought).within(rules.interest_most_days, until=rules.interest_least_days).last()

    return acts.per("good", wanted_at=wanted_at, bought_at=lambda rows: rows.where(_.is_bought).last()).relation


def _wants_and_buys(past: Past) -> Any:
    """Return carts, favourites and purchases, each of a good: an item, or a category where items are not told apart.

    A cart or favourite that names no good is of the good ``""``, of which every purchase is one.
    """
    wanted = past.interactions.relation.filter(_.kind.isin(("favorite", "cart")))
    lines = past.lines.relation
    key = next((name for name in ("item_id", "category_id") if name in lines.columns and name in wanted.columns), None)
    parts = [wanted.select("row", "as_of", "at", good=_good(wanted, key).fill_null(""), is_bought=False)]
    parts.append(lines.select("row", "as_of", "at", good=ibis.literal(""), is_bought=True))
    if key is not None:
        parts.append(lines.select("row", "as_of", "at", good=_good(lines, key), is_bought=True))
    return ibis.union(*parts)


def _good(rows: Any, key: str | None) -> Any:
    return ibis.null("string") if key is None else rows[key]


def _is_new(past: Past) -> Any:
    return is_new_customer(past).fill_null(False)


def _is_due(past: Past) -> Any:
    return categories_due(past).any()


def categories_due(past: Past) -> Rows:
    """Return the categories that are due again, with ``place``: 0 = the one whose window closes first, ties by id."""
    return past.rows("categories_due", lambda: _due_in_order(past))


def _due_in_order(past: Past) -> Any:
    bought = past.rows("habits_bought", lambda: _habits_bought(past)).relation
    bought = bought.mutate(since=days_between(bought.as_of, bought.last_at))
    due = bought.filter(_.since >= _.opens_days, _.since <= _.closes_days)
    left = [due.closes_days - due.since, due.category_id]
    return due.mutate(place=ibis.row_number().over(group_by="row", order_by=left))


def _habits_bought(past: Past) -> Any:
    """Return the categories that each customer bought and that buyers come back to: last_at and the window in days."""
    habits = _habits(past)
    bought = past.lines.per("category_id", last_at=lambda rows: rows.last()).relation
    same = [bought.category_id == habits.habit, bought.as_of.truncate("D") == habits.seen_at]
    return bought.inner_join(habits, same).drop("seen_at", "habit")


def _habits(past: Past) -> Any:
    """Return the categories with a high repurchase rate: at least that of all (customer, category) pairs together."""
    cycles = kept_category_cycles(past)
    cycles = cycles.mutate(n_again=(_.repurchase_rate * _.n_buyers).round().cast("int64"))
    whole = ibis.window(group_by="as_of")
    sums = cycles.mutate(all_again=_.n_again.sum().over(whole), all_buyers=_.n_buyers.sum().over(whole))
    rules = past.config.crowds
    high = sums.filter(_.n_again > 0, _.n_again * _.all_buyers >= _.n_buyers * _.all_again)
    return high.select(
        seen_at=_.as_of,
        habit=_.category_id,
        opens_days=_[quantile_name(rules.due_from)],
        closes_days=_[quantile_name(rules.due_until)],
    )


def _holds_coupon(past: Past) -> Any:
    days = past.config.crowds.coupon_days
    return coupons_claimed(past, days) > coupons_redeemed(past, days)


def _unpaid(from_days: int, until_days: int | None) -> Callable[[Past], Any]:
    def holds(past: Past) -> Any:
        age = past.days_since(past.unpaid.last())
        in_time = age >= from_days if until_days is None else (age >= from_days) & (age < until_days)
        return in_time.fill_null(False)

    return holds


def _unpaid_crowds() -> Iterator[Crowd]:
    for days, until in zip(UNPAID_DAYS, (*UNPAID_DAYS[1:], None), strict=True):
        span = f"{days} days old or older" if until is None else f"{days} to {until} days old"
        yield Crowd(f"unpaid_{days}d", f"the youngest unpaid order is {span}", _unpaid(days, until), UNPAID)


def favorites_of(item_id: str | None = None, category_id: str | None = None) -> Crowd:
    """Return the crowd with an item, or an item of a category, among its open favourites; without either, any item."""
    needs: tuple[str, ...] = FAVORITES
    if item_id is not None:
        name, what = f"favorites:item:{item_id}", f"item '{item_id}'"
    elif category_id is not None:
        name, what = f"favorites:category:{category_id}", f"an item of category '{category_id}'"
        needs = (*FAVORITES, VIEWED_CATEGORY)
    else:
        name, what = "favorites", "an item"
    meaning = f"{what} among the favourites of {OPEN_DAYS} days, not ordered since"
    return Crowd(
        name, meaning, lambda past: _open_favorites(past, item_id, category_id).any(), needs, kinds=("favorite",)
    )


def _open_favorites(past: Past, item_id: str | None, category_id: str | None) -> Rows:
    if category_id is not None:
        return past.rows("favorites_by_category", lambda: _favorites_by_category(past)).where(
            _.category_id == category_id
        )
    favorites = open_items(past, "favorite")
    return favorites if item_id is None else favorites.where(_.item_id == item_id)


def _favorites_by_category(past: Past) -> Any:
    """Return the open favourites with their item's category."""
    held = open_items(past, "favorite")
    open_now = held.relation.filter(*held.conditions).select("row", "as_of", "item_id")
    acts = past.interactions.within(OPEN_DAYS).where(_.kind == "favorite", _.category_id.notnull())
    known = acts.per("item_id", category_id=lambda rows: rows.max(_.category_id)).relation
    known = known.select(held_row="row", held_item="item_id", category_id="category_id")
    joined = open_now.inner_join(known, [open_now.row == known.held_row, open_now.item_id == known.held_item])
    return joined.drop("held_row", "held_item")


def crowds_by_rule(config: Config) -> tuple[Crowd, ...]:
    """Return the crowds of the catalogue; their meanings name the numbers of ``[crowds]`` and ``[stages]``."""
    rules, stages = config.crowds, config.stages
    return (
        Crowd(
            "interest",
            f"cart or favourite {rules.interest_least_days} to {rules.interest_most_days} days ago "
            "of something not bought since",
            _is_interested,
            ("interactions", PURCHASES),
            kinds=("favorite", "cart"),
        ),
        Crowd(
            "new_customer",
            f"exactly one purchase in {stages.new_span_days} days, and that within the last {stages.new_days}",
            _is_new,
            (PURCHASES,),
        ),
        Crowd(
            "repurchase_due",
            f"bought in a category that buyers come back to, and now between the {100 * rules.due_from:g}th and the "
            f"{100 * rules.due_until:g}th percentile of the days between its purchases",
            _is_due,
            (BOUGHT_CATEGORY, PURCHASES),
            population=True,
        ),
        Crowd(
            "coupon_holders",
            f"claimed more coupons than redeemed in {rules.coupon_days} days, for which they are taken to be valid",
            _holds_coupon,
            ("interactions",),
            kinds=("coupon_claim",),
        ),
        favorites_of(),
        *_unpaid_crowds(),
    )


CROWDS = crowds_by_rule(Config())


def recorded_kinds(shop: Shop) -> set[str]:
    """Return the kinds of interactions that the shop records at all."""
    if not shop.has("interactions"):
        return set()
    return set(shop.tables["interactions"].select("kind").distinct().to_pandas()["kind"])


def lacking_of(shop: Shop, crowds: Sequence[Crowd]) -> dict[str, str]:
    """Return name -> what the shop lacks for a crowd, of those that it cannot tell."""
    recorded = recorded_kinds(shop)
    found: dict[str, str] = {}
    for crowd in crowds:
        missing = [" or ".join(f"'{one}'" for one in need.split("|")) for need in unmet_needs(crowd.needs, shop.has)]
        if not missing and crowd.kinds and not recorded & set(crowd.kinds):
            missing = [f"interactions of kind {' or '.join(crowd.kinds)}"]
        if missing:
            found[crowd.name] = "the shop has no " + " and no ".join(missing)
    return found


def crowds_of(shop: Shop, before: datetime) -> tuple[Crowd, ...]:
    """Return the crowds of the catalogue, and the buyers of each promotion that had begun before an instant."""
    names = promotion_names(shop, before)
    return (
        *crowds_by_rule(shop.config),
        *(promotion_buyers(name, part) for name in names for part in PARTS if part != "bought"),
    )


def crowd_named(name: str, promotions: Sequence[str] = (), config: Config | None = None) -> Crowd:
    """Return the crowd of a name.

    Parameters
    ----------
    name
        A name of ``CROWDS``; ``favorites:item:ID`` or ``favorites:category:ID``; or ``PART:PROMOTION`` with a key of
        ``PARTS``, such as ``new_with:11.11``, and ``>=AMOUNT`` after it for those who spent so much in it.
    promotions
        The promotions that there are.
    config
        Whose numbers the meaning names; default: the defaults.

    Raises
    ------
    InputError
        If there is no such crowd or promotion.

    Examples
    --------
    >>> crowd_named("favorites:category:tea").meaning
    "an item of category 'tea' among the favourites of 30 days, not ordered since"
    >>> crowd_named("new_with:11.11>=299", ["11.11"]).meaning
    "spent 299 or more in '11.11' and never before it"
    """
    kind, _colon, rest = name.partition(":")
    if kind in PARTS and rest:
        return promotion_part(name, promotions)
    what, _colon, one = rest.partition(":")
    if kind == "favorites" and one and what in ("item", "category"):
        return favorites_of(item_id=one) if what == "item" else favorites_of(category_id=one)
    known = {crowd.name: crowd for crowd in crowds_by_rule(config or Config())}
    if name not in known:
        forms = [f"{part}:{promotion}" for part in PARTS for promotion in promotions]
        raise InputError("crowd", "the name of a crowd", f"'{name}'", did_you_mean(name, [*known, *forms]))
    return known[name]


def crowd_group(config: Config) -> FeatureGroup:
    """Return the group of a flag for each crowd of the catalogue."""
    return FeatureGroup("crowds", "Which focus crowds the customer is in.", partial(_signals, config))


def _signals(config: Config, _windows: Windows) -> Iterator[Signal]:
    for crowd in crowds_by_rule(config):
        yield signal(
            f"in_{crowd.name}", f"1 in the crowd, else 0: {crowd.meaning}", "flag", _as_number(crowd), crowd.needs,
            reason=(crowd.meaning, f"not in the crowd '{crowd.name.replace('_', ' ')}'"), population=crowd.population,
        )  # fmt: skip


def _as_number(crowd: Crowd) -> Callable[[Past], Any]:
    return lambda past: crowd.holds(past).cast("int64")


CROWD_GROUP = crowd_group(Config())
