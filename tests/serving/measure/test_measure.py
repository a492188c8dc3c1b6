"""A campaign measured in a shop: against the planted effect, and against sums made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from penchant.errors import InputError, LeftOutError, UnfinishedHorizonError
from penchant.serving.goals.catalogue import GOALS
from penchant.serving.goals.offers import Arm, Offer
from penchant.serving.measure.campaign import measure
from penchant.serving.measure.report import measurement_page
from penchant.serving.measure.result import Result
from penchant.serving.measure.settings import MeasureSettings
from penchant.serving.measure.show import measurement_view
from penchant.spreadsheet import shop_time

Tables = dict[str, pd.DataFrame]
START, DAY = pd.Timestamp("2025-06-01 08:00"), pd.Timedelta(days=1)


def test_an_effect_is_found_with_its_money(trial_tables: Any, make_trial: Any, shop_of: Any) -> None:
    found = measure(shop_of(trial_tables(make_trial(n=6000, effect=0.06))), "spring")
    result = found.headline
    assert found.verdict.word == "worked"
    assert result.days == 30
    assert result.difference().low < 0.06 < result.difference().high
    assert result.response.variance_removed > 0.03
    orders = result.total("orders")
    assert orders is not None
    treated = result.response.n_treated
    assert orders.value == pytest.approx(treated * result.difference("orders").value)
    assert result.effects["revenue"].plain.value == pytest.approx(50 * result.effects["orders"].plain.value)
    assert result.effects["margin"].plain.value == pytest.approx(20 * result.effects["orders"].plain.value)
    assert result.effects["cost"].treated.value == pytest.approx(0.10)
    profit = result.effects["margin"].plain.value - result.effects["cost"].plain.value
    assert result.effects["profit"].plain.value == pytest.approx(profit)
    assert result.cost_per_order is not None
    assert result.cost_per_order.value == pytest.approx(0.10 * treated / orders.value)
    assert "It paid" in found.verdict.paid
    assert not found.failed
    text = repr(found)
    assert text.startswith("Campaign 'spring': worked\n")
    assert all(window.label in text for window in found.windows)
    assert len(text) < 3_000
    assert "<table>" in found._repr_html_()


@pytest.mark.parametrize(("effect", "word"), [(-0.10, "did harm"), (0.0, "can't be told")])
def test_harm_and_nothing_are_called_so(
    effect: float, word: str, trial_tables: Any, make_trial: Any, shop_of: Any
) -> None:
    tables = trial_tables(make_trial(n=3000, effect=effect, natural=0.3, seed=3))
    verdict = measure(shop_of(tables), "spring").verdict
    assert verdict.word == word
    if word == "can't be told":
        assert verdict.n_needed_relevant is not None
        assert verdict.n_needed_relevant > 3000
        assert "it would take about" in verdict.text


def test_the_same_campaign_gives_the_same_numbers_and_they_are_json(
    trial_tables: Any, make_trial: Any, shop_of: Any
) -> None:
    tables = trial_tables(make_trial(n=1500))
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in tables.items()}
    one, other = (measure(shop_of(each), "spring").as_dict() for each in (tables, shuffled))
    text = json.dumps(one, allow_nan=False)
    assert text == json.dumps(other, allow_nan=False)
    assert set(one["headline"]["difference"]) == {"value", "low", "high"}


# --- windows against sums made by hand -------------------------------------------------------------------------


def hand_made(at: list[pd.Timestamp], **columns: Any) -> Tables:
    """Twenty treated and twenty controls; the first treated have one order each at the given instants."""
    ids = [f"c{i:02d}" for i in range(40)]
    orders = pd.DataFrame(
        {"customer_id": ids[: len(at)], "ordered_at": at, "order_id": [f"o{i}" for i in range(len(at))], "amount": 1000}
    )
    arms = ["mail"] * 20 + ["control"] * 20
    assignments = {"campaign_id": "spring", "customer_id": ids, "arm": arms, "assigned_at": START, "wave": 1}
    return {"orders": orders.assign(**columns), "assignments": pd.DataFrame(assignments)}


def treated_sums(result: Result) -> tuple[float, float]:
    return (round(20 * result.response.treated.value, 9), round(20 * result.effects["revenue"].treated.value, 9))


def test_windows_are_half_open(shop_of: Any) -> None:
    instant = pd.Timedelta(microseconds=1)
    at = [START - instant, START, START + 2 * DAY - instant, START + 2 * DAY, START + 10 * DAY]
    found = measure(shop_of(hand_made(at)), "spring", MeasureSettings(windows_days=(2, 10)))
    assert [treated_sums(result) for result in found.windows] == [(2, 20), (3, 30)]


def test_an_order_counts_as_it_stood_when_the_window_ended(shop_of: Any) -> None:
    at = [START + DAY] * 6
    never = pd.NaT
    paid = [START + DAY, START + 3 * DAY, never, START + DAY, START + DAY, START + DAY]
    cancelled = [never, never, never, START + 1.5 * DAY, START + 5 * DAY, never]
    refunded = [never, never, never, never, never, START + 40 * DAY]
    columns = {"paid_at": paid, "cancelled_at": cancelled, "refunded_at": refunded}
    found = measure(shop_of(hand_made(at, **columns)), "spring", MeasureSettings(windows_days=(2, 10)))
    assert [treated_sums(result) for result in found.windows] == [(3, 30), (3, 30)]


def test_lines_of_one_order_are_one_order(shop_of: Any) -> None:
    tables = hand_made([START + DAY] * 3)
    tables["orders"] = pd.concat([tables["orders"]] * 2, ignore_index=True)
    result = measure(shop_of(tables), "spring").headline
    assert round(20 * result.effects["orders"].treated.value, 9) == 3
    assert treated_sums(result) == (3, 60)


def test_a_payment_counts_when_it_falls_into_the_window(shop_of: Any) -> None:
    paid = [START + DAY, START - DAY, START + 20 * DAY]
    tables = hand_made([START - 5 * DAY] * 3, paid_at=paid)
    settings = MeasureSettings(windows_days=(10,), outcome="payment")
    assert treated_sums(measure(shop_of(tables), "spring", settings).headline) == (1, 10)


@pytest.mark.parametrize(("outcome", "expected"), [("visit", 3), ("interest", 1)])
def test_visits_and_interest_are_read_from_interactions(outcome: Any, expected: int, shop_of: Any) -> None:
    tables = hand_made([START + DAY])
    kinds, days = ["view", "cart", "login", "view"], [1, 1.5, 2.5, 30]
    at = [START + day * DAY for day in days]
    ids = ["c00", "c01", "c02", "c03"]
    tables["interactions"] = pd.DataFrame({"customer_id": ids, "occurred_at": at, "kind": kinds, "channel": "app"})
    found = measure(shop_of(tables), "spring", MeasureSettings(windows_days=(30,), outcome=outcome))
    assert round(20 * found.headline.response.treated.value, 9) == expected
    assert [channel.label for channel in found.channels] == ["app"]


def test_a_goal_of_ones_own_says_what_counts_as_success(shop_of: Any) -> None:
    tables = hand_made([START + DAY])
    tables["campaigns"] = pd.DataFrame({"campaign_id": ["spring"], "goal": ["look_in"]})
    tables["interactions"] = pd.DataFrame(
        {"customer_id": ["c00", "c01", "c02"], "occurred_at": START + DAY, "kind": "view"}
    )
    look_in = replace(GOALS["seed"], name="look_in")
    found = measure(shop_of(tables), "spring", MeasureSettings(windows_days=(30,), own=(look_in,)))
    assert found.outcome == "visit"
    assert found.headline.response.treated.value == pytest.approx(3 / 20)
    assert measure(shop_of(tables), "spring").outcome == "paid_order"


def test_a_shop_without_orders_counts_its_payments(shop_of: Any) -> None:
    tables = hand_made([START + DAY])
    at = [START + DAY, START + 40 * DAY]
    paid = pd.DataFrame({"customer_id": ["c00", "c01"], "occurred_at": at, "kind": "pay"})
    found = measure(shop_of({"interactions": paid, "assignments": tables["assignments"]}), "spring")
    assert found.headline.response.treated.value == pytest.approx(1 / 20)
    assert "revenue" not in found.headline.effects
    assert any("no amounts" in note for note in found.notes)


def test_windows_may_count_from_the_contact(shop_of: Any) -> None:
    tables = hand_made([START + DAY, START + 4 * DAY])
    contacted = [START + 3 * DAY] * 19 + [START + 5 * DAY] + [pd.NaT] * 20
    tables["assignments"]["contacted_at"] = contacted
    settings = MeasureSettings(windows_days=(2,), count_from="contact")
    found = measure(shop_of(tables), "spring", settings)
    assert treated_sums(found.headline) == (1, 10)
    assert found.first_at == START + 3 * DAY
    late = measure(shop_of(tables), "spring", MeasureSettings(windows_days=(2,)))
    assert "contact-delay" in {check.code for check in late.checks if check.is_issue}


def test_what_they_bought_and_whether_it_was_new(shop_of: Any) -> None:
    tables = hand_made([START - 20 * DAY, START + DAY, START + DAY, START + DAY])
    tables["orders"]["customer_id"] = ["c00", "c00", "c01", "c02"]
    tables["orders"]["category_id"] = ["toys", "toys", "toys", "books"]
    found = measure(shop_of(tables), "spring")
    counts = {result.label: round(20 * result.response.treated.value, 9) for result in found.categories}
    assert counts == {"toys": 2, "books": 1, "a category new to them": 2}


# --- several waves, arms and kinds of rows -----------------------------------------------------------------------


def later_wave(tables: Tables, keeps_arm: bool, seed: int = 0) -> Tables:
    """Add a second wave, ten days on, of those who have not bought by then."""
    first = tables["assignments"]
    orders = tables["orders"]
    soon = orders[(orders["ordered_at"] >= START) & (orders["ordered_at"] < START + 10 * DAY)]
    second = first[~first["customer_id"].isin(soon["customer_id"])].copy()
    second["wave"], second["assigned_at"] = 2, START + 10 * DAY
    second["contacted_at"] = second["contacted_at"] + 10 * DAY
    if not keeps_arm:
        drawn = np.random.default_rng(seed).random(len(second)) < 0.3
        second["arm"] = np.where(drawn, "control", "mail")
        second["probability"] = np.where(drawn, 0.3, 0.7)
        second["contacted_at"] = pd.NaT
    return {**tables, "assignments": pd.concat([first, second], ignore_index=True)}


def test_who_left_before_a_wave_still_counts_where_arms_were_kept(
    trial_tables: Any, make_trial: Any, shop_of: Any
) -> None:
    tables = later_wave(trial_tables(make_trial(n=4000, effect=0.10, natural=0.3, seed=5)), keeps_arm=True)
    settings = MeasureSettings(windows_days=(10, 20))
    found = measure(shop_of(tables), "spring", settings)
    assert found.kind == "carried"
    by_name = {result.label: result for result in found.windows}
    assert {result.response.n_treated + result.response.n_control for result in found.windows} == {4000}
    overall = by_name["by 20 days after the last wave"]
    assert overall.difference().low < 0.10 < overall.difference().high
    both = sum(by_name[f"within 10 days after wave {wave}"].effects["orders"].plain.value for wave in (1, 2))
    assert both == pytest.approx(by_name["by 10 days after the last wave"].effects["orders"].plain.value)
    n_second = (tables["assignments"]["wave"].eq(2) & tables["assignments"]["arm"].eq("mail")).sum()
    n_first = (tables["assignments"]["wave"].eq(1) & tables["assignments"]["arm"].eq("mail")).sum()
    assert by_name["within 10 days after wave 1"].effects["cost"].treated.value == pytest.approx(0.10)
    assert overall.effects["cost"].treated.value == pytest.approx(0.10 * (n_first + n_second) / n_first)


def test_waves_drawn_afresh_are_pooled_and_customers_counted_once(
    trial_tables: Any, make_trial: Any, shop_of: Any
) -> None:
    tables = later_wave(trial_tables(make_trial(n=3000, seed=6)), keeps_arm=False)
    found = measure(shop_of(tables), "spring", MeasureSettings(windows_days=(10,)))
    assert found.kind == "redrawn"
    n_rows = found.headline.response.n_treated + found.headline.response.n_control
    assert n_rows == len(tables["assignments"])


def test_arms_are_compared_with_the_control_and_with_each_other(
    trial_tables: Any, make_trial: Any, shop_of: Any
) -> None:
    trial = make_trial(n=9000, arms=("mail", "sms"), effects={"mail": 0.0, "sms": 0.15}, seed=7)
    arms = (Arm("mail", "email"), Arm("sms", "sms", Offer("points", 2.0), unit_cost=0.5))
    found = measure(shop_of(trial_tables(trial)), "spring", MeasureSettings(arms=arms))
    by_arm = {result.label: result for result in found.arms}
    assert not by_arm["mail"].difference().excludes_zero
    assert by_arm["sms"].difference().low > 0
    assert by_arm["sms"].level == pytest.approx(0.95**0.5)
    assert [result.label for result in found.pairs] == ["mail against sms"]
    with Console(width=160, record=True, file=StringIO()) as console:
        console.print(measurement_view(found))
    head = console.export_text().split("One arm against another")[1].split("mail against sms")[0]
    assert ("first" in head, "second" in head, "control" in head) == (True, True, False)
    assert found.pairs[0].difference().high < 0
    assert {result.label for result in found.means["channel"]} == {"email", "sms"}
    assert by_arm["sms"].effects["cost"].treated.value == pytest.approx(0.5)


def test_an_arm_that_was_meant_for_the_best_is_compared_with_those_held_out_of_it(
    trial_tables: Any, make_trial: Any, shop_of: Any
) -> None:
    tables = trial_tables(make_trial(n=8000, natural=0.2, effect=0.05, seed=8))
    buyers = set(tables["orders"].loc[tables["orders"]["ordered_at"] < START, "customer_id"])
    rows = tables["assignments"]
    meant = np.where(rows["customer_id"].isin(buyers), "gold", "mail")
    rows["arm"] = np.where(rows["arm"] == "control", "control", meant)
    record = pd.DataFrame({"customer_id": rows["customer_id"], "planned_arm": meant})
    blind, told = (
        {result.label: result.difference(adjusted=False) for result in measure(shop, "spring", record=given).arms}
        for shop, given in ((shop_of(tables), None), (shop_of(tables), record))
    )
    assert blind["gold"].low > 0.05  # the best are compared with everyone: far too good
    assert told["gold"].low < 0.05 < told["gold"].high
    assert told["mail"].low < 0.05 < told["mail"].high


def test_the_ranking_is_judged_by_decile_and_segments_by_chance(
    trial_tables: Any, make_trial: Any, shop_of: Any
) -> None:
    trial = make_trial(n=8000, natural=0.2, effect=0.0, seed=9)
    tables = trial_tables(trial)
    rng = np.random.default_rng(9)
    rows = tables["assignments"]
    uplift = rng.uniform(0, 0.4, len(rows))
    won = (rows["arm"] != "control") & (rng.random(len(rows)) < uplift)
    extra = pd.DataFrame({"customer_id": rows.loc[won, "customer_id"], "ordered_at": START + DAY}).assign(
        order_id=lambda frame: "x" + frame["customer_id"], quantity=1.0, amount=5000, paid_at=START + DAY, item_id="i1"
    )
    tables["orders"] = pd.concat([tables["orders"], extra], ignore_index=True)
    record = pd.DataFrame(
        {"customer_id": rows["customer_id"], "uplift": uplift, "segment": rng.choice(["a", "b", "c"], len(rows))}
    )
    found = {one.name: one for one in measure(shop_of(tables), "spring", record=record).breakdowns}
    deciles = found["decile of predicted uplift"]
    assert deciles.trend is not None
    assert deciles.trend.high < 0
    assert deciles.p_same < 0.001
    assert [result.label for result in deciles.results] == [str(i) for i in range(1, 11)]
    assert deciles.results[0].predicted == pytest.approx(0.38, abs=0.01)
    assert found["segment"].p_same > 0.001
    assert sum(r.response.n_treated + r.response.n_control for r in found["segment"].results) == len(rows)


def test_an_exploring_share_is_weighted_by_its_odds(trial_tables: Any, make_trial: Any, shop_of: Any) -> None:
    tables = trial_tables(make_trial(n=6000, natural=0.3, effect=0.06, seed=10))
    rows, orders = tables["assignments"], tables["orders"]
    rng = np.random.default_rng(10)
    eager = rows["customer_id"].isin(orders.loc[orders["ordered_at"] < START, "customer_id"]).to_numpy()
    # the eager are mostly left alone: of their treated most become controls, of their orders nothing changes
    dropped = eager & (rows["arm"] == "mail").to_numpy() & (rng.random(len(rows)) < 6 / 7)
    rows = rows[~dropped]
    p_treated = np.where(eager[~dropped], 0.25, 0.7)
    rows["probability"] = np.where(rows["arm"] == "control", 1 - p_treated, p_treated)
    found = measure(shop_of({**tables, "assignments": rows}), "spring")
    assert found.headline.difference(adjusted=False).low < 0.06 < found.headline.difference(adjusted=False).high
    flat = measure(shop_of({**tables, "assignments": rows.drop(columns="probability")}), "spring")
    assert flat.headline.difference(adjusted=False).high < 0.06


# --- checks, and what is refused ---------------------------------------------------------------------------------


def test_lost_customers_are_noticed_and_nothing_is_said(trial_tables: Any, make_trial: Any, shop_of: Any) -> None:
    tables = trial_tables(make_trial(effect=0.2))
    rows = tables["assignments"]
    lost = rows.index[rows["arm"] == "mail"][::5]
    found = measure(shop_of({**tables, "assignments": rows.drop(index=lost)}), "spring")
    assert found.failed
    assert found.verdict.word == "can't be told"
    assert "Do not trust the numbers" in found.verdict.text


def test_contacted_controls_and_unlike_arms_are_noticed(trial_tables: Any, make_trial: Any, shop_of: Any) -> None:
    tables = trial_tables(make_trial())
    rows, orders = tables["assignments"], tables["orders"]
    codes = {check.code: check for check in measure(shop_of(tables), "spring").checks}
    assert not codes["contamination"].is_issue
    assert not codes["covariate-balance"].is_issue
    controls = rows.index[rows["arm"] == "control"][:40]
    rows.loc[controls, "contacted_at"] = START + DAY
    hidden = orders["customer_id"].isin(rows.loc[rows["arm"] == "control", "customer_id"])
    tables["orders"] = orders[~(hidden & (orders["ordered_at"] < START))]
    codes = {check.code: check for check in measure(shop_of(tables), "spring").checks}
    assert codes["contamination"].facts["n"] == 40
    assert codes["contamination"].is_issue
    assert codes["covariate-balance"].is_issue


def picked(tables: Tables, seed: int = 0) -> Tables:
    """Return a trial's tables as if those who had bought most had been contacted, and nobody drawn."""
    rng, orders = np.random.default_rng(seed), tables["orders"]
    n_before = orders[orders["ordered_at"] < START].groupby("customer_id").size()
    n_before = n_before.reindex(tables["assignments"]["customer_id"]).fillna(0).to_numpy()
    is_picked = rng.random(len(n_before)) < np.clip(0.1 + 0.2 * n_before, 0, 1)
    return change_arms(tables, lambda arm: np.where(is_picked, "mail", "control"))


