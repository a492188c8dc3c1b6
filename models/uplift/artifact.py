"""An uplift model as plain files: LightGBM's text and one JSON file, never a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from penchant.errors import NotThereError

from .. import plain_scorer, uplift_scorer
from ..store.artifact import as_json
from ..uplift_scorer import FORMAT, MODEL_FILE, Part, TreesPart, UpliftScorer, read_scorer

# What a pyfunc model ships as its code, the loader first.
CODE = (Path(uplift_scorer.__file__), Path(plain_scorer.__file__))
_KINDS = {"TreesPart": "trees", "LinearPart": "linear", "RulePart": "rule"}


class FittedUplift(Protocol):
    """A fitted learner: whatever holds a scorer."""

    scorer_: UpliftScorer


def save(model: FittedUplift | UpliftScorer, folder: str | Path, facts: Mapping[str, Any] | None = None) -> None:
    """Write a fitted uplift learner into a folder, which is made where it is not there.

    Parameters
    ----------
    model
        A fitted learner of `penchant.models.uplift`, or its scorer.
    folder
        Receives ``uplift.json`` and one text file for each booster.
    facts
        What the caller wants to find beside the model: task, goal, horizon, signals, as JSON takes it.

    Raises
    ------
    InputError
        The facts are no JSON.
    """
    scorer = model if isinstance(model, UpliftScorer) else model.scorer_
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    spec = {
        "format": FORMAT,
        "about": dict(scorer.about),
        "columns": scorer.columns,
        "categories": {name: list(values) for name, values in scorer.categories.items()},
        "parts": [_write_part(part, number, place) for number, part in enumerate(scorer.parts)],
        "arms": [asdict(arm) for arm in scorer.arms],
        "facts": dict(facts or {}),
    }
    (place / MODEL_FILE).write_text(as_json(spec), encoding="utf-8")


def load(folder: str | Path) -> UpliftScorer:
    """Return a saved model; its ``predict_uplift`` gives the same numbers as the learner that was saved.

    Raises
    ------
    NotThereError
        The folder holds no uplift model.
    """
    _refuse_without_model(folder)
    return read_scorer(folder)


def read_facts(folder: str | Path) -> dict[str, Any]:
    """Return the facts that were saved with a model; raises as `load`."""
    _refuse_without_model(folder)
    return dict(json.loads((Path(folder) / MODEL_FILE).read_text(encoding="utf-8")).get("facts", {}))


def _refuse_without_model(folder: str | Path) -> None:
    if not (Path(folder) / MODEL_FILE).is_file():
        raise NotThereError(str(folder), "a folder with an uplift model", f"no {MODEL_FILE} in it")


def _write_part(part: Part, number: int, folder: Path) -> Mapping[str, Any]:
    """Return a part's JSON; its booster, if it has one, goes into a file of its own."""
    kind = _KINDS[type(part).__name__]
    if not isinstance(part, TreesPart):
        return {"kind": kind, **asdict(part)}  # type: ignore[call-overload]
    file = f"part_{number}.txt"
    (folder / file).write_text(part.booster.model_to_string(num_iteration=-1), encoding="utf-8")
    return {"kind": kind, "file": file}
