"""The truth as tables, kept apart from what the shop has."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from penchant.simulate.contacts import Effects, SimulatedAssignments
from penchant.simulate.history import SimulatedLives
from penchant.simulate.items import ROLES
from penchant.simulate.settings import CHANNELS
from penchant.simulate.tables import (
    CATEGORY_IDS,
    ITEM_IDS,
    TimeStamps,
    arm_facts,
    arm_names,
    campaign_ids,
    customer_ids,
)
from penchant.simulate.traits import CustomerTraits
from penchant.simulate.truth import SUCCESS, TYPES
from penchant.simulate.world import World

_MEASURES = ("probability", "amount", "margin")
_SHOWN = (
    "is_stranger",
    "visit_rate",
    "conversion",
    "interest_days",
    "lifetime_days",
    "level",
    "sensitivity",
    "holiday_lift",
    "annoyance",
)


def block_truth(history: SimulatedLives, world: World) -> dict[str, pa.Table]:
    """Return the traits of a block's customers and the true effects of the contacts they could have had."""
    assigned = history.assigned.take(history.effects.row)
    table = effects_table(history.effects, assigned, history.who, world)
    own = {
        "assigned_at": TimeStamps(world.settings).exact(assigned.at),
        "wave": pa.array(assigned.wave),
        "assigned_arm": arm_names(assigned.campaign, assigned.arm, world),
    }
    for name, values in own.items():
        table = table.append_column(name, values)
    order = np.lexsort((history.effects.arm, assigned.wave, assigned.at, assigned.customer))
    return {"customers": traits_table(history.who), "effects": table.take(pa.array(order))}


def shared_truth(world: World) -> dict[str, pa.Table]:
    """Return the roles of the items, and the treatments of all campaigns with their offers and costs."""
    arms = [
        {"campaign_id": campaign.campaign_id, "arm": arm.name, **arm_facts(arm)}
        for campaign in world.campaigns
        for arm in campaign.arms
    ]
    fields = [("campaign_id", pa.string()), ("arm", pa.string()), ("channel", pa.string()),
              ("offer_kind", pa.string()), ("offer_value", pa.float64()), ("offer_threshold", pa.float64()),
              ("offer_valid_days", pa.int64()), ("unit_cost", pa.float64())]  # fmt: skip
    roles = pa.array(ROLES).take(pa.array(world.catalogue.items.role))
    return {
        "items": pa.table({"item_id": ITEM_IDS, "role": roles}),
        "arms": pa.Table.from_pylist(arms, pa.schema(fields)),
    }


def traits_table(who: CustomerTraits) -> pa.Table:
    """Return hidden traits, one row per customer."""
    columns = {
        "customer_id": customer_ids(who),
        "main_category": CATEGORY_IDS.take(pa.array(who.main)),
        "second_category": CATEGORY_IDS.take(pa.array(who.second)),
        **{name: pa.array(getattr(who, name)) for name in _SHOWN},
    }
    for place, channel in enumerate(CHANNELS):
        columns[f"response_{channel}"] = pa.array(np.ascontiguousarray(who.response[:, place]))
    return pa.table(columns)


def effects_table(effects: Effects, assigned: SimulatedAssignments, who: CustomerTraits, world: World) -> pa.Table:
    """Return true effects, one row per customer and treatment.

    Parameters
    ----------
    effects
        The effects.
    assigned
        The assignment of each of them, aligned.
    who
        The customers whose places the assignments name.
    world
        Of the simulation.
    """
    campaigns = [world.campaigns[number] for number in assigned.campaign]
    cost = np.array([one.arms[arm - 1].unit_cost for one, arm in zip(campaigns, effects.arm, strict=True)], float)
    columns = {
        "customer_id": customer_ids(who).take(pa.array(assigned.customer)),
        "campaign_id": campaign_ids(assigned.campaign, world),
        "arm": arm_names(assigned.campaign, effects.arm, world),
        "success": pa.array([SUCCESS.get(one.goal, "paid order") for one in campaigns], pa.string()),
        "type": pa.array(TYPES).take(pa.array(effects.kind)),
    }
    for name in _MEASURES:
        without, contacted = getattr(effects, f"{name}_control"), getattr(effects, f"{name}_treated")
        columns[f"{name}_control"], columns[f"{name}_treated"] = pa.array(without), pa.array(contacted)
        columns[f"effect_{name}"] = pa.array(contacted - without)
    columns["contact_cost"] = pa.array(cost)
    columns["effect_profit"] = pa.array(effects.margin_treated - effects.margin_control - cost)
    return pa.table(columns)
