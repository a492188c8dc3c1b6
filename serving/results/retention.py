"""Which results are older than a shop's rules allow, and which are needed all the same."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from penchant.config_serving import RetentionSection
from penchant.errors import OutputError
from penchant.output import locked

from .inventory import StoredResult, bytes_of, leftovers_below, remove_leftover, results_below


@dataclass(frozen=True, eq=False)
class Cleanup:
    """What can go, and what stays.

    Attributes
    ----------
    results
        All results.
    expired
        Those that are older than the rules allow and not needed.
    needed
        Those that are older than the rules allow -> why they stay.
    leftovers
        What killed runs left -> its bytes.
    now
        The moment that ages are counted back from; None where no result has a date.
    """

    results: Sequence[StoredResult]
    expired: Sequence[StoredResult]
    needed: Mapping[Path, str]
    leftovers: Mapping[Path, int]
    now: datetime | None

    def as_dict(self) -> dict[str, Any]:
        """Return all of it by name."""
        steps: dict[str, dict[str, int]] = {}
        for result in self.results:
            facts = steps.setdefault(result.step, {"n": 0, "bytes": 0, "n_expired": 0, "bytes_expired": 0})
            end = "_expired" if result in self.expired else ""
            facts["n"] += 1
            facts["bytes"] += result.n_bytes
            if end:
                facts["n_expired"] += 1
                facts["bytes_expired"] += result.n_bytes
        return {
            "now": None if self.now is None else self.now.isoformat(),
            "steps": steps,
            "expired": [str(result.path) for result in self.expired],
            "needed": {str(path): why for path, why in self.needed.items()},
            "leftovers": {str(path): n_bytes for path, n_bytes in self.leftovers.items()},
        }


def cleanup_of(folder: Path, rules: RetentionSection, now: datetime | None = None) -> Cleanup:
    """Return what the rules allow to remove below a folder.

    Parameters
    ----------
    folder
        The results of a shop.
    rules
        How long results of each step are kept; steps without a rule are kept for ever.
    now
        The moment that ages are counted back from, UTC without a zone; default: that of the latest result.

    Returns
    -------
    Cleanup
        The latest result of each step always stays, as do scores whose horizon is not over, the latest scores whose
        horizon is (`penchant monitor` compares them with what came), and scores that the manifest of an audience or a
        plan names.
    """
    results = results_below(folder)
    dated = [result.as_of for result in results if result.as_of is not None]
    now = now or max(dated, default=None)
    leftovers = {path: bytes_of(path) for path in leftovers_below(folder)}
    if now is None:
        return Cleanup(results, [], {}, leftovers, now)
    old = [result for result in results if _is_old(result, rules.days(), now)]
    needed = {result.path: why for result in old if (why := _need(result, results, now))}
    return Cleanup(results, [result for result in old if result.path not in needed], needed, leftovers, now)


def remove(cleanup: Cleanup) -> tuple[int, list[str]]:
    """Remove what can go; return the bytes that became free, and what another run holds and so stays."""
    freed, busy = 0, []
    sizes = {result.path: result.n_bytes for result in cleanup.expired} | dict(cleanup.leftovers)
    for path, n_bytes in sizes.items():
        try:
            remove_leftover(path) if path in cleanup.leftovers else _remove(path)
        except OutputError:
            busy.append(str(path))
        else:
            freed += n_bytes
    return freed, busy


def _remove(path: Path) -> None:
    """Remove a result so that no half of it is ever taken for one."""
    former = path.with_name(f".{path.name}.old")
    with locked(path):
        shutil.rmtree(former, ignore_errors=True)
        path.rename(former)
        shutil.rmtree(former)


def _is_old(result: StoredResult, days: Mapping[str, int], now: datetime) -> bool:
    limit = days.get(result.step)
    return limit is not None and result.as_of is not None and result.as_of < now - timedelta(days=limit)


def _need(result: StoredResult, results: Sequence[StoredResult], now: datetime) -> str:
    """Return why a result is needed; empty where it is not."""
    alike = [other for other in results if other.step == result.step and other.as_of is not None]
    if result is max(alike, key=_by_moment):
        return "the latest of its step"
    if result.step != "score":
        return ""
    if _ends(result) > now:
        return f"its horizon ends on {_ends(result):%Y-%m-%d}"
    if result is max((other for other in alike if _ends(other) <= now), key=_by_moment):
        return "the latest scores whose horizon is over"
    named = [other.path for other in results if _scores_named_by(other) == result.manifest.get("key", "")]
    return f"named by '{named[0]}'" if named and result.manifest.get("key") else ""


def _by_moment(result: StoredResult) -> tuple[datetime, Path]:
    return result.as_of or datetime.min, result.path


def _ends(result: StoredResult) -> datetime:
    """Return when the longest horizon of scores is over."""
    tasks = result.manifest.get("tasks", {}).values()
    days = max((int(facts.get("gap_days", 0)) + int(facts["horizon_days"]) for facts in tasks), default=0)
    return (result.as_of or datetime.min) + timedelta(days=days)


def _scores_named_by(result: StoredResult) -> str | None:
    """Return the key of the scores that an audience or a plan was drawn from, where its manifest names one."""
    inputs = result.manifest.get("inputs")
    key = inputs.get("scores") if isinstance(inputs, dict) else None
    return str(key) if key else None
