"""Who was in which arm, and with what probability: the one reading of a treatment column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.errors import InputError, did_you_mean, quoted

from ..inputs.arrays import Floats, one_column, refuse_misaligned

MOST_ARMS = 127  # codes are int8
_CONTROLS = ("control", "0", "false")


@dataclass(frozen=True, eq=False)
class Arms:
    """Assignment of n customers to a control and one or more treatments.

    Attributes
    ----------
    codes
        (n,) int8; 0 is the control, i the treatment ``names[i]``.
    names
        Names of the arms, the control's first, then the treatments in sorted order.
    probability
        (n, n_arms) float64, columns in the order of ``names``: the probability with which each customer
        was to be put into each arm. Rows sum to 1, every value lies inside (0, 1). Not writeable.
    """

    codes: npt.NDArray[np.int8]
    names: tuple[str, ...]
    probability: Floats

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self.codes)

    @property
    def n_arms(self) -> int:
        """Number of arms, the control included."""
        return len(self.names)

    @property
    def is_control(self) -> npt.NDArray[np.bool_]:
        """(n,) whether the customer is in the control."""
        return self.codes == 0

    @property
    def own_probability(self) -> Floats:
        """(n,) probability of the arm that the customer is in."""
        return self.probability[np.arange(len(self)), self.codes]

    def take(self, rows: npt.NDArray[Any]) -> Arms:
        """Return the same arms for some rows (positions or a mask); an arm may end up empty."""
        return Arms(self.codes[rows], self.names, self.probability[rows])

    def against_control(self, code: int) -> tuple[npt.NDArray[np.intp], Arms]:
        """Return the rows in the control or in treatment ``code``, and the two-armed trial they form.

        Given that a customer is in one of the two, the probabilities are rescaled to sum to 1.
        """
        rows = np.flatnonzero((self.codes == 0) | (self.codes == code))
        both = self.probability[rows][:, [0, code]]
        return rows, Arms(
            (self.codes[rows] == code).astype(np.int8),
            (self.names[0], self.names[code]),
            both / both.sum(axis=1, keepdims=True),
        )


def read_arms(treatment: Any, p_treatment: Any = None, control: Any = None) -> Arms:
    """Return who is in which arm, with what probability.

    Parameters
    ----------
    treatment
        Series or array of shape (n,): strings, booleans, integers, or floats with integer values.
        Arms that were read before are returned as they are.
        Among numbers and booleans 0/False is called ``"control"``; a lone 1/True is called ``"treated"``.
    p_treatment
        Probability of assignment. None: a randomised trial, everyone has the observed shares.
        One treatment: a float in (0, 1), or shape (n,) = P(treated) by row.
        Several: a mapping arm -> float or (n,) column, a DataFrame whose columns are the arms' names, or an
        array of shape (n, number of treatments) in the order of ``Arms.names[1:]``.
    control
        Which value is the control. Default: "control" (in any case), else 0 or False.

    Returns
    -------
    Arms
        Codes, names and probabilities, in the order of the rows.

    Raises
    ------
    InputError
        One arm only, missing values, no control to be found, probabilities outside (0, 1) or that do not
        sum to 1, and lengths or indexes that do not match.

    Examples
    --------
    >>> arms = read_arms(["mail", "control", "control", "mail", "call"])
    >>> arms.names, arms.codes.tolist()
    (('control', 'call', 'mail'), [2, 0, 0, 2, 1])
    >>> read_arms([0, 1, 1, 0], p_treatment=0.6).probability[0].round(2).tolist()
    [0.4, 0.6]
    """
    if isinstance(treatment, Arms) and p_treatment is None and control is None:
        return treatment
    labels, values = _labels(treatment)
    order = _control_first(values, control)
    rank = np.empty(len(values), dtype=np.int8)
    rank[order] = np.arange(len(values))
    codes = rank[labels]
    names = _names([values[i] for i in order])
    probability = _probabilities(p_treatment, treatment, codes, names)
    probability.setflags(write=False)
    return Arms(codes, names, probability)


def _labels(treatment: Any) -> tuple[npt.NDArray[np.intp], list[str]]:
    """Return each row's label as a position in the list of distinct labels, sorted."""
    column = pd.Series(one_column("treatment", treatment))
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    codes, found = pd.factorize(column)
    texts = np.array([_text(value) for value in found], dtype=object)
    missing = (codes < 0) | np.isin(codes, np.flatnonzero(texts == ""))
    if missing.any():
        raise InputError(
            "treatment",
            "every customer needs an arm",
            f"{int(missing.sum()):,} missing values of {len(column):,}",
            "Leave these customers out, or name their arm",
        )
    distinct = sorted(set(texts), key=_numbers_in_order)
    if not 2 <= len(distinct) <= MOST_ARMS:
        raise InputError(
            "treatment",
            f"two to {MOST_ARMS} arms are needed, a control among them",
            f"{len(distinct):,} ({quoted(distinct)})" if distinct else "no rows",
            "An uplift cannot be learned or measured without customers who were not contacted",
        )
    place = {text: i for i, text in enumerate(distinct)}
    return np.array([place[text] for text in texts], dtype=np.intp)[codes], distinct


def _text(value: Any) -> str:
    """Return an arm's label as text: 1.0 and 1 are the same arm, 0.5 is none."""
    if isinstance(value, float | np.floating):
        if not float(value).is_integer():
            raise InputError(
                "treatment",
                "arms are names, booleans or whole numbers",
                f"{value!r}",
                "A dose is no arm: bin it and name the bins",
            )
        return str(int(value))
    return str(value).strip()


