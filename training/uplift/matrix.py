"""Edge: a bare matrix of a trial, one row for each customer, from a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from penchant.errors import InputError, did_you_mean, quoted
from penchant.table_file import read_table

from ...features.intake.ids import plain_ids
from ...models.inputs.arrays import read_numbers
from ...models.uplift.arms import read_arms
from ..dataset import CONTROL, UpliftRows
from .train import signals_of

TREATMENT, OUTCOME, P_TREATMENT, CUSTOMER = "treatment", "outcome", "p_treatment", "customer"
FEWEST_ROWS = 100  # below it, different values in every row say nothing
MOST_GAPS = 10  # whole numbers that leave out more than this many times the rows are measured, not given out
MOST_AGAIN = 0.1  # share of the rows that repeat others, up to which they are taken for the same records
NOT_CONTACTED = {"control", "ctrl", "holdout", "none", "nothing", "placebo", "untreated", "kontrolle", "nobody"}
ROLES = (TREATMENT, OUTCOME, P_TREATMENT, CUSTOMER)


@dataclass(frozen=True)
class Roles:
    """What the columns of a matrix stand for.

    Parameters
    ----------
    names
        Role (treatment, outcome, p_treatment, customer) -> the file's own name of the column; the role's where absent.
    control
        Which value of the treatment is the control; None: the one whose name says so, else 0 or False.
    left_out
        Columns that are neither features nor anything else, such as other outcomes.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    control: str | None = None
    left_out: tuple[str, ...] = ()

    def apply(self, frame: pd.DataFrame, where: str) -> pd.DataFrame:
        """Return the frame with columns named by their roles, and without those left out."""
        columns = list(frame.columns)
        asked = (*self.names.values(), *self.left_out)
        absent = [name for name in asked if name not in columns]
        if absent:
            hint = did_you_mean(absent[0], columns)
            raise InputError(where, "the columns that were asked for", f"no {quoted(absent)}", hint)
        twice = {name for name in asked if asked.count(name) > 1}
        if twice:
            raise InputError(where, "one part for each column", f"several for {quoted(sorted(twice))}")
        renamed = {name: role for role, name in self.names.items()}
        hidden = [role for role in self.names if role in frame and role not in renamed]
        return frame.drop(columns=[*self.left_out, *hidden]).rename(columns=renamed)


BY_THEIR_NAMES = Roles()


def read_matrix(path: Path, roles: Roles = BY_THEIR_NAMES) -> UpliftRows:
    """Return the trial in a file.

    Parameters
    ----------
    path
        Parquet or CSV: ``treatment`` (names, booleans or numbers), ``outcome``, and where they are known
        ``p_treatment`` (probability of the treatment; with several, a column ``p_NAME`` each) and ``customer``. All
        else are features.
    roles
        Other names of these columns, the control, and columns to leave out.

    Raises
    ------
    NotThereError
        There is no such file.
    InputError
        It is neither Parquet nor CSV, lacks a column, or its columns are not what they should be.
    """
    frame = roles.apply(read_table(path, "a file with the matrix of a trial"), str(path))
    lacking = [name for name in (TREATMENT, OUTCOME) if name not in frame]
    if lacking:
        raise InputError(
            str(path),
            f"columns '{TREATMENT}' and '{OUTCOME}'",
            f"no {quoted(lacking)}; {quoted(frame.columns, most=12)}",
            f"Say which column it is: --column {lacking[0]}=NAME",
        )
    control = roles.control or likely_control(frame[TREATMENT])
    given = _probabilities(frame, control)
    arms = read_arms(frame[TREATMENT], given, control)
    names = np.array((CONTROL, *arms.names[1:]), dtype=object)
    taken = {TREATMENT, OUTCOME, P_TREATMENT, CUSTOMER, *(f"p_{name}" for name in arms.names)}
    features = frame[[name for name in frame.columns if name not in taken]]
    ids = [name for name in features if is_id(features[name])]
    features = features.drop(columns=ids)
    if features.shape[1] == 0:
        raise InputError(str(path), "at least one feature beside the treatment and the outcome", "none")
    records, repeated = (None, "") if CUSTOMER in frame else repeated_records(features)
    p = arms.probability[:, 1:]
    said = [f"{quoted(ids)}, which only number the rows: each has a value of its own."] if ids else []
    return UpliftRows(
        features,
        read_numbers(OUTCOME, frame[OUTCOME]),
        names[arms.codes],
        None if given is None else p[:, 0] if arms.n_arms == 2 else p,
        given is not None,
        _customers(frame[CUSTOMER], str(path)) if CUSTOMER in frame else records,
        columns=signals_of(features),
        not_used=(*said, *([repeated] if repeated else [])),
    )


