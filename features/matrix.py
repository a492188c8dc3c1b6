"""Build the feature matrix: the spine with a column for each signal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from penchant.errors import InputError, LeftOutError, quoted
from penchant.lazy import ibis, pd
from penchant.overview import Overview, WithOverview
from penchant.section import LONGEST_WINDOW

from .catalogue import groups_of
from .engine.backends import batches, fetched, while_open
from .engine.script import as_name
from .engine.temporary import Keep, KeptRows
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
    rows
        Temporary tables with ``customer_id``, ``as_of`` and the columns.
    columns
        The declarations, in order.
    left_out
        Name of a group or column that the shop cannot have -> what it lacks.
    """

    rows: tuple[KeptRows, ...]
    columns: tuple[Column, ...]
    left_out: Mapping[str, str]
    keep: Keep

    @cached_property
    def table(self) -> Any:
        """The matrix as an Ibis table: ``customer_id``, ``as_of``, then the columns, in no order."""
        typed = {column.name: ibis._[column.name].cast(column.dtype) for column in self.columns}
        return ibis.union(*[rows.table.select(*KEY, **typed) for rows in self.rows])

    @property
    def _sql(self) -> str:
        """The query of the matrix."""
        types = _DUCKDB if self.keep.backend.name == "duckdb" else _SPARK
        names = [(as_name(self.keep.backend, column.name), types[column.dtype]) for column in self.columns]
        cells = ", ".join([*KEY, *(f"cast({name} as {dtype}) as {name}" for name, dtype in names)])
        return " union all ".join(f"select {cells} from {rows.place}" for rows in self.rows)

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
            is_sql = self.keep.backend.name == "duckdb"
            rows = f"{self._sql} order by {', '.join(reversed(KEY))}" if is_sql else self._sorted
            for batch in batches(self.keep.backend, rows, n_rows):
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
        may_miss = [column.name for column in self.columns if column.missing]
        known = [f"count({as_name(self.keep.backend, name)})" for name in may_miss]
        asked = ", ".join(["count(*)", "count(distinct customer_id)", "min(as_of)", "max(as_of)", *known])
        [(n_rows, n_customers, first, last, *n_known)] = fetched(
            self.keep.backend, f"select {asked} from ({self._sql}) as whole"
        )
        shares = [round((n_rows - n) / max(n_rows, 1), 6) for n in n_known]
        return {
            "n_rows": n_rows,
            "n_customers": n_customers,
            "as_of": {"first": str(first), "last": str(last)},
            "columns": [column.name for column in self.columns],
            "share_missing": dict(zip(may_miss, shares, strict=True)),
            "left_out": dict(self.left_out),
        }


_ARROW: Mapping[str, pa.DataType] = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string()}
_DUCKDB: Mapping[str, str] = {"int64": "bigint", "float64": "double", "string": "varchar"}
_SPARK: Mapping[str, str] = {**_DUCKDB, "string": "string"}
_WHOLE = re.compile(r"!?(u?int\d+|boolean|null)\b")  # types as Ibis writes them
_NUMBER = re.compile(r"!?(u?int\d+|boolean|null|float\d+|decimal)\b")
_TEXT = re.compile(r"!?(string|null)\b")
_FITTING: Mapping[str, re.Pattern[str]] = {"int64": _WHOLE, "float64": _NUMBER, "string": _TEXT}


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
    _refuse_misfits(parts[0].types, columns)
    return FeatureMatrix(tuple(parts), columns, left_out, keep)


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


def _refuse_misfits(types: Mapping[str, str], columns: Sequence[Column]) -> None:
    """Refuse types that lose something, or all, as the declared ones; fractions in whole numbers do."""
    misfits = [
        f"'{column.name}' declares {column.dtype} and is {types[column.name]}"
        for column in columns
        if not _FITTING[column.dtype].match(types[column.name])
    ]
    if misfits:
        raise InputError("feature groups", "columns of the type that they declare", "; ".join(misfits))


def _windows(windows: Sequence[int]) -> tuple[int, ...]:
    if not isinstance(windows, Sequence) or not windows or not all(map(_is_window, windows)):
        given = quoted(windows) if isinstance(windows, Sequence) else f"'{windows}'"
        raise InputError("windows", f"whole days from 1 to {LONGEST_WINDOW:,}, at least one of them", given or "none")
    return tuple(sorted(set(windows)))


def _is_window(days: Any) -> bool:
    return isinstance(days, int) and not isinstance(days, bool) and 1 <= days <= LONGEST_WINDOW
