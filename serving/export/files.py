"""Edge: give an audience to the tool that sends: as Parquet or CSV, or as rows of a database table.

A file is replaced in one step. A table is written in one transaction, by (campaign, customer, wave), so that a
repeated run changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
from pydantic import Field, ValidationError
from rich.text import Text

from penchant.errors import ConfigError, InputError, NotThereError, did_you_mean, quoted
from penchant.output import read_rows, replaced_file
from penchant.section import Section, read_toml
from penchant.spreadsheet import KEY_ENDING, keys_of, on_shop_clock, safe_for_spreadsheets

from ..audience.files import RECORD, SEND_LIST
from .database import Upserted, upsert, without_password

KEY = ("campaign_id", "customer_id", "wave")
What = Literal["send_list", "assignments"]


class Destination(Section):
    """Where an audience goes, and what its columns are called there.

    Parameters
    ----------
    address
        A path that ends in ``.parquet`` or ``.csv``, or the address of a database: ``duckdb://shop.duckdb``,
        ``postgresql://user@host/base``.
    table
        The table there, with its schema where it has one; databases alone.
    columns
        Our column -> the receiving tool's name, in the order that it wants; empty: all, under our names.
    for_people
        Whether a CSV is opened by people: texts that a spreadsheet would run as a formula then carry an apostrophe,
        keys (columns that end in ``_id``) excepted, and times are those of the shop's clock.
    """

    address: str
    table: str | None = None
    columns: dict[str, str] = Field({})
    for_people: bool = True

    @property
    def is_database(self) -> bool:
        """Whether the address is a database's."""
        return "://" in self.address


