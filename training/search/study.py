"""Edge: the study in which a search is kept, so that a killed one goes on where it was.

Optuna's own storage, one SQLite file a model: `optuna-dashboard sqlite:///FILE` opens it. Several runs may work on one
study at a time. Each holds a place, whose lock the system releases however the run ends; whoever takes a place over
gives up the trial that its last holder left unfinished.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna import TrialPruned
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy.exc import DBAPIError

from penchant.errors import InputError, OutputError
from penchant.output import locked

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

STARTUP_TRIALS = 8  # drawn at random before the sampler learns from them
STARTUP_PRUNING = 4  # finished before any is given up halfway
MOST_WORKERS = 64
SEEDS_OF_A_WORKER = 1_000_000
BUSY_SECONDS = 60.0  # how long one worker waits for another's commit
WORKER = "worker"  # the attribute of a trial that names its place


@dataclass(frozen=True)
class Worker:
    """One run's part in a study.

    Parameters
    ----------
    study
        The study.
    place
        0, or with several runs at a time which of them.
    """

    study: Study
    place: int

    def finished(self) -> list[FrozenTrial]:
        """Return the trials of all workers that came to an end, given up halfway or not, in their order."""
        return self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))

    def proceed(self, objective: Callable[[Trial], float], first: Mapping[str, Any], seed: int) -> FrozenTrial:
        """Run one more trial of the study, and return it.

        What is tried depends on the seed, the place and the finished trials alone, so that a search that was killed
        and resumed tries what it would have tried.

        Parameters
        ----------
        objective
            From a trial to its value; may raise ``optuna.TrialPruned``.
        first
            The parameters of the study's first trial.
        seed
            Of the sampler.
        """
        done = len(self.finished())
        seeds = seed + SEEDS_OF_A_WORKER * self.place + done
        self.study.sampler = TPESampler(seed=seeds, n_startup_trials=STARTUP_TRIALS)
        begun = (TrialState.WAITING, TrialState.RUNNING)
        if not done and not self.study.get_trials(deepcopy=False, states=begun):
            self.study.enqueue_trial(dict(first))
        trial = self.study.ask()
        trial.set_user_attr(WORKER, self.place)
        try:
            return self.study.tell(trial, objective(trial))
        except TrialPruned:
            return self.study.tell(trial, state=TrialState.PRUNED)


@contextmanager
def opened_study(path: Path, name: str) -> Iterator[Worker]:
    """Open the study of a name in a file, new or as it was left, and give this run its part in it.

    Parameters
    ----------
    path
        The SQLite file; made with its folder where it is absent.
    name
        The study: another task, data, schedule or search space is another study.

    Raises
    ------
    InputError
        If the file is no study, such as the journal of an earlier version.
    OutputError
        If the file cannot be written.
    """
    optuna.logging.set_verbosity(logging.WARNING)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        refuse_other_files(path)
        with _place(path) as place:
            with locked(path, wait=BUSY_SECONDS):  # two that make the tables at once would trip over each other
                storage = RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": BUSY_SECONDS}})
                pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP_PRUNING)
                study = optuna.create_study(
                    storage=storage, study_name=name, direction="minimize", load_if_exists=True, pruner=pruner
                )
            _give_up_unfinished(study, place)
            try:
                yield Worker(study, place)
            finally:
                storage.remove_session()
                storage.engine.dispose()
    except (DBAPIError, OSError) as fault:
        if isinstance(fault, OutputError):
            raise
        told = str(getattr(fault, "orig", fault)).splitlines()[0]
        raise OutputError(
            f"search '{path}'", "a file that can be written", told, "Free some space, or move it"
        ) from None


def refuse_other_files(path: Path) -> None:
    """Raise InputError where a file is there but is no SQLite database, or an earlier version's journal lies beside."""
    journal = path.with_suffix(".journal")
    if journal.is_file() and not path.exists():
        raise _no_study(journal, "the journal of an earlier version")
    if not path.is_file() or not path.stat().st_size:
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.OperationalError:
        return  # locked or not readable: what opens it says so
    except sqlite3.DatabaseError as fault:
        raise _no_study(path, str(fault)) from None


def _no_study(path: Path, what: str) -> InputError:
    return InputError(f"search '{path}'", "a study of this version", what, "Remove it: the search begins anew")


@contextmanager
def _place(path: Path) -> Iterator[int]:
    """Give the first place that no living run holds."""
    with ExitStack() as stack:
        for place in range(MOST_WORKERS):
            with suppress(OutputError):
                stack.enter_context(locked(path.with_name(f"{path.name}.{place}")))
                yield place
                return
    raise OutputError(f"search '{path}'", f"at most {MOST_WORKERS} runs at a time", "more", "Wait for one to end")


def _give_up_unfinished(study: Study, place: int) -> None:
    """Give up the trials that a run of this place left when it was killed."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.user_attrs.get(WORKER, 0) == place:
            study.tell(trial.number, state=TrialState.FAIL)
