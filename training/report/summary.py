"""What a reader in a hurry takes away from a training: a verdict, and the sentences that it rests on."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.page import Banner, Words, write_number

from ...models.evaluation.checks import promised
from ...models.evaluation.comparison import Comparison
from ..checks import MAIN_METRIC, REFUSING, may_be_used
from ..train import Trained


def verdict_banner(trained: Trained) -> Banner:
    """Return whether the model may be used and beats its baselines, whom it finds, and what its promises are worth."""
    text = " ".join((_tenth(trained), _promise(trained), _issues(trained)))
    return Banner(_verdict(trained), text)


def _verdict(trained: Trained) -> Words:
    if not may_be_used(trained.checks):
        faults = [check for check in trained.checks if check.is_issue and check.code in REFUSING]
        return Words("Not fit for use. " + " ".join(check.explanation for check in faults), "bad")
    main = MAIN_METRIC[trained.task.kind]
    against = {name: found[main] for name, found in trained.board.comparisons.items()}
    better = sum(found.verdict == "better" for found in against.values())
    told = f"No baseline does better; the model is better than {better} of {len(against)}"
    rest = [name.replace("_", " ") for name, found in against.items() if found.verdict == "not separable"]
    return Words(f"{told}, not separable from {', '.join(rest)}." if rest else f"{told}.", "good")


def difference_text(found: Comparison, form: str = "+,.3f") -> str:
    """Return a difference, and where it cannot be told from zero the smallest that would have been detected.

    Examples
    --------
    >>> from penchant.models.inputs.estimate import Estimate
    >>> difference_text(Comparison("auc", Estimate(0.002, -0.001, 0.005), "not separable", 0.0043))
    '+0.002; 0.004 would have been detected'
    """
    gained = write_number(found.difference.value, form)
    if found.verdict != "not separable":
        return gained
    return f"{gained}; {write_number(found.smallest_difference, form.lstrip('+'))} would have been detected"


def _tenth(trained: Trained) -> str:
    first = trained.deciles.iloc[0]
    if trained.task.kind == "binary":
        held = f"'{trained.task.meaning}' held for {first['rate']:.0%} of the tenth with the highest scores"
        return f"{held}, and for {_overall(trained):.0%} of all."
    return f"The tenth with the highest scores spent {first['rate']:,.2f} each, all {_overall(trained):,.2f}."


def _overall(trained: Trained) -> float:
    metrics = trained.board.metrics
    return (metrics["base_rate"] if trained.task.kind == "binary" else metrics["mean"]).value


def _promise(trained: Trained) -> str:
    is_off, words = promised(trained.board.metrics["bias_percent"])
    return f"{words}: use the order, not the numbers." if is_off else f"{words}."


def _issues(trained: Trained) -> str:
    issues = sum(check.is_issue for check in trained.checks)
    if not issues:
        return f"All of {len(trained.checks)} checks passed or did not apply."
    return f"{issues} of {len(trained.checks)} checks found something; the report's last section lists them."


def left_out_line(left_out: Mapping[str, str]) -> str:
    """Return which baselines are not there, and why; nothing where all are.

    Examples
    --------
    >>> left_out_line({"rfm_sum": "the matrix lacks rfm_total"})
    'Left out: rfm sum (the matrix lacks rfm_total).'
    """
    told = "; ".join(f"{name.replace('_', ' ')} ({reason})" for name, reason in left_out.items())
    return f"Left out: {told}." if told else ""