def test_picked_customers_are_no_trial_whatever_is_recorded(trial_tables: Any, make_trial: Any, shop_of: Any) -> None:
    tables = picked(trial_tables(make_trial(n=3000)))
    rows = tables["assignments"]
    share = (rows["arm"] == "mail").mean()
    for probability in (None, np.where(rows["arm"] == "mail", share, 1 - share)):
        own = rows.drop(columns="probability")
        own = own if probability is None else own.assign(probability=probability)
        found = measure(shop_of({**tables, "assignments": own}), "spring")
        assert found.failed
        assert found.verdict.word == "can't be told"
        assert "not randomised as recorded" in found.verdict.text
        console = Console(width=200, record=True, file=StringIO())
        console.print(measurement_view(found))
        for shown in (measurement_page(found).html(), console.export_text()):
            assert "Do not trust the numbers" in shown
            assert "words good" not in shown
            assert "Incremental orders" not in shown
            assert "held out at random" not in shown
            assert "you could have acted" not in shown
            assert "worked" not in shown


def test_customers_of_whom_nothing_was_known_are_not_called_alike(
    trial_tables: Any, make_trial: Any, shop_of: Any
) -> None:
    tables = trial_tables(make_trial(n=800))
    tables["orders"] = tables["orders"][tables["orders"]["ordered_at"] >= START]
    codes = {check.code: check for check in measure(shop_of(tables), "spring").checks}
    assert codes["covariate-balance"].outcome == "not applicable"


