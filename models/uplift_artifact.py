"""An uplift model as plain files: LightGBM's text and one JSON file, never a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from penchant.errors import NotThereError

from . import plain_scorer, uplift_scorer
from .uplift_scorer import FORMAT, MODEL_FILE, Part, TreesPart, UpliftScorer, read_scorer

# What a pyfunc model ships as its code, the loader first.
CODE = (Path(uplift_scorer.__file__), Path(plain_scorer.__file__))
_KINDS = {"TreesPart": "trees", "LinearPart": "linear", "RulePart": "rule"}


class FittedUplift(Protocol):
    """A fitted learner: whatever holds a scorer."""

    scorer_: UpliftScorer


def save(model: FittedUplift | UpliftScorer, folder: str | Path) -> None:
    """Write a fitted uplift learner into a folder, which is made where it is not there.

    Parameters
    ----------
    model
        A fitted learner of `penchant.models.uplift`, or its scorer.
    folder
        Receives ``uplift.json`` and one text file for each booster.
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
    }
    text = json.dumps(spec, indent=1, ensure_ascii=False, allow_nan=False)
    (place / MODEL_FILE).write_text(text + "\n", encoding="utf-8")


def load(folder: str | Path) -> UpliftScorer:
    """Return a saved model; its ``predict_uplift`` gives the same numbers as the learner that was saved.

    Raises
    ------
    NotThereError
        The folder holds no uplift model.
    """
    if not (Path(folder) / MODEL_FILE).is_file():
        raise NotThereError(str(folder), "a folder with an uplift model", f"no {MODEL_FILE} in it")
    return read_scorer(folder)


def _write_part(part: Part, number: int, folder: Path) -> Mapping[str, Any]:
    """Return a part's JSON; its booster, if it has one, goes into a file of its own."""
    kind = _KINDS[type(part).__name__]
    if not isinstance(part, TreesPart):
        return {"kind": kind, **asdict(part)}  # type: ignore[call-overload]
    file = f"part_{number}.txt"
    (folder / file).write_text(part.booster.model_to_string(num_iteration=-1), encoding="utf-8")
    return {"kind": kind, "file": file}
