"""Who may do what: tokens and scopes, forms of other pages, hosts, sizes, rates, downloads."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from penchant.errors import InputError, NotThereError
from penchant.serving.web.access import TOKENS_FILE, Caller, add_token, caller_of, read_tokens, remove_token
from penchant.serving.web.app import API
from penchant.serving.web.jobs import Jobs
from penchant.serving.web.pages.asked import Request, masked
from penchant.serving.web.ready import Ready
from penchant.serving.web.settings import WebSettings

ClientOf = Callable[..., TestClient]


@pytest.fixture
def tokens(web_settings: WebSettings) -> Iterator[dict[str, str]]:
    made = {scope: add_token(web_settings.folder, f"of-{scope}", scope) for scope in ("read", "operate", "promote")}
    yield made
    for scope in made:
        remove_token(web_settings.folder, f"of-{scope}")


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_a_token_is_kept_as_its_hash_readable_by_nobody_else(tmp_path: Path) -> None:
    secret = add_token(tmp_path, "ann", "read")
    path = tmp_path / TOKENS_FILE
    assert secret not in path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    caller = caller_of(read_tokens(tmp_path), secret)
    assert caller is not None
    assert caller.may("read")
    assert not caller.may("operate")
    assert caller_of(read_tokens(tmp_path), secret[:-1]) is None
    with pytest.raises(InputError, match="a name that is not taken"):
        add_token(tmp_path, "ann", "read")
    with pytest.raises(InputError, match="one of read, operate, promote"):
        add_token(tmp_path, "bob", "admin")
    remove_token(tmp_path, "ann")
    assert caller_of(read_tokens(tmp_path), secret) is None
    with pytest.raises(NotThereError, match="one of those there are"):
        remove_token(tmp_path, "ann")


def test_off_loopback_it_refuses_to_start_without_tokens_or_a_proxy(client_of: ClientOf) -> None:
    with pytest.raises(InputError, match="before others can reach the page"):
        client_of(host="0.0.0.0")
    client_of(host="0.0.0.0", user_header="X-User")


def test_without_the_right_token_nothing_is_answered(client_of: ClientOf, tokens: dict[str, str]) -> None:
    client = client_of(host="0.0.0.0")
    assert client.get("/").headers["location"] == "/login"
    assert client.get(f"{API}/lists").status_code == 401
    assert client.get(f"{API}/lists", headers=bearer("pnc_wrong")).status_code == 401
    assert client.get(f"{API}/lists", headers=bearer(tokens["read"])).status_code == 200
    assert client.get("/login").status_code == 200
    assert client.get("/health").status_code == 200


def test_scopes_reach_only_so_far(client_of: ClientOf, tokens: dict[str, str]) -> None:
    client = client_of()
    wanted = {"kind": "promote", "fields": {"task": "churn"}}
    for scope in ("read", "operate"):
        answer = client.post(f"{API}/jobs", json=wanted, headers=bearer(tokens[scope]))
        assert answer.status_code == 403
        assert "'promote' is needed" in answer.json()["detail"]
    assert client.get("/download/spring/wave-1/record", headers=bearer(tokens["read"])).status_code == 403
    assert client.get("/download/spring/wave-1/record", headers=bearer(tokens["operate"])).status_code == 200


def test_personal_columns_are_for_who_may_operate(client_of: ClientOf, tokens: dict[str, str]) -> None:
    client = client_of()
    for scope, is_shown in (("read", False), ("operate", True)):
        told = client.get(f"{API}/customers/c0001", headers=bearer(tokens[scope])).json()
        assert ("region" in told["signals"]) <= is_shown


def test_a_browser_logs_in_with_a_token_and_keeps_it_where_no_script_reads_it(
    client_of: ClientOf, tokens: dict[str, str], web_settings: WebSettings
) -> None:
    client = client_of()
    form_token = client.get("/login").text.split('name="form_token" value="')[1].split('"')[0]
    wrong = client.post("/login", data={"token": "pnc_wrong", "form_token": form_token})
    assert wrong.status_code == 401
    assert "login refused" in (web_settings.folder / "audit.jsonl").read_text(encoding="utf-8")
    done = client.post("/login", data={"token": tokens["read"], "form_token": form_token})
    assert done.status_code == 303
    cookie = done.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/").status_code == 200


def test_a_form_of_another_page_is_refused(client: TestClient) -> None:
    form_token = client.get("/").text.split('name="form_token" value="')[1].split('"')[0]
    assert client.post("/jobs", data={"kind": "check", "form_token": "other"}).status_code == 403
    foreign = {"Origin": "http://evil.example"}
    assert client.post("/jobs", data={"kind": "check", "form_token": form_token}, headers=foreign).status_code == 403


def test_another_name_of_the_host_is_refused(client: TestClient, client_of: ClientOf) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 421
    assert client_of(hosts=("shop.example",)).get("/", headers={"Host": "shop.example:8765"}).status_code == 200


def test_large_and_frequent_requests_are_refused(client_of: ClientOf) -> None:
    client = client_of(requests_per_minute=5)
    answers = [client.get("/health").status_code for _ in range(8)]
    assert answers.count(200) == 5
    assert answers[-1] == 429
    big = client_of().post(f"{API}/jobs", content=b" " * 1_000_001, headers={"Content-Type": "application/json"})
    assert big.status_code == 413


@pytest.mark.parametrize(
    "path", ["..%2f..%2fetc/passwd/record", "spring/..%2fwave-1/record", "spring/wave-1/..%2f..%2fx"]
)
def test_no_name_in_an_address_becomes_a_path(client: TestClient, path: str) -> None:
    assert client.get(f"/download/{path}").status_code == 404


def test_what_was_done_stands_in_the_audit_log(client: TestClient, web_settings: WebSettings) -> None:
    client.get("/download/spring/wave-1/send_list")
    last = json.loads((web_settings.folder / "audit.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert (last["who"], last["what"], last["campaign"]) == ("local", "download", "spring")


def test_a_reader_is_not_told_a_customers_person_by_reasons(web_settings: WebSettings) -> None:
    told = {"reason_1": "26 years old", "reason_2": "lives in north", "reason_3": "no visit for 8 days"}
    asked = {
        scope: Request(web_settings, Ready(web_settings), Jobs(web_settings.folder / "jobs"), Caller("ann", scope), {})
        for scope in ("read", "operate")
    }
    assert masked(asked["operate"], told) == told
    assert masked(asked["read"], told) == {"reason_1": None, "reason_2": None, "reason_3": "no visit for 8 days"}
    assert masked(asked["read"], {"region": "north", "stage": "new"}) == {"stage": "new"}


def test_the_page_starts_without_what_learns_and_what_asks_the_shop() -> None:
    heavy = ("ibis", "scipy", "sklearn", "lightgbm", "mlflow", "matplotlib")
    modules = "penchant.cli.commands.web, penchant.serving.web.app"
    code = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