def test_the_stage_at_the_assignment_is_read_where_no_record_says_it(
    trial_tables: Any, make_trial: Any, shop_of: Any
) -> None:
    tables = trial_tables(make_trial(n=3000))
    shop = shop_of(tables)
    bare = measure(shop, "spring")
    assert not bare.breakdowns
    assert any("stage or segment" in note for note in bare.notes)
    (found,) = measure(shop, "spring", MeasureSettings(reads_stage=True)).breakdowns
    earlier = tables["orders"][tables["orders"]["ordered_at"] < START]
    first = earlier.groupby("customer_id")["ordered_at"].agg(["min", "size"])
    n_new = int(((first["size"] == 1) & (first["min"] >= START - 30 * DAY)).sum())
    by_name = {one.label: one.response.n_treated + one.response.n_control for one in found.results}
    assert found.name == "stage"
    assert by_name["stranger"] == 3000 - len(first)
    assert n_new <= by_name["new"] < len(first)
    by = MeasureSettings(by=("stage", "crowd:new_customer", "n_orders_90d>=2"))
    same, *others = measure(shop, "spring", by).breakdowns
    assert same.as_dict() == found.as_dict()
    assert [one.name for one in others] == ["crowd:new_customer", "n_orders_90d>=2"]
    counts = {one.label: one.response.n_treated + one.response.n_control for one in others[0].results}
    assert counts["yes"] == by_name["new"]
    assert sum(counts.values()) == 3000
    for name, told in (("crowd:intrest", "Did you mean"), ("n_orders_90d", "n_orders_90d>=1")):
        with pytest.raises(InputError, match=told):
            measure(shop, "spring", MeasureSettings(by=(name,)))
    tables["orders"] = tables["orders"][tables["orders"]["ordered_at"] < START]
    (again,) = measure(shop_of(tables), "spring", MeasureSettings(reads_stage=True)).breakdowns
    assert {one.label: one.response.n_treated + one.response.n_control for one in again.results} == by_name


