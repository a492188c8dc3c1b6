"""Whom a scene fits, and what to show each of them.

A scene is a holiday, a promotion or a theme page, described in penchant.toml (``[scenes.NAME]``). Its stages say who
may be in it; how well it fits is a weighted mean of what else it names: the share of the customer's interest that its
categories have, whether the customer buys in its price tiers, whether the customer bought in its calendar entry before
or prefers such days. Whoever has no interest in its categories is not in it, whatever else fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import _

from penchant.config import Config
from penchant.config_serving import SceneSection
from penchant.errors import ConfigError, InputError, LeftOutError, did_you_mean, quoted

from ...features.engine.backends import put
from ...features.engine.temporary import Keep
from ...features.goods.holidays import orders_inside, product_holidays
from ...features.goods.measures import has_key
from ...features.goods.own_tags import own_tags_of
from ...features.goods.prices import priced_goods
from ...features.goods.roles import RULES, index, measures, products_of
from ...features.history.evaluate import evaluated
from ...features.history.past import Past
from ...features.history.questions import categories_of
from ...features.shop import Shop
from ...features.signals.category import affinities
from ...features.signals.cycle import at_one_moment
from ...features.signals.group import CATEGORY, unmet_needs
from ...features.signals.holiday import is_inside, kinds_of, merged, prefers
from ...features.signals.price import PRICED, price_tier
from ...features.signals.stage import STAGES, stage
from ...features.spine import Spine

Question = Callable[[Past], Any]
NEEDS = {"categories": CATEGORY, "price_tiers": PRICED, "calendar": "calendar", "tags": "item_tags"}


@dataclass(frozen=True)
class SceneRules:
    """How a scene is matched.

    Parameters
    ----------
    least_fit
        Whom it fits less than this is left out; fit is in [0, 1].
    n_goods
        How many goods are shown to each customer at most.
    pool
        How many goods of each category are considered, those with the most buyers first.
    interest_weight, tier_weight, calendar_weight
        What each part counts in the fit.
    preference
        What a preference for holidays, or promotions, counts against having bought in the entry itself.
    """

    least_fit: float = 0.25
    n_goods: int = 5
    pool: int = 20
    interest_weight: float = 2.0
    tier_weight: float = 1.0
    calendar_weight: float = 1.0
    preference: float = 0.5


RULES_OF_SCENES = SceneRules()
PRICED_COLUMNS = ("list_price", "stock")


@dataclass(frozen=True, eq=False)
class SceneMatch:
    """Whom a scene fits, and what it shows.

    Parameters
    ----------
    customers
        customer_id, fit, stage, reasons, item_1 ... (missing where there are fewer); the best fit first, ties by id.
    goods
        item_id, category_id, price_tier, role, is_of_calendar, n_buyers, list_price (major units), stock, n_shown (to
        how many customers); most shown first.
    n_in_stage
        How many customers are in one of the scene's stages.
    """

    customers: pd.DataFrame
    goods: pd.DataFrame
    n_in_stage: int


def scene_of(config: Config, name: str) -> SceneSection:
    """Return a configured scene.

    Raises
    ------
    InputError
        If there is none of that name.
    ConfigError
        If it names a stage that is none.
    """
    if name not in config.scenes:
        hint = did_you_mean(name, config.scenes) if config.scenes else "Add a section [scenes.NAME] to penchant.toml"
        raise InputError("scene", "one of penchant.toml", f"'{name}'", hint)
    scene = config.scenes[name]
    wrong = [one for one in scene.stages if one not in STAGES]
    if wrong:
        raise ConfigError(f"scenes.{name}.stages", "relationship stages", quoted(wrong), did_you_mean(wrong[0], STAGES))
    return scene


def match_scene(shop: Shop, as_of: datetime, name: str, rules: SceneRules = RULES_OF_SCENES) -> SceneMatch:
    """Return whom a scene fits at a moment, and the goods to show each.

    Goods are the scene's (category, price tier, role), in the range and in stock. Where it names no category, they are
    those that sell in its calendar entry beyond chance, else those that sold in it at all, else any. Each customer
    sees those of the categories that interest most, in the own price tier first, then by buyers; then what sells best
    in the scene. What was bought is not shown again, unless buyers of its category come back to it at least as often
    as the shop's average.

    Parameters
    ----------
    shop
        The shop.
    as_of
        The moment, UTC without a zone; only what was known strictly before counts.
    name
        The scene.
    rules
        How it is matched.

    Raises
    ------
    InputError
        If there is no such scene, or the calendar has no such entry.
    LeftOutError
        If the shop lacks what the scene is told by.
    """
    scene = scene_of(shop.config, name)
    _check(shop, name, scene)
    people = _people(shop, as_of, scene)
    in_stage = people[people["stage"].isin(scene.stages)] if scene.stages else people
    fit = in_stage.assign(fit=_fit(in_stage, scene, rules), reasons=_reasons(in_stage, scene))
    chosen = fit[fit["fit"] >= rules.least_fit]

    def ask(everyone: Past) -> tuple[pd.DataFrame, pd.DataFrame]:
        pool = _pool(everyone, scene)
        return pool, _shown(everyone, chosen[["customer_id", "price_tier"]], pool, rules)

    pool, shown = at_one_moment(shop, as_of, ask)
    ranked = chosen.sort_values(["fit", "customer_id"], ascending=[False, True])
    customers = ranked[["customer_id", "fit", "stage", "reasons"]].merge(_side_by_side(shown, rules), "left")
    return SceneMatch(customers, _with_counts(pool, shown), len(in_stage))


def _check(shop: Shop, name: str, scene: SceneSection) -> None:
    told = {name: getattr(scene, name) for name in NEEDS}
    missing = unmet_needs([NEEDS[key] for key, value in told.items() if value], shop.has)
    if missing:
        raise LeftOutError(f"scene '{name}'", "what it is told by", f"a shop without {quoted(missing)}")
    known = categories_of(shop) if scene.categories else set()
    wrong = [one for one in scene.categories if one not in known]
    if wrong:
        hint = did_you_mean(wrong[0], sorted(known))
        raise InputError(f"scenes.{name}.categories", "categories of the shop", quoted(wrong), hint)
    known_tags = {tag for tags in own_tags_of(shop).values() for tag in tags} if scene.tags else set()
    strange = [one for one in scene.tags if one not in known_tags]
    if strange:
        hint = did_you_mean(strange[0], sorted(known_tags))
        raise InputError(f"scenes.{name}.tags", "tags of the table 'item_tags'", quoted(strange), hint)
    if scene.calendar is not None:
        names = sorted(set(shop.tables["calendar"].select("name").to_pandas()["name"].dropna()))
        if scene.calendar not in names:
            hint = did_you_mean(scene.calendar, names)
            raise InputError(f"scenes.{name}.calendar", "an entry of the calendar", f"'{scene.calendar}'", hint)


def _people(shop: Shop, as_of: datetime, scene: SceneSection) -> pd.DataFrame:
    """Return what the fit is told by, of every customer known at the moment."""
    asked: dict[str, Question] = {"stage": stage}
    nobody: Question = lambda past: ibis.null("string")  # noqa: E731
    has_tier = not unmet_needs((PRICED,), shop.has)
    asked["price_tier"] = price_tier if has_tier else nobody
    if scene.categories:
        asked["interest"] = _interest(scene.categories)
    if scene.calendar is not None:
        entry = merged(shop.tables["calendar"].filter(_.name == scene.calendar))
        asked["came"] = lambda past: past.purchases.where(is_inside(_.ordered_at, entry)).any()
        asked["prefers"] = _prefers_any(kinds_of(shop, scene.calendar))
    with Keep(shop.backend) as keep:
        [wide] = evaluated(shop, Spine.at(shop, as_of), asked, keep)
        return wide.drop("as_of").order_by("customer_id").to_pyarrow().to_pandas()


def _prefers_any(kinds: Sequence[str]) -> Question:
    def value(past: Past) -> Any:
        return reduce(or_, [prefers(kind)(past) for kind in kinds], ibis.literal(False))

    return value


def _interest(categories: tuple[str, ...]) -> Question:
    def value(past: Past) -> Any:
        rows = affinities(past)
        mine = rows.where(_.category_id.isin(categories)).sum(_.affinity)
        return (mine / rows.sum(_.affinity).nullif(0)).fill_null(0.0)

    return value


def _fit(people: pd.DataFrame, scene: SceneSection, rules: SceneRules) -> pd.Series:
    """Return how well a scene fits each customer, in [0, 1]: 0 without any interest in its categories."""
    parts: list[tuple[float, pd.Series]] = []
    if scene.categories:
        parts.append((rules.interest_weight, people["interest"]))
    if scene.price_tiers:
        parts.append((rules.tier_weight, people["price_tier"].isin(scene.price_tiers)))
    if scene.calendar is not None:
        likes = rules.preference * people["prefers"].astype("float64")
        parts.append((rules.calendar_weight, people["came"].astype("float64").clip(lower=likes)))
    if not parts:
        return pd.Series(1.0, people.index)
    total = sum((weight * part.astype("float64") for weight, part in parts), pd.Series(0.0, people.index))
    fit = total / sum(weight for weight, _part in parts)
    return fit.where(people["interest"] > 0, 0.0) if scene.categories else fit


def _reasons(people: pd.DataFrame, scene: SceneSection) -> pd.Series:
    """Return in words why the scene fits each customer."""
    said = "stage " + people["stage"].str.replace("_", " ")
    if scene.categories:
        share = (100 * people["interest"]).round().astype("int64").astype("str")
        said += np.where(people["interest"] > 0, "; " + share + "% of the interest is in it", "")
    if scene.price_tiers:
        tier = people["price_tier"].fillna("")
        said += np.where(tier.isin(scene.price_tiers), "; buys in the " + tier + " price tier", "")
    if scene.calendar is not None:
        prefers_it = np.where(people["prefers"], "; prefers such days", "")
        said += np.where(people["came"], f"; bought in {scene.calendar} before", prefers_it)
    return said


def _pool(everyone: Past, scene: SceneSection) -> pd.DataFrame:
    """Return the scene's goods, the best first: those of its calendar entry, then by buyers, ties by id."""
    goods = priced_goods(everyone).to_pyarrow().to_pandas()
    known = products_of(everyone, "item")
    known = known.assign(n_buyers=known.get("n_buyers", 0))
    goods = goods.merge(known[["item_id", "role", "n_buyers"]], on="item_id", validate="1:1")
    sells = product_holidays(everyone)
    of_calendar = set(sells.loc[sells["holiday"] == scene.calendar, "item_id"])
    goods = goods.assign(
        is_of_calendar=goods["item_id"].isin(of_calendar), is_habit=goods["category_id"].isin(_habits(everyone))
    )
    there = goods["is_in_range"].astype("boolean").fillna(True) & ~(goods["stock"].astype("Float64") <= 0).fillna(False)
    wanted = [("category_id", scene.categories), ("price_tier", scene.price_tiers), ("role", scene.roles)]
    for column, values in wanted:
        there &= goods[column].isin(values) if values else True
    if scene.tags:
        own = own_tags_of(everyone.history.shop)
        there &= goods["item_id"].isin([item for item, tags in own.items() if set(tags) & set(scene.tags)])
    if scene.calendar is not None and not scene.categories:
        there &= _of_entry(everyone, goods, scene.calendar)
    columns = [
        "item_id",
        "category_id",
        "price_tier",
        "role",
        "is_of_calendar",
        "n_buyers",
        "is_habit",
        *PRICED_COLUMNS,
    ]
    goods["list_price"] = goods["list_price"].astype("Float64") / 10**everyone.history.shop.decimals
    order = ["is_of_calendar", "n_buyers", "item_id"]
    return goods.loc[there, columns].sort_values(order, ascending=[False, False, True], ignore_index=True)


