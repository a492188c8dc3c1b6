"""What is known of customers for goals, as values: facts, scores, the shop's own rates, and all of it put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ...models.baselines.pace import Pace
from ...models.inputs.arrays import Floats

FOR_FAILURE = ("churn",)  # tasks whose score is the probability that the success does not come
VALUES = ("margin", "value")
CHANCES = ("repurchase", "churn")
EVEN = Pace()
BEST_STAGES = ("loyal",)
PROGRAMME_STEPS = ("enrol", "renew", "exchange", "review", "refer")
TARGET_STEPS = ("visits", "interests", "clicks")  # of whoever is in a goal's crowd
BASE_TASKS = ("visit", "payment", *PROGRAMME_STEPS, *TARGET_STEPS)  # where no model is needed to begin
# Successes that are worth the orders that come with them; a referral, those of the referred.
STEPS = ("visit", "interest", "membership", "points_used", "review", "referral", "click")
UPLIFT = "uplift"
SCORE = {"probability": "probability", "amount": "expected_amount"}  # kind of a model -> the column that ranks
PAST_COLUMNS = ("campaign_id", "customer_id", "arm", "wave", "assigned_at", "contacted_at", "channel")
PAST_KEY = ["campaign_id", "wave", "customer_id"]
SIGNALS = {"segment": "rfm_segment", "price_sensitivity": "discount_line_share"}


@dataclass(frozen=True)
class GoalRate:
    """What the shop's own past says of a goal's success.

    Attributes
    ----------
    success
        Share of the eligible to whom it came within the goal's horizon.
    bought
        Share of these that placed a paid order within the same horizon.
    n
        Customers and windows that were counted.
    by_stage
        The same of each stage that the goal is for; empty where stages do not decide who is eligible.
    """

    success: float
    bought: float
    n: int
    by_stage: Mapping[str, GoalRate] = field(default_factory=dict)

    def of_each(self, people: pd.DataFrame) -> tuple[Floats, Floats]:
        """Return success and bought of each customer, by stage where that is known; shape (n,) each."""
        stage = people["stage"] if self.by_stage else pd.Series(None, people.index, dtype="object")
        rates = [self.by_stage.get(name, self) for name in stage]
        return np.array([rate.success for rate in rates], float), np.array([rate.bought for rate in rates], float)


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of every customer at a moment.

    Attributes
    ----------
    frame
        customer_id, the columns of `FACTS` that the shop can have (money in major units), and the attributes of
        customers, consent among them; sorted by customer_id. ``category_role``, of the category to show, where
        somebody asked for it.
    left_out
        Column -> what the shop lacks for it.
    rates
        Goal -> how often its success came of itself, and an order with it; without what cannot be known.
    """

    frame: pd.DataFrame
    left_out: Mapping[str, str]
    rates: Mapping[str, GoalRate]


@dataclass(frozen=True, eq=False)
class Score:
    """What one model says of the customers at the moment in question.

    Parameters
    ----------
    task
        The task; ``uplift`` for what a contact changes.
    frame
        customer_id; ``score`` (a probability, or an amount in major units), or for an uplift ``uplift`` or
        ``uplift_<arm>`` with ``_low`` and ``_high``; and reason_1 to reason_3 where known.
    horizon_days
        The horizon that the score is for.
    goal
        Of an uplift: the goal of the campaigns it was learned from.
    version
        Name and version of the model.
    arms
        Of an uplift: the treatments it was learned from.
    """

    task: str
    frame: pd.DataFrame
    horizon_days: int
    goal: str | None = None
    version: str = ""
    arms: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Candidates:
    """All customers, with what is known of them for several goals.

    Attributes
    ----------
    frame
        One row per customer; what belongs to one goal alone has ``<goal>:`` before its name: `of_goal` takes it apart.
    left_out
        Column -> what the shop lacks for it.
    notes
        What is taken for granted.
    scores
        Goal -> models that rank it.
    """

    frame: pd.DataFrame
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    scores: Mapping[str, tuple[str, ...]]
