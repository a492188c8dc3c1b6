"""Score rows with a saved model, given numpy and LightGBM alone.

This file imports nothing of penchant: it travels as code with every model, so that whoever has mlflow,
lightgbm and numpy can use the model. The estimators score through the same functions.

Every model is the same plain thing: **parts** (trees, linear models, one-column rules) and **outputs**, each a
constant and a weighted sum of parts. A propensity or value model turns its outputs into a probability or an amount;
an uplift model has one output for each treatment.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm as lgb
import numpy as np

try:
    from .plain_inputs import (
        Floats,
        Inputs,
        MissingValueWarning,
        UnseenCategoryWarning,
        missing_message,
        unseen_message,
    )
    from .plain_parts import LinearPart, RulePart, ScorerPart, TreesPart, sigmoid, with_treatment
    from .plain_reasons import ServedModel
except ImportError:  # shipped with a model, the files lie side by side
    from plain_inputs import *  # type: ignore[import-not-found]  # noqa: F403
    from plain_parts import *  # type: ignore[import-not-found]  # noqa: F403
    from plain_reasons import *  # type: ignore[import-not-found]  # noqa: F403

FORMAT = 3
MODEL_FILE = "model.json"
# What a served model ships as its code, the loader first.
SHIPPED = ("plain_scorer", "plain_parts", "plain_inputs", "plain_reasons")
CODE = tuple(Path(__file__).with_name(f"{name}.py") for name in SHIPPED)
HASHES_FILE = "SHA256SUMS"  # of all files of a model, as `sha256sum -c` reads it
ROWS_AT_ONCE = 65_536  # bounds the memory of scoring, whatever the number of rows
STRANGE_AT_ONCE = 4_096  # of rows with unknown values, each of which is scored 16 times
MOST_PATTERNS = 64  # of unknown columns among such rows; with more, asking for each by itself costs more than it saves
LEAST_CHANCE = 1e-15
Z95 = 1.959964
NO_CALIBRATION: Mapping[str, Any] = {"slope": 1.0, "intercept": 0.0, "knots_at": (), "knots": (), "knots_share": 0.0}


@dataclass(frozen=True)
class Term:
    """A part's share in an output.

    Parameters
    ----------
    part
        Position in `Scorer.parts`.
    weight
        Factor of its prediction.
    treated
        For a part that was trained with the treatment as its last column: the value put there, 1 or 0.
    """

    part: int
    weight: float = 1.0
    treated: float | None = None


@dataclass(frozen=True)
class EffectError:
    """How far the true effect on a customer may lie from the uplift predicted.

    Parameters
    ----------
    centre
        The average effect, in units of the outcome.
    shared
        Variance of the average effect: all customers err alike.
    own
        Variance of a single customer's effect around what is predicted.
    slope
        How much variance the distance from the centre brings, as a share of its square: customers with like
        predictions err alike.
    """

    centre: float
    shared: float
    own: float
    slope: float

    def half_width(self, uplift: Floats) -> Floats:
        """Return half of the 95 % interval of single customers' effects around their uplift (n,)."""
        return np.hypot(Z95 * np.sqrt(self.shared + self.own), self.apart(uplift))

    def apart(self, uplift: Floats) -> Floats:
        """Return the part of it that customers with like predictions share, because they may be told too far apart."""
        return np.asarray(Z95 * np.sqrt(self.slope) * np.abs(uplift - self.centre))


@dataclass(frozen=True)
class Output:
    """A number for each row: ``constant`` plus the weighted predictions of ``terms``.

    Parameters
    ----------
    name
        Of an uplift model the treatment, else ``"propensity"`` or ``"amount"``.
    constant, terms
        What is added up.
    error
        Of an uplift: how far single effects may lie from it, where that is known.
    """

    name: str
    constant: float = 0.0
    terms: tuple[Term, ...] = ()
    error: EffectError | None = None


