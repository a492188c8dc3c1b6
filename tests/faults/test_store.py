"""MLflow's store: moved, missing, garbage, held by another program; in words, and well again afterwards."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from penchant.models.store.registry import Registry

from ..trained_shop import run
from .conftest import results_in

SCORE = ("score", "--as-of", "2024-07-15", "--json")


def test_a_shop_that_is_moved_goes_on(shop: Path, tmp_path: Path) -> None:
    here = run(shop, *SCORE)
    assert here.returncode == 0, here.stderr
    scores = results_in(shop / "out")["fuzz/score/2024-07-15"]
    shutil.rmtree(shop / "out")
    moved = tmp_path / "another place" / "shop"
    moved.parent.mkdir()
    shop.rename(moved)
    assert run(moved, *SCORE).returncode == 0
    assert results_in(moved / "out")["fuzz/score/2024-07-15"] == scores
    assert run(moved, "train", "repurchase", "--horizon", "30").returncode == 0
    assert run(moved, "promote", "repurchase", "--version", "2", "--force").returncode == 0
    assert run(moved, "runs").returncode == 0


def test_a_store_that_is_gone_is_not_made_anew_by_a_command_that_reads(shop: Path) -> None:
    shutil.rmtree(shop / "mlruns")
    for command in (SCORE, ("promote", "repurchase"), ("monitor", "--as-of", "2024-08-01")):
        done = run(shop, *command)
        assert done.returncode == 2, (command, done.stdout)
        assert "penchant train" in done.stderr
    assert not (shop / "mlruns").exists()


def test_a_store_that_is_garbage_is_named_and_left_as_it_is(shop: Path) -> None:
    database, whole = shop / "mlruns" / "mlflow.db", (shop / "mlruns" / "mlflow.db").read_bytes()
    for garbage in (b"no database at all" * 100, whole[:8192] + bytes(len(whole) - 8192), whole[: len(whole) // 2]):
        database.write_bytes(garbage)
        for command in (SCORE, ("runs",), ("train", "repurchase", "--horizon", "30")):
            done = run(shop, *command)
            assert done.returncode == 2, (command, done.stdout)
            assert "store" in done.stderr
    database.write_bytes(whole)
    (shop / "mlruns" / "champions.json").write_text("{")
    assert run(shop, *SCORE).returncode == 0


def test_scores_need_no_store_that_another_program_holds(shop: Path) -> None:
    assert run(shop, *SCORE).returncode == 0  # the models in use are written down beside it
    with closing(sqlite3.connect(shop / "mlruns" / "mlflow.db")) as other:
        other.execute("begin exclusive")
        assert run(shop, "score", "--as-of", "2024-07-16", "--json").returncode == 0


def test_a_model_whose_files_were_exchanged_is_not_scored_with(shop: Path) -> None:
    registry = Registry(shop / "mlruns")
    page = registry.folder(registry.version("fuzz.repurchase")) / "model.json"
    page.write_text(page.read_text().replace('"slope": ', '"slope":  ', 1))
    done = run(shop, *SCORE)
    assert done.returncode == 2, done.stdout
    assert "the files that were registered" in done.stderr
