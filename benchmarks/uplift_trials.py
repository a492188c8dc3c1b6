"""Real trials: every learner by the same five halves, with standard errors that know the halves overlap.

The area above the random line, per 1,000 customers (`penchant.models.evaluation.qini`), on the half that a learner has
not seen. Five splits of the same customers are not five trials: the variance of their mean is that of the splits times
1/5 + test rows / training rows (Nadeau & Bengio 2003, Inference for the generalization error, Machine Learning 52).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.uplift_data import MAILS, Floats, Trial, hillstrom_trial
from benchmarks.uplift_peers import read_trial
from benchmarks.uplift_speed import aim

Learn = Callable[[Trial], dict[str, Floats]]  # our learners' uplift of a trial's test rows

N_SPLITS = 5
LEAST_SHARE = 0.85  # of the best learner's area, on each trial


def specs(data: str) -> dict[str, dict[str, Any]]:
    """Return what names each real trial, without the split: the insurance mailing first, Hillstrom's mails last."""
    mails = {
        f"hillstrom {mail.split()[0]} {outcome}": {"hillstrom": f"{data}/hillstrom_email/hillstrom.parquet"}
        | {"mail": mail, "outcome": outcome}
        for mail in MAILS
        for outcome in ("visit", "conversion")
    }
    return {"insurance mailing": {"insurance": f"{data}/insurance_mailing"}} | mails


def areas(wanted: Mapping[str, dict[str, Any]], learn: Learn, peers: Any, base: str) -> dict[str, Any]:
    """Return by trial and learner the mean area over the splits, its standard error, and the splits.

    Parameters
    ----------
    wanted
        As `specs` gives them.
    learn
        Our learners' uplift of a trial's test rows.
    peers
        The peers' predictions.
    base
        A learner that tells nobody apart, left out.
    """
    from penchant.models.evaluation.qini import qini

    found: dict[str, Any] = {}
    for name, spec in wanted.items():
        keys = {f"{name.replace(' ', '_')}_{split}": {**spec, "seed": split} for split in range(N_SPLITS)}
        peers.run(keys)
        by_learner: dict[str, list[float]] = defaultdict(list)
        for key, whole in keys.items():
            trial = read_trial(whole)
            scores = learn(trial) | peers.predictions(key)
            for learner, uplift in scores.items():
                if learner != base:
                    area = qini(trial.y_test, uplift, trial.treated_test, n_draws=2).value
                    by_learner[learner].append(area)
        ratio = len(trial.y_test) / len(trial.y)
        table = {learner: _summary(values, ratio) for learner, values in by_learner.items()}
        found[name] = dict(sorted(table.items(), key=lambda item: -item[1]["mean"]))
    return found


def _summary(values: Sequence[float], test_per_training: float) -> dict[str, Any]:
    error = np.sqrt(np.var(values, ddof=1) * (1 / len(values) + test_per_training))
    return {"mean": float(np.mean(values)), "standard_error": float(error), "splits": list(values)}


def mean_ranks(found: Mapping[str, Any]) -> dict[str, float]:
    """Return each learner's mean place over the trials, 1 = best."""
    places: dict[str, list[int]] = defaultdict(list)
    for table in found.values():
        for place, learner in enumerate(table, start=1):
            places[learner].append(place)
    return dict(sorted(((name, float(np.mean(all_))) for name, all_ in places.items()), key=lambda item: item[1]))


def trial_aims(found: Mapping[str, Any], default: str) -> list[dict[str, Any]]:
    """Return the aims on real trials: the best mean place, and near the best learner on each."""
    ranks = list(mean_ranks(found))
    aims = [aim(f"real trials: place of the default by mean rank among {len(ranks)}", ranks.index(default) + 1, 1)]
    for name, table in found.items():
        best = next(iter(table.values()))["mean"]
        aims.append(aim(f"{name}: share of the best learner's area", table[default]["mean"] / best, LEAST_SHARE, False))
    return aims


def hillstrom(path: Path, learn: Learn, peers: Any, base: str) -> dict[str, Any]:
    """Return scikit-uplift's qini_auc of all learners and baselines, by mail, mean over five splits; as in `areas`."""
    from penchant.models.estimators.propensity import PropensityModel
    from penchant.models.evaluation.qini_peers import sklift_qini_auc_score

    specs = {
        f"hillstrom_{mail.split()[0]}_{split}": {"mail": mail, "seed": split, "hillstrom": str(path.resolve())}
        for mail in MAILS
        for split in range(N_SPLITS)
    }
    peers.run(specs)
    result: dict[str, Any] = {}
    for mail in MAILS:
        scores: dict[str, list[float]] = defaultdict(list)
        for split in range(N_SPLITS):
            trial = hillstrom_trial(path, mail, split)
            found = learn(trial) | peers.predictions(f"hillstrom_{mail.split()[0]}_{split}")
            del found[base]
            found["rule: bought women's goods"] = trial.X_test["womens"].to_numpy(dtype=np.float64)
            response = PropensityModel().fit(trial.X, trial.y)
            found["response model"] = response.predict_proba(trial.X_test)[:, 1]
            for name, uplift in found.items():
                scores[name].append(sklift_qini_auc_score(trial.y_test, uplift, trial.treated_test))
        table = {name: {"mean": float(np.mean(s)), "splits": s} for name, s in scores.items()}
        result[mail] = dict(sorted(table.items(), key=lambda item: -item[1]["mean"]))
    return result


def hillstrom_aims(table: Mapping[str, Any], default: str) -> list[dict[str, Any]]:
    """Return the aims on Hillstrom's mails."""
    return [
        aim(f"{mail}: the default's qini_auc", table[mail][default]["mean"], bound, at_most=False)
        for mail, bound in zip(MAILS, (0.057, 0.016), strict=True)
    ]
