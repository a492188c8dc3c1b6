"""Which of three models tells best who buys again? A tutorial of the Python API on Online Retail II.

python examples/compare_models.py FOLDER_OF_ONLINE_RETAIL_II [FOLDER_FOR_MLFLOW]

Three models are asked, of every customer of a shop in September 2011, whether another order comes within 90 days:
penchant's as it is shipped, the same trees with LightGBM's own defaults, and one of our own from scikit-learn. They
learn from the same rows, are judged on the same later ones, and stand beside the same baselines.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from penchant import load_config
from penchant.features.shop import open_shop
from penchant.models.evaluation.comparison import compare
from penchant.models.evaluation.metrics import evaluate
from penchant.models.store.registry import Registry
from penchant.training.baselines import predicted
from penchant.training.fit import Recipe, fitted
from penchant.training.material import TaskData, task_data
from penchant.training.train import Trained, learn

HERE = Path(__file__).resolve().parent
TASK = "repurchase"
SHIPPED, PLAIN, OWN = "penchant", "LightGBM's defaults", "scikit-learn's boosting"
LIGHTGBM_DEFAULTS = {
    "learning_rate": 0.1,
    "num_leaves": 31,
    "min_sum_hessian_in_leaf": 1e-3,
    "lambda_l2": 0.0,
    "feature_fraction": 1.0,
    "bagging_fraction": 1.0,
    "max_bin": 255,
    "n_trees": 100,
}


def main(data: Path, store: Path) -> None:
    """Compare three models, and record the runs."""
    # 1. A shop: its files, as a penchant.toml describes them. Opening checks the contract.
    config = load_config(HERE / "online_retail.toml")
    with open_shop(config, data) as shop:
        # 2. Rows to learn from: signals and labels of snapshots in the past, and of a later one for the test.
        material = task_data(shop, TASK)
    plan = material.schedule
    print(f"{len(material.past):,} rows of {len(plan.train)} snapshots up to {plan.train[-1]:%Y-%m-%d},")
    print(f"judged on {len(material.test):,} rows of {plan.test:%Y-%m-%d}: {material.basis}\n")

    # 3. Our own model: anything that gives probabilities will do.
    own = own_model(material)

    # 4. The shipped model, beside our own and all baselines, with paired intervals over customers.
    shipped = learn(material, beside={OWN: own})
    show(shipped)

    # 5. The same trees by another recipe. All three predict the same rows, so they can be compared.
    plain = fitted(material.task, material.past, material.seed, Recipe(LIGHTGBM_DEFAULTS))
    features = material.test.features
    scores = {SHIPPED: predicted(shipped.judged, features), PLAIN: predicted(plain, features), OWN: own}
    print("\nThe three models, against the shipped one:")
    found = compare(material.test.label, scores, SHIPPED, groups=material.test.customer_id)
    for name, by_metric in found.items():
        print(f"  {name:26} {by_metric['auc']}")
        print(f"  {'':26} {by_metric['log_loss']}")

    # 6. Record what came, for `mlflow ui` and for next week.
    registry = Registry(store)
    for name, score in scores.items():
        numbers = evaluate(material.test.label, score, groups=material.test.customer_id)
        registry.log_run(f"tutorial.{TASK}", shipped.facts(), numbers, {"mlflow.runName": name})
    print(f"\nRecorded: mlflow ui --backend-store-uri {registry.address}")
    print("Verdict:", verdict({name: by_metric["auc"].verdict for name, by_metric in found.items()}))


def own_model(material: TaskData) -> np.ndarray:
    """Return the probabilities of a model of our own for the test's rows."""
    numbers = material.past.features.select_dtypes(["number", "bool"]).columns
    model = HistGradientBoostingClassifier(max_leaf_nodes=8, learning_rate=0.05, random_state=0)
    model.fit(material.past.features[numbers].astype(float), material.past.label)
    return np.asarray(model.predict_proba(material.test.features[numbers].astype(float))[:, 1])


def show(trained: Trained) -> None:
    """Print the leaderboard: numbers with intervals, and what they allow to be said."""
    rows = {SHIPPED: {"auc": str(trained.board.metrics["auc"]), "penchant against it": ""}}
    for name, numbers in trained.board.baselines.items():
        against = trained.board.comparisons[name]["auc"]
        rows[name] = {"auc": str(numbers["auc"]), "penchant against it": against.verdict}
    print(pd.DataFrame(rows).T.to_string())
    print("\nBefore it is believed:")
    for check in trained.checks:
        if check.is_issue:
            print(f"  issue: {check.title}? No: {check.explanation}")


def verdict(against_shipped: dict[str, str]) -> str:
    """Return which of the three to take."""
    better = [name for name, found in against_shipped.items() if found == "better"]
    worse = [name for name, found in against_shipped.items() if found == "worse"]
    if better:
        return f"{' and '.join(better)} rank these customers better than the shipped model: look at why."
    if len(worse) == len(against_shipped):
        return "The shipped model ranks these customers better than both others."
    beaten = f" It is better than {worse[0]}." if worse else ""
    return f"No model is better than the shipped one on these customers.{beaten}"


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) == 3 else "mlruns"))
