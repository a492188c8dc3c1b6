"""Focus crowds: customers that a retailer has a reason to speak to now, each one rule over the past.

One definition serves the feature group ``crowds``, the filters of audiences, the insight pages and the tags. Crowds
of an item, a category or a promotion are made by a function, or named in text: see `crowd_named`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial, reduce
from operator import or_
from typing import Any

import ibis
from ibis import _

from penchant.config import Config
from penchant.errors import InputError, did_you_mean

from ..engine.times import days_before, days_between, instant
from ..history.past import Past
from ..history.rows import Rows
from ..shop import Shop
from .cycle import kept_category_cycles, quantile_name
from .declare import signal
from .funnel import OPEN_DAYS, open_items
from .group import BOUGHT_CATEGORY, PURCHASES, VIEWED_CATEGORY, FeatureGroup, Signal, Windows, unmet_needs
from .holiday import Span, merged
from .price import coupons_claimed, coupons_redeemed
from .stage import is_new_customer

UNPAID_DAYS = (1, 7, 30)  # the ladder of reminders

UNPAID = ("orders.paid_at|orders.status",)
FAVORITES = ("interactions.item_id",)
CALENDAR = ("calendar", PURCHASES)


@dataclass(frozen=True)
class Crowd:
    """A crowd by rule.

    Parameters
    ----------
    name
        How it is called; its flag is ``in_<name>``.
    meaning
        Who is in it, as a phrase.
    holds
        From the past, whether a spine row's customer is in it: a boolean expression, never null.
    needs
        Tables and columns that the shop must have, as in `Signal`.
    population
        Whether it depends on other customers by definition.
    kinds
        Kinds of interactions of which the shop must record at least one; empty: whatever it records.
    """

    name: str
    meaning: str
    holds: Callable[[Past], Any]
    needs: tuple[str, ...]
    population: bool = False
    kinds: tuple[str, ...] = ()


def favorites_and_carts(past: Past) -> Rows:
    """Return favourites and carts."""
    return past.interactions.where(_.kind.isin(("favorite", "cart")))


def _is_interested(past: Past) -> Any:
    last, rules = favorites_and_carts(past).last(), past.config.crowds
    in_time = (last >= days_before(past.as_of, rules.interest_most_days)) & (
        last < days_before(past.as_of, rules.interest_least_days)
    )
    bought = past.purchases.last()
    return (in_time & (bought.isnull() | (bought < last))).fill_null(False)


def _is_new(past: Past) -> Any:
    return is_new_customer(past).fill_null(False)


def _is_due(past: Past) -> Any:
    bought = past.rows("habits_bought", lambda: _habits_bought(past))
    since = days_between(_.as_of, _.last_at)
    return bought.where(since >= _.opens_days, since <= _.closes_days).any()


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


def promotion_buyers(name: str, *, returned: bool) -> Crowd:
    """Return the buyers of a promotion of the calendar who came for it alone, or those who bought again later.

    Who came for it alone has purchases in one edition of the promotion and none besides. Who returned bought in an
    edition, and again after its end.
    """
    if returned:
        return Crowd(
            f"returned:{name}",
            f"bought in '{name}', and again after its end",
            lambda past: _any_edition(past, name, _came_back),
            CALENDAR,
        )
    return Crowd(
        f"once:{name}",
        f"bought in '{name}', and at no other time",
        lambda past: _any_edition(past, name, _only_then),
        CALENDAR,
    )


def _any_edition(past: Past, name: str, holds: Callable[[Past, Span], Any]) -> Any:
    editions = past.history.remembered(f"promotion {name}", lambda: _editions(past.history.shop, name))
    return reduce(or_, [holds(past, edition) for edition in editions], ibis.literal(False))


def _editions(shop: Shop, name: str) -> list[Span]:
    calendar = _promotions(shop)
    return merged(calendar.filter(calendar["name"] == name))


def _promotions(shop: Shop) -> Any:
    calendar = shop.tables["calendar"]
    return calendar.filter(calendar.kind == "promotion") if shop.has("calendar", "kind") else calendar


def _inside(past: Past, edition: Span) -> Rows:
    start, end = map(instant, edition)
    return past.purchases.where(_.ordered_at >= start, _.ordered_at < end)


def _only_then(past: Past, edition: Span) -> Any:
    n_inside = _inside(past, edition).count()
    return (n_inside > 0) & (n_inside == past.purchases.count())


def _came_back(past: Past, edition: Span) -> Any:
    later = past.purchases.where(_.ordered_at >= instant(edition[1]))
    return _inside(past, edition).any() & later.any()


def crowds_by_rule(config: Config) -> tuple[Crowd, ...]:
    """Return the crowds of the catalogue; their meanings name the numbers of ``[crowds]`` and ``[stages]``."""
    rules, stages = config.crowds, config.stages
    return (
        Crowd(
            "interest",
            f"cart or favourite {rules.interest_least_days} to {rules.interest_most_days} days ago, "
            "and no purchase, cart or favourite since",
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


def promotion_names(shop: Shop, before: datetime) -> tuple[str, ...]:
    """Return the promotions of the calendar that had begun before an instant, by name."""
    if not shop.has("calendar"):
        return ()
    names = _promotions(shop).filter(_.starts_at < instant(before)).select("name").distinct()
    return tuple(sorted(names.to_pandas()["name"].dropna()))


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
        *(promotion_buyers(name, returned=back) for name in names for back in (False, True)),
    )


def crowd_named(name: str, promotions: Sequence[str] = (), config: Config | None = None) -> Crowd:
    """Return the crowd of a name.

    Parameters
    ----------
    name
        A name of ``CROWDS``, ``favorites:item:ID``, ``favorites:category:ID``, ``once:PROMOTION`` or
        ``returned:PROMOTION``.
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
    """
    kind, _colon, rest = name.partition(":")
    if kind in ("once", "returned") and rest:
        if rest not in promotions:
            hint = did_you_mean(rest, promotions) if promotions else "The calendar has none that had begun"
            raise InputError(f"crowd '{name}'", "a promotion of the calendar", f"'{rest}'", hint)
        return promotion_buyers(rest, returned=kind == "returned")
    what, _colon, one = rest.partition(":")
    if kind == "favorites" and one and what in ("item", "category"):
        return favorites_of(item_id=one) if what == "item" else favorites_of(category_id=one)
    known = {crowd.name: crowd for crowd in crowds_by_rule(config or Config())}
    if name not in known:
        raise InputError("crowd", "the name of a crowd", f"'{name}'", did_you_mean(name, known))
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
