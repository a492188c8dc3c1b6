"""A model as plain files: LightGBM's text and one page of JSON, readable without this package, never a pickle.

What is not ours (`penchant.models.store.pickled`) is one, and is told apart by its kind.

::

    model.json        form, columns, parts, calibration, the caller's facts (`penchant.models.store.schema`)
    part_0.txt ...    trees, in LightGBM's text format
    SHA256SUMS        a hash of each of these files, as ``sha256sum -c`` reads it

Propensity, value and uplift models have one format, and one scorer (`penchant.models.plain_scorer`).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from penchant.errors import InputError, NotThereError, OutputError, quoted

from ..estimators.calibration import Calibration
from ..estimators.propensity import PropensityModel
from ..estimators.sklearn_model import SklearnModel
from ..estimators.value import ValueModel
from ..inputs.categories import Columns
from ..plain_parts import LinearPart, RulePart, ScorerPart, TreesPart
from ..plain_scorer import CODE, FORMAT, HASHES_FILE, MODEL_FILE, Scorer, read_model
from . import pickled
from .schema import differences, model_json

__all__ = ["CODE", "MODEL_FILE", "load", "read_facts", "read_spec", "save"]

OLD_FILES = ("uplift.json",)  # where formats before 3 kept uplift models
UPLIFT = "UpliftModel"
ESTIMATORS: dict[str, type[PropensityModel] | type[ValueModel]] = {
    "PropensityModel": PropensityModel,
    "ValueModel": ValueModel,
}
AGAIN = "Train it again with this version"


class FittedModel(Protocol):
    """A fitted model: whatever holds a scorer."""

    @property
    def scorer_(self) -> Scorer:
        """What scores rows."""


def save(
    model: FittedModel | Scorer | SklearnModel, folder: Path | str, facts: Mapping[str, Any] | None = None
) -> Path:
    """Write a fitted model as plain files, and return their folder.

    Parameters
    ----------
    model
        A fitted propensity or value model, a fitted uplift learner, an uplift model's scorer, or a foreign estimator.
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
    files = files_of(model, facts)
    written = folder.with_name(f".{folder.name}.writing")
    try:
        shutil.rmtree(written, ignore_errors=True)
        written.mkdir(parents=True)
        for name, content in files.items():
            (written / name).write_bytes(content)
        if folder.exists():
            shutil.rmtree(folder)
        written.rename(folder)
    except OSError as error:
        raise OutputError(str(folder), "a folder that can be written", str(error)) from error
    return folder


def files_of(model: Any, facts: Mapping[str, Any] | None) -> dict[str, bytes]:
    """Return the files of a model of any kind by name, their hashes last."""
    if isinstance(model, SklearnModel):
        return pickled.pickled_files(model, facts or {})
    return {name: text.encode("utf-8") for name, text in texts_of(model, facts).items()}


