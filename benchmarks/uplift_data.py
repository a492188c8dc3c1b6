"""Trials for the uplift benchmark: made up with known effects, Hillstrom's, and a large table for speed.

Needs numpy and pandas alone, so that the peers' environment makes the same data from the same seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Floats = np.ndarray[Any, np.dtype[np.float64]]

N_TEST = 20_000
MOST_LEVELS = 30  # of a category that the peers see; none of the made-up trials has more
HILLSTROM_FEATURES = ["recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "channel"]
CONTROL_ARM = "No E-Mail"
MAILS = ("Womens E-Mail", "Mens E-Mail")


@dataclass(frozen=True)
class Trial:
    """Training rows, test rows, and on made-up data the truth of the test rows."""

    X: pd.DataFrame
    y: Floats
    treated: Floats
    p: Floats
    X_test: pd.DataFrame
    effect_test: Floats | None = None
    y_test: Floats | None = None
    treated_test: Floats | None = None


@dataclass(frozen=True)
class Case:
    """One kind of made-up trial."""

    shape: str
    rows: int
    share: float
    confounded: bool = False

    def __str__(self) -> str:
        arms = "confounded" if self.confounded else f"{self.share:.0%} treated"
        return f"{self.shape}, {self.rows:,} rows, {arms}"


def features(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return 20 columns: numbers of several kinds, some missing, flags, categories of 3 to 20 levels."""
    z = rng.normal(size=(n, 6))
    z[:, 1] = 0.6 * z[:, 0] + 0.8 * z[:, 1]
    z[:, 3] = 0.4 * z[:, 2] - 0.3 * z[:, 0] + 0.86 * z[:, 3]
    frame = {f"x{i}": z[:, i] for i in range(6)}
    frame["spend"] = np.exp(1 + 0.8 * z[:, 0] + 0.6 * rng.normal(size=n))
    frame["orders"] = rng.poisson(np.exp(0.3 + 0.5 * z[:, 2])).astype(float)
    frame["recency"] = rng.exponential(60, n)
    frame["visits"] = rng.negative_binomial(1, 0.2, n).astype(float)
    frame["age"] = np.where(rng.random(n) < 0.15, np.nan, rng.uniform(18, 80, n))
    frame["score"] = np.where(rng.random(n) < 0.1, np.nan, z[:, 4] + 0.5 * rng.normal(size=n))
    for i, share in enumerate((0.5, 0.3, 0.1, 0.6)):
        frame[f"b{i}"] = (rng.random(n) < share).astype(float)
    table = pd.DataFrame(frame)
    for i, levels in enumerate((3, 5, 8, 20)):
        chances = np.arange(1, levels + 1) / np.arange(1, levels + 1).sum()
        codes = rng.choice(levels, n, p=chances)
        table[f"c{i}"] = pd.Categorical.from_codes(codes, [f"v{j}" for j in range(levels)])
    return table


def base_chance(f: pd.DataFrame) -> Floats:
    """Return each customer's chance to respond without a contact, about 6 % on average."""
    by_region = np.array([-0.4, 0.0, 0.2, 0.3, -0.2])[f.c1.cat.codes.to_numpy()]
    odds = -3.2 + 0.5 * f.x0 + 0.24 * np.log(f.spend) - 0.006 * f.recency + 0.3 * (f.orders >= 3) + 0.4 * f.b0
    odds = odds + by_region + 0.25 * f.x2 * (f.x4 > 0) + 0.2 * (f.visits > 8)
    return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float64)


def _standard(values: Any) -> Floats:
    return np.asarray((values - values.mean()) / values.std())


def _age(f: pd.DataFrame) -> Floats:
    return _standard(f.age.fillna(45))


def _proportional(f: pd.DataFrame, base: Floats) -> Floats:
    return 1 / (1 + (1 - base) / base * np.exp(-0.4)) - base


# The settings of the learners were chosen on the first six; the last four are held out, as are seeds from 1000 on.
SHAPES: dict[str, Callable[[pd.DataFrame, Floats], Any]] = {
    "none": lambda f, base: 0.0 * base,
    "constant": lambda f, base: 0.02 + 0.0 * base,
    "linear": lambda f, base: 0.02 + 0.015 * f.x1 + 0.012 * f.x5 - 0.01 * _age(f),
    "threshold": lambda f, base: np.where(f.recency < 40, 0.045, 0.0),
    "interaction": lambda f, base: np.where((f.x2 > 0) & (f.b0 > 0), 0.07, 0.005),
    "sleeping dogs": lambda f, base: np.where(f.visits > 5, -0.03, 0.025) + 0.005 * f.x5,
    "proportional": _proportional,
    "niche": lambda f, base: np.where((f.x5 > 0.8) & (f.c2.cat.codes > 3), 0.1, 0.005),
    "smooth": lambda f, base: 0.02 + 0.025 * np.sin(1.5 * f.x1) + 0.01 * (_age(f) ** 2 - 1),
    "many": lambda f, base: (
        0.02
        + 0.006 * (f.x0 + f.x1 + f.x2 + f.x5 - f.x3 - f.x4 + _age(f) + 2 * (f.b0 - 0.5) - _standard(np.log(f.spend)))
    ),
}
TUNED_ON = tuple(SHAPES)[:6]