def _numbers_in_order(text: str) -> tuple[bool, float, str]:
    is_number = text.lstrip("-").isdecimal()
    return not is_number, float(text) if is_number else 0.0, text


def _control_first(values: list[str], control: Any) -> list[int]:
    """Return the positions of the labels, the control's first."""
    if control is None:
        for name in _CONTROLS:
            found = [i for i, text in enumerate(values) if text.casefold() == name]
            if found:
                break
        where = "treatment"
    else:
        found = [i for i, text in enumerate(values) if text == _text(control)]
        where = "control"
    if len(found) != 1:
        hint = did_you_mean(_text(control), values) if control is not None else f"Arms: {quoted(values)}."
        raise InputError(
            where,
            "exactly one arm must be the control",
            f"{len(found)} that could be it" if control is None else f"'{control}', which is not an arm",
            f"{hint} Say which with control= (--control)",
        )
    return found + [i for i in range(len(values)) if i != found[0]]


def _names(values: list[str]) -> tuple[str, ...]:
    """Return names fit to be read: bare 0/1 and False/True become control and treated."""
    names = list(values)
    if names[0].casefold() in _CONTROLS:
        names[0] = "control"
        if len(names) == 2 and names[1].casefold() in ("1", "true"):
            names[1] = "treated"
    return tuple(names)


def _probabilities(p: Any, treatment: Any, codes: npt.NDArray[np.int8], names: tuple[str, ...]) -> Floats:
    """Return (n, n_arms) probabilities, the control's first."""
    n = len(codes)
    if p is None:
        shares = np.bincount(codes, minlength=len(names)) / n
        return np.tile(shares, (n, 1))
    if isinstance(p, Mapping | pd.DataFrame):
        given = _by_name(p, treatment, n, names)
    else:
        given = _by_position(p, treatment, n, names)
    _refuse_certainty(given)
    rest = 1.0 - given.sum(axis=1, keepdims=True)
    if (rest <= 0).any():
        raise InputError(
            "p_treatment",
            "the treatments' probabilities must leave some for the control",
            f"a sum of up to {1 - rest.min():g}",
            "Customers who could not have been in the control belong to no comparison: leave them out",
        )
    return np.hstack([rest, given])


def _by_name(p: Any, treatment: Any, n: int, names: tuple[str, ...]) -> Floats:
    """Return the treatments' columns (n, n_arms - 1) from a mapping or frame."""
    columns = {_text(key): p[key] for key in p}
    if names[0] == "control":  # a renamed 0 or False may stand there under its own name
        columns = {_renamed(key, names): column for key, column in columns.items()}
    unknown = [key for key in columns if key not in names]
    missing = [name for name in names[1:] if name not in columns]
    if unknown or missing:
        raise InputError(
            "p_treatment",
            f"one probability per treatment is needed ({quoted(names[1:])})",
            f"unknown arms {quoted(unknown)}" if unknown else f"none for {quoted(missing)}",
        )
    series = [column for column in columns.values() if isinstance(column, pd.Series)]
    for column in series:
        _refuse_other_rows(column, treatment)
    full = {key: _one_column(column, n) for key, column in columns.items()}
    if names[0] in full and not np.allclose(sum(full.values()), 1.0, atol=1e-6):
        raise InputError("p_treatment", "the probabilities of all arms must sum to 1 in every row", "others")
    return np.column_stack([full[name] for name in names[1:]])


def _renamed(key: str, names: tuple[str, ...]) -> str:
    if key.casefold() in _CONTROLS:
        return "control"
    return "treated" if key.casefold() in ("1", "true") and names[1:] == ("treated",) else key


def _by_position(p: Any, treatment: Any, n: int, names: tuple[str, ...]) -> Floats:
    """Return the treatments' columns (n, n_arms - 1) from a number or array."""
    n_treatments = len(names) - 1
    if isinstance(p, pd.Series):
        _refuse_other_rows(p, treatment)
    array = _numbers(p)
    if array.ndim < 2 and n_treatments > 1:
        raise InputError(
            "p_treatment",
            f"with several treatments, say whose probability it is ({quoted(names[1:])})",
            f"shape {array.shape}",
            "Pass a mapping arm -> probability, or a DataFrame with the arms as columns",
        )
    if array.ndim < 2:
        return _one_column(array, n)[:, None]
    if array.shape != (n, n_treatments):
        raise InputError("p_treatment", f"shape ({n:,}, {n_treatments}) is needed", f"shape {array.shape}")
    return array.copy()


def _refuse_other_rows(p: pd.Series, treatment: Any) -> None:
    refuse_misaligned(treatment=treatment, p_treatment=p)


def _numbers(values: Any) -> Floats:
    try:
        if hasattr(values, "to_numpy"):
            return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as fault:
        raise InputError("p_treatment", "numbers inside (0, 1) are needed", str(fault)) from None


def _one_column(values: Any, n: int) -> Floats:
    array = _numbers(values)
    if array.ndim and array.shape != (n,):
        raise InputError("p_treatment", f"one number, or {n:,} of them, is needed", f"shape {array.shape}")
    return np.broadcast_to(array, (n,)).copy()


def _refuse_certainty(p: Floats) -> None:
    strange = ~((p > 0) & (p < 1))  # also catches NaN
    if strange.any():
        raise InputError(
            "p_treatment",
            "probabilities must lie inside (0, 1)",
            f"{int(strange.any(axis=1).sum()):,} rows with others, such as {p[strange][0]:g}",
            "Whoever is treated, or not, with certainty has no counterpart: leave these customers out",
        )
