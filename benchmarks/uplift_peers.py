"""The peers' uplift learners, run in an environment of their own.

    python -m venv PEERS && PEERS/bin/pip install causalml econml scikit-uplift
    PEERS/bin/python -m benchmarks.uplift_peers JOBS.json

A job names a trial and where its predictions go. Imports nothing of penchant. metalearners 0.13 is not among the
peers: it asks scikit-learn about classes in a way that 1.6 and later refuse, and the others need a later one.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks.uplift_data import (
    Case,
    Trial,
    as_numbers,
    hillstrom_trial,
    insurance_trial,
    make_trial,
    read_trial_files,
)

REGULARISED = {
    "n_estimators": 100,
    "num_leaves": 8,
    "learning_rate": 0.05,
    "min_child_samples": 100,
    "reg_lambda": 10,
    "subsample": 0.8,
    "subsample_freq": 1,
    "colsample_bytree": 0.8,
    "n_jobs": 1,
    "verbose": -1,
    "random_state": 0,
}
Predict = Callable[[Any, Any, Any, Any, Any], Any]  # X, treated, y, p, X_test -> uplift


def _classifier(**changed: Any) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(**{**REGULARISED, **changed})


def _regressor(**changed: Any) -> Any:
    from lightgbm import LGBMRegressor

    return LGBMRegressor(**{**REGULARISED, **changed})


def causalml_s(X: Any, w: Any, y: Any, p: Any, X_test: Any) -> Any:
    from causalml.inference.meta import BaseSRegressor

    model = BaseSRegressor(_regressor())
    model.fit(X, w, y)
    return model.predict(X_test)


def causalml_t(X: Any, w: Any, y: Any, p: Any, X_test: Any) -> Any:
    from causalml.inference.meta import BaseTClassifier

    model = BaseTClassifier(_classifier())
    model.fit(X, w, y)
    return model.predict(X_test)


def causalml_t_defaults(X: Any, w: Any, y: Any, p: Any, X_test: Any) -> Any:
    from causalml.inference.meta import BaseTClassifier
    from lightgbm import LGBMClassifier

    model = BaseTClassifier(LGBMClassifier(n_jobs=1, verbose=-1, random_state=0))
    model.fit(X, w, y)
    return model.predict(X_test)


def causalml_x(X: Any, w: Any, y: Any, p: Any, X_test: Any) -> Any:
    from causalml.inference.meta import BaseXClassifier

    model = BaseXClassifier(outcome_learner=_classifier(), effect_learner=_regressor())
    model.fit(X, w, y, p=p)
    return model.predict(X_test, p=np.full(len(X_test), p.mean()))


def causalml_r(X: Any, w: Any, y: Any, p: Any, X_test: Any) -> Any:
    from causalml.inference.meta import BaseRRegressor

    model = BaseRRegressor(_regressor(), random_state=0)
    model.fit(X, w, y, p=p)
    return model.predict(X_test)


def causalml_dr(X: Any, w: Any, y: Any, p: Any, X_test: Any) -> Any:
    from causalml.inference.meta import BaseDRRegressor

    model = BaseDRRegressor(_regressor())
    model.fit(X, w, y, p=p)
    return model.predict(X_test)


def econml_linear_dr(X: Any, w: Any, y: Any, p: Any, X_test: Any) -> Any:
    from econml.dr import LinearDRLearner
    from sklearn.dummy import DummyClassifier

    model = LinearDRLearner(model_propensity=DummyClassifier(), model_regression=_regressor(), random_state=0)
    return model.fit(y, w, X=X).effect(X_test)


def econml_causal_forest(X: Any, w: Any, y: Any, p: Any, X_test: Any) -> Any:
    from econml.dml import CausalForestDML
    from sklearn.dummy import DummyClassifier

    known = DummyClassifier() if np.ptp(p) == 0 else _classifier()
    model = CausalForestDML(model_y=_regressor(), model_t=known, discrete_treatment=True, random_state=0, n_jobs=1)
    return model.fit(y, w, X=X).effect(X_test)


def sklift_transformed(X: Any, w: Any, y: Any, p: Any, X_test: Any) -> Any:
    from sklift.models import ClassTransformation

    model = ClassTransformation(_classifier())
    return model.fit(X, y.astype(int), w.astype(int)).predict(X_test)


PEERS: dict[str, Predict] = {
    "CausalML S": causalml_s,
    "CausalML T": causalml_t,
    "CausalML T (LightGBM's defaults)": causalml_t_defaults,
    "CausalML X": causalml_x,
    "CausalML R": causalml_r,
    "CausalML DR": causalml_dr,
    "EconML LinearDR": econml_linear_dr,
    "EconML CausalForestDML": econml_causal_forest,
    "scikit-uplift transformation": sklift_transformed,
}


def read_trial(spec: dict[str, Any]) -> Trial:
    """Return the trial that a job names."""
    if "mail" in spec:
        return hillstrom_trial(Path(spec["hillstrom"]), spec["mail"], spec["seed"], spec.get("outcome", "visit"))
    if "insurance" in spec:
        return insurance_trial(Path(spec["insurance"]), spec["seed"])
    if "files" in spec:
        return read_trial_files(Path(spec["files"]))
    return make_trial(Case(**spec["case"]), spec["seed"])


def file_of(folder: Path, key: str, peer: str) -> Path:
    """Return where a peer's predictions for a trial are kept."""
    return folder / f"{key}__{''.join(letter for letter in peer if letter.isalnum())}.npy"


