"""The page in a real browser: nothing fails or scrolls sideways, a crowd is built, a job survives reloading."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import uvicorn

from penchant.serving.web.app import create_app
from penchant.serving.web.settings import WebSettings

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PATHS = (
    "/",
    "/customers",
    "/crowd",
    "/audience",
    "/campaigns",
    "/campaigns/spring",
    "/lists",
    "/models",
    "/data",
    "/jobs",
)


@pytest.fixture(scope="module")
def address(web_settings: WebSettings) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(replace(web_settings, port=port)), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium")
    if program is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("chromium is not installed: apt-get install chromium")
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=program, args=FLAGS)
        yield made
        made.close()


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (1200, "dark"), (390, "light")])
def test_no_page_fails_or_scrolls_sideways(browser: Any, address: str, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda fault: said.append(str(fault)))
    for path in PATHS:
        answer = page.goto(address + path)
        assert answer.status == 200, path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.locator("h1").count() == 1
        assert page.locator("html[lang]").count() == 1
        unnamed = "input:not([type=hidden]), select"
        assert page.evaluate(f"[...document.querySelectorAll('{unnamed}')].every(one => one.labels.length)"), path
    assert said == []
    context.close()


def test_a_crowd_is_built_condition_by_condition(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/crowd")
    everybody = page.locator("dl.figures dd").inner_text()
    page.select_option("select[name=add]", "n_purchases")
    page.click("text=Choose")
    page.select_option("select[name=comparison]", "at_least")
    page.fill("input[name=value]", "3")
    page.click("form[action='/crowd/add'] button")
    fewer = page.locator("dl.figures dd").inner_text()
    assert 0 < int(fewer) < int(everybody)
    page.click("text=Remove")
    assert page.locator("dl.figures dd").inner_text() == everybody
    page.close()


def test_a_job_is_asked_for_and_is_there_after_reloading(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/data")
    page.click("text=Check the data")
    page.wait_for_url("**/jobs/*")
    page.reload()
    page.wait_for_selector(".tag.failed", timeout=60_000)  # the shop's file names no tables
    assert "neither orders nor interactions" in page.locator("pre").last.inner_text()
    page.close()


def test_the_language_is_chosen_and_stays(browser: Any, address: str) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(address)
    assert page.locator("html").get_attribute("lang") == "zh"
    page.click("text=English")
    page.goto(f"{address}/lists")
    assert page.locator("html").get_attribute("lang") == "en"
    context.close()


def test_the_keyboard_reaches_the_content_first(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.close()
