"""What a monitoring found to be past its thresholds, as facts that a page can put into a manager's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_SIGNALS = 3
NOTABLE, STRONG = 0.25, 0.5  # of the population stability index: by custom much, and twice that
LIMITS = {"score_stability": NOTABLE, "unseen": 0.05, "missing": 0.2}  # where a report does not tell its own


def drift_alarms(monitor: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one entry for each thing past a threshold.

    Of ``what`` "scores": how much they moved and which signals did; of "unseen" and "missing": the signals; of
    "promise": what was predicted and what came.
    """
    limits = {**LIMITS, **{name: value for name, value in monitor.get("thresholds", {}).items() if value is not None}}
    scores = [alarm for one in monitor.get("scores", []) for alarm in _of_model(one, monitor, limits)]
    kept = ("task", "as_of", "n_customers", "kind", "promised", "came")
    broken = [one for one in monitor.get("promises", []) if one.get("is_broken")]
    return scores + [{"what": "promise", **{name: one[name] for name in kept}} for one in broken]


def _of_model(
    one: Mapping[str, Any], monitor: Mapping[str, Any], limits: Mapping[str, float]
) -> Iterator[dict[str, Any]]:
    signals, task = monitor.get(f"signals_{one['task']}", []), one["task"]
    if _is_beyond(one, limits["score_stability"]):
        yield {
            "what": "scores",
            "task": task,
            "how": "strongly" if one["psi"] > STRONG else "clearly",
            "before": one.get("usual_before"),
            "now": one.get("usual"),
            "signals": [_moved(each) for each in signals if _is_beyond(each, NOTABLE)][:MOST_SIGNALS],
        }
    unseen = [each for each in signals if (each.get("unseen") or 0.0) > limits["unseen"]]
    if unseen:
        shares = [{"signal": each["signal"], "now": each["unseen"]} for each in unseen[:MOST_SIGNALS]]
        yield {"what": "unseen", "task": task, "signals": shares}
    lost = [each for each in signals if abs(each["missing"] - each["missing_before"]) > limits["missing"]]
    if lost:
        shares = [
            {"signal": each["signal"], "before": each["missing_before"], "now": each["missing"]}
            for each in lost[:MOST_SIGNALS]
        ]
        yield {"what": "missing", "task": task, "signals": shares}


def _is_beyond(one: Mapping[str, Any], limit: float) -> bool:
    return bool(one["psi"] > max(limit, one["by_chance"]))


def _moved(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"signal": one["signal"], "before": one.get("usual_before"), "now": one.get("usual")}
