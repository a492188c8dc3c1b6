"""The event log of the features benchmark: Parquet, made by DuckDB from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

START = datetime(2024, 1, 1)
DAYS = 365
AS_OF = START + timedelta(days=DAYS)
SNAPSHOTS = tuple(AS_OF - timedelta(days=30 * number) for number in range(6))
KINDS = ("view", "favorite", "cart", "order", "pay")

_LOG = """
copy (
    with items as (
        select range as item, (range * 7919) % {n_categories} as category,
               cast(round(exp(0.5 * (random() + random() + random()) + 3) * 100) as bigint) as price
        from range({n_items})
    ),
    events as (
        select range as event, floor({n_customers} * pow(random(), 1.6)) as customer,
               cast(floor({n_items} * pow(random(), 2)) as bigint) as item, random() as what,
               timestamp '2024-01-01' + to_microseconds(cast(random() * {days} * 86400e6 as bigint)) as occurred_at,
               cast(random() * 4 as int) as cut
        from range({n_events})
    )
    select 'c' || lpad(cast(cast(customer as bigint) as varchar), 8, '0') as customer_id, occurred_at,
           case when what < 0.7 then 'view' when what < 0.8 then 'favorite' when what < 0.9 then 'cart'
                when what < 0.95 then 'order' else 'pay' end as kind,
           'i' || item as item_id, 'k' || category as category_id, price,
           case when what >= 0.95 then 'o' || event end as order_id,
           case when what >= 0.95 then price * (case when cut = 1 then 20 else 0 end) // 100 end as discount
    from events join items using (item)
) to '{path}' (format parquet, compression zstd)
"""


@dataclass(frozen=True)
class LogSize:
    """How large the log is."""

    n_events: int = 10_000_000
    n_customers: int = 500_000
    n_items: int = 20_000
    n_categories: int = 100


def write_log(path: Path, size: LogSize) -> None:
    """Write a year of events: one row each, customers and items with heavy tails, a price per item."""
    import duckdb  # only here: peers read the log in environments of their own

    with duckdb.connect() as connection:
        connection.execute("set threads = 1")  # the same log from the same seed
        connection.execute("select setseed(0.42)")
        connection.execute(_LOG.format(path=path, days=DAYS, **vars(size)))
