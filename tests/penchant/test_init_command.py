"""What `penchant init` asks and shows, and what it proposes for audiences drawn before."""

from __future__ import annotations

import json
import tomllib
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from penchant.cli.commands.init import _show_understood
from penchant.cli.work import Work
from penchant.config import read_config
from penchant.errors import InputError
from penchant.features.intake.check import check
from penchant.features.proposal.configuration import propose
from penchant.features.proposal.questions import answered, questions

from ..command_line import penchant

NUMBERS = range(60)


def orders(folder: Path) -> None:
    days = [f"0{1 + n % 9}/{1 + n % 12:02d}/2024" for n in NUMBERS]
    frame = pd.DataFrame({"order_id": NUMBERS, "client": [n % 7 for n in NUMBERS], "date": days, "total": 2.5})
    frame.to_csv(folder / "orders.csv", index=False)


def test_what_the_rows_cannot_tell_is_asked_in_one_line_each(tmp_path: Path) -> None:
    orders(tmp_path)
    text = propose(tmp_path)
    asked = {question.about: question for question in questions(text)}
    assert list(asked) == ["day_first", "currency", "timezone"]
    for about, answer in (("day_first", "day"), ("currency", "gbp"), ("timezone", "Europe/London")):
        text = answered(text, asked[about], answer)
    config = read_config(tomllib.loads(text))
    assert (config.shop.currency, config.shop.timezone) == ("GBP", "Europe/London")
    assert (config.tables["orders"].time_format, config.tables["orders"].timezone) == ("%d/%m/%Y", "Europe/London")
    assert not questions(text)
    assert not check(config, tmp_path).failed


@pytest.mark.parametrize(("about", "answer"), [("currency", "pounds"), ("timezone", "London"), ("day_first", "year")])
def test_an_answer_that_is_none_is_refused(tmp_path: Path, about: str, answer: str) -> None:
    orders(tmp_path)
    text = propose(tmp_path)
    question = next(question for question in questions(text) if question.about == about)
    with pytest.raises(InputError, match=answer):
        answered(text, question, answer)


def test_rows_are_shown_before_and_after_and_the_sums_that_an_owner_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penchant.cli import app

    orders(tmp_path)
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(app, ["--json", "init", ".", "--yes", "--out", "shop.toml"])
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert told["examples"][0]["before"] == {"client": "0", "date": "01/01/2024", "order_id": "0", "total": "2.5"}
    assert told["examples"][0]["after"]["amount"] == "2.50"
    totals = told["totals"]["orders"]
    assert (totals["n_orders"], totals["n_customers"], totals["revenue"]) == (60, 7, 150.0)


def test_what_cannot_be_right_says_of_which_table(tmp_path: Path) -> None:
    orders(tmp_path)
    report = check(read_config({"tables": {"orders": {"path": "gone.csv"}}}), tmp_path)
    work = Work(None, None, as_json=False)
    work.console = Console(record=True, file=StringIO(), width=200)
    _show_understood(work, report)
    said = work.console.export_text()
    assert "This cannot be right yet:" in said
    assert "- orders: a source cannot be read. " in said
    assert "may not be right" not in said


def test_orders_of_guests_are_a_doubt_that_says_what_became_of_them(tmp_path: Path) -> None:
    orders(tmp_path)
    frame = pd.read_csv(tmp_path / "orders.csv")
    frame["client"] = frame["client"].where(frame["order_id"] % 3 != 0)
    frame.to_csv(tmp_path / "orders.csv", index=False)
    said = " ".join(penchant(tmp_path, "init", ".", "--yes").stdout.split())
    assert (
        "This may not be right: - orders: an id is missing or blank, 33% of its rows. It cannot be told whose" in said
    )
    assert "They are set aside; if that is as it should be, nothing needs to be done." in said
    assert "cannot be right yet" not in said


def test_a_file_that_is_no_table_is_named_where_people_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant.cli import app

    orders(tmp_path)
    (tmp_path / "hours.csv").write_text("weekday,opens\nMonday,9\n")
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(app, ["init", ".", "--yes"])
    assert ran.exit_code == 0, ran.output
    assert "Not used: hours.csv" in ran.stdout


def test_audiences_drawn_before_become_assignments_and_campaigns(tmp_path: Path) -> None:
    data, wave = tmp_path / "tea", tmp_path / "out" / "tea" / "audience" / "spring" / "wave-1"
    data.mkdir()
    wave.mkdir(parents=True)
    orders(data)
    at = pd.Timestamp("2024-05-01")
    drawn = {
        "campaign_id": "spring",
        "customer_id": ["1", "2"],
        "arm": ["control", "mail"],
        "assigned_at": at,
        "wave": 1,
    }
    pd.DataFrame(drawn).to_parquet(wave / "assignments.parquet")
    pd.DataFrame({"campaign_id": ["spring"], "goal": ["retain"]}).to_parquet(wave / "campaigns.parquet")
    config = read_config(tomllib.loads(propose(data, [tmp_path / "out"])))
    report = check(config, data)
    assert not report.failed
    assert report.tables["assignments"].n_accepted == 2
    assert report.tables["campaigns"].n_accepted == 1
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "tea").symlink_to(data)
    linked = tmp_path / "elsewhere" / "tea"
    assert check(read_config(tomllib.loads(propose(linked, [tmp_path / "out"]))), linked).tables["campaigns"].n_accepted
    data.rename(tmp_path / "coffee")  # another shop's audiences are none of its own
    assert "audience" not in propose(tmp_path / "coffee", [tmp_path / "out"])


def test_a_campaigns_file_becomes_assignments(tmp_path: Path) -> None:
    orders(tmp_path)
    frame = pd.DataFrame(
        {
            "client": [n % 7 for n in range(7)],
            "sent": "2024-06-01 10:00:00",
            "group": ["control" if n % 3 == 0 else "mail" for n in range(7)],
            "opened": [n % 2 for n in range(7)],
        }
    )
    frame.to_csv(tmp_path / "june_mailing.csv", index=False)
    text = propose(tmp_path)
    section = read_config(tomllib.loads(text)).tables["assignments"]
    columns = section.mapping(section.sources[0])
    assert columns["campaign_id"] == "'june_mailing'"
    assert (columns["arm"], columns["assigned_at"]) == ("group", "sent")
    assert "TODO not used, as they say that and not when: 'opened'" in text.replace("\n#   ", " ")
    assert check(read_config(tomllib.loads(text)), tmp_path).tables["assignments"].n_accepted == 7


@pytest.mark.parametrize(
    ("columns", "advice"),
    [
        ({"id": NUMBERS, "age": 30, "churn": [n % 2 for n in NUMBERS]}, "PropensityModel"),
        (
            {"amazon-order-id": NUMBERS, "purchase-date": "2024-01-01", "item-price": 2, "sku": "a", "quantity": 1},
            "names no buyer",
        ),
    ],
)
def test_a_refusal_says_what_to_do(tmp_path: Path, columns: dict[str, object], advice: str) -> None:
    pd.DataFrame(columns).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError, match=advice):
        propose(tmp_path)
