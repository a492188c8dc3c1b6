"""A model as plain files: LightGBM's text and one page of JSON, readable without this package.

::

    model.json        form, columns, categories, calibration, the caller's facts
    propensity.txt    the trees, in LightGBM's text format
    amount.txt        (value models)
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from penchant.errors import InputError, NotThereError, OutputError

from ..estimators.calibration import Calibration
from ..estimators.propensity import PropensityModel
from ..estimators.value import ValueModel
from ..inputs.categories import Columns
from ..plain_scorer import FORMAT, MODEL_FILE, READABLE, PlainModel

KINDS: dict[str, type[PropensityModel] | type[ValueModel]] = {
    "PropensityModel": PropensityModel,
    "ValueModel": ValueModel,
}


def save(model: PropensityModel | ValueModel, folder: Path | str, facts: Mapping[str, Any] | None = None) -> Path:
    """Write a fitted model as plain files, and return their folder.

    Parameters
    ----------
    model
        A fitted model.
    folder
        Where to write; what stands there before is replaced when the new files are complete.
    facts
        What the caller wants to find beside the model: task, horizon, snapshots, as JSON takes it.

    Raises
    ------
    OutputError
        The folder cannot be written.
    InputError
        The facts are no JSON.
    """
    folder = Path(folder)
    page = as_json(spec_of(model, facts))
    written = folder.with_name(f".{folder.name}.writing")
    try:
        shutil.rmtree(written, ignore_errors=True)
        written.mkdir(parents=True)
        (written / MODEL_FILE).write_text(page, encoding="utf-8")
        for name, booster in model.boosters_.items():
            booster.save_model(str(written / f"{name}.txt"))
        if folder.exists():
            shutil.rmtree(folder)
        written.rename(folder)
    except OSError as error:
        raise OutputError(str(folder), "a folder that can be written", str(error)) from error
    return folder


def spec_of(model: PropensityModel | ValueModel, facts: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what stands in model.json."""
    return {
        "format": FORMAT,
        "kind": type(model).__name__,
        **model.spec_,
        "columns": list(model.columns_.names),
        "categories": {name: list(found) for name, found in model.columns_.categories.items()},
        "typical": dict(model.columns_.typical),
        "classes": np.asarray(getattr(model, "classes_", ())).tolist(),
        "boosters": {name: f"{name}.txt" for name in model.boosters_},
        "options": model.get_params(deep=False),
        "facts": dict(facts or {}),
    }


def as_json(spec: Mapping[str, Any]) -> str:
    """Return a spec as text, the same for the same spec."""
    try:
        return json.dumps(spec, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    except (TypeError, ValueError) as error:
        raise InputError("facts", "values that JSON can hold", str(error), "Turn them into text or numbers") from None


def load(folder: Path | str) -> PropensityModel | ValueModel:
    """Return the model that `save` wrote, ready to predict.

    Raises
    ------
    NotThereError
        The folder or one of its files does not exist.
    InputError
        The files are no model, or of another format.
    """
    plain = read_plain(folder)
    spec = plain.spec
    if spec["kind"] not in KINDS:
        raise InputError(str(folder), "a propensity or value model", f"'{spec['kind']}'")
    model = KINDS[spec["kind"]](**spec["options"])
    categories = {name: tuple(found) for name, found in spec["categories"].items()}
    model.columns_ = Columns(tuple(spec["columns"]), categories, spec["typical"])
    model.boosters_ = plain.boosters
    model.calibration_ = Calibration.from_dict(spec["calibration"])
    model.n_features_in_ = len(spec["columns"])
    model.feature_names_in_ = np.array(spec["columns"], dtype=object)
    if isinstance(model, ValueModel):
        model.form_, model.factor_ = spec["form"], spec["factor"]
    else:
        model.classes_ = np.array(spec["classes"])
    return model


def read_facts(folder: Path | str) -> dict[str, Any]:
    """Return the facts that were saved with a model; raises as `load`."""
    return dict(read_spec(folder)["facts"])


def read_plain(folder: Path | str) -> PlainModel:
    """Return a saved model as the plain scorer holds it; raises as `load`."""
    spec = read_spec(folder)
    absent = [file for file in spec["boosters"].values() if not (Path(folder) / file).is_file()]
    if absent:
        raise NotThereError(str(Path(folder) / absent[0]), "the model's trees", "no such file")
    return PlainModel(folder)


def read_spec(folder: Path | str) -> dict[str, Any]:
    """Return what stands in model.json; raises as `load`."""
    page = Path(folder) / MODEL_FILE
    if not page.is_file():
        raise NotThereError(str(page), "a model that was saved here", "no such file")
    try:
        spec = json.loads(page.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(str(page), "a page of JSON", str(error), "Train or download the model again") from None
    if not isinstance(spec, dict) or spec.get("format") not in READABLE:
        got = spec.get("format") if isinstance(spec, dict) else type(spec).__name__
        raise InputError(str(page), f"a model in format {FORMAT}", f"{got}", "Train it again with this version")
    return spec
