"""Edge: an audience as a folder that is replaced in one step, the same bytes for the same inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from penchant.errors import NotThereError, OutputError
from penchant.output import read_json, read_rows, replaced_folder, write_json
from penchant.spreadsheet import on_shop_clock, safe_for_spreadsheets

from ...features.contract import ARROW_TYPES, ASSIGNMENTS, CAMPAIGNS, CanonicalTable
from ..goals.offers import Arm, Offer
from .holdout_sight import sight_of
from .record import campaign_row, send_list
from .result import Audience

RECORD = "assignments.parquet"
CAMPAIGN = "campaigns.parquet"
SEND_LIST = "send_list"
SEND_AT = "send_at"
TREATMENTS = "treatments.json"
NEEDED = ["campaign_id", "customer_id", "arm"]
DRAWN = ["campaign_id", "wave", "customer_id", "arm"]


def write_audience(
    audience: Audience, folder: Path, inputs: Mapping[str, Any], minor_units: int = 100, timezone: str = "UTC"
) -> None:
    """Write an audience: the record, the campaign, the send list, and the manifest.

    Parameters
    ----------
    audience
        What was drawn.
    folder
        Becomes the result: ``assignments.parquet`` and ``campaigns.parquet`` in the form of the shop's tables,
        ``send_list.parquet`` with the treated alone, and the same as ``send_list.csv`` for people, in which
        texts that a spreadsheet would run as a formula carry an apostrophe, keys excepted. ``treatments.json`` says
        what each arm was and cost.
    inputs
        What the scores and the shop were, for the manifest.
    minor_units
        How many minor units make a major one.
    timezone
        The shop's: in it the send list tells when each message goes out.

    Raises
    ------
    OutputError
        If the folder cannot be written; what was there stays.
    """
    told = {**audience.as_dict(), "holdout_sees": sight_of(audience).as_dict()}
    with replaced_folder(folder, {"inputs": dict(inputs), "audience": told}) as place:
        write_audience_files(audience, place, minor_units, timezone)


def write_audience_files(audience: Audience, place: Path, minor_units: int, timezone: str) -> None:
    """Write the files of one audience into a folder."""
    sent = send_list(audience.record)
    pq.write_table(as_arrow(audience.record, ASSIGNMENTS), place / RECORD)
    pq.write_table(as_arrow(campaign_row(audience, minor_units), CAMPAIGNS), place / CAMPAIGN)
    pq.write_table(_in_zone(as_arrow(sent, ASSIGNMENTS), timezone), place / f"{SEND_LIST}.parquet")
    for_people = on_shop_clock(safe_for_spreadsheets(sent), timezone)
    csv.write_csv(as_arrow(for_people, ASSIGNMENTS), place / f"{SEND_LIST}.csv")
    wave = audience.settings.wave
    arms = [arm.as_dict() for arm in audience.settings.arms]
    write_json(place / TREATMENTS, {"campaign_id": wave.campaign_id, "wave": wave.number, "arms": arms})


def _in_zone(sent: pa.Table, timezone: str) -> pa.Table:
    """Return a send list whose times carry the shop's zone; the instants stay."""
    at = sent.column_names.index(SEND_AT)
    return sent.set_column(at, SEND_AT, sent[SEND_AT].cast(pa.timestamp("us", timezone)))


def as_arrow(frame: pd.DataFrame, table: CanonicalTable) -> pa.Table:
    """Return a frame as Arrow: the table's columns with its types; what is missing everywhere is text."""
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    return rows.cast(pa.schema([(field.name, _type_of(field, table)) for field in rows.schema]))


def _type_of(field: pa.Field, table: CanonicalTable) -> pa.DataType:
    if field.name in table.names:
        return pa.type_for_alias(ARROW_TYPES[table.column(field.name).kind])
    is_text = pa.types.is_null(field.type) or pa.types.is_large_string(field.type)
    return pa.string() if is_text else field.type


def read_records(folders: Sequence[Path]) -> pd.DataFrame | None:
    """Return the records in the folders of earlier audiences and plans, as `draw_audience` takes them for its past.

    None where no folder is named.

    Raises
    ------
    NotThereError
        If a folder holds no audience.
    """
    if not folders:
        return None
    return pd.concat([rows for folder in folders for rows in _records_in(folder)], ignore_index=True)


def _records_in(folder: Path) -> list[pd.DataFrame]:
    paths = [path / RECORD for path in audiences_below(folder)]
    if not paths:
        raise NotThereError(f"audience '{folder}'", f"'{RECORD}' in it", "nothing there")
    return [read_rows(path, needs=NEEDED).to_pandas() for path in paths]


def audiences_below(folder: Path) -> list[Path]:
    """Return the folders of audiences in a folder and below it, without what a run is writing or a killed one left."""
    found = sorted(path.parent for path in folder.rglob(RECORD))
    return [path for path in found if not any(part[0] == "." for part in path.relative_to(folder).parts)]


def read_treatments(folders: Sequence[Path], campaign_id: str) -> tuple[Arm, ...]:
    """Return what a campaign's arms were, as the first of its waves in these folders of audiences had them."""
    for folder in folders:
        if (folder / TREATMENTS).is_file():
            told = read_json(folder / TREATMENTS)
            if told.get("campaign_id") == campaign_id:
                return tuple(Arm(**{**arm, "offer": Offer(**arm["offer"])}) for arm in told["arms"])
    return ()


def treatments_of(folders: Sequence[Path]) -> dict[str, tuple[Arm, ...]]:
    """Return campaign -> its arms, as the first of its waves in these folders of audiences had them."""
    files = [folder / TREATMENTS for folder in folders]
    names = dict.fromkeys(read_json(file)["campaign_id"] for file in files if file.is_file())
    return {name: read_treatments(folders, name) for name in names}


def refuse_other_draw(folder: Path, drawn: pd.DataFrame) -> None:
    """Raise OutputError where a folder holds another draw, which may have been sent.

    Parameters
    ----------
    folder
        Of an audience or a plan; may be absent.
    drawn
        The records that are to take its place.
    """
    former = [read_rows(path / RECORD, DRAWN).to_pandas() for path in audiences_below(folder)]
    if not former:
        return
    both = pd.concat(former).merge(drawn[DRAWN], how="outer", indicator=True)
    n_other = int((both["_merge"] != "both").sum())
    if n_other:
        raise OutputError(
            f"output '{folder}'",
            "the same customers and arms that were drawn before, because they may have been contacted",
            f"{n_other:,} assignments that differ",
            "Name another campaign or wave, or add --replace if nothing was sent",
        )
