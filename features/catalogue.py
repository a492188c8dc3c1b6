"""All feature groups and tasks, in explicit lists; a shop's own come from the modules that penchant.toml names."""

from __future__ import annotations

from collections.abc import Sequence

from penchant.config import Config
from penchant.errors import InputError, did_you_mean

from .category import CATEGORY_PREFERENCE
from .contact import CONTACT
from .frequency import FREQUENCY
from .funnel import FUNNEL
from .group import FeatureGroup
from .holiday import HOLIDAY
from .lifecycle import LIFECYCLE
from .monetary import MONETARY
from .price import PRICE
from .profile import PROFILE
from .recency import RECENCY
from .rfm import RFM
from .tasks import (
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

TASKS: tuple[Task, ...] = (
    VISIT,
    ENGAGEMENT,
    CONVERSION,
    PAYMENT,
    REPURCHASE,
    SECOND_PURCHASE,
    CHURN,
    VALUE,
    MARGIN,
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
    CONTACT,
    PROFILE,
)


def groups_of(config: Config, chosen: Sequence[str | FeatureGroup] | None = None) -> tuple[FeatureGroup, ...]:
    """Return the groups to build: those chosen, else those configured, else all.

    Raises
    ------
    InputError
        If a name is not that of a group.
    """
    wanted = chosen if chosen is not None else config.features.groups
    if wanted is None:
        return GROUPS
    known = {group.name: group for group in GROUPS}
    return tuple(one if isinstance(one, FeatureGroup) else _named(one, known) for one in wanted)


def task_of(config: Config, name: str) -> Task:
    """Return the task of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    known = {task.name: task for task in TASKS}
    if name not in known:
        raise InputError("task", "the name of a task", f"'{name}'", did_you_mean(name, known))
    return known[name]


def _named(name: str, known: dict[str, FeatureGroup]) -> FeatureGroup:
    if name not in known:
        raise InputError("feature group", "the name of a group", f"'{name}'", did_you_mean(name, known))
    return known[name]