def make_trial(case: Case, seed: int, n_test: int = N_TEST) -> Trial:
    """Return a trial of a kind; the same seed gives the same customers in every environment."""
    rng = np.random.default_rng([seed, case.rows, round(100 * case.share), tuple(SHAPES).index(case.shape)])
    n = case.rows + n_test
    f = features(n, rng)
    base = base_chance(f)
    effect = np.asarray(SHAPES[case.shape](f, base), dtype=np.float64)
    effect = np.clip(effect, 0.001 - base, 0.99 - base) if case.shape != "none" else effect
    p = np.full(n, case.share)
    if case.confounded:
        odds = np.log(case.share / (1 - case.share)) + 0.8 * f.x0 + 0.5 * f.b0 - 0.25
        p = np.clip(1 / (1 + np.exp(-odds.to_numpy())), 0.05, 0.95)
    treated = (rng.random(n) < p).astype(np.float64)
    y = (rng.random(n) < base + treated * effect).astype(np.float64)
    train, test = slice(0, case.rows), slice(case.rows, n)
    parts = f.iloc[train].reset_index(drop=True), f.iloc[test].reset_index(drop=True)
    return Trial(parts[0], y[train], treated[train], p[train], parts[1], effect[test])


def hillstrom_trial(path: Path, mail: str, seed: int, outcome: str = "visit") -> Trial:
    """Return one half of a mail's customers and the control for training, the other for testing."""
    f = pd.read_parquet(path)
    f = f[f.segment.isin([mail, CONTROL_ARM])].reset_index(drop=True)
    known = f[HILLSTROM_FEATURES]
    halves = np.array_split(np.random.default_rng(seed).permutation(len(f)), 2)
    return _halved(known, f[outcome], f.segment == mail, halves)


def insurance_trial(folder: Path, seed: int) -> Trial:
    """Return the insurance mailing in two halves; records that are equal in all but their id stay together."""
    f = pd.concat([pd.read_parquet(folder / f"{part}.parquet") for part in ("train", "valid")], ignore_index=True)
    known = f.drop(columns=["UNIQUE_ID", "PURCHASE", "TREATMENT"])
    record = pd.util.hash_pandas_object(known, index=False).to_numpy()
    distinct = np.random.default_rng(seed).permutation(np.unique(record))
    is_first = np.isin(record, distinct[: len(distinct) // 2])
    return _halved(known, f["PURCHASE"], f["TREATMENT"] == 1, (np.flatnonzero(is_first), np.flatnonzero(~is_first)))


def _halved(known: pd.DataFrame, outcome: Any, is_treated: Any, halves: Any) -> Trial:
    train, test = (np.sort(half) for half in halves)
    y, treated = np.asarray(outcome, dtype=np.float64), np.asarray(is_treated, dtype=np.float64)
    p = np.full(len(train), treated[train].mean())
    frames = (known.iloc[half].reset_index(drop=True) for half in (train, test))
    return Trial(next(frames), y[train], treated[train], p, next(frames), None, y[test], treated[test])


def write_trial_files(trial: Trial, stem: Path) -> None:
    """Write a trial with known effects as two files beside each other."""
    pd.concat([trial.X, trial.X_test], ignore_index=True).to_parquet(stem.with_suffix(".parquet"))
    known = {"y": trial.y, "treated": trial.treated, "p": trial.p, "effect_test": trial.effect_test}
    np.savez(stem.with_suffix(".npz"), **known)


def read_trial_files(stem: Path) -> Trial:
    """Return a trial that `write_trial_files` wrote."""
    X = pd.read_parquet(stem.with_suffix(".parquet"))
    with np.load(stem.with_suffix(".npz")) as held:
        y, treated, p, effect = (held[name] for name in ("y", "treated", "p", "effect_test"))
    halves = X.iloc[: len(y)].reset_index(drop=True), X.iloc[len(y) :].reset_index(drop=True)
    return Trial(halves[0], y, treated, p, halves[1], effect)


def as_numbers(train: pd.DataFrame, test: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return frames as the peers need them: missing numbers by the median, categories one-hot."""
    numbers = train.select_dtypes("number").columns
    middle = train[numbers].median().fillna(0.0)
    names = [name for name in train if name not in numbers]
    levels = {name: sorted(_text(train[name]).value_counts().index[:MOST_LEVELS]) for name in names}
    made = []
    for frame in (train, test):
        flags = [_text(frame[name]) == level for name in names for level in levels[name]]
        made.append(np.column_stack([frame[numbers].fillna(middle), *flags]).astype(np.float64))
    return made[0], made[1]


def _text(column: Any) -> Any:
    return column.astype(object).map(str)


def make_large(rows: int, columns: int, seed: int = 0) -> tuple[Floats, Floats, Floats, Floats]:
    """Return features, treatment, outcome and true effect of a large even trial for the speed."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, columns))
    treated = (rng.random(rows) < 0.5).astype(np.float64)
    effect = 0.02 + 0.03 * (X[:, 0] > 0)
    base = 1 / (1 + np.exp(2.6 - 0.5 * X[:, 1] - 0.3 * X[:, 2] * X[:, 3]))
    y = (rng.random(rows) < base + treated * effect).astype(np.float64)
    return X, treated, y, effect
