"""Apply all champions to everyone eligible at a moment: signals once for all, then batch by batch in bounded memory.

What is finished stays in a work folder, so that a run that was killed goes on where it was.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from penchant.errors import LeftOutError, NoModelError, TooLittleDataError
from penchant.output import read_json, write_json
from penchant.progress import Done

from ...features.catalogue import groups_of, task_of
from ...features.engine.executors import has_executors
from ...features.goods.roles import products_of
from ...features.matrix import available, build
from ...features.shop import Shop
from ...features.signals.cycle import PastAt, everyone_prepared
from ...features.signals.group import joined_needs, unmet_needs
from ...features.spine import Spine
from ..candidates.conditions import conditions_of, criteria_for, with_criteria
from ..candidates.gather import assignments_before, with_roles_shown
from ..candidates.known import FACTS, known_and
from ..candidates.values import Known
from ..goals.catalogue import Goal, goal_named
from ..worth.histories import history_questions
from ..worth.next_category import next_categories
from ..worth.next_order import next_orders
from ..worth.stage_value import stage_values
from .champion import Champion
from .executors import score_on_executors
from .files import FEATURES, is_risk, part_path, write_scores, write_signals
from .read import (
    KNOWN_FILE,
    NEXT_CATEGORY,
    NEXT_CATEGORY_FILE,
    NEXT_ORDER,
    NEXT_ORDER_FILE,
    PAST_FILE,
    WORTH_FILE,
    write_known,
)
from .wanted import Wanted

BATCH = 50_000
ELIGIBLE = "eligible.parquet"
HISTORIES = "histories.parquet"
VALUE_BY_STAGE = "value_by_stage"
NEXT_CATEGORY_FACTS = "next_category.json"


@dataclass(frozen=True, eq=False)
class ScoringResult:
    """What a scoring wrote.

    Attributes
    ----------
    tasks
        Name of a champion -> what its file holds: model, rows, and more as `write_scores` tells it.
    left_out
        Name of a champion -> why there is no file of it.
    n_customers
        How many customers were scored by one champion or more.
    next_order
        What the file of next orders holds: model, customers, what earlier promises came to; None without it.
    next_category
        How the next category is known: customers, hits of the ranking and of simple rules; None without it.
    """

    tasks: Mapping[str, Mapping[str, Any]]
    left_out: Mapping[str, str]
    n_customers: int
    next_order: Mapping[str, Any] | None = None
    next_category: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the facts by name."""
        return {
            "n_customers": self.n_customers,
            "tasks": {name: dict(facts) for name, facts in self.tasks.items()},
            "left_out": dict(self.left_out),
            "next_order": None if self.next_order is None else dict(self.next_order),
            "next_category": None if self.next_category is None else dict(self.next_category),
        }


@threadpool_limits.wrap(limits=1, user_api="blas")  # small products lose more to threads than they gain
def score(
    shop: Shop,
    champions: Sequence[Champion],
    as_of: datetime,
    place: Path,
    work: Path,
    own: Sequence[Goal] = (),
    done: Done = lambda _rows, _all: None,
    *,
    with_reasons: bool = True,
) -> ScoringResult:
    """Write what champions say of everyone who is eligible, a Parquet file for each.

    Parameters
    ----------
    shop
        The shop.
    champions
        The models, each name once.
    as_of
        The moment, UTC without a zone.
    place
        Gets ``<name>.parquet`` of each champion, as `write_scores` describes it; ``next_order.parquet`` of all buyers,
        as `penchant.serving.worth.next_order.NextOrderForecast` does; ``next_category.parquet`` and
        ``value_by_stage.json``; and what audiences take beside the scores, so that they need not ask the shop again:
        ``signals.parquet``, ``known.parquet``, ``past.parquet``.
    work
        Where finished batches are kept until all is done: the same folder for the same inputs, and for no others.
    own
        The user's own goals: an uplift scores whoever is eligible for its goal.
    done
        Called after each batch.
    with_reasons
        Whether each score comes with its reasons; to find them takes several times as long as to score.

    Returns
    -------
    ScoringResult
        A champion whose task the shop cannot have, or for whom nobody is eligible, is left out, with the reason.

    Raises
    ------
    NoModelError, LeftOutError, TooLittleDataError
        If none of the champions can score.
    """
    fit, left_out = _fitting(shop, champions, own)
    people = _kept_people(shop, fit, as_of, own, work)
    for one in fit:
        if not people[one.name].any():
            left_out[one.name] = TooLittleDataError(
                f"task '{one.name}' at {as_of:%Y-%m-%d}", "customers who are eligible", "none", "Choose another --as-of"
            )
    fit = [one for one in fit if one.name not in left_out]
    if not fit:
        raise next(iter(left_out.values()))
    people = people[people[[one.name for one in fit]].any(axis=1)].reset_index(drop=True)
    wanted = Wanted(fit, {one.name for one in fit if is_risk(shop.config, one)}, with_reasons)
    if not has_executors(shop.backend):
        _keep_features(shop, people, as_of, work)
        _score_batches(wanted, people, work, done)
    elif not (work / FEATURES).is_file():
        score_on_executors(shop, wanted, people, as_of, (work, BATCH), done)
    write_signals(work / FEATURES, place)
    for name in (KNOWN_FILE, PAST_FILE, NEXT_CATEGORY_FILE):
        if (work / name).is_file():
            shutil.copyfile(work / name, place / name)
    next_order = _write_next_order(shop, as_of, work, place, left_out)
    _write_stage_values(shop, as_of, place, left_out)
    tasks = write_scores(shop.config, fit, as_of, work, place)
    told = {name: str(fault) for name, fault in left_out.items()}
    categories = read_json(work / NEXT_CATEGORY_FACTS)
    if "left_out" in categories:
        told[NEXT_CATEGORY], categories = categories["left_out"], {}
    return ScoringResult(tasks, told, len(people), next_order, categories or None)


