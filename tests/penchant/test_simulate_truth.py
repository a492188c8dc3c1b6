"""The truth about a simulated shop is true: it is what the files show, on average and for each kind of customer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.simulate import (
    SimulatedArm,
    SimulatedCampaign,
    SimulatedOffer,
    SimulatedShop,
    SimulationSettings,
    simulate,
    true_effects,
)

AT = datetime(2024, 9, 20, tzinfo=UTC)
HORIZON = pd.Timedelta(days=30)
COUPON = SimulatedCampaign(
    "coupon",
    "reactivate",
    AT,
    (SimulatedArm("email", "email", SimulatedOffer("coupon", 8, 40)),),
    holdout=0.5,
    reach=1.0,
)
REMIND = SimulatedCampaign("remind", "collect", AT, (SimulatedArm("sms", "sms"),), holdout=0.5, reach=1.0)
INVITE = SimulatedCampaign("invite", "seed", AT, (SimulatedArm("email", "email"),), holdout=0.5, reach=1.0)
SETTINGS = SimulationSettings(
    n_customers=30_000,
    seed=2,
    ends_at=datetime(2024, 10, 25, tzinfo=UTC),
    pace_days=200,
    campaigns=(COUPON, REMIND, INVITE),
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> SimulatedShop:
    return simulate(SETTINGS, tmp_path_factory.mktemp("shop") / "shop")


@pytest.fixture(scope="module")
def effects(shop: SimulatedShop) -> pd.DataFrame:
    """True effects beside what happened: success, and the amount paid within the horizon."""
    effects = pd.read_parquet(shop.truth["effects"])
    orders = pd.read_parquet(shop.tables["orders"])
    visits = pd.read_parquet(shop.tables["interactions"], columns=["customer_id", "occurred_at"])
    window = (pd.Timestamp(AT), pd.Timestamp(AT) + HORIZON)
    paid = orders[orders.paid_at.between(*window, inclusive="left")]
    new = paid[paid.ordered_at >= window[0]]
    seen = visits[visits.occurred_at.between(*window, inclusive="left")]
    who = {"paid order": new, "payment": paid, "visit": seen}
    succeeded = {success: set(rows.customer_id) for success, rows in who.items()}
    pairs = zip(effects.customer_id, effects.success, strict=True)
    amount = effects.customer_id.map(paid.groupby("customer_id").amount.sum()).fillna(0)
    return effects.assign(did=[float(one in succeeded[success]) for one, success in pairs], paid=amount)


def z_of_chances(happened: pd.Series[float], chance: pd.Series[float]) -> float:
    """Return by how many standard errors the number of successes differs from the sum of their chances."""
    return float((happened.sum() - chance.sum()) / np.sqrt((chance * (1 - chance)).sum()))


@pytest.mark.parametrize("campaign", ["coupon", "remind", "invite"])
def test_chances_with_and_without_the_contact_are_those_that_the_arms_show(
    campaign: str, effects: pd.DataFrame
) -> None:
    rows = effects[effects.campaign_id == campaign]
    for arm, chance in (("control", "probability_control"), (rows.arm.iloc[0], "probability_treated")):
        mine = rows[rows.assigned_arm == arm]
        assert len(mine) > 30
        assert abs(z_of_chances(mine.did, mine[chance])) < 3.3


def test_the_average_effect_lies_within_the_interval_of_the_experiment(effects: pd.DataFrame) -> None:
    rows = effects[effects.campaign_id == "coupon"]
    treated, control = rows.did[rows.assigned_arm == "email"], rows.did[rows.assigned_arm == "control"]
    measured = treated.mean() - control.mean()
    error = np.sqrt(treated.var() / len(treated) + control.var() / len(control))
    assert measured > 2.5 * error  # there is something to be found
    assert abs(measured - rows.effect_probability.mean()) < 2.6 * error


def test_amounts_are_those_that_the_arms_show(effects: pd.DataFrame) -> None:
    rows = effects[effects.campaign_id == "coupon"]
    for arm, column in (("control", "amount_control"), ("email", "amount_treated")):
        mine = rows[rows.assigned_arm == arm]
        assert abs(mine.paid.mean() - mine[column].mean()) < 3.3 * mine.paid.sem()


def test_effects_differ_between_customers_and_are_not_what_makes_them_buy(effects: pd.DataFrame) -> None:
    rows = effects[effects.campaign_id == "coupon"]
    assert {"persuadable", "lost", "put off"} <= set(rows.type)
    n = len(rows) // 5
    gained = {
        by: rows.nlargest(n, by).effect_probability.mean() for by in ("effect_probability", "probability_control")
    }
    assert gained["effect_probability"] > 2 * gained["probability_control"]
    assert gained["effect_probability"] > 3 * rows.effect_probability.mean()


def test_the_semi_active_respond_most_and_some_of_the_regulars_are_put_off() -> None:
    alone = replace(SETTINGS, campaigns=(), n_customers=10_000)
    effects = true_effects(alone, AT, COUPON).set_index("customer_id")
    quiet = replace(alone, ends_at=AT)
    orders = _orders_until(quiet)
    since = (pd.Timestamp(AT) - orders.groupby("customer_id").ordered_at.max()).dt.days
    effect = effects.effect_probability.reindex(since.index)
    regular, overdue, gone = since < 15, since.between(60, 120), since > 200
    assert effect[overdue].mean() > 1.5 * max(effect[regular].mean(), 0.001)
    assert effect[overdue].mean() > 2 * effect[gone].mean()
    assert effects.probability_control.reindex(since.index)[regular].mean() > 0.15
    assert (effects.type.reindex(since.index)[regular] == "put off").mean() > 0.03


def _orders_until(settings: SimulationSettings) -> pd.DataFrame:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        orders = pd.read_parquet(simulate(settings, Path(folder) / "shop").tables["orders"])
    return orders[orders.paid_at.notna()]


def test_effects_asked_for_are_those_that_a_simulation_records(effects: pd.DataFrame) -> None:
    recorded = effects[effects.campaign_id == "coupon"].set_index("customer_id")
    asked = true_effects(SETTINGS, AT, replace(COUPON, campaign_id="asked")).set_index("customer_id")
    assert asked.index.is_unique
    assert len(asked) > SETTINGS.n_customers  # who has appeared after the pace's days comes on top
    measures = [name for name in asked if name.startswith(("effect_", "probability_", "amount_", "margin_"))]
    pd.testing.assert_frame_equal(asked.loc[recorded.index, measures], recorded[measures])
    profit = asked.margin_treated - asked.margin_control - asked.contact_cost
    assert np.allclose(asked.effect_profit, profit)


def test_chances_of_all_customers_are_those_that_the_files_show(shop: SimulatedShop) -> None:
    """Without a contact, for everyone, and apart for who buys rarely and often."""
    asked = true_effects(SETTINGS, datetime(2024, 8, 1), replace(COUPON, campaign_id="asked"))
    orders = pd.read_parquet(shop.tables["orders"])
    start = pd.Timestamp("2024-08-01", tz="UTC")
    inside = (orders.ordered_at >= start) & (orders.paid_at < start + HORIZON)
    did = asked.customer_id.isin(set(orders.customer_id[inside])).astype(float)
    for part in (asked.index, *asked.groupby(pd.cut(asked.probability_control, [0, 0.02, 0.2, 1])).groups.values()):
        assert abs(z_of_chances(did[part], asked.probability_control[part])) < 3.3


def test_without_an_effect_size_contacts_change_nothing(tmp_path: Path) -> None:
    settings = SimulationSettings(n_customers=2_000, effect_size=0.0, ends_at=datetime(2024, 9, 1), pace_days=200)
    with_campaigns = simulate(settings, tmp_path / "with")
    without = simulate(replace(settings, campaigns=()), tmp_path / "without")
    effects = pd.read_parquet(with_campaigns.truth["effects"])
    assert len(effects) > 500
    assert (effects.effect_probability == 0).all()
    ordered = [pd.read_parquet(one.tables["orders"]).order_id.tolist() for one in (with_campaigns, without)]
    assert ordered[0] == ordered[1]


@pytest.mark.parametrize("at", [datetime(2023, 12, 1), datetime(2024, 10, 26)])
def test_the_truth_is_not_told_outside_the_shops_days(at: datetime) -> None:
    with pytest.raises(InputError, match="as_of: between"):
        true_effects(SETTINGS, at, COUPON)
