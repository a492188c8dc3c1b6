"""The command nightly: everything that is due once a day, each step safe to repeat, with one exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any

import typer

from penchant.cli.log import Level
from penchant.cli.options.campaigns import MeasureOptions, PlanOptions
from penchant.cli.options.models import MonitorOptions, PromoteOptions, ScoreOptions, TrainOptions
from penchant.cli.options.operations import CleanOptions, NightlyOptions
from penchant.cli.options.shop import CheckOptions
from penchant.cli.work import Work, folder_name
from penchant.errors import InputError, PenchantError
from penchant.features.intake.report import UNCHANGED
from penchant.models.store.artifact import read_facts
from penchant.models.store.in_use import models_in_use
from penchant.models.store.registry import Registry
from penchant.output import locked, read_json, replaced_folder, write_json
from penchant.serving.audience.files import read_records
from penchant.serving.audience.past import audience_folders
from penchant.serving.measure.due import campaigns_of, campaigns_over
from penchant.temporary import Scratch

from .check import run_check
from .clean import run_clean
from .measure import run_measure
from .monitor import run_monitor
from .plan import run_plan
from .promote import run_promote
from .score import run_score
from .train import run_train

WINDOWS = (2, 10, 30)  # days after each wave
UPLIFT = "uplift."
AGE_AFTER_ALARM = timedelta(days=7)  # of a challenger that did not pass: as good as new


@dataclass(frozen=True)
class StepResult:
    """How a step of the night ended.

    Parameters
    ----------
    name
        The step.
    text
        What it did, in a few words.
    exit_code
        0 done, 2 the input or the request is at fault, 3 done but a check failed.
    seconds
        How long it took.
    """

    name: str
    text: str
    exit_code: int
    seconds: float

    def as_dict(self, *, timed: bool = True) -> dict[str, Any]:
        """Return it by name, with or without the time it took."""
        facts = {"name": self.name, "text": self.text, "exit_code": self.exit_code}
        return {**facts, "seconds": self.seconds} if timed else facts


@dataclass
class Night:
    """A night's run: what its steps share."""

    work: Work
    options: NightlyOptions
    failed_checks: list[str] = field(default_factory=list)
    alarmed: list[str] = field(default_factory=list)

    @cached_property
    def moment(self) -> datetime:
        """The moment that the night looks from, UTC without a zone; the shop is opened where it is not given."""
        return self.work.part().day(self.options.as_of)

    @property
    def as_of(self) -> str:
        """The moment, as commands take it."""
        return f"{self.moment:%Y-%m-%dT%H:%M:%SZ}"

    def run(self, command: Callable[[Work, Any], None], options: Any) -> Mapping[str, Any]:
        """Run a command as a part, note a check that failed, and return its result."""
        part = self.work.part()
        try:
            command(part, options)
        except typer.Exit as end:
            if end.exit_code == 3:
                self.failed_checks.append(command.__name__)
            elif end.exit_code:
                raise InputError("penchant check", "tables that the contract accepts", "violations") from None
        return part.result


def run_nightly(work: Work, options: NightlyOptions) -> None:
    """Run the steps of a night, and end with the most serious exit code of them."""
    folder = work.result_folder("nightly")
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder), Scratch(work.config.engine.temp_directory) as passing:
        work.left = passing
        night = Night(work, options)
        results = _steps(night)
        is_refused = len(results) == 1  # then nobody knows of which moment
        if not is_refused:
            _record(night, results)
    code = _exit_code(results)
    when = "" if is_refused else f" {night.as_of}"
    summary = f"nightly{when}: {'; '.join(f'{r.name} {r.text}' for r in results)}; exit code {code}"
    work.show(summary)
    if work.log:
        work.log.write("error" if code else "info", summary, exit_code=code)
    run_id = work.log.run_id if work.log else None
    steps = [result.as_dict() for result in results]
    as_of = None if is_refused else night.moment.isoformat()
    work.finish({"as_of": as_of, "run_id": run_id, "steps": steps, "exit_code": code})
    if code:
        raise typer.Exit(code)


def _steps(night: Night) -> list[StepResult]:
    """Run the steps in order; where the shop's files are at fault, nothing else can be done."""
    results = []
    for name, step in STEPS:
        results.append(_run_step(night, name, step))
        if name == "check" and results[-1].exit_code == 2:
            break
    return results


def _run_step(night: Night, name: str, step: Callable[[Night], str]) -> StepResult:
    """Run one step; an error of ours ends it, and not the night."""
    started, night.failed_checks = monotonic(), []
    try:
        text, code = step(night), 3 if night.failed_checks else 0
    except PenchantError as fault:
        text, code = str(fault), fault.exit_code
    if night.work.log:
        level: Level = "info" if code == 0 else "error"
        night.work.log.write(level, text, step=name, exit_code=code, seconds=round(monotonic() - started, 2))
    return StepResult(name, text, code, round(monotonic() - started, 2))


def _exit_code(results: list[StepResult]) -> int:
    """Return 2 where the input is at fault, else 3 where a check failed, else 0."""
    codes = {result.exit_code for result in results}
    return next((code for code in (2, 3) if code in codes), 0)


