"""The next order of every buyer at a moment: its date, the chances, orders and money of the next twelve months.

The model is fitted to the histories as they stand at the moment; earlier moments say when orders came, and how far the
same model, with what was known then, was right.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from penchant.errors import LeftOutError, TooLittleDataError

from ...features.shop import Shop
from ...features.signals.group import PURCHASES, joined_needs, unmet_needs
from ...models.baselines.btyd_estimators import PurchaseChance
from ...models.baselines.level import level_of, level_shift
from ...models.baselines.rate_drift import EarlierPromise, drift_of
from ...models.estimators.next_order import NextOrder, NextOrders
from ...models.inputs.arrays import Floats
from .columns import ENDS, NEXT_ORDER_COLUMNS, OVER_A_YEAR
from .histories import MARGIN_TOTAL, asked_at, history_questions, next_questions

YEAR_DAYS = 365
FARTHEST_DAYS = 730  # a later date helps nobody
LOOKS = (90, 180, 365)  # days before the moment at which it is asked what came next
LEVEL_LOOKS = tuple(range(90, 721, 90))  # at which it is asked how far off the shop's level was
MOST_LEARNED = 5_000  # customers: four parameters need no more, and trees take long
MOST_PARETO = 20_000  # buyers beyond whom Pareto/NBD, a hundred times as costly, is not tried
FEWEST_LEARNED = 500  # buyers below whom earlier moments say nothing
SHOP_COUNTS_AS = 2.0  # orders: the weight of the shop's share of margin beside the customer's own
STORIES = {"BGNBD": "BG/NBD", "ParetoNBD": "Pareto/NBD"}


@dataclass(frozen=True, eq=False)
class NextOrderForecast:
    """What is to be expected of every buyer.

    Attributes
    ----------
    frame
        customer_id, sorted, and those of `NEXT_ORDER_COLUMNS` that the shop can have; money in major units. The dates
        are missing beyond two years, and where the order may never come: fewer than half of such customers order again
        (``next_order_at``), or nobody can say by when (``_high``). Intervals hold what comes for 95 of 100 customers.
    facts
        Model, customers learned from, what earlier promises came to, and what was left out, with the reason.
        ``widths``: looks (days ago) that the widths of orders, amounts and margin were checked at, none where the
        history is too short for any, and how far rates wander by them (`penchant.models.baselines.rate_drift`).
    """

    frame: pd.DataFrame
    facts: Mapping[str, Any]


def next_orders(shop: Shop, as_of: datetime, histories: pd.DataFrame | None = None) -> NextOrderForecast:
    """Return when every buyer orders next, and what to expect within twelve months.

    Parameters
    ----------
    shop, as_of
        The shop, and the moment, UTC without a zone.
    histories
        customer_id and the answers to `history_questions` at the moment; None: they are asked.

    Raises
    ------
    LeftOutError
        If the shop knows no purchases.
    TooLittleDataError
        If hardly anybody has bought again.
    """
    missing = unmet_needs((PURCHASES,), shop.has)
    if missing:
        raise LeftOutError("next order", f"a shop with {joined_needs(missing)}", "a shop without")
    asked = history_questions(shop)
    if histories is None:
        histories = asked_at(shop, [as_of], asked)[as_of]
    now = _buyers(histories)
    days = int(now["days_since_first_purchase"].max()) if len(now) else 0
    learned, is_many = _sampled(now, shop.config.seed), len(now) >= FEWEST_LEARNED
    looks = [n for n in LOOKS if days >= 2 * n and is_many]
    level_looks = [n for n in LEVEL_LOOKS if days >= n + LEVEL_LOOKS[0] and is_many]
    everything = _Seen(learned, *_earlier(shop, as_of, sorted({*looks, *level_looks}), learned), len(now))
    seen = everything.only(looks)
    model = _fitted(seen, 0, shop.config.seed)
    promises = {n: _promised_before(seen, n, model) for n in looks}
    drift = drift_of(list(promises.values()), model.level)
    found = drift.widened(model.predict(_signals(now), as_of), now["days_since_first_purchase"], YEAR_DAYS, model.level)
    frame = _named(found, now, as_of)
    facts: dict[str, Any] = {"model": _called(model), "n_customers": len(now), "n_learned": len(learned)}
    facts["within_90d"] = _whole_shop(frame, everything.only(level_looks))
    facts["judged"] = _judged(promises[max(looks)], as_of) if looks else None
    facts["widths"] = {"rate_drift": dict(drift.drift), "looks_days": looks}
    facts["left_out"] = {}
    if days < YEAR_DAYS:
        facts["left_out"] = {name: _too_short(days) for name in OVER_A_YEAR if name in frame}
        frame = frame.drop(columns=list(facts["left_out"]))
    return NextOrderForecast(frame, facts)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is learned from: histories now and at earlier looks (days ago), and what came of those by now."""

    now: pd.DataFrame
    earlier: Mapping[int, pd.DataFrame]
    came: Mapping[int, pd.DataFrame]
    n_buyers: int

    def only(self, looks: Sequence[int]) -> _Seen:
        """Return the same with some of the looks."""
        earlier, came = ({n: frames[n] for n in looks} for frames in (self.earlier, self.came))
        return _Seen(self.now, earlier, came, self.n_buyers)


