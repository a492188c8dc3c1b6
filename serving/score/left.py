"""Edge: the matrix that a scoring was made of, left for what looks at the same customers at the same moment.

Signals take longer than all that is done with them: a night that scores and then watches the scores builds them once.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from penchant.output import read_json, write_json

from ...features.matrix import build
from ...features.shop import Shop
from ...features.spine import Spine
from ..goals.catalogue import Goal
from .champion import Champion
from .files import FEATURES
from .run import ELIGIBLE, who_is_eligible

FACTS = "left.json"


@dataclass(frozen=True, eq=False)
class LeftMatrix:
    """Who was eligible for which champion, and the signals of whoever was for one.

    Parameters
    ----------
    people
        customer_id, and for each champion whether a customer is eligible, under its name.
    signals
        customer_id, as_of and the signals of those who are eligible for one champion or more.
    versions
        Name of a champion -> its version.
    """

    people: pd.DataFrame
    signals: pd.DataFrame
    versions: Mapping[str, str]

    def serves(self, champion: Champion) -> bool:
        """Say whether a champion was among those that scored."""
        names = {column.name for column in champion.columns}
        return self.versions.get(champion.name) == champion.version and names <= set(self.signals)

    def of(self, champion: Champion) -> pd.DataFrame:
        """Return the rows of the customers who are eligible for a champion, by customer_id."""
        mine = self.people.loc[self.people[champion.name].to_numpy(bool), "customer_id"]
        return self.signals[self.signals["customer_id"].isin(mine)]


def matrix_for(shop: Shop, champions: Sequence[Champion], as_of: datetime, own: Sequence[Goal] = ()) -> LeftMatrix:
    """Return the same where nothing was left: it is asked and built.

    Parameters
    ----------
    shop, champions, as_of
        The shop, the models, each name once, and the moment, UTC without a zone.
    own
        The user's own goals.
    """
    versions = {one.name: one.version for one in champions}
    people = who_is_eligible(shop, champions, as_of, own)
    chosen = people.loc[people[list(versions)].any(axis=1), ["customer_id"]]
    if chosen.empty:
        return LeftMatrix(people, pd.DataFrame({"customer_id": []}), versions)
    spine = Spine.of(shop, chosen.assign(as_of=np.datetime64(as_of, "us")))
    return LeftMatrix(people, build(shop, spine).frame, versions)


def leave_matrix(work: Path, facts: Mapping[str, Any], folder: Path) -> None:
    """Move the matrix of a scoring from its work folder into another one.

    Parameters
    ----------
    work
        As `penchant.serving.score.run.score` leaves it.
    facts
        What the scores depend on, as `penchant.serving.score.facts.facts_of` says it.
    folder
        Where to.
    """
    for name in (FEATURES, ELIGIBLE):
        shutil.move(work / name, folder / name)
    write_json(folder / FACTS, dict(facts))


def left_matrix(folder: Path | None, facts: Mapping[str, Any]) -> LeftMatrix | None:
    """Return the matrix that was left in a folder; None where there is none of the same data, moment and settings.

    Parameters
    ----------
    folder
        As `leave_matrix` left it; None: nothing was left.
    facts
        What scores depend on now; of the models none need be named.
    """
    if folder is None or not (folder / FACTS).is_file():
        return None
    told = read_json(folder / FACTS)
    if any(told.get(name) != value for name, value in facts.items() if name != "models"):
        return None
    versions = {name: model["model"] for name, model in told["models"].items()}
    people, signals = (pq.read_table(folder / name).to_pandas() for name in (ELIGIBLE, FEATURES))
    return LeftMatrix(people, signals, versions)
