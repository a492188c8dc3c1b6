"""What audiences and plans are drawn from: the customers, their scores, and earlier assignments.

Where the scores of the moment are ready all of it is read from their folder: the shop is opened by whoever needs it
first, if anybody does.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from penchant.cli.scoring import Inputs, facts_of, inputs_of, score_into
from penchant.cli.work import Work, read_instant
from penchant.errors import InputError, NotThereError

if TYPE_CHECKING:
    import pandas as pd

    from penchant.features.shop import Shop
    from penchant.serving.candidates.gather import Candidates, Known, Score
    from penchant.serving.goals.catalogue import Goal

CAMPAIGN_STEPS = ("audience", "plan")


Opened = Callable[[], "Shop"]  # gives the shop, opened at the first call


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores at hand, the signals beside them, and what a manifest says of where they came from.

    Where they were made of the same data, also what was known of the customers, and the shop's own assignments.
    """

    scores: Sequence[Score]
    signals: pd.DataFrame | None
    facts: dict[str, Any]
    known: tuple[Known, pd.DataFrame | None] | None = None


@contextmanager
def opened_when_needed(work: Work) -> Iterator[Opened]:
    """Give a function that opens the shop at its first call; it is closed afterwards."""
    with ExitStack() as stack:
        yield cache(lambda: stack.enter_context(work.shop()))


def gathered(
    work: Work, shop: Opened, as_of: datetime, goals: Sequence[Goal], scores: Scores, margin_share: float | None
) -> Candidates:
    """Return the customers with what goals ask of them and their scores."""
    from penchant.serving.candidates.gather import candidates_for, gather

    known = None if scores.known is None else _with_rates(shop, as_of, goals, scores)
    ask = partial(gather, shop(), as_of) if known is None else partial(candidates_for, known)
    with work.step(f"gathering what is known of the customers at {as_of:%Y-%m-%d %H:%M} UTC"):
        return ask(goals, scores.scores, scores.signals, margin_share)


def _with_rates(shop: Opened, as_of: datetime, goals: Sequence[Goal], scores: Scores) -> Known | None:
    """Return what was known, with the shop's own rates where a goal has no model and must be asked for one."""
    from penchant.serving.candidates.gather import unscored_tasks

    known, tasks = scores.known[0] if scores.known else None, unscored_tasks(goals, scores.scores)
    if known is None or not tasks:
        return known
    from penchant.serving.candidates.known import rates_at

    return replace(known, rates=rates_at(shop(), as_of, tasks))


def scores_for(
    work: Work, shop: Opened, as_of: datetime, goals: Sequence[Goal], store: Path, folder: Path | None
) -> Scores:
    """Return the scores that rank goals: those in a folder, else those of `penchant score`, else made now.

    Parameters
    ----------
    work, shop, as_of
        The run, the shop and the moment.
    goals
        What is to be ranked.
    store
        The folder of MLflow, for what has to be scored now, and to tell whether ready scores are the champions'.
    folder
        Of scores that are to be taken as they are.

    Raises
    ------
    InputError
        If the folder holds the scores of another moment.
    """
    names = tasks_for(goals)
    if folder is not None:
        return _given(folder, as_of, names)
    with work.step("looking at the champions"):
        ready = work.result_folder("score", as_of)
        facts = _facts_at_hand(work, as_of, store, names)
        if facts is not None and _answers(ready, facts):
            return _read(ready, facts)
        inputs = inputs_of(work, store, as_of, names, must=False)
    if _answers(ready, inputs.facts):
        return _read(ready, inputs.facts)
    if not inputs.champions:
        return Scores((), None, inputs.facts)
    with TemporaryDirectory(prefix="penchant-") as passing:
        return _made(work, shop(), inputs, Path(passing))


def _facts_at_hand(work: Work, as_of: datetime, store: Path, names: Sequence[str]) -> dict[str, Any] | None:
    """Return what scores depend on without loading any model; None where the store cannot be read so."""
    from penchant.models.store.in_use import models_in_use

    found, prefix = models_in_use(store), f"{work.config.shop.name}."
    if found is None:
        return None
    there = {name: found[prefix + name] for name in names if prefix + name in found}
    return facts_of(
        work, as_of, {name: (f"{prefix}{name}/{version}", folder) for name, (version, folder) in there.items()}
    )


def tasks_for(goals: Sequence[Goal]) -> list[str]:
    """Return the names of the champions that goals can use, best evidence first."""
    from penchant.serving.candidates.gather import CHANCES, UPLIFT

    names: list[str] = []
    for goal in goals:
        names += [f"{UPLIFT}.{goal.name}" if task == UPLIFT else task for task in goal.ranked_by]
        names += CHANCES if "value" in goal.ranked_by else ()
    return list(dict.fromkeys(name for name in names if name != "lookalike"))


