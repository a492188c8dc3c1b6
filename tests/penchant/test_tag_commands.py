"""Tags and the pages about goods from the command line, on a small simulated shop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from penchant.cli.demo.configuration import write_config
from penchant.simulate import SimulationSettings, simulate

from ..command_line import penchant
from ..trained_shop import run

SCENES = """
[scenes.gifts]
categories = ["toys", "books", "baby"]
price_tiers = ["middle", "high"]
"""
AS_OF = "2025-06-01"


def _answer(folder: Path, *arguments: str) -> dict[str, Any]:
    done = penchant(folder, "--data", "data", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("work")
    simulate(SimulationSettings(n_customers=1_000, campaigns=()), made / "data")
    write_config(made / "penchant.toml")
    with (made / "penchant.toml").open("a") as file:
        file.write(SCENES)
    return made


@pytest.mark.slow
def test_tags_are_the_same_bytes_again(folder: Path) -> None:
    told = _answer(folder, "tags", "--as-of", AS_OF, "--out", "one")
    assert run(folder, "--data", "data", "tags", "--as-of", AS_OF, "--out", "two").returncode == 0  # another process
    one, two = (sorted((folder / name).iterdir()) for name in ("one", "two"))
    assert [path.name for path in one] == ["manifest.json", "tags.csv", "tags.parquet"]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    found = pd.read_parquet(folder / "one" / "tags.parquet")
    assert len(found) == told["n_rows"]
    stages = found[(found["subject"] == "customer") & (found["tag"] == "stage")]
    assert stages["id"].is_unique
    roles = found[(found["subject"] == "item") & (found["tag"] == "role")]
    assert roles["id"].is_unique
    assert len(roles) == len(pd.read_parquet(folder / "data" / "items.parquet"))
    written = pd.read_csv(folder / "one" / "tags.csv", dtype="str")
    assert written.drop(columns="as_of").equals(found.drop(columns="as_of").astype("str"))


@pytest.mark.slow
def test_pages_about_goods_answer(folder: Path) -> None:
    products = _answer(folder, "insight", "products", "--by", "category", "--as-of", AS_OF, "--top", "3")
    assert len(products["products"]) == 3
    assert sum(role["n_products"] for role in products["roles"]) == products["n_products"]
    demand = _answer(folder, "insight", "demand", "--as-of", AS_OF, "--top", "2", "--out", "demand")
    assert len({cell["category_id"] for cell in demand["demand"]}) == 2
    cells = pd.read_csv(folder / "demand" / "demand.csv")
    assert set(cells["price_tier"]) == {"low", "middle", "high"}
    scene = _answer(folder, "insight", "scene", "gifts", "--as-of", AS_OF, "--out", "gifts")
    assert len(pd.read_csv(folder / "gifts" / "customers.csv")) == scene["n_customers"] > 0
    goods = pd.read_csv(folder / "gifts" / "goods.csv")
    assert set(goods["category_id"]) <= {"toys", "books", "baby"}
    assert set(goods["price_tier"]) <= {"middle", "high"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tags", "--as-of", AS_OF, "--subject", "custmer"), "Did you mean 'customer'"),
        (("tags", "--as-of", "2030-01-01"), "an instant that the data reaches"),
        (("insight", "scene", "gift"), "Did you mean 'gifts'"),
        (("insight", "products", "--by", "brand"), "'item' or 'category'"),
    ],
)
def test_mistyped_names_are_told(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    done = penchant(folder, "--data", "data", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""
