"""The parts of a scorer, row by row as one would compute them by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from penchant.models import plain_scorer
from penchant.models.plain_parts import LinearPart, RulePart
from penchant.models.plain_scorer import Inputs, Output, Scorer, Term

NAN = float("nan")
LINE = {"position": 0, "low": -1.0, "high": 2.0, "log": False, "slope": 2.0, "offset": -1.0, "missing": 0.25}
STEPS = {"position": 1, "steps": [0.0, 1.0, 4.0], "other": 0.5, "missing": -1.0}


def test_a_linear_part_adds_lines_steps_and_what_missing_values_add() -> None:
    part = LinearPart(10.0, (LINE, STEPS))
    matrix = np.array([[0.5, 0], [9.0, 1], [-9.0, 2], [NAN, NAN], [0.5, 7]])
    assert part.predict(matrix).tolist() == [10.0, 14.0, 11.0, 9.25, 10.5]
    logistic = LinearPart(0.0, (), "logistic").predict(matrix)
    assert logistic.tolist() == [0.5] * 5


def test_a_rule_puts_missing_values_outside() -> None:
    matrix = np.array([[1.0], [2.0], [NAN]])
    assert RulePart(0, 1.0, (), 5.0, 3.0).predict(matrix).tolist() == [3.0, 5.0, 3.0]
    assert RulePart(0, None, (1.0,), 5.0, 3.0).predict(matrix).tolist() == [5.0, 3.0, 3.0]


def test_treatments_take_their_own_terms_and_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = (LinearPart(1.0, (LINE,)), RulePart(1, 0.5, (), 2.0, 0.0))
    arms = (Output("call", 0.5), Output("mail", 0.0, (Term(0, 2.0), Term(1, -1.0, treated=1.0))))
    scorer = Scorer("uplift", Inputs(("a",)), parts, arms)
    X = np.linspace(-1, 2, 7)[:, None]
    whole = scorer.predict_uplift(X)
    np.testing.assert_allclose(whole[:, 0], 0.5)
    np.testing.assert_allclose(whole[:, 1], 2 * (1 + 2 * (X[:, 0] - 0.5)) - 2)
    monkeypatch.setattr(plain_scorer, "ROWS_AT_ONCE", 2)
    np.testing.assert_array_equal(scorer.predict_uplift(X), whole)
    assert scorer.predict_uplift(X[:0]).shape == (0, 2)


def test_frames_mappings_and_arrays_score_alike() -> None:
    scorer = Scorer("uplift", Inputs(("a",)), (LinearPart(0.0, (LINE,)),), (Output("mail", 0.0, (Term(0),)),))
    by_name = scorer.predict({"a": [0.0, 1.0], "more": [1, 2]})
    np.testing.assert_array_equal(by_name, scorer.predict_uplift(np.array([[0], [1]])))
    for kind in ("int64", "bool", "Int64", "float32", "float64[pyarrow]"):
        frame = pd.DataFrame({"a": pd.array([0, 1], dtype=kind), "more": ["x", "y"]})
        np.testing.assert_array_equal(scorer.predict(frame), by_name)
    rows = pd.DataFrame({"a": [0.0, np.nan]})
    scorer.inputs.read(rows)[0][:] = 5.0  # a table of its own, even where the frame's could be taken as it is
    assert rows["a"].tolist()[0] == 0.0
    with pytest.raises(ValueError, match="'a' holds infinite"):
        scorer.predict(pd.DataFrame({"a": [0.0, np.inf]}))
    with pytest.raises(ValueError, match="rows of 1 columns"):
        scorer.predict_uplift(np.zeros((2, 3)))
