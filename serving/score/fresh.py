"""Scoring now: with progress reported, and with a warning where the data end before the moment."""

from __future__ import annotations

import warnings
from datetime import timedelta
from pathlib import Path

from penchant.progress import Reporter
from penchant.spreadsheet import shop_time

from ...features.engine.executors import has_executors
from ...features.moments import refuse_before_data
from ...features.shop import Shop
from ..goals.own import own_goals
from .left import leave_matrix
from .registered import ScoreInputs
from .run import ScoringResult, score, work_folder

LATE = timedelta(days=1)  # after the data's end, scores are no longer those of customers as they are


def score_into(
    shop: Shop,
    inputs: ScoreInputs,
    place: Path,
    folder: Path,
    reporter: Reporter,
    *,
    with_reasons: bool = True,
    left: Path | None = None,
) -> ScoringResult:
    """Score everyone who is eligible.

    Parameters
    ----------
    shop, inputs
        The shop, and what the scores depend on.
    place
        Gets the files.
    folder
        Finished batches are stored beside it until everything is done.
    reporter
        Who is told of the progress.
    with_reasons
        Whether each score comes with its reasons.
    left
        A folder in which the matrix is left, as `left_matrix` reads it; default: it goes with the batches.

    Raises
    ------
    InputError
        If the shop had seen nothing yet.
    """
    refuse_before_data(shop, inputs.as_of)
    if inputs.as_of - shop.extract_end > LATE:
        end, at = (shop_time(moment, shop.timezone) for moment in (shop.extract_end, inputs.as_of))
        text = f"the data ends at {end}, before {at}: whatever came after counts as if nothing had happened"
        warnings.warn(text, UserWarning, stacklevel=2)
    own = own_goals(shop.config)
    with (
        work_folder(folder, inputs.key[:16]) as batches,
        reporter.progress(
            f"scoring with {len(inputs.champions)} model{'s' * (len(inputs.champions) != 1)} in use"
        ) as done,
    ):
        result = score(shop, inputs.champions, inputs.as_of, place, batches, own, done, with_reasons=with_reasons)
        if left is not None and not has_executors(shop.backend):  # theirs has a few columns only
            leave_matrix(batches, inputs.facts, left)
        return result
