"""Each page is shown in both languages, says what its JSON twin says, and carries what a browser needs to be safe."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penchant.config import load_config
from penchant.features.criteria import criterion_named
from penchant.features.engine.temporary import Keep
from penchant.features.history.evaluate import evaluated
from penchant.features.spine import Spine
from penchant.serving.web.access import add_token, remove_token
from penchant.serving.web.actions import ACTIONS
from penchant.serving.web.app import API
from penchant.serving.web.charts import moved_link, step_link
from penchant.serving.web.conditions import read_conditions
from penchant.serving.web.crowd_words import CrowdWords
from penchant.serving.web.insights import INSIGHTS
from penchant.serving.web.names import CUSTOMERS_FILE, OVERVIEW_FILE
from penchant.serving.web.settings import LANGUAGES, WebSettings
from penchant.serving.web.views import VIEWS, PageView
from penchant.serving.web.words import catalogue, language_of

HOME = Path(__file__).resolve().parents[3] / "serving" / "web"
PATHS = [view.path for view in VIEWS if "{" not in view.path]
PATHS += ["/customers/c0001", "/campaigns/spring", "/crowd?c=stage:is:loyal", "/lists?limit=5"]
PATHS += ["/audience?goal=retain", "/crowd?c=n_purchases:at_least:2&add=stage", "/crowd?add=in_interest"]


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
    files = [*(HOME / "templates").glob("*.html"), HOME / "charts.py", HOME / "words.py"]
    templates = "".join(path.read_text(encoding="utf-8") for path in files)
    keys = set(re.findall(r"""\bt\(["']([^"']+?)["'][,)]""", templates))
    assert keys <= set(english)
    assert {f"page.{view.name}" for view in VIEWS} <= set(english)
    assert {f"do.{kind}" for kind in ACTIONS} <= set(english)
    said = {key for key in english if "." not in key}
    assert not {key for key in said if f'"{key}"' not in templates and f"'{key}'" not in templates}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_table_and_column_of_an_insight_is_named(language: str) -> None:
    texts = catalogue(language)
    named = {f"insight.{name}.{table.name}" for name, tables in INSIGHTS.items() for table in tables}
    named |= {f"column.{column}" for tables in INSIGHTS.values() for table in tables for column in table.columns}
    assert named <= set(texts)
    leads = {f"{name}.lead" for name in named}
    leads |= {f"column.{table.name}.{one}" for tables in INSIGHTS.values() for table in tables for one in table.columns}
    assert {key for key in texts if key.startswith(("insight.", "column."))} - named - leads == {"insight.more"}


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
    later = client.get(f"{API}/crowd?c=stage:is:regular&c=n_purchases:at_least:3&offset=3&limit=4").json()
    assert later["rows"] == told["rows"][3:7]
    shares = {row["value"]: row for row in told["profile"]["stage"]}
    assert shares["regular"]["share"] == 1.0
    assert shares["regular"]["index"] == pytest.approx(100 / (frame.stage == "regular").mean())


def test_a_band_of_the_flow_and_a_step_of_the_funnel_lead_to_as_many_customers_as_they_say(client: TestClient) -> None:
    told, page = client.get(f"{API}/customers").json(), client.get("/customers").text
    stages = [row["stage"] for row in told["stages"]["stages"][:-1]]
    bands = [(row["from"], now, row.get(now)) for row in told["flow"]["flow_counts"][:-1] for now in stages]
    bands = [band for band in bands if band[2]]
    assert len({was for was, _now, _n in bands}) > 2
    for was, now, n in bands:
        link = moved_link(was, now)
        assert (link.replace("&", "&amp;") in page) is True, link
        assert client.get(API + link).json()["n_customers"] == n, link
    for row in told["funnel"]["funnel"]:
        link = step_link(row["step"], told["funnel"]["base"])
        assert (link.replace("&", "&amp;") in page) is True, link
        assert client.get(API + link).json()["n_customers"] == row["n_customers"], link


def test_a_question_to_two_moments_is_not_saved(client: TestClient) -> None:
    moved = ["stage_30d_ago:is:new", "stage:is:regular"]
    assert not client.get(f"{API}/crowd", params={"c": moved}).json()["can_be_saved"]
    answer = client.put(f"{API}/crowds/moved", json={"conditions": moved})
    assert answer.status_code == 400
    assert "one moment" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("stag:is:loyal", "Did you mean 'stage'?"),
        ("stage:at_least:3", "is or is_not"),
        ("in_interest:is:2", "in the crowd"),
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


def test_an_alarm_of_drift_says_what_changed_how_much_and_what_to_do(client: TestClient) -> None:
    (alarm,) = [one for one in client.get(f"{API}/home").json()["alarms"] if one["alarm"] == "monitor_failed"]
    told = {one["what"]: one for one in alarm["drifted"]}
    assert set(told) == {"scores", "unseen", "missing", "promise"}
    assert told["scores"]["signals"] == [{"signal": "days_since_last_purchase", "before": 20.0, "now": 48.0}]
    page = client.get("/").text
    assert "Days since the last purchase: usually 20, now 48" in page
    assert "Its typical score was 41.0% then and is 58.0% now." in page
    assert "What to do: train it again" in page
    assert "Price tier (20% of the customers)" in page
    assert "Messages opened by E-mail in 30 days (0% then, 50% now)" in page
    assert "PSI" not in page
    assert "days_since" not in page
    assert "predicted too much" in client.get("/models").text


def test_a_text_of_the_shop_never_becomes_markup(client: TestClient) -> None:
    text = client.get("/crowd", params={"c": "stage:is:<b>x</b>"}).text
    assert "<b>x</b>" not in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text


QUERIES = st.dictionaries(
    st.sampled_from(["c", "limit", "offset", "band", "lang", "x"]), st.text(max_size=12), max_size=3
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


def test_a_saved_crowd_is_one_of_the_shops_own(
    client: TestClient, web_settings: WebSettings, small: ModuleType
) -> None:
    conditions = ["stage:is_not:lead", "n_purchases:at_least:2", "amount_365d:at_least:60", "in_new_customer:is:0"]
    told = client.get(f"{API}/crowd", params={"c": conditions}).json()
    saved = client.put(f"{API}/crowds/good_ones", json={"conditions": conditions}).json()
    assert saved == {"good_ones": told["expression"]}
    config = load_config(web_settings.shop_file)
    assert config.crowds.own["good_ones"].who == told["expression"]
    with small.shop() as shop:
        known = replace(shop, config=shop.config.model_copy(update={"crowds": config.crowds}))
        asked = {"is_in": criterion_named(known, "good_ones", shop.extract_end).ask}
        with Keep(shop.backend) as keep:
            rows = evaluated(known, Spine.at(known, shop.extract_end), asked, keep)[0].to_pandas()
    assert 0 < told["n_customers"] == rows["is_in"].sum() < len(rows)
    of_them = client.get(f"{API}/crowd", params={"c": ["in_good_ones:is:1", "stage:is:churned"]}).json()
    alone = client.get(f"{API}/crowd", params={"c": [*conditions, "stage:is:churned"]}).json()
    assert of_them["n_customers"] == alone["n_customers"]
    assert of_them["saved"]["good_ones"]["n_customers"] == told["n_customers"]
    assert "good_ones" in client.get("/audience?goal=retain").text
    assert client.put(f"{API}/crowds/good_ones", json={"conditions": []}).json() == {}
    assert load_config(web_settings.shop_file).crowds.own == {}


@pytest.mark.parametrize("name", ["..%2Fx", "Big", "stage", "interest", "x" * 65, "n_purchases"])
def test_a_crowd_cannot_take_a_name_that_means_something_else(
    client: TestClient, web_settings: WebSettings, name: str
) -> None:
    answer = client.put(f"{API}/crowds/{name}", json={"conditions": ["n_purchases:at_least:3"]})
    assert answer.status_code in (400, 404)
    assert not (web_settings.shop_file.parent / "saved_crowds.toml").exists() or load_config(web_settings.shop_file)


def test_a_crowd_that_another_names_is_neither_removed_nor_turned_on_itself(client: TestClient) -> None:
    client.put(f"{API}/crowds/first", json={"conditions": ["n_purchases:at_least:1"]})
    client.put(f"{API}/crowds/second", json={"conditions": ["in_first:is:1", "stage:is:regular"]})
    for conditions in ([], ["in_second:is:1"], ["in_first:is:1"]):
        answer = client.put(f"{API}/crowds/first", json={"conditions": conditions})
        assert answer.status_code == 400, conditions
    assert client.put(f"{API}/crowds/second", json={"conditions": []}).json() == {"first": "n_purchases >= 1"}
    assert client.put(f"{API}/crowds/first", json={"conditions": []}).json() == {}


def test_a_crowd_of_penchant_toml_is_counted_and_not_overwritten(
    client_of: Callable[..., TestClient], tmp_path: Path
) -> None:
    shop_file = tmp_path / "penchant.toml"
    who = "stage in ('regular', 'loyal') and not (n_purchases < 3 or stage = 'lead')"
    shop_file.write_text(f'[shop]\nname = "small"\n[crowds.fond]\nwho = "{who}"\n', encoding="utf-8")
    client = client_of(shop_file=shop_file, config=load_config(shop_file))
    told = client.get(f"{API}/crowd", params={"c": "in_fond:is:1"}).json()
    apart = [
        client.get(f"{API}/crowd", params={"c": [f"stage:is:{stage}", "n_purchases:at_least:3"]}).json()["n_customers"]
        for stage in ("regular", "loyal")
    ]
    assert told["n_customers"] == sum(apart) > 0
    assert client.put(f"{API}/crowds/fond", json={"conditions": ["n_purchases:is:1"]}).status_code == 400
    assert shop_file.read_text(encoding="utf-8").count("fond") == 1


def test_a_reader_cannot_ask_for_personal_columns(
    client_of: Callable[..., TestClient], web_settings: WebSettings
) -> None:
    secret = add_token(web_settings.folder, "reader", "read")
    try:
        reader = client_of()
        answer = reader.get(
            f"{API}/crowd", params={"c": "region:is:north"}, headers={"Authorization": f"Bearer {secret}"}
        )
    finally:
        remove_token(web_settings.folder, "reader")
    assert answer.status_code == 400


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


def test_a_shop_younger_than_a_year_has_its_pages(
    client_of: Callable[..., TestClient], web_settings: WebSettings, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(web_settings.folder / "ready", out / "web" / "ready")
    overview = out / "web" / "ready" / OVERVIEW_FILE
    told = json.loads(overview.read_text(encoding="utf-8"))
    for months in (told["months"][-2:], told["months"][-1:], []):
        overview.write_text(json.dumps({**told, "months": months}), encoding="utf-8")
        young = client_of(out=out)
        for path in ("/", "/customers", "/data"):  # those that read the overview
            assert young.get(path).status_code == 200, path


@settings(max_examples=60, deadline=None)
@given(value=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=30))
def test_whatever_a_text_holds_a_saved_condition_means_it_and_nothing_else(value: str) -> None:
    words = CrowdWords((("name", "text"), ("n", "number")))
    (condition,) = read_conditions([f"name:is:{value}"], words)
    rows = pa.table({"name": [value, "other", None], "n": [1, 2, 3]})
    found = rows.filter(words.read(condition.text, "crowds.one.who"))["n"].to_pylist()
    assert found == ([1, 2] if value == "other" else [1])
