"""What has changed since the models in use were trained: signals, scores, stages, and what scores promised.

Everything here reads a shop and files of scores; thresholds say when it is no longer what was learned from.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Any

import numpy as np

from penchant.page import PageColumn
from penchant.spreadsheet import shop_day, shop_time

from ...features.shop import Shop
from ...models.evaluation.reference import Movement, movements, score_movement
from ...models.inputs.categories import UnknownValueWarning
from ...models.inputs.estimate import Estimate
from ..goals.catalogue import Goal
from ..insight.page import InsightPage, InsightTable
from ..insight.stages import stages_page
from ..score.champion import Champion
from ..score.left import LeftMatrix, matrix_for
from .promises import KINDS, Promise, PromiseGroup, ScoreFile, promise_of

MOST_SHOWN = 12
NOTABLE = 0.25  # PSI of a signal from which it is counted and named beside moved scores


@dataclass(frozen=True)
class Thresholds:
    """From where on a change is a failure (exit code 3).

    Parameters
    ----------
    score_stability
        Of the scores' population stability index. By custom, below 0.1 nothing happened, above 0.25 much.
    signal_stability
        Of the same of a signal that the model reads; by default none fails. Signals move with the season, the calendar
        of campaigns and the age of a shop (in a simulated one at rest, those of contacts by 2.5 within five months,
        while its scores moved by 0.05): they are named, and what moves scores shows there.
    unseen
        Share of a signal's values that are categories which training has not seen.
    missing
        By how much the share of missing values of a signal may differ from training's.
    promise
        By what share of it a promise may be missed, beyond its interval; twice as much in the highest tenth.
    """

    score_stability: float = 0.25
    signal_stability: float = inf
    unseen: float = 0.05
    missing: float = 0.2
    promise: float = 0.1


USUAL = Thresholds()


@dataclass(frozen=True, eq=False)
class InUse:
    """A model in use, what its rows looked like at training, and when its test looked; None where not known."""

    champion: Champion
    reference: Mapping[str, Any] | None
    tested_at: datetime | None = None


@dataclass(frozen=True)
class Drift:
    """How far one model's signals and scores moved, the furthest signal first."""

    name: str
    version: str
    n_customers: int
    score: Movement
    signals: tuple[Movement, ...]

    def faults(self, limits: Thresholds) -> Iterator[str]:
        """Yield what is past the thresholds, in words."""
        if self.score.is_beyond(limits.score_stability):
            beside = [one for one in self.signals if one.is_beyond(NOTABLE)]
            told = f", along with {_named(beside, _psi)}" if beside else ""
            yield f"{self.name}: the scores have drifted (PSI {self.score.stability:.2f}){told}"
        moved = [one for one in self.signals if one.is_beyond(limits.signal_stability)]
        if moved:
            yield f"{self.name}: {_named(moved, _psi)} moved"
        unseen = [one for one in self.signals if (one.unseen or 0.0) > limits.unseen]
        if unseen:
            yield f"{self.name}: {_named(unseen, lambda one: f'{one.unseen:.0%}')} contain unseen categories"
        lost = [one for one in self.signals if abs(one.missing - one.missing_before) > limits.missing]
        if lost:
            told = _named(lost, lambda one: f"{one.missing_before:.0%} -> {one.missing:.0%}")
            yield f"{self.name}: {told} are missing more or less often"


def _psi(one: Movement) -> str:
    return f"PSI {one.stability:.2f}"


def _named(found: Sequence[Movement], tell: Any) -> str:
    shown = ", ".join(f"'{one.name}' ({tell(one)})" for one in found[:5])
    return f"{shown} and {len(found) - 5} more" if len(found) > 5 else shown


