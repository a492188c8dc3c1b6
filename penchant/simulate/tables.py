"""The tables as a shop's files would have them: ids, times in UTC, money in major units with two digits."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa

from penchant.simulate.baskets import OrderLines
from penchant.simulate.contacts import SimulatedAssignments
from penchant.simulate.history import CampaignResponses, SimulatedLives
from penchant.simulate.items import CATEGORIES, EPOCH_DAYS, PER_CATEGORY
from penchant.simulate.journeys import KINDS, NO_ITEM, Interactions
from penchant.simulate.purchases import DAY, PROMOTION_COUPON, SimulatedOrders
from penchant.simulate.season import OCCASIONS, calendar_rows
from penchant.simulate.settings import CHANNELS, CONTROL, SimulatedArm, SimulatedCampaign, SimulationSettings
from penchant.simulate.streams import Int
from penchant.simulate.traits import GENDERS, HOME_CHANNELS, REGIONS, SOURCES, CustomerTraits, Flags
from penchant.simulate.world import World

TIME = pa.timestamp("us", tz="UTC")
_TEXT = pa.string()
STATUS = ("unpaid", "paid", "cancelled", "refunded")
CATEGORY_IDS = pa.array([category.name for category in CATEGORIES])
ITEM_IDS = pa.array([f"i{number:05d}" for number in range(len(CATEGORIES) * PER_CATEGORY)])


def customer_id(number: int) -> str:
    """Return the id of a customer's number.

    Examples
    --------
    >>> customer_id(123)
    'c0000123'
    """
    return f"c{number:07d}"


def customer_ids(who: CustomerTraits) -> pa.Array:
    """Return the ids of customers."""
    return pa.array([customer_id(number) for number in who.number.tolist()], _TEXT)


class TimeStamps:
    """Turns seconds since the shop's start into times, and forgets what comes after its end."""

    def __init__(self, settings: SimulationSettings) -> None:
        self.start = np.datetime64(settings.starts_at.replace(tzinfo=None), "us")
        self.end = settings.n_days * DAY

    def times(self, seconds: Int) -> pa.Array:
        """Return times; null from the end on."""
        known = seconds < self.end
        return self.exact(np.where(known, seconds, 0) * 1_000_000, known)

    def exact(self, microseconds: Int, known: Flags | None = None) -> pa.Array:
        """Return times of microseconds; null where they are not known."""
        stamps = self.start + microseconds.astype("timedelta64[us]")
        return pa.array(stamps, pa.timestamp("us"), mask=None if known is None else ~known).cast(TIME)


def block_tables(history: SimulatedLives, world: World) -> dict[str, pa.Table]:
    """Return the tables of one block of customers."""
    clock = TimeStamps(world.settings)
    ids = customer_ids(history.who)
    return {
        "orders": _orders(history.orders, history.lines, history, ids, clock, world),
        "interactions": _interactions(history.interactions, ids, clock),
        "customers": _customers(history, ids, clock),
        "assignments": _assignments(history.assigned, history.answers, ids, clock, world),
    }


def shared_tables(world: World) -> dict[str, pa.Table]:
    """Return the tables that do not depend on the customers."""
    settings = world.settings
    started = [one for one in world.campaigns if one.starts_at < settings.ends_at]
    calendar = calendar_rows(settings.starts_at, settings.ends_at)
    return {
        "items": _items(world),
        "campaigns": pa.Table.from_pylist([_campaign_row(one) for one in started], _CAMPAIGNS),
        "calendar": pa.Table.from_pylist(calendar, _CALENDAR),
    }


_CAMPAIGNS = pa.schema([
    ("campaign_id", _TEXT), ("goal", _TEXT), ("phase", _TEXT), ("starts_at", TIME), ("ends_at", TIME),
    ("channel", _TEXT), ("offer_kind", _TEXT), ("offer_value", pa.float64()), ("offer_threshold", pa.float64()),
    ("offer_valid_days", pa.int64()), ("unit_cost", pa.float64()),
])  # fmt: skip
_CALENDAR = pa.schema([("name", _TEXT), ("starts_at", TIME), ("ends_at", TIME), ("kind", _TEXT)])


