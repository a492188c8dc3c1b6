"""Edge: the journal in which a search is kept, so that a killed one goes on where it was.

One file a model, with a line for each thing that happened. A run holds the file's lock, which the system releases
however the run ends; what a killed run left half-written is cut off by the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.output import locked

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

STARTUP_TRIALS = 8  # drawn at random before the sampler learns from them
STARTUP_PRUNING = 4  # finished before any is given up halfway
BLOCK = 65_536


@contextmanager
def opened(path: Path, name: str) -> Iterator[Study]:
    """Open the study of a name in a journal, new or as it was left.

    Parameters
    ----------
    path
        The journal; made with its folder where it is absent.
    name
        The study: another task, data, schedule or search space is another study.

    Raises
    ------
    OutputError
        If another run holds the journal.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(logging.WARNING)
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path):
        Path(f"{path}.lock").unlink(missing_ok=True)  # Optuna's own, left by a run that was killed
        cut_torn_line(path)
        study = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(path))),
            study_name=name,
            direction="minimize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_PRUNING),
        )
        _give_up_unfinished(study)
        yield study


def cut_torn_line(path: Path) -> None:
    """Cut off a last line that a killed run did not finish: nothing could be read after it."""
    if not path.is_file():
        return
    with path.open("rb+") as file:
        kept = file.seek(0, 2)
        while kept:
            start = max(0, kept - BLOCK)
            file.seek(start)
            found = file.read(kept - start).rfind(b"\n")
            if found >= 0:
                kept = start + found + 1
                break
            kept = start
        file.truncate(kept)


def _give_up_unfinished(study: Study) -> None:
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


def finished(study: Study) -> list[FrozenTrial]:
    """Return the trials that came to an end, given up halfway or not, in their order."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def proceed(study: Study, objective: Callable[[Trial], float], first: Mapping[str, Any], seed: int) -> FrozenTrial:
    """Run one more trial of a study, and return it.

    What is tried depends on the seed and the finished trials alone, so that a search that was killed and resumed
    tries what it would have tried.

    Parameters
    ----------
    study
        The study.
    objective
        From a trial to its value; may raise ``optuna.TrialPruned``.
    first
        The parameters of the first trial.
    seed
        Of the sampler.
    """
    from optuna import TrialPruned
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    done = len(finished(study))
    study.sampler = TPESampler(seed=seed + done, n_startup_trials=STARTUP_TRIALS)
    if not done and not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        study.enqueue_trial(dict(first))
    trial = study.ask()
    try:
        return study.tell(trial, objective(trial))
    except TrialPruned:
        return study.tell(trial, state=TrialState.PRUNED)