def _record(night: Night, results: list[StepResult]) -> None:
    """Write what the night did."""
    folder = night.work.result_folder("nightly", night.moment)
    manifest = {"step": "nightly", "as_of": night.moment.isoformat(), "config": night.work.config.resolved()}
    with replaced_folder(folder, manifest) as place:
        write_json(place / "nightly.json", {"steps": [result.as_dict(timed=False) for result in results]})


def _check(night: Night) -> str:
    checked = night.run(run_check, CheckOptions(rebuild=night.options.rebuild))
    more = [f"{name}: {how}" for name, how in checked["intake"].items() if how != UNCHANGED]
    return f"{len(checked['tables'])} tables accepted" + (f" ({', '.join(more)})" if more else "")


def _score(night: Night) -> str:
    scored = night.run(run_score, ScoreOptions(night.as_of, store=night.options.store))
    return f"{scored['n_customers']:,} customers by {len(scored['tasks'])} models"


def _plans(night: Night) -> str:
    """Draw the waves that are due, and export them."""
    section, options = night.work.config.nightly, night.options
    to = options.to or (Path(section.to) if section.to else None)
    drawn = 0
    for file in options.plan or [Path(name) for name in section.plans]:
        due = night.run(run_plan, PlanOptions(file, night.as_of, to=to, store=options.store))
        drawn += len(due["due"])
    return f"{drawn} waves drawn" + (" and exported" if drawn and to else "")


def _measure(night: Night) -> str:
    """Measure the campaigns that are over and were not measured since."""
    records = read_records(audience_folders(night.work.workspace))
    over = campaigns_over(records, max(WINDOWS), night.moment)
    due = [campaign for campaign, over_at in over.items() if not _is_measured(night.work, campaign, over_at)]
    if not due:
        return "nothing to measure"
    with night.work.part().shop() as shop:
        known = campaigns_of(shop)
    for campaign in due:
        if campaign in known:
            night.run(run_measure, MeasureOptions(campaign, window=list(WINDOWS)))
    texts = [f"{name} {'measured' if name in known else 'not in the assignments of the shop'}" for name in due]
    return ", ".join(texts)


def _is_measured(work: Work, campaign: str, over_at: datetime) -> bool:
    """Say whether a campaign was measured on data that reach its end."""
    path = work.result_folder("measure") / folder_name(campaign) / "measurement.json"
    return path.is_file() and datetime.fromisoformat(read_json(path)["extract_end"]) >= over_at


def _monitor(night: Night) -> str:
    watched = night.run(run_monitor, MonitorOptions(night.as_of, store=night.options.store))
    night.alarmed = watched["tasks_at_fault"]
    return "; ".join(watched["faults"]) or "nothing past its threshold"


def _retrain(night: Night) -> str:
    """Train challengers for models that are too old or raised an alarm, and promote those that pass the gates."""
    rules = night.work.config.nightly
    if rules.retrain_days is None and not rules.retrain_on_alarm:
        return "no rule"
    alarmed = night.alarmed if rules.retrain_on_alarm else []
    outcomes = []
    for task, learned_until in _learned_until(night).items():
        if is_due(night.moment, learned_until, rules.retrain_days, is_alarmed=task in alarmed):
            night.run(run_train, TrainOptions(task, store=night.options.store))
            promoted = night.run(run_promote, PromoteOptions(task, store=night.options.store))["promoted"]
            outcomes.append(f"{task} {'promoted' if promoted else 'waits as challenger'}")
    night.failed_checks.clear()  # a challenger that fails a gate is no alarm: the champion stays
    return ", ".join(outcomes) or "no model is due"


def is_due(moment: datetime, learned_until: datetime, days: int | None, *, is_alarmed: bool) -> bool:
    """Say whether a task is to be trained again.

    Parameters
    ----------
    moment
        The night's.
    learned_until
        When the last outcomes ended that the task's latest version learned from, champion or challenger.
    days
        So old a version may be; None: of any age.
    is_alarmed
        Whether an alarm was raised: then a version that is a week old is old enough.
    """
    age = moment - learned_until
    return (days is not None and age > timedelta(days=days)) or (is_alarmed and age > AGE_AFTER_ALARM)


def _learned_until(night: Night) -> dict[str, datetime]:
    """Return the tasks that have a champion -> when the outcomes ended that their latest version learned from."""
    store, prefix = night.work.store(night.options.store), f"{night.work.config.shop.name}."
    registry, ends = Registry(store), dict[str, datetime]()
    for name in sorted(models_in_use(store) or {}):
        if not name.startswith(prefix) or name.startswith(f"{prefix}{UPLIFT}"):
            continue
        end = read_facts(registry.folder(registry.versions(name)[0])).get("labels_end")
        if end:
            ends[name.removeprefix(prefix)] = datetime.fromisoformat(end)
    return ends


def _clean(night: Night) -> str:
    cleaned = night.run(run_clean, CleanOptions(night.as_of))
    return f"{len(cleaned['expired'])} old results removed"


STEPS: tuple[tuple[str, Callable[[Night], str]], ...] = (
    ("check", _check),
    ("score", _score),
    ("plans", _plans),
    ("measure", _measure),
    ("monitor", _monitor),
    ("retrain", _retrain),
    ("clean", _clean),
)