def _campaign_row(campaign: SimulatedCampaign) -> dict[str, object]:
    """Return a campaign as the shop knows it: one channel and one offer, those of its first treatment."""
    facts = {name: getattr(campaign, name) for name in ("campaign_id", "goal", "phase", "starts_at", "ends_at")}
    return {**facts, **arm_facts(campaign.arms[0])}


def arm_facts(arm: SimulatedArm) -> dict[str, object]:
    """Return channel, offer and cost of a treatment, under the names of the campaigns table."""
    offer = {f"offer_{name}": getattr(arm.offer, name) for name in ("kind", "value", "threshold", "valid_days")}
    return {"channel": arm.channel, **offer, "unit_cost": arm.unit_cost}


def _items(world: World) -> pa.Table:
    items, settings = world.catalogue.items, world.settings
    listed = [settings.starts_at + timedelta(days=int(epoch) * EPOCH_DAYS) for epoch in items.listed_epoch]
    table = pa.table({
        "item_id": ITEM_IDS,
        "category_id": CATEGORY_IDS.take(pa.array(items.category)),
        "list_price": in_major_units(items.price),
        "unit_cost": in_major_units(items.cost),
        "listed_at": pa.array(listed, TIME),
        "delisted_at": pa.nulls(len(listed), TIME),  # nothing leaves the range
        "stock": pa.array(items.stock),
    })  # fmt: skip
    return table.filter(pa.array([at < settings.ends_at for at in listed]))


def in_major_units(cents: Int) -> pa.Array:
    """Return amounts in major units."""
    return pa.array(cents / 100)


def _named(names: tuple[str, ...], codes: Int, known: Flags | None = None) -> pa.Array:
    mask = None if known is None else ~known
    return pa.array(names).take(pa.array(codes, pa.int64(), mask=mask))


def _item_ids(items: Int) -> pa.Array:
    return ITEM_IDS.take(pa.array(items, mask=items == NO_ITEM))


