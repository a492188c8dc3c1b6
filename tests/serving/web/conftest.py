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
from penchant.serving.web.prepare import READY, prepare
from penchant.serving.web.settings import WebSettings

ESTIMATE = {"value": 0.02, "low": 0.01, "high": 0.03}
RESULT = {
    "label": "within 30 days", "days": 30, "n_treated": 100, "n_control": 50, "response_treated": ESTIMATE,
    "response_control": ESTIMATE, "difference": ESTIMATE, "incremental": {"orders": ESTIMATE, "profit": ESTIMATE},
}  # fmt: skip
MEASURED = {
    "campaign": {"campaign_id": "spring", "goal": "retain"}, "first_at": "2025-01-01T00:00:00", "headline": RESULT,
    "verdict": {"word": "worked", "text": "It worked.", "paid": "It paid."}, "windows": [RESULT],
    "breakdowns": [{"by": "stage", "rows": [{**RESULT, "label": "loyal"}]}],
    "checks": [{"title": "Arms", "outcome": "passed", "explanation": "as planned"}],
}  # fmt: skip


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
