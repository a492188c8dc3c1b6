"""Edge: a campaign's assignments, as arrays and on the engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from ibis import _

from penchant.errors import InputError, LeftOutError, did_you_mean, quoted

from ...features.engine.temporary import Keep
from ...features.shop import Shop
from .asked import groups_at_assignment
from .design import Assigned
from .settings import Campaign, MeasureSettings, campaign_of

STAGE = "stage"
TIMES = ("contacted_at", "redeemed_at")
KNOWN = ("unit", "wave", "arm", "assigned_at", "probability", "customer", *TIMES)
NOT_READ = ("campaign_id", "customer_id", "delivered_at", "opened_at", "clicked_at")


@dataclass(frozen=True, eq=False)
class CampaignRows:
    """A campaign's assignments: as arrays, and on the engine as (unit, customer_id, wave, start).

    Rows of customers in several arms of one wave are left out, ``n_in_several_arms`` of them.
    """

    campaign: Campaign
    assigned: Assigned
    table: Any
    n_in_several_arms: int = 0


@contextmanager
def campaign_rows(
    shop: Shop, campaign_id: str, settings: MeasureSettings, record: pd.DataFrame | None = None
) -> Iterator[CampaignRows]:
    """Give a campaign's assignments, kept on the engine meanwhile.

    Parameters
    ----------
    shop
        The shop.
    campaign_id
        The campaign.
    settings
        Name of the control, and from when windows count.
    record
        The audience's own record (customer_id, and wave where there are several), for columns that the assignments
        table does not have: stage, segment, predicted uplift.

    Raises
    ------
    LeftOutError
        The shop has no assignments.
    InputError
        The campaign is not known, or has no control.
    """
    with Keep(shop.backend) as keep:
        rows, n_in_several_arms = _with_one_arm(_rows_of(shop, campaign_id))
        numbered = rows.mutate(unit=ibis.row_number().over(order_by=["wave", "assigned_at", "customer_id"]))
        kept = keep.table(numbered.mutate(customer=_customer_code(rows)))
        columns = [name for name in kept.columns if name not in NOT_READ]
        read = kept.order_by("unit").select(columns).to_pyarrow()
        extras = read.select([name for name in columns if name not in KNOWN]).to_pandas(strings_to_categorical=True)
        if record is not None:
            extras = _with_record(kept.order_by("unit").select("customer_id", "wave").to_pandas(), extras, record)
        asked = (*((STAGE,) if settings.reads_stage else ()), *settings.by)
        for name, groups in groups_at_assignment(shop, kept, [one for one in asked if one not in extras]).items():
            extras[name] = groups
        assigned, shifts = _read_assigned(read, extras, campaign_id, settings)
        table = kept.select("unit", "customer_id", "wave", start=_shifted(kept, shifts))
        yield CampaignRows(_campaign(shop, campaign_id), assigned, table, n_in_several_arms)


def _rows_of(shop: Shop, campaign_id: str) -> Any:
    if not shop.has("assignments"):
        raise LeftOutError(
            "measure", "the table 'assignments'", "a shop without it", "Map it in penchant.toml, under [tables]"
        )
    every = shop.tables["assignments"]
    rows = every.filter(_.campaign_id == campaign_id)
    if not int(rows.count().execute()):
        known = every.select("campaign_id").distinct().order_by("campaign_id").execute()["campaign_id"]
        hint = did_you_mean(campaign_id, known)
        raise InputError("campaign", "one that is in 'assignments'", f"'{campaign_id}'", hint)
    wave = _.wave.fill_null(1) if "wave" in rows.columns else ibis.literal(1, "int64")
    return rows.mutate(wave=wave)


def _with_one_arm(rows: Any) -> tuple[Any, int]:
    """Return the rows of customers who have one arm in a wave, whatever the order of the rows, and how many others."""
    wave = ibis.window(group_by=["customer_id", "wave"])
    told = rows.mutate(_one=_.arm.min().over(wave) == _.arm.max().over(wave))
    n_others = int((~told._one).sum().execute() or 0)
    return (told.filter(_._one).drop("_one") if n_others else rows), n_others


def _customer_code(rows: Any) -> Any:
    """Return whole numbers that tell customers apart; the row's own where nobody has two."""
    counts = rows.aggregate(n=_.count(), n_customers=_.customer_id.nunique()).execute().iloc[0]
    if counts["n"] == counts["n_customers"]:
        return _.unit
    return ibis.dense_rank().over(order_by="customer_id")