def test_other_campaigns_that_reached_one_arm_more_often_are_noticed(
    trial_tables: Any, make_trial: Any, shop_of: Any
) -> None:
    tables = trial_tables(make_trial())
    rows = tables["assignments"]
    codes = {check.code: check for check in measure(shop_of(tables), "spring").checks}
    assert codes["other-campaigns"].outcome == "not applicable"

    def checked(at: pd.Timestamp, chosen: pd.Series[bool], **columns: Any) -> Any:
        other = rows[chosen].assign(campaign_id="summer", arm="sms", assigned_at=at, contacted_at=at)
        both = pd.concat([rows, other.assign(**columns)], ignore_index=True)
        found = measure(shop_of({**tables, "assignments": both}), "spring")
        return next(check for check in found.checks if check.code == "other-campaigns")

    is_control, third = rows["arm"] == "control", pd.Series(np.arange(len(rows)) % 3 == 0)
    assert checked(START + 5 * DAY, third).outcome == "passed"
    later = checked(START + 5 * DAY, third & is_control)
    assert later.is_issue
    assert later.facts["treated_share"] == 0
    assert later.facts["control_share"] == pytest.approx((third & is_control).sum() / is_control.sum())
    for elsewhere in (START - DAY, START + 30 * DAY):
        assert checked(elsewhere, third & is_control).facts["control_share"] == 0
    assert checked(START + 5 * DAY, third & is_control, arm="control").facts["control_share"] == 0


