"""How often the intervals of single customers hold their true effects, on trials where these are known."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.uplift_data import Case, make_trial
from benchmarks.uplift_speed import aim

N_TEST = 5000


def intervals(cases: Sequence[Case], seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Return by kind of trial how many effects the 95 % intervals hold, of all customers and of the top tenth."""
    from penchant.models.uplift import UpliftStack

    rows = []
    for case in cases:
        found = []
        for seed in seeds:
            trial = make_trial(case, seed, n_test=N_TEST)
            stack = UpliftStack().fit(trial.X, trial.y, trial.treated, p_treatment=trial.p)
            uplift, low, high = stack.predict_uplift(trial.X_test, interval=True)
            inside = (low <= trial.effect_test) & (trial.effect_test <= high)
            top = inside[uplift >= np.quantile(uplift, 0.9)]
            found.append([np.mean(inside), np.mean(top), np.mean(high - low)])
        numbers = dict(zip(("held", "held_in_top_tenth", "width"), np.mean(found, axis=0).tolist(), strict=True))
        rows.append({**asdict(case), **numbers})
        print(*rows[-1].values(), file=sys.stderr, flush=True)
    return rows


def interval_aims(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the aims: 93 to 97 % of the true effects, over all kinds of trials."""
    aims = []
    for name, of in (("held", "all customers"), ("held_in_top_tenth", "the top tenth")):
        share = float(np.mean([row[name] for row in rows]))
        what = f"95 % intervals of single customers, {of}, hold the true effect"
        aims += [aim(f"{what}: at least", share, 0.93, at_most=False), aim(f"{what}: at most", share, 0.97)]
    return aims