@dataclass(frozen=True)
class Exported:
    """What an export did.

    Attributes
    ----------
    address
        Where, without a password.
    n_rows
        How many rows were given.
    changes
        Of a table: how many rows are new, changed, removed, and the same as before; None of a file.
    """

    address: str
    n_rows: int
    changes: Upserted | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the counts by name."""
        return {"address": self.address, "n_rows": self.n_rows, **(self.changes.as_dict() if self.changes else {})}

    def render(self) -> Any:
        """Return what a terminal shows, for rich."""
        facts = [f"{name.removeprefix('n_')}: {count:,}" for name, count in self.as_dict().items() if name != "address"]
        return Text(f"{self.address}: {', '.join(facts)}")


def load_destination(path: Path) -> Destination:
    """Return the destination that a TOML file describes.

    Raises
    ------
    NotThereError
        If there is no such file.
    ConfigError
        If it is not TOML, or a key or value is not one of ours.
    """
    if not path.is_file():
        raise NotThereError(f"destination '{path}'", "a TOML file", "nothing there")
    values = read_toml(path, "destination")
    try:
        return Destination.model_validate(values)
    except ValidationError as fault:
        # a name that is none of ours explains a missing one
        first = min(fault.errors(), key=lambda each: each["type"] != "extra_forbidden")
        name = ".".join(str(part) for part in first["loc"])
        hint = did_you_mean(name, Destination.model_fields) if first["type"] == "extra_forbidden" else ""
        raise ConfigError(f"destination '{path}', {name}", first["msg"], str(first["input"])[:60], hint) from None


def export_audience(
    folder: Path, destination: Destination, what: What = "send_list", *, replace: bool = False
) -> Exported:
    """Give a written audience to a destination.

    Parameters
    ----------
    folder
        A folder that `write_audience` has written.
    destination
        Where it goes.
    what
        ``send_list``: the treated alone. ``assignments``: the record, control included.
    replace
        Whether rows of the same campaign and wave may change their arm or be removed from a table. Without it a list
        that was drawn anew is refused, because the old one may have been sent.

    Raises
    ------
    NotThereError
        If the folder holds no audience, or nothing answers at the address.
    InputError
        If a column is unknown, or the destination is not one that can be written to.
    OutputError
        If it could not be written; nothing was half-written.
    """
    path = folder / (RECORD if what == "assignments" else f"{SEND_LIST}.parquet")
    if not path.is_file():
        raise NotThereError(f"audience '{folder}'", f"'{path.name}' in it", "nothing there")
    read = read_rows(path)
    wanted = chosen(read.column_names, destination.columns)
    rows = read.select(list(wanted)).rename_columns(list(wanted.values()))
    ids = [given for name, given in wanted.items() if name.endswith(KEY_ENDING)]
    return export_rows(rows, destination, tuple(wanted.get(name, "") for name in KEY), ids, replace=replace)


def export_rows(
    rows: pa.Table,
    destination: Destination,
    key: tuple[str, ...],
    ids: Collection[str] = (),
    group: tuple[str, ...] | None = None,
    *,
    replace: bool = False,
) -> Exported:
    """Give rows to a destination.

    Parameters
    ----------
    rows, destination
        What goes where.
    key
        The columns that tell rows apart, as they are named there: a table is written by them.
    ids
        Further columns that identify something, which are left as they are for people too; those that end in ``_id``
        need not be named.
    group
        The columns that say of what the rows are the whole; None: the campaign and wave of the key.
    replace
        As `export_audience` takes it.
    """
    if destination.is_database:
        if destination.table is None or "" in key:
            missing = "a table" if destination.table is None else f"the columns {quoted(KEY)}"
            raise InputError("destination", f"{missing}, because rows are written by them", "none")
        changes = upsert(rows, destination.address, destination.table, key, group, replace=replace)
        return Exported(f"{without_password(destination.address)}#{destination.table}", rows.num_rows, changes)
    write_file(rows, Path(destination.address), for_people=destination.for_people, ids={*key, *ids})
    return Exported(destination.address, rows.num_rows)


def chosen(names: list[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Return our column -> the receiving name, checked.

    Raises
    ------
    InputError
        If a column is unknown, or two are given one name.
    """
    wanted = dict(columns) or {name: name for name in names}
    for name in wanted:
        if name not in names:
            raise InputError("destination, columns", "a column of the list", f"'{name}'", did_you_mean(name, names))
    received = list(wanted.values())
    twice = sorted({name for name in received if received.count(name) > 1})
    if twice:
        raise InputError("destination, columns", "one column for each name", f"{quoted(twice)} more than once")
    return wanted


def write_file(rows: pa.Table, path: Path, *, for_people: bool, ids: Collection[str] = ()) -> None:
    """Write rows as Parquet or CSV; where people read them, texts but not keys are made harmless for spreadsheets."""
    if path.suffix not in (".parquet", ".csv"):
        raise InputError("destination", "a .parquet or .csv file, or the address of a database", f"'{path.name}'")
    if path.suffix == ".csv" and for_people:
        rows = _for_people(rows, ids)
    with replaced_file(path) as place:
        if path.suffix == ".csv":
            csv.write_csv(rows, place)
        else:
            pq.write_table(rows.replace_schema_metadata(None), place)


def _for_people(rows: pa.Table, ids: Collection[str]) -> pa.Table:
    """Return rows as people read them: texts made harmless, instants with a zone as that zone's clock shows them."""
    frame = safe_for_spreadsheets(rows.to_pandas(), {*ids, *keys_of(rows.column_names)})
    for field in rows.schema:
        if pa.types.is_timestamp(field.type) and field.type.tz is not None:
            frame = frame.assign(**on_shop_clock(frame[[field.name]], field.type.tz))
    types = {name: field.type for name, field in zip(rows.column_names, rows.schema, strict=True)}
    return pa.table({name: pa.array(frame[name], _told_type(types[name]), from_pandas=True) for name in frame})


def _told_type(kind: pa.DataType) -> pa.DataType:
    is_text = pa.types.is_dictionary(kind) or (pa.types.is_timestamp(kind) and kind.tz is not None)
    return pa.string() if is_text else kind
