import json
import pickle
from typing import Any

import pytest

from penchant.errors import InputError
from penchant.models.inputs.check import Check, issues
from penchant.models.inputs.estimate import Estimate


def check(outcome: Any) -> Check:
    return Check("overlap", "Overlap", "Some.", outcome, {"auc": Estimate(0.6, 0.55, 0.65), "n": 10})


def test_only_issues_call_for_action() -> None:
    checks = [check("passed"), check("issue"), check("not applicable")]
    assert issues(checks) == (checks[1],)


def test_a_check_goes_through_json_and_pickle() -> None:
    assert json.loads(json.dumps(check("issue").as_dict()))["facts"] == {
        "auc": {"value": 0.6, "low": 0.55, "high": 0.65},
        "n": 10,
    }
    assert pickle.loads(pickle.dumps(check("issue"))) == check("issue")


def test_an_outcome_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InputError, match="Got 'failed'"):
        check("failed")