def _write_next_order(
    shop: Shop, as_of: datetime, work: Path, place: Path, left_out: dict[str, Exception]
) -> dict[str, Any] | None:
    """Write when each buyer orders next, and return what the file holds; where that cannot be known, say why."""
    try:
        found = next_orders(shop, as_of, pq.read_table(work / HISTORIES).to_pandas())
    except (LeftOutError, TooLittleDataError) as fault:
        left_out[NEXT_ORDER] = fault
        return None
    frame = found.frame.assign(as_of=pd.Series(as_of, found.frame.index).astype("datetime64[us]"))
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), place / NEXT_ORDER_FILE)
    return dict(found.facts)


def _with_next_category(shop: Shop, as_of: datetime, past_at: PastAt, known: Known, work: Path) -> Known:
    """Return what is known with the category that each buyer buys next; how it is known is left in the work folder."""
    try:
        found = next_categories(shop, as_of, past_at)
    except (LeftOutError, TooLittleDataError) as fault:
        with _whole(work / NEXT_CATEGORY_FACTS) as staging:
            write_json(staging, {"left_out": str(fault)})
        return known
    with _whole(work / NEXT_CATEGORY_FILE) as staging:
        pq.write_table(pa.Table.from_pandas(found.frame, preserve_index=False), staging)
    with _whole(work / NEXT_CATEGORY_FACTS) as staging:
        write_json(staging, found.as_dict())
    first = found.frame[["customer_id", "next_category"]]
    return replace(known, frame=known.frame.merge(first, on="customer_id", how="left"))


def _write_stage_values(shop: Shop, as_of: datetime, place: Path, left_out: dict[str, Exception]) -> None:
    """Write what each stage brings in a year and what an order is worth in it; where it is not known, say why."""
    try:
        found = stage_values(shop, as_of)
    except (LeftOutError, TooLittleDataError) as fault:
        left_out[VALUE_BY_STAGE] = fault
        return
    write_json(place / WORTH_FILE, found.as_dict())


def _fitting(
    shop: Shop, champions: Sequence[Champion], own: Sequence[Goal]
) -> tuple[list[Champion], dict[str, Exception]]:
    """Return the champions that the shop can feed, and the fault of each other."""
    windows = tuple(sorted(set(shop.config.features.windows)))
    there = {signal.column.name for signal in available(shop, groups_of(shop), windows)[0]}
    fit, faults = list[Champion](), dict[str, Exception]()
    for one in champions:
        try:
            one.refuse_lacking(there)
            _refuse_lacking_tables(shop, one, own)
            fit.append(one)
        except (LookupError, ValueError) as fault:  # the shop, its modules or its tables lack what it needs
            faults[one.name] = fault
    if not champions:
        raise NoModelError("score", "one champion or more", "none", "Train a task first")
    if not fit:
        raise next(iter(faults.values()))
    return fit, faults


def _refuse_lacking_tables(shop: Shop, champion: Champion, own: Sequence[Goal]) -> None:
    if champion.goal is None:
        missing = unmet_needs(task_of(shop.config, champion.task).needs, shop.has)
    else:
        eligible = goal_named(champion.goal, own).eligible
        needs = {where.column: FACTS[where.column][1] for where in eligible.all_of if where.column in FACTS}
        missing = [need for of_column in needs.values() for need in unmet_needs(of_column, shop.has)]
    if missing:
        raise LeftOutError(f"task '{champion.name}'", f"a shop with {joined_needs(missing)}", "a shop without")


