"""Build the feature matrix: the spine with a column for each signal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from penchant.errors import InputError, LeftOutError, quoted
from penchant.overview import Overview, WithOverview
from penchant.section import LONGEST_WINDOW

from .catalogue import groups_of
from .engine.backends import batches, while_open
from .engine.temporary import Keep
from .history.evaluate import evaluated_whole
from .shop import Shop
from .signals.group import Column, FeatureGroup, Signal, joined_needs, unmet_needs
from .spine import Spine

KEY = ("customer_id", "as_of")
SHOWN_ROWS, SHOWN_COLUMNS = 5, 5
READ_IN_TIME = "Read matrix.frame before the shop is closed: it stays with the matrix; or write matrix.to_parquet(path)"


@dataclass(frozen=True, eq=False, repr=False)
class FeatureMatrix(WithOverview):
    """The spine with its signals.

    Parameters
    ----------
    table
        Ibis table: ``customer_id``, ``as_of``, then the columns; sorted by as_of, then customer_id.
    columns
        The declarations, in order.
    left_out
        Name of a group or column that the shop cannot have -> what it lacks.
    """

    table: Any
    columns: tuple[Column, ...]
    left_out: Mapping[str, str]
    keep: Keep

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The matrix as a pandas frame: integers, floats with NaN, strings with missing values.

        It is read once, while the shop is open, and stays with the matrix after that.

        Raises
        ------
        InputError
            If the shop was closed before the frame was read.
        """
        with while_open("matrix", READ_IN_TIME):
            return self._sorted.to_pyarrow().to_pandas()

    def overview(self) -> Overview:
        """Return the matrix's size, its moments and some of its cells."""
        names = ["customer_id", *(one.name for one in self.columns[:SHOWN_COLUMNS])]
        n_rows, head = self._head
        lines = [f"{n_rows:,} rows, {len(self.columns):,} signals", *_left_out_lines(self.left_out)]
        rows = [[_cell_text(cell) for cell in row] for row in head[names].itertuples(index=False)]
        note = f"The first {len(rows)} rows and {len(names) - 1} signals; all of it is matrix.frame."
        return Overview("Feature matrix", lines, names, rows, note)

    @cached_property
    def _head(self) -> tuple[int, pd.DataFrame]:
        """How many rows there are, and the first ones."""
        if "frame" in self.__dict__:
            return len(self.frame), self.frame.head(SHOWN_ROWS)
        names = [*KEY, *(one.name for one in self.columns[:SHOWN_COLUMNS])]
        with while_open("matrix", READ_IN_TIME):
            n_rows = int(self.table.count().execute())
            return n_rows, self._sorted.select(names).limit(SHOWN_ROWS).to_pyarrow().to_pandas()

    @property
    def _sorted(self) -> Any:
        return self.table.order_by(["as_of", "customer_id"])

    def batches(self, n_rows: int = 100_000) -> Iterator[pa.RecordBatch]:
        """Yield the matrix in order, in Arrow batches of at most so many rows, whatever its size."""
        with while_open("matrix", READ_IN_TIME):
            for batch in batches(self.keep.backend, self._sorted, n_rows):
                yield batch.cast(self.schema)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema; each field's metadata says what its column means, in which unit and range."""
        key = [pa.field("customer_id", pa.string()), pa.field("as_of", pa.timestamp("us"))]
        return pa.schema([*key, *(pa.field(one.name, _ARROW[one.dtype], metadata=_told(one)) for one in self.columns)])

    def to_parquet(self, path: Path) -> int:
        """Write the matrix to a Parquet file, batch by batch, and return its number of rows."""
        n_rows = 0
        with pq.ParquetWriter(path, self.schema) as writer:
            for batch in self.batches():
                writer.write_batch(batch)
                n_rows += batch.num_rows
        return n_rows

    def write(self, folder: Path) -> int:
        """Write ``features.parquet`` into a folder, and return its number of rows."""
        return self.to_parquet(folder / "features.parquet")

    def facts(self) -> dict[str, Any]:
        """Return what a manifest says of the matrix: rows, moments, columns, share missing, what was left out."""
        rows = self.table
        counts = {column.name: rows[column.name].isnull().sum() for column in self.columns if column.missing}
        found = rows.aggregate(
            n_rows=rows.count(),
            n_customers=rows.customer_id.nunique(),
            first=rows.as_of.min(),
            last=rows.as_of.max(),
            **{f"missing {name}": count for name, count in counts.items()},
        )
        row = found.to_pandas().iloc[0]
        n_rows = int(row["n_rows"])
        return {
            "n_rows": n_rows,
            "n_customers": int(row["n_customers"]),
            "as_of": {"first": str(row["first"]), "last": str(row["last"])},
            "columns": [column.name for column in self.columns],
            "share_missing": {name: round(int(row[f"missing {name}"] or 0) / max(n_rows, 1), 6) for name in counts},
            "left_out": dict(self.left_out),
        }


