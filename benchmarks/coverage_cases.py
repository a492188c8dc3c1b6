"""The cases of `benchmarks.coverage`: samples of known truth, and the intervals that penchant gives of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.coverage_plans import plan_forecast
from penchant.models.decisions.budgets import budget_curve
from penchant.models.decisions.policy import policy_value, treat_top
from penchant.models.decisions.profit import profit_curve
from penchant.models.evaluation.comparison import compare
from penchant.models.evaluation.curves import calibration_curve, decile_table
from penchant.models.evaluation.effect_calibration import uplift_calibration
from penchant.models.evaluation.metrics import evaluate
from penchant.models.evaluation.qini import compare_qini, qini, rate_autoc, uplift_at_k
from penchant.models.inputs.estimate import Estimate
from penchant.models.uplift.stack import UpliftStack
from penchant.serving.audience.programme import effects_of
from penchant.serving.audience.result import expected_of
from penchant.serving.insight.cohorts import cell_means
from penchant.serving.insight.intervals import index_of, mean_of, wilson
from penchant.serving.measure.effect import Sample, measure_effects
from penchant.serving.measure.sequential import look_daily

Found = Mapping[str, tuple[Estimate, float]]
Sampler = Callable[[np.random.Generator], Found]
DRAWS = 150
BASE, EFFECT = 0.1, 0.1  # responds without contact; what contact adds for the best-scored
SIZE, SPREAD = 3.0, 0.8  # logarithm of an order's amount
MEAN_SIZE = float(np.exp(SIZE + SPREAD**2 / 2))


@dataclass(frozen=True)
class Case:
    """One kind of number at one size; closed forms run ``times`` as often; joint intervals may hold too often."""

    name: str
    sample: Sampler
    times: float = 1
    is_joint: bool = False


def _trial(rng: np.random.Generator, n: int, control: float, is_amount: bool = False) -> tuple[Any, Any, Any]:
    """Return outcomes, scores and treatment: contact adds a tenth times the score to the chance of a response."""
    score, treated = rng.random(n), rng.random(n) >= control
    y = (rng.random(n) < BASE + EFFECT * score * treated).astype(float)
    return (y * rng.lognormal(SIZE, SPREAD, n) if is_amount else y), score, treated


def _effect_among(q: float) -> float:
    return 1000 * EFFECT * (1 - q / 2)


def _at_k(rng: np.random.Generator, n: int, control: float, k: float, is_amount: bool = False, rows: int = 1) -> Found:
    y, score, treated = _trial(rng, n, control, is_amount)
    groups = None
    if rows > 1:  # customers with several equal rows
        y, score, treated, groups = (np.repeat(part, rows) for part in (y, score, treated, np.arange(n)))
    found = uplift_at_k(y, score, treated, k, p_treatment=1 - control, groups=groups)
    return {"uplift at k": (found, _effect_among(k) * (MEAN_SIZE if is_amount else 1))}


def _areas(rng: np.random.Generator, n: int, control: float, is_amount: bool = False) -> Found:
    y, score, treated = _trial(rng, n, control, is_amount)
    scale = 1000 * EFFECT * (MEAN_SIZE if is_amount else 1)
    same: dict[str, Any] = {"p_treatment": 1 - control, "n_draws": DRAWS}
    found = qini(y, score, treated, **same)
    against = compare_qini(y, {"score": score, "noise": rng.random(n)}, treated, "noise", **same)
    depths = {f"gain at {q:.0%}": (found.curve.at(q), scale * q * (1 - q / 2)) for q in (0.1, 0.5)}
    return {
        "Qini": (found, scale / 12),
        "AUUC": (found.auuc, scale / 3),
        "AUTOC": (rate_autoc(y, score, treated, **same), scale / 4),
        "average effect": (found.average_effect, scale / 2),
        "Qini over noise": (against["score"].difference, scale / 12),
        **depths,
    }


def _decisions(rng: np.random.Generator, n: int, control: float, is_amount: bool = False) -> Found:
    y, score, treated = _trial(rng, n, control, is_amount)
    scale = 1000 * (MEAN_SIZE if is_amount else 1)
    same: dict[str, Any] = {"p_treatment": 1 - control}
    top = policy_value(y, treat_top(score, 0.2), treated, **same)
    gained, all_gained = scale * EFFECT * 0.2 * 0.9, scale * EFFECT / 2
    curve = profit_curve(y, score, treated, n_draws=DRAWS, **same)
    budget = budget_curve(y, score, treated, n_draws=DRAWS, **same)
    return {
        "policy value": (top, scale * BASE + gained),
        "policy over nobody": (top.over_nobody, gained),
        "policy over everyone": (top.over_everyone["treated"], gained - all_gained),
        "profit at 20 %": (curve.curve.at(0.2), gained),
        "budget of 500": (budget.at(500), scale * EFFECT * 0.5 * 0.75),
        "budget over untargeted": (budget.over_untargeted, scale * EFFECT / 12),
    }


def _calibration(rng: np.random.Generator, n: int, control: float, is_amount: bool = False) -> Found:
    y, score, treated = _trial(rng, n, control, is_amount)
    size = MEAN_SIZE if is_amount else 1.0
    found = uplift_calibration(y, score * EFFECT * size, treated, n_draws=DRAWS, p_treatment=1 - control)
    bins = {one.decile: one.realised for one in found.bins}
    deciles = {f"decile {d}": (bins[d], 1000 * size * EFFECT * (1 - (d - 0.5) / 10)) for d in (1, 5, 10) if d in bins}
    return {"slope": (found.slope, 1.0), "bias": (found.bias, 0.0), **deciles}


def _propensity(rng: np.random.Generator, n: int, rate: float) -> tuple[Any, Any, Any]:
    """Return outcomes, calibrated scores, and scores of a weaker model."""
    signal = rng.normal(size=n)
    logit = np.log(rate / (1 - rate)) - 0.5 + signal
    weak = np.log(rate / (1 - rate)) - 0.4 + 0.5 * signal + 0.5 * rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(float)
    return y, 1 / (1 + np.exp(-logit)), 1 / (1 + np.exp(-weak))


METRICS = ("auc", "average_precision", "brier", "log_loss", "base_rate", "bias_percent", "captured_top_tenth")
VALUE_METRICS = ("rmse", "mae", "bias_percent", "spearman", "spend_top_tenth", "mean")


@cache
def _true_metrics(rate: float) -> tuple[dict[str, float], dict[str, float]]:
    y, score, weak = _propensity(np.random.default_rng(10**6), 2_000_000, rate)
    own, other = ({k: v.value for k, v in evaluate(y, one, n_draws=0).items()} for one in (score, weak))
    return own, other


def _metrics(rng: np.random.Generator, n: int, rate: float) -> Found:
    y, score, weak = _propensity(rng, n, rate)
    own, other = _true_metrics(rate)
    found = evaluate(y, score, n_draws=DRAWS)
    against = compare(y, {"score": score, "weak": weak}, "weak", n_draws=DRAWS)["score"]
    return {name: (found[name], own[name]) for name in METRICS} | {
        "auc over another": (against["auc"].difference, own["auc"] - other["auc"]),
        "log loss over another": (against["log_loss"].difference, other["log_loss"] - own["log_loss"]),
    }


def _spending(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    signal = rng.normal(size=n)
    some = rng.random(n) < 1 / (1 + np.exp(1.5 - signal))
    return some * rng.lognormal(SIZE + 0.3 * signal, SPREAD), np.exp(SIZE - 1 + 0.8 * signal)


def _flat(score: Any) -> Any:
    """Return the scores of a weaker model."""
    return np.sqrt(score * np.exp(SIZE - 1))


@cache
def _true_spending() -> tuple[dict[str, float], dict[str, float]]:
    y, score = _spending(np.random.default_rng(10**6), 2_000_000)
    own, flat = (
        {name: found.value for name, found in evaluate(y, each, kind="value", n_draws=0).items()}
        for each in (score, _flat(score))
    )
    return own, flat


def _values(rng: np.random.Generator, n: int) -> Found:
    y, score = _spending(rng, n)
    true, flat = _true_spending()
    found = evaluate(y, score, kind="value", n_draws=DRAWS)
    against = compare(y, {"score": score, "flat": _flat(score)}, "flat", kind="value", n_draws=DRAWS)["score"]
    return {name: (found[name], true[name]) for name in VALUE_METRICS} | {
        f"{name} over another": (against[name].difference, flat[name] - true[name]) for name in ("rmse", "mae")
    }


def _tables(rng: np.random.Generator, n: int, rate: float) -> Found:
    """Return what the pictures of a report show; scores are calibrated, so a bin's mean score is its true rate."""
    y, score, _weak = _propensity(rng, n, rate)
    deciles, curve = decile_table(y, score, n_draws=DRAWS), calibration_curve(y, score)
    lift, gains = _true_deciles(rate)
    found = {
        f"rate of bin {place + 1}": (_row_of(curve, place, "rate"), curve["mean_score"][place]) for place in (0, 9)
    }
    for place in (0, 1, 9):
        found[f"lift of decile {place + 1}"] = (_row_of(deciles, place, "lift"), lift[place])
    return {**found, "gains of two deciles": (_row_of(deciles, 1, "gains"), gains[1])}


