"""Past campaigns of a goal as the rows of a trial: each customer as known at the own assignment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.errors import CheckFailedError, InputError, LeftOutError, UnfinishedHorizonError, did_you_mean, quoted
from penchant.spreadsheet import shop_day

from ...features.matrix import build
from ...features.outcomes.success import read_outcomes
from ...features.shop import Shop
from ...features.spine import Spine
from ..dataset import CONTROL, UpliftRows
from .unrandomised import how_it_chose
from .waves import arms_in_use, probabilities, trial_rows, without_certain

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]


@dataclass(frozen=True)
class CampaignQuestion:
    """What is asked of past campaigns.

    Parameters
    ----------
    goal
        The goal's name.
    outcome
        What counts as success: a key of `penchant.features.outcomes.success.OUTCOMES`.
    horizon_days
        By when, days after the assignment.
    campaigns
        Ids of the campaigns to learn from; empty: all of the goal.
    """

    goal: str
    outcome: str
    horizon_days: int
    campaigns: tuple[str, ...] = ()


def assignments_of(shop: Shop, question: CampaignQuestion) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the assignments of a goal's campaigns whose horizon is over, and what was left out, in words.

    Returns
    -------
    frame
        campaign_id, customer_id, arm, assigned_at, wave (a label), probability (NaN where not recorded), sorted.
    not_used
        Sentences.

    Raises
    ------
    LeftOutError
        The shop has no assignments.
    InputError
        No campaign has the goal, or a named campaign is not known.
    UnfinishedHorizonError
        No wave's horizon is over.
    """
    if not shop.has("assignments"):
        raise LeftOutError(
            f"uplift of '{question.goal}'",
            "a shop with the table 'assignments'",
            "a shop without",
            "Run a campaign with a held-out control first (penchant audience), and map its record in penchant.toml",
        )
    chosen, said = _campaigns(shop, question)
    every = shop.tables["assignments"]
    rows = every.filter(every.campaign_id.isin(chosen)).execute()
    number = rows["wave"].fillna(1).astype(int) if "wave" in rows else pd.Series(1, index=rows.index)
    rows["number"] = number
    rows["wave"] = (rows["campaign_id"] + ", wave ").str.cat(number.astype(str))
    rows["probability"] = rows["probability"].astype(float) if "probability" in rows else np.nan
    rows = rows.sort_values(["assigned_at", "wave", "customer_id"], ignore_index=True)
    finished, late = _finished(shop, rows, question)
    return finished, (*said, *late)


def collect(shop: Shop, question: CampaignQuestion) -> UpliftRows:
    """Return what past campaigns of a goal teach: outcome, arm, probability, and signals as of the assignment.

    Rows that are no trial are left out and named: unfinished waves, arms that were carried over from an earlier wave,
    waves without the arms in use, and customers whose arm was certain.

    Raises
    ------
    LeftOutError, InputError, UnfinishedHorizonError
        As in `assignments_of` and `penchant.features.outcomes.success.read_outcomes`.
    CheckFailedError
        Nobody was held out; says how the campaigns chose their customers.
    """
    found, said = assignments_of(shop, question)
    if CONTROL not in set(found["arm"]):
        _refuse_without_control(shop, found, question)
    drawn, no_trial = trial_rows(found)
    drawn, certain = without_certain(drawn)
    used, treatments, other_arms = arms_in_use(drawn)
    p_treatment, is_planned = probabilities(used, treatments)
    keys = used[["customer_id", "assigned_at"]].drop_duplicates(ignore_index=True)
    matrix = build(shop, Spine.of(shop, keys.rename(columns={"assigned_at": "as_of"})))
    outcomes = read_outcomes(shop, keys, question.outcome, question.horizon_days)
    known = matrix.frame.rename(columns={"as_of": "assigned_at"})
    typed = keys.astype({name: known[name].dtype for name in keys})
    told = pd.concat([typed, outcomes], axis=1).merge(known, how="left", validate="one_to_one")
    place = used[["customer_id", "assigned_at"]].astype(typed.dtypes).merge(told, how="left")
    money_is = next((name for name in ("margin", "amount") if name in outcomes), "")
    return UpliftRows(
        place[[column.name for column in matrix.columns]],
        place["success"].to_numpy(np.float64),
        used["arm"].to_numpy(object),
        p_treatment,
        is_planned,
        used["customer_id"].to_numpy(object),
        used["assigned_at"],
        used["wave"].to_numpy(object),
        place["success_at"],
        place[money_is].to_numpy(np.float64) if money_is else None,
        money_is,
        columns=matrix.columns,
        left_out=matrix.left_out,
        not_used=(*said, *no_trial, *certain, *other_arms),
        cost=_cost(shop, used),
    )


