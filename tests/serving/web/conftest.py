"""A page over a small shop: prepared, scored, with one drawn wave and one measured campaign."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from penchant.output import replaced_folder
from penchant.serving.score.run import score
from penchant.serving.web.app import create_app
from penchant.serving.web.names import READY
from penchant.serving.web.prepare import prepare
from penchant.serving.web.settings import WebSettings

ESTIMATE = {"value": 0.02, "low": 0.01, "high": 0.03}
RESULT = {
    "label": "within 30 days", "days": 30, "n_treated": 100, "n_control": 50, "response_treated": ESTIMATE,
    "response_control": ESTIMATE, "difference": ESTIMATE, "incremental": {"orders": ESTIMATE, "profit": ESTIMATE},
}  # fmt: skip
MEASURED = {
    "campaign": {"campaign_id": "spring", "goal": "retain"}, "first_at": "2025-01-01T00:00:00", "headline": RESULT,
    "verdict": {
        "word": "worked", "paid": "It paid: +310 (+120 to +500) EUR of incremental profit.",
        "text": "2.00% of the customers assigned to treatment responded within 30 days, 1.00% of the control: a "
        "difference of +1.00 points (+0.20 to +1.80), behaviour before the campaign taken into account.",
    }, "windows": [RESULT],
    "breakdowns": [{"by": "stage", "rows": [{**RESULT, "label": "loyal"}]}],
    "checks": [{"code": "one-arm", "title": "Everyone has one arm in each wave", "outcome": "passed",
                "explanation": "Nobody has two rows in a wave.", "facts": {"n": 0}}],
}  # fmt: skip
MOVED = {"by_chance": 0.02, "missing_before": 0.0, "missing": 0.0, "unseen": None, "usual_before": 20.0, "usual": 48.0}
MONITOR = {
    "as_of": "2025-01-01T00:00:00", "failed": True, "faults": ["churn: the scores have drifted (PSI 0.61)"],
    "thresholds": {"score_stability": 0.25, "signal_stability": None, "unseen": 0.05, "missing": 0.2, "promise": 0.1},
    "scores": [{"task": "churn", "model": "small.churn@1", "n_customers": 240, "psi": 0.61, "by_chance": 0.02,
                "n_moved": 1, "usual_before": 0.41, "usual": 0.58}],
    "signals_churn": [
        {**MOVED, "signal": "days_since_last_purchase", "psi": 0.9},
        {**MOVED, "signal": "n_opened_email_30d", "psi": 0.1, "missing": 0.5},
        {**MOVED, "signal": "price_tier", "psi": 0.1, "unseen": 0.2, "usual_before": None, "usual": None},
    ],
    "promises": [{"task": "churn", "scored": "2024-10-01", "model": "small.churn@1", "verdict": "promised too much",
                  "word": "promised too much", "promised": 0.4, "came": {"value": 0.2, "low": 0.1, "high": 0.3},
                  "as_of": "2024-10-01T00:00:00", "n_customers": 240, "kind": "probability", "is_broken": True}],
}  # fmt: skip
CHECKED = {
    "failed": False, "faults": [], "extract_end": "2025-01-01T00:00:00",
    "tables": {"orders": {
        "files": ["orders.csv"], "n_read": 900, "n_excluded": 0, "n_set_aside": 3, "n_accepted": 897,
        "columns": {"customer_id": "customer"}, "findings": [
            {"rule": "far_time", "title": "a few events are dated further from all others than these span",
             "column": "ordered_at", "severity": "set_aside", "n_rows": 3,
             "detail": "all others are from 2024-01-01 to 2024-12-31"}],
    }},
}  # fmt: skip
CARD = {
    "predicts": "no paid order", "for": "Whoever was eligible for 'churn' at a snapshot: 700 rows up to 2024-10-01.",
    "horizon_days": 30, "rows": {"train": 500, "test": 200}, "signals": 90, "by_stage": [],
    "quality": {"auc": {"value": 0.8, "low": 0.7, "high": 0.9}},
    "checks": [{"title": "Predictions come true", "outcome": "passed",
                "explanation": "Predictions were right on average (+3 %, -1 to +7); the curve is off by 0.012."}],
    "not_for": ["Days other than those of its horizon: train a model for those."],
    "calibration": "Predictions were right on average (+3 %, -1 to +7).",
}  # fmt: skip
MODEL = {"name": "small.churn", "version": 2, "aliases": ["challenger"], "tags": {}, "card": CARD, "pictures": []}


@pytest.fixture(scope="session")
def web_settings(small: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> WebSettings:
    """Return the settings of a page whose results are all there."""
    root = tmp_path_factory.mktemp("web")
    out = root / "out" / "small"
    with small.shop() as shop:
        prepare(shop, out / "web" / READY, {"step": "prepare"})
        champions = small.champions(small.write_champions(shop, root / "models"))
        manifest = {"step": "score", "as_of": small.AS_OF.isoformat()}
        (root / "work").mkdir()
        with replaced_folder(out / "score", manifest) as place:
            manifest["tasks"] = score(shop, champions, small.AS_OF, place, root / "work").tasks  # type: ignore[assignment]
        config = shop.config
    wave = out / "audience" / "spring" / "wave-1"
    wave.mkdir(parents=True)
    pd.DataFrame({"customer_id": ["c0001"], "arm": ["email"]}).to_parquet(wave / "assignments.parquet")
    (wave / "send_list.csv").write_text("customer_id\nc0001\n", encoding="utf-8")
    told = {"campaign_id": "spring", "wave": 1, "as_of": "2025-01-01T00:00:00", "goal": {"name": "retain"}}
    told |= {"n_candidates": 240, "n_eligible": 100, "excluded": {"opted out": {"customers": 3}}}
    (wave / "manifest.json").write_text(json.dumps({"audience": told, "files": []}), encoding="utf-8")
    (out / "measure").mkdir()
    (out / "measure" / "manifest.json").write_text("{}", encoding="utf-8")
    (out / "measure" / "measurement.json").write_text(json.dumps(MEASURED), encoding="utf-8")
    for folder, name, values in (
        ("monitor", "monitor.json", MONITOR), ("monitor", "manifest.json", {}),
        ("check", "manifest.json", {"report": CHECKED}), ("web/ready", "models.json", {"models": [MODEL]}),
    ):  # fmt: skip
        (out / folder).mkdir(exist_ok=True)
        (out / folder / name).write_text(json.dumps(values), encoding="utf-8")
    (root / "penchant.toml").write_text("[shop]\nname = 'small'\n", encoding="utf-8")
    return WebSettings(config, root / "penchant.toml", root, out, root / "mlruns", requests_per_minute=100_000)


ClientOf = Callable[..., TestClient]


@pytest.fixture(scope="session")
def client_of(web_settings: WebSettings) -> ClientOf:
    """Return a function that makes a client of the page, with other settings where they are given."""

    def make(**changes: object) -> TestClient:
        return TestClient(create_app(replace(web_settings, **changes)), follow_redirects=False)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def client(client_of: ClientOf) -> TestClient:
    """Return a client on this machine, which may do everything."""
    return client_of()
