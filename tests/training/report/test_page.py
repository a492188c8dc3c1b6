"""The report of a training: what a reader in a hurry takes away, and numbers in their own unit."""

from __future__ import annotations

import re
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from penchant.models.inputs.check import Check
from penchant.training.fit import Recipe
from penchant.training.report.page import report
from penchant.training.report.summary import verdict_banner
from penchant.training.train import learn


@pytest.fixture(scope="module", params=["binary", "value"])
def trained(request: pytest.FixtureRequest, planted: ModuleType) -> Any:
    return learn(planted.material(200, is_value=request.param == "value"), Recipe({"num_leaves": 5}, 1))


def text_of(trained: Any) -> str:
    html = report(trained, "tea", {}).html()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<body")[2]))


def test_it_begins_with_a_verdict_and_what_it_rests_on(trained: Any) -> None:
    found = verdict_banner(trained)
    assert found.verdict.tone == "good"
    assert re.search(r"No baseline does better; the model is better than \d of \d", found.verdict.text)
    assert found.text.startswith("'another paid order' held for" if trained.task.kind == "binary" else "The tenth")
    assert found.verdict.text in text_of(trained)


def test_a_check_that_keeps_the_model_out_is_the_verdict(trained: Any) -> None:
    fault = Check("label-leakage", "No column knows the label", "'known' does.", "issue")
    found = verdict_banner(replace(trained, checks=(*trained.checks, fault)))
    assert found.verdict.tone == "bad"
    assert found.verdict.text == "Not fit for use. 'known' does."


def test_absent_baselines_are_named_with_the_reason(trained: Any) -> None:
    assert "bg nbd (the matrix lacks n_purchases" in text_of(trained)


def test_amounts_are_no_percentages(trained: Any) -> None:
    table = text_of(trained).partition("As of")[2].partition("Beside the baselines")[0]
    assert ("%" in table) == (trained.task.kind == "binary")


def test_days_are_those_of_the_shop(trained: Any) -> None:
    far = replace(trained, schedule=replace(trained.schedule, timezone="America/New_York"))
    assert "2024-06-29" in text_of(trained)
    assert "2024-06-28" in text_of(far)
    assert "2024-06-29" not in text_of(far)