@dataclass(frozen=True, eq=False)
class Monitored:
    """What has changed.

    Attributes
    ----------
    as_of, since
        Now, and the moment that the stages are compared with; None where no test is dated.
    thresholds
        In use.
    drifts, promises
        Of each model; of each file of scores whose horizon is over.
    stages
        Stage -> share then and now.
    open_promises
        Files of scores whose horizon is not over.
    timezone
        The shop's, in which people read times.
    left_out
        Name -> why nothing is told of it.
    """

    as_of: datetime
    since: datetime | None
    thresholds: Thresholds
    drifts: tuple[Drift, ...]
    stages: Mapping[str, tuple[float, float]]
    promises: tuple[Promise, ...]
    open_promises: tuple[ScoreFile, ...]
    timezone: str = "UTC"
    left_out: Mapping[str, str] = field(default_factory=dict)

    def day(self, at: datetime) -> str:
        """Return the date that the shop's calendar shows at an instant."""
        return shop_day(at, self.timezone)

    @property
    def faults(self) -> tuple[str, ...]:
        """What is past the thresholds, in words; empty: all is as it was."""
        limits = self.thresholds
        broken = [one for one in self.promises if one.is_broken(limits.promise)]
        told = [f"{one.scored.task} of {self.day(one.scored.as_of)} {one.words(limits.promise)}" for one in broken]
        return (*(fault for drift in self.drifts for fault in drift.faults(limits)), *told)

    @property
    def tasks_at_fault(self) -> tuple[str, ...]:
        """The models that something past the thresholds is about."""
        limits = self.thresholds
        moved = {drift.name for drift in self.drifts if any(drift.faults(limits))}
        return tuple(sorted(moved | {one.scored.task for one in self.promises if one.is_broken(limits.promise)}))

    def _in_short(self) -> str:
        if self.faults:
            return f"Past the thresholds: {'; '.join(self.faults)}."
        if not self.drifts and not self.promises:
            return "Nothing could be compared: no champion has a record of its training data, and no horizon is over."
        return "Nothing is past the thresholds."

    def page(self) -> InsightPage:
        """Return the report."""
        lead = f"At {shop_time(self.as_of, self.timezone)}. {self._in_short()}"
        tables: tuple[InsightTable, ...] = (_scores_table(self.drifts),) if self.drifts else ()
        tables += tuple(_signals_table(one) for one in self.drifts)
        tables += (_stages_table(self.stages),) if self.stages else ()
        tables += (_promises_table(self),) if self.promises else ()
        tables += tuple(_groups_table(one, self.day(one.scored.as_of)) for one in self.promises)
        facts = {
            "as_of": self.as_of.isoformat(),
            "since": self.since and self.since.isoformat(),
            "failed": bool(self.faults),
            "faults": list(self.faults),
            "tasks_at_fault": list(self.tasks_at_fault),
            "thresholds": self.thresholds.__dict__,
            "open_promises": [
                {"task": one.task, "as_of": one.as_of.isoformat(), "over_at": one.over_at.isoformat()}
                for one in self.open_promises
            ],
        }
        return InsightPage("monitor", "What has changed", lead, tables, facts, self.left_out, _notes(self))


def _notes(found: Monitored) -> tuple[str, ...]:
    waits = [f"{one.task} of {found.day(one.as_of)} until {found.day(one.over_at)}" for one in found.open_promises]
    told = (
        "PSI: population stability index against the rows of the model's test, which the model in use learned from "
        "too; 'by chance' is what it can be without any change (99.9 %).",
    )
    return (*told, f"Horizons that are not complete yet: {', '.join(waits)}.") if waits else told


def monitor(
    shop: Shop,
    in_use: Sequence[InUse],
    scored: Sequence[ScoreFile],
    as_of: datetime,
    thresholds: Thresholds = USUAL,
    own: Sequence[Goal] = (),
    left: LeftMatrix | None = None,
) -> Monitored:
    """Return what has changed since the models in use were trained.

    Parameters
    ----------
    shop
        The shop.
    in_use
        The models, each task's once.
    scored
        Earlier files of scores.
    as_of
        Now, UTC without a zone.
    thresholds
        From where on a change is a failure.
    own
        The user's own goals.
    left
        What a scoring of the same moment has left, whose customers and signals are the same; None: all is built here.
    """
    left_out = {
        one.champion.name: f"the model {one.champion.version} has no record of its training rows: train it again"
        for one in in_use
        if one.reference is None
    }
    known = [one for one in in_use if one.reference is not None]
    drifts = _drifts(shop, known, as_of, own, left, left_out)
    since = max((one.tested_at for one in in_use if one.tested_at is not None), default=None)
    over = [one for one in scored if one.over_at <= min(as_of, shop.extract_end)]
    return Monitored(
        as_of,
        since,
        thresholds,
        drifts,
        _stage_shares(shop, since, as_of) if since is not None else {},
        tuple(promise_of(shop, one) for one in over),
        tuple(one for one in scored if one not in over),
        shop.timezone,
        left_out,
    )


def _drifts(
    shop: Shop,
    known: Sequence[InUse],
    as_of: datetime,
    own: Sequence[Goal],
    left: LeftMatrix | None,
    left_out: dict[str, str],
) -> tuple[Drift, ...]:
    if not known:
        return ()
    champions = [one.champion for one in known]
    matrix = left if left is not None and all(map(left.serves, champions)) else matrix_for(shop, champions, as_of, own)
    found = []
    for one in known:
        mine = matrix.of(one.champion)
        if mine.empty:
            left_out[one.champion.name] = f"nobody is eligible at {shop_day(as_of, shop.timezone)}"
        else:
            found.append(_drift(one, mine))
    return tuple(found)