_ARROW: Mapping[str, pa.DataType] = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string()}


def _left_out_lines(left_out: Mapping[str, str]) -> list[str]:
    """Return what the shop cannot have, in a line."""
    return [f"Left out, for the shop lacks what they need: {quoted(left_out)}"] if left_out else []


def _cell_text(cell: Any) -> str:
    """Return a cell of the matrix as it is shown."""
    if pd.isna(cell):
        return "–"
    return f"{cell:,.4g}" if isinstance(cell, float) else f"{cell:,}" if isinstance(cell, int) else str(cell)


def _told(column: Column) -> dict[str, str]:
    """Return a declaration as a field's metadata."""
    told = {
        "meaning": column.meaning,
        "unit": column.unit,
        "low": "" if column.low is None else f"{column.low:g}",
        "high": "" if column.high is None else f"{column.high:g}",
        "missing": column.missing,
        "historical": str(column.historical).lower(),
        "population": str(column.population).lower(),
    }
    return {name: value for name, value in told.items() if value}


def build(
    shop: Shop,
    spine: Spine,
    groups: Sequence[str | FeatureGroup] | None = None,
    *,
    windows: Sequence[int] | None = None,
) -> FeatureMatrix:
    """Return the feature matrix of a spine: one row for each of its rows, sorted by as_of and customer_id.

    Parameters
    ----------
    shop
        The shop.
    spine
        Whom to look at, and when.
    groups
        Names or groups; default: the configured ones, else every group that the shop can have.
    windows
        Days of the observation windows ``[as_of - days, as_of)``; default: the configured ones.

    Raises
    ------
    InputError
        If a group or window is not one.
    LeftOutError
        If the shop can have none of the signals.
    """
    days = _windows(windows if windows is not None else shop.config.features.windows)
    signals, left_out = available(shop, groups_of(shop, groups), days)
    if not signals:
        raise LeftOutError(
            "features", "at least one signal that the shop can have", "; ".join(dict.fromkeys(left_out.values()))
        )
    keep = Keep(shop.backend)
    parts = evaluated_whole(shop, spine, {one.column.name: one.value for one in signals}, keep, days)
    columns = tuple(signal.column for signal in signals)
    table = _typed(ibis.union(*parts) if len(parts) > 1 else parts[0], columns)
    return FeatureMatrix(table, columns, left_out, keep)


def available(
    shop: Shop, groups: Sequence[FeatureGroup], windows: tuple[int, ...]
) -> tuple[list[Signal], dict[str, str]]:
    """Return the signals that the shop can have, and for the others what it lacks.

    Raises
    ------
    InputError
        If two groups declare the same column.
    """
    signals: list[Signal] = []
    left_out: dict[str, str] = {}
    for group in groups:
        missing = unmet_needs(group.needs, shop.has)
        if missing:
            left_out[group.name] = f"the shop has no {joined_needs(missing, 'and no')}"
            continue
        for signal in group.signals(windows):
            missing = unmet_needs(signal.needs, shop.has)
            if missing:
                left_out[signal.column.name] = f"the shop has no {joined_needs(missing, 'and no')}"
            else:
                signals.append(signal)
    names = [signal.column.name for signal in signals]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError("feature groups", "each column declared once", f"{quoted(twice)} declared twice")
    return signals, left_out


def _typed(table: Any, columns: Sequence[Column]) -> Any:
    misfits = [_misfit(column, table[column.name].type()) for column in columns]
    if any(misfits):
        raise InputError("feature groups", "columns of the type that they declare", "; ".join(filter(None, misfits)))
    typed = {column.name: table[column.name].cast(column.dtype) for column in columns}
    return table.select(*KEY, **typed)


def _misfit(column: Column, built: Any) -> str:
    """Say that an expression's type loses something, or all, as the declared one; fractions in whole numbers do."""
    is_whole = built.is_integer() or built.is_boolean()
    fits = {"int64": is_whole, "float64": built.is_numeric() or is_whole, "string": built.is_string()}
    return "" if fits[column.dtype] or built.is_null() else f"'{column.name}' declares {column.dtype} and is {built}"


def _windows(windows: Sequence[int]) -> tuple[int, ...]:
    if not isinstance(windows, Sequence) or not windows or not all(map(_is_window, windows)):
        given = quoted(windows) if isinstance(windows, Sequence) else f"'{windows}'"
        raise InputError("windows", f"whole days from 1 to {LONGEST_WINDOW:,}, at least one of them", given or "none")
    return tuple(sorted(set(windows)))


def _is_window(days: Any) -> bool:
    return isinstance(days, int) and not isinstance(days, bool) and 1 <= days <= LONGEST_WINDOW
