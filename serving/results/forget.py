"""Remove customers from all results: their rows go, and what cannot be changed row by row goes as a whole."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penchant.output import MANIFEST, changed_folder, locked

from .inventory import StoredResult, leftovers_below, remove_leftover, results_below

TAGGED, TAG_ID, TAG_KIND = ("subject", "id"), "id", "customer"
SET_ASIDE = "_reason"  # a column of rows that were set aside: they hold the shop's own columns
CHECK, PAGE = "check", "insight"  # results that name customers in texts too, and are made again by their command
ACCEPTED = "accepted"  # where the intake stores rows that it accepted
SEND_LIST = "send_list"


@dataclass(frozen=True)
class ForgottenRows:
    """What was removed of some customers.

    Attributes
    ----------
    rows
        File -> how many of its rows were removed.
    removed
        Results that were removed as a whole, because they name a customer elsewhere than in rows.
    sent
        Audiences whose send list held a customer: the tool that sends has them too.
    """

    rows: dict[str, int]
    removed: tuple[str, ...]
    sent: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it by name."""
        return {"rows": dict(self.rows), "removed": list(self.removed), "sent": list(self.sent)}


def forget(folder: Path, customers: Collection[str]) -> ForgottenRows:
    """Remove customers from the results below a folder.

    Parameters
    ----------
    folder
        The results of a shop.
    customers
        Their ids.

    Returns
    -------
    ForgottenRows
        What was removed; a second call finds nothing. A killed run leaves each result as it was or without them.

    Raises
    ------
    OutputError
        If another run is writing one of the results.
    """
    ids = frozenset(customers)
    for leftover in leftovers_below(folder):
        remove_leftover(leftover)
    rows: dict[str, int] = {}
    removed, sent = [], []
    for result in results_below(folder):
        counts = {str(path.relative_to(result.path)): n for path in _tables(result.path) if (n := _count(path, ids))}
        if _names_elsewhere(result, ids, counts):
            with locked(result.path):
                shutil.rmtree(result.path)
            removed.append(str(result.path))
        elif counts:
            n_before = int(result.manifest.get("n_forgotten", 0))
            with changed_folder(result.path, {"n_forgotten": n_before + max(counts.values())}) as place:
                for name in counts:
                    _without(place / name, ids)
            rows |= {str(result.path / name): n for name, n in counts.items()}
            sent += [str(result.path)] if any(SEND_LIST in name for name in counts) else []
    removed += _jobs_without(folder, ids)
    return ForgottenRows(rows, tuple(removed), tuple(sent))


def _jobs_without(folder: Path, ids: frozenset[str]) -> list[str]:
    """Remove the page's jobs whose results name a customer, and return where they were."""
    found = []
    for result in sorted((folder / "web" / "jobs").glob("*/result.json")):
        text = result.read_text(encoding="utf-8")
        if any(json.dumps(name, ensure_ascii=False) in text or json.dumps(name) in text for name in ids):
            shutil.rmtree(result.parent)
            found.append(str(result.parent))
    return found


def _tables(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".parquet", ".csv") and path.is_file())


def _id_columns(names: Sequence[str]) -> list[str]:
    """Return the columns of a table that may hold a customer's id; of rows that were set aside all."""
    if SET_ASIDE in names:
        return list(names)
    return [name for name in names if name == "customer_id"] or ([TAG_ID] if set(TAGGED) <= set(names) else [])


def _count(path: Path, ids: frozenset[str]) -> int:
    """Return how many rows of a table are of these customers."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = _id_columns(reader.fieldnames or ())
            return sum(_is_of(row, columns, ids) for row in reader) if columns else 0
    with pq.ParquetFile(path) as rows:
        columns = _id_columns(rows.schema_arrow.names)
        if not columns:
            return 0
        masks = (_mask(batch, columns, ids) for batch in rows.iter_batches(columns=_read(rows, columns)))
        return sum(pc.sum(mask).as_py() or 0 for mask in masks)


def _read(rows: pq.ParquetFile, columns: Sequence[str]) -> list[str]:
    """Return the columns that tell whose a row is."""
    kind = [TAGGED[0]] if columns == [TAG_ID] else []
    return [name for name in rows.schema_arrow.names if name in {*columns, *kind}]


def _mask(batch: pa.RecordBatch, columns: Sequence[str], ids: frozenset[str]) -> pa.Array:
    """Return which rows are of these customers."""
    wanted = pa.array(sorted(ids), pa.string())
    mask = pa.array([False] * batch.num_rows)
    for name in columns:
        if pa.types.is_string(batch[name].type) or pa.types.is_large_string(batch[name].type):
            mask = pc.or_(mask, pc.is_in(batch[name].cast(pa.string()), wanted))
    return pc.and_(mask, pc.equal(batch[TAGGED[0]], TAG_KIND)) if list(columns) == [TAG_ID] else mask


def _is_of(row: dict[str, Any], columns: Sequence[str], ids: frozenset[str]) -> bool:
    """Say whether a row of a CSV file is of these customers."""
    is_theirs = any(row.get(name) in ids for name in columns)
    return is_theirs and (list(columns) != [TAG_ID] or row.get(TAGGED[0]) == TAG_KIND)


def _without(path: Path, ids: frozenset[str]) -> None:
    """Write a table again without the rows of these customers."""
    staging = path.with_name(f".{path.name}.new")
    (_csv_without if path.suffix == ".csv" else _parquet_without)(path, staging, ids)
    staging.replace(path)


def _parquet_without(path: Path, staging: Path, ids: frozenset[str]) -> None:
    with pq.ParquetFile(path) as rows, pq.ParquetWriter(staging, rows.schema_arrow) as writer:
        columns = _id_columns(rows.schema_arrow.names)
        for number in range(rows.num_row_groups):
            for batch in rows.iter_batches(row_groups=[number]):
                writer.write_batch(batch.filter(pc.invert(_mask(batch, columns, ids))))


def _csv_without(path: Path, staging: Path, ids: frozenset[str]) -> None:
    """Copy the lines of the other customers as they are: quotes and breaks included."""
    with path.open(encoding="utf-8", newline="") as file, staging.open("w", encoding="utf-8", newline="") as copy:
        passed: list[str] = []  # the lines of the row that the reader gives, as they stand
        reader = csv.reader(_noted(file, passed))
        header = [name.removeprefix("\ufeff") for name in next(reader)]
        columns = _id_columns(header)
        copy.write("".join(passed))
        passed.clear()
        for cells in reader:
            if not _is_of(dict(zip(header, cells, strict=False)), columns, ids):
                copy.write("".join(passed))
            passed.clear()


def _noted(lines: Iterable[str], passed: list[str]) -> Iterator[str]:
    """Give lines, each noted before it is."""
    for line in lines:
        passed.append(line)
        yield line


def _names_elsewhere(result: StoredResult, ids: frozenset[str], counts: Mapping[str, int]) -> bool:
    """Say whether a result names a customer outside of rows: on a page, or among the examples of a check.

    Accepted rows stored for later commands go as a whole, too: they must be all that the shop's files hold.
    """
    if result.step.startswith(PAGE) or ACCEPTED in result.path.parts:
        return bool(counts)
    if result.step != CHECK:
        return False
    text = (result.path / MANIFEST).read_text(encoding="utf-8")
    return any(json.dumps(name, ensure_ascii=False) in text for name in ids)
