"""A configuration from somebody else: what in it could run code or reach beyond the shop's folder is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from penchant.config import Config, Source
from penchant.errors import ConfigError

from .files import matching_files

_FAR_REACHING = ("temp_directory", "shared_directory", "remote", "settings")


def refuse_untrusted(config: Config, data: Path) -> None:
    """Refuse a configuration that runs code, asks a server, or reads or writes outside the folder of the shop's files.

    Parameters
    ----------
    config
        The configuration.
    data
        The folder that its paths start from.

    Raises
    ------
    ConfigError
        If it holds any of these; all of them at once.
    """
    faults = list(_faults(config, data))
    if faults:
        raise ConfigError(
            "an untrusted configuration",
            "files below the data folder, and nothing that runs or reaches further",
            "; ".join(faults),
            "Read it, and leave out --untrusted if you trust it as you trust code",
        )


def _faults(config: Config, data: Path) -> Iterator[str]:
    if config.modules:
        yield "'modules'"
    yield from (f"'engine.{key}'" for key in _FAR_REACHING if getattr(config.engine, key))
    if not config.engine.master.startswith("local"):
        yield f"'engine.master = {config.engine.master}'"
    if config.shop.data is not None and _leaves(str(config.shop.data)):
        yield f"'shop.data = {config.shop.data}'"
    if config.mlflow != type(config.mlflow)():
        yield "'[mlflow]'"
    for name, table in config.tables.items():
        for source in table.sources:
            yield from (f"tables.{name}: {fault}" for fault in _of_source(source, data))


def _of_source(source: Source, data: Path) -> Iterator[str]:
    if source.query is not None:
        yield "'query'"
    elif source.address is not None or source.password_env is not None:
        yield "'address' or 'password_env'"
    elif _leaves(str(source.path)):
        yield f"'{source.path}'"
    else:
        home = data.resolve()
        yield from (
            f"'{path.name}', a link to elsewhere"
            for path in matching_files(data, str(source.path))
            if not path.resolve().is_relative_to(home)
        )


def _leaves(path: str) -> bool:
    """Say whether a path or pattern may lead out of the folder that it starts in."""
    return Path(path).is_absolute() or ".." in Path(path).parts or path.startswith("~")
