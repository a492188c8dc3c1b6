"""What `benchmarks.serving` serves: a simulated shop of any size, and models in use that a small one has taught."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.served import AS_OF, CAMPAIGN, GOAL, TASKS
from penchant.config import load_config
from penchant.features.catalogue import task_of
from penchant.features.matrix import FeatureMatrix, build
from penchant.features.outcomes.labels import label
from penchant.features.shop import Shop, open_shop
from penchant.features.spine import Spine
from penchant.models import plain_scorer
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.evaluation.reference import REFERENCE, describe
from penchant.models.inputs.arrays import Floats
from penchant.models.store import artifact
from penchant.models.store.artifact import CODE
from penchant.models.store.registry import Record, Registry
from penchant.models.uplift.stack import UpliftStack
from penchant.output import write_json
from penchant.simulate import SimulationSettings, simulate

ENDS_AT = datetime(2026, 1, 1, tzinfo=UTC)
ARM = "reminder"
LEARNED_AT = datetime(2025, 9, 20)
HORIZON_DAYS = 60
TEACHERS = 6_000  # customers of the small shop
FEWEST_PER_LEAF = 30
TABLES = ("orders", "interactions", "customers", "items", "campaigns", "assignments", "calendar")


def write_shop(folder: Path, n_customers: int, days: int, threads: int, memory: str, seed: int = 1) -> None:
    """Write a simulated shop, its configuration, and one campaign at ``AS_OF`` that drew everyone known by then."""
    starts_at = ENDS_AT - timedelta(days=days)
    settings = SimulationSettings(n_customers, seed, starts_at, ENDS_AT, pace_days=days)
    simulate(settings, folder / "data")
    _add_campaign(folder / "data", seed)
    tables = "\n".join(f'[tables.{name}]\npath = "{name}.parquet"' for name in TABLES)
    engine = f'[engine]\nthreads = {threads}\nmemory_limit = "{memory}"\n'
    (folder / "penchant.toml").write_text(f'[shop]\nname = "big"\n{engine}{tables}\n')
    (folder / "crm.toml").write_text('address = "duckdb://crm.duckdb"\ntable = "sends"\n')


def _add_campaign(data: Path, seed: int) -> None:
    """Add a campaign whose arms were drawn by lot, after everything that scores and audiences may look at."""
    people = pd.read_parquet(data / "customers.parquet", columns=["customer_id", "registered_at"])
    known = pd.to_datetime(people["registered_at"]).dt.tz_localize(None) < pd.Timestamp(AS_OF)
    ids = people.loc[known.to_numpy(bool, na_value=False), "customer_id"]
    held = np.random.default_rng(seed).random(len(ids)) < 0.5
    rows = pd.DataFrame({"campaign_id": CAMPAIGN, "customer_id": ids.to_numpy()})
    rows["arm"] = np.where(held, "control", "email")
    rows["assigned_at"] = pd.Timestamp(AS_OF)
    rows["wave"], rows["probability"] = 1, 0.5
    rows["contacted_at"] = rows["assigned_at"].where(~held) + pd.Timedelta(hours=9)
    _append(data / "assignments.parquet", rows)
    _append(data / "campaigns.parquet", pd.DataFrame({"campaign_id": [CAMPAIGN], "goal": [GOAL]}))


def _append(path: Path, rows: pd.DataFrame) -> None:
    """Add rows to a file; columns that they do not have stay empty."""
    there = pq.read_table(path)
    more = pa.table(
        {
            field.name: pa.array(rows[field.name], from_pandas=True).cast(field.type)
            if field.name in rows
            else pa.nulls(len(rows), field.type)
            for field in there.schema
        }
    )
    pq.write_table(pa.concat_tables([there, more]), path)


def write_champions(folder: Path, days: int, threads: int, memory: str) -> None:
    """Teach three propensities and an uplift on a small shop, and put them in use: as large as real ones."""
    small = folder / "small"
    write_shop(small, TEACHERS, days, threads, memory, seed=2)
    (small / "no_artifacts").mkdir()
    with open_shop(load_config(small / "penchant.toml"), small / "data", checked=False) as shop:
        for name in TASKS:
            _teach_propensity(shop, name, small)
        _teach_uplift(shop, small)


def _teach_propensity(shop: Shop, name: str, small: Path) -> None:
    labels = label(shop, task_of(shop.config, name), LEARNED_AT, 0, HORIZON_DAYS).frame
    matrix = build(shop, Spine.of(shop, labels[["customer_id", "as_of"]]))
    outcome = _in_order(matrix, labels)["label"]
    model = PropensityModel(n_folds=3).fit(_signals(matrix), outcome.astype(int))
    artifact.save(model, small / name / "model", {"task": name, "gap_days": 0, **_facts(matrix)})
    _write_reference(small / name / "model", matrix, model.predict_proba(_signals(matrix))[:, 1])
    _register(_record(name, small, matrix), folder=small)


def _teach_uplift(shop: Shop, small: Path) -> None:
    """Teach the stack on arms drawn by lot, which change a third of what would come of itself."""
    labels = label(shop, task_of(shop.config, "repurchase"), LEARNED_AT, 0, HORIZON_DAYS).frame
    matrix = build(shop, Spine.of(shop, labels[["customer_id", "as_of"]]))
    rng, outcome = np.random.default_rng(0), _in_order(matrix, labels)["label"].to_numpy(int)
    treated = rng.random(len(outcome)) < 0.5
    came = np.where(treated, outcome | (rng.random(len(outcome)) < 0.1), outcome)
    model = UpliftStack().fit(_signals(matrix), came, np.where(treated, ARM, "control"), p_treatment=0.5)
    name = f"uplift.{GOAL}"
    facts = {"task": "uplift", "goal": GOAL, "arms": [ARM], **_facts(matrix)}
    artifact.save(model, small / name / "model", facts)
    _write_reference(small / name / "model", matrix, model.predict_uplift(_signals(matrix)).ravel())
    effect = {"average_effect": 100.0, "average_effect_low": 70.0, "average_effect_high": 130.0}
    record = replace(_record(name, small, matrix), metrics=effect, scorer=CODE, output="uplift")
    _register(record, folder=small)


def _write_reference(folder: Path, matrix: FeatureMatrix, scores: Floats) -> None:
    """Write what `penchant monitor` compares with, as a training does."""
    write_json(folder / REFERENCE, describe(_signals(matrix), scores))


def _in_order(matrix: FeatureMatrix, labels: pd.DataFrame) -> pd.DataFrame:
    """Return labels in the order of the matrix."""
    return matrix.frame[["customer_id"]].merge(labels, on="customer_id", how="left")


def _signals(matrix: FeatureMatrix) -> pd.DataFrame:
    return matrix.frame[[column.name for column in matrix.columns]]


def _facts(matrix: FeatureMatrix) -> dict[str, object]:
    return {"horizon_days": HORIZON_DAYS, "signals": [asdict(column) for column in matrix.columns]}


def _record(name: str, small: Path, matrix: FeatureMatrix) -> Record:
    inputs = {column.name: "string" if column.dtype == "category" else "double" for column in matrix.columns}
    code = Path(plain_scorer.__file__)
    return Record(f"big.{name}", {}, {}, {}, small / "no_artifacts", small / name / "model", code, inputs)


def _register(record: Record, *, folder: Path) -> None:
    Registry(folder.parent / "mlruns").log(record)
