"""Training from a Parquet file, a row group at a time: the same scores as from a frame in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from penchant.errors import InputError, NotThereError
from penchant.models.estimators import boosting
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.inputs import row_groups
from penchant.models.inputs.row_groups import ParquetRows, ParquetTable

N = 3000


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "days": rng.gamma(2, 20, N),
            "orders": rng.poisson(2, N),
            "town": rng.choice(["a", "b", "c", None], N, p=[0.5, 0.3, 0.15, 0.05]),
            "depth": np.where(rng.random(N) < 0.1, np.nan, rng.random(N)),
            "is_member": rng.random(N) < 0.3,
            "who": rng.integers(0, 900, N),
        }
    )


@pytest.fixture(scope="module")
def outcome(rows: pd.DataFrame) -> np.ndarray:
    at = -1 - rows["days"] / 40 + 0.5 * rows["orders"] + (rows["town"] == "a") + rows["is_member"]
    return (np.random.default_rng(1).random(N) < 1 / (1 + np.exp(-at))).astype(float)


@pytest.fixture(scope="module")
def table(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> ParquetTable:
    path = tmp_path_factory.mktemp("rows") / "features.parquet"
    rows.to_parquet(path, row_group_size=257)
    return ParquetTable(path, ("days", "orders", "town", "depth", "is_member"))


def test_scores_are_those_of_a_frame_in_memory(
    rows: pd.DataFrame, outcome: np.ndarray, table: ParquetTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_groups, "MOST_ROWS_AT_ONCE", 401)
    frame, who = rows[list(table.columns)], rows["who"].to_numpy()
    params = {"bin_construct_sample_cnt": 500}  # as with more than 200,000 rows, bins are made of some
    models = [
        PropensityModel(params, n_folds=3, monotone={"days": -1}, n_threads=1).fit(X, outcome, groups=who)
        for X in (frame, table)
    ]
    one, other = (model.predict_proba(frame) for model in models)
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(models[0].left_out_, models[1].left_out_)
    assert models[0].columns_ == models[1].columns_
    assert models[1].line_ is not None
    assert one[:, 1].std() > 0.05


def test_folds_are_made_of_some_of_many_rows_and_left_out_scores_are_of_all(
    outcome: np.ndarray, table: ParquetTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boosting, "MOST_ROWS_IN_FOLDS", 1000)
    made, cv = [], boosting.lgb.cv
    monkeypatch.setattr(
        boosting.lgb, "cv", lambda *given, folds, **more: made.extend(folds) or cv(*given, folds=folds, **more)
    )
    model = PropensityModel(n_trees=20, n_folds=2, n_threads=1, line_share=0.0, calibration="none").fit(table, outcome)
    (train, valid), (other_train, other_valid) = made
    np.testing.assert_array_equal(train, other_valid)
    np.testing.assert_array_equal(valid, other_train)
    assert len(np.union1d(train, valid)) == len(train) + len(valid) == 1000
    assert model.left_out_ is not None
    drawn = np.zeros(N, dtype=bool)
    drawn[train] = drawn[valid] = True
    assert all(roc_auc_score(outcome[rows], model.left_out_[rows]) > 0.6 for rows in (drawn, ~drawn))


def test_rows_are_read_as_a_matrix_is(rows: pd.DataFrame, table: ParquetTable) -> None:
    found, columns = table.learned()
    matrix = columns.encode(rows[list(table.columns)])
    flags = np.arange(N) % 7 == 3
    for index in (0, np.int64(N - 1), slice(250, 800), slice(None, None, 13), flags, np.array([5, 2999, 256, 257])):
        np.testing.assert_array_equal(found[index], matrix[index])
    np.testing.assert_array_equal(found[:, 2], matrix[:, 2])
    assert (found.shape, found.size, len(found)) == (matrix.shape, matrix.size, N)


def test_a_row_group_is_read_once_for_rows_in_order(table: ParquetTable, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _columns = table.learned()
    read: list[int] = []
    encoded = ParquetRows._encoded
    monkeypatch.setattr(ParquetRows, "_encoded", lambda self, number: read.append(number) or encoded(self, number))
    fresh = ParquetRows(table.path, found._columns)
    for place in range(0, N, 10):
        fresh[place]
    assert read == list(range(12))


def test_a_file_that_is_not_fit_is_refused(table: ParquetTable, tmp_path: Path) -> None:
    with pytest.raises(NotThereError, match="a Parquet file"):
        PropensityModel().fit(ParquetTable(tmp_path / "none.parquet"), [0, 1])
    with pytest.raises(InputError, match="no 'dayz'"):
        PropensityModel().fit(ParquetTable(table.path, ("dayz",)), [0, 1])
