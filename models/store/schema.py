"""What stands in model.json, as a schema: every key, its type and its range, checked before a model is believed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from penchant.errors import InputError

Kind = Literal["PropensityModel", "ValueModel", "UpliftModel"]
FORMS: dict[Kind, tuple[str, ...]] = {
    "PropensityModel": ("propensity",),
    "ValueModel": ("two_part", "tweedie", "squared_error"),
    "UpliftModel": ("uplift",),
}
OUTPUTS = {  # of a form that is not uplift
    "propensity": ["propensity"],
    "two_part": ["propensity", "amount"],
    "tweedie": ["amount"],
    "squared_error": ["amount"],
}
Position = Annotated[int, Field(ge=0)]
MOST_WHOLE = 2**53


def _as_floats_write_it(value: Any) -> Any:
    """Refuse a whole number that no float holds: NumPy would make an object of it."""
    if isinstance(value, int) and abs(value) > MOST_WHOLE:
        raise ValueError("a whole number of more digits than a float has")
    return value


Number = Annotated[float, Field(ge=-1e100, le=1e100), BeforeValidator(_as_floats_write_it)]  # products stay finite
NotNegative = Annotated[Number, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Inputs(_Strict):
    names: Annotated[list[str], Field(min_length=1)]
    categories: dict[str, list[str]]
    fills: dict[str, Annotated[list[Number], Field(min_length=1)]]
    learned_missing: list[str]
    rarely_missing: dict[str, Annotated[float, Field(ge=0, le=1)]]
    typical: dict[str, Number]


class _Trees(_Strict):
    kind: Literal["trees"]
    file: Annotated[str, Field(pattern=r"^\w+\.txt$")]
    raw: bool


class _Number(_Strict):
    position: Position
    low: Number
    high: Number
    log: bool
    slope: Number
    offset: Number
    missing: Number


class _Steps(_Strict):
    position: Position
    steps: list[Number]
    other: Number
    missing: Number


class _Logarithm(_Strict):
    position: Position
    prior: Annotated[Number, Field(gt=0)]
    slope: Number
    offset: Number


class _Linear(_Strict):
    kind: Literal["linear"]
    intercept: Number
    columns: list[_Number | _Steps | _Logarithm]
    link: Literal["identity", "logistic"]


class _Rule(_Strict):
    kind: Literal["rule"]
    position: Position
    threshold: Number | None
    codes: list[Number]
    inside: Number
    outside: Number


class _Term(_Strict):
    part: Position
    weight: Number
    treated: Number | None


class _EffectError(_Strict):
    centre: Number
    shared: NotNegative
    own: NotNegative
    slope: NotNegative


class _Output(_Strict):
    name: str
    constant: Number
    terms: list[_Term]
    error: _EffectError | None = None


class _Calibration(_Strict):
    method: Literal["none", "platt", "isotonic"] = "none"
    slope: Annotated[Number, Field(gt=0)]
    intercept: Number
    knots_at: list[Number]
    knots: list[Annotated[float, Field(ge=0, le=1)]]
    knots_share: Annotated[float, Field(ge=0, le=1)]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if len(self.knots_at) != len(self.knots) or (self.knots_share and not self.knots):
            raise ValueError("as many knots as places are needed")
        for row in (self.knots_at, self.knots):
            if any(later < earlier for earlier, later in pairwise(row)):
                raise ValueError("knots must rise")
        return self


class _Options(BaseModel):
    """An estimator's parameters: those that scoring reads are checked, for LightGBM gives up on others."""

    model_config = ConfigDict(extra="allow", strict=True)
    n_threads: Annotated[int, Field(ge=-1, le=4096)] | None = None


class ModelFile(_Strict):
    """The whole of model.json.

    Parameters
    ----------
    format
        The schema's version.
    kind, form
        Which model it is, and which of its forms.
    inputs, parts, outputs, calibration, factor, about
        As in `penchant.models.plain_scorer.Scorer`.
    classes, options
        Of an estimator: its classes and parameters.
    facts
        What the caller saved with it.
    """

    format: Literal[3]
    kind: Kind
    form: str
    inputs: _Inputs
    parts: list[Annotated[_Trees | _Linear | _Rule, Field(discriminator="kind")]]
    outputs: Annotated[list[_Output], Field(min_length=1)]
    calibration: _Calibration
    factor: Annotated[Number, Field(gt=0)]
    about: dict[str, Any]
    classes: list[str | int | float | bool]
    options: _Options
    facts: dict[str, Any]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.form not in FORMS[self.kind]:
            raise ValueError(f"form '{self.form}' is none of a {self.kind}'s")
        names = [output.name for output in self.outputs]
        if names != OUTPUTS.get(self.form, names):
            raise ValueError(f"the outputs of '{self.form}' are {OUTPUTS[self.form]}, got {names}")
        if self.kind == "PropensityModel" and len(self.classes) != 2:
            raise ValueError("a probability is of two classes")
        if any(term.part >= len(self.parts) for output in self.outputs for term in output.terms):
            raise ValueError("a term names a part that is not there")
        used = [{type(self.parts[term.part]) for term in output.terms} for output in self.outputs]
        if self.form in OUTPUTS and not all(_Trees in kinds for kinds in used):
            raise ValueError("an output has no trees")
        linear = [column.position for part in self.parts if isinstance(part, _Linear) for column in part.columns]
        rules = [part.position for part in self.parts if isinstance(part, _Rule)]
        if max([*linear, *rules], default=0) > len(self.inputs.names):  # the treatment may come after the columns
            raise ValueError("a part reads a column that is not there")
        return self


class _PickledInputs(_Strict):
    names: Annotated[list[str], Field(min_length=1)]
    categories: dict[str, list[str]]
    typical: dict[str, Number | str]


class PickledModelFile(_Strict):
    """model.json of a foreign estimator: what stands beside its pickle.

    Parameters
    ----------
    format, kind, form, facts
        As in `ModelFile`.
    name, estimator
        How reports call it, and of which class it is.
    python, requirements
        What it was pickled by, and the packages that it asks for.
    inputs, telling
        As in `penchant.models.pickled_scorer.PickledScorer`.
    """

    format: Literal[3]
    kind: Literal["SklearnModel"]
    form: Literal["propensity", "amount"]
    name: str
    estimator: str
    python: Annotated[str, Field(pattern=r"^\d+\.\d+$")]
    requirements: list[str]
    inputs: _PickledInputs
    telling: list[str]
    facts: dict[str, Any]


def model_json(spec: Mapping[str, Any]) -> str:
    """Return a spec as text, the same for the same spec."""
    try:
        return json.dumps(spec, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    except (TypeError, ValueError) as error:
        raise InputError("facts", "values that JSON can hold", str(error), "Turn them into text or numbers") from None


def differences(spec: Mapping[str, Any]) -> list[str]:
    """Return in words where a page departs from the schema; none where it does not.

    Examples
    --------
    >>> differences({"format": 2})[0]
    "format: Input should be 3, got 2"
    """
    try:
        (PickledModelFile if spec.get("kind") == "SklearnModel" else ModelFile).model_validate(spec)
    except ValidationError as fault:
        return [_told(error) for error in fault.errors(include_url=False)]
    return []


def _told(error: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "model.json"
    what = str(error["msg"]).removeprefix("Value error, ")
    is_single = isinstance(error["input"], str | int | float | bool | None)
    return f"{where}: {what}" + (f", got {error['input']!r}" if is_single else "")