def _of_entry(everyone: Past, goods: pd.DataFrame, calendar: str) -> pd.Series:
    """Return which goods are an entry's: those beyond chance, else those that sold in it at all, else all of them."""
    if goods["is_of_calendar"].any():
        return goods["is_of_calendar"]
    sold = goods["item_id"].isin(orders_inside(everyone, calendar).index)
    return sold if sold.any() else ~sold


def _habits(everyone: Past) -> list[str]:
    """Return the categories that buyers come back to at least as often as the shop's average."""
    if not has_key(everyone, "category_id")[0]:
        return []
    found = measures(everyone, "category")
    counts = [found[name].to_numpy(np.float64) for name in ("n_repeat_buyers", "n_buyers")]
    often = (index(counts[0], counts[1], RULES.shrinkage) >= 1) & (counts[0].sum() > 0)
    return list(found.loc[often, "category_id"])


def _shown(everyone: Past, people: pd.DataFrame, pool: pd.DataFrame, rules: SceneRules) -> pd.DataFrame:
    """Return (customer_id, place from 1, item_id) of what each customer is shown."""
    shop, codes = everyone.history.shop, everyone.history.codes
    overall = pool.assign(rank=np.arange(len(pool)))
    overall["place"] = overall.groupby("category_id", dropna=False).cumcount()
    goods = _placed(shop, "scene_goods", overall.drop(columns=["role", "is_of_calendar", "n_buyers", *PRICED_COLUMNS]))
    who = _placed(shop, "scene_people", people).rename(own_tier="price_tier")
    who = who.left_join(codes.select("customer_id", row="code"), "customer_id").drop("customer_id_right")
    general = who.cross_join(goods.filter(_.rank < 2 * rules.n_goods)).mutate(affinity=ibis.literal(0, "int64"))
    columns = ["customer_id", "row", "own_tier", "item_id", "price_tier", "rank", "is_habit", "affinity"]
    parts = [general.select(columns)]
    if not unmet_needs((CATEGORY,), shop.has):
        liked = affinities(everyone).relation.select("row", "category_id", affinity=_.affinity.cast("int64"))
        drawn = who.inner_join(liked, "row").inner_join(goods.filter(_.place < rules.pool), "category_id")
        parts.append(drawn.select(columns))
    both = ibis.union(*parts) if len(parts) > 1 else parts[0]
    offered = both.group_by([name for name in columns if name != "affinity"]).aggregate(affinity=_.affinity.max())
    new = _not_had(everyone, offered).mutate(suits=(_.own_tier == _.price_tier).fill_null(False))
    best = ibis.row_number().over(
        group_by="customer_id", order_by=[ibis.desc("affinity"), ibis.desc("suits"), ibis.asc("rank")]
    )
    placed = new.mutate(place=best + 1).filter(_.place <= rules.n_goods)
    found = placed.select("customer_id", "place", "item_id").order_by(["customer_id", "place"])
    return found.to_pyarrow().to_pandas()


