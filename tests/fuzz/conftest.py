"""A store with a model that needs no more than orders."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..trained_shop import register_model, write_orders


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store whose champion says who orders again within 30 days."""
    folder = tmp_path_factory.mktemp("trained")
    write_orders(folder)
    register_model(folder)
    return folder / "mlruns"
