"""Who may enter: conditions on what is known of a customer, as values that can be read and shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.errors import InputError, LeftOutError, quoted

Mask = npt.NDArray[np.bool_]

TRUE_WORDS = ("true", "t", "yes", "y", "1")  # attributes that no contract knows may come as text


MAP = {
    "is_registered": "Map 'customers.registered_at', or interactions of kind 'register'",
    "unpaid_days": "Map 'orders.paid_at', so that open orders are known",
}  # column of the candidates -> what the shop's mapping lacks


@dataclass(frozen=True)
class Where:
    """A condition on one column; a customer of whom the value is not known does not meet it.

    Parameters
    ----------
    column
        A column of the candidates. Without any bound it is a flag, and must be true.
    is_in
        The values that are meant.
    at_least, at_most
        Bounds of a number, both inclusive.
    unless
        Whether it turns round: whoever meets the rest does not meet it, and of whom the value is not known does.

    Examples
    --------
    >>> people = pd.DataFrame({"stage": ["lead", "new"], "n_orders": [0, 1]})
    >>> Where("stage", is_in=("lead",)).holds(people).tolist()
    [True, False]
    >>> Where("n_orders", at_least=1).words
    'n_orders at least 1'
    """

    column: str
    is_in: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None
    unless: bool = False

    def holds(self, people: pd.DataFrame) -> Mask:
        """Return who meets it, shape (n,)."""
        return ~self._is_met(people) if self.unless else self._is_met(people)

    def _is_met(self, people: pd.DataFrame) -> Mask:
        values = people[self.column]
        if self.is_in:
            return values.isin(self.is_in).to_numpy(bool)
        if self.at_least is None and self.at_most is None:
            return is_true(values)
        numbers = pd.to_numeric(values).to_numpy(np.float64, na_value=np.nan)
        low = -np.inf if self.at_least is None else self.at_least
        high = np.inf if self.at_most is None else self.at_most
        return (numbers >= low) & (numbers <= high)

    @property
    def words(self) -> str:
        """The condition as a phrase."""
        if self.unless:
            return f"not {replace(self, unless=False).words}"
        if self.is_in:
            return f"{self.column} {' or '.join(self.is_in)}"
        bounds = []
        if self.at_least is not None and self.at_least == self.at_most:
            bounds.append(f" {self.at_least:g}")
        else:
            bounds += [f" at least {self.at_least:g}"] if self.at_least is not None else []
            bounds += [f" at most {self.at_most:g}"] if self.at_most is not None else []
        return self.column + " and".join(bounds)


@dataclass(frozen=True)
class Eligible:
    """Who may enter: all of some conditions, and any of others.

    Parameters
    ----------
    any_of
        At least one of these must be met; those on columns that the shop lacks are left out, unless it lacks all.
    all_of
        All of these must be met.
    """

    any_of: tuple[Where, ...] = ()
    all_of: tuple[Where, ...] = ()

    def missing(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Return the columns that are asked for and not there."""
        known = set(columns)
        wanted = [where.column for where in (*self.all_of, *self.any_of)]
        return tuple(dict.fromkeys(name for name in wanted if name not in known))

    def holds(self, people: pd.DataFrame, whose: str) -> Mask:
        """Return who may enter, shape (n,).

        Raises
        ------
        LeftOutError
            If a column of ``all_of`` is not there, or none of those of ``any_of``.
        """
        mask = np.ones(len(people), bool)
        for where in self.all_of:
            mask &= _required(people, where.column, whose) and where.holds(people)
        there = [where for where in self.any_of if where.column in people]
        if self.any_of and not there:
            names = quoted(dict.fromkeys(where.column for where in self.any_of))
            raise LeftOutError(whose, f"one of {names} is needed to say who is eligible", "none of them")
        if there:
            mask &= np.logical_or.reduce([where.holds(people) for where in there])
        return mask

    def words(self, people: pd.DataFrame) -> npt.NDArray[np.object_]:
        """Return in words which condition let each customer in: the first of ``any_of`` that is met."""
        text = np.full(len(people), " and ".join(where.words for where in self.all_of), dtype=object)
        for where in reversed([where for where in self.any_of if where.column in people]):
            text[where.holds(people)] = where.words
        return text


def meets(people: pd.DataFrame, conditions: Iterable[Where], whose: str) -> Mask:
    """Return who meets all conditions, shape (n,).

    Raises
    ------
    LeftOutError
        If the shop lacks what one of them asks for.
    """
    met = np.ones(len(people), bool)
    for where in conditions:
        if where.column not in people:
            raise LeftOutError(whose, f"'{where.column}' is needed", "a shop that does not have it")
        met &= where.holds(people)
    return met


def is_true(values: pd.Series) -> Mask:
    """Return where a flag is known to be true.

    Examples
    --------
    >>> is_true(pd.Series([True, False, None])).tolist(), is_true(pd.Series(["yes", "False", None])).tolist()
    ([True, False, False], [True, False, False])
    """
    if isinstance(values.dtype, pd.StringDtype):
        return values.str.lower().isin(TRUE_WORDS).to_numpy(bool)
    return values.astype("boolean").fillna(False).to_numpy(bool)


OF_ONE_GOAL = re.compile(
    r"margin(_low|_high)?|propensity|uplift(_.+)?|reason_\d"
)  # what may have a goal's name before it


def of_goal(people: pd.DataFrame, goal: str) -> pd.DataFrame:
    """Return the candidates with the scores of one goal under their plain names, and no other goal's.

    Examples
    --------
    >>> both = pd.DataFrame({"customer_id": ["a"], "retain:propensity": [0.2], "seed:propensity": [0.1]})
    >>> of_goal(both, "retain").columns.tolist()
    ['customer_id', 'propensity']
    """
    names = [str(name) for name in people]
    of_goals = [name for name in names if OF_ONE_GOAL.fullmatch(name.partition(":")[2])]
    mine = {name: name.removeprefix(f"{goal}:") for name in of_goals if name.startswith(f"{goal}:")}
    shared = [name for name in names if name not in of_goals and name not in mine.values()]
    return people[[*shared, *mine]].rename(columns=mine)


def _required(people: pd.DataFrame, column: str, whose: str) -> bool:
    if column not in people:
        advice = MAP.get(column, "")
        raise LeftOutError(whose, f"'{column}' is needed to say who is eligible", "nothing of that name", advice)
    return True


def read_people(people: pd.DataFrame) -> pd.DataFrame:
    """Return the customers sorted by id, so that the order they came in changes nothing.

    Raises
    ------
    InputError
        If there is no customer_id, one is missing, or one stands twice.
    """
    if "customer_id" not in people:
        raise InputError("candidates", "a column 'customer_id'", quoted(people.columns))
    ids = people["customer_id"]
    twice = ids[ids.duplicated()].unique()
    if ids.isna().any() or len(twice):
        got = f"{quoted(twice)} more than once" if len(twice) else f"{int(ids.isna().sum()):,} missing"
        raise InputError("candidates, customer_id", "one row per customer", got)
    people = people.assign(customer_id=ids.astype("str")).reset_index(drop=True)
    in_order = people["customer_id"].is_monotonic_increasing
    return people if in_order else people.sort_values("customer_id", ignore_index=True)