def _buyers(histories: pd.DataFrame) -> pd.DataFrame:
    """Return the customers with a purchase, numbers as floats."""
    bought = histories[histories["n_purchases"].fillna(0) > 0].reset_index(drop=True)
    if not len(bought):
        raise TooLittleDataError("next order", "customers who have bought", "none")
    names = [name for name in bought if name != "customer_id"]
    return bought.astype(dict.fromkeys(names, "float64"))


def _sampled(now: pd.DataFrame, seed: int) -> pd.DataFrame:
    if len(now) <= MOST_LEARNED:
        return now
    chosen = np.random.default_rng(seed).choice(len(now), MOST_LEARNED, replace=False)
    return now.iloc[np.sort(chosen)].reset_index(drop=True)


def _earlier(
    shop: Shop, as_of: datetime, looks: list[int], learned: pd.DataFrame
) -> tuple[dict[int, pd.DataFrame], dict[int, pd.DataFrame]]:
    """Return the learners' histories at earlier looks, and for the same rows what came by now."""
    if not looks:
        return {}, {}
    who = learned[["customer_id"]]
    moments = {n: as_of - timedelta(days=n) for n in looks}
    then = asked_at(shop, list(moments.values()), history_questions(shop), who)
    came = asked_at(shop, [as_of], next_questions(shop, looks), who)[as_of].set_index("customer_id")
    earlier = {n: _buyers(then[moments[n]]) for n in looks}
    return earlier, {n: came.reindex(earlier[n]["customer_id"]) for n in looks}


def _fitted(seen: _Seen, ago: int, seed: int, in_use: NextOrder | None = None) -> NextOrder:
    """Return the model with what was known so many days ago, made like that in use."""
    latest = seen.earlier[ago] if ago else seen.now
    looks = [n for n in seen.earlier if n > ago]
    frames = [seen.earlier[n] for n in looks] + [latest]
    rows = pd.concat(frames, ignore_index=True)
    days = [_numbers(seen.came[n], f"came_{n}") for n in looks] + [np.full(len(latest), np.nan)]
    known = [np.full(len(seen.earlier[n]), float(n - ago)) for n in looks] + [np.zeros(len(latest))]
    at = [np.full(len(seen.earlier[n]), -float(n)) for n in looks] + [np.full(len(latest), -float(ago))]
    amounts = [_next_amount(seen, n) for n in looks] + [np.full(len(latest), np.nan)]
    has_amount = any(np.isfinite(amount).any() for amount in amounts)
    amount = np.concatenate(amounts) if has_amount else None
    next_seen = NextOrders(np.concatenate(days), np.concatenate(known), np.concatenate(at), amount) if looks else None
    story: Literal["auto", "bgnbd"] = "auto" if seen.n_buyers <= MOST_PARETO else "bgnbd"
    like: dict[str, Any] = {"with_trees": in_use.hazard_ is not None, "evenness": in_use.evenness_} if in_use else {}
    model = NextOrder(ago or YEAR_DAYS, story, seed=seed, **like)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a parameter that data do not limit changes no forecast
        return model.fit(_signals(rows), next_seen, groups=rows["customer_id"].to_numpy(object))


def _next_amount(seen: _Seen, n: int) -> Floats:
    came = seen.came[n]
    return _numbers(came, f"next_amount_{n}") if f"next_amount_{n}" in came else np.full(len(came), np.nan)


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    return pd.to_numeric(frame[name]).to_numpy(np.float64, na_value=np.nan)