@cache
def _true_deciles(rate: float) -> tuple[Any, Any]:
    y, score, _weak = _propensity(np.random.default_rng(10**6), 2_000_000, rate)
    table = decile_table(y, score, n_draws=0)
    return table["lift"].to_numpy(), table["gains"].to_numpy()


def _row_of(table: Any, place: int, name: str) -> Estimate:
    return Estimate(*(float(table[f"{name}{ending}"][place]) for ending in ("", "_low", "_high")))


def _campaign(rng: np.random.Generator, n: int, control: float) -> Found:
    before, treated = rng.normal(size=n), rng.random(n) >= control
    chance = np.clip(BASE + 0.03 * before, 0.01, 1)
    y = (rng.random(n) < chance + 0.03 * treated).astype(float)
    money = y * rng.lognormal(SIZE, SPREAD, n)
    rate = float(_clipped_rate())
    sample = Sample(treated, np.where(treated, 1.0, (1 - control) / control), before[np.newaxis])
    response, revenue = measure_effects(sample, np.vstack([y, money]), [False, True])
    return {
        "response, plain": (response.plain.interval(), 0.03),
        "response, adjusted": (response.adjusted.interval(), 0.03),
        "response of the control": (response.control.interval(), rate),
        "relative": (response.relative(adjusted=False), 0.03 / rate),
        "revenue, plain": (revenue.plain.interval(), 0.03 * MEAN_SIZE),
        "revenue, adjusted": (revenue.adjusted.interval(), 0.03 * MEAN_SIZE),
    }


