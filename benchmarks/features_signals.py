"""The 40 signals of the features benchmark, as a group of penchant and in the words of its peers.

20 counts (5 kinds x 4 windows), 9 of payments (sum, mean, maximum x 3 windows), 5 recencies, distinct categories, top
category's share and entropy of a year, mean percentile within the category of the prices viewed, share of payments at
a discount, active days of a year.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.features_log import KINDS
from penchant.config import Config
from penchant.features.history.past import Past
from penchant.features.history.rows import Rows
from penchant.features.matrix import build
from penchant.features.shop import Shop, shop_from_tables
from penchant.features.signals.declare import money
from penchant.features.signals.group import Column, FeatureGroup, Signal
from penchant.features.signals.price import viewed_prices
from penchant.features.spine import Spine
from penchant.lazy import _, ibis

COUNT_DAYS = (7, 30, 90, 365)
PAID_DAYS = (30, 90, 365)
YEAR = 365


def shop_of(log: Path, threads: int, memory: str, on_spark: bool = False) -> Shop:
    """Return the log as a shop: its events as interactions, its payments as orders of one line."""
    from penchant.features.engine.backends import Scratch, duckdb_backend, spark_backend

    engine = {"kind": "spark", "master": f"local[{threads}]"} if on_spark else {"threads": threads}
    config = Config.model_validate({"engine": {**engine, "memory_limit": memory}})
    space = Scratch()
    backend = spark_backend(config.engine) if on_spark else duckdb_backend(config.engine, space.folder)
    rows = backend.read_parquet(log)
    interactions = rows.select("customer_id", "occurred_at", "kind", "item_id", "category_id", "price")
    orders = rows.filter(_.kind == "pay").select(
        "customer_id",
        "item_id",
        "category_id",
        "order_id",
        "discount",
        ordered_at=_.occurred_at,
        amount=_.price - _.discount,
        list_amount=_.price,
    )
    return shop_from_tables({"interactions": interactions, "orders": orders}, config, backend)


def _signal(name: str, value: Any, dtype: str = "float64") -> Signal:
    return Signal(Column(name, name, dtype=dtype, missing="" if dtype == "int64" else "none"), value)  # type: ignore[arg-type]


def _signals(_windows: tuple[int, ...]) -> Iterator[Signal]:
    for kind in KINDS:
        for days in COUNT_DAYS:
            yield _signal(f"n_{kind}_{days}d", partial(_count, kind=kind, days=days), "int64")
    for days in PAID_DAYS:
        yield _signal(f"paid_{days}d", partial(_paid, days=days, ask=Rows.sum))
        yield _signal(f"paid_mean_{days}d", partial(_paid, days=days, ask=Rows.mean))
        yield _signal(f"paid_max_{days}d", partial(_paid, days=days, ask=Rows.max))
    for kind in KINDS:
        yield _signal(f"days_since_{kind}", partial(_since, kind=kind))
    yield _signal("n_categories", lambda past: _categories(past).count(), "int64")
    yield _signal("top_category_share", _top_share)
    yield _signal("category_entropy", _entropy)
    yield _signal("price_percentile", lambda past: viewed_prices(past).mean(_.percentile))
    yield _signal("discount_share", _discount_share)
    yield _signal("n_active_days", lambda past: past.days.within(YEAR).count(), "int64")


def _count(past: Past, kind: str, days: int) -> Any:
    return past.interactions.where(_.kind == kind).within(days).count()


def _paid(past: Past, days: int, ask: Any) -> Any:
    return money(past, ask(past.purchases.within(days), _.amount))


def _since(past: Past, kind: str) -> Any:
    return past.days_since(past.interactions.where(_.kind == kind).last())


def _categories(past: Past) -> Rows:
    recent = past.interactions.within(YEAR)
    return past.rows("categories_of_year", lambda: recent.per("category_id", n=lambda rows: rows.count()).relation)


def _top_share(past: Past) -> Any:
    return _categories(past).max(_.n) / _categories(past).sum(_.n).nullif(0)


def _entropy(past: Past) -> Any:
    total = _categories(past).sum(_.n).nullif(0)
    weighted = _categories(past).sum(_.n * _.n.cast("float64").ln())
    return ibis.greatest(total.ln() - weighted / total, 0.0 * total)


def _discount_share(past: Past) -> Any:
    return past.purchases.where(_.discount > 0).count() / past.purchases.count().nullif(0)


FORTY = FeatureGroup("forty", "The signals of the benchmark.", _signals)


def penchant(
    log: Path,
    out: Path,
    moments: tuple[datetime, ...],
    threads: int,
    memory: str,
    full: bool = False,
    on_spark: bool = False,
) -> None:
    """Build the signals, or the full catalogue, and write them."""
    with shop_of(log, threads, memory, on_spark) as shop:
        build(shop, Spine.at(shop, moments), None if full else [FORTY]).to_parquet(out)
