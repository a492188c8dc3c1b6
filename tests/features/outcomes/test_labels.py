"""Labels: eligibility before the outcome, half-open horizons, the state at the horizon's end, refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from ibis import _

from penchant.errors import InputError, LeftOutError, UnfinishedHorizonError
from penchant.features.outcomes.labels import label, span_of
from penchant.features.outcomes.tasks import (
    CHURN,
    CONVERSION,
    ENGAGEMENT,
    MARGIN,
    PAYMENT,
    REPURCHASE,
    SECOND_PURCHASE,
    VALUE,
    VISIT,
    Span,
    Task,
)
from penchant.features.shop import Shop
from penchant.features.spine import Spine
from penchant.section import LONGEST_WINDOW

AS_OF = datetime(2024, 3, 1)
LATER = [{"customer_id": "z", "ordered_at": "2025-01-01", "amount": 1}]  # the data goes on


def order(who: str, at: str, **more: Any) -> dict[str, Any]:
    return {"customer_id": who, "ordered_at": at, "order_id": f"{who}{at}", "amount": 1000, "paid_at": at, **more}


def labels_of(shop: Shop, task: Task, **days: int) -> dict[str, float]:
    frame = label(shop, task, AS_OF, **days).frame
    return dict(zip(frame["customer_id"], frame["label"], strict=True))


@pytest.mark.parametrize(
    ("at", "expected"),
    [("2024-03-01", 1), ("2024-02-29T23:59:59.999999", 0), ("2024-03-10T23:59:59.999999", 1), ("2024-03-11", 0)],
)
def test_horizon_is_half_open(shop_of: Any, at: str, expected: int) -> None:
    shop = shop_of(orders=[order("a", "2024-01-01"), order("a", at), *LATER])
    assert labels_of(shop, REPURCHASE, horizon_days=10) == {"a": expected}


def test_gap_is_neither_feature_nor_label(shop_of: Any) -> None:
    rows = [order("a", "2024-01-01"), order("a", "2024-03-03"), order("b", "2024-01-01"), order("b", "2024-03-05")]
    shop = shop_of(orders=[*rows, *LATER])
    assert labels_of(shop, REPURCHASE, gap_days=4, horizon_days=10) == {"a": 0, "b": 1}


def test_what_is_cancelled_within_the_horizon_is_no_purchase(shop_of: Any) -> None:
    rows = [
        order("kept", "2024-01-01"),
        order("kept", "2024-03-02", cancelled_at="2024-03-12"),
        order("gone", "2024-01-01"),
        order("gone", "2024-03-02", cancelled_at="2024-03-10"),
    ]
    shop = shop_of(orders=[*rows, *LATER])
    assert labels_of(shop, REPURCHASE, horizon_days=10) == {"gone": 0, "kept": 1}


def test_eligibility_is_decided_before_the_outcome(shop_of: Any) -> None:
    """Bought within the horizon alone: not eligible. Refunded within it: eligible all the same."""
    rows = [order("late", "2024-03-02"), order("back", "2024-01-01", refunded_at="2024-03-02")]
    shop = shop_of(orders=[*rows, *LATER])
    assert labels_of(shop, REPURCHASE, horizon_days=10) == {"back": 0}


def test_second_purchase_is_of_those_with_exactly_one(shop_of: Any) -> None:
    rows = [
        order("one", "2024-01-01"),
        order("two", "2024-01-01"),
        order("two", "2024-02-01"),
        order("two", "2024-03-02"),
    ]
    shop = shop_of(orders=[*rows, *LATER])
    assert labels_of(shop, SECOND_PURCHASE, horizon_days=10) == {"one": 0}
    assert labels_of(shop, REPURCHASE, horizon_days=10) == {"one": 0, "two": 1}


def test_churn_is_the_other_side_of_repurchase_among_active_buyers(shop_of: Any) -> None:
    rows = [order("active", "2024-02-20"), order("left", "2024-02-20"), order("active", "2024-03-15")]
    rows += [order("long_gone", "2022-01-01"), order("long_gone", "2022-01-05")]
    found = label(shop_of(orders=[*rows, *LATER]), CHURN, AS_OF)
    assert dict(zip(found.frame["customer_id"], found.frame["label"], strict=True)) == {"active": 0, "left": 1}
    assert found.span.horizon_days == 35  # one gap of 4 days, clipped to 30, in whole weeks
    assert "1 gaps between purchases before 2024-03-01" in found.basis


def test_payment_reads_orders_that_were_open(shop_of: Any) -> None:
    rows = [
        order("pays", "2024-02-20", paid_at="2024-03-02"),
        order("does_not", "2024-02-20", paid_at=None),
        order("pays_another", "2024-02-20", paid_at=None),
        order("pays_another", "2024-03-02"),
        order("had_paid", "2024-02-20"),
    ]
    shop = shop_of(orders=[*rows, *LATER])
    assert labels_of(shop, PAYMENT, horizon_days=10) == {"does_not": 0, "pays": 1, "pays_another": 0}


def test_value_and_margin_are_in_major_units(shop_of: Any) -> None:
    rows = [order("a", "2024-01-01", item_id="i", quantity=2.0), order("a", "2024-03-02", item_id="i", quantity=2.0)]
    rows += [order("b", "2024-01-01", item_id="i", quantity=1.0)]
    shop = shop_of(orders=[*rows, *LATER], items=[{"item_id": "i", "unit_cost": 300}])
    assert labels_of(shop, VALUE, horizon_days=10) == {"a": 10.0, "b": 0.0}
    assert labels_of(shop, MARGIN, horizon_days=10) == {"a": 4.0, "b": 0.0}


def act(who: str, at: str, kind: str = "view") -> dict[str, Any]:
    return {"customer_id": who, "occurred_at": at, "kind": kind}


def test_engagement_and_conversion(shop_of: Any) -> None:
    acts = [act("looks", "2024-02-01"), act("looks", "2024-03-02"), act("likes", "2024-02-01")]
    acts += [act("likes", "2024-03-02", "favorite"), act("lead", "2024-02-01", "cart"), act("still", "2024-02-01")]
    orders = [order("lead", "2024-03-05"), order("buyer", "2024-01-01"), *LATER]
    shop = shop_of(interactions=acts, orders=orders)
    assert labels_of(shop, VISIT) == {"likes": 1, "looks": 1, "still": 0}
    assert labels_of(shop, ENGAGEMENT) == {"likes": 1, "looks": 0, "still": 0}
    assert labels_of(shop, CONVERSION) == {"lead": 1, "likes": 0, "looks": 0, "still": 0}


def test_unfinished_horizon_is_refused(shop_of: Any) -> None:
    shop = shop_of(orders=[order("a", "2024-01-01"), order("a", "2024-03-10")])
    with pytest.raises(UnfinishedHorizonError, match="The latest as_of is 2024-02-29 00:00"):
        label(shop, REPURCHASE, AS_OF, horizon_days=10)
    assert len(label(shop, REPURCHASE, datetime(2024, 2, 29), horizon_days=10).frame) == 1


def test_a_task_that_the_shop_cannot_have(shop_of: Any) -> None:
    shop = shop_of(orders=[{"customer_id": "a", "ordered_at": "2024-01-01"}])
    with pytest.raises(LeftOutError, match=r"orders\.amount"):
        label(shop, VALUE, AS_OF)


def test_horizon_comes_from_the_request_the_configuration_or_the_task(shop_of: Any) -> None:
    rows = [order("a", "2024-01-01"), *LATER]
    shop = shop_of(orders=rows, config={"tasks": {"repurchase": {"horizon_days": 20, "gap_days": 3}}})
    assert span_of(shop, REPURCHASE, AS_OF)[0].days == 23
    assert span_of(shop, REPURCHASE, AS_OF, gap_days=0, horizon_days=5)[0].days == 5
    assert span_of(shop, VALUE, AS_OF)[0].horizon_days == 90
    for days in (0, 10**9):
        with pytest.raises(InputError, match="horizon_days"):
            span_of(shop, REPURCHASE, AS_OF, horizon_days=days)


def test_the_least_and_the_longest_span_are_spans(shop_of: Any) -> None:
    shop = shop_of(orders=[order("a", "2024-01-01"), *LATER])
    for gap, horizon in ((0, 1), (0, LONGEST_WINDOW), (LONGEST_WINDOW - 1, 1)):
        assert span_of(shop, REPURCHASE, AS_OF, gap, horizon)[0] == Span(gap, horizon)
    for gap, horizon in ((-1, 5), (0, 0), (0, LONGEST_WINDOW + 1), (LONGEST_WINDOW, 1)):
        with pytest.raises(InputError, match=f"Got {gap} and {horizon}"):
            span_of(shop, REPURCHASE, AS_OF, gap, horizon)


def test_a_tasks_own_gap_is_kept_unless_another_is_asked_for(shop_of: Any) -> None:
    shop = shop_of(orders=[order("a", "2024-01-01"), *LATER])
    task = replace(REPURCHASE, gap_days=5, horizon_days=30)
    assert span_of(shop, task, AS_OF) == (Span(5, 30), "30 days, the default of 'repurchase'")
    assert span_of(shop, task, AS_OF, 0, 7) == (Span(0, 7), "7 days, as asked")


def test_a_horizon_may_end_with_the_data_and_each_row_has_its_own(shop_of: Any) -> None:
    shop = shop_of(orders=[order("a", "2024-01-01"), order("b", "2024-01-01"), order("b", "2024-03-10")])
    last = shop.extract_end - timedelta(days=10)

    def spine_until(end: datetime) -> Spine:
        moments = [datetime(2024, 2, 1) + timedelta(days=day) for day in range(12)]
        rows = pd.DataFrame({"customer_id": "a", "as_of": [end, *moments]}).astype({"as_of": "datetime64[us]"})
        found = Spine.of(shop, rows)
        assert found.instants is None
        return found

    found = label(shop, REPURCHASE, spine_until(last), horizon_days=10).frame
    assert found["as_of"].tolist()[-1] == pd.Timestamp(last)
    assert found["label"].tolist() == [0] * 13
    with pytest.raises(UnfinishedHorizonError, match="task 'repurchase'"):
        label(shop, REPURCHASE, spine_until(last + timedelta(seconds=1)), horizon_days=10)
    nobody = pd.DataFrame({"customer_id": ["a"], "as_of": [last]}).astype({"as_of": "datetime64[us]"})[:0]
    with pytest.raises(InputError, match="a spine with at least one row"):
        label(shop, REPURCHASE, Spine.of(shop, nobody), horizon_days=10)


@pytest.mark.parametrize("most_at_once", [0, 10**6])
def test_moments_read_one_by_one_or_at_once_keep_each_row_its_label(
    shop_of: Any, monkeypatch: pytest.MonkeyPatch, most_at_once: int
) -> None:
    monkeypatch.setattr("penchant.features.history.evaluate.MOST_AT_ONCE", most_at_once)
    rows = [order("a", "2024-01-01"), order("b", "2024-01-01"), order("b", "2024-02-05"), order("a", "2024-03-05")]
    found = label(shop_of(orders=[*rows, *LATER]), REPURCHASE, [datetime(2024, 2, 1), AS_OF], horizon_days=10).frame
    assert found["customer_id"].tolist() == ["a", "b", "a", "b"]
    assert found["label"].tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("outcome", "kind", "told"),
    [
        (lambda past, span: past.purchases.count(), "binary", "an outcome of 0 or 1 .* Got 2 and the like in 1 of 2"),
        (lambda past, span: past.gaps.max(_.gap_days) > 5, "binary", ".* Got nothing and the like in 1 of 2 rows"),
        (lambda past, span: 1 / (past.purchases.count() - 1), "value", "a number .* Got inf and the like"),
    ],
)
def test_an_outcome_that_is_none_is_refused(shop_of: Any, outcome: Any, kind: Any, told: str) -> None:
    shop = shop_of(orders=[order("a", "2024-01-01"), order("a", "2024-02-01"), order("b", "2024-01-01"), *LATER])
    task = Task("own", "own", REPURCHASE.eligible, outcome, kind=kind, horizon_days=10)
    with pytest.raises(InputError, match=f"task 'own': {told}"):
        labels_of(shop, task)


def test_nobody_is_eligible(shop_of: Any) -> None:
    found = label(shop_of(orders=LATER), REPURCHASE, AS_OF).frame
    assert list(found.columns) == ["customer_id", "as_of", "label"]
    assert found.empty


@pytest.mark.parametrize("task", [CHURN, CONVERSION, VALUE], ids=lambda task: task.name)
def test_labels_do_not_depend_on_what_comes_after_the_horizon(
    world: ModuleType, world_tables: dict[str, pd.DataFrame], world_shop: Shop, task: Task, shop_of: Any
) -> None:
    moments = list(world.MOMENTS[:2])
    found = label(world_shop, task, moments, horizon_days=90)
    assert found.frame["label"].nunique() > 1
    assert found.frame.equals(found.frame.sort_values(["as_of", "customer_id"], ignore_index=True))
    alone = label(world_shop, task, Spine.at(world_shop, moments[1]), horizon_days=90).frame
    later = found.frame[found.frame["as_of"] == moments[1]].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, later)


def test_repurchase_against_a_loop(world: ModuleType, world_shop: Shop, world_tables: dict[str, pd.DataFrame]) -> None:
    as_of, horizon = pd.Timestamp(world.MOMENTS[1]), 40
    found = label(world_shop, REPURCHASE, world.MOMENTS[1], horizon_days=horizon).frame
    orders = world_tables["orders"]

    def stood(end: pd.Timestamp) -> pd.DataFrame:
        alive = ~orders["cancelled_at"].lt(end) & ~orders["refunded_at"].lt(end)
        return orders[orders["paid_at"].lt(end) & alive]

    eligible = sorted(set(stood(as_of)["customer_id"]))
    end = as_of + timedelta(days=horizon)
    again = set(stood(end).query("paid_at >= @as_of")["customer_id"])
    assert found["customer_id"].tolist() == eligible
    assert found["label"].tolist() == [int(one in again) for one in eligible]
