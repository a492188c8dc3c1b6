"""The API for programs: described, scored live, in pages, without a request that breaks it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from penchant.serving.score.champion import Champion
from penchant.serving.web import live
from penchant.serving.web.access import add_token, remove_token
from penchant.serving.web.app import API
from penchant.serving.web.jobs import Job, Jobs
from penchant.serving.web.live import MOST_LIVE_ROWS
from penchant.serving.web.settings import WebSettings


@pytest.mark.slow
def test_no_described_request_breaks_it(client: TestClient) -> None:
    """Whatever follows the description, and whatever nearly does, is answered or refused in words."""
    described = schemathesis.openapi.from_asgi(f"{API}/openapi.json", client.app)
    tried = []
    for operation in (found.ok() for found in described.get_all_operations()):
        for mode in GenerationMode:

            @settings(
                max_examples=3,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=[*HealthCheck],
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def holds(case: schemathesis.Case) -> None:
                answer = case.call()
                assert answer.status_code < 500, case.as_curl_command()
                if answer.status_code >= 400 and case.path.startswith(API):
                    assert answer.headers["content-type"] == ["application/problem+json"], case.as_curl_command()

            with suppress(Unsatisfiable):  # what takes no parameters cannot be asked wrongly
                holds()
        tried.append(operation.label)
    assert len(tried) > 20


class InUse:
    """A champion as the store remembers it."""

    def __init__(self, folder: Path, version: str) -> None:
        self.folder, self.version = folder, version


@pytest.fixture
def in_use(
    web_settings: WebSettings, small: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, Champion]:
    """Let the page find the small shop's models; return them by name."""
    root = web_settings.shop_file.parent / "models"
    places = {path.name: path for path in root.iterdir() if path.is_dir()}
    found = {
        f"small.{name}": InUse(shutil.copytree(path, tmp_path / name), f"small.{name}/1")
        for name, path in places.items()
    }
    monkeypatch.setattr(live, "models_in_use", lambda _store: found)
    return {name: Champion.load(path, f"small.{name}/1") for name, path in places.items()}


def test_given_signals_are_scored_as_the_model_scores_them(client: TestClient, in_use: Mapping[str, Champion]) -> None:
    told = client.get(f"{API}/score/churn").json()
    champion = in_use["churn"]
    assert [one["name"] for one in told["signals"]] == [column.name for column in champion.columns]
    numbers = [one["name"] for one in told["signals"] if one["dtype"] != "string"][:3]
    rows = [dict.fromkeys(numbers, 2.0), dict.fromkeys(numbers[:1], 300.0), {}]
    answer = client.post(f"{API}/score/churn", json={"rows": rows}).json()
    assert answer["model"] == "small.churn/1"
    frame = live._frame(champion, rows)
    signals = frame[[column.name for column in champion.columns]]
    with pytest.warns(UserWarning, match="missing"):
        expected = champion.model.predict_proba(signals)[:, 1]
    name = champion.scores[0]
    np.testing.assert_allclose([row[name] for row in answer["rows"]], expected)
    assert all(isinstance(row["reasons"], list) for row in answer["rows"])


@pytest.mark.parametrize(
    ("model", "rows", "status", "message"),
    [
        ("churn", [{"n_purchase": 1}], 400, "Did you mean"),
        ("churn", [{"n_purchases": "many"}], 400, "a number"),
        ("churn", [], 422, "at least 1"),
        ("churn", [{}] * (MOST_LIVE_ROWS + 1), 422, "at most"),
        ("churns", [{}], 404, "Did you mean 'churn'?"),
    ],
)
@pytest.mark.usefixtures("in_use")
def test_what_cannot_be_scored_is_refused_in_words(
    client: TestClient, model: str, rows: list[dict[str, object]], status: int, message: str
) -> None:
    answer = client.post(f"{API}/score/{model}", json={"rows": rows})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert message in answer.json()["detail"]


def test_the_latest_scores_come_for_a_batch_of_customers(client: TestClient) -> None:
    listed = [row["customer_id"] for row in client.get(f"{API}/lists?limit=3").json()["rows"]]
    told = client.post(f"{API}/scores", json={"customer_ids": [*listed, "nobody"]}).json()
    assert list(told["customers"]) == [*listed, "nobody"]
    assert told["customers"]["nobody"] == {}
    for one in listed:
        assert told["customers"][one] == client.get(f"{API}/customers/{one}").json()["scores"]


def test_a_key_that_was_used_for_another_request_is_refused(client: TestClient) -> None:
    headers = {"Idempotency-Key": "of-one-thing"}
    first = client.post(f"{API}/jobs", json={"kind": "check"}, headers=headers)
    again = client.post(f"{API}/jobs", json={"kind": "check"}, headers=headers)
    other = client.post(f"{API}/jobs", json={"kind": "monitor"}, headers=headers)
    assert first.json() | {"state": ""} == again.json() | {"state": ""}
    assert other.status_code == 400
    assert "another request" in other.json()["detail"]


def test_lists_of_things_come_in_pages(client: TestClient) -> None:
    for path in ("jobs", "campaigns", "lists"):
        told = client.get(f"{API}/{path}?limit=1&offset=0").json()
        assert (told["offset"], told["limit"]) == (0, 1)
        assert told["total"] >= 0
        assert client.get(f"{API}/{path}?limit=100000").status_code == 400


def test_a_tag_changes_with_whatever_is_shown_and_with_who_asks(
    client_of: Callable[..., TestClient], web_settings: WebSettings
) -> None:
    client, conditions = client_of(), {"conditions": ["n_purchases:at_least:2"]}
    client.app.state.site.ready.LASTS = 0.0
    before = client.get(f"{API}/audience").headers["ETag"]
    assert client.get(f"{API}/audience", headers={"If-None-Match": f'W/"x", {before}'}).status_code == 304
    client.put(f"{API}/crowds/tagged", json=conditions)
    assert client.get(f"{API}/audience").headers["ETag"] != before
    client.put(f"{API}/crowds/tagged", json={"conditions": []})
    secrets = {scope: add_token(web_settings.folder, scope, scope) for scope in ("read", "operate")}
    tags = {
        client.get(f"{API}/audience", headers={"Authorization": f"Bearer {secret}"}).headers["ETag"]
        for secret in secrets.values()
    }
    for scope in secrets:
        remove_token(web_settings.folder, scope)
    assert len(tags) == 2


def test_addresses_are_described_with_what_they_take(client: TestClient) -> None:
    paths = client.get(f"{API}/openapi.json").json()["paths"]
    named = {one["name"]: one["in"] for one in paths[f"{API}/lists"]["get"]["parameters"]}
    assert named == {"band": "query", "stage": "query", "offset": "query", "limit": "query"}
    assert paths[f"{API}/customers/{{customer_id}}"]["get"]["parameters"][0]["in"] == "path"


def test_a_bug_is_told_without_its_insides(
    client_of: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of()

    def broken(_self: Jobs) -> list[Job]:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(Jobs, "all", broken)
    outside = TestClient(client.app, raise_server_exceptions=False)
    answer = outside.get(f"{API}/jobs")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text
    assert "secret" not in outside.get("/jobs").text
    assert 'penchant_requests_total{status="500",view="fault"}' in outside.get("/metrics").text
