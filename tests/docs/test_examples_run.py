"""What the README and the site's pages show runs as it stands there, in the folder of one small shop."""

from __future__ import annotations

import re
import shlex
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from .. import command_line
from ..trained_shop import QUICK

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = (  # those that define files come before those that use them
    "howto/own-signal.md", "howto/own-goal.md", "howto/own-estimator.md", "start/demo.md", "start/own-orders.md",
    "tutorials/train-and-compare.md", "tutorials/uplift-hillstrom.md", "tutorials/promotion.md",
    "tutorials/nightly-list.md", "tutorials/measure-campaign.md", "howto/map-tables.md", "howto/score-elsewhere.md",
)  # fmt: skip
EXPECTED = {
    "penchant promote churn": (0, 2, 3),  # the latest may be in use already
    "penchant monitor": (0, 3),  # a shop this small may drift
    "penchant train uplift --goal second": (0, 3),  # and teach too little
}
README = (DOCS.parent / "README.md").read_text(encoding="utf-8")
SHOWN = [line.strip() for line in re.findall(r"^    ((?:penchant|python|make) [^#\n]+)", README, re.MULTILINE)]
ELSEWHERE = {  # they take longer, or end when they are told to
    "make demo": "tests/penchant/test_demo.py",
    "make test": ".ci/run",
    "penchant --data FOLDER nightly": "tests/penchant/test_campaign_cli.py",
    "penchant --data FOLDER prepare": "tests/penchant/test_campaign_cli.py",
    "penchant --data FOLDER serve": "tests/serving/web/test_pages.py",
    "penchant --shop examples/taobao.toml --data FOLDER insight funnel": "tests/serving/insight/test_insight.py",
    "python examples/compare_models.py FOLDER": "tests/examples/test_compare_models.py",
    "python examples/hillstrom.py hillstrom.parquet": "tests/examples/test_hillstrom.py",
}
STANDS_FOR = {  # what a reader puts in
    "init FOLDER": "init my_orders --out first.toml --yes",
    "--shop examples/online_retail.toml --data FOLDER": "--shop retail.toml --data invoices",
    "FOLDER": "shop",
    "--matrix FILE": "--matrix hillstrom.parquet",
    "PLAN.toml": "autumn.toml",
    "DESTINATION.toml": "sends.toml",
    "measure CAMPAIGN": "measure second-2025-04-09",
    "--trials 50": "--trials 2",
    "uplift --goal retain": "uplift --goal second",  # a campaign of more customers than ours
}
RUN: set[str] = set()
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str, str]]:
    """Return the blocks of a page: language, the file that it is, and the text."""
    return BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(shop_folder: Path) -> Path:
    """Return the shop's folder with all files that pages define."""
    for page in PAGES:
        for _, name, text in blocks(page):
            if name:
                (shop_folder / name).write_text(text, encoding="utf-8")
    return shop_folder


def run(line: str) -> tuple[int, str]:
    """Run a command in this process; return its exit code and what it printed."""
    done = command_line.penchant(Path(), *shlex.split(line)[1:])
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_from_top_to_bottom(page: str, folder: Path) -> None:
    names: dict[str, Any] = {"__name__": page}
    done = 0
    with chdir(folder):
        for language, file, text in blocks(page):
            if language == "sh":
                for line in text.strip().split("\n"):
                    done += 1
                    if line in RUN:  # on an earlier page
                        continue
                    RUN.add(line)
                    code, shown = run(line)
                    assert code in EXPECTED.get(line, (0,)), f"{line}\n{shown}"
                    if "--out my.toml" in line:  # few signals and one snapshot: the page is tried, not the model
                        with Path("my.toml").open("a", encoding="utf-8") as config:
                            config.write(QUICK)
            elif language == "python":
                exec(compile(text, file or page, "exec"), names)
                done += 1
    assert done


@pytest.fixture(scope="module")
def readers(folder: Path, some_invoices: Path) -> Path:
    """Return the shop's folder with what a reader of the README has: invoices, a trial, a destination."""
    rng = np.random.default_rng(0)
    trial = pd.DataFrame({"recency": rng.integers(1, 13, 1_500), "segment": rng.choice(["control", "mail"], 1_500)})
    trial["visit"] = (rng.random(1_500) < 0.2 + 0.3 * (trial["segment"] == "mail") * (trial["recency"] < 6)).astype(int)
    trial.assign(spend=trial["visit"] * 10.0).to_parquet(folder / "hillstrom.parquet")
    (folder / "sends.toml").write_text('address = "duckdb://sends.duckdb"\ntable = "sends"\n', encoding="utf-8")
    (folder / "invoices").symlink_to(some_invoices)
    retail = (DOCS.parent / "examples" / "online_retail.toml").read_text(encoding="utf-8")
    (folder / "retail.toml").write_text(retail + QUICK, encoding="utf-8")
    return folder


@pytest.mark.parametrize("shown", [line for line in SHOWN if line not in ELSEWHERE], ids=lambda line: line[:90])
def test_a_command_of_the_readme_runs(shown: str, readers: Path) -> None:
    line = shown
    for name, ours in STANDS_FOR.items():
        line = line.replace(name, ours)
    if "out/SHOP" in line:
        wave = next((readers / "out" / "small" / "audience").glob("retain-*/wave-1"))
        line = line.replace("out/SHOP/audience/CAMPAIGN/wave-1", str(wave))
    alone = line.replace("--data shop ", "")  # as penchant.toml names the folder
    with chdir(readers):
        if alone not in RUN:  # by a page
            code, said = run(line)
            assert code in EXPECTED.get(alone, (0,)), f"{line}\n{said}"


def test_what_of_the_readme_runs_elsewhere_is_there() -> None:
    assert len(SHOWN) > 25
    assert set(ELSEWHERE) <= set(SHOWN)
    assert all((DOCS.parent / place).is_file() for place in ELSEWHERE.values())


def test_what_a_page_promises_is_there(folder: Path) -> None:
    with chdir(folder):
        code, shown = run("penchant audience keep_best --assume-consent --json")
    assert code == 0, shown
    assert '"goal"' in shown
    assert (folder / "trial.parquet").is_file()
