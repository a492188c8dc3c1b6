"""Score rows of signals that a program sends, by the models in use, without the shop."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import pandas as pd

from penchant.errors import InputError, NotThereError, did_you_mean, quoted

from ...models.store.in_use import models_in_use
from .names import as_json
from .settings import WebSettings

if TYPE_CHECKING:
    from ..score.champion import Champion

MOST_LIVE_ROWS = 1_000
Row = Mapping[str, float | str | bool | None]
ALONE = Lock()  # Python's record of warnings is one for the whole process


def champion_in_use(settings: WebSettings, name: str) -> Champion:
    """Return a champion by its task, or ``uplift.GOAL``.

    Raises
    ------
    NotThereError
        If none of that name is in use.
    """
    prefix = f"{settings.config.shop.name}."
    in_use = {key.removeprefix(prefix): one for key, one in (models_in_use(settings.store) or {}).items()}
    if name not in in_use:
        raise NotThereError("model", "one that is in use", quoted(name[:64]), did_you_mean(name, in_use))
    return _loaded(in_use[name].folder, str(in_use[name].version))


@lru_cache(maxsize=16)
def _loaded(folder: Path, version: str) -> Champion:
    from ..score.champion import Champion  # loads what learns: the page starts without it

    return Champion.load(folder, version)


def model_signals(settings: WebSettings, name: str) -> dict[str, Any]:
    """Return what a model in use reads: each signal with its meaning, unit, type and bounds."""
    champion = champion_in_use(settings, name)
    kept = ("name", "meaning", "unit", "dtype", "low", "high", "missing")
    return {
        **_facts(champion),
        "signals": [{key: as_json(getattr(one, key)) for key in kept} for one in champion.columns],
    }


def live_scores(settings: WebSettings, name: str, rows: Sequence[Row], *, with_reasons: bool = True) -> dict[str, Any]:
    """Return the scores of rows of signals, in their order.

    Parameters
    ----------
    settings
        Where the models are.
    name
        Of the model: a task, or ``uplift.GOAL``.
    rows
        Signal -> value; what is absent or null is not known. Amounts in major units.
    with_reasons
        Whether each score comes with its reasons.

    Raises
    ------
    InputError
        If there are no rows or too many, a name is none of the model's signals, or a value is of another type.
    NotThereError
        If no such model is in use.
    """
    from ..score.champion import REASONS  # loads what learns: the page starts without it

    champion = champion_in_use(settings, name)
    if not 0 < len(rows) <= MOST_LIVE_ROWS:
        raise InputError("rows", f"1 to {MOST_LIVE_ROWS:,} rows", f"{len(rows):,}")
    frame = _frame(champion, rows)
    with ALONE, warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        scored = champion.scored(frame, with_reasons=with_reasons)
    found = [
        {key: as_json(value) for key, value in row.items() if key not in ("customer_id", *REASONS)}
        | ({"reasons": [row[key] for key in REASONS if row.get(key)]} if with_reasons else {})
        for row in scored.to_pylist()
    ]
    notes = [str(one.message) for one in noted if issubclass(one.category, UserWarning)]
    return {**_facts(champion), "rows": found, "notes": list(dict.fromkeys(notes))}


def _facts(champion: Champion) -> dict[str, Any]:
    return {"model": champion.version, "kind": champion.kind, "horizon_days": champion.horizon_days}


def _frame(champion: Champion, rows: Sequence[Row]) -> pd.DataFrame:
    known = {column.name: column.dtype == "string" for column in champion.columns}
    unknown = sorted({name for row in rows for name in row} - set(known))
    if unknown:
        hint = did_you_mean(unknown[0], known)
        raise InputError("rows", f"signals that '{champion.version}' reads", quoted(unknown), hint)
    columns = {
        name: pd.Series([_value(name, row.get(name), is_text) for row in rows], dtype=object if is_text else "float64")
        for name, is_text in known.items()
    }
    return pd.DataFrame({"customer_id": [str(place) for place in range(len(rows))], **columns})


def _value(name: str, value: float | str | bool | None, is_text: bool) -> float | str | None:
    if value is None:
        return None if is_text else float("nan")
    if isinstance(value, str) != is_text:
        raise InputError(f"signal '{name}'", "a text" if is_text else "a number", quoted(str(value)[:40]))
    return value if isinstance(value, str) else float(value)
