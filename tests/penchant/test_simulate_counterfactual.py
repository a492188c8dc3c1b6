"""What is added to a simulated shop changes its own customers from then on, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.simulate import SimulatedArm, SimulatedCampaign, SimulatedOffer, SimulationSettings, simulate

SETTINGS = SimulationSettings(
    n_customers=3_000, seed=11, ends_at=datetime(2024, 12, 1, tzinfo=UTC), pace_days=335, block_size=1_100
)
ASSIGNED_AT = pd.Timestamp("2024-09-01 10:30", tz="UTC")
EXTRA = SimulatedCampaign(
    "extra", "retain", datetime(2024, 9, 1), (SimulatedArm("cash", "email", SimulatedOffer("cash_coupon", 15)),)
)
EVENTS = {"orders": "ordered_at", "interactions": "occurred_at"}
STATES = ["paid_at", "cancelled_at", "refunded_at", "contacted_at", "opened_at", "clicked_at", "redeemed_at"]
Tables = dict[str, pd.DataFrame]
Simulated = Callable[..., Tables]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    def run(settings: SimulationSettings = SETTINGS, **given: object) -> Tables:
        shop = simulate(settings, tmp_path_factory.mktemp("shop") / "shop", **given)  # type: ignore[arg-type]
        files = {**shop.tables, "effects": shop.truth["effects"], "traits": shop.truth["customers"]}
        return {name: pd.read_parquet(path) for name, path in files.items()}

    return run


@pytest.fixture(scope="module")
def before(simulated: Simulated) -> Tables:
    return simulated()


@pytest.fixture(scope="module")
def audience(before: Tables) -> pd.DataFrame:
    """Buyers of the past, every third of them held out."""
    orders = before["orders"]
    chosen = sorted(set(orders.customer_id[orders.ordered_at < ASSIGNED_AT - pd.Timedelta(days=20)]))[:300]
    arm = np.where(np.arange(len(chosen)) % 3 == 0, "control", "cash")
    return pd.DataFrame({"campaign_id": "extra", "customer_id": chosen, "arm": arm, "assigned_at": ASSIGNED_AT,
                         "wave": 1, "probability": np.where(arm == "control", 1 / 3, 2 / 3), "rank": 1})  # fmt: skip


@pytest.fixture(scope="module")
def after(simulated: Simulated, audience: pd.DataFrame) -> Tables:
    return simulated(assignments=audience.sample(frac=1, random_state=1), campaigns=[EXTRA])


def as_it_stood(frame: pd.DataFrame, time: str, at: pd.Timestamp) -> pd.DataFrame:
    """Return what was known of a table's rows just before an instant."""
    known = frame[frame[time] < at].drop(columns="status", errors="ignore").reset_index(drop=True)
    for column in set(STATES) & set(known):
        known[column] = known[column].where(known[column] < at)
    return known


def only(frame: pd.DataFrame, customers: set[str], others: bool = False) -> pd.DataFrame:
    return frame[frame.customer_id.isin(customers) != others].reset_index(drop=True)


def test_everyone_else_stays_as_they_were(before: Tables, after: Tables, audience: pd.DataFrame) -> None:
    concerned = set(audience.customer_id)
    for name in (*EVENTS, "customers", "assignments", "effects", "traits"):
        pd.testing.assert_frame_equal(
            only(before[name], concerned, others=True), only(after[name], concerned, others=True)
        )
    for name in ("items", "calendar"):
        pd.testing.assert_frame_equal(before[name], after[name])


def test_the_past_of_the_customers_concerned_stays_as_it_was(
    before: Tables, after: Tables, audience: pd.DataFrame
) -> None:
    concerned = set(audience.customer_id)
    for name, time in {**EVENTS, "assignments": "assigned_at"}.items():
        past = [as_it_stood(only(tables[name], concerned), time, ASSIGNED_AT) for tables in (before, after)]
        assert len(past[0])
        pd.testing.assert_frame_equal(*past)