def everyone(
    shop: Shop, champions: Sequence[Champion], as_of: datetime, own: Sequence[Goal] = ()
) -> tuple[Known, pd.DataFrame, pd.DataFrame]:
    """Return what goals ask of all customers, for each champion whether a customer is eligible, and histories.

    Eligible for a task as it is defined; for an uplift as its goal is. Histories are what purchase models read. All of
    it is asked in one pass.
    """
    tasks = {one.name: task_of(shop.config, one.task) for one in champions if one.goal is None}
    goals = {one.name: goal_named(one.goal, own) for one in champions if one.goal is not None}
    asked: dict[str, Any] = {f"task_{place}": task.eligible for place, task in enumerate(tasks.values())}
    histories = {f"history_{name}": ask for name, ask in history_questions(shop).items()}
    known, answers = known_and(shop, as_of, asked | histories)
    criteria = criteria_for(shop, conditions_of(list(goals.values())), as_of)
    known = replace(known, frame=with_criteria(known.frame, shop, as_of, criteria))
    flags = {
        name: answers[f"task_{place}"].astype("boolean").fillna(False).to_numpy(bool)
        for place, name in enumerate(tasks)
    }
    flags |= {name: goal.eligible.holds(known.frame, f"goal '{goal.name}'") for name, goal in goals.items()}
    ids = known.frame["customer_id"]
    past = answers[list(histories)].rename(columns=lambda name: name.removeprefix("history_"))
    return known, pd.DataFrame({"customer_id": ids, **flags}), past.assign(customer_id=ids)


def who_is_eligible(
    shop: Shop, champions: Sequence[Champion], as_of: datetime, own: Sequence[Goal] = ()
) -> pd.DataFrame:
    """Return customer_id, sorted, and for each champion whether the customer is eligible, under its name."""
    return everyone(shop, champions, as_of, own)[1]


def _kept_people(
    shop: Shop, champions: Sequence[Champion], as_of: datetime, own: Sequence[Goal], work: Path
) -> pd.DataFrame:
    """Return who is eligible as an earlier run has left it, else ask, and leave it with what audiences take beside."""
    if not (work / ELIGIBLE).is_file():
        known, people, histories = everyone(shop, champions, as_of, own)
        with everyone_prepared(shop) as past_at:
            known = _with_next_category(shop, as_of, past_at, known, work)
            known = with_roles_shown(known, lambda: products_of(past_at(as_of), "category"))
        with _whole(work / HISTORIES) as staging:
            pq.write_table(pa.Table.from_pandas(histories, preserve_index=False), staging)
        with _whole(work / KNOWN_FILE) as staging:
            write_known(known, staging)
        if (past := assignments_before(shop, as_of)) is not None:
            with _whole(work / PAST_FILE) as staging:
                pq.write_table(pa.Table.from_pandas(past, preserve_index=False), staging)
        with _whole(work / ELIGIBLE) as staging:
            pq.write_table(pa.Table.from_pandas(people, preserve_index=False), staging)
    return pq.read_table(work / ELIGIBLE).to_pandas()


def _keep_features(shop: Shop, people: pd.DataFrame, as_of: datetime, work: Path) -> None:
    """Have the signals of everyone in the work folder, a row group for each batch."""
    if (work / FEATURES).is_file():
        return
    spine = Spine.of(shop, people[["customer_id"]].assign(as_of=pd.Timestamp(as_of)))
    matrix = build(shop, spine)
    with _whole(work / FEATURES) as staging, pq.ParquetWriter(staging, matrix.schema) as writer:
        for batch in matrix.batches(BATCH):
            writer.write_batch(batch)


def _score_batches(wanted: Wanted, people: pd.DataFrame, work: Path, done: Done) -> None:
    """Score the batches that no earlier run has left, each champion's into a file of its own."""
    champions = wanted.champions
    eligible = {one.name: people[one.name].to_numpy(bool) for one in champions}
    n_done = 0
    texts = [field.name for field in pq.read_schema(work / FEATURES) if field.type == pa.string()]
    with pq.ParquetFile(work / FEATURES, read_dictionary=[name for name in texts if name != "customer_id"]) as features:
        for number in range(features.num_row_groups):
            n_rows = features.metadata.row_group(number).num_rows
            mine = {one: eligible[one.name][n_done : n_done + n_rows] for one in champions}
            paths = {one: part_path(work, one.name, number) for one in champions if mine[one].any()}
            missing = {one: path for one, path in paths.items() if not path.is_file()}
            frame = features.read_row_group(number).to_pandas() if missing else pd.DataFrame()
            for one, path in missing.items():
                with _whole(path) as staging:
                    pq.write_table(wanted.of(one, frame[mine[one]]), staging)
            n_done += n_rows
            done(n_done, len(people))


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a path to write to, which becomes ``path`` when all is written."""
    staging = path.with_name(f".{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    yield staging
    staging.replace(path)


@contextmanager
def work_folder(folder: Path, key: str) -> Iterator[Path]:
    """Give the folder beside a result in which finished batches of the same inputs are kept; removed on success.

    Parameters
    ----------
    folder
        Of the result.
    key
        Stands for all inputs: what was left under another key is removed.
    """
    place = folder.with_name(f".{folder.name}.work")
    mine = place / key
    if not mine.is_dir():
        shutil.rmtree(place, ignore_errors=True)
    mine.mkdir(parents=True, exist_ok=True)
    yield mine
    shutil.rmtree(place, ignore_errors=True)
