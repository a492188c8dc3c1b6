"""What can be said of campaigns without a held-out control: whom they chose, and why nothing follows from it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from penchant.errors import PenchantError

from ...features.matrix import KEY, build
from ...features.shop import Shop
from ...features.spine import Spine
from ...models.uplift.arms import read_arms
from ...models.uplift.randomisation import assignment_is_random
from ..dataset import CONTROL


def how_it_chose(shop: Shop, rows: pd.DataFrame, seed: int = 0) -> str:
    """Return how well the customers of the largest wave can be told from those it left out, in a sentence.

    Whoever the shop knew when the wave was assigned and was not in it stands in for the missing control. If the
    features tell the two apart, the campaign chose its customers, and no comparison with the others is an effect.

    Parameters
    ----------
    shop
        The shop.
    rows
        Assignments: customer_id, wave, assigned_at.
    seed
        Of the classifier.
    """
    wave = str(rows["wave"].value_counts().idxmax())
    own = rows[rows["wave"] == wave]
    at = own["assigned_at"].min().to_pydatetime()
    chosen = set(own["customer_id"])
    try:
        frame = build(shop, Spine.at(shop, at)).frame
        is_chosen = frame[KEY[0]].isin(chosen).to_numpy()
        arms = read_arms(np.where(is_chosen, "contacted", CONTROL), None, CONTROL)
        found = assignment_is_random(frame.drop(columns=list(KEY)), arms, seed=seed)
    except PenchantError as fault:
        return f"Whom '{wave}' chose could not be asked: {fault}"
    if "auc" not in found.facts:
        return f"'{wave}' left out too few customers to check how it chose."
    n_others = int((~is_chosen).sum())
    auc = found.facts["auc"]
    if found.is_issue:
        return (
            f"'{wave}' was not randomised: its {len(chosen):,} customers can be told from the {n_others:,} others of "
            f"that day by their features (AUC {auc:.2f}, by chance 0.50). It chose customers of another kind, so no "
            "comparison with the others is an effect."
        )
    return f"'{wave}' cannot be told from the {n_others:,} others of that day (AUC {auc:.2f}), but none was held out."