def _customers(column: pd.Series[Any], where: str) -> Any:
    """Return who each row is, by the rule of all ids: 7.0 and ' 7' are 7."""
    ids = plain_ids(column, where=f"{where}, {CUSTOMER}")
    if ids.isna().any():
        got = f"none in {int(ids.isna().sum()):,} of {len(ids):,} rows"
        raise InputError(where, f"an id in '{CUSTOMER}' for every row", got, "Leave out the rows, or the column")
    return ids.to_numpy(object)


def is_id(column: pd.Series[Any]) -> bool:
    """Say whether a column only numbers the rows: each has a value of its own, as text or as close whole numbers.

    Examples
    --------
    >>> is_id(pd.Series(range(1000, 2000))), is_id(pd.Series([0.5, 1.5] * 500))
    (True, False)
    """
    if len(column) < FEWEST_ROWS or column.hasnans or column.nunique() < len(column):
        return False
    if not pd.api.types.is_numeric_dtype(column):
        return not pd.api.types.is_datetime64_any_dtype(column)
    numbers = column.to_numpy(np.float64)
    is_whole = bool((numbers == np.round(numbers)).all())
    return is_whole and float(np.ptp(numbers)) < MOST_GAPS * len(numbers)


def repeated_records(features: pd.DataFrame) -> tuple[Any, str]:
    """Return who each row is, where some records stand several times, and how many do, in a sentence.

    Rows with the same features may be one customer twice: together they are learned from or judged on, never both.
    Where many rows are alike, the features are coarse and say nothing of the kind: (None, "").
    """
    record = features.groupby(list(features.columns), dropna=False, sort=False).ngroup().to_numpy()
    n_again = len(record) - len(np.unique(record))
    if not n_again or n_again > MOST_AGAIN * len(record):
        return None, ""
    told = (
        f"{n_again:,} records repeat an earlier one in every feature. They may be the same customers: rows that are "
        "alike share a fold and count as one draw. Is there a column of the customer? Name it: --column customer=NAME."
    )
    return record.astype(str).astype(object), told


def likely_control(treatment: pd.Series[Any]) -> str | None:
    """Return the one value whose name says that nobody was contacted; None where no name or several say so.

    Examples
    --------
    >>> likely_control(pd.Series(["Mens E-Mail", "No E-Mail", "Womens E-Mail"]))
    'No E-Mail'
    """
    values = [str(value) for value in treatment.dropna().unique()]
    said = [value for value in values if _says_control(value)]
    return said[0] if len(said) == 1 else None


def _says_control(value: str) -> bool:
    words = re.sub(r"[^a-z]+", " ", value.casefold()).split()
    return bool(words) and (words[0] in ("no", "not", "without") or not NOT_CONTACTED.isdisjoint(words))


def _probabilities(frame: pd.DataFrame, control: str | None) -> Any:
    """Return what the file says about probabilities, as `read_arms` takes it; None where it says nothing."""
    if P_TREATMENT in frame:
        return frame[P_TREATMENT]
    names = read_arms(frame[TREATMENT], None, control).names[1:]
    own = {name: frame[f"p_{name}"] for name in names if f"p_{name}" in frame}
    return own or None
