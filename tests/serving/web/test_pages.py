"""Each page is shown in both languages, says what its JSON twin says, and carries what a browser needs to be safe."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penchant.serving.plan.file import load_plan
from penchant.serving.web.actions import ACTIONS
from penchant.serving.web.app import API
from penchant.serving.web.prepare import CUSTOMERS_FILE
from penchant.serving.web.settings import LANGUAGES, WebSettings
from penchant.serving.web.views import VIEWS, PageView
from penchant.serving.web.words import catalogue, language_of

HOME = Path(__file__).resolve().parents[3] / "serving" / "web"
PATHS = [view.path for view in VIEWS if "{" not in view.path]
PATHS += ["/customers/c0001", "/campaigns/spring", "/crowd?c=stage:is:loyal", "/lists?limit=5"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PATHS)
def test_each_page_is_shown_in_each_language(client: TestClient, path: str, language: str) -> None:
    answer = client.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert "onclick" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", PATHS)
def test_each_page_has_a_twin_in_json(client: TestClient, path: str) -> None:
    answer = client.get(API + (path if path != "/" else "/home"))
    assert answer.status_code == 200
    assert isinstance(answer.json(), dict)


def test_every_text_of_a_template_is_translated_and_no_translation_is_left_over() -> None:
    english, chinese = (catalogue(language) for language in LANGUAGES)
    assert set(english) == set(chinese)
    assert all(text.strip() for text in (*english.values(), *chinese.values()))
    templates = "".join(path.read_text(encoding="utf-8") for path in (HOME / "templates").glob("*.html"))
    keys = set(re.findall(r"""\bt\(["']([^"']+?)["'][,)]""", templates))
    assert keys <= set(english)
    assert {f"page.{view.name}" for view in VIEWS} <= set(english)
    assert {f"do.{kind}" for kind in ACTIONS} <= set(english)
    said = {key for key in english if "." not in key}
    assert {key for key in said if f'"{key}"' not in templates and f"'{key}'" not in templates} == {"interval"}


def test_texts_take_the_same_values_in_both_languages() -> None:
    english, chinese = (catalogue(language) for language in LANGUAGES)
    for key, text in english.items():
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", chinese[key])), key


def test_the_browser_chooses_the_language_and_the_reader_may_choose_another() -> None:
    assert language_of("zh-CN,zh;q=0.9") == "zh"
    assert language_of("fr,de") == "en"
    assert language_of("zh", chosen="en") == "en"


def test_a_crowd_is_who_the_conditions_hold_for(client: TestClient, web_settings: WebSettings) -> None:
    frame = pq.read_table(web_settings.folder / "ready" / CUSTOMERS_FILE).to_pandas()
    inside = frame[(frame.stage == "regular") & (frame.n_purchases >= 3)]
    told = client.get(f"{API}/crowd?c=stage:is:regular&c=n_purchases:at_least:3").json()
    assert told["n_customers"] == len(inside) > 0
    assert told["n_all"] == len(frame)
    assert told["expression"] == "stage = 'regular' and n_purchases >= 3"
    assert {row["customer_id"] for row in told["rows"]} <= set(inside.customer_id)
    shares = {row["value"]: row for row in told["profile"]["stage"]}
    assert shares["regular"]["share"] == 1.0
    assert shares["regular"]["index"] == pytest.approx(100 / (frame.stage == "regular").mean())


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("stag:is:loyal", "Did you mean 'stage'?"),
        ("stage:at_least:3", "is or is_not"),
        ("n_purchases:at_least:many", "a number"),
        ("n_purchases:is:nan", "a finite number"),
        ("customer_id:is:c0001", "a column of the prepared customers"),
    ],
)
def test_a_condition_that_is_none_is_refused_in_words(client: TestClient, condition: str, message: str) -> None:
    answer = client.get(f"{API}/crowd", params={"c": condition})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert message in answer.json()["detail"]


def test_the_list_comes_in_pages_and_by_band(client: TestClient) -> None:
    first = client.get(f"{API}/lists?limit=5").json()
    second = client.get(f"{API}/lists?limit=5&offset=5").json()
    at_once = client.get(f"{API}/lists?limit=10").json()
    assert first["rows"] + second["rows"] == at_once["rows"]
    band = max(first["bands"], key=first["bands"].get)
    told = client.get(f"{API}/lists", params={"band": band}).json()
    assert told["total"] == first["bands"][band]
    assert {row["band"] for row in told["rows"]} == {band}
    assert client.get(f"{API}/lists?limit=0").status_code == 400
    assert client.get(f"{API}/lists?band=none").status_code == 400


def test_a_customer_is_told_whole_or_not_found(client: TestClient) -> None:
    listed = client.get(f"{API}/lists?limit=1").json()["rows"][0]
    told = client.get(f"{API}/customers/{listed['customer_id']}").json()
    assert told["scores"]["churn"]["churn_probability"] == listed["churn_probability"]
    assert [event["at"] for event in told["events"]] == sorted((one["at"] for one in told["events"]), reverse=True)
    assert client.get("/customers/find?customer_id=a%2Fb").headers["location"] == "/customers/a%2Fb"
    assert client.get("/customers/nobody").status_code == 404
    assert client.get(f"{API}/customers/nobody").json()["status"] == 404


def test_what_did_not_change_is_not_sent_again(client: TestClient) -> None:
    first = client.get(f"{API}/customers")
    again = client.get(f"{API}/customers", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_a_text_of_the_shop_never_becomes_markup(client: TestClient) -> None:
    text = client.get("/crowd", params={"c": "stage:is:<b>x</b>"}).text
    assert "<b>x</b>" not in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text


QUERIES = st.dictionaries(
    st.sampled_from(["c", "limit", "offset", "band", "lang", "x"]), st.text(max_size=12), max_size=3
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(view=st.sampled_from(VIEWS), name=st.text(min_size=1, max_size=20), query=QUERIES, as_json=st.booleans())
def test_no_request_breaks_it(
    client: TestClient, view: PageView, name: str, query: dict[str, str], as_json: bool
) -> None:
    path = re.sub(r"{\w+}", quote(name, safe=""), view.path)
    answer = client.get((API if as_json else "") + (path if path != "/" or not as_json else "/home"), params=query)
    assert answer.status_code < 500


def test_health_readiness_and_metrics(client: TestClient) -> None:
    assert client.get("/health").json()["status"] == "ok"
    assert client.get("/ready").status_code == 200
    assert "penchant_request_seconds_bucket" in client.get("/metrics").text
    described = client.get(f"{API}/openapi.json").json()["paths"]
    assert {f"{API}{view.path}" for view in VIEWS if view.path != "/"} <= set(described)
    assert json.dumps(described)


def test_a_crowd_is_saved_by_name_and_a_plan_takes_it(client: TestClient, tmp_path: Path) -> None:
    conditions = ["stage:is:regular", "n_purchases:at_least:3"]
    assert client.put(f"{API}/crowds/good_ones", json={"conditions": conditions}).json() == {"good_ones": conditions}
    told = client.get(f"{API}/crowd", params={"c": conditions}).json()
    assert told["saved"] == {"good_ones": conditions}
    only_if = "".join(f"[[campaigns.only_if]]\n{one['toml']}\n" for one in told["conditions"])
    campaign = (
        '[[campaigns]]\nid = "a"\ngoal = "retain"\nstarts_at = 2025-11-01\noffers = ["hello"]\nchannels = ["email"]'
    )
    path = tmp_path / "plan.toml"
    path.write_text(
        f'[plan]\nname = "p"\n{campaign}\n{only_if}[channels.email]\n[offers.hello]\nkind = "reminder"\n',
        encoding="utf-8",
    )
    wheres = [section.where for section in load_plan(path).campaigns[0].only_if]
    assert [(one.column, one.is_in, one.at_least) for one in wheres] == [
        ("stage", ("regular",), None),
        ("n_purchases", (), 3.0),
    ]
    assert client.put(f"{API}/crowds/good_ones", json={"conditions": []}).json() == {}
    assert client.put(f"{API}/crowds/..%2Fx", json={"conditions": conditions}).status_code in (400, 404)


def test_a_plan_is_shown_as_a_calendar_and_tried_by_its_name_alone(
    client: TestClient, web_settings: WebSettings
) -> None:
    example = Path(__file__).resolve().parents[3] / "examples" / "double_eleven.toml"
    place = web_settings.shop_file.parent / "double_eleven.toml"
    place.write_bytes(example.read_bytes())
    told = client.get(f"{API}/plan").json()["plans"]
    assert [one["file"] for one in told] == ["double_eleven.toml"]
    assert told[0]["waves"] == sorted(told[0]["waves"], key=lambda one: (one["day"], one["campaign"]))
    assert client.get("/plan").status_code == 200
    answer = client.post(f"{API}/jobs", json={"kind": "plan", "fields": {"file": "../double_eleven.toml"}})
    assert answer.status_code == 404
