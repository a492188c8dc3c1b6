"""What holds for every audience, whoever the customers are and whatever is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penchant.errors import InputError, LeftOutError, NoModelError
from penchant.features.contract import ASSIGNMENTS
from penchant.serving.audience.cut import ListLimits
from penchant.serving.audience.draw import draw_audience
from penchant.serving.audience.exclusions import Cap, Protection, Wave
from penchant.serving.audience.record import send_list
from penchant.serving.audience.result import Audience
from penchant.serving.audience.settings import AudienceSettings
from penchant.serving.goals.catalogue import GOALS
from penchant.serving.goals.eligible import Eligible, Where
from penchant.serving.goals.offers import CONTROL, Arm, Offer

NOW = datetime(2025, 3, 1)
EVERYONE = replace(GOALS["reactivate"], eligible=Eligible())
EMAIL = Arm("mail")
CALL = Arm("call", channel="sms", offer=Offer("cash_coupon", value=3.0), unit_cost=0.5, share=2.0)
GIFT = Arm("gift", offer=Offer("gift", value=1.0))
People = Callable[..., pd.DataFrame]

Shop = tuple[pd.DataFrame, pd.DataFrame]


def make_shop(n: int, seed: int) -> Shop:
    """Return customers, and what they were assigned to before: dense enough that every rule bites."""
    rng = np.random.default_rng(seed)
    flags = np.array([True, True, True, False, None], dtype=object)
    ids = np.array([f"c{i:02d}" for i in range(n)], dtype=object)
    people = pd.DataFrame(
        {
            "customer_id": ids,
            "stage": rng.choice(["semi_active", "silent"], n),
            "consent_email": rng.choice(flags, n),
            "consent_sms": rng.choice(flags, n),
            "opted_out": rng.choice(flags[[0, 3, 3, 3, 4]], n),
            "margin": rng.choice([0.0, 15.0, 40.0], n),
            "propensity": rng.choice([np.nan, 0.1, 0.1, 0.5, 0.9], n),
            "uplift": rng.choice([-0.1, 0.1, 0.4], n),
            "last_order_at": NOW - pd.to_timedelta(rng.integers(1, 90, n), "D"),
        }
    )
    m = rng.integers(0, 2 * n + 1)
    past = pd.DataFrame(
        {
            "campaign_id": rng.choice(["old", "other"], m),
            "customer_id": rng.choice(ids, m),
            "arm": rng.choice([CONTROL, "mail", "mail", "mail"], m),
            "wave": rng.integers(1, 4, m),
            "channel": rng.choice(["email", "sms"], m),
            "assigned_at": NOW - pd.to_timedelta(rng.choice([0, 1, 6, 7, 13, 14, 29, 30, 31, 60], m), "D"),
            "contacted_at": pd.NaT,
        }
    )
    return people.sample(frac=1, random_state=seed), past


shops = st.builds(make_shop, st.integers(1, 60), st.integers(0, 2**31))


asked = st.builds(
    AudienceSettings,
    wave=st.integers(0, 5).map(lambda seed: Wave("spring", 1, NOW, seed)),
    arms=st.sampled_from([(EMAIL,), (CALL,), (EMAIL, CALL), (EMAIL, CALL, GIFT)]),
    assign=st.sampled_from([None, "best", "split"]),
    limits=st.builds(
        ListLimits,
        budget=st.none() | st.floats(0, 30),
        size=st.none() | st.integers(0, 30),
        coupons=st.none() | st.integers(0, 15),
    ),
    holdout=st.floats(0.05, 0.6),
    exploring=st.sampled_from([0.0, 0.2]),
    protection=st.builds(
        Protection,
        caps=st.sampled_from([(), (Cap(7, 1),), (Cap(30, 2), Cap(14, 1, "sms"))]),
        universal_control=st.sampled_from([0.0, 0.2]),
    ),
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shops, asked)
def test_no_audience_breaks_a_rule(held_out: Any, shop: Shop, ask: AudienceSettings) -> None:
    people, past = shop
    audience = draw_audience(people, past, EVERYONE, ask)
    record, sent = audience.record, send_list(audience.record)
    assert record["customer_id"].is_unique
    assert set(sent["customer_id"]) == set(record.loc[record["arm"] != CONTROL, "customer_id"])
    assert not set(sent["customer_id"]) & set(record.loc[record["arm"] == CONTROL, "customer_id"])
    assert record["probability"].between(0, 1, inclusive="neither").all()
    refuse_contact_that_is_not_allowed(people.set_index("customer_id"), sent)
    refuse_contact_beyond_caps(past, sent, ask.protection.caps)
    refuse_other_controls(past, record, ask)
    ids = people["customer_id"]
    held = held_out(ids, ask.protection.seed, ask.protection.universal_control)
    assert not set(record["customer_id"]) & set(ids[held])
    refuse_use_beyond_limits(audience)
    first = {reason: count for reason, (_, count) in audience.excluded.items()}
    assert len(people) == sum(first.values()) + audience.n_ranked


def refuse_contact_that_is_not_allowed(people: pd.DataFrame, sent: pd.DataFrame) -> None:
    for customer, channel in zip(sent["customer_id"], sent["channel"], strict=True):
        assert people.loc[customer, f"consent_{channel}"] == True  # noqa: E712 - None is none
        assert people.loc[customer, "opted_out"] != True  # noqa: E712


def refuse_contact_beyond_caps(past: pd.DataFrame, sent: pd.DataFrame, caps: tuple[Cap, ...]) -> None:
    for customer, channel in zip(sent["customer_id"], sent["channel"], strict=True):
        own = past[(past["customer_id"] == customer) & (past["arm"] != CONTROL)]
        contacts = [(NOW, channel), *zip(own["assigned_at"], own["channel"], strict=True)]
        for cap in caps:
            since = NOW - timedelta(days=cap.days)
            counted = [c for at, c in contacts if at > since and cap.channel in (None, c)]
            assert len(counted) <= cap.most or (cap.channel and channel != cap.channel)


def refuse_other_controls(past: pd.DataFrame, record: pd.DataFrame, ask: AudienceSettings) -> None:
    fresh = past["assigned_at"] > NOW - timedelta(days=ask.protection.control_days)
    assert not set(record["customer_id"]) & set(past.loc[fresh & (past["arm"] == CONTROL), "customer_id"])


def refuse_use_beyond_limits(audience: Audience) -> None:
    limits, sent = audience.settings.limits, audience.treated
    issued = sent["offer_kind"].isin(["cash_coupon", "gift"]).sum()
    assert limits.budget is None or sent["expected_cost"].sum() <= limits.budget * (1 + 1e-9)
    assert limits.coupons is None or issued <= limits.coupons
    assert limits.size is None or len(audience.record) <= limits.size
    above = audience.record[~audience.record["is_exploring"]]
    assert (above["rank"].to_numpy() == np.arange(1, len(above) + 1)).all()


@settings(max_examples=15, deadline=None)
@given(shops, asked, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(shop: Shop, ask: AudienceSettings, random: Any) -> None:
    people, past = shop
    shuffled = people.sample(frac=1, random_state=random.randrange(2**31))
    one = draw_audience(people, past, EVERYONE, ask)
    other = draw_audience(shuffled, past[::-1], EVERYONE, ask)
    pd.testing.assert_frame_equal(one.record, other.record)
    assert str(one.as_dict()) == str(other.as_dict())


@settings(max_examples=25, deadline=None)
@given(shops, asked, st.lists(st.integers(0, 59), max_size=20))
def test_later_waves_keep_the_arms_and_lose_who_came_back(shop: Shop, ask: AudienceSettings, back: list[int]) -> None:
    people, past = shop
    first = draw_audience(people, past, EVERYONE, ask).record
    later = NOW + timedelta(days=20)
    returned = {f"c{i:02d}" for i in back}
    last = people["last_order_at"].mask(people["customer_id"].isin(returned), NOW + timedelta(days=3))
    again = replace(ask, wave=Wave("spring", 2, later, ask.wave.seed))
    known = pd.concat([past, first])[[*past.columns, "probability"]]
    second = draw_audience(people.assign(last_order_at=last), known, EVERYONE, again).record
    assert not set(second["customer_id"]) & returned
    both = second.merge(first, on="customer_id", how="left", suffixes=("", "_before"))
    assert (both["arm"] == both["arm_before"]).all()
    assert (both["probability"] == both["probability_before"]).all()
    refuse_contact_that_is_not_allowed(people.set_index("customer_id"), send_list(second))


def test_probabilities_are_the_frequencies_of_many_seeds(people: People) -> None:
    crowd = people(40, consent_sms=np.arange(40) % 3 > 0, consent_email=True)
    ask = AudienceSettings(
        Wave("spring", 1, NOW),
        (EMAIL, CALL),
        "split",
        ListLimits(budget=18.0),
        holdout=0.3,
        exploring=0.0,
        protection=Protection(universal_control=0.0),
    )
    n, rows = 200, []
    for seed in range(n):
        audience = draw_audience(crowd, None, EVERYONE, replace(ask, wave=Wave("spring", 1, NOW, seed)))
        rows.append(audience.record[["customer_id", "arm", "probability"]])
    drawn = pd.concat(rows)
    assert abs((drawn["arm"] == CONTROL).mean() - 0.3) < 0.01  # 6,000 draws or more, balanced
    counts = drawn.groupby(["customer_id", "arm"])["probability"].agg(["size", "first", "nunique"])
    spread = np.sqrt(counts["first"] * (1 - counts["first"]) / n)
    assert (counts["nunique"] == 1).all()
    assert (np.abs(counts["size"] / n - counts["first"]) < 4.5 * spread).all()
    assert sorted(counts["first"].round(4).unique()) == [0.2333, 0.3, 0.4667, 0.7]


def test_exploring_draws_below_the_cut_by_lot(people: People) -> None:
    crowd = people(400, consent_email=True)
    ask = AudienceSettings(Wave("spring", 1, NOW), (EMAIL,), limits=ListLimits(size=200), exploring=0.2)
    record = draw_audience(crowd, None, EVERYONE, ask).record
    tried = record[record["is_exploring"]]
    assert 30 <= len(tried) <= 40
    assert tried["rank"].min() > record.loc[~record["is_exploring"], "rank"].max()
    assert abs((tried["arm"] == CONTROL).mean() - 0.5) < 0.05
    assert tried["probability_included"].nunique() == 1
    assert 0 < tried["probability_included"].iloc[0] < 1


def test_the_best_known_rank_first_and_the_list_ends_where_it_no_longer_pays(people: People, held_out: Any) -> None:
    crowd = people(500, consent_email=True)
    audience = draw_audience(crowd, None, EVERYONE, AudienceSettings(Wave("spring", 1, NOW), exploring=0.0))
    profit = audience.record["expected_profit"]
    assert audience.basis == "uplift"
    assert audience.cut.reason == "profit"
    assert profit.is_monotonic_decreasing
    assert profit.iloc[-1] > 0
    counted = crowd["uplift"].mask(crowd["stage"] == "churned", crowd["uplift_low"])
    oracle = crowd.assign(profit=counted * crowd["margin"] - 0.02)
    held = held_out(crowd["customer_id"], 0, 0.02)
    assert set(audience.record["customer_id"]) == set(oracle[(oracle["profit"] > 0) & ~held]["customer_id"])


def test_the_universal_control_is_the_same_whatever_seed_a_campaign_draws_with(people: People, held_out: Any) -> None:
    crowd, protection = people(2000, consent_email=True), Protection(universal_control=0.2, seed=7)
    held = held_out(crowd["customer_id"], 7, 0.2)
    for seed in (0, 1):
        ask = AudienceSettings(Wave("spring", 1, NOW, seed), exploring=0.0, protection=protection)
        record = draw_audience(crowd, None, EVERYONE, ask).record
        assert not set(record["customer_id"]) & set(crowd["customer_id"][held])


def test_the_record_is_the_contracts_own_form_and_nothing_was_sent_to_the_control(people: People) -> None:
    ask = AudienceSettings(
        Wave("spring", 1, NOW), (EMAIL, GIFT), messages={"baby": "care_for_small_ones", "default": "hello"}
    )
    crowd = people(300, bought_category=["baby", "food", None] * 100)
    record = draw_audience(crowd, None, EVERYONE, ask).record
    assert tuple(record.columns[: len(ASSIGNMENTS.names)]) == ASSIGNMENTS.names
    control = record[record["arm"] == CONTROL]
    assert len(control)
    assert control[["channel", "offer_kind", "message_key", "contacted_at"]].isna().all(axis=None)
    assert set(record["message_key"].dropna()) == {"care_for_small_ones", "hello"}


# Who is eligible of the others stands in tables of members and points, or on a day of registration.
@pytest.mark.parametrize("name", sorted(set(GOALS) - {"winback", "enrol", "exchange", "renew", "review", "welcome"}))
def test_every_goal_runs_cold_and_says_what_it_rests_on(people: People, name: str) -> None:
    crowd = people(600).drop(columns=["uplift", "uplift_low", "uplift_high"])
    audience = draw_audience(crowd, None, GOALS[name], AudienceSettings(Wave(name, 1, NOW)))
    assert 0 < audience.n_eligible < 600
    assert len(audience.record)
    assert set(audience.record["basis"]) == {"propensity"}
    assert "ranked by propensity" in audience.notes[0]
    assert audience.as_dict()["n_treated"] == len(audience.treated)


def test_winback_runs_only_where_even_the_lower_bound_of_its_measured_uplift_pays(people: People) -> None:
    crowd = people(600)
    cold = crowd.drop(columns=["uplift", "uplift_low", "uplift_high"])
    ask = AudienceSettings(Wave("back", 1, NOW), exploring=0.0)
    with pytest.raises(NoModelError, match="a measured uplift"):
        draw_audience(cold, None, GOALS["winback"], ask)
    record = draw_audience(crowd, None, GOALS["winback"], ask).record
    by_id = crowd.set_index("customer_id").loc[record["customer_id"]]
    assert len(record)
    assert (by_id["uplift_low"] * by_id["margin"] > record["expected_cost"].to_numpy()).all()


def owing(people: People) -> pd.DataFrame:
    """Return customers with open orders, whose size says the contrary of what the customer is worth."""
    tier = np.tile(["low", "middle", "high"], 300)
    size = pd.Series(tier).map({"low": 1000.0, "middle": 500.0, "high": 100.0})
    crowd = people(900, consent_email=True, propensity=0.5, stage="regular", margin=size, value_tier=tier)
    return crowd.drop(columns=["uplift", "uplift_low", "uplift_high"])


def test_collect_climbs_its_ladder_by_age_and_the_customers_own_tier(people: People) -> None:
    crowd, ask = owing(people), AudienceSettings(Wave("collect", 1, NOW), exploring=0.0)
    record = draw_audience(crowd, None, GOALS["collect"], ask).record
    joined = record.merge(crowd[["customer_id", "unpaid_days", "value_tier"]], on="customer_id")
    arms = joined.groupby(["unpaid_days", "value_tier"])["planned_arm"].unique()
    assert [list(arms[(days, "high")]) for days in (2, 8, 31)] == [["reminder"], ["points"], ["cash_coupon"]]
    assert [list(arms[(days, "low")]) for days in (2, 8, 31)] == [["reminder"], ["reminder"], ["points"]]
    unknown = draw_audience(crowd.drop(columns="value_tier"), None, GOALS["collect"], ask).record
    assert set(unknown["planned_arm"]) == {"reminder", "points"}


def test_a_rung_comes_once_for_each_open_order(people: People) -> None:
    crowd, unprotected = owing(people), Protection(caps=(), universal_control=0.0, control_days=1)
    ask = AudienceSettings(Wave("collect-1", 1, NOW), exploring=0.0, protection=unprotected)
    first = draw_audience(crowd, None, GOALS["collect"], ask).record
    later = crowd.assign(unpaid_days=crowd["unpaid_days"] + 6)  # the rung after 7 days has come for those of 2
    later.loc[later["unpaid_days"] == 14, "unpaid_days"] = 3.0  # another order since
    again = replace(ask, wave=Wave("collect-2", 1, NOW + timedelta(days=6)))
    drawn = draw_audience(later, first, GOALS["collect"], again)
    ages = later.set_index("customer_id").loc[drawn.record["customer_id"], "unpaid_days"]
    assert set(ages) == {8.0, 3.0}
    n_same_rung = int((later["unpaid_days"] == 37).sum())
    assert drawn.excluded["this rung for the open order came before"] == (n_same_rung, n_same_rung)


@pytest.mark.parametrize("goal", ["harvest", "collect"])
def test_the_churned_are_left_alone_on_a_prior_and_contacted_where_measured_uplift_surely_pays(
    people: People, goal: str
) -> None:
    crowd = people(600, stage=np.tile(["lead", "churned"], 300), in_interest=True, unpaid_days=2.0)
    cold = draw_audience(
        crowd.drop(columns=["uplift", "uplift_low", "uplift_high"]),
        None,
        GOALS[goal],
        AudienceSettings(Wave("cold", 1, NOW)),
    )
    assert set(cold.record["stage"]) == {"lead"}
    assert cold.excluded["left alone: no measured uplift pays"][0] == 300
    measured = draw_audience(crowd, None, GOALS[goal], AudienceSettings(Wave("warm", 1, NOW), (EMAIL,)))
    churned = crowd.set_index("customer_id").loc[measured.record.query("stage == 'churned'")["customer_id"]]
    assert len(churned)
    assert (churned["uplift_low"] * churned["margin"] > 0.02).all()


def test_second_is_for_those_who_are_still_in_rhythm(people: People) -> None:
    crowd = people(600, n_orders=1)
    drawn = draw_audience(crowd, None, GOALS["second"], AudienceSettings(Wave("second", 1, NOW)))
    assert drawn.n_eligible == crowd["stage"].isin(["new", "regular", "loyal", "semi_active"]).sum()
    assert not drawn.record["stage"].isin(["silent", "churned"]).any()


@pytest.mark.parametrize(
    ("goal", "column"),
    [
        ("activate", "is_registered"),
        ("collect", "unpaid_days"),
        ("retain", "stage"),
        ("second", "n_orders"),
        ("second", "stage"),
    ],
)
def test_a_goal_says_by_name_what_the_shop_lacks(people: People, goal: str, column: str) -> None:
    with pytest.raises(LeftOutError, match=column):
        draw_audience(people().drop(columns=column), None, GOALS[goal], AudienceSettings(Wave("x", 1, NOW)))


def test_consent_is_asked_for_unless_it_is_assumed_and_then_it_is_said(people: People) -> None:
    crowd, ask = people().drop(columns="consent_email"), AudienceSettings(Wave("x", 1, NOW))
    with pytest.raises(LeftOutError, match="consent_email"):
        draw_audience(crowd, None, EVERYONE, ask)
    assumed = replace(ask, protection=Protection(consent="assumed"))
    notes = draw_audience(crowd, None, EVERYONE, assumed).notes
    assert any("consent is assumed" in note for note in notes)


def test_a_wave_that_was_drawn_before_is_refused(people: People) -> None:
    ask = AudienceSettings(Wave("x", 1, NOW))
    record = draw_audience(people(), None, EVERYONE, ask).record
    with pytest.raises(InputError, match="wave 1 was"):
        draw_audience(people(), record, EVERYONE, ask)


def test_users_may_have_goals_of_their_own(people: People) -> None:
    own = replace(
        EVERYONE,
        name="big_spenders",
        eligible=Eligible(any_of=(Where("in_interest"), Where("no_such")), all_of=(Where("margin", at_least=20),)),
    )
    audience = draw_audience(people(), None, own, AudienceSettings(Wave("x", 1, NOW)))
    assert audience.n_eligible == ((people()["margin"] >= 20) & people()["in_interest"]).sum()
    assert any("no_such" in note for note in audience.notes)


@pytest.mark.parametrize("size", [None, 0, 40])
def test_profit_by_depth_is_that_of_the_list_cut_there(people: People, size: int | None) -> None:
    ask = AudienceSettings(Wave("a", 1, NOW, 0), (EMAIL,), limits=ListLimits(size=size), exploring=0.0)
    drawn = draw_audience(people(400), None, EVERYONE, ask)
    assert [each.n for each in drawn.depth] == sorted({each.n for each in drawn.depth})
    assert (drawn.depth[0].n, drawn.depth[-1].n) == (0, drawn.n_ranked)
    there = {each.n: each for each in drawn.depth}
    at_cut = there[drawn.cut.n]
    treated_share = 1 - (drawn.settings.holdout or 0.0)
    assert at_cut.profit.value == pytest.approx(treated_share * drawn.record["expected_profit"].sum())
    assert at_cut.cost == pytest.approx(treated_share * drawn.record["expected_cost"].sum())
    assert all(each.profit.low <= each.profit.value <= each.profit.high for each in drawn.depth)
    if size is None:
        assert max(each.profit.value for each in drawn.depth) == pytest.approx(at_cut.profit.value)


def test_campaigns_of_one_seed_and_seeds_of_one_campaign_hold_out_different_people(people: People) -> None:
    """Else the same customers would be left alone by every campaign, and each would be measured on them."""
    crowd, held = people(2000, consent_email=True), []
    for name, seed in (("spring", 0), ("summer", 0), ("spring", 1)):
        ask = AudienceSettings(Wave(name, 1, NOW, seed), exploring=0.0, holdout=0.3)
        record = draw_audience(crowd, None, EVERYONE, ask).record
        held.append(set(record.loc[record["arm"] == CONTROL, "customer_id"]))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert 0.2 < len(held[one] & held[other]) / len(held[one]) < 0.4  # three in ten, by chance


def test_the_universal_control_is_a_share_of_all_that_its_own_seed_alone_decides(people: People) -> None:
    crowd = people(2000, consent_email=True, stage="silent", uplift=0.3, uplift_low=0.2, margin=40.0)

    def missing(seed: int, campaign: str, own: int) -> set[str]:
        protection = Protection(universal_control=0.2, seed=own)
        ask = AudienceSettings(Wave(campaign, 1, NOW, seed), exploring=0.0, protection=protection)
        return set(crowd["customer_id"]) - set(draw_audience(crowd, None, EVERYONE, ask).record["customer_id"])

    first = missing(0, "spring", 7)
    assert 0.17 < len(first) / len(crowd) < 0.23
    assert missing(1, "summer", 7) == first
    assert 0.1 < len(missing(0, "spring", 8) & first) / len(first) < 0.3


@pytest.mark.parametrize(("hours", "is_free"), [(7 * 24, True), (7 * 24 - 1, False)])
def test_a_contact_counts_for_a_cap_until_exactly_its_days_have_passed(
    people: People, hours: int, is_free: bool
) -> None:
    crowd = people(200, consent_email=True, stage="silent", uplift=0.3, uplift_low=0.2, margin=40.0)
    past = pd.DataFrame(
        {
            "campaign_id": "old",
            "customer_id": crowd["customer_id"].iloc[:100],
            "arm": "mail",
            "assigned_at": NOW - timedelta(hours=hours),
            "contacted_at": NOW - timedelta(hours=hours),
            "channel": "email",
            "wave": 1,
        }
    )
    protection = Protection(caps=(Cap(7, 1),), universal_control=0.0)
    ask = AudienceSettings(Wave("spring", 1, NOW), exploring=0.0, protection=protection)
    listed = set(draw_audience(crowd, past, EVERYONE, ask).record["customer_id"])
    assert (set(past["customer_id"]) <= listed) == is_free
    assert set(crowd["customer_id"].iloc[100:]) <= listed
