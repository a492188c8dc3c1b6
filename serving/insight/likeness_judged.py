"""Look-alikes learned at a moment, and judged on which strangers of an earlier moment became good by now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from penchant.errors import LeftOutError, TooLittleDataError

from ...features.shop import Shop
from ...models.estimators.likeness import Likeness, learn_likeness
from ...models.evaluation.metrics import evaluate
from ...models.inputs.arrays import Floats
from ...models.inputs.estimate import Estimate
from .both_known import KnownPeople, known_people

LEAST_BEST, LEAST_STRANGERS, LEAST_GOOD = 30, 100, 20
TOO_TELLING = 0.9  # AUC of one attribute, best against strangers: it says who has bought
UNSEEN_DAYS = 365.0
METRICS = ("auc", "lift_top_tenth")
BY_LIKENESS, BY_LAST_SEEN, BY_BOTH = "likeness", "last seen first", "likeness and last seen together"


@dataclass(frozen=True)
class LookalikeRules:
    """Who is best, and how long the judgement takes.

    Parameters
    ----------
    best_share
        Share of the buyers of the days before a moment who are best, by what they paid.
    days
        Days before a moment in which payments count, and days in which strangers are followed.
    """

    best_share: float = 0.2
    days: int = 180


@dataclass(frozen=True, eq=False)
class JudgedLikeness:
    """Look-alikes at a moment, with what came of earlier ones.

    Parameters
    ----------
    likeness
        Learned at the moment.
    people
        Everybody at the moment; ``is_best`` and ``is_stranger`` beside what is known.
    traits
        What was learned from.
    then
        The strangers of the earlier moment: ``log_ratio``, ``became_good``, ``spent_later``.
    threshold
        What the best paid at least, within the days.
    metrics
        Order -> metric -> value: by likeness; where it is known who was seen last by that, and by both together.
    left_out
        Attributes that were not used, and why.
    chance
        (n,) for the strangers among ``people``, in their order: the chance to become good within the days, by likeness
        and last visit, learned from ``then``; None where visits are not known.
    """

    likeness: Likeness
    people: pd.DataFrame
    traits: tuple[str, ...]
    then: pd.DataFrame
    threshold: float
    metrics: dict[str, dict[str, Estimate]]
    left_out: dict[str, str]
    chance: Floats | None = None

    @property
    def is_better_than_chance(self) -> bool:
        """Whether the ranking surely found those who became good."""
        return self.metrics[BY_LIKENESS]["auc"].low > 0.5


def judge_likeness(
    shop: Shop, moment: datetime, rules: LookalikeRules, only: list[str] | None = None
) -> JudgedLikeness:
    """Learn who resembles the best customers, and judge the same rule on the past.

    Parameters
    ----------
    shop
        The shop.
    moment
        UTC without a zone.
    rules
        Who is best.
    only
        Traits to learn from; None: all that best customers and strangers both have.

    Raises
    ------
    LeftOutError
        If nothing is known of both.
    TooLittleDataError
        If there are too few best customers, strangers, or strangers who became good.
    """
    past = moment - timedelta(days=rules.days)
    earlier, now = (_marked(known_people(shop, at, rules.days), rules) for at in (past, moment))
    both = [name for name in now[1] if name in earlier[1] and (only is None or name in only)]
    left_out = _telling(now[0], both)  # today: an attribute without a time tells of then who bought since
    traits = tuple(name for name in both if name not in left_out)
    if not traits:
        raise LeftOutError("look-alikes", "something known of best customers and strangers", _lack(left_out))
    then = _followed(earlier[0], now[0], traits, earlier[2])
    orders, likeness = _orders(then, past), _learned(now[0], traits)
    chance = None
    if BY_LAST_SEEN in orders:
        strangers = now[0][now[0]["is_stranger"]]
        chance = _chances(then, past, strangers.assign(log_ratio=likeness.log_ratio(strangers)), moment)
        before = _strangers_before(shop, past, rules, earlier[0], traits)
        if before is not None:
            orders[BY_BOTH] = _chances(before, past - timedelta(days=rules.days), then, past)
    metrics = {name: _metrics(then, score) for name, score in orders.items()}
    return JudgedLikeness(likeness, now[0], traits, then, now[2], metrics, left_out, chance)


def _strangers_before(
    shop: Shop, past: datetime, rules: LookalikeRules, later: pd.DataFrame, traits: tuple[str, ...]
) -> pd.DataFrame | None:
    """Return the strangers of one turn before the judged ones, followed until then; None where there are too few."""
    try:
        before = _marked(known_people(shop, past - timedelta(days=rules.days), rules.days), rules)
        known = tuple(name for name in traits if name in before[1])
        return _followed(before[0], later, known, before[2]) if known else None
    except TooLittleDataError:
        return None


def _chances(then: pd.DataFrame, then_at: datetime, people: pd.DataFrame, at: datetime) -> Floats:
    """Return the chance to become good by likeness and days since the last visit, learned from strangers of then."""
    from sklearn.linear_model import LogisticRegression  # takes seconds to import

    model = LogisticRegression().fit(_seen(then, then_at), then["became_good"])
    return np.asarray(model.predict_proba(_seen(people, at))[:, 1])


def _seen(people: pd.DataFrame, at: datetime) -> Floats:
    """Return (n, 3): likeness, log of the days since the last visit (a year where there was none), and whether none."""
    days = _days_since(people, at)
    unseen = np.isnan(days)
    return np.column_stack([people["log_ratio"], np.log1p(np.where(unseen, UNSEEN_DAYS, days)), unseen])


def _days_since(people: pd.DataFrame, at: datetime) -> Floats:
    return np.maximum((at - people["last_at"]).dt.total_seconds().to_numpy(np.float64) / 86_400, 0.0)


def _lack(left_out: dict[str, str]) -> str:
    return "; ".join(f"'{name}': {why}" for name, why in left_out.items()) or "nothing"


def _marked(people: KnownPeople, rules: LookalikeRules) -> tuple[pd.DataFrame, tuple[str, ...], float]:
    """Return everybody with who is best and who a stranger, the traits, and what the best paid at least."""
    frame = people.frame
    spent = frame.loc[frame["spent"] > 0, "spent"].to_numpy(np.float64)
    threshold = float(np.quantile(spent, 1 - rules.best_share)) if len(spent) else np.inf
    is_best, is_stranger = frame["spent"] >= threshold, frame["n_orders"] == 0
    _refuse_few("best customers", int(is_best.sum()), LEAST_BEST)
    _refuse_few("customers without an order", int(is_stranger.sum()), LEAST_STRANGERS)
    return frame.assign(is_best=is_best, is_stranger=is_stranger), people.traits, threshold


def _refuse_few(what: str, n: int, least: int) -> None:
    if n < least:
        raise TooLittleDataError("look-alikes", f"{least} {what} or more", f"{n:,}")


def _learned(people: pd.DataFrame, traits: tuple[str, ...]) -> Likeness:
    columns = list(traits)
    return learn_likeness(people.loc[people["is_best"], columns], people.loc[people["is_stranger"], columns])


def _telling(people: pd.DataFrame, traits: list[str]) -> dict[str, str]:
    """Return the traits that say who has bought: values written once somebody is a customer."""
    told = {}
    for name in traits:
        score = _learned(people, (name,)).log_ratio(people)
        if _auc(score[people["is_best"]], score[people["is_stranger"]]) > TOO_TELLING:
            told[name] = "it tells best customers from strangers so well that it must be written after they bought"
    return told


def _auc(best: Floats, others: Floats) -> float:
    return float(stats.mannwhitneyu(best, others).statistic) / (len(best) * len(others))


def _followed(earlier: pd.DataFrame, now: pd.DataFrame, traits: tuple[str, ...], threshold: float) -> pd.DataFrame:
    strangers = earlier[earlier["is_stranger"]]
    later = now["spent"].reindex(strangers.index).fillna(0.0)
    ratio = _learned(earlier, traits).log_ratio(strangers)
    found = strangers.assign(log_ratio=ratio, spent_later=later, became_good=later >= threshold)
    _refuse_few("strangers who became good since", int(found["became_good"].sum()), LEAST_GOOD)
    return found


def _orders(then: pd.DataFrame, past: datetime) -> dict[str, Floats]:
    """Return scores in 0..1 by which the strangers of then can be ordered."""
    orders = {BY_LIKENESS: 1.0 / (1.0 + np.exp(-then["log_ratio"].to_numpy(np.float64)))}
    if "last_at" in then and then["last_at"].notna().any():
        days = _days_since(then, past)
        orders[BY_LAST_SEEN] = np.where(np.isnan(days), 0.0, 1.0 / (1.0 + days))
    return orders


def _metrics(then: pd.DataFrame, score: Floats) -> dict[str, Estimate]:
    became: npt.NDArray[np.float64] = then["became_good"].to_numpy(np.float64)
    found = evaluate(became, score, n_draws=300)
    return {name: found[name] for name in METRICS}