def _signals(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop(columns=["customer_id", *([MARGIN_TOTAL] if MARGIN_TOTAL in rows else [])])


def _named(found: pd.DataFrame, now: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Return the forecast under the names that people and systems read."""
    columns: dict[str, Any] = {"customer_id": now["customer_id"]}
    columns |= {name: found[name] for name in NEXT_ORDER_COLUMNS if name.startswith("p_")}
    for end in ENDS:
        days = found[f"days_to_next_order{end}"]
        at = found[f"next_order_at{end}"].where(days <= FARTHEST_DAYS)
        columns[f"next_order_at{end}"] = at.dt.floor("s").astype("datetime64[us]")
    days = found["days_to_next_order"]
    columns["days_to_next_order"] = days.where(days <= FARTHEST_DAYS).round(1)
    columns |= {f"expected_orders_12m{end}": found[f"orders{end}"] for end in ENDS}
    if "amount" in found:
        columns |= {f"expected_amount_12m{end}": found[f"amount{end}"].round(2) for end in ENDS}
        if MARGIN_TOTAL in now:
            share = margin_shares(now["amount_total"], now[MARGIN_TOTAL], now["n_purchases"])
            bounds = np.sort([found["amount_low"] * share, found["amount_high"] * share], axis=0)
            values = (found["amount"] * share, *bounds)
            columns |= {f"expected_margin_12m{end}": np.round(v, 2) for end, v in zip(ENDS, values, strict=True)}
    return pd.DataFrame(columns)


def margin_shares(amount: pd.Series, margin: pd.Series, n: pd.Series) -> Floats:
    """Return margin as a share of what each customer pays, drawn towards the shop's as if with two further orders.

    Examples
    --------
    >>> margin_shares(pd.Series([100.0, 100.0]), pd.Series([50.0, 10.0]), pd.Series([1.0, 2.0])).round(3).tolist()
    [0.379, 0.223]
    """
    paid, earned, orders = (part.fillna(0.0).to_numpy(np.float64) for part in (amount, margin, n))
    of_shop = earned.sum() / paid.sum() if paid.sum() > 0 else 0.0
    order = paid.sum() / max(orders.sum(), 1.0)
    return np.asarray((earned + SHOP_COUNTS_AS * order * of_shop) / np.maximum(paid + SHOP_COUNTS_AS * order, 1e-9))


def _called(model: NextOrder) -> str:
    story = STORIES[type(model.model_).__name__]
    return story if model.hazard_ is None else f"{story}, trees"


def _promised_before(seen: _Seen, ago: int, in_use: NextOrder) -> EarlierPromise:
    """Return what a model like that in use promised so many days ago for the days since, and what came."""
    X, came = seen.earlier[ago], seen.came[ago]
    found = {"orders": _numbers(came, f"orders_{ago}"), "days": _numbers(came, f"came_{ago}")}
    if f"amount_{ago}" in came:
        found["amount"] = _numbers(came, f"amount_{ago}")
    promised = _fitted(seen, ago, in_use.seed, in_use).predict(_signals(X))
    return EarlierPromise(promised, found, X["days_since_first_purchase"].to_numpy(np.float64), ago)


def _judged(earlier: EarlierPromise, as_of: datetime) -> dict[str, Any]:
    """Return what was promised at an earlier look, before anything was widened, and what came."""
    promised, came, ago = earlier.promised, earlier.came, int(earlier.horizon_days)
    names = [name for name in ("orders", "amount") if name in came and name in promised]
    held = {name: float(earlier.holds(name).mean()) for name in names}
    low, high = promised["days_to_next_order_low"], promised["days_to_next_order_high"]
    inside = np.where(np.isfinite(came["days"]), (came["days"] >= low) & (came["days"] <= high), high >= ago)
    return {
        "as_of": (as_of - timedelta(days=ago)).isoformat(),
        "days": ago,
        "n_customers": len(promised),
        "inside_interval": held | {"next_order": float(inside.mean())},
        "p_order_90d": {
            "promised": float(promised["p_order_90d"].mean()),
            "came": float((came["days"] < LOOKS[0]).mean()),
        },
        "orders": {"promised": float(promised["orders"].sum()), "came": float(came["orders"].sum())},
    }


def _whole_shop(frame: pd.DataFrame, seen: _Seen) -> dict[str, Any]:
    """Return the share of all buyers that orders within 90 days, by how far such promises were off before."""
    shifts = []
    for n, X in seen.earlier.items():
        model = PurchaseChance(LEVEL_LOOKS[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            try:
                promised = model.fit(_signals(X)).predict_proba(_signals(X))[:, 1]
            except TooLittleDataError:
                continue
        ago = _numbers(seen.came[n], f"came_{n}")
        shifts.append(level_shift(promised, float((ago < LEVEL_LOOKS[0]).mean())))
    share = level_of(frame["p_order_90d"].to_numpy(np.float64), shifts)
    return share.as_dict() | {"n_looks": len(shifts)}


def _too_short(days: int) -> str:
    return f"the shop's purchases go back {days} days; what comes in twelve months is told from as many"