def _cost(shop: Shop, rows: pd.DataFrame) -> float:
    """Return what one contact cost on average, in major units."""
    if not shop.has("campaigns", "unit_cost"):
        return 0.0
    costs = shop.tables["campaigns"].select("campaign_id", "unit_cost").execute()
    by_row = rows["campaign_id"].map(costs.set_index("campaign_id")["unit_cost"]).astype(float)
    return float(by_row.fillna(0.0).mean()) / 10**shop.decimals


def _refuse_without_control(shop: Shop, rows: pd.DataFrame, question: CampaignQuestion) -> None:
    waves, arms = rows["wave"].nunique(), sorted(set(rows["arm"]))
    raise CheckFailedError(
        f"uplift of '{question.goal}'",
        "a trial: customers who were chosen at random and not contacted",
        f"{waves} waves with the arms {quoted(arms)}, and no arm '{CONTROL}'",
        f"{how_it_chose(shop, rows, shop.config.seed)} No uplift was computed. Hold customers out of the next "
        "campaign (penchant audience does)",
    )


def _campaigns(shop: Shop, question: CampaignQuestion) -> tuple[list[str], tuple[str, ...]]:
    """Return the ids of the campaigns to learn from, and what must be said about the choice."""
    every = shop.tables["assignments"]
    ids = sorted(every.select("campaign_id").distinct().execute()["campaign_id"])
    unknown = [one for one in question.campaigns if one not in ids]
    if unknown:
        hint = did_you_mean(unknown[0], ids)
        raise InputError("option --campaign", "a campaign that is in 'assignments'", f"'{unknown[0]}'", hint)
    if question.campaigns:
        return list(question.campaigns), ()
    if not shop.has("campaigns", "goal"):
        told = f"The shop does not tell its campaigns' goals: all {len(ids)} were looked at."
        return ids, (told,)
    goals = shop.tables["campaigns"].select("campaign_id", "goal").execute()
    own = goals.loc[goals["goal"] == question.goal, "campaign_id"]
    found = sorted(set(own) & set(ids))
    if not found:
        known = sorted(set(goals.loc[goals["campaign_id"].isin(ids), "goal"].dropna()))
        raise InputError(
            f"uplift of '{question.goal}'",
            "a past campaign of that goal, with assignments",
            f"campaigns of {quoted(known, most=9)}" if known else "none",
            "Name campaigns with --campaign, or run one with a held-out control first",
        )
    return found, ()


def _finished(shop: Shop, rows: pd.DataFrame, question: CampaignQuestion) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the rows whose horizon is over; the other waves in words."""
    ends = rows["assigned_at"] + pd.Timedelta(days=question.horizon_days)
    over = ends.groupby(rows["wave"]).transform("max") <= shop.extract_end
    late = rows[~over].groupby("wave", sort=False)["assigned_at"].max() + pd.Timedelta(days=question.horizon_days)
    told = [f"'{wave}' (over on {shop_day(end, shop.timezone)})" for wave, end in late.items()]
    data_end = shop_day(shop.extract_end, shop.timezone)
    words = f"Horizons of {question.horizon_days} days that are not over by {data_end}: {', '.join(told)}."
    if not over.any():
        raise UnfinishedHorizonError(
            f"uplift of '{question.goal}'",
            "at least one wave whose horizon is over",
            words,
            "Bring newer data, or give a goal of your own a shorter horizon",
        )
    return rows[over].reset_index(drop=True), (words,) if told else ()
