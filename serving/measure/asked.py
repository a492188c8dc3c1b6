"""What each customer was at the assignment, by crowds, tags and signals: the groups that results are parted by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from ibis import _

from penchant.errors import InputError

from ...features.criteria import criteria_named
from ...features.criterion import Criterion
from ...features.engine.temporary import Keep
from ...features.history.evaluate import evaluated
from ...features.shop import Shop
from ...features.spine import Spine
from ..goals.condition_text import read_condition
from ..goals.eligible import Where

OPTION = "--by"


def groups_at_assignment(shop: Shop, rows: Any, texts: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Return for each text the group of each row, as known before its assignment, in the order of units.

    Parameters
    ----------
    shop
        The shop.
    rows
        Ibis table with unit, customer_id and assigned_at.
    texts
        A tag or an attribute (``tier``) parts customers by its values; a crowd (``interest``), and what is compared
        (``n_orders_90d>=2``, ``tier=high``), in ``yes`` and ``no``.

    Raises
    ------
    InputError
        If one is not the name of a crowd, tag or signal, or a number without a bound.
    LeftOutError
        If the shop has not what one needs.
    """
    if not texts:
        return {}
    asked = {text: read_condition(text, OPTION) for text in texts}
    latest = rows.aggregate(at=_.assigned_at.max()).execute()["at"].iloc[0].to_pydatetime()
    criteria = criteria_named(shop, [where.column for where in asked.values()], latest)
    for where in asked.values():
        _refuse_bare_numbers(where, criteria[where.column])
    found = _answers(shop, rows, criteria)
    return {text: _groups(found[[where.column]], where, criteria[where.column]) for text, where in asked.items()}


def _refuse_bare_numbers(where: Where, criterion: Criterion) -> None:
    if criterion.kind == "number" and where.at_least is None and where.at_most is None:
        name = where.column
        raise InputError(f"option {OPTION} {name}", f"a bound of the number, as in {name}>=1", "the name alone")
    for value in where.is_in:
        criterion.check(value)


def _answers(shop: Shop, rows: Any, criteria: Mapping[str, Criterion]) -> pd.DataFrame:
    """Return the criteria's values of each row, in the order of units."""
    spine = Spine(rows.select("customer_id", as_of="assigned_at").distinct(), instants=None)
    windows = tuple(sorted(set(shop.config.features.windows)))
    names = {f"criterion_{place}": name for place, name in enumerate(criteria)}
    with Keep(shop.backend) as keep:
        asked = {ours: criteria[name].ask for ours, name in names.items()}
        found = evaluated(shop, spine, asked, keep, windows)[0].select("customer_id", *names, assigned_at="as_of")
        own = rows.select("unit", "customer_id", "assigned_at").inner_join(found, ["customer_id", "assigned_at"])
        return own.order_by("unit").select(*names).to_pandas().rename(columns=names)


def _groups(values: pd.DataFrame, where: Where, criterion: Criterion) -> npt.NDArray[Any]:
    if criterion.kind == "text" and not where.is_in:
        return values[where.column].to_numpy()
    return np.where(where.holds(values), "yes", "no").astype(object)
