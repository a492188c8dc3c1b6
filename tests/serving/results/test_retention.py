"""Old results go by rule; what is still needed, what is being written and what has no rule stays."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from penchant.config_serving import RetentionSection
from penchant.output import locked, replaced_folder
from penchant.serving.results.inventory import results_below
from penchant.serving.results.retention import cleanup_of, remove

RULES = RetentionSection(score="60d", tags="30d")


def write(folder: Path, manifest: dict[str, Any]) -> Path:
    with replaced_folder(folder, manifest) as place:
        (place / "rows.txt").write_text("rows")
    return folder


def score(below: Path, day: str, horizon: int = 30) -> Path:
    tasks = {"churn": {"horizon_days": horizon}}
    return write(
        below / "score" / day, {"step": "score", "key": f"key of {day}", "as_of": f"{day}T00:00:00", "tasks": tasks}
    )


def test_old_scores_go_and_the_latest_stay(tmp_path: Path) -> None:
    days = ("2025-01-01", "2025-02-01", "2025-06-01", "2025-06-02")
    first, finished, _, _ = [score(tmp_path, day) for day in days]
    cleanup = cleanup_of(tmp_path, RULES)
    assert cleanup.now == datetime(2025, 6, 2)
    assert [result.path for result in cleanup.expired] == [first]
    assert cleanup.needed == {finished: "the latest scores whose horizon is over"}
    freed, busy = remove(cleanup)
    assert (freed > 0, busy) == (True, [])
    assert [result.path.name for result in results_below(tmp_path)] == list(days[1:])


def test_scores_wait_for_their_horizon(tmp_path: Path) -> None:
    early = score(tmp_path, "2025-01-01", horizon=365)
    score(tmp_path, "2025-06-02")
    assert cleanup_of(tmp_path, RULES).needed == {early: "its horizon ends on 2026-01-01"}


def test_scores_that_an_audience_names_stay(tmp_path: Path) -> None:
    named = score(tmp_path, "2025-01-01")
    for day in ("2025-02-01", "2025-06-02"):
        score(tmp_path, day)
    drawn = write(tmp_path / "audience" / "spring" / "wave-1", {"inputs": {"scores": "key of 2025-01-01"}})
    cleanup = cleanup_of(tmp_path, RULES)
    assert cleanup.needed[named] == f"named by '{drawn}'"
    assert not cleanup.expired


@pytest.mark.parametrize("step", ["features", "audience", "plan", "measure"])
def test_what_has_no_rule_is_never_old(tmp_path: Path, step: str) -> None:
    write(tmp_path / step / "2020-01-01", {"step": step, "as_of": "2020-01-01"})
    score(tmp_path, "2025-06-02")
    assert not cleanup_of(tmp_path, RULES).expired


def test_what_another_run_writes_stays(tmp_path: Path) -> None:
    days = ("2025-01-01", "2025-01-02", "2025-06-02")
    for day in days:
        write(tmp_path / "tags" / day, {"step": "tags", "as_of": day})
    cleanup = cleanup_of(tmp_path, RULES)
    with locked(tmp_path / "tags" / days[0]):
        _, busy = remove(cleanup)
    assert busy == [str(tmp_path / "tags" / days[0])]
    assert [result.path.name for result in results_below(tmp_path)] == [days[0], days[2]]


def test_leftovers_of_killed_runs_go_and_links_are_not_followed(tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    kept = score(out, "2025-06-02")
    for name in (".2025-06-01.new", ".2025-06-01.work"):
        (out / "score" / name).mkdir()
        (out / "score" / name / "rows.txt").write_text("rows")
    write(elsewhere / "2020-01-01", {"step": "tags", "as_of": "2020-01-01"})
    (out / "tags").symlink_to(elsewhere)
    cleanup = cleanup_of(out, RULES)
    assert [path.name for path in cleanup.leftovers] == [".2025-06-01.new", ".2025-06-01.work"]
    remove(cleanup)
    assert sorted(path.name for path in (out / "score").iterdir()) == [kept.name]
    assert (elsewhere / "2020-01-01").is_dir()


def test_a_rule_is_a_number_of_days() -> None:
    with pytest.raises(ValueError, match="score"):
        RetentionSection(score="90 days")