def _category_ids(items: Int) -> pa.Array:
    return CATEGORY_IDS.take(pa.array(items // PER_CATEGORY, mask=items == NO_ITEM))


def _orders(
    orders: SimulatedOrders, lines: OrderLines, history: SimulatedLives, ids: pa.Array, clock: TimeStamps, world: World
) -> pa.Table:
    seen = np.stack([orders.ordered, orders.paid, orders.cancelled, orders.refunded]) < clock.end
    status = np.where(seen[3], 3, np.where(seen[2], 2, np.where(seen[1], 1, 0)))
    buyers = history.who.number[orders.customer].tolist()
    names = [f"o{number:07d}-{day:04d}" for number, day in zip(buyers, orders.day.tolist(), strict=True)]
    of_line = pa.array(lines.order)
    per_order = pa.table({
        "customer_id": ids.take(pa.array(orders.customer)),
        "ordered_at": clock.times(orders.ordered),
        "order_id": pa.array(names, _TEXT),
        "coupon_id": _coupons(orders, history, world),
        "paid_at": clock.times(orders.paid),
        "cancelled_at": clock.times(orders.cancelled),
        "refunded_at": clock.times(orders.refunded),
        "status": _named(STATUS, status),
    }).take(of_line)  # fmt: skip
    is_first = np.append(True, np.diff(lines.order) > 0)[: len(lines)]
    columns = {
        **{name: per_order[name] for name in ("customer_id", "ordered_at", "order_id")},
        "item_id": _item_ids(lines.item),
        "category_id": _category_ids(lines.item),
        "quantity": pa.array(lines.quantity),
        "amount": in_major_units(lines.paid),
        "list_amount": in_major_units(lines.full),
        "discount": in_major_units(lines.full - lines.paid),
        "coupon_id": per_order["coupon_id"],
        "freight": in_major_units(
            np.where(is_first, orders.freight[lines.order], 0)
        ),  # of the order, on its first line
        **{name: per_order[name] for name in ("paid_at", "cancelled_at", "refunded_at", "status")},
    }
    return pa.table(columns).filter(pa.array(seen[0][lines.order]))


def _coupons(orders: SimulatedOrders, history: SimulatedLives, world: World) -> pa.Array:
    names = np.full(len(orders), None, object)
    for row in np.flatnonzero(orders.coupon >= 0):
        campaign = world.campaigns[history.assigned.campaign[orders.coupon[row]]]
        names[row] = f"{campaign.campaign_id}:{campaign.arms[history.assigned.arm[orders.coupon[row]] - 1].name}"
    for row in np.flatnonzero(orders.coupon == PROMOTION_COUPON):
        names[row] = f"sale:{OCCASIONS[world.season.occasion[orders.day[row]]].name}"
    return pa.array(names, _TEXT)


def _interactions(done: Interactions, ids: pa.Array, clock: TimeStamps) -> pa.Table:
    table = pa.table({
        "customer_id": ids.take(pa.array(done.customer)),
        "occurred_at": clock.times(done.at),
        "kind": _named(KINDS, done.kind),
        "item_id": _item_ids(done.item),
        "category_id": _category_ids(done.item),
        "price": pa.array(done.price / 100, mask=done.item == NO_ITEM),
        "channel": _named((*HOME_CHANNELS, *CHANNELS), done.channel),
        "dwell_seconds": pa.array(done.dwell, mask=np.isnan(done.dwell)),
    })  # fmt: skip
    return table.filter(pa.array(done.at < clock.end))


def _customers(history: SimulatedLives, ids: pa.Array, clock: TimeStamps) -> pa.Table:
    """Return who the customers are; profile data is known of some of the registered only."""
    who = history.who
    is_known = history.registered < clock.end
    tells = {name: is_known & (who.uniform(f"tells {name}") < share) for name, share in _TOLD.items()}
    consent = {f"consent_{channel}": pa.array(who.consent[:, place]) for place, channel in enumerate(CHANNELS)}
    return pa.table({
        "customer_id": ids,
        "registered_at": clock.times(history.registered),
        "gender": _named(GENDERS, who.gender, tells["gender"]),
        "birth_year": pa.array(who.birth_year, mask=~tells["birth_year"]),
        "region": _named(REGIONS, who.region, who.uniform("tells region") < 0.93),
        "acquisition_channel": _named(SOURCES, who.source),
        **consent,
    })  # fmt: skip


_TOLD = {"gender": 0.85, "birth_year": 0.70}


def _assignments(
    assigned: SimulatedAssignments, answers: CampaignResponses, ids: pa.Array, clock: TimeStamps, world: World
) -> pa.Table:
    table = pa.table({
        "campaign_id": campaign_ids(assigned.campaign, world),
        "customer_id": ids.take(pa.array(assigned.customer)),
        "arm": arm_names(assigned.campaign, assigned.arm, world),
        "assigned_at": clock.exact(assigned.at),
        "wave": pa.array(assigned.wave),
        "probability": pa.array(assigned.probability, mask=np.isnan(assigned.probability)),
        "contacted_at": clock.times(answers.contacted),
        "delivered_at": clock.times(answers.delivered),
        "opened_at": clock.times(answers.opened),
        "clicked_at": clock.times(answers.clicked),
        "redeemed_at": clock.times(answers.redeemed),
    })  # fmt: skip
    return table.take(pa.array(np.lexsort((assigned.wave, assigned.at, assigned.customer))))


def campaign_ids(campaign: Int, world: World) -> pa.Array:
    """Return the ids of campaigns."""
    return pa.array([one.campaign_id for one in world.campaigns], _TEXT).take(pa.array(campaign))


def arm_names(campaign: Int, arm: Int, world: World) -> pa.Array:
    """Return the names of arms, which are numbered within their campaign."""
    starts = np.cumsum([0, *(1 + len(one.arms) for one in world.campaigns)])
    names = [name for one in world.campaigns for name in (CONTROL, *(arm.name for arm in one.arms))]
    return pa.array(names, _TEXT).take(pa.array(starts[campaign] + arm))
