"""Conditions on customers: every crowd, tag and signal by its name, refused before any work where there is none.

What goals ask of everybody (`known.FACTS`), attributes of customers and scores are there already; anything else is
asked of the past, once, for all campaigns together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import pandas as pd

from penchant.errors import InputError, LeftOutError

from ...features.criteria import criterion_named
from ...features.criterion import Criterion
from ...features.engine.temporary import Keep
from ...features.history.evaluate import evaluated
from ...features.shop import Shop
from ...features.spine import Spine
from ..goals.catalogue import Goal
from ..goals.eligible import OF_ONE_GOAL, Where
from ..worth.columns import NEXT_ORDER_COLUMNS
from .known import FACTS
from .values import SIGNALS

ALSO_KNOWN = ("customer_id", "category_role", "freight_sensitivity", "next_category", *SIGNALS, *NEXT_ORDER_COLUMNS)


def conditions_of(goals: Sequence[Goal], more: Iterable[Where] = ()) -> list[Where]:
    """Return the conditions of goals and further ones."""
    return [*(where for goal in goals for where in (*goal.eligible.all_of, *goal.eligible.any_of)), *more]


def criteria_for(shop: Shop, conditions: Sequence[Where], as_of: datetime) -> dict[str, Criterion]:
    """Return what must be asked of the shop for conditions, by name; what is known anyway is not among it.

    Parameters
    ----------
    shop
        The shop.
    conditions
        Of goals, campaigns and options.
    as_of
        The moment, UTC without a zone.

    Returns
    -------
    dict
        Without what the shop lacks: whoever needs it says so.

    Raises
    ------
    InputError
        If a name is not that of a crowd, tag, signal, fact or attribute, or a value can never be met.
    """
    found: dict[str, Criterion] = {}
    for where in conditions:
        if where.column in found or not is_known(shop, where.column):
            criterion = found.get(where.column) or _criterion(shop, where.column, as_of)
            if criterion is not None:
                _refuse_unfit(where, criterion)
                found[where.column] = criterion
    return found


def is_known(shop: Shop, name: str) -> bool:
    """Say whether candidates have a column of this name anyway, or say by themselves why the shop does not."""
    attributes = shop.tables["customers"].columns if shop.has("customers") else ()
    return name in FACTS or name in ALSO_KNOWN or name in attributes or OF_ONE_GOAL.fullmatch(name) is not None


def with_criteria(people: pd.DataFrame, shop: Shop, as_of: datetime, criteria: Mapping[str, Criterion]) -> pd.DataFrame:
    """Return candidates with a column for each criterion that they do not have yet."""
    missing = {name: criterion for name, criterion in criteria.items() if name not in people}
    if not missing:
        return people
    asked = {f"criterion_{place}": criterion.ask for place, criterion in enumerate(missing.values())}
    with Keep(shop.backend) as keep:
        windows = tuple(sorted(set(shop.config.features.windows)))
        answers = evaluated(shop, Spine.at(shop, as_of), asked, keep, windows)[0].drop("as_of").to_pyarrow().to_pandas()
    named = answers.rename(columns=dict(zip(asked, missing, strict=True)))
    return people.merge(named, on="customer_id", how="left")


def _criterion(shop: Shop, name: str, as_of: datetime) -> Criterion | None:
    """Return what a name stands for; None where the shop lacks what it takes."""
    try:
        return criterion_named(shop, name, as_of)
    except LeftOutError:
        return None


def _refuse_unfit(where: Where, criterion: Criterion) -> None:
    has_bound = where.at_least is not None or where.at_most is not None
    if criterion.kind == "text" and not where.is_in:
        got = "a bound of a number" if has_bound else "the name alone"
        raise InputError(f"condition on '{where.column}'", f"values, as in {where.column}=VALUE", got)
    if criterion.kind == "number" and not has_bound:
        got = "values" if where.is_in else "the name alone"
        raise InputError(f"condition on '{where.column}'", f"a bound, as in {where.column}>=1", got)
    if criterion.kind == "flag" and where.is_in:
        raise InputError(f"condition on '{where.column}'", "the name alone, because it holds or not", "values")
    for value in where.is_in:
        criterion.check(value)
