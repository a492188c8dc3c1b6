"""Simulating a shop: files out, truth apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from penchant.errors import InputError
from penchant.output import replaced_folder
from penchant.simulate.behaviour import Life
from penchant.simulate.contacts import SimulatedAssignments, contact
from penchant.simulate.given import given_assignments
from penchant.simulate.history import history_of, lived
from penchant.simulate.programmes import cost_rows, programme_tables
from penchant.simulate.settings import SimulatedCampaign, SimulationSettings
from penchant.simulate.streams import Int
from penchant.simulate.tables import block_tables, shared_tables
from penchant.simulate.traits import n_appearing
from penchant.simulate.truth_tables import block_truth, effects_table, shared_truth
from penchant.simulate.world import World

TABLES = (
    *("orders", "interactions", "customers", "items", "campaigns", "assignments", "calendar"),
    *("feedback", "memberships", "points", "referrals", "costs"),
)
TRUTH = ("customers", "items", "arms", "effects")
ROW_GROUP = 250_000


@dataclass(frozen=True)
class SimulatedShop:
    """Where a simulated shop is.

    Parameters
    ----------
    folder
        Holds one Parquet file per table, and a manifest.
    tables
        Table -> its file.
    truth
        The same for what no shop can know: ``customers`` (traits), ``items`` (roles), ``arms`` (offers and costs of
        each treatment) and ``effects`` (per assignment and treatment).
    n_rows
        Table -> rows; the truth's under ``truth/NAME``.
    """

    folder: Path
    tables: Mapping[str, Path]
    truth: Mapping[str, Path]
    n_rows: Mapping[str, int]


def simulate(
    settings: SimulationSettings,
    out: Path,
    assignments: pd.DataFrame | None = None,
    campaigns: Sequence[SimulatedCampaign] = (),
    progress: Callable[[int, int], None] | None = None,
) -> SimulatedShop:
    """Simulate a shop and write its tables; the truth goes into the folder ``truth`` beside them.

    Parameters
    ----------
    settings
        The shop. The same settings give the same files.
    out
        The folder; replaced as a whole when everything is written.
    assignments
        Further assignments, in the form of the assignments table, such as an audience made from the shop's data.
        They change what their own customers do from then on, and nothing else.
    campaigns
        The campaigns of these assignments, which are not the shop's own: they say what each arm offers. Where a
        campaign has one treatment, the assignments may call it as they like; the tables call it as the campaign does.
    progress
        Called with the number of customers done and of all.

    Raises
    ------
    InputError
        If assignments do not fit the shop.
    OutputError
        If the folder cannot be written.

    References
    ----------
    The model follows Schmittlein, Morrison, Colombo (1987), Counting your customers, in that customers buy at rates
    of their own until they leave unseen; the four types are those of uplift modelling, Radcliffe and Surry (2011).
    """
    world = World.of(settings, campaigns)
    given = given_assignments(assignments, world)
    n_given = {"n_given_assignments": len(given)}
    with replaced_folder(Path(out), {"made_by": "penchant.simulate", "settings": asdict(settings), **n_given}) as new:
        n_rows = _write(new, world, given, progress)
    return SimulatedShop(
        folder=Path(out),
        tables={name: Path(out) / f"{name}.parquet" for name in TABLES},
        truth={name: Path(out) / "truth" / f"{name}.parquet" for name in TRUTH},
        n_rows=n_rows,
    )


def true_effects(
    settings: SimulationSettings,
    as_of: datetime,
    campaign: SimulatedCampaign,
    assignments: pd.DataFrame | None = None,
    campaigns: Sequence[SimulatedCampaign] = (),
) -> pd.DataFrame:
    """Return what contacting each customer at an instant would truly change.

    Parameters
    ----------
    settings
        The shop; as long as it ends at ``as_of`` or later, its end does not matter.
    as_of
        When the customers would be assigned; what they did until then has happened.
    campaign
        Says which treatments, and what success is.
    assignments, campaigns
        As given to `simulate` for the past.

    Returns
    -------
    One row per customer who has appeared and treatment, by customer: ``customer_id, campaign_id, arm, success, type``,
    ``probability_control``, ``probability_treated`` and their difference ``effect_probability`` (of success within
    30 days), the same of ``amount`` and ``margin``, ``contact_cost``, and ``effect_profit``, which is the effect on
    the margin less the cost.

    Raises
    ------
    InputError
        If ``as_of`` is not within the shop's days, or assignments do not fit the shop.
    """
    day = settings.day_of(as_of)
    if not 0 < day <= settings.n_days:
        raise InputError("as_of", f"between {settings.starts_at} and {settings.ends_at}", f"{as_of}")
    world = World.of(settings, campaigns)
    given = given_assignments(assignments, world)
    past = given.take(given.day < day)
    lives = (lived(numbers, world, past, day)[0] for numbers in _blocks(settings))
    parts = [_effects_at(day, life, campaign, world) for life in lives]
    return pa.concat_tables(parts).to_pandas()


def _effects_at(day: int, life: Life, campaign: SimulatedCampaign, world: World) -> pa.Table:
    arrived = slice(0, life.n_arrived(day - 1))
    who, state, n = life.who.take(arrived), life.state.take(arrived), life.n_arrived(day - 1)
    _, effects = contact(who, state, day, campaign, world)
    alone = replace(world, campaigns=(campaign,))  # it may be none of the shop's so far
    zero = np.zeros(n, np.int64)
    asked = SimulatedAssignments(np.arange(n), zero, zero, zero, np.zeros(n), zero, zero)
    table = effects_table(effects, asked.take(effects.row), who, alone)
    return table.take(pa.array(np.lexsort((effects.arm, effects.row))))


def _blocks(settings: SimulationSettings) -> Iterator[Int]:
    n = n_appearing(settings)
    for start in range(0, max(n, 1), settings.block_size):  # one at least, so that an empty shop has its tables
        yield np.arange(start, min(start + settings.block_size, n))


def _write(
    folder: Path, world: World, given: SimulatedAssignments, progress: Callable[[int, int], None] | None
) -> dict[str, int]:
    (folder / "truth").mkdir()
    n_rows: dict[str, int] = {}
    total = n_appearing(world.settings)
    with ExitStack() as stack:
        writers: dict[str, pq.ParquetWriter] = {}
        for tables in _all_tables(world, given):
            for name, table in tables.items():
                if name not in writers:
                    writers[name] = stack.enter_context(_writer(folder / f"{name}.parquet", table.schema))
                writers[name].write_table(table, row_group_size=ROW_GROUP)
                n_rows[name] = n_rows.get(name, 0) + table.num_rows
            if progress:
                progress(n_rows["truth/customers"], total)
    return n_rows


def _all_tables(world: World, given: SimulatedAssignments) -> Iterator[dict[str, pa.Table]]:
    """Yield the tables block by block; those that all customers share come with the first."""
    shared = {**shared_tables(world), "costs": cost_rows(world.settings), **_apart(shared_truth(world))}
    for numbers in _blocks(world.settings):
        history = history_of(numbers, world, given)
        own = {**block_tables(history, world), **programme_tables(history, world)}
        yield {**shared, **own, **_apart(block_truth(history, world))}
        shared = {}


def _apart(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    return {f"truth/{name}": table for name, table in tables.items()}


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression="zstd")
