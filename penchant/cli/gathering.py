"""What audiences and plans are drawn from: the customers, their scores, and earlier assignments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from penchant.cli.scoring import Inputs, inputs_of, score_into
from penchant.cli.work import Work, read_instant
from penchant.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from penchant.features.shop import Shop
    from penchant.serving.candidates import Candidates, Score
    from penchant.serving.goals import Goal

CAMPAIGN_STEPS = ("audience", "plan")


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores at hand, the signals beside them, and what a manifest says of where they came from."""

    scores: Sequence[Score]
    signals: pd.DataFrame | None
    facts: dict[str, Any]


def gathered(
    work: Work, shop: Shop, as_of: datetime, goals: Sequence[Goal], scores: Scores, margin_share: float | None
) -> Candidates:
    """Return the customers with what goals ask of them and their scores."""
    from penchant.serving.candidates import gather

    with work.step(f"gathering what is known of the customers at {as_of:%Y-%m-%d %H:%M} UTC"):
        return gather(shop, as_of, goals, scores.scores, scores.signals, margin_share)


def scores_for(
    work: Work, shop: Shop, as_of: datetime, goals: Sequence[Goal], store: Path, folder: Path | None
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
        inputs = inputs_of(work, store, as_of, names, must=False)
    ready = work.result_folder("score", as_of)
    if _answers(ready, inputs):
        return _read(work, ready, list(inputs.registered), inputs.facts)
    if not inputs.champions:
        return Scores((), None, inputs.facts)
    with TemporaryDirectory(prefix="penchant-") as passing:
        return _made(work, shop, inputs, Path(passing))


def tasks_for(goals: Sequence[Goal]) -> list[str]:
    """Return the names of the champions that goals can use, best evidence first."""
    from penchant.serving.candidates import CHANCES
    from penchant.serving.champion import UPLIFT

    names: list[str] = []
    for goal in goals:
        names += [f"{UPLIFT}.{goal.name}" if task == UPLIFT else task for task in goal.ranked_by]
        names += CHANCES if "value" in goal.ranked_by else ()
    return list(dict.fromkeys(name for name in names if name != "lookalike"))


def _given(folder: Path, as_of: datetime, names: Sequence[str]) -> Scores:
    from penchant.serving.score_files import read_manifest, read_scores, read_signals

    scores, told = read_scores(folder, names), read_manifest(folder) or {}
    if told["as_of"] != as_of.isoformat():
        raise InputError(
            f"scores '{folder}'", f"those of {as_of.isoformat()}", f"those of {told['as_of']}", "Score anew"
        )
    return Scores(scores, read_signals(folder), {"scores": told["key"]})


def _answers(ready: Path, inputs: Inputs) -> bool:
    """Say whether a folder holds the scores of these champions, of the same data."""
    from penchant.serving.score_files import read_manifest

    told = read_manifest(ready)
    if told is None or told.get("step") != "score":
        return False
    same = all(told.get(name) == inputs.facts[name] for name in inputs.facts if name != "models")
    tasks = {*told["tasks"], *told["left_out"]}
    models = inputs.facts["models"]
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
        work.show(f"[yellow]without scores[/]: {fault}")
        return Scores((), None, inputs.facts)
    return _read(work, passing / "score", list(inputs.registered), inputs.facts)


def _read(work: Work, folder: Path, names: Sequence[str], facts: dict[str, Any]) -> Scores:
    from penchant.serving.score_files import read_scores, read_signals

    with work.step("reading the scores"):
        return Scores(read_scores(folder, names), read_signals(folder), facts)


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
    """
    from penchant.serving.audience_files import audiences_below

    places = [work.result_folder(step) for step in CAMPAIGN_STEPS]
    found = [path for place in (*places, *more) if place.is_dir() for path in audiences_below(place)]
    own = None if without is None else without.resolve()
    kept = [path for path in dict.fromkeys(found) if own not in (path.resolve(), *path.resolve().parents)]
    return sorted(kept)


def past_of_shop(
    work: Work, shop: Shop, as_of: datetime, folders: Sequence[Path]
) -> tuple[pd.DataFrame | None, dict[str, str]]:
    """Return earlier assignments of the shop and of audiences' folders, and the SHA-256 of each record by campaign."""
    from penchant.output import file_facts
    from penchant.serving.audience_files import RECORD, read_records
    from penchant.serving.candidates import past_of

    with work.step("reading earlier assignments"):
        records = read_records(folders)
        if records is not None:
            records = records[records["assigned_at"] <= as_of]
        hashes = [file_facts(folder / RECORD)["sha256"] for folder in folders]
        return past_of(shop, as_of, records), dict(
            zip((f"{folder.parent.name}/{folder.name}" for folder in folders), hashes, strict=True)
        )


def instant_or(work: Work, text: str | None, default: datetime) -> datetime:
    """Return the instant that --as-of names, else a default."""
    return default if text is None else read_instant(text, work.config.shop.timezone)
