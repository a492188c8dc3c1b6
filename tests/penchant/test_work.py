"""What every command shares."""

from __future__ import annotations

import warnings
from datetime import datetime
from pathlib import Path

import pytest
from rich.table import Table

from penchant.cli.work import Work, read_instant
from penchant.errors import InputError

TOML = "[shop]\nname = 'small'\n[tables.orders]\npath = 'orders.csv'\n"


@pytest.mark.parametrize(("last", "is_told"), [("2024-06-01", True), ("2024-02-01", False), ("2031-01-01", False)])
def test_few_late_events_that_set_the_datas_end_are_told_by_every_command(
    tmp_path: Path, last: str, *, is_told: bool
) -> None:
    days = [f"a,2024-01-{day:02}" for day in range(1, 32)]
    (tmp_path / "orders.csv").write_text("\n".join(["customer_id,ordered_at", *days, f"b,{last}"]))
    (tmp_path / "penchant.toml").write_text(TOML)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with Work(tmp_path / "penchant.toml", None, as_json=True).shop():
            pass
    assert any("orders: the latest events stand far apart" in str(one.message) for one in said) == is_told


def test_files_of_one_name_in_several_folders_are_told_apart_as_sources(tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "part.csv"
    folder = tmp_path / "data"
    for path in (folder / "day=1" / "part.csv", folder / "day=2" / "part.csv", other):
        path.parent.mkdir(parents=True)
        path.write_text(f"customer_id,ordered_at\n{path.parent.name},2024-01-01\n")
    toml = TOML.replace("orders.csv", "*/part.csv") + f"[tables.interactions]\npath = '{other}'\n"
    (folder / "penchant.toml").write_text(toml)
    found = Work(folder / "penchant.toml", None, as_json=True).sources()
    assert len(found) == len(set(found.values())) == 3
    assert {"day=1/part.csv", "day=2/part.csv"} < set(found)
    assert str(tmp_path) not in "".join(found)


@pytest.mark.parametrize(
    ("text", "why", "read"),
    [
        ("2025-03-30T02:30", "is skipped, because the clocks go forward", datetime(2025, 3, 30, 1, 30)),
        ("2025-10-26T02:30", "is there twice, because the clocks go back", datetime(2025, 10, 26, 0, 30)),
    ],
)
def test_a_time_at_which_the_clocks_change_is_read_with_a_note(text: str, why: str, read: datetime) -> None:
    with pytest.warns(UserWarning, match=f"--as-of {text} {why} in Europe/Berlin: read as {read:%Y-%m-%d %H:%M} UTC"):
        assert read_instant(text, "Europe/Berlin") == read


def test_other_times_and_leap_days_are_read_without_a_note() -> None:
    assert read_instant("2024-02-29", "Europe/Berlin") == datetime(2024, 2, 28, 23)
    assert read_instant("2025-03-30T02:30+02:00", "Europe/Berlin") == datetime(2025, 3, 30, 0, 30)
    assert read_instant("2025-03-30", "Europe/Berlin") == datetime(2025, 3, 29, 23)
    with pytest.raises(InputError, match="a date such as 2011-09-10"):
        read_instant("2023-02-29", "Europe/Berlin")


def test_names_of_sections_in_brackets_are_shown_as_they_stand(capsys: pytest.CaptureFixture[str]) -> None:
    work = Work(None, None, as_json=False)
    table = Table("[gate] min_auc", box=None)
    table.add_row("AUC [0.7, 0.8] [bold]good[/]")
    work.show("Hold out 44 % ([protection] universal_control), [/no/style]", table)
    work.note("a list[str] by [dim]")
    shown = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert shown == [
        "Hold out 44 % ([protection] universal_control), [/no/style]",
        "[gate] min_auc",
        "AUC [0.7, 0.8] good",
        "a list[str] by",
    ]