def _with_record(keys: pd.DataFrame, extras: pd.DataFrame, record: pd.DataFrame) -> pd.DataFrame:
    """Return the further columns of assignments with those of the audience's record; not known where it lacks a row."""
    by = ["customer_id", *(["wave"] if "wave" in record else [])]
    n_repeated = int(record.duplicated(by).sum()) if "customer_id" in record else 0
    if "customer_id" not in record or n_repeated:
        got = f"{n_repeated:,} repeated" if n_repeated else "no column 'customer_id'"
        raise InputError("record", f"one row for each {' and '.join(by)}", got)
    new = [name for name in record.columns if name not in (*KNOWN, *NOT_READ, *extras.columns)]
    found = keys[by].merge(record[by + new], on=by, how="left", validate="many_to_one")
    return pd.concat([extras, found[new]], axis=1)


def _campaign(shop: Shop, campaign_id: str) -> Campaign:
    if not shop.has("campaigns"):
        return Campaign(campaign_id)
    found = shop.tables["campaigns"].filter(_.campaign_id == campaign_id).limit(1).execute()
    return campaign_of(found.iloc[0].to_dict() if len(found) else {}, campaign_id, shop.decimals)


def _read_assigned(
    read: pa.Table, extras: pd.DataFrame, campaign_id: str, settings: MeasureSettings
) -> tuple[Assigned, Mapping[int, int]]:
    """Return the assignments as arrays, and how many seconds each wave's windows are moved."""
    names, arm = _arms(read["arm"], campaign_id, settings.control)
    wave = read["wave"].to_numpy().astype(np.int64)
    start = read["assigned_at"].to_numpy().astype("datetime64[us]")
    times = {name: read[name].to_numpy().astype("datetime64[us]") for name in TIMES if name in read.column_names}
    numbers, codes = np.unique(wave, return_inverse=True)
    shifts = dict.fromkeys(numbers.tolist(), 0)
    if settings.count_from == "contact" and "contacted_at" in times:
        shifts = _delays(wave, start, times["contacted_at"])
    moved = np.array(list(shifts.values()), dtype="timedelta64[s]")[codes]
    unknown = np.full(len(wave), np.nan)
    assigned = Assigned(
        read["customer"].to_numpy().astype(np.int64),
        wave,
        arm,
        names,
        read["probability"].to_numpy().astype(np.float64) if "probability" in read.column_names else unknown,
        start + moved,
        times.get("contacted_at"),
        times.get("redeemed_at"),
        extras,
    )
    return assigned, shifts


def _arms(column: pa.ChunkedArray, campaign_id: str, control: str) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Return the names of the arms, the control's first, and each row's arm as the place of its name."""
    coded = column.combine_chunks().dictionary_encode()
    found = coded.dictionary.to_pylist()
    if control not in found:
        raise InputError(
            f"campaign '{campaign_id}'",
            f"an arm '{control}': customers who were held out at random",
            f"the arms {quoted(sorted(found))}",
            "Without them nobody knows what would have happened anyway; name the control if it is called otherwise",
        )
    names = (control, *sorted(name for name in found if name != control))
    places = np.array([names.index(name) for name in found])
    return names, places[coded.indices.to_numpy()].astype(np.int64)


def _delays(wave: npt.NDArray[np.int64], start: npt.NDArray[Any], contacted: npt.NDArray[Any]) -> dict[int, int]:
    """Return each wave's shortest time from assignment to contact, whole seconds, 0 and up."""
    delay = (contacted - start) / np.timedelta64(1, "s")
    known = np.where(np.isnan(delay), np.inf, np.maximum(delay, 0))
    shortest = {int(w): known[wave == w].min() for w in np.unique(wave)}
    return {w: int(seconds) if np.isfinite(seconds) else 0 for w, seconds in shortest.items()}


def _shifted(rows: Any, shifts: Mapping[int, int]) -> Any:
    moved = {wave: seconds for wave, seconds in shifts.items() if seconds}
    if not moved:
        return rows.assigned_at
    cases = [(rows.wave == wave, rows.assigned_at + ibis.interval(seconds=s)) for wave, s in moved.items()]
    return ibis.cases(*cases, else_=rows.assigned_at)
