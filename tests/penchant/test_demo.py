"""The demo's own parts: its shop, its configuration, and how it counts what lists earn on the simulator's truth."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from rich.console import Console

from penchant import __version__
from penchant.cli.commands.demo import CHAPTERS, SIZES, chapters, opening_words
from penchant.cli.demo.beside import helper
from penchant.cli.demo.configuration import write_config
from penchant.cli.demo.earned import Earned, earned, earned_in_words
from penchant.cli.demo.example_plan import write_plan_example
from penchant.cli.demo.loop import ARM, FIRST_AT, GOAL, NEXT, SECOND_AT, demo_settings
from penchant.cli.styled import StyledConsole
from penchant.cli.work import Work
from penchant.config import load_config
from penchant.serving.goals.catalogue import GOALS
from penchant.serving.plan.file import load_plan

TRUTH = pd.DataFrame(
    {
        "customer_id": [f"c{i}" for i in range(40)],
        "effect_probability": np.linspace(0.2, 0.0, 40),
        "effect_profit": np.linspace(4.0, -1.0, 40),
    }
)


def listed(*numbers: int) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": [f"c{i}" for i in numbers]})


def found() -> Earned:
    lists = {"random": range(0, 40, 4), "propensity": range(30, 40), "uplift": range(10)}
    return earned(TRUTH, {name: listed(*numbers) for name, numbers in lists.items()})


def test_lists_earn_what_the_truth_says_of_their_customers() -> None:
    told = found()
    assert told.lists["uplift"]["orders"].value == pytest.approx(1000 * TRUTH["effect_probability"][:10].mean())
    assert told.lists["propensity"]["profit"].value < 0 < told.lists["random"]["profit"].value
    gain = told.better["propensity"]["profit"]
    assert gain.value == pytest.approx(1000 * (TRUTH.effect_profit[:10].mean() - TRUTH.effect_profit[30:].mean()))
    assert 0 < gain.low < gain.value < gain.high
    assert told.as_dict()["uplift_less"]["random"]["orders"]["low"] > 0


def test_the_same_list_is_no_better_than_itself() -> None:
    told = earned(TRUTH, {"random": listed(1, 5, 9), "uplift": listed(9, 1, 5)})
    zero = told.better["random"]["profit"]
    assert (zero.value, zero.low, zero.high) == pytest.approx((0.0, 0.0, 0.0))


def test_its_shop_has_campaigns_but_none_of_the_goal_to_be_learned() -> None:
    campaigns = demo_settings(8_000, 0).campaigns
    assert campaigns
    assert GOAL not in {one.goal for one in campaigns}


def test_what_is_sent_is_what_the_goal_offers() -> None:
    ours = next(arm for arm in GOALS[GOAL].arms if arm.name == ARM)
    sent = NEXT.arms[0]
    assert (sent.name, sent.channel, sent.unit_cost) == (ours.name, ours.channel, ours.unit_cost)
    offer = ours.offer
    assert (sent.offer.kind, sent.offer.value, sent.offer.threshold, sent.offer.valid_days) == (
        offer.kind,
        offer.value,
        offer.threshold,
        offer.valid_days,
    )


def test_its_configuration_says_where_the_data_ends(tmp_path: Path) -> None:
    write_config(tmp_path / "penchant.toml", FIRST_AT)
    assert load_config(tmp_path / "penchant.toml").shop.extract_end == FIRST_AT
    write_config(tmp_path / "penchant.toml", data="files")
    config = load_config(tmp_path / "penchant.toml")
    assert config.shop.extract_end is None
    assert config.data_folder == tmp_path / "files"


def test_its_plan_is_one_and_begins_after_the_data(tmp_path: Path) -> None:
    plan = load_plan(write_plan_example(tmp_path))
    assert plan.faults() == []
    assert {campaign.goal for campaign in plan.campaigns} <= set(GOALS)
    assert all(plan.sends(campaign)[0] > SECOND_AT.replace(tzinfo=None) for campaign in plan.campaigns)


def test_it_says_before_it_begins_how_long_it_takes_and_names_each_chapter_once() -> None:
    assert "about a minute" in opening_words(SIZES["small"])
    assert "minutes" in opening_words(SIZES["large"])
    work = Work(None, None, as_json=False)
    work.console = Console(record=True, file=StringIO(), width=160)
    tell = chapters(work)
    for _ in CHAPTERS:
        tell()
    shown = work.console.export_text()
    assert all(f"{number} of {len(CHAPTERS)} {title}" in shown for number, title in enumerate(CHAPTERS, start=1))


def test_what_was_earned_is_said_in_a_sentence_and_doubted_where_it_may_be_chance() -> None:
    sure = earned_in_words(found())
    assert "more than one by propensity" in sure
    assert "chance" not in sure
    same = earned(TRUTH, {name: listed(1, 5, 9) for name in ("random", "propensity", "uplift")})
    assert "may be chance" in earned_in_words(same)


def test_the_other_process_runs_one_command_after_the_other_and_says_how_each_ended(tmp_path: Path) -> None:
    work = Work(None, None, as_json=False)
    work.console, work.notes = (StyledConsole(record=True, file=StringIO(), width=160) for _ in range(2))
    config = tmp_path / "penchant.toml"
    with helper(work) as beside:
        with beside.running(config, [["--version"], ["--version"]]):
            pass
        assert work.console.export_text().split() == ["penchant", __version__] * 2
        with pytest.raises(typer.Exit) as failed, beside.running(config, [["check"]]):
            pass
        assert failed.value.exit_code == 2
        assert "penchant.toml" in work.notes.export_text()
        assert beside.process.poll() is None
        beside.process.kill()
        with pytest.raises(typer.Exit), beside.running(config, [["check"]]):
            pass
        assert "'check' was stopped from outside" in work.notes.export_text()
    assert beside.process.poll() is not None
