"""Apply a champion to everyone eligible at a moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from penchant.errors import NoModelError, TooLittleDataError, quoted

from ..features.catalogue import task_of
from ..features.group import Column
from ..features.labels import eligible
from ..features.matrix import KEY, build
from ..features.shop import Shop
from ..features.spine import Spine
from ..models.artifact import load, read_facts
from ..models.propensity import PropensityModel
from ..models.reasons import reasons
from .risk_list import N_REASONS, risk_list, safe_for_spreadsheets

CHUNK = 50_000
FACTS = {
    "n_orders": "n_purchases",
    "days_since_last_order": "days_since_last_purchase",
    "amount_365d": "amount_365d",
}


@dataclass(frozen=True, eq=False)
class Champion:
    """A model in use: what it predicts, what it reads, and which one it is.

    Parameters
    ----------
    model
        The model.
    task
        The task's name.
    horizon_days
        The horizon of its promise, the same as that of the labels it learned from.
    columns
        The signals it reads, as they were declared at training.
    version
        Name and version.
    """

    model: PropensityModel
    task: str
    horizon_days: int
    columns: tuple[Column, ...]
    version: str

    @classmethod
    def load(cls, folder: Path, version: str) -> Champion:
        """Return the champion in a folder of plain files.

        Raises
        ------
        NoModelError
            If the folder holds a model of another kind.
        """
        model, facts = load(folder), read_facts(folder)
        if not isinstance(model, PropensityModel):
            raise NoModelError(f"model '{version}'", "a propensity model", type(model).__name__)
        known = {field.name for field in fields(Column)}
        columns = [
            Column(**{k: _frozen(v) for k, v in signal.items() if k in known}) for signal in facts["signals"]
        ]
        return cls(model, facts["task"], int(facts["horizon_days"]), tuple(columns), version)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def score_churn(shop: Shop, champion: Champion, as_of: datetime) -> pd.DataFrame:
    """Return the churn-risk list of everyone eligible at as_of, as `risk_list` describes it.

    Raises
    ------
    TooLittleDataError
        If nobody is eligible.
    NoModelError
        If the shop lacks signals that the champion reads.
    """
    task = task_of(shop.config, champion.task)
    rows = eligible(shop, task, Spine.at(shop, as_of))
    if rows.empty:
        raise TooLittleDataError(
            f"task '{task.name}' at {as_of:%Y-%m-%d}",
            "customers who are eligible",
            "none",
            "Choose another --as-of",
        )
    features = build(shop, Spine.of(shop, rows)).frame
    _refuse_lacking(champion, features)
    scored = [_scored(champion, features[start : start + CHUNK]) for start in range(0, len(features), CHUNK)]
    bands = dict(shop.config.score.bands)
    return risk_list(
        pd.concat(scored, ignore_index=True), bands, champion.horizon_days, as_of, champion.version
    )


def _refuse_lacking(champion: Champion, features: pd.DataFrame) -> None:
    lacking = [column.name for column in champion.columns if column.name not in features]
    if lacking:
        raise NoModelError(
            f"model '{champion.version}'",
            "the signals that it was trained on",
            f"a shop without {quoted(lacking)}",
            f"Run 'penchant train {champion.task}' on the shop as it is now",
        )


def _scored(champion: Champion, features: pd.DataFrame) -> pd.DataFrame:
    signals = features[[column.name for column in champion.columns]]
    facts = {
        name: features[column].to_numpy() if column in features else np.nan for name, column in FACTS.items()
    }
    return pd.DataFrame(
        {
            "customer_id": features[KEY[0]].to_numpy(object),
            "probability": champion.model.predict_proba(signals)[:, 1],
            **_reasons(champion, signals),
            **facts,
        }
    )


def _reasons(champion: Champion, signals: pd.DataFrame) -> dict[str, list[str | None]]:
    """Return the reasons in words: what raised each customer's score most, by name reason_1 to reason_3."""
    describe = {column.name: _teller(column) for column in champion.columns}
    families = [column.name.split("_")[0] for column in champion.columns]
    found = reasons(champion.model, signals, describe, N_REASONS, families)
    return {
        f"reason_{place + 1}": [of_row[place] if place < len(of_row) else None for of_row in found]
        for place in range(N_REASONS)
    }


def _teller(column: Column) -> Callable[[Any, bool], str]:
    return lambda value, is_high: column.told(value, is_high=is_high)


def write_list(listed: pd.DataFrame, folder: Path, name: str) -> None:
    """Write a list as Parquet for programs, and as CSV for people (formulas in ids neutralised)."""
    table = pa.Table.from_pandas(listed, preserve_index=False)
    pq.write_table(table, folder / f"{name}.parquet")
    safe_for_spreadsheets(listed).to_csv(
        folder / f"{name}.csv", index=False, date_format="%Y-%m-%dT%H:%M:%SZ"
    )
