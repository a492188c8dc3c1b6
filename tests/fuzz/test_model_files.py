"""Files of models that were changed: refused in words before LightGBM reads them, or scored with finite numbers."""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from penchant.errors import PenchantError
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.store.artifact import load, save

from .effort import try_out

ROWS = pd.DataFrame({"days": np.arange(300.0), "region": ["a", "b", "c"] * 100})


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = PropensityModel(n_threads=1, n_trees=5).fit(ROWS, (np.arange(300) % 7 < 3).astype(int))
    return save(model, tmp_path_factory.mktemp("model") / "saved", {"task": "churn"})


def test_a_byte_that_changed_is_refused(saved: Path, tmp_path: Path) -> None:
    names = sorted(path.name for path in saved.iterdir())

    def check(name: str, place: int, change: bytes) -> None:
        folder = shutil.copytree(saved, tmp_path / "m", dirs_exist_ok=True)
        raw = (saved / name).read_bytes()
        at = place % len(raw)
        changed = raw[:at] + change + raw[at + max(len(change), 1) :]
        (folder / name).write_bytes(changed)
        if changed == raw:
            return
        try:
            model = load(folder)
        except PenchantError:
            return
        assert name == "SHA256SUMS"  # a line's end more or less
        assert (model.predict_proba(ROWS) == load(saved).predict_proba(ROWS)).all()  # type: ignore[union-attr]

    try_out(check, 60, name=st.sampled_from(names), place=st.integers(0, 10**6), change=st.binary(max_size=4))


def test_values_that_changed_with_their_hash_are_refused_or_give_numbers(saved: Path, tmp_path: Path) -> None:
    spec = json.loads((saved / "model.json").read_text(encoding="utf-8"))
    places = list(paths_in(spec))

    def check(place: int, value: Any) -> None:
        folder = shutil.copytree(saved, tmp_path / "n", dirs_exist_ok=True)
        text = json.dumps(replaced(spec, places[place % len(places)], value))
        (folder / "model.json").write_text(text, encoding="utf-8")
        with_hashes(folder)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of categories that are new by now
                scores = load(folder).predict_proba(ROWS)  # type: ignore[union-attr]
        except PenchantError:
            return
        assert np.isfinite(scores).all()
        assert ((scores >= 0) & (scores <= 1)).all()

    values = st.sampled_from(
        [None, -1, 0, 1e300, -1e300, 10**30, "", "x", "../x.txt", [], {}, True, [None], ["a"], [1e308], float("nan")]
    )
    try_out(check, 60, place=st.integers(0, 10**6), value=values)


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Any:
    """Yield where each value of a page of JSON stands."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from paths_in(item, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


def with_hashes(folder: Path) -> None:
    """Write the hashes of a model's files anew, as whoever meant the change would."""
    names = [line.partition("  ")[2] for line in (folder / "SHA256SUMS").read_text().splitlines()]
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(lines))
