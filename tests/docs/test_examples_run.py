"""What the pages of the site show runs as it stands there, in the folder of one small shop, page by page."""

from __future__ import annotations

import re
import shlex
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer

from penchant.cli import app, hoist
from penchant.cli.results import fail
from penchant.errors import PenchantError

from .conftest import QUICK

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = (  # those that define files come before those that use them
    "howto/own-signal.md", "howto/own-goal.md", "howto/own-estimator.md", "start/demo.md", "start/own-orders.md",
    "tutorials/train-and-compare.md", "tutorials/uplift-hillstrom.md", "tutorials/promotion.md",
    "tutorials/nightly-list.md", "tutorials/measure-campaign.md", "howto/map-tables.md", "howto/score-elsewhere.md",
)  # fmt: skip
EXPECTED = {"penchant promote churn": (0, 2, 3)}  # the latest may be in use already
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
    shown = StringIO()
    with redirect_stdout(shown), redirect_stderr(shown), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            code = app(hoist(shlex.split(line)[1:]), prog_name="penchant", standalone_mode=False)
        except typer.Exit as end:
            code = end.exit_code
        except PenchantError as fault:
            code = fail(fault, as_json=False)
    return int(code or 0), shown.getvalue()


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


def test_what_a_page_promises_is_there(folder: Path) -> None:
    with chdir(folder):
        code, shown = run("penchant audience keep_best --assume-consent --json")
    assert code == 0, shown
    assert '"goal"' in shown
    assert (folder / "trial.parquet").is_file()
