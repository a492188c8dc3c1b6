"""Scores on Spark's executors: the same files as on DuckDB, customer by customer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from penchant.features.engine.executors import mapped
from penchant.features.shop import Shop
from penchant.serving.score import executors
from penchant.serving.score import run as scoring
from penchant.serving.score.champion import Champion
from penchant.serving.score.executors import ChampionFiles

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore:.*did not converge")]


@pytest.fixture(scope="module")
def shops(small: ModuleType, spark: Any) -> Iterator[tuple[Shop, Shop]]:
    with small.shop() as one, small.shop(backend=spark) as other:
        yield one, other


@pytest.fixture(scope="module")
def models(small: ModuleType, shops: tuple[Shop, Shop], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return dict(small.write_champions(shops[0], tmp_path_factory.mktemp("models")))


@pytest.fixture(scope="module")
def champions(small: ModuleType, models: dict[str, Path]) -> list[Champion]:
    return list(small.champions(models))


@pytest.fixture(scope="module")
def on_duckdb(
    small: ModuleType, shops: tuple[Shop, Shop], champions: list[Champion], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    place = tmp_path_factory.mktemp("duckdb")
    small.score_into(shops[0], champions, place)
    return place


def assert_same(place: Path, wanted: Path) -> None:
    names = {path.name for path in wanted.iterdir() if path.is_file()}
    assert {path.name for path in place.iterdir() if path.is_file()} == names
    assert {"churn.parquet", "uplift.retain.parquet", "signals.parquet", "known.parquet"} < names
    for name in sorted(name for name in names if name.endswith(".parquet")):
        one, other = (pd.read_parquet(folder / name) for folder in (place, wanted))
        for reason in [column for column in one if column.startswith("reason_")]:  # last bits decide between equal ones
            assert (one.pop(reason).fillna("") == other.pop(reason).fillna("")).mean() > 0.9
        pd.testing.assert_frame_equal(one, other, rtol=1e-9, check_dtype=False)


def test_scores_agree(
    small: ModuleType, shops: tuple[Shop, Shop], champions: list[Champion], on_duckdb: Path, tmp_path: Path
) -> None:
    """Every file, with its reasons, deciles and bands; batches are smaller than partitions."""
    steps = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "BATCH", 50)
        small.score_into(shops[1], champions, tmp_path, lambda n, of: steps.append((n, of)))
    assert len({n for n, _of in steps}) > 3
    assert steps[-1][0] == steps[-1][1]
    assert_same(tmp_path, on_duckdb)


def test_scores_agree_through_spark_connect(
    spark: Any, connect_port: int, models: dict[str, Path], on_duckdb: Path, tmp_path: Path
) -> None:
    """In a process of its own, which holds no Java: it sends rows and models and receives scores."""
    needs_connect()
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import small_shop\n"
        "from penchant.config import EngineSection\n"
        "from penchant.features.engine.backends import spark_backend\n"
        "models = {Path(path).name: Path(path) for path in sys.argv[4:]}\n"
        "backend = spark_backend(EngineSection(kind='spark', remote=sys.argv[2]))\n"
        "with small_shop.shop(backend=backend) as shop:\n"
        "    small_shop.score_into(shop, small_shop.champions(models), Path(sys.argv[3]))\n"
        "import pyarrow as pa; from penchant.features.engine.backends import put, reads_files\n"
        "shared = EngineSection(kind='spark', remote=sys.argv[2], shared_directory=Path(sys.argv[3]).parent)\n"
        "backend = spark_backend(shared)\n"
        "rows = put(backend, 'rows_of_a_file', pa.table({'n': [1, 2]}), shared.shared_directory)\n"
        "assert reads_files(backend) and rows.n.sum().execute() == 3\n"
        "assert (shared.shared_directory / 'rows_of_a_file.parquet').is_file()\n"
    )
    given = [
        str(Path(__file__).parents[1]),
        f"sc://127.0.0.1:{connect_port}",
        str(tmp_path),
        *map(str, models.values()),
    ]
    ran = subprocess.run([sys.executable, "-c", code, *given], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert "WARN" not in ran.stderr
    assert_same(tmp_path, on_duckdb)


def needs_connect() -> None:
    """Skip where Spark Connect's packages are not installed; never where CI=true."""
    if find_spec("grpc_status") is None and os.environ.get("CI", "").lower() != "true":
        pytest.skip("Spark Connect is not installed: pip install 'penchant[connect]'")


def test_what_scores_there_are_the_plain_files(small: ModuleType, champions: list[Champion]) -> None:
    """An uplift keeps its spread, which its files do not hold; a process opens a champion once."""
    uplift = next(one for one in champions if one.goal is not None)
    known = Champion(uplift.model, "uplift", 30, uplift.columns, uplift.version, uplift.goal, {"email": (0.01, 0.02)})
    sent = ChampionFiles.of(known)
    assert {name for name, _content in sent.files} == {"model.json", "SHA256SUMS"}
    opened = sent.opened()
    assert opened is ChampionFiles.of(known).opened()
    assert (opened.name, opened.columns, opened.spread) == (known.name, known.columns, known.spread)
    rows = pd.DataFrame({"customer_id": ["a", "b"], "n_purchases": [1, 3]})
    assert opened.scored(rows).equals(known.scored(rows))


def test_warnings_of_executors_are_heard_here(small: ModuleType, tmp_path: Path) -> None:
    received = executors.ReceivedParts(tmp_path / "parts")
    received.take("signals", pa.table({"customer_id": ["a"]}))
    for _ in range(2):
        received.take("warned", pa.table({"text": ["rows hold categories"]}))
    with pytest.warns(UserWarning, match="rows hold categories") as caught:
        received.move_to(tmp_path)
    assert len(caught) == 1


def test_rows_come_in_order_and_one_partition_at_a_time(spark: Any) -> None:
    """Many partitions, of which the first is here before the last is asked for; each batch within its size."""
    numbers = spark._session.range(1000, numPartitions=8)
    numbers.createOrReplaceTempView("numbers_in_parts")
    rows = spark.table("numbers_in_parts").order_by("id")
    batches = [table for _label, table in mapped(spark, rows, None, 64)]
    assert max(table.num_rows for table in batches) == 64
    assert np.concatenate([table["id"].to_numpy() for table in batches]).tolist() == list(range(1000))
