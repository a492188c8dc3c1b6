"""penchant tune, stopped by the clock."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import optuna
import pytest

from penchant.cli.commands import tune
from penchant.training.search.tuning import Progress

from ..command_line import penchant
from ..trained_shop import write_orders


@pytest.mark.slow
def test_a_search_that_the_clock_stops_keeps_its_trials_and_says_how_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_orders(tmp_path)
    with (tmp_path / "penchant.toml").open("a") as config:
        config.write("[tasks.repurchase]\nn_snapshots = 2\n")
    clock = count()
    monkeypatch.setattr(tune, "monotonic", lambda: next(clock))
    done = penchant(tmp_path, "tune", "repurchase", "--horizon", "30", "--trials", "5", "--timeout", "2.5")
    assert done.returncode == 0, done.stderr
    assert "trial 2 of 5" in done.stderr
    assert "Stopped by --timeout after 2 of 5 trials; the same command goes on" in " ".join(done.stdout.split())
    (file,) = (tmp_path / "mlruns").rglob("fuzz.repurchase.db")
    (study,) = optuna.get_all_study_summaries(f"sqlite:///{file}")  # what a dashboard reads
    assert study.n_trials == 2


def test_a_search_that_goes_on_says_where_it_was() -> None:
    assert tune._trial(Progress(2, 5, 2, 0.4, 0.3, is_pruned=False)) == "resuming, 2 of 5 trials done"