def texts_of(model: FittedModel | Scorer, facts: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the files of a model by name, their hashes last."""
    scorer = model if isinstance(model, Scorer) else model.scorer_
    trees = {place: part for place, part in enumerate(scorer.parts) if isinstance(part, TreesPart)}
    files = {f"part_{place}.txt": part.booster.model_to_string(num_iteration=-1) for place, part in trees.items()}
    files[MODEL_FILE] = model_json(spec_of(model, scorer, facts))
    hashes = {name: hashlib.sha256(text.encode("utf-8")).hexdigest() for name, text in files.items()}
    return files | {HASHES_FILE: "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))}


def spec_of(model: Any, scorer: Scorer, facts: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what stands in model.json."""
    kind = type(model).__name__ if type(model).__name__ in ESTIMATORS else UPLIFT
    if kind == UPLIFT and scorer.form != "uplift":
        raise InputError("model", "a fitted estimator, or the scorer of an uplift", f"a scorer of form '{scorer.form}'")
    inputs = scorer.inputs
    return {
        "format": FORMAT,
        "kind": kind,
        "form": scorer.form,
        "inputs": {
            "names": list(inputs.names),
            "categories": {name: list(found) for name, found in inputs.categories.items()},
            "fills": {name: list(found) for name, found in inputs.fills.items()},
            "learned_missing": list(inputs.learned_missing),
            "rarely_missing": dict(inputs.rarely_missing),
            "typical": dict(getattr(inputs, "typical", {})),
        },
        "parts": [_part(part, place) for place, part in enumerate(scorer.parts)],
        "outputs": [asdict(output) for output in scorer.outputs],
        "calibration": dict(scorer.calibration),
        "factor": scorer.factor,
        "about": dict(scorer.about),
        "classes": np.asarray(getattr(model, "classes_", ())).tolist(),
        "options": model.get_params(deep=False) if kind in ESTIMATORS else {},
        "facts": dict(facts or {}),
    }


def _part(part: ScorerPart, place: int) -> dict[str, Any]:
    if isinstance(part, TreesPart):
        return {"kind": "trees", "file": f"part_{place}.txt", "raw": part.raw}
    assert isinstance(part, LinearPart | RulePart)  # noqa: S101  # there is no third
    return {"kind": "linear" if isinstance(part, LinearPart) else "rule", **asdict(part)}


def load(folder: Path | str) -> PropensityModel | ValueModel | SklearnModel | Scorer:
    """Return the model that `save` wrote, ready to predict: an estimator, or the scorer of an uplift model.

    A foreign estimator is a pickle, and runs code when it is read.

    Raises
    ------
    NotThereError
        The folder or one of its files does not exist.
    InputError
        The files are no model, of another format or schema, or not what was written.
    """
    folder = Path(folder)
    spec = read_spec(folder)
    refuse_other_schema(folder / MODEL_FILE, spec)
    if spec["kind"] == pickled.KIND:
        return pickled.read_estimator(folder, spec)
    absent = [part["file"] for part in spec["parts"] if "file" in part and not (folder / part["file"]).is_file()]
    if absent:
        raise NotThereError(str(folder / absent[0]), "the model's trees", "no such file")
    try:
        plain = read_model(folder)
    except (ValueError, KeyError) as error:
        what = str(error).removeprefix(f"{folder}/")
        raise InputError(f"model '{folder}'", "the files as they were written", what, AGAIN) from None
    columns = Columns(**vars(plain.inputs), typical=spec["inputs"]["typical"])
    plain = replace(plain, inputs=columns)
    return plain if spec["kind"] == UPLIFT else _estimator(spec, plain, columns)


def _estimator(spec: Mapping[str, Any], plain: Scorer, columns: Columns) -> PropensityModel | ValueModel:
    """Return the estimator that a scorer came from."""
    model = ESTIMATORS[spec["kind"]](**spec["options"])
    model.columns_ = columns
    parts = {o.name: [plain.parts[term.part] for term in o.terms] for o in plain.outputs}
    model.boosters_ = {n: p.booster for n, own in parts.items() for p in own if isinstance(p, TreesPart)}
    model.calibration_ = Calibration.from_dict(plain.calibration)
    model.n_features_in_ = len(columns.names)
    model.feature_names_in_ = np.array(columns.names, dtype=object)
    linear = next((p for own in parts.values() for p in own if isinstance(p, LinearPart)), None)
    if isinstance(model, ValueModel):
        model.form_, model.factor_, model.start_ = spec["form"], plain.factor, linear
    else:
        model.classes_ = np.array(spec["classes"])
        model.line_, model.share_ = linear, plain.outputs[0].terms[-1].weight if linear else 0.0
    return model


def read_facts(folder: Path | str) -> dict[str, Any]:
    """Return the facts that were saved with a model; raises as `load`."""
    return dict(read_spec(folder)["facts"])


def read_spec(folder: Path | str) -> dict[str, Any]:
    """Return what stands in model.json; raises as `load`."""
    page = Path(folder) / MODEL_FILE
    if not page.is_file():
        old = [name for name in OLD_FILES if (Path(folder) / name).is_file()]
        if old:
            raise InputError(str(Path(folder) / old[0]), f"a model in format {FORMAT}", "an earlier format", AGAIN)
        raise NotThereError(str(page), "a model that was saved here", "no such file")
    try:
        spec = json.loads(page.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(str(page), "a page of JSON", str(error), "Train or download the model again") from None
    if not isinstance(spec, dict) or spec.get("format") != FORMAT:
        got = spec.get("format") if isinstance(spec, dict) else type(spec).__name__
        raise InputError(str(page), f"a model in format {FORMAT}", f"format {got}", AGAIN)
    return spec


def refuse_other_schema(page: Path, spec: Mapping[str, Any]) -> None:
    """Raise InputError with the differences where a page is not as the schema says."""
    found = differences(spec)
    kind = ESTIMATORS.get(str(spec.get("kind")))
    if not found and kind is not None and (unknown := sorted(set(spec["options"]) - set(kind().get_params()))):
        found = [f"options: {quoted(unknown)} are none of a {spec['kind']}'s"]
    if found:
        got = f"{len(found)} differences: {quoted(found)}"
        raise InputError(str(page), f"a page as format {FORMAT} has it", got, AGAIN)