@cache
def _clipped_rate() -> float:
    return float(np.clip(BASE + 0.03 * np.random.default_rng(1).normal(size=4_000_000), 0.01, 1).mean())


def _looks(rng: np.random.Generator, n: int, control: float) -> Found:
    treated = rng.random(n) >= control
    responds = rng.random(n) < 0.1 + 0.03 * treated
    day = np.where(responds, rng.uniform(0, 20, n), np.inf)
    sample = Sample(treated, np.where(treated, 1.0, (1 - control) / control), np.empty((0, n)))
    table = look_daily(sample, np.zeros(n), day, 20.0).table
    truth = 0.03 * table["day"].to_numpy() / 20
    off = (table["low"].to_numpy() > truth) | (table["high"].to_numpy() < truth)
    return {"all looks": (Estimate(0.0, float(off.any()), 1.0), 0.0)}


def _insight(rng: np.random.Generator, n: int, rate: float) -> Found:
    base = rng.random(20 * n) < rate
    crowd = rng.random(n) < 1.5 * rate
    k_in, k_all = int(crowd.sum()), int(crowd.sum() + base.sum())
    share = (1.5 * rate * n + rate * 20 * n) / (21 * n)
    return {
        "share": (wilson(k_in, n), 1.5 * rate),
        "index": (index_of((k_in, n), (k_all, 21 * n)), 100 * 1.5 * rate / share),
        "mean": (mean_of(rng.lognormal(SIZE, SPREAD, n)), MEAN_SIZE),
    }


def _cohort(rng: np.random.Generator, n: int, rate: float) -> Found:
    """Return what a cohort's customers brought in a later month."""
    amount = (rng.random(n) < rate) * rng.lognormal(SIZE, SPREAD, n)
    sums = {"n_customers": n, "n_active": (amount > 0).sum(), "amount": amount.sum(), "amount_squares": amount @ amount}
    return {"revenue each": (cell_means(pd.DataFrame([sums]), "amount", 1)[0], rate * MEAN_SIZE)}


