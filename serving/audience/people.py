"""Everything that audiences and plans are drawn from: the customers, their scores, and earlier assignments.

Where the scores of the moment are ready, all of it is read from their folder: the shop is opened by whoever needs it
first, if anybody does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from penchant.errors import quoted
from penchant.progress import Reporter

from ...features.workspace import Workspace
from ...models.store.address import Store
from ..candidates.gather import assignments_before, candidates_for, goals_that_need_rates
from ..candidates.values import Candidates, Known
from ..goals.catalogue import GOALS, Goal
from ..goals.eligible import Where
from ..score.ready import ReadyScores, ShopOpener, scores_for
from .past import audience_folders, joined_assignments

if TYPE_CHECKING:
    from ...features.criterion import Criterion
    from ...features.shop import Shop


@dataclass(frozen=True)
class PeopleSources:
    """Where scores, margins and earlier assignments come from.

    Parameters
    ----------
    store
        The folder of MLflow.
    scores
        A folder of scores to be taken as they are; None: those of the moment, or made now.
    past
        Folders of audiences that were drawn elsewhere.
    margin_share
        Margin as a share of sales; None: as the items' costs say.
    conditions
        Further conditions on customers, beside those of the goals.
    """

    store: Store | Path
    scores: Path | None = None
    past: Sequence[Path] = ()
    margin_share: float | None = None
    conditions: Sequence[Where] = ()


@dataclass(frozen=True, eq=False)
class People:
    """The customers of a moment with what goals ask of them.

    Attributes
    ----------
    candidates
        The customers, their scores, and what was left out.
    ready
        The scores that were used.
    earlier
        Earlier assignments; None where nothing is known.
    facts
        What the result depends on, for its manifest.
    """

    candidates: Candidates
    ready: ReadyScores
    earlier: pd.DataFrame | None
    facts: dict[str, Any]


@contextmanager
def opened_when_needed(shop: Callable[[], AbstractContextManager[Shop]]) -> Iterator[ShopOpener]:
    """Give a function that opens the shop at its first call; it is closed afterwards."""
    with ExitStack() as stack:
        yield cache(lambda: stack.enter_context(shop()))


def people_at(
    workspace: Workspace,
    open_shop: ShopOpener,
    as_of: datetime,
    goals: Sequence[Goal],
    sources: PeopleSources,
    reporter: Reporter,
    without: Path | None = None,
) -> People:
    """Return the customers at a moment with their scores and earlier assignments.

    Parameters
    ----------
    workspace, open_shop, as_of
        The shop, what opens it, and the moment.
    goals
        What the customers are to be ranked for.
    sources
        Where scores and earlier assignments come from.
    reporter
        Who is told of steps.
    without
        The folder that is being written: no past of itself.
    """
    criteria = _criteria(open_shop, as_of, goals, sources.conditions)  # an unknown name is refused before any work
    ready = scores_for(workspace, open_shop, as_of, goals, sources.store, sources.scores, reporter)
    candidates = _candidates(open_shop, as_of, goals, ready, sources.margin_share, reporter)
    if criteria:
        from ..candidates.conditions import with_criteria  # as below

        with reporter.step(f"asking for {quoted(criteria)}"):
            frame = with_criteria(candidates.frame, open_shop(), as_of, criteria)
            candidates = replace(candidates, frame=frame)
    folders = audience_folders(workspace, sources.past, without)

    def of_shop() -> pd.DataFrame | None:
        return assignments_before(open_shop(), as_of) if ready.known is None else ready.known[1]

    earlier, records = joined_assignments(of_shop, as_of, folders, reporter)
    return People(candidates, ready, earlier, {**ready.facts, "past": records})


def _criteria(
    open_shop: ShopOpener, as_of: datetime, goals: Sequence[Goal], more: Sequence[Where]
) -> dict[str, Criterion]:
    """Return what conditions ask of the shop beyond what is known of everybody; of our own goals there is nothing."""
    if not more and all(GOALS.get(goal.name) == goal for goal in goals):
        return {}
    from ..candidates.conditions import conditions_of, criteria_for  # Ibis: ready scores do without

    return criteria_for(open_shop(), conditions_of(goals, more), as_of)


def _candidates(
    open_shop: ShopOpener,
    as_of: datetime,
    goals: Sequence[Goal],
    ready: ReadyScores,
    margin_share: float | None,
    reporter: Reporter,
) -> Candidates:
    """Return the customers with what goals ask of them, from beside the scores where it is there."""
    known = None if ready.known is None else _with_rates(open_shop, as_of, goals, ready)
    if known is None:
        from ..candidates.from_shop import candidates_at  # Ibis: ready scores do without

        ask = partial(candidates_at, open_shop(), as_of)
    else:
        ask = partial(candidates_for, known)
    with reporter.step(f"gathering what is known of the customers at {as_of:%Y-%m-%d %H:%M} UTC"):
        return ask(goals, ready.scores, ready.signals, margin_share, ready.order_worth)


def _with_rates(open_shop: ShopOpener, as_of: datetime, goals: Sequence[Goal], ready: ReadyScores) -> Known | None:
    """Return what was known, with the shop's own rates where a goal needs them."""
    known, needy = ready.known[0] if ready.known else None, goals_that_need_rates(goals, ready.scores)
    if known is None or not needy:
        return known
    from ..candidates.rates import goal_rates  # Ibis: ready scores of most goals do without

    return replace(known, rates=goal_rates(open_shop(), as_of, needy))
