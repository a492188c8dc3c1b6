"""The commands of the page about audiences run on the demo shop, as they are printed."""

from __future__ import annotations

import re
import shlex
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from penchant.cli import app, hoist
from penchant.cli.demo.configuration import write_config
from penchant.cli.demo.example_plan import write_plan_example
from penchant.cli.demo.loop import ARM, FIRST, FIRST_AT, SECOND_AT, demo_settings
from penchant.cli.results import fail
from penchant.config import load_config
from penchant.errors import PenchantError
from penchant.features.shop import open_shop
from penchant.serving.insight.likeness_judged import BY_BOTH, BY_LAST_SEEN, BY_LIKENESS, LookalikeRules
from penchant.serving.insight.lookalikes import lookalikes_page
from penchant.simulate import simulate

pytestmark = pytest.mark.slow  # a command takes a second, and the page has many

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "audiences.md").read_text(encoding="utf-8")
PLACES = re.findall(r"On the demo shop[^\n]*:\n\n```\n(.*?)```", PAGE, re.DOTALL)
PLAN_FILES = re.findall(r"<!-- (\w+\.toml) -->\n```toml\n(.*?)```", PAGE, re.DOTALL)
LINES = [line for place in PLACES for line in place.splitlines()]
FIRST_OF_ALL = ("penchant train", "penchant score")  # what audiences and plans read is then there: half the time
COMMANDS = sorted(
    (line.partition("  #")[0].strip() for line in LINES), key=lambda one: not one.startswith(FIRST_OF_ALL)
)
REFUSED = {line.partition("  #")[0].strip() for line in LINES if "# refused" in line}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small demo shop, as it is after the loop, without models."""
    folder = tmp_path_factory.mktemp("demo")
    settings = demo_settings(4_000, 0)
    simulate(settings, folder / "shop")
    orders = pd.read_parquet(folder / "shop" / "orders.parquet").dropna(subset="paid_at")
    n_orders = orders.groupby("customer_id")["order_id"].nunique()
    who = n_orders.index[n_orders == 1]
    arms = np.where(np.arange(len(who)) % 2, "control", ARM)
    first = {"campaign_id": FIRST.campaign_id, "customer_id": who, "arm": arms, "assigned_at": FIRST_AT}
    given = pd.DataFrame({**first, "wave": 1, "probability": 0.5})
    simulate(replace(settings, ends_at=SECOND_AT), folder / "shop", given, [FIRST])
    write_config(folder / "penchant.toml", SECOND_AT, "shop")
    write_plan_example(folder)
    for name, text in PLAN_FILES:
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_the_page_has_commands_of_the_demo_shop() -> None:
    assert len(COMMANDS) > 5
    assert all(command.startswith("penchant ") for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(demo: Path, command: str) -> None:
    said = StringIO()
    with chdir(demo), redirect_stdout(said), redirect_stderr(said), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            code = app(hoist(shlex.split(command)[1:]), prog_name="penchant", standalone_mode=False)
        except PenchantError as fault:
            code = fail(fault, as_json=False)
    assert int(code or 0) in ((2,) if command in REFUSED else (0, 3)), said.getvalue()


def test_look_alikes_find_the_first_touch_that_the_demo_made_better(demo: Path) -> None:
    with open_shop(load_config(demo / "penchant.toml"), demo / "shop", checked=False) as shop:
        page = lookalikes_page(shop, rules=LookalikeRules(best_share=0.5)).as_dict()
    told = {(row["trait"], row["value"]): row["index"] for row in page["traits_found"]}
    assert told["first came through", "app"].low > 100
    assert page["judged"][0]["auc"].low > 0.5
    by_order = {row["order"]: row["auc"].value for row in page["judged"]}
    assert by_order[BY_BOTH] > by_order[BY_LIKENESS] + 0.1
    assert by_order[BY_BOTH] > by_order[BY_LAST_SEEN] - 0.02  # no worse than by who was seen last alone
    chances = [row["chance"] for row in page["strangers"]]
    assert chances == sorted(chances, reverse=True)