def _drift(one: InUse, rows: Any) -> Drift:
    champion, reference = one.champion, one.reference or {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownValueWarning)  # told below, with its share
        scored = champion.scored(rows, with_reasons=False)
    highest = np.max([scored[name].to_numpy() for name in champion.scores], axis=0)
    signals = tuple(movements(reference, rows[[column.name for column in champion.columns]]))
    moved = score_movement(reference, np.asarray(highest, np.float64))
    return Drift(champion.name, champion.version, len(rows), moved, signals)


def _stage_shares(shop: Shop, since: datetime, as_of: datetime) -> dict[str, tuple[float, float]]:
    then, now = (
        {row["stage"]: float(row["share"]) for row in stages_page(shop, at).tables[0].rows} for at in (since, as_of)
    )
    return {name: (then[name], now[name]) for name in then if name != "all"}


def _scores_table(drifts: Sequence[Drift]) -> InsightTable:
    columns = {
        "task": PageColumn("task"),
        "model": PageColumn("model"),
        "n_customers": PageColumn("customers", ",d"),
        "psi": PageColumn("PSI of the scores", ".3f"),
        "by_chance": PageColumn("by chance", ".3f"),
        "n_moved": PageColumn("signals with PSI above 0.25", ",d"),
    }
    rows = [
        {
            "task": one.name,
            "model": one.version,
            "n_customers": one.n_customers,
            "psi": one.score.stability,
            "by_chance": one.score.by_chance,
            "n_moved": sum(signal.is_beyond(NOTABLE) for signal in one.signals),
            "usual_before": one.score.usual_before,
            "usual": one.score.usual,
        }
        for one in drifts
    ]
    return InsightTable("scores", "How far scores have drifted since training", columns, rows)


def _signals_table(drift: Drift) -> InsightTable:
    columns = {
        "signal": PageColumn("signal"),
        "psi": PageColumn("PSI", ".3f"),
        "by_chance": PageColumn("by chance", ".3f"),
        "missing_before": PageColumn("missing then", ".1%"),
        "missing": PageColumn("missing now", ".1%"),
        "unseen": PageColumn("unseen categories", ".1%"),
    }
    rows = [
        {
            "signal": one.name,
            "psi": one.stability,
            "by_chance": one.by_chance,
            "missing_before": one.missing_before,
            "missing": one.missing,
            "unseen": one.unseen,
            "usual_before": one.usual_before,
            "usual": one.usual,
        }
        for one in drift.signals
    ]
    title = f"Signals of {drift.name}, largest drift first"
    return InsightTable(f"signals_{drift.name}", title, columns, rows, n_shown=MOST_SHOWN, drawn="psi")


def _stages_table(shares: Mapping[str, tuple[float, float]]) -> InsightTable:
    columns = {
        "stage": PageColumn("stage"),
        "then": PageColumn("share then", ".1%"),
        "now": PageColumn("share now", ".1%"),
        "change": PageColumn("change, points", "+.1f"),
    }
    rows = [
        {"stage": name, "then": then, "now": now, "change": 100 * (now - then)} for name, (then, now) in shares.items()
    ]
    return InsightTable("stages", "Stages when the models were tested, and now", columns, rows)


def _promises_table(found: Monitored) -> InsightTable:
    tolerance = found.thresholds.promise
    columns = {
        "task": PageColumn("task"),
        "scored": PageColumn("scored at"),
        "model": PageColumn("model"),
        "verdict": PageColumn("what came of it"),
    }
    rows = [
        {
            "task": one.scored.task,
            "scored": found.day(one.scored.as_of),
            "model": one.scored.model,
            "verdict": one.words(tolerance),
            "word": one.word(tolerance),
            "promised": one.whole.promised,
            "came": one.whole.came,
            "as_of": one.scored.as_of.isoformat(),
            "n_customers": one.whole.n,
            "kind": one.scored.kind,
            "is_broken": one.is_broken(tolerance),
        }
        for one in found.promises
    ]
    return InsightTable("promises", "What the scores predicted, and what happened", columns, rows)


def _groups_table(promise: Promise, day: str) -> InsightTable:
    is_share = promise.scored.kind == KINDS[0]
    form = ".1%" if is_share else ",.2f"
    columns = {
        "group": PageColumn("group"),
        "n": PageColumn("customers", ",d"),
        "promised": PageColumn("promised", form),
        "came": PageColumn("came", form),
    }
    told = [("decile", group) for group in promise.deciles] + [("band", group) for group in promise.bands]
    rows = [_group_row(kind, group) for kind, group in told]
    name = f"promise_{promise.scored.task}_{promise.scored.as_of:%Y%m%dT%H%M}"
    return InsightTable(name, f"{promise.scored.task}, scored at {day}", columns, rows, drawn="came")


def _group_row(kind: str, group: PromiseGroup) -> dict[str, float | int | str | Estimate]:
    named = f"{kind} {group.name}"
    return {"group": named, "n": group.n, "promised": group.promised, "came": group.came}
