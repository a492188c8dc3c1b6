"""The signals of the benchmark with Featuretools, by deep feature synthesis: one synthesis for each window.

It has no window per feature, only one ``training_window`` per synthesis, so that the 40 signals take four of them. What
its primitives cannot say is left out: the top category's share, the percentile of a price within its category, active
days, the share of payments at a discount. It is run on a sample of customers, and scaled by the events.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.features_peers import COUNT_DAYS, KINDS, PAID_DAYS, YEAR


def featuretools(log: Path, out: Path, as_of: datetime) -> None:
    """Build the signals that Featuretools can, and write them."""
    import featuretools as ft
    import pandas as pd

    entities = _entities(pd.read_parquet(log))
    cutoffs = pd.DataFrame({"customer_id": entities["customers"]["customer_id"], "time": as_of})
    frames = []
    for days in COUNT_DAYS:
        matrix, _features = ft.dfs(
            entityset=entities,
            target_dataframe_name="customers",
            cutoff_time=cutoffs,
            training_window=f"{days} days",
            include_cutoff_time=False,
            agg_primitives=_aggregates(days),
            where_primitives=["count", "time_since_last"] if days == YEAR else ["count"],
            trans_primitives=[],
            max_depth=2,
        )
        frames.append(matrix.add_suffix(f"_{days}d"))
    pd.concat(frames, axis=1).reset_index().to_parquet(out)


def _aggregates(days: int) -> list[str]:
    payments = ["sum", "mean", "max"] if days in PAID_DAYS else []
    return ["count", *payments, *(["time_since_last", "num_unique", "entropy"] if days == YEAR else [])]


def _entities(events: Any) -> Any:
    """Return customers, their events, and their payments."""
    import featuretools as ft
    import pandas as pd

    events["event"] = range(len(events))
    customers = events[["customer_id"]].drop_duplicates()
    paid = events[events["kind"] == "pay"].assign(paid=lambda rows: (rows["price"] - rows["discount"]) / 100)
    entities = ft.EntitySet("log")
    entities.add_dataframe(dataframe_name="customers", dataframe=customers, index="customer_id")
    tables: dict[str, pd.DataFrame] = {
        "events": events[["event", "customer_id", "occurred_at", "kind", "category_id"]],
        "payments": paid[["event", "customer_id", "occurred_at", "paid"]],
    }
    for name, rows in tables.items():
        kinds = {name: "Categorical" for name in ("kind", "category_id") if name in rows}
        entities.add_dataframe(
            dataframe_name=name, dataframe=rows, index="event", time_index="occurred_at", logical_types=kinds
        )
        entities.add_relationship("customers", "customer_id", name, "customer_id")
    entities.add_interesting_values(dataframe_name="events", values={"kind": list(KINDS)})
    return entities