class UpliftInterval(NamedTuple):
    """Uplift of each row, and the bounds of its 95 % interval; each (n,) or (n, treatments)."""

    uplift: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Scorer:
    """A model that scores tables.

    Parameters
    ----------
    form
        ``"propensity"``, ``"two_part"``, ``"tweedie"``, ``"squared_error"`` or ``"uplift"``.
    inputs
        The columns that it reads.
    parts, outputs
        What it adds up.
    calibration
        Of the probability, as `apply_calibration` takes it.
    factor
        Levels predicted amounts.
    about
        Facts for people, JSON values only.
    """

    form: str
    inputs: Inputs
    parts: tuple[ScorerPart, ...]
    outputs: tuple[Output, ...]
    calibration: Mapping[str, Any] = field(default_factory=lambda: NO_CALIBRATION)
    factor: float = 1.0
    about: Mapping[str, Any] = field(default_factory=dict)

    def predict(self, table: Any, params: Mapping[str, Any] | None = None) -> Floats:
        """Return a score for each row: the probability of the outcome, the expected amount, or the uplift.

        Parameters
        ----------
        table
            DataFrame (pandas, Polars), Arrow table or mapping of columns, at least those that the model was trained on,
            in any order; or an array of shape (n, columns).
        params
            Not used; MLflow passes it.

        Returns
        -------
        ndarray
            (n,), or (n, treatments) of an uplift model with several treatments.

        Warns
        -----
        UnknownValueWarning
            Rows hold categories that training has not seen, or lack values that it always knew.
        """
        if not (hasattr(table, "columns") or isinstance(table, Mapping)):
            return self.score(self._array(table))
        matrix, unseen = self.inputs.read(table)
        if unseen:
            warnings.warn(unseen_message(unseen), UnseenCategoryWarning, stacklevel=2)
        return self.score(matrix)

    def predict_uplift(self, X: Any, *, interval: bool = False) -> Any:
        """Return `predict`: what each treatment changes for each row, in units of the outcome.

        Parameters
        ----------
        X
            As in `predict`.
        interval
            Whether to return the 95 % interval of each row's own effect as well: an `UpliftInterval`.

        Raises
        ------
        ValueError
            An interval is asked of a model that holds none.
        """
        uplift = self.predict(X)
        return self.with_interval(uplift) if interval else uplift

    @property
    def knows_intervals(self) -> bool:
        """Whether it holds how far single effects may lie from its uplift."""
        return all(output.error is not None for output in self.outputs)

    def with_interval(self, uplift: Floats) -> UpliftInterval:
        """Return predicted uplift with the 95 % interval of each row's own effect."""
        if not self.knows_intervals:
            raise ValueError("this model holds no intervals of single effects: train an UpliftStack")
        by_arm = uplift.reshape(len(uplift), -1)
        widths = [output.error.half_width(by_arm[:, i]) for i, output in enumerate(self.outputs) if output.error]
        half = np.column_stack(widths).reshape(uplift.shape)
        return UpliftInterval(uplift, uplift - half, uplift + half)

    def score(self, matrix: Floats) -> Floats:
        """Return `predict` of rows that are numbers already, as `Inputs.read` makes them."""
        found = self.raw(matrix)
        if self.form == "uplift":
            return found[:, 0] if len(self.outputs) == 1 else found
        if self.form == "propensity":
            return apply_calibration(found[:, 0], self.calibration)
        if self.form == "two_part":
            return np.asarray(self.factor * apply_calibration(found[:, 0], self.calibration) * np.exp(found[:, 1]))
        return np.asarray(self.factor * np.exp(found[:, 0])) if self.form == "tweedie" else found[:, 0]

    def raw(self, matrix: Floats) -> Floats:
        """Return the outputs of each row, (n, outputs); where a value is unknown, the mean over the usual ones."""
        found = np.empty((len(matrix), len(self.outputs)))
        for start in range(0, len(matrix), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            found[rows] = self.sums(matrix if len(matrix) <= ROWS_AT_ONCE else np.asfortranarray(matrix[rows]))
        unknown = self.inputs.unknown(matrix)
        if unknown:
            if told := missing_message(self.inputs, matrix, unknown):
                warnings.warn(told, MissingValueWarning, stacklevel=3)
            strange = np.flatnonzero(np.logical_or.reduce(list(unknown.values())))
            for start in range(0, len(strange), STRANGE_AT_ONCE):
                some = strange[start : start + STRANGE_AT_ONCE]
                found[some] = self._of_strange(matrix[some])
        return found

    def _of_strange(self, matrix: Floats) -> Floats:
        """Return `raw` of rows that all hold unknown values, the mean over usual ones.

        Rows that lack the same columns are asked together, each different answer once: usual values repeat themselves,
        and some columns are read by no part.
        """
        unknown = self.inputs.unknown(matrix)
        places, names = np.array(list(unknown)), self.inputs.names
        draws = np.column_stack([self.inputs.fills[names[place]] for place in unknown])
        read = {place for part in self.parts for place in part.positions()}
        lacks = np.column_stack(list(unknown.values())) & [place in read for place in unknown]
        patterns, pattern_of = np.unique(lacks, axis=0, return_inverse=True)
        if len(patterns) > MOST_PATTERNS:
            filled = list(self.filled(matrix))
            return self.pooled(np.split(self.sums(np.asfortranarray(np.vstack(filled))), len(filled)))
        drawn = np.empty((len(draws), len(matrix), len(self.outputs)))
        for number, pattern in enumerate(patterns):
            rows = np.flatnonzero(pattern_of.ravel() == number)
            distinct, which = np.unique(np.where(pattern, draws, 0.0), axis=0, return_inverse=True)
            whole = np.asfortranarray(np.tile(matrix[rows], (len(distinct), 1)))
            whole[:, places[pattern]] = np.repeat(distinct[:, pattern], len(rows), axis=0)
            drawn[:, rows] = self.sums(whole).reshape(len(distinct), len(rows), -1)[which.ravel()]
        return self.pooled(list(drawn))

    def filled(self, matrix: Floats) -> Iterator[Floats]:
        """Yield a matrix several times, each time with other usual values in place of the unknown ones."""
        unknown = self.inputs.unknown(matrix)
        fills = {place: self.inputs.fills[self.inputs.names[place]] for place in unknown}
        for draw in range(max(map(len, fills.values()), default=1)):
            whole = matrix.copy(order="F")
            for place, rows in unknown.items():
                whole[rows, place] = fills[place][draw]
            yield whole

    def pooled(self, drawn: Sequence[Floats]) -> Floats:
        """Return the mean of several (n, outputs), as probabilities and amounts, in the unit of the outputs."""
        mean = np.mean([self._as_means(raw) for raw in drawn], axis=0)
        if self.form in ("propensity", "two_part"):
            chance = np.clip(mean[:, 0], LEAST_CHANCE, 1 - LEAST_CHANCE)
            mean[:, 0] = np.log(chance) - np.log1p(-chance)
            if self.form == "two_part":
                mean[:, 1] = np.log(mean[:, 1] / chance)
        return np.log(mean) if self.form == "tweedie" else mean

    def _as_means(self, raw: Floats) -> Floats:
        """Return outputs as what has a mean: probabilities, amounts, and amounts of everyone rather than of buyers."""
        if self.form in ("propensity", "two_part"):
            chance = sigmoid(raw[:, :1])
            return chance if self.form == "propensity" else np.hstack([chance, chance * np.exp(raw[:, 1:])])
        return np.exp(raw) if self.form == "tweedie" else raw

    def sums(self, matrix: Floats) -> Floats:
        """Return (n, outputs) for one piece; no part is asked twice for the same."""
        known: dict[tuple[int, float | None], Floats] = {}
        found = np.empty((len(matrix), len(self.outputs)))
        for position, output in enumerate(self.outputs):
            found[:, position] = output.constant
            for term in output.terms:
                key = (term.part, term.treated)
                if key not in known:
                    known[key] = self.parts[term.part].predict(with_treatment(matrix, term.treated))
                found[:, position] += term.weight * known[key]
        return found

    def _array(self, table: Any) -> Floats:
        matrix = np.asarray(table)
        if matrix.ndim != 2 or matrix.shape[1] != len(self.inputs.names):
            raise ValueError(f"rows of {len(self.inputs.names)} columns are needed, got shape {matrix.shape}")
        return matrix if matrix.dtype in (np.float32, np.float64) else matrix.astype(np.float64)


def apply_calibration(raw: Floats, calibration: Mapping[str, Any]) -> Floats:
    """Return probabilities from log-odds; every calibration rises strictly, so ranks stay as they are.

    Parameters
    ----------
    raw
        Log-odds, shape (n,).
    calibration
        ``slope`` and ``intercept`` on the log-odds; ``knots_at`` and ``knots`` of a rising step curve, and
        ``knots_share``, its share in the result.
    """
    straight = sigmoid(calibration["slope"] * raw + calibration["intercept"])
    share = calibration["knots_share"]
    if not share:
        return straight
    return share * np.interp(raw, calibration["knots_at"], calibration["knots"]) + (1 - share) * straight


def read_model(folder: str | Path) -> Scorer:
    """Return the model in a folder, once all its files are what was written.

    Raises
    ------
    ValueError
        The model is of another format, or a file is damaged.
    """
    spec = json.loads((Path(folder) / MODEL_FILE).read_text(encoding="utf-8"))
    if not isinstance(spec, dict) or spec.get("format") != FORMAT:
        got = spec.get("format") if isinstance(spec, dict) else type(spec).__name__
        raise ValueError(f"{folder}: written in format {got}, this scorer reads format {FORMAT}; train the model again")
    texts = whole_files(Path(folder))
    read = {name: value for name, value in spec["inputs"].items() if name != "typical"}  # for people
    inputs = Inputs(**{**read, "names": tuple(read["names"]), "learned_missing": tuple(read["learned_missing"])})
    return Scorer(
        spec["form"],
        inputs,
        tuple(_read_part(dict(part), texts) for part in spec["parts"]),
        tuple(_read_output(output) for output in spec["outputs"]),
        spec["calibration"],
        spec["factor"],
        spec["about"],
    )


def whole_files(folder: Path) -> dict[str, str]:
    """Return the text of each file that a model's list of hashes names, none of them changed since it was written."""
    texts = {}
    for line in (folder / HASHES_FILE).read_text(encoding="utf-8").splitlines():
        expected, _, name = line.partition("  ")
        if not (folder / name).is_file() or Path(name).name != name:
            raise ValueError(f"{folder / HASHES_FILE}: names '{name}', which is not there; get the model again")
        content = (folder / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != expected:
            raise ValueError(f"{folder / name}: changed or damaged since it was written; get the model again")
        texts[name] = content.decode("utf-8")
    if MODEL_FILE not in texts:
        raise ValueError(f"{folder / HASHES_FILE}: no hash of {MODEL_FILE}; get the model again")
    return texts


def _read_part(spec: dict[str, Any], texts: Mapping[str, str]) -> ScorerPart:
    kind = spec.pop("kind")
    if kind == "trees":
        return TreesPart(lgb.Booster(model_str=texts[spec["file"]]), spec["raw"], None)
    return LinearPart(**spec) if kind == "linear" else RulePart(**spec)


def _read_output(spec: Mapping[str, Any]) -> Output:
    error = spec.get("error")
    terms = tuple(Term(**term) for term in spec["terms"])
    return Output(spec["name"], spec["constant"], terms, EffectError(**error) if error else None)


def _load_pyfunc(data_path: str, model_config: Mapping[str, Any] | None = None) -> ServedModel:
    """Return the model in a folder, which says why where it is asked; MLflow calls this."""
    spec = json.loads((Path(data_path) / MODEL_FILE).read_text(encoding="utf-8"))
    return ServedModel(read_model(data_path), spec, model_config)


PlainModel = read_model  # what a saved model was read by before format 3