def test_their_future_changes_and_the_assignments_are_recorded(
    before: Tables, after: Tables, audience: pd.DataFrame
) -> None:
    treated = set(audience.customer_id[audience.arm == "cash"])
    visits = [len(only(tables["interactions"], treated)) for tables in (before, after)]
    assert visits[1] > visits[0]
    recorded = after["assignments"].query("campaign_id == 'extra'").reset_index(drop=True)
    given = audience.drop(columns="rank").astype({"wave": "int64", "assigned_at": "datetime64[us, UTC]"})
    pd.testing.assert_frame_equal(
        recorded[given.columns.tolist()], given.sort_values("customer_id", ignore_index=True), check_dtype=False
    )
    sent = recorded[recorded.arm == "cash"]
    assert (sent.contacted_at > ASSIGNED_AT).all()
    assert sent.clicked_at.notna().sum() > 5
    assert sent.redeemed_at.notna().sum() > 5
    used = after["orders"][after["orders"].coupon_id == "extra:cash"]
    assert set(used.customer_id) == set(sent.customer_id[sent.redeemed_at.notna()])
    assert np.allclose(used.groupby("order_id").discount.sum().clip(upper=15), 15)
    held_out = recorded[recorded.arm == "control"]
    assert held_out[["contacted_at", "opened_at", "clicked_at", "redeemed_at"]].isna().all(axis=None)
    assert "extra" in set(after["campaigns"].campaign_id)


def test_who_is_held_out_lives_on_as_if_nothing_had_been_planned(simulated: Simulated, audience: pd.DataFrame) -> None:
    alone = replace(SETTINGS, campaigns=())  # the shop's own would leave them in peace for thirty days
    quiet, planned = simulated(alone), simulated(alone, assignments=audience, campaigns=[EXTRA])
    treated = set(audience.customer_id[audience.arm == "cash"])
    for name in EVENTS:
        pd.testing.assert_frame_equal(
            only(quiet[name], treated, others=True), only(planned[name], treated, others=True)
        )


def test_a_later_end_adds_to_the_past_and_changes_nothing_in_it(before: Tables, simulated: Simulated) -> None:
    later = simulated(replace(SETTINGS, ends_at=datetime(2025, 1, 15)))
    end = pd.Timestamp(SETTINGS.ends_at)
    for name, time in {**EVENTS, "assignments": "assigned_at"}.items():
        assert len(later[name]) > len(before[name])
        pd.testing.assert_frame_equal(as_it_stood(before[name], time, end), as_it_stood(later[name], time, end))
    pd.testing.assert_frame_equal(before["traits"], later["traits"].head(len(before["traits"])))
    known = later["effects"][later["effects"].assigned_at < end].reset_index(drop=True)
    pd.testing.assert_frame_equal(before["effects"], known)


def test_the_size_of_the_blocks_changes_nothing(before: Tables, simulated: Simulated) -> None:
    whole = simulated(replace(SETTINGS, block_size=10_000))
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, whole[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"campaign_id": "extar"}, "Did you mean 'extra'"),
        ({"arm": "cahs", "campaign_id": "two"}, "Did you mean 'cash'"),
        ({"customer_id": "c0002999", "assigned_at": pd.Timestamp("2024-02-01", tz="UTC")}, "who had appeared"),
        ({"customer_id": "nobody"}, "who had appeared.*'nobody'"),
        ({"assigned_at": pd.Timestamp("2024-12-01", tz="UTC")}, "ends_at"),
        ({"customer_id": "c0000001"}, "each customer once in a wave"),
        ({"campaign_id": "own"}, "reach of 0"),
    ],
)
def test_assignments_that_do_not_fit_are_refused(change: dict[str, object], message: str, tmp_path: Path) -> None:
    rows = pd.DataFrame({"campaign_id": "extra", "customer_id": ["c0000001", "c0000002"], "arm": "cash",
                         "assigned_at": ASSIGNED_AT})  # fmt: skip
    for name, value in change.items():
        rows[name] = rows[name].astype(object).where([True, False], value)
    arms = (SimulatedArm("cash"), SimulatedArm("points"))
    others = [EXTRA, replace(EXTRA, campaign_id="two", arms=arms), replace(EXTRA, campaign_id="own", reach=0.5)]
    with pytest.raises(InputError, match=message):
        simulate(SETTINGS, tmp_path / "shop", assignments=rows, campaigns=others)
    assert not (tmp_path / "shop").exists()


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none called 'arm'"):
        simulate(
            SETTINGS, tmp_path / "shop", pd.DataFrame({"campaign_id": ["x"], "customer_id": "c0", "assigned_at": 0})
        )
