"""Shops for the tests of features: small, with every table, and made by hand."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from penchant.config import Config
from penchant.features.shop import Shop, shop_from_tables


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tests_features_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def world() -> ModuleType:
    """Return the module that draws a small shop with every table."""
    return _load("world")


@pytest.fixture(scope="session")
def world_tables(world: ModuleType) -> dict[str, pd.DataFrame]:
    """Return the tables of the small shop."""
    return world.tables()


@pytest.fixture(scope="session")
def world_shop(world_tables: dict[str, pd.DataFrame]) -> Iterator[Shop]:
    """Return the small shop on DuckDB."""
    with shop_from_tables(world_tables) as shop:
        yield shop


ShopOf = Callable[..., Shop]


@pytest.fixture
def shop_of() -> Iterator[ShopOf]:
    """Return a function that makes a shop of rows written by hand: ``shop_of(orders=[...], interactions=[...])``.

    Columns whose names end ``_at`` are times. ``config`` gives sections of the configuration.
    """
    made: list[Shop] = []

    def make(config: dict[str, Any] | None = None, **tables: list[dict[str, Any]]) -> Shop:
        frames = {}
        for name, rows in tables.items():
            frame = pd.DataFrame(rows)
            for column in frame.columns[frame.columns.str.endswith("_at")]:
                frame[column] = pd.to_datetime(frame[column], format="ISO8601").astype("datetime64[us]")
            frames[name] = frame
        made.append(shop_from_tables(frames, Config.model_validate(config or {})))
        return made[-1]

    yield make
    for shop in made:
        shop.close()
