"""Edge: scores as files: the parts that batches leave, the Parquet file of each champion, and what is read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from penchant.config import Config
from penchant.spreadsheet import on_shop_clock, safe_for_spreadsheets

from ...features.catalogue import task_of
from ...models.evaluation.ranking import without_dust
from ...models.inputs.arrays import Floats
from ..candidates.values import SIGNALS
from ..worth.columns import LISTED
from .champion import Champion
from .read import NEXT_ORDER_FILE, RISK_SCORE, SIGNALS_FILE, is_whole, read_manifest, read_scores, read_signals
from .risk_list import risk_list

__all__ = ["RISK_SCORE", "is_whole", "read_manifest", "read_scores", "read_signals"]

# What a risk list tells of each customer -> the signal that says so.
RISK_FACTS: Mapping[str, str] = {
    "n_orders": "n_purchases",
    "days_since_last_order": "days_since_last_purchase",
    "amount_365d": "amount_365d",
}
N_DECILES = 10
DIGITS = {RISK_SCORE: 4, "days_since_last_order": 1}  # of a list for people; the Parquet file beside it has all
FEATURES = "features.parquet"  # in the work folder: of everyone scored


def part_path(work: Path, name: str, number: int) -> Path:
    """Return where a champion's scores of one batch are kept."""
    return work / name / f"part-{number:05d}.parquet"


def is_risk(config: Config, champion: Champion) -> bool:
    """Say whether a champion's score is the probability that customers leave: its file is then a list for people."""
    return champion.kind == "probability" and task_of(config, champion.task).buying < 0


def with_facts(scored: pa.Table, features: pd.DataFrame) -> pa.Table:
    """Return scores with what a risk list tells of the customers, missing where the shop does not have it."""
    for name, signal in RISK_FACTS.items():
        values = features[signal].to_numpy() if signal in features else np.full(len(features), np.nan)
        scored = scored.append_column(name, pa.array(values, from_pandas=True))
    return scored


def write_scores(
    config: Config, champions: Sequence[Champion], as_of: datetime, work: Path, place: Path
) -> dict[str, dict[str, Any]]:
    """Write the file of each champion from its parts, and return by name what it holds.

    A risk list is sorted, riskiest first, and written as CSV for people too (texts that would run as formulas made
    harmless, times the shop's). Every other file is sorted by customer_id: the score (``probability``;
    ``expected_amount`` in major units; ``uplift`` or ``uplift_<arm>``, with ``_low`` and ``_high`` where they are
    known), decile (1 = the highest tenth), the reasons, as_of and model_version.
    """
    told: dict[str, dict[str, Any]] = {}
    for one in champions:
        facts: dict[str, Any] = {"model": one.version, "kind": one.kind}
        facts |= {"gap_days": one.gap_days, "horizon_days": one.horizon_days}
        facts |= {"goal": one.goal, "arms": list(one.arms)} if one.goal is not None else {}
        write = _write_risk if is_risk(config, one) else _write_scores
        told[one.name] = {**facts, **write(config, one, as_of, work, place)}
    return told


def signal_names(schema: pa.Schema) -> list[str]:
    """Return the columns of a matrix that audiences take beside the scores: segment, preference of price, freight."""
    wanted = ["customer_id", *SIGNALS.values(), "freight_paid_share"]
    return [name for name in wanted if name in schema.names]


def write_signals(features: Path, place: Path) -> None:
    """Write the signals that audiences take beside the scores."""
    with pq.ParquetFile(features) as file:
        names = signal_names(file.schema_arrow)
        schema = pa.schema([file.schema_arrow.field(name).remove_metadata() for name in names])
        with pq.ParquetWriter(place / SIGNALS_FILE, schema) as writer:
            for number in range(file.num_row_groups):
                writer.write_table(file.read_row_group(number, columns=names).cast(schema))


def _write_risk(config: Config, champion: Champion, as_of: datetime, work: Path, place: Path) -> dict[str, Any]:
    scored = pa.concat_tables(_parts(work, champion)).to_pandas()
    bands = dict(config.score.bands)
    listed = _with_next_order(risk_list(scored, bands, champion.horizon_days, as_of, champion.version), place)
    pq.write_table(pa.Table.from_pandas(listed, preserve_index=False), place / f"{champion.name}.parquet")
    for_people = on_shop_clock(safe_for_spreadsheets(listed.round(DIGITS)), config.shop.timezone)
    for_people.to_csv(place / f"{champion.name}.csv", index=False)
    counts = listed["band"].value_counts()
    return {"n_customers": len(listed), "bands": {str(name): int(count) for name, count in counts.items()}}


def _with_next_order(listed: pd.DataFrame, place: Path) -> pd.DataFrame:
    """Return a list for people with what the file of next orders tells, where there is one."""
    if not (place / NEXT_ORDER_FILE).is_file():
        return listed
    there = pq.read_schema(place / NEXT_ORDER_FILE).names
    found = pq.read_table(place / NEXT_ORDER_FILE, columns=["customer_id", *(n for n in LISTED if n in there)])
    whole = listed.merge(found.to_pandas().round({"p_alive": 4}), on="customer_id", how="left")
    last = [name for name in ("as_of", "model_version") if name in whole]
    return whole[[*whole.columns.drop(last), *last]]


def _write_scores(_config: Config, champion: Champion, as_of: datetime, work: Path, place: Path) -> dict[str, Any]:
    """Write a champion's scores part by part; only what ranks is held of all."""
    ranks = np.concatenate([_ranking(part, champion) for part in _parts(work, champion)])
    deciles, start = decile_of(ranks), 0
    writer: pq.ParquetWriter | None = None
    try:
        for part in _parts(work, champion):
            n = part.num_rows
            told = _with_decile(part, champion, deciles[start : start + n], as_of)
            writer = writer or pq.ParquetWriter(place / f"{champion.name}.parquet", told.schema)
            writer.write_table(told)
            start += n
    finally:
        if writer is not None:
            writer.close()
    return {"n_customers": len(ranks), "mean": float(ranks.mean())}


def _with_decile(part: pa.Table, champion: Champion, decile: np.ndarray, as_of: datetime) -> pa.Table:
    n = part.num_rows
    at = sum(not name.startswith("reason_") for name in part.column_names)
    told = part.add_column(at, "decile", pa.array(decile, pa.int8()))
    told = told.append_column("as_of", pa.array([as_of] * n, pa.timestamp("us")))
    return told.append_column("model_version", pa.array([champion.version] * n, pa.string()))


def _parts(work: Path, champion: Champion) -> Iterator[pa.Table]:
    for path in sorted((work / champion.name).glob("part-*.parquet")):
        yield pq.read_table(path)


def _ranking(part: pa.Table, champion: Champion) -> Floats:
    """Return what ranks: the score; of several arms' uplifts the highest."""
    columns = [part[name].to_numpy() for name in champion.scores]
    return np.asarray(np.max(columns, axis=0), np.float64)


def decile_of(score: Floats) -> np.ndarray:
    """Return the tenth of the list that each score is in: 1 = the highest; equal scores share one.

    Examples
    --------
    >>> decile_of(np.arange(20.0))[[0, 1, 18, 19]].tolist()
    [10, 10, 1, 1]
    """
    rank = pd.Series(-without_dust(score)).rank(method="average").to_numpy()
    return np.ceil(rank / max(len(score), 1) * N_DECILES).astype(np.int8)