def test_windows_that_are_not_over_are_named(trial_tables: Any, make_trial: Any, shop_of: Any) -> None:
    tables = trial_tables(make_trial(n=800))
    found = measure(shop_of(tables, end=START + 12 * DAY), "spring")
    assert [result.days for result in found.windows] == [2, 10]
    assert list(found.refused) == ["within 30 days"]
    assert found.looks.table["day"].max() == 12  # the running campaign can be watched all the same
    with pytest.raises(UnfinishedHorizonError, match="'within 30 days'"):
        measure(shop_of(tables, end=START + 12 * DAY), "spring", MeasureSettings(decision_days=30))


def change_arms(tables: Tables, change: Callable[[pd.Series], Any]) -> Tables:
    rows = tables["assignments"]
    return {**tables, "assignments": rows.assign(arm=change(rows["arm"]))}


def test_bad_input_is_refused_with_what_to_do(trial_tables: Any, make_trial: Any, shop_of: Any) -> None:
    tables = trial_tables(make_trial(n=400))
    with pytest.raises(InputError, match=r"Did you mean 'spring'\?"):
        measure(shop_of(tables), "sprng")
    with pytest.raises(InputError, match="customers who were held out"):
        measure(shop_of(change_arms(tables, lambda arm: "mail")), "spring")
    with pytest.raises(InputError, match="0 treated of 400"):
        measure(shop_of(change_arms(tables, lambda arm: "control")), "spring")
    renamed = change_arms(tables, lambda arm: arm.replace("control", "none"))
    assert measure(shop_of(renamed), "spring", MeasureSettings(control="none")).headline.days == 30
    with pytest.raises(LeftOutError, match="'assignments'"):
        measure(shop_of({"orders": tables["orders"]}), "spring")
    with pytest.raises(LeftOutError, match="'interactions'"):
        measure(shop_of(tables), "spring", MeasureSettings(outcome="visit"))
    with pytest.raises(InputError, match="one row for each customer_id"):
        measure(shop_of(tables), "spring", record=pd.DataFrame({"customer_id": ["a", "a"]}))


