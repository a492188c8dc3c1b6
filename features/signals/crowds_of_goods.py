"""Crowds of goods: who holds them in favourites or carts, and who was interested and did not buy, of all or of some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from penchant.config import CrowdSection
from penchant.lazy import _, ibis

from ..history.past import Past
from ..history.rows import Rows
from .crowd import Crowd
from .funnel import OPEN_DAYS, open_items
from .group import PURCHASES, VIEWED_CATEGORY

Among = Literal["item", "category"]
AMONG: tuple[Among, ...] = ("item", "category")
ITEMS = ("interactions.item_id",)
HOLDINGS = {"favorites": ("favorite", "among the favourites of"), "carts": ("cart", "put into the cart within")}
OF_GOODS = (*HOLDINGS, "interest")
WANTING = ("favorite", "cart")


def holders_of(what: str, among: Among | None = None, of: str | None = None) -> Crowd:
    """Return the crowd that holds goods open: put there in the last 30 days and not ordered since.

    Parameters
    ----------
    what
        ``favorites`` or ``carts``.
    among, of
        ``item`` or ``category`` and its id; default: any item.
    """
    kind, where = HOLDINGS[what]
    meaning = f"{_goods(among, of)} {where} {OPEN_DAYS} days, not ordered since"
    needs = (*ITEMS, VIEWED_CATEGORY) if among == "category" else ITEMS
    return Crowd(_name(what, among, of), meaning, lambda past: _open(past, kind, among, of).any(), needs, kinds=(kind,))


def interested_in(rules: CrowdSection, among: Among | None = None, of: str | None = None) -> Crowd:
    """Return who put goods into the cart or made them a favourite some days ago, and did not buy them since.

    Parameters
    ----------
    rules
        How many days ago.
    among, of
        ``item`` or ``category`` and its id; default: anything.
    """
    goods = "something" if among is None else _goods(among, of)
    days = f"{rules.interest_least_days} to {rules.interest_most_days} days ago"
    needs = {None: ("interactions",), "item": ITEMS, "category": (*ITEMS, VIEWED_CATEGORY)}[among]
    return Crowd(
        _name("interest", among, of),
        f"cart or favourite {days} of {goods} not bought since",
        _is_interested(rules, among, of),
        (*needs, PURCHASES),
        kinds=WANTING,
    )


def _name(what: str, among: Among | None, of: str | None) -> str:
    return what if among is None else f"{what}:{among}:{of}"


def _goods(among: Among | None, of: str | None) -> str:
    return {None: "an item", "item": f"item '{of}'", "category": f"an item of category '{of}'"}[among]


def _open(past: Past, kind: str, among: Among | None, of: str | None) -> Rows:
    if among == "category":
        of_category = past.rows(f"{kind}s_by_category", lambda: _open_by_category(past, kind))
        return of_category.where(_.category_id == of)
    rows = open_items(past, kind)
    return rows if among is None else rows.where(_.item_id == of)


def _open_by_category(past: Past, kind: str) -> Any:
    """Return the open items of a kind with their category."""
    held = open_items(past, kind)
    open_now = held.relation.filter(*held.conditions).select("row", "as_of", "item_id")
    return _with_category(past, open_now, "item_id", (kind,), OPEN_DAYS)


def _with_category(past: Past, rows: Any, key: str, kinds: tuple[str, ...], days: int) -> Any:
    """Return rows of goods with the category that the customer's own acts of late name for them."""
    acts = past.interactions.within(days).where(_.kind.isin(kinds), _.category_id.notnull())
    known = acts.per("item_id", category_id=lambda found: found.max(_.category_id)).relation
    known = known.select(held_row="row", held_item="item_id", category_id="category_id")
    joined = rows.inner_join(known, [rows.row == known.held_row, rows[key] == known.held_item])
    return joined.drop("held_row", "held_item")


def _is_interested(rules: CrowdSection, among: Among | None, of: str | None) -> Callable[[Past], Any]:
    """Return whether goods were put into the cart or made a favourite in the window and not bought since."""

    def holds(past: Past) -> Any:
        if among == "category":
            goods = past.rows("categories_of_interest", lambda: _wanted_by_category(past, rules))
            goods = goods.where(_.category_id == of)
        else:
            goods = past.rows("goods_of_interest", lambda: _goods_of_interest(past, rules))
            goods = goods if among is None else goods.where(_.good == of)
        return goods.where(_.wanted_at.notnull(), _.bought_at.isnull() | (_.bought_at < _.wanted_at)).any()

    return holds


def _wanted_by_category(past: Past, rules: CrowdSection) -> Any:
    goods = past.rows("goods_of_interest", lambda: _goods_of_interest(past, rules)).relation
    return _with_category(past, goods, "good", WANTING, rules.interest_most_days)


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
    wanted = past.interactions.relation.filter(_.kind.isin(WANTING))
    lines = past.lines.relation
    key = next((name for name in ("item_id", "category_id") if name in lines.columns and name in wanted.columns), None)
    parts = [wanted.select("row", "as_of", "at", good=_good(wanted, key).fill_null(""), is_bought=False)]
    parts.append(lines.select("row", "as_of", "at", good=ibis.literal(""), is_bought=True))
    if key is not None:
        parts.append(lines.select("row", "as_of", "at", good=_good(lines, key), is_bought=True))
    return ibis.union(*parts)


def _good(rows: Any, key: str | None) -> Any:
    return ibis.null("string") if key is None else rows[key]
