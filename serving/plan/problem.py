"""The allocation of a plan, posed for `penchant.models.decisions.allocation` and read back.

A unit is a customer in a phase, and gets one option or none. Options of different phases that count against the same
limits share a column, because no unit sees both: the problem stays as narrow as its widest phase.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...models.decisions import allocation
from ...models.inputs.arrays import Floats
from ..goals.eligible import Mask
from .chosen import Allotment
from .file import Plan
from .limits import Shared, shared_limits
from .options import CampaignCrowd

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class PlanProblem:
    """Who could get what, at what worth and cost, within which limits.

    Attributes
    ----------
    crowds
        The campaigns' customers and options.
    rows, columns
        Of each crowd: the units of its customers, and the columns of its options.
    gain, cost
        (units, columns) expected profit and cost, of which the holdout has no part; NaN: may not be given.
    shared
        The limits.
    members
        The columns that count against each limit.
    """

    crowds: Sequence[CampaignCrowd]
    rows: Sequence[Places]
    columns: Sequence[Places]
    gain: Floats
    cost: Floats
    shared: Sequence[Shared]
    members: Sequence[tuple[str, ...]]

    def solve(self, barred: Sequence[Mask], budget: float | None) -> tuple[list[Allotment], Mapping[str, float]]:
        """Return what each crowd is given within a budget, and what one more unit of each limit would bring."""
        names = [str(place) for place in range(self.gain.shape[1])]
        gain = self.gain.copy()
        for rows, columns, mask in zip(self.rows, self.columns, barred, strict=True):
            gain[np.ix_(rows[mask], columns)] = np.nan
        pays = np.flatnonzero((gain > 0).any(axis=1))
        code = np.full(len(gain), -1)
        prices = dict.fromkeys([limit.words for limit in self.shared], 0.0)
        if len(pays):
            capacity = {m: limit.customers for m, limit in zip(self.members, self.shared, strict=True)}
            found = allocation.allocate(
                pd.DataFrame(gain[pays], columns=names),
                pd.DataFrame(self.cost[pays], columns=names),
                allocation.Limits(budget=budget, capacity=capacity),
            )
            code[pays] = found.codes.astype(np.intp) - 1
            for limit, group in zip(self.shared, self.members, strict=True):
                prices[limit.words] = found.prices[" + ".join(group)] * limit.per_unit
            prices |= {"budget": found.prices["budget"]} if budget is not None else {}
        chosen = [
            Allotment(crowd, _option(code[rows], columns))
            for crowd, rows, columns in zip(self.crowds, self.rows, self.columns, strict=True)
        ]
        return chosen, prices


def pose(
    crowds: Sequence[CampaignCrowd], plan: Plan, used: Mapping[str, float], *, surely: bool = False
) -> PlanProblem:
    """Return the problem of crowds; ``surely`` counts the held-out against all limits, as if they were treated."""
    shared = shared_limits(crowds, plan, used, surely=surely)
    columns, members = _columns(crowds, shared)
    index = pd.Index(np.unique(np.concatenate([_units(crowd) for crowd in crowds]))) if crowds else pd.Index([])
    rows = [np.asarray(index.get_indexer(pd.Index(_units(crowd))), np.intp) for crowd in crowds]
    gain = np.full((len(index), 1 + max((int(each.max()) for each in columns), default=-1)), np.nan)
    cost = np.zeros_like(gain)
    for crowd, where, which in zip(crowds, rows, columns, strict=True):
        treated = 1.0 - crowd.holdout
        gain[np.ix_(where, which)] = crowd.worth() * treated
        cost[np.ix_(where, which)] = np.nan_to_num(crowd.dearest() if surely else crowd.costs() * treated)
    return PlanProblem(crowds, rows, columns, gain, cost, shared, members)


def _columns(crowds: Sequence[CampaignCrowd], shared: Sequence[Shared]) -> tuple[list[Places], list[tuple[str, ...]]]:
    """Return the columns of each crowd's options, and the columns that count against each limit.

    An option's column is given by the limits it counts against, and by its number among those of its phase that count
    against the same.
    """
    places: dict[tuple[tuple[int, ...], int], int] = {}
    taken: Counter[tuple[str, tuple[int, ...]]] = Counter()
    columns = []
    for crowd in crowds:
        own = []
        for option in crowd.options:
            limits = tuple(number for number, limit in enumerate(shared) if option in limit.options)
            number = taken[crowd.phase, limits]
            taken[crowd.phase, limits] += 1
            own.append(places.setdefault((limits, number), len(places)))
        columns.append(np.array(own, np.intp))
    members = [
        tuple(str(place) for (limits, _), place in places.items() if number in limits) for number in range(len(shared))
    ]
    return columns, members


def _units(crowd: CampaignCrowd) -> npt.NDArray[np.object_]:
    return (crowd.phase + "|" + crowd.people["customer_id"]).to_numpy(object)


def _option(code: Places, columns: Places) -> Places:
    """Return the place among a crowd's columns, -1 for none of them."""
    hit = code[:, None] == columns
    return np.where(hit.any(axis=1), hit.argmax(axis=1), -1)
