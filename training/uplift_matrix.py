"""Edge: a bare matrix of a trial, one row for each customer, from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from penchant.errors import InputError, NotThereError, quoted

from ..models.arms import read_arms
from ..models.inputs import read_numbers
from .train_uplift import signals_of
from .uplift_dataset import Collected, UpliftRows
from .uplift_waves import CONTROL

TREATMENT, OUTCOME, P_TREATMENT, CUSTOMER = "treatment", "outcome", "p_treatment", "customer"


def read_matrix(path: Path, control: str | None = None) -> Collected:
    """Return the trial in a file.

    Parameters
    ----------
    path
        Parquet or CSV: ``treatment`` (names, booleans or numbers), ``outcome``, and where they are known
        ``p_treatment`` (probability of the treatment; with several, a column ``p_NAME`` each) and ``customer``. All
        else are features.
    control
        Which value of the treatment is the control; None: "control", else 0 or False.

    Raises
    ------
    NotThereError
        There is no such file.
    InputError
        It is neither Parquet nor CSV, lacks a column, or its columns are not what they should be.
    """
    frame = _read(path)
    lacking = [name for name in (TREATMENT, OUTCOME) if name not in frame]
    if lacking:
        raise InputError(
            str(path),
            f"columns '{TREATMENT}' and '{OUTCOME}'",
            f"no {quoted(lacking)}; {quoted(frame.columns, most=12)}",
        )
    given = _probabilities(frame, control)
    arms = read_arms(frame[TREATMENT], given, control)
    names = np.array((CONTROL, *arms.names[1:]), dtype=object)
    taken = {TREATMENT, OUTCOME, P_TREATMENT, CUSTOMER, *(f"p_{name}" for name in arms.names)}
    features = frame[[name for name in frame.columns if name not in taken]]
    if features.shape[1] == 0:
        raise InputError(str(path), "at least one feature beside the treatment and the outcome", "none")
    p = arms.probability[:, 1:]
    rows = UpliftRows(
        features,
        read_numbers(OUTCOME, frame[OUTCOME]),
        names[arms.codes],
        None if given is None else p[:, 0] if arms.n_arms == 2 else p,
        given is not None,
        frame[CUSTOMER].astype(str).to_numpy(object) if CUSTOMER in frame else None,
    )
    return Collected(rows, signals_of(features))


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise NotThereError(str(path), "a file with the matrix of a trial", "no such file")
    readers: dict[str, Any] = {".parquet": pd.read_parquet, ".csv": pd.read_csv}
    if path.suffix.lower() not in readers:
        raise InputError(str(path), "a .parquet or .csv file", f"'{path.suffix}'")
    try:
        frame: pd.DataFrame = readers[path.suffix.lower()](path)
    except (ValueError, OSError) as fault:
        raise InputError(str(path), f"a {path.suffix} file that can be read", str(fault)) from fault
    return frame.rename(columns=str)


def _probabilities(frame: pd.DataFrame, control: str | None) -> Any:
    """Return what the file says about probabilities, as `read_arms` takes it; None where it says nothing."""
    if P_TREATMENT in frame:
        return frame[P_TREATMENT]
    names = read_arms(frame[TREATMENT], None, control).names[1:]
    own = {name: frame[f"p_{name}"] for name in names if f"p_{name}" in frame}
    return own or None
