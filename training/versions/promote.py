"""What must hold before a challenger is put in use: one gate, one question, one `Check`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.config import Config

from ...features.outcomes.tasks import Task, configured_days
from ...models.evaluation.checks import same_horizon
from ...models.evaluation.comparison import Comparison
from ...models.inputs.check import Check, Outcome
from ..checks import MAIN_METRIC, REFUSING
from .compare import PROPER_METRIC, Standings

DEFAULT = "default_parameters"


def gates(found: Standings, challenger: str, champion: str | None, record: Mapping[str, Any]) -> tuple[Check, ...]:
    """Return the gates between a challenger and its use.

    Parameters
    ----------
    found
        All versions on the common test.
    challenger, champion
        Their names there; no champion: None.
    record
        What its training wrote: ``checks``, and ``comparisons`` with the baselines and the default parameters.
    """
    return (
        recorded_checks(record),
        against_champion(found, challenger, champion),
        against_baselines(found, challenger),
        against_default(record),
    )


def recorded_checks(record: Mapping[str, Any]) -> Check:
    """Ask whether the checks that were recorded with the version allow its use."""
    code, title = "recorded-checks", "The checks of its training allow its use"
    checks = record.get("checks")
    if not checks:
        return Check(code, title, "No checks were recorded with it: train it again.", "issue")
    issues = [check for check in checks if check["outcome"] == "issue"]
    refusing = [check["explanation"] for check in issues if check["code"] in REFUSING]
    facts = {"issues": [check["code"] for check in issues]}
    if refusing:
        return Check(code, title, " ".join(refusing), "issue", facts)
    told = f"{len(checks)} checks, {len(issues)} issues, none of which forbids using it."
    return Check(code, title, told, "passed", facts)


def against_champion(found: Standings, challenger: str, champion: str | None) -> Check:
    """Ask whether the champion does better on the common test, by its ranking or by its promises."""
    code, title = "worse-than-champion", "It is not worse than the champion"
    if challenger not in found.scores:
        return Check(code, title, f"It cannot be judged: {found.not_ranked.get(challenger, '')}.", "issue")
    if champion is None or champion == challenger:
        return Check(code, title, "There is no other champion.", "not applicable")
    if champion not in found.scores:
        told = f"The champion cannot be judged: {found.not_ranked.get(champion, 'it is gone')}."
        return Check(code, title, told, "not applicable")
    return _not_worse(code, title, found, challenger, champion)


def against_baselines(found: Standings, challenger: str) -> Check:
    """Ask whether the best baseline does better on the common test."""
    code, title = "worse-than-baseline", "It is not worse than the best baseline"
    if challenger not in found.scores:
        return Check(code, title, f"It cannot be judged: {found.not_ranked.get(challenger, '')}.", "issue")
    if not found.baselines:
        return Check(code, title, "There is no baseline.", "not applicable")
    return _not_worse(code, title, found, challenger, found.baselines[0].name, only_main=True)


def against_default(record: Mapping[str, Any]) -> Check:
    """Ask whether a tuned model is worse than an untuned one was on the test of its training."""
    code, title = "worse-than-default", "Tuning did not make it worse"
    comparisons = record.get("comparisons", {}).get(DEFAULT)
    if not comparisons:
        return Check(code, title, "It was not tuned.", "not applicable")
    verdicts = {name: comparisons[name]["verdict"] for name in _deciding(comparisons)}
    told = ", ".join(f"{verdict} by {name.replace('_', ' ')}" for name, verdict in verdicts.items())
    outcome: Outcome = "issue" if "worse" in verdicts.values() else "passed"
    return Check(code, title, f"Against the default parameters: {told}.", outcome, verdicts)


def same_horizon_as_configured(config: Config, task: Task, facts: Mapping[str, Any]) -> Check:
    """Ask whether a saved model predicts what the shop's configuration asks for now.

    Parameters
    ----------
    config, task
        The configuration, and the task as it stands in it.
    facts
        Saved with the model: ``gap_days`` and ``horizon_days``.
    """
    used = configured_days(config, task, facts["horizon_days"])
    return same_horizon({name: facts[name] for name in used}, used)


def _not_worse(code: str, title: str, found: Standings, one: str, other: str, *, only_main: bool = False) -> Check:
    comparisons = found.against(one, other)
    names = [MAIN_METRIC[found.kind]] if only_main else _deciding(comparisons)
    deciding = {name: comparisons[name] for name in names}
    told = "; ".join(str(comparison) for comparison in deciding.values())
    outcome: Outcome = "issue" if any(_is_worse(comparison) for comparison in deciding.values()) else "passed"
    facts = {name: comparison.as_dict() for name, comparison in deciding.items()}
    return Check(code, title, f"Against {other}: {told}.", outcome, facts)


def _deciding(comparisons: Mapping[str, Any]) -> list[str]:
    """Return the metrics that decide: of the ranking, and a proper score of the promises."""
    named = (*MAIN_METRIC.values(), *PROPER_METRIC.values())
    return [name for name in dict.fromkeys(named) if name in comparisons]


def _is_worse(comparison: Comparison) -> bool:
    return comparison.verdict == "worse"
