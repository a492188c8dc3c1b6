"""What is wanted of each batch of customers, wherever it is scored: on this machine or on executors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from .champion import Champion
from .files import with_facts


@dataclass(frozen=True, eq=False)
class Wanted:
    """Scores of which champions, which of them make lists for people, and whether reasons.

    Parameters
    ----------
    champions
        The models, each name once.
    risky
        Names of those whose files are lists for people: they tell facts of each customer too.
    with_reasons
        Whether each score comes with its reasons.
    """

    champions: Sequence[Champion]
    risky: Collection[str]
    with_reasons: bool

    def of(self, one: Champion, rows: pd.DataFrame) -> pa.Table:
        """Return what one champion says of some rows."""
        scored = one.scored(rows, with_reasons=self.with_reasons)
        return with_facts(scored, rows) if one.name in self.risky else scored
