"""Every crowd, tag and signal by its name: what is asked of a customer, or one clear error."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError, LeftOutError
from penchant.features.catalogue import groups_of
from penchant.features.criteria import Criterion, criteria_named, criterion_named, criterion_names
from penchant.features.engine.temporary import Keep
from penchant.features.history.evaluate import evaluated
from penchant.features.matrix import build
from penchant.features.shop import Shop
from penchant.features.signals.rfm import VALUE_TIERS
from penchant.features.spine import Spine
from penchant.serving.goals.condition_text import read_condition
from penchant.serving.goals.eligible import Eligible, meets
from penchant.serving.plan.sections import WhereSection

AS_OF = datetime(2024, 6, 1)


def answers(shop: Shop, as_of: datetime, criteria: dict[str, Criterion]) -> pd.DataFrame:
    asked = {f"c{place}": one.ask for place, one in enumerate(criteria.values())}
    with Keep(shop.backend) as keep:
        frame = evaluated(shop, Spine.at(shop, as_of), asked, keep)[0].to_pandas().set_index("customer_id").sort_index()
    return frame.rename(columns=dict(zip(asked, criteria, strict=True))).drop(columns="as_of")


Everything = tuple[dict[str, Criterion], pd.DataFrame]


@pytest.fixture(scope="module")
def everything(world: ModuleType, world_shop: Shop) -> Everything:
    """Return all criteria of the small shop, and everybody's answers."""
    as_of = world.MOMENTS[1]
    criteria = criteria_named(world_shop, criterion_names(world_shop, as_of), as_of)
    return criteria, answers(world_shop, as_of, criteria)


@pytest.mark.slow
def test_every_name_has_an_answer_of_its_kind(world_shop: Shop, everything: Everything) -> None:
    criteria, found = everything
    columns = {column.name for group in groups_of(world_shop) for column in group.columns()}
    assert columns <= set(criteria)
    assert {"crowd:interest", "crowd:new_with:spring sale", "prefers:promotion", "tier", "channel"} <= set(criteria)
    for name, one in criteria.items():
        if one.kind == "flag":
            assert set(found[name]) <= {True, False}, name
        elif one.kind == "text":
            assert set(found[name].dropna()) <= set(one.values or found[name].dropna()), name
        else:
            assert pd.api.types.is_numeric_dtype(found[name]), name


@pytest.mark.slow
def test_every_name_is_a_condition_an_exclusion_and_a_split_of_goals_and_plans(everything: Everything) -> None:
    """As typed for a plan or a goal: whoever meets it, and whoever does not, are everybody once."""
    criteria, found = everything
    for name, one in criteria.items():
        values = found[name].dropna()
        if one.kind == "flag":
            text, expected = name, found[name].to_numpy(bool)
        elif values.empty:
            continue
        elif one.kind == "text":
            text, expected = f"{name}={values.iloc[0]}", (found[name] == values.iloc[0]).to_numpy(bool)
        else:
            text = f"{name}>={float(values.median())!r}"
            expected = (found[name].astype("Float64") >= float(values.median())).fillna(False).to_numpy(bool)
        inside = WhereSection.model_validate(text).where
        assert inside == read_condition(text, "--only-if")
        assert Eligible(all_of=(inside,)).holds(found, "a goal").tolist() == expected.tolist(), name
        outside = meets(found, [replace(inside, unless=True)], "a campaign")
        assert (outside ^ expected).all(), name


def test_answers_are_those_of_the_matrix(world: ModuleType, world_shop: Shop) -> None:
    as_of = world.MOMENTS[2]
    names = ["n_orders_90d", "n_orders_45d", "stage", "stage:loyal", "in_interest", "crowd:interest", "interest"]
    names += ["tier", "tier:high", "funnel", "crowd:bought:autumn sale", "once:autumn sale", "shoe_size"]
    found = answers(world_shop, as_of, criteria_named(world_shop, names, as_of))
    spine = Spine.at(world_shop, as_of)
    frame = build(world_shop, spine, ["frequency", "lifecycle", "crowds", "rfm", "profile"]).frame
    frame = frame.set_index("customer_id").sort_index()
    other = build(world_shop, spine, ["frequency"], windows=[45]).frame.set_index("customer_id").sort_index()
    assert found["n_orders_90d"].tolist() == frame["n_orders_90d"].tolist()
    assert found["n_orders_45d"].tolist() == other["n_orders_45d"].tolist()
    assert found["stage:loyal"].tolist() == (frame["stage"] == "loyal").tolist()
    assert found["interest"].tolist() == found["crowd:interest"].tolist() == frame["in_interest"].eq(1).tolist()
    assert found["in_interest"].tolist() == found["interest"].tolist()
    tiers = frame["rfm_monetary"].map(VALUE_TIERS)
    assert found["tier"].fillna("").tolist() == tiers.fillna("").tolist()
    assert found["tier:high"].tolist() == (tiers == "high").tolist()
    assert found["funnel"].tolist() == frame["funnel_state"].tolist()
    assert found["crowd:bought:autumn sale"].sum() > found["once:autumn sale"].sum()
    np.testing.assert_array_equal(found["shoe_size"], frame["shoe_size"])  # unknown before registering: missing alike


def small(shop_of: Any) -> Shop:
    calendar = [{"name": "11.11", "starts_at": "2023-11-11", "ends_at": "2023-11-12", "kind": "promotion"}]
    orders = [{"customer_id": "a", "ordered_at": "2024-01-01", "amount": 100}]
    shop: Shop = shop_of(orders=orders, calendar=calendar)
    return shop


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("intrest", "Did you mean 'interest'"),
        ("crowd:intrest", "Did you mean 'interest'"),
        ("once:11.1", "Did you mean '11.11'"),
        ("n_order_90d", "Did you mean 'n_orders_90d'"),
        ("stage:loyall", "Did you mean 'loyal'"),
        ("tier:hi", "one of 'high'|one of 'low'"),
        ("prefers:holidays", "Did you mean 'prefers:holiday'"),
        ("n_orders_90d:5", "Name it 'n_orders_90d'"),
        ("n_orders_0d", "the name of a crowd, tag or signal"),
        ("favorites:shop:1", "the name of a crowd"),
    ],
)
def test_names_of_nothing_are_refused_before_anything_is_asked(shop_of: Any, name: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        criterion_named(small(shop_of), name, AS_OF)


@pytest.mark.parametrize("name", ["n_view_30d", "channel", "favorites:item:1", "coupon_holders", "price_tier:low"])
def test_what_the_shop_cannot_tell_is_refused_by_name(shop_of: Any, name: str) -> None:
    with pytest.raises(LeftOutError, match="the shop has no"):
        criterion_named(small(shop_of), name, AS_OF)


def test_promotions_that_had_not_begun_are_unknown(shop_of: Any) -> None:
    shop = small(shop_of)
    assert criterion_named(shop, "bought:11.11>=299", AS_OF).meaning == "spent 299 or more in '11.11'"
    with pytest.raises(InputError, match="none that had begun"):
        criterion_named(shop, "bought:11.11", datetime(2023, 11, 11))