def _given(folder: Path, as_of: datetime, names: Sequence[str]) -> Scores:
    from penchant.serving.score.read import read_manifest, read_scores, read_signals

    scores, told = read_scores(folder, names), read_manifest(folder) or {}
    if told["as_of"] != as_of.isoformat():
        raise InputError(
            f"scores '{folder}'", f"those of {as_of.isoformat()}", f"those of {told['as_of']}", "Score anew"
        )
    return Scores(scores, read_signals(folder), {"scores": told["key"]})


def _answers(ready: Path, facts: dict[str, Any]) -> bool:
    """Say whether a folder holds the scores of these champions, of the same data."""
    from penchant.serving.score.read import read_manifest

    told = read_manifest(ready)
    if told is None or told.get("step") != "score":
        return False
    same = all(told.get(name) == facts[name] for name in facts if name != "models")
    tasks = {*told["tasks"], *told["left_out"]}
    models = facts["models"]
    return same and all(name in tasks and told["models"].get(name) == models[name] for name in models)


def _made(work: Work, shop: Shop, inputs: Inputs, passing: Path) -> Scores:
    """Score now what ranks; where that cannot be, go on without it: the goal says what it lacks."""
    from penchant.output import replaced_folder

    work.show("[dim]no ready scores of this moment: 'penchant score' keeps them for the next time[/]")
    manifest: dict[str, Any] = {"step": "score", "key": inputs.key, **inputs.facts}
    try:
        with replaced_folder(passing / "score", manifest) as place:
            manifest |= score_into(work, shop, inputs, place, passing / "score").as_dict()
    except LookupError as fault:
        warnings.warn(f"without scores: {fault}", UserWarning, stacklevel=2)
        return Scores((), None, inputs.facts)
    return _read(passing / "score", inputs.facts)


def _read(folder: Path, facts: dict[str, Any]) -> Scores:
    """Return what a folder of the same data holds of the models in the facts.

    What was known of the customers is taken from it where all data are files: of a database nobody can tell whether it
    is still the same, and a consent that was withdrawn must be seen.
    """
    from penchant.cli.work import NO_FILE
    from penchant.serving.score.read import read_known, read_scores, read_signals

    known = None if NO_FILE in facts["sources"].values() else read_known(folder)
    return Scores(read_scores(folder, list(facts["models"])), read_signals(folder), facts, known)


def audience_folders(work: Work, more: Sequence[Path] = (), without: Path | None = None) -> list[Path]:
    """Return the folders of all earlier audiences of the shop: below out/, and below those that are named.

    Parameters
    ----------
    work
        The run.
    more
        Further folders.
    without
        The folder that is being written, which is no past of itself.

    Raises
    ------
    NotThereError
        If a folder that is named is not there: who was contacted would be forgotten.
    """
    from penchant.serving.audience.files import audiences_below

    for place in more:
        if not place.is_dir():
            raise NotThereError("option --past", "a folder of earlier audiences", f"nothing at '{place}'")
    places = [work.result_folder(step) for step in CAMPAIGN_STEPS]
    found = [path for place in (*places, *more) if place.is_dir() for path in audiences_below(place)]
    own = None if without is None else without.resolve()
    kept = [path for path in dict.fromkeys(found) if own not in (path.resolve(), *path.resolve().parents)]
    return sorted(kept)


def past_of_shop(
    work: Work, shop: Shop, as_of: datetime, folders: Sequence[Path]
) -> tuple[pd.DataFrame | None, dict[str, str]]:
    """Return earlier assignments of the shop and of audiences' folders, and the SHA-256 of each record by campaign."""
    from penchant.serving.candidates.gather import assignments_before

    return _past(work, lambda: assignments_before(shop, as_of), as_of, folders)


def past_for(
    work: Work, shop: Opened, as_of: datetime, folders: Sequence[Path], scores: Scores
) -> tuple[pd.DataFrame | None, dict[str, str]]:
    """Return the same as `past_of_shop`, the shop's own assignments from beside the scores where they are there."""
    if scores.known is None:
        return past_of_shop(work, shop(), as_of, folders)
    own = scores.known[1]
    return _past(work, lambda: own, as_of, folders)


def _past(
    work: Work, own: Callable[[], pd.DataFrame | None], as_of: datetime, folders: Sequence[Path]
) -> tuple[pd.DataFrame | None, dict[str, str]]:
    from penchant.output import file_facts
    from penchant.serving.audience.files import RECORD, read_records
    from penchant.serving.candidates.gather import joined_past

    with work.step("reading earlier assignments"):
        records = read_records(folders)
        if records is not None:
            records = records[records["assigned_at"] <= as_of]
        hashes = [file_facts(folder / RECORD)["sha256"] for folder in folders]
        return joined_past(own(), records), dict(
            zip((f"{folder.parent.name}/{folder.name}" for folder in folders), hashes, strict=True)
        )


def instant_or(work: Work, text: str | None, default: datetime) -> datetime:
    """Return the instant that --as-of names, else a default."""
    return default if text is None else read_instant(text, work.config.shop.timezone)
