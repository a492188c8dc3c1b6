"""A shop's own modules, which penchant.toml names: their groups, tasks, goals, estimators; and whose a fault is."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import TypeVar

from penchant.config import Config
from penchant.errors import ConfigError

T = TypeVar("T")


def own_values(config: Config, listed: str, kind: type[T]) -> tuple[T, ...]:
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
