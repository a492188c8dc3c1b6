"""The crowd builder: how many customers conditions hold for, and what they are like."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from penchant.output import read_json

from ..conditions import Condition, can_be_saved, comparisons_of, read_conditions, together
from ..crowd_words import CROWD, CrowdWords
from ..names import CUSTOMERS_FILE, TRAITS_FILE
from ..rows import counts_of, matching
from .asked import MOST_ROWS, Request, hidden, masked

PROFILE = ("stage", "rfm_segment", "price_tier", "category_top_1")
MOST_OF_A_TRAIT = 12
MOST_VALUES = 40
ALONE = Lock()  # whoever asks for the same crowd at once waits for one count of it


def crowd(asked: Request) -> dict[str, Any]:
    """How many customers conditions hold for, what they are like, and some of them."""
    path, crowds = asked.ready.folder / CUSTOMERS_FILE, asked.own_crowds()
    saved = {name: {"who": one.who, "meaning": one.meaning} for name, one in crowds.items()}
    if not path.is_file():
        nothing: dict[str, Any] = {
            "columns": {},
            "conditions": [],
            "n_customers": 0,
            "n_all": 0,
            "offset": 0,
            "profile": {},
        }
        return {**nothing, "rows": [], "expression": "", "can_be_saved": False, "choices": {}, "saved": saved}
    words = CrowdWords.of(path, crowds, hidden(asked))
    conditions = read_conditions(asked.query.get("c", []), words)
    offset, limit = asked.number("offset", 0, 0, 10**9), asked.number("limit", 20, 1, MOST_ROWS)
    changed = path.stat().st_mtime_ns
    with ALONE:
        n_found, rows = _matching(path, changed, words, conditions, (offset, limit))
        profile = _profile(path, changed, words, conditions)
    return {
        "columns": {name: list(how) for name, how in comparisons_of(words).items()},
        "conditions": [vars(one) | {"query": one.query, "text": one.text} for one in conditions],
        "n_customers": n_found,
        "offset": offset,
        "limit": limit,
        "n_all": pq.read_metadata(path).num_rows,
        "profile": profile,
        "rows": [masked(asked, row) for row in rows],
        "expression": " and ".join(one.text for one in conditions),
        "can_be_saved": bool(conditions) and can_be_saved(conditions),
        "choices": _values(path, changed, words),
        "saved": {name: {**one, "n_customers": _size(path, changed, words, name)} for name, one in saved.items()},
    }


@lru_cache(maxsize=64)
def _matching(
    path: Path, _changed: int, words: CrowdWords, conditions: tuple[Condition, ...], rows: tuple[int, int]
) -> tuple[int, list[Any]]:
    offset, limit = rows
    return matching(path, together(conditions, words), limit, offset)


@lru_cache(maxsize=256)
def _size(path: Path, _changed: int, words: CrowdWords, name: str) -> int | None:
    """Return how many customers are in an own crowd; None where it names what is not prepared yet."""
    if CROWD + name in dict(words.kinds):
        return matching(path, pc.field(CROWD + name) == 1, 0)[0]
    return matching(path, words.expressions[name], 0)[0] if name in words.expressions else None


@lru_cache(maxsize=4)
def _everybody(path: Path, _changed: int, names: tuple[str, ...]) -> Mapping[str, Mapping[str, int]]:
    """Return column of text -> value -> how many customers have it, as prepared, else counted."""
    prepared = path.parent / TRAITS_FILE
    told = read_json(prepared) if prepared.is_file() else {}
    return told if set(names) <= set(told) else counts_of(path, names, None)


def _values(path: Path, changed: int, words: CrowdWords) -> dict[str, list[str]]:
    """Return column of text -> the values that it has, most frequent first."""
    names = tuple(name for name, kind in words.kinds if kind == "text")
    counts = _everybody(path, changed, names)
    ranked = {name: sorted(counts[name].items(), key=lambda item: -item[1])[:MOST_VALUES] for name in names}
    return {name: [value for value, _n in found if value != "None"] for name, found in ranked.items()}


@lru_cache(maxsize=64)
def _profile(
    path: Path, changed: int, words: CrowdWords, conditions: tuple[Condition, ...]
) -> dict[str, list[dict[str, Any]]]:
    """Return trait -> its values with the share in the crowd and in everybody, and the index (100 = as the base)."""
    names = [name for name in PROFILE if name in words.known]
    everybody, inside = _everybody(path, changed, tuple(names)), counts_of(path, names, together(conditions, words))
    found: dict[str, list[dict[str, Any]]] = {}
    for name in names:
        n_all, n_inside = sum(everybody[name].values()), max(sum(inside[name].values()), 1)
        found[name] = [
            {
                "value": value,
                "share": (share := inside[name].get(value, 0) / n_inside),
                "base_share": (base_share := n / n_all),
                "index": 100 * share / base_share,
            }
            for value, n in sorted(everybody[name].items(), key=lambda item: -item[1])[:MOST_OF_A_TRAIT]
        ]
    return found