def _not_had(everyone: Past, offered: Any) -> Any:
    """Return the offers without what the customer bought and does not buy again."""
    if not has_key(everyone, "item_id")[0]:
        return offered
    had = everyone.lines.relation.select(had_row="row", had_item="item_id").distinct()
    joined = offered.left_join(had, [offered.row == had.had_row, offered.item_id == had.had_item])
    return joined.filter(joined.is_habit | joined.had_item.isnull()).drop("had_row", "had_item")


_KINDS: Mapping[str, pa.DataType] = {"rank": pa.int64(), "place": pa.int64(), "is_habit": pa.bool_()}


def _placed(shop: Shop, name: str, rows: pd.DataFrame) -> Any:
    schema = pa.schema([(column, _KINDS.get(column, pa.string())) for column in rows.columns])
    arrow = pa.Table.from_pandas(rows, schema=schema, preserve_index=False)
    return put(shop.backend, f"{name}_{shop.space.folder.name.replace('-', '_')}", arrow, shop.space.folder)


def _side_by_side(shown: pd.DataFrame, rules: SceneRules) -> pd.DataFrame:
    """Return one row per customer, with a column for each place."""
    wide = shown.pivot(index="customer_id", columns="place", values="item_id")
    wide = wide.reindex(columns=range(1, rules.n_goods + 1)).rename(columns=lambda place: f"item_{place}")
    return wide.rename_axis(columns=None).reset_index()


def _with_counts(pool: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    n_shown = pool["item_id"].map(shown["item_id"].value_counts()).fillna(0).astype("int64")
    counted = pool.drop(columns="is_habit").assign(n_shown=n_shown)
    return counted.sort_values("n_shown", ascending=False, kind="stable", ignore_index=True)
