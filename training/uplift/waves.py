"""Which rows of past waves form a trial, with which arms and probabilities. What does not is named."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2_contingency

from penchant.errors import CheckFailedError, quoted

from ..dataset import CONTROL

Floats = npt.NDArray[np.float64]
Sentences = tuple[str, ...]

CHANCE_OF_DEPENDENCE = 0.001  # below, a later wave's arms are not drawn afresh
CERTAIN = 1.0


def trial_rows(rows: pd.DataFrame) -> tuple[pd.DataFrame, Sentences]:
    """Return the rows whose arm was drawn for that wave.

    Where a campaign carries its arms from wave to wave and who came back leaves, a later wave's list is no trial: only
    each customer's first wave counts. Waves drawn afresh are trials of their own.

    Parameters
    ----------
    rows
        campaign_id, customer_id, arm, number (of the wave).
    """
    ordered = rows.sort_values(["campaign_id", "customer_id", "number"], kind="stable")
    is_again = ordered.duplicated(["campaign_id", "customer_id"])
    ordered["before"] = ordered.groupby(["campaign_id", "customer_id"])["arm"].shift()
    again = ordered[is_again]
    carried = [str(name) for name, own in again.groupby("campaign_id") if _depends(own["before"], own["arm"])]
    drop = again.index[again["campaign_id"].isin(carried)]
    if drop.empty:
        return rows, ()
    told = (
        f"{len(drop):,} rows of later waves whose arms were carried over from an earlier one: who came back had left, "
        "so they are no trial. The first wave's arm counts for its customers."
    )
    return rows.drop(drop).reset_index(drop=True), (told,)


def _depends(before: pd.Series[str], after: pd.Series[str]) -> bool:
    table = pd.crosstab(before, after)
    return min(table.shape) < 2 or float(chi2_contingency(table).pvalue) <= CHANCE_OF_DEPENDENCE


def arms_in_use(rows: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...], Sentences]:
    """Return the rows of the waves that hold a control and the usual treatments, and these treatments.

    An arm is compared with the controls of its own waves only. The treatments in use are those that stand together in
    the waves with most customers; of waves with more arms, the rows of the other arms are left out.

    Raises
    ------
    CheckFailedError
        No wave has a control and a treatment.
    """
    arms = {str(wave): frozenset(own) for wave, own in rows.groupby("wave", sort=False)["arm"]}
    whole = {wave: found - {CONTROL} for wave, found in arms.items() if CONTROL in found and len(found) > 1}
    if not whole:
        raise CheckFailedError(
            "uplift",
            f"customers who were drawn into an arm '{CONTROL}' and not contacted",
            f"waves with the arms {quoted(sorted({arm for found in arms.values() for arm in found}))} alone",
            "Without a holdout nobody knows what would have happened anyway: hold some customers out next time",
        )
    n_rows = rows["wave"].value_counts()
    sets = sorted(set(whole.values()), key=sorted)
    best = max(sets, key=lambda found: sum(n_rows[wave] for wave, own in whole.items() if own == found))
    treatments = tuple(sorted(best))
    waves = [wave for wave, found in whole.items() if best <= found]
    kept = rows["wave"].isin(waves) & rows["arm"].isin([CONTROL, *treatments])
    others = [wave for wave in arms if wave not in waves]
    n_dropped = int((~kept).sum())
    told = (
        f"{n_dropped:,} rows outside the comparison of {quoted(treatments)} with the control"
        + (f", of waves with other arms ({quoted(others)})" if others else "")
        + "."
    )
    return rows[kept].reset_index(drop=True), treatments, (told,) if n_dropped else ()


def without_certain(rows: pd.DataFrame) -> tuple[pd.DataFrame, Sentences]:
    """Return the rows whose arm was drawn: a probability of 1 leaves no counterpart."""
    certain = rows["probability"] >= CERTAIN
    if not certain.any():
        return rows, ()
    told = f"{int(certain.sum()):,} rows whose arm was certain (probability 1): they have no counterpart."
    return rows[~certain].reset_index(drop=True), (told,)


def probabilities(rows: pd.DataFrame, treatments: tuple[str, ...]) -> tuple[Floats, bool]:
    """Return the probability of each treatment by row, as `penchant.models.uplift.arms.read_arms` takes it.

    A row knows the probability of its own arm. The rest is shared among the other arms of its wave as their own rows
    say. Where probabilities were not recorded, the arms' shares in the wave take their place.

    Returns
    -------
    p_treatment
        (n,) for one treatment, (n, treatments) for several.
    is_planned
        Whether the probabilities were recorded.
    """
    is_planned = bool(rows["probability"].notna().all())
    names = [CONTROL, *treatments]
    typical = _by_wave(rows, names, is_planned)
    if is_planned:
        here = rows["arm"].to_numpy()[:, None] == np.array(names, dtype=object)
        own = rows["probability"].to_numpy(np.float64)[:, None]
        rest = np.where(here, 0.0, typical)
        typical = np.where(here, own, (1 - own) * rest / rest.sum(axis=1, keepdims=True))
    share = typical[:, 1:]
    return share[:, 0] if len(treatments) == 1 else share, is_planned


def _by_wave(rows: pd.DataFrame, names: list[str], is_planned: bool) -> Floats:
    """Return (n, arms): each arm's mean probability, or its share, in the row's wave; rows sum to 1."""
    if is_planned:
        table = rows.pivot_table(index="wave", columns="arm", values="probability", aggfunc="mean")
    else:
        table = pd.crosstab(rows["wave"], rows["arm"])
    by_row = table.loc[rows["wave"], names].to_numpy(np.float64)
    return np.asarray(by_row / by_row.sum(axis=1, keepdims=True))
