"""Focus crowds: customers that a retailer has a reason to speak to now, each one rule over the past.

One definition serves the feature group ``crowds``, the filters of audiences, the insight pages and the tags. Crowds
of an item, a category or a promotion are made by a function, or named in text: see `crowd_named`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from penchant.config import Config
from penchant.errors import InputError, did_you_mean
from penchant.lazy import _, ibis

from ..engine.times import days_between
from ..history.past import Past
from ..history.rows import Rows
from ..shop import Shop
from .crowd import Crowd
from .crowds_of_goods import AMONG, OF_GOODS, holders_of, interested_in
from .cycle import kept_category_cycles, quantile_name
from .declare import signal
from .group import BOUGHT_CATEGORY, PURCHASES, FeatureGroup, Signal, Windows, unmet_needs
from .price import coupons_claimed, coupons_redeemed
from .promotions import PARTS, promotion_buyers, promotion_names, promotion_part
from .stage import is_new_customer

UNPAID_DAYS = (1, 7, 30)  # the ladder of reminders

UNPAID = ("orders.paid_at|orders.status",)


def favorites_and_carts(past: Past) -> Rows:
    """Return favourites and carts."""
    return past.interactions.where(_.kind.isin(("favorite", "cart")))


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


def crowds_by_rule(config: Config) -> tuple[Crowd, ...]:
    """Return the crowds of the catalogue; their meanings name the numbers of ``[crowds]`` and ``[stages]``."""
    rules, stages = config.crowds, config.stages
    return (
        interested_in(rules),
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
        holders_of("favorites"),
        holders_of("carts"),
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
        A name of ``CROWDS``; ``favorites``, ``carts`` or ``interest`` with ``:item:ID`` or ``:category:ID`` after it;
        or ``PART:PROMOTION`` with a key of ``PARTS``, such as ``new_with:11.11``, and ``>=AMOUNT`` after it for those
        who spent so much in it.
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
    config = config or Config()
    if kind in OF_GOODS and one and what in AMONG:
        among = AMONG[AMONG.index(what)]
        return interested_in(config.crowds, among, one) if kind == "interest" else holders_of(kind, among, one)
    known = {crowd.name: crowd for crowd in crowds_by_rule(config)}
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
