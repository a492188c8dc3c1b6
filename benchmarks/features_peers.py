"""The 40 signals by hand: in DuckDB's SQL, in pandas, in Polars; and the scan of the log as the floor.

Each function reads the log and writes one row per customer known before as_of, and imports its library only when it
runs, so that one environment need not hold them all.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

KINDS = ("view", "favorite", "cart", "order", "pay")
COUNT_DAYS = (7, 30, 90, 365)
PAID_DAYS = (30, 90, 365)
YEAR = 365


def scan(log: Path, out: Path, as_of: datetime, threads: int, memory: str) -> None:
    """Read every value of the log once."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"set threads = {threads}")
        columns = [row[0] for row in connection.sql(f"describe from '{log}'").fetchall()]
        mixed = ", ".join(f"bit_xor(hash({name}))" for name in columns)  # extremes are known without reading
        connection.sql(f"select {mixed} from '{log}'").fetchall()


def duckdb(log: Path, out: Path, as_of: datetime, threads: int, memory: str) -> None:
    """Build the signals with the SQL that one would write by hand."""
    import duckdb as engine

    with engine.connect() as connection:
        connection.execute(f"set threads = {threads}; set memory_limit = '{memory}'; set TimeZone = 'UTC'")
        connection.execute(f"copy ({_sql(log, as_of)}) to '{out}' (format parquet)")


def _sql(log: Path, as_of: datetime) -> str:
    def since(days: int) -> str:
        return f"occurred_at >= timestamp '{as_of}' - interval {days} day"

    parts = [
        f"count(*) filter (kind = '{kind}' and {since(days)}) as n_{kind}_{days}d"
        for kind in KINDS
        for days in COUNT_DAYS
    ]
    paid = "price - discount"
    for days in PAID_DAYS:
        rows = f"filter (kind = 'pay' and {since(days)})"
        parts.append(f"coalesce(sum({paid}) {rows}, 0) / 100 as paid_{days}d")
        parts.append(f"avg({paid}) {rows} / 100 as paid_mean_{days}d")
        parts.append(f"max({paid}) {rows} / 100 as paid_max_{days}d")
    for kind in KINDS:
        last = f"max(occurred_at) filter (kind = '{kind}')"
        parts.append(f"date_diff('us', {last}, timestamp '{as_of}') / 86400e6 as days_since_{kind}")
    parts.append(
        "count(*) filter (kind = 'pay' and discount > 0) / nullif(count(*) filter (kind = 'pay'), 0) as discount_share"
    )
    parts.append(f"count(distinct case when {since(YEAR)} then cast(occurred_at as date) end) as n_active_days")
    return f"""
        with events as materialized (select * from '{log}' where occurred_at < timestamp '{as_of}'),
        per_category as (
            select customer_id, category_id, count(*) as n from events where {since(YEAR)} group by all
        ),
        categories as (
            select customer_id, count(*) as n_categories, max(n) / sum(n) as top_category_share,
                   greatest(ln(sum(n)) - sum(n * ln(n)) / sum(n), 0) as category_entropy
            from per_category group by all
        ),
        prices as (
            select category_id, price, count(*) as n from events where kind = 'view' group by all
        ),
        levels as (
            select category_id, price,
                   (sum(n) over (partition by category_id order by price) - n / 2)
                   / sum(n) over (partition by category_id) as percentile
            from prices
        ),
        percentiles as (
            select customer_id, avg(percentile) as price_percentile
            from events join levels using (category_id, price) where kind = 'view' group by all
        ),
        signals as (select customer_id, {", ".join(parts)} from events group by all)
        select * exclude (n_categories), coalesce(n_categories, 0) as n_categories
        from signals left join categories using (customer_id) left join percentiles using (customer_id)
        order by customer_id
    """


