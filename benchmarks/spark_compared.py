"""Whether two results are equal: folders of files, frames, JSON objects."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

NEAR, TINY = 1e-9, 1e-12  # of fractions: relative, and beside 0
LINEAR, NEAR_LINEAR = ("logistic", "poisson"), 0.05  # they stop before they have converged: last bits decide where
OF_THE_RUN = frozenset({"seconds", "created_at", "out", "run_id", "store", "key"})  # when, where and from what
READERS = {".parquet": pd.read_parquet, ".csv": pd.read_csv}


def folders_differ(one: Path, other: Path) -> Iterator[str]:
    """Yield in which files two folders differ, and where: of tables, and of JSON but for manifests and settings."""
    names = {str(path.relative_to(root)) for root in (one, other) for path in root.rglob("*") if _holds_results(path)}
    for name in sorted(names):
        pair = one / name, other / name
        if not all(path.is_file() for path in pair):
            yield f"{name}: there once"
        elif reader := READERS.get(pair[0].suffix):
            yield from (f"{name}, {fault}" for fault in frames_differ(*map(reader, pair)))
        else:
            yield from (f"{name}{fault}" for fault in values_differ(*(json.loads(path.read_text()) for path in pair)))


def _holds_results(path: Path) -> bool:
    is_told_apart = path.name in ("manifest.json", "config.json") or "accepted" in path.parts
    return path.suffix in (*READERS, ".json") and not is_told_apart


def frames_differ(one: pd.DataFrame, other: pd.DataFrame) -> Iterator[str]:
    """Yield in which columns two frames differ, row by row in their order."""
    if list(one) != list(other) or len(one) != len(other):
        yield f"{len(one)} rows of {list(one)} and {len(other)} of {list(other)}"
        return
    for name in one:
        try:
            pd.testing.assert_series_equal(one[name], other[name], rtol=NEAR, atol=TINY)
        except AssertionError as fault:
            yield f"column '{name}': {' '.join(str(fault).split())[:300]}"


def values_differ(one: Any, other: Any, where: str = "", near: float = NEAR) -> Iterator[str]:
    """Yield where two values of JSON differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        loose = NEAR_LINEAR if one.get("name") in LINEAR else near
        for name in {**one, **other}:
            if name not in OF_THE_RUN:
                mine = NEAR_LINEAR if name in LINEAR else loose
                yield from values_differ(one.get(name), other.get(name), f"{where}/{name}", mine)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, pair in enumerate(zip(one, other, strict=True)):
            yield from values_differ(*pair, f"{where}/{place}", near)
    elif isinstance(one, float) and isinstance(other, float):
        if not math.isclose(one, other, rel_tol=near, abs_tol=TINY if near == NEAR else near):
            yield f"{where}: {one} and {other}"
    elif one != other:
        yield f"{where}: {str(one)[:80]} and {str(other)[:80]}"