def run(job: dict[str, Any]) -> None:
    """Write the predictions of a job's peers; what is there already stays."""
    wanted = {name: file_of(Path(job["folder"]), job["key"], name) for name in job["peers"]}
    wanted = {name: file for name, file in wanted.items() if not file.is_file()}
    if not wanted:
        return
    trial = read_trial(job["trial"])
    X, X_test = as_numbers(trial.X, trial.X_test)
    for name, file in wanted.items():
        start = time.process_time()
        try:
            uplift = np.ravel(PEERS[name](X, trial.treated, trial.y, trial.p, X_test))
        except ImportError as fault:
            print(f"{name} left out: {fault}", file=sys.stderr)
            continue
        np.save(file, uplift.astype(np.float32))
        print(f"{job['key']} {name} {time.process_time() - start:.1f} s", file=sys.stderr, flush=True)


def speed(spec: dict[str, Any]) -> None:
    """Fit one peer on the large table and print CPU seconds, peak memory and the error of the effect."""
    data = np.load(spec["data"])
    X, w, y, effect = (data[name] for name in ("X", "treated", "y", "effect"))
    print(json.dumps(fit_large(spec["peer"], X, w, y, effect)))


def fit_large(peer: str, X: Any, w: Any, y: Any, effect: Any) -> dict[str, float]:
    """Return what fitting and scoring take with 100 trees of 31 leaves on one thread."""
    from causalml.inference.meta import BaseDRRegressor, BaseTClassifier, BaseXClassifier
    from lightgbm import LGBMClassifier, LGBMRegressor

    same = {"n_estimators": 100, "num_leaves": 31, "n_jobs": 1, "verbose": -1, "random_state": 0}
    p = np.full(len(X), 0.5)
    models = {
        "T": lambda: BaseTClassifier(LGBMClassifier(**same), control_name=0),
        "X": lambda: BaseXClassifier(LGBMClassifier(**same), LGBMRegressor(**same), control_name=0),
        "DR": lambda: BaseDRRegressor(LGBMRegressor(**same), control_name=0),
    }
    model, known = models[peer](), {} if peer == "T" else {"p": p}
    start = time.process_time()
    model.fit(X, w.astype(int), y, **known)
    fitted = time.process_time()
    uplift = np.ravel(model.predict(X, **known))
    scored = time.process_time()
    error = float(np.sqrt(np.mean((uplift - effect) ** 2)))
    return {"fit": fitted - start, "predict": scored - fitted, "error": error}


def main() -> None:
    """Run the jobs of a file, one after the other; what is there already stays."""
    warnings.filterwarnings("ignore")
    jobs = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if isinstance(jobs, dict):
        speed(jobs)
        return
    for job in jobs:
        run(job)


if __name__ == "__main__":
    main()
