"""All feature groups and tasks, in explicit lists; a shop's own come from the modules that penchant.toml names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from penchant.config import Config
from penchant.errors import InputError, did_you_mean

from .outcomes.programmes import PROGRAMME_TASKS
from .outcomes.tasks import (
    CHURN,
    CONVERSION,
    ENGAGEMENT,
    MARGIN,
    PAYMENT,
    REPURCHASE,
    SECOND_PURCHASE,
    VALUE,
    VISIT,
    Task,
)
from .own_modules import own_values
from .shop import Shop
from .signals.category import CATEGORY_PREFERENCE
from .signals.contact import CONTACT, channels_of, contact_group
from .signals.crowds import CROWD_GROUP, crowd_group
from .signals.frequency import FREQUENCY
from .signals.funnel import FUNNEL
from .signals.group import FeatureGroup
from .signals.holiday import HOLIDAY
from .signals.lifecycle import LIFECYCLE
from .signals.monetary import MONETARY
from .signals.price import PRICE
from .signals.profile import PROFILE, attributes_of, profile_group
from .signals.programme import PROGRAMME
from .signals.recency import RECENCY
from .signals.rfm import RFM, rfm_group
from .signals.satisfaction import SATISFACTION

T = TypeVar("T")

TASKS: tuple[Task, ...] = (
    *(VISIT, ENGAGEMENT, CONVERSION, PAYMENT, REPURCHASE, SECOND_PURCHASE, CHURN, VALUE, MARGIN),
    *PROGRAMME_TASKS,
)
GROUPS: tuple[FeatureGroup, ...] = (
    RECENCY,
    FREQUENCY,
    MONETARY,
    RFM,
    CATEGORY_PREFERENCE,
    PRICE,
    HOLIDAY,
    FUNNEL,
    LIFECYCLE,
    CROWD_GROUP,
    CONTACT,
    SATISFACTION,
    PROGRAMME,
    PROFILE,
)


def groups_of(shop: Shop, chosen: Sequence[str | FeatureGroup] | None = None) -> tuple[FeatureGroup, ...]:
    """Return the groups to build for a shop: those chosen, else those configured, else all of ours and the shop's own.

    Raises
    ------
    InputError
        If a name is not that of a group.
    ConfigError
        If a module of the configuration cannot be used.
    """
    wanted = chosen if chosen is not None else shop.config.features.groups
    known = {group.name: group for group in (*our_groups(shop), *own_values(shop.config, "GROUPS", FeatureGroup))}
    if wanted is None:
        return tuple(known.values())
    return tuple(one if isinstance(one, FeatureGroup) else _named("feature group", one, known) for one in wanted)


def our_groups(shop: Shop) -> tuple[FeatureGroup, ...]:
    """Return our groups as a shop's configuration has them, with its channels and its attributes of customers."""
    config = shop.config
    made = {
        RFM.name: rfm_group(config.rfm.days, config.rfm.cuts),
        CROWD_GROUP.name: crowd_group(config),
        CONTACT.name: contact_group(channels_of(shop)),
        PROFILE.name: profile_group(attributes_of(shop)),
    }
    return tuple(made.get(group.name, group) for group in GROUPS)


def task_of(config: Config, name: str) -> Task:
    """Return the task of a name, one of ours or the shop's own.

    Raises
    ------
    InputError
        If there is none.
    ConfigError
        If a module of the configuration cannot be used.
    """
    return _named("task", name, {task.name: task for task in tasks_of(config)})


def tasks_of(config: Config) -> tuple[Task, ...]:
    """Return all tasks: ours and the shop's own, which replace ours of the same name."""
    return tuple({task.name: task for task in (*TASKS, *own_values(config, "TASKS", Task))}.values())


def _named(what: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise InputError(what, f"the name of a {what}", f"'{name}'", did_you_mean(name, known))
    return known[name]
