"""Whom does an e-mail bring to the shop? Hillstrom's trial of 2008, from the guards to a verdict in words.

python examples/hillstrom.py PATH/hillstrom.parquet

64,000 customers got one of two mails or none, by lot; the outcome is a visit within two weeks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from penchant.models import PropensityModel, UpliftStack, check_trial
from penchant.models.evaluation.qini import QiniComparison, compare_qini
from penchant.models.inputs.check import issues

FEATURES = ["recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "channel"]
CONTROL = "No E-Mail"
DEFAULT, RULE, RESPONSE = "uplift stack", "bought women's goods", "response model"


def main(path: Path) -> None:
    """Judge both mails."""
    customers = pd.read_parquet(path)
    for mail in ("Womens E-Mail", "Mens E-Mail"):
        print(f"\n{mail}\n{'=' * len(mail)}")
        judge(customers[customers.segment.isin([mail, CONTROL])].reset_index(drop=True))


def judge(trial: pd.DataFrame) -> None:
    """Check one mail's trial, learn on a half of it, measure on the other, and say what follows."""
    # 1. Guards: was the mail sent by lot, and are these customers enough to see anything?
    found = issues(check_trial(trial[FEATURES], trial.visit, trial.segment, control=CONTROL))
    print("Guards:", "nothing to object." if not found else "")
    for issue in found:
        print(f"  {issue}")

    # 2. Learn on one half.
    order = np.random.default_rng(0).permutation(len(trial))
    train, test = (trial.iloc[np.sort(half)] for half in np.array_split(order, 2))
    stack = UpliftStack(control=CONTROL).fit(train[FEATURES], train.visit, train.segment)
    print(f"Learned on {len(train):,}: {stack.describe()}")

    # 3. Measure on the other, beside two rules of thumb, on the same customers.
    response = PropensityModel().fit(train[FEATURES], train.visit)
    scores = {
        DEFAULT: stack.predict_uplift(test[FEATURES]),
        RULE: test.womens.to_numpy(),
        RESPONSE: response.predict_proba(test[FEATURES])[:, 1],
    }
    measured = compare_qini(test.visit, scores, test.segment, DEFAULT, control=CONTROL)
    print(f"Measured on {len(test):,}: extra visits per 1,000 customers over a list drawn by lot")
    for name, line in measured.items():
        print(f"  {name:21} {line.qini:+.1f}")

    # 4. The verdict.
    print("Verdict:", verdict(stack, measured))


def verdict(stack: UpliftStack, measured: dict[str, QiniComparison]) -> str:
    """Return what the numbers allow to be said."""
    (finding,) = stack.findings_.values()
    effect, ranking = finding.average_effect.scaled(1000), measured[DEFAULT].qini
    if not finding.average_effect.excludes_zero and not ranking.excludes_zero:
        return "No effect was found, and no customers for whom it is different: save the mail."
    size = f"{effect:+.0f} visits per 1,000 customers"
    works = f"The mail works: {size}."
    if effect.high < 0:
        works = f"The mail keeps customers away: {size}."
    elif effect.low <= 0:
        works = f"Whether it works for all taken together cannot be told: {size}."
    if ranking.low > 0:
        whom = "Who is influenced can be predicted, and the best-ranked should get it first."
    elif ranking.high < 0:
        whom = "The ranking is worse than chance: do not use it."
    else:
        whom = (
            "Whom it moves cannot be told from chance with these customers: send it to all, or to any, "
            "and choose by cost."
        )
    return " ".join((works, whom, *beside(measured)))


def beside(measured: dict[str, QiniComparison]) -> Iterator[str]:
    """Yield how the rules of thumb compare with the stack."""
    words = {
        "not separable": "Not separable from it: {}.",
        "better": "Better than it on these customers: {}.",
        "worse": "Worse than it: {}.",
    }
    for found, sentence in words.items():
        others = [name for name in (RULE, RESPONSE) if measured[name].verdict == found]
        if others:
            yield sentence.format(" and ".join(others))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
