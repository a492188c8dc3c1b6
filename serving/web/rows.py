"""Read a few rows of large Parquet files: one customer, one page of a list, the count of a crowd, in little memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

KEY = "customer_id"
WHOLE_FILES = Lock()  # what reads all rows does so one after the other: memory is bounded, and the cores are few


def rows_of(path: Path, customer_id: str) -> list[dict[str, Any]]:
    """Return the rows of one customer, in the file's order; reads no row group without one."""
    if not path.is_file():
        return []
    ids, order, starts = _index(str(path), path.stat().st_mtime_ns)
    first, last = (
        np.searchsorted(ids, [customer_id.encode()], "left")[0],
        np.searchsorted(ids, [customer_id.encode()], "right")[0],
    )
    found = []
    with pq.ParquetFile(path, metadata=_footer(str(path), path.stat().st_mtime_ns)) as file:
        for row in sorted(order[first:last].tolist()) if order is not None else range(first, last):
            group = int(np.searchsorted(starts, row, "right")) - 1
            found.append((group, row - int(starts[group])))
        groups = {group: file.read_row_group(group) for group in dict.fromkeys(group for group, _row in found)}
    return [groups[group].slice(row, 1).to_pylist()[0] for group, row in found]


@lru_cache(maxsize=16)
def _footer(path: str, _changed: int) -> pq.FileMetaData:
    """Return where a file's row groups lie: of a million customers that takes longer to read than a customer."""
    return pq.read_metadata(path)


@lru_cache(maxsize=16)
def _index(path: str, _changed: int) -> tuple[Any, Any, Any]:
    """Return the customers of a file, sorted, where each stands (None: in order), and where row groups start."""
    with WHOLE_FILES, pq.ParquetFile(path) as file:
        sizes = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
        ids = file.read(columns=[KEY])[KEY].cast(pa.binary()).combine_chunks()
    keys = ids.to_numpy(zero_copy_only=False).astype("S")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]) if sizes else np.zeros(1, np.int64)
    if bool(np.all(keys[:-1] <= keys[1:])):
        return keys, None, starts
    order = np.argsort(keys, kind="stable")
    return keys[order], order.astype(np.int32), starts


def page_of(path: Path, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
    """Return how many rows a file holds, and some of them, reading only the row groups that they lie in."""
    with pq.ParquetFile(path) as file:
        total, start, parts = file.metadata.num_rows, 0, []
        for number in range(file.num_row_groups):
            n = file.metadata.row_group(number).num_rows
            if start + n > offset and start < offset + limit:
                parts.append(file.read_row_group(number).slice(max(0, offset - start)))
            start += n
    return total, pa.concat_tables(parts).slice(0, limit).to_pylist() if parts else []


def matching(
    path: Path, condition: pc.Expression | None, limit: int, offset: int = 0
) -> tuple[int, list[dict[str, Any]]]:
    """Return how many rows a condition holds for, and some of them in the file's order."""
    data = ds.dataset(path)
    with WHOLE_FILES:
        n = data.count_rows(filter=condition)
        return n, data.head(offset + limit, filter=condition, batch_size=8_192).slice(offset).to_pylist()


def counts_of(path: Path, columns: Sequence[str], condition: pc.Expression | None) -> Mapping[str, dict[str, int]]:
    """Return column -> value as text -> how many rows hold it, among those that a condition holds for."""
    found: dict[str, dict[str, int]] = {name: {} for name in columns}
    with WHOLE_FILES:
        for batch in ds.dataset(path).to_batches(columns=list(columns), filter=condition, use_threads=False):
            for name in columns:
                for one in pc.value_counts(batch[name]).to_pylist():
                    value = str(one["values"])
                    found[name][value] = found[name].get(value, 0) + one["counts"]
    return found


def column_where(path: Path, column: str, condition: pc.Expression) -> pa.Array:
    """Return a column of the rows that a condition holds for."""
    with WHOLE_FILES:
        return ds.dataset(path).to_table(columns=[column], filter=condition)[column].combine_chunks()