def pandas(log: Path, out: Path, as_of: datetime, threads: int, memory: str) -> None:
    """Build the signals with idiomatic pandas: filter, group, join."""
    import numpy as np
    import pandas as pd

    events = pd.read_parquet(log)
    events = events[events["occurred_at"] < as_of]
    age = as_of - events["occurred_at"]
    paid = events[events["kind"] == "pay"].assign(paid=lambda rows: rows["price"] - rows["discount"])
    signals: dict[str, Any] = {}
    for days in COUNT_DAYS:
        recent = events[age <= timedelta(days=days)]
        counts = recent.groupby(["customer_id", "kind"]).size().unstack(fill_value=0)
        signals |= {f"n_{kind}_{days}d": counts[kind] for kind in counts.columns}
    for days in PAID_DAYS:
        recent = paid[paid["occurred_at"] >= as_of - timedelta(days=days)].groupby("customer_id")["paid"]
        signals[f"paid_{days}d"] = recent.sum() / 100
        signals[f"paid_mean_{days}d"] = recent.mean() / 100
        signals[f"paid_max_{days}d"] = recent.max() / 100
    last = events.groupby(["customer_id", "kind"])["occurred_at"].max().unstack()
    for kind in last.columns:
        signals[f"days_since_{kind}"] = (as_of - last[kind]) / pd.Timedelta(days=1)
    year = events[age <= timedelta(days=YEAR)]
    per_category = year.groupby(["customer_id", "category_id"]).size()
    totals = per_category.groupby("customer_id").sum()
    signals["n_categories"] = per_category.groupby("customer_id").size()
    signals["top_category_share"] = per_category.groupby("customer_id").max() / totals
    share = per_category / totals.reindex(per_category.index.get_level_values(0)).to_numpy()
    signals["category_entropy"] = -(share * np.log(share)).groupby("customer_id").sum()
    views = events.loc[events["kind"] == "view", ["customer_id", "category_id", "price"]]
    in_category = views.groupby("category_id")["price"]
    views["percentile"] = (in_category.rank() - 0.5) / in_category.transform("size")
    signals["price_percentile"] = views.groupby("customer_id")["percentile"].mean()
    signals["discount_share"] = (paid["discount"] > 0).groupby(paid["customer_id"]).mean()
    days_seen = year.assign(day=year["occurred_at"].dt.floor("D"))[["customer_id", "day"]].drop_duplicates()
    signals["n_active_days"] = days_seen.groupby("customer_id").size()
    _finish_pandas(pd.DataFrame(signals)).to_parquet(out)


def _finish_pandas(frame: Any) -> Any:
    """Return signals without gaps where there is nothing to count or add up."""
    counted = [name for name in frame.columns if name.startswith("n_")]
    summed = [f"paid_{days}d" for days in PAID_DAYS]
    frame = frame.fillna(dict.fromkeys(counted + summed, 0)).astype(dict.fromkeys(counted, "int64"))
    return frame.reset_index().sort_values("customer_id")


def polars(log: Path, out: Path, as_of: datetime, threads: int, memory: str) -> None:
    """Build the signals with Polars' lazy expressions."""
    import polars as pl

    events = pl.scan_parquet(log).filter(pl.col("occurred_at") < as_of)

    def of_kind(kind: str, days: int) -> Any:
        return (pl.col("kind") == kind) & (pl.col("occurred_at") >= as_of - timedelta(days=days))

    paid = pl.col("price") - pl.col("discount")
    wanted = [
        of_kind(kind, days).sum().cast(pl.Int64).alias(f"n_{kind}_{days}d") for kind in KINDS for days in COUNT_DAYS
    ]
    for days in PAID_DAYS:
        rows = paid.filter(of_kind("pay", days))
        wanted += [
            (rows.sum() / 100).alias(f"paid_{days}d"),
            (rows.mean() / 100).alias(f"paid_mean_{days}d"),
            (rows.max() / 100).alias(f"paid_max_{days}d"),
        ]
    for kind in KINDS:
        last = pl.col("occurred_at").filter(pl.col("kind") == kind).max()
        wanted.append(((pl.lit(as_of) - last).dt.total_microseconds() / 86400e6).alias(f"days_since_{kind}"))
    wanted.append((pl.col("discount").filter(pl.col("kind") == "pay") > 0).mean().alias("discount_share"))
    year = events.filter(pl.col("occurred_at") >= as_of - timedelta(days=YEAR))
    per_category = year.group_by("customer_id", "category_id").len("n")
    share = pl.col("n") / pl.col("n").sum()
    categories = per_category.group_by("customer_id").agg(
        pl.len().cast(pl.Int64).alias("n_categories"),
        share.max().alias("top_category_share"),
        (-(share * share.log()).sum()).alias("category_entropy"),
    )
    views = events.filter(pl.col("kind") == "view").with_columns(
        percentile=((pl.col("price").rank() - 0.5) / pl.len()).over("category_id")
    )
    percentiles = views.group_by("customer_id").agg(pl.col("percentile").mean().alias("price_percentile"))
    days_seen = year.group_by("customer_id").agg(
        pl.col("occurred_at").dt.date().n_unique().cast(pl.Int64).alias("n_active_days")
    )
    frame = events.group_by("customer_id").agg(wanted)
    for more in (categories, percentiles, days_seen):
        frame = frame.join(more, on="customer_id", how="left")
    filled = frame.with_columns(pl.col("n_categories", "n_active_days").fill_null(0))
    filled.sort("customer_id").collect().write_parquet(out)