def test_a_campaign_that_nobody_answered_is_no_proof_of_nothing(
    trial_tables: Any, make_trial: Any, shop_of: Any
) -> None:
    tables = trial_tables(make_trial(n=400))
    tables["orders"] = tables["orders"][tables["orders"]["ordered_at"] < START]
    found = measure(shop_of(tables), "spring")
    assert found.verdict.word == "can't be told"
    assert found.headline.difference().low < 0 < found.headline.difference().high
    told = found.headline.as_dict()
    assert told["relative"]["value"] is None
    for name in ("revenue", "margin", "profit"):
        assert told["incremental"][name]["low"] is None
    assert told["incremental"]["profit"]["value"] == pytest.approx(-told["incremental"]["cost"]["value"])
    assert "Whether it paid can't be told" in found.verdict.paid
    assert "<html" in measurement_page(found).html()


@pytest.mark.parametrize("lacking", ["items", "campaigns", "amount"])
def test_what_the_shop_cannot_tell_is_left_out_and_named(
    lacking: str, trial_tables: Any, make_trial: Any, shop_of: Any
) -> None:
    tables = trial_tables(make_trial(n=600))
    if lacking == "amount":
        tables["orders"] = tables["orders"].drop(columns="amount")
    else:
        del tables[lacking]
    found = measure(shop_of(tables), "spring")
    assert "profit" not in found.headline.effects
    assert any("left out" in note for note in found.notes)
    assert found.headline.as_dict()["return_on_cost"] is None
    if lacking == "items":
        share = MeasureSettings(margin_share=0.4)
        assert "profit" in measure(shop_of(tables), "spring", share).headline.effects