def _programme(rng: np.random.Generator, n: int, control: float) -> Found:
    """Return what all campaigns together add to each customer."""
    before, held = rng.poisson(0.6, n), rng.random(n) < control
    orders = rng.poisson(0.3 + 0.3 * before + 0.1 * ~held)
    revenue = np.array([rng.lognormal(SIZE, SPREAD, k).sum() for k in orders])
    past = np.array([rng.lognormal(SIZE, SPREAD, k).sum() for k in before])
    table = {"orders": orders, "orders_before": before, "revenue": revenue, "revenue_before": past}
    found = effects_of(pd.DataFrame(table), held)
    return {name: (found[name].each, 0.1 * size) for name, size in (("orders", 1.0), ("revenue", MEAN_SIZE))}


def _forecast(rng: np.random.Generator, n: int, control: float) -> Found:
    """Return what contacting a next list is expected to bring; the bounds are those of errors that all go one way."""
    y, score, treated = _trial(rng, n, control)
    first, later = (pd.DataFrame({"signal": s, "other": rng.normal(size=len(s))}) for s in (score, rng.random(n // 5)))
    model = UpliftStack().fit(first, y, treated.astype(int))
    uplift, low, high = model.predict_uplift(later, interval=True)
    bounds = {"": uplift, "_low": low, "_high": high}
    parts = {f"{name}{end}": part for name in ("uplift", "expected_value") for end, part in bounds.items()}
    found = expected_of(pd.DataFrame({**parts, "expected_cost": 0.0}))
    return {"more successes": (found.successes, EFFECT * float(later["signal"].sum()))}


def _cases() -> Iterator[Case]:  # noqa: C901, a list
    for n, control, k in (
        (4000, 0.5, 0.3),
        (4000, 0.1, 0.05),
        (2000, 0.05, 0.1),
        (5000, 0.02, 0.05),
        (2000, 0.01, 0.1),
    ):
        for is_amount in (False, True):
            what = "amount" if is_amount else "response"
            name = f"uplift at {k:.0%}, {what}, {n * control * k:.0f} controls"
            yield Case(name, partial(_at_k, n=n, control=control, k=k, is_amount=is_amount), 5)
    yield Case("uplift at 30%, customers with 3 rows", partial(_at_k, n=1000, control=0.2, k=0.3, rows=3), 3)
    for n, control in ((2000, 0.5), (1000, 0.05), (1000, 0.02), (1000, 0.01)):
        for is_amount in (False, True):
            what = "amount" if is_amount else "response"
            at = partial(_areas, n=n, control=control, is_amount=is_amount)
            yield Case(f"ranking, {what}, {n * control:.0f} controls", at)
            yield Case(
                f"decisions, {what}, {n * control:.0f} controls",
                partial(_decisions, n=n, control=control, is_amount=is_amount),
            )
            yield Case(
                f"uplift calibration, {what}, {n * control:.0f} controls",
                partial(_calibration, n=n, control=control, is_amount=is_amount),
            )
    for n, rate in ((2000, 0.2), (1000, 0.05), (500, 0.02)):
        yield Case(f"metrics, {n * rate:.0f} positives of {n:,}", partial(_metrics, n=n, rate=rate))
    for n in (2000, 300, 100):
        yield Case(f"metrics of amounts, {n:,} customers", partial(_values, n=n))
    for n, rate in ((2000, 0.2), (1000, 0.05), (500, 0.02)):
        yield Case(f"pictures, {n * rate:.0f} positives of {n:,}", partial(_tables, n=n, rate=rate))
    for n, control in ((4000, 0.5), (2000, 0.1), (1000, 0.05), (1000, 0.02)):
        yield Case(f"campaign, {n * control:.0f} controls", partial(_campaign, n=n, control=control), 5)
    yield Case("campaign, daily looks", partial(_looks, n=4000, control=0.2), 2, is_joint=True)
    for n, rate in ((1000, 0.1), (100, 0.1), (30, 0.05)):
        yield Case(f"insight, crowd of {n:,}", partial(_insight, n=n, rate=rate), 5)
        yield Case(f"insight, cohort of {n:,}", partial(_cohort, n=n, rate=rate), 5)
    for n, control in ((10_000, 0.05), (2000, 0.05)):
        yield Case(f"programme, {n * control:.0f} controls", partial(_programme, n=n, control=control), 2)
    yield Case("forecast of a list", partial(_forecast, n=1000, control=0.5), 0.2, is_joint=True)
    for n, share in ((1000, 0.3), (4000, 0.5)):
        at = partial(plan_forecast, n=n, share=share)
        yield Case(f"forecast of a plan, {n // 2:,} customers, {share:.0%} reached", at, 0.2, is_joint=True)


CASES = tuple(_cases())
