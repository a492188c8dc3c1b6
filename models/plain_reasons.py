"""Say why a row got its score, given numpy and LightGBM alone: travels with a model beside `plain_scorer`.

``model.predict(table, params={"reasons": 3})`` gives the score and the three columns that raised it most, in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

REASONS = "reasons"  # the parameter, and the name of the columns before their number
THRESHOLD = "threshold"  # MLflow's model_config: classes are returned, 1 for probabilities above it
SCORES = {"propensity": "probability", "uplift": "uplift"}  # else an amount


class ServedModel:
    """A model as MLflow serves it: scores, and reasons where they are asked for.

    Parameters
    ----------
    scorer
        As `plain_scorer.read_model` returns it.
    spec
        What stands in model.json: its facts hold the signals' meaning.
    config
        MLflow's ``model_config``: with ``threshold`` above 0, classes in the place of probabilities, as its evaluation
        of classifiers wants them.
    """

    def __init__(self, scorer: Any, spec: Mapping[str, Any], config: Mapping[str, Any] | None = None) -> None:
        self.scorer = scorer
        self.threshold = float((config or {}).get(THRESHOLD) or 0)
        self.signals = {signal["name"]: signal for signal in spec.get("facts", {}).get("signals", ())}
        self.typical = spec["inputs"].get("typical", {})

    def predict(self, table: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return a score for each row; with ``params={"reasons": n}`` a data frame of the score and n reasons.

        Of an uplift there are no reasons: what moves it is not what raises one score. With a threshold the class.
        """
        score = self.scorer.predict(table)
        if self.threshold > 0 and SCORES.get(self.scorer.form) == "probability":
            return (score > self.threshold).astype(np.int64)
        n_reasons = int((params or {}).get(REASONS) or 0)
        if n_reasons <= 0 or self.scorer.form == "uplift":
            return score
        import pandas as pd  # MLflow brings it

        told = self.reasons(table, n_reasons)
        name = SCORES.get(self.scorer.form, "amount")
        columns = {f"reason_{place + 1}": [row[place] for row in told] for place in range(n_reasons)}
        return pd.DataFrame({name: score, **columns})

    def reasons(self, table: Any, n_reasons: int) -> list[list[str]]:
        """Return for each row the columns that raised its score most, in words; empty texts where fewer did."""
        added = self._added(table)
        names = np.array(self.scorer.inputs.names, dtype=object)
        order = np.argsort(-added, axis=1, kind="stable")[:, :n_reasons]
        values = {name: np.asarray(table[name], dtype=object) for name in {names[place] for place in order.ravel()}}
        return [
            [
                self._told(names[place], values[names[place]][row]) if added[row, place] > 0 else ""
                for place in np.pad(places, (0, n_reasons - len(places)), mode="edge")
            ]
            for row, places in enumerate(order)
        ]

    def _added(self, table: Any) -> npt.NDArray[np.float64]:
        """Return what each column adds to each row's score, on the scale on which columns add up: (n, columns)."""
        if hasattr(self.scorer, "added"):  # an estimator that was pickled
            return np.asarray(self.scorer.added(table))
        matrix, _ = self.scorer.inputs.read(table)
        rows = next(iter(self.scorer.filled(matrix)), matrix) if np.isnan(matrix).any() else matrix
        added = np.zeros(matrix.shape)
        for output in self.scorer.outputs:
            for term in output.terms:
                part = self.scorer.parts[term.part]
                if hasattr(part, "booster"):
                    found = np.asarray(part.booster.predict(rows, pred_contrib=True))
                    added += term.weight * found[:, : matrix.shape[1]]
                elif hasattr(part, "effects"):
                    for place, effect in part.effects(rows):
                        added[:, place] += term.weight * effect
        return added

    def _told(self, name: str, value: Any) -> str:
        """Return one column's value in words, as its declaration has them."""
        signal = self.signals.get(name, {})
        meaning = signal.get("meaning") or name
        if value is None or value != value:
            return signal.get("missing") or f"{meaning}: unknown"
        template = signal.get("reason") or ""
        if signal.get("unit") == "flag":
            value, is_yes = ("yes", True) if value else ("no", False)
            template = template if isinstance(template, str) else template[0 if is_yes else 1]
        if not isinstance(template, str):
            is_high = name in self.typical and not isinstance(value, str) and value >= self.typical[name]
            template = template[0 if is_high else 1]
        text = value.replace("_", " ") if isinstance(value, str) else value
        shown = text if isinstance(text, str) else f"{text:,.4g}"
        return _counted(template.format(value=text)) if template else f"{meaning}: {shown}"


def _counted(text: str) -> str:
    """Return a text that begins with a number of things as people say it of none and of one, as the lists do."""
    number, _, rest = text.partition(" ")
    if number == "0":
        return f"no {rest}"
    what, _, more = rest.partition(" ")
    if number != "1" or not what.endswith("s"):
        return text
    one = f"{what[:-3]}y" if what.endswith("ies") else what[:-2] if what.endswith("ches") else what[:-1]
    return f"1 {one} {more}".rstrip()