def test_a_shop_that_records_no_purchases_says_so(trial_tables: Any, make_trial: Any, shop_of: Any) -> None:
    tables = trial_tables(make_trial(n=600))
    seen = tables["orders"].rename(columns={"ordered_at": "occurred_at"})[["customer_id", "occurred_at"]]
    rows = tables["assignments"].drop(columns="contacted_at")
    shop = shop_of({"interactions": seen.assign(kind="view"), "assignments": rows})
    assert any("ever bought" in note for note in measure(shop, "spring").notes)
    found = measure(shop, "spring", MeasureSettings(outcome="visit", count_from="contact"))
    assert not any("ever bought" in note for note in found.notes)
    assert any("windows begin at the assignment" in note for note in found.notes)
    assert found.headline.response.control.value > 0.05


@pytest.mark.parametrize(
    "wrong",
    [{"windows_days": (10, 2)}, {"decision_days": 7}, {"level": 1.0}, {"margin_share": 1.2}, {"windows_days": ()}],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        MeasureSettings(**wrong)


# --- shown -----------------------------------------------------------------------------------------------------


def test_the_report_tells_the_shops_time(trial_tables: Any, make_trial: Any, shop_of: Any) -> None:
    shop = shop_of(trial_tables(make_trial(n=300)), timezone="Europe/Berlin")
    found = measure(shop, "spring", MeasureSettings(windows_days=(2, 300)))
    facts, end = measurement_page(found).facts, shop_time(shop.extract_end, "Europe/Berlin")
    assert (facts["Data until"], end[-6:]) == (end, "+02:00")
    assert facts["First and last assignment"].startswith(shop_time(found.first_at, "Europe/Berlin"))
    (over,) = (check for check in found.checks if check.code == "horizon-over")
    assert f"The data ends at {end}" in over.explanation


def test_the_report_says_what_was_found_and_escapes_names(trial_tables: Any, make_trial: Any, shop_of: Any) -> None:
    tables = trial_tables(make_trial(n=1500, arms=("<b>mail", "sms"), seed=2))
    found = measure(shop_of(tables), "spring", MeasureSettings(windows_days=(2, 30)))
    html = measurement_page(found).html()
    assert html == measurement_page(found).html()
    assert "<b>" not in html
    for words in ("The arms have the planned shares", "within 30 days", "Day by day", "&lt;b&gt;mail"):
        assert words in html
    console = Console(width=200, record=True, file=StringIO())
    console.print(measurement_view(found))
    shown = console.export_text()
    assert found.verdict.word in shown
    assert "<b>mail" in shown


def test_a_coupon_that_is_used_costs_and_the_profit_is_the_same(
    trial_tables: Any, make_trial: Any, shop_of: Any
) -> None:
    tables = trial_tables(make_trial(n=3000, seed=11))
    tables["assignments"] = tables["assignments"].drop(columns="redeemed_at", errors="ignore")
    free, coupon = (
        measure(shop_of(tables), "spring", MeasureSettings(arms=(Arm("mail", "email", offer, unit_cost=0.1),))).headline
        for offer in (Offer(), Offer("coupon", 5.0, 20.0))
    )
    responders = coupon.response.treated.value
    assert coupon.effects["cost"].treated.value == pytest.approx(free.effects["cost"].treated.value + 5.0 * responders)
    assert coupon.effects["profit"].plain.value == pytest.approx(free.effects["profit"].plain.value)
    assert coupon.return_on_cost is not None
    assert coupon.return_on_cost.value < free.return_on_cost.value


def test_customers_in_both_arms_of_a_wave_are_left_out_on_both_sides(
    trial_tables: Any, make_trial: Any, shop_of: Any
) -> None:
    tables = trial_tables(make_trial(n=2000, seed=12))
    rows = tables["assignments"]
    again = rows.iloc[:100].assign(arm=np.where(rows["arm"].iloc[:100] == "control", "mail", "control"))
    first, last = (pd.concat(parts, ignore_index=True) for parts in ([again, rows], [rows, again]))
    found = [measure(shop_of({**tables, "assignments": both}), "spring") for both in (first, last)]
    assert [one.headline.response.n_treated + one.headline.response.n_control for one in found] == [1900, 1900]
    assert found[0].headline.as_dict() == found[1].headline.as_dict()
    assert any("200 assignments name customers in several arms" in note for note in found[0].notes)
