"""All feature groups and tasks, in explicit lists; a shop's own come from the modules that penchant.toml names."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import TypeVar

from penchant.config import Config
from penchant.errors import ConfigError, InputError, did_you_mean

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
from .signals.recency import RECENCY
from .signals.rfm import RFM, rfm_group

T = TypeVar("T")

TASKS: tuple[Task, ...] = (VISIT, ENGAGEMENT, CONVERSION, PAYMENT, REPURCHASE, SECOND_PURCHASE, CHURN, VALUE, MARGIN)
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
    known = {group.name: group for group in (*our_groups(shop), *own(shop.config, "GROUPS", FeatureGroup))}
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
        PROFILE.name: profile_group(attributes_of(shop.tables["customers"]) if shop.has("customers") else ()),
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
    return tuple({task.name: task for task in (*TASKS, *own(config, "TASKS", Task))}.values())


def own(config: Config, listed: str, kind: type[T]) -> tuple[T, ...]:
    """Return the values that the shop's own modules list, such as ``GROUPS`` or ``TASKS``.

    Raises
    ------
    ConfigError
        If a module cannot be imported, or lists something else.
    """
    found: list[T] = []
    for name in config.modules:
        values = getattr(_module(config, name), listed, ())
        wrong = [value for value in values if not isinstance(value, kind)]
        if wrong:
            raise ConfigError(
                f"module '{name}'", f"{listed} to list values of {kind.__name__}", f"a {type(wrong[0]).__name__}"
            )
        found += values
    return tuple(found)


def _module(config: Config, name: str) -> ModuleType:
    """Return a module by its name, or by the path of its file: a relative one starts at the configuration's folder."""
    try:
        return _from_file(config.module_file(name)) if name.endswith(".py") else import_module(name)
    except Exception as fault:  # whatever a shop's own code raises, the message names the module
        raise ConfigError(
            f"module '{name}'",
            "a module that can be imported, or the path of a .py file",
            f"{type(fault).__name__}: {fault}",
            "Modules are named under 'modules' in penchant.toml, and their paths start at its folder",
        ) from fault


def own_module_of(config: Config, fault: BaseException) -> str:
    """Return the module of the configuration through whose code an exception came; empty where through none."""
    names = {_loaded_name(name): name for name in config.modules}
    frames = (frame.f_globals.get("__name__", "") for frame, _line in walk_tb(fault.__traceback__))
    return next((names[name] for name in frames if name in names), "")


def _loaded_name(name: str) -> str:
    return f"penchant_own_{Path(name).stem}" if name.endswith(".py") else name


def _from_file(path: Path) -> ModuleType:
    name = _loaded_name(path.name)
    loaded = sys.modules.get(name)
    if loaded is None or loaded.__file__ != str(path):
        spec = spec_from_file_location(name, path)
        loaded = module_from_spec(spec)  # type: ignore[arg-type]
        spec.loader.exec_module(loaded)  # type: ignore[union-attr]
        sys.modules[name] = loaded
    return loaded


def _named(what: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise InputError(what, f"the name of a {what}", f"'{name}'", did_you_mean(name, known))
    return known[name]
