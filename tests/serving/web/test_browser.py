"""The page in a real browser: nothing fails or scrolls sideways, a crowd is built, a job survives reloading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from penchant.serving.web.access import add_token, remove_token
from penchant.serving.web.settings import WebSettings

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
Serve = Callable[[WebSettings], AbstractContextManager[str]]
PATHS = (
    "/",
    "/customers",
    "/crowd",
    "/crowd?c=n_purchases:at_least:2&add=stage",
    "/audience",
    "/audience?goal=retain",
    "/plan",
    "/campaigns",
    "/campaigns/spring",
    "/lists",
    "/customers/c0001",
    "/models",
    "/data",
    "/jobs",
)


@pytest.fixture(scope="module")
def address(web_settings: WebSettings, served: Serve) -> Iterator[str]:
    with served(web_settings) as there:
        yield there


def serious_faults(page: Any) -> list[str]:
    """Return what axe-core finds serious or critical on a page."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in grave]


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
        if width > 390:
            assert serious_faults(page) == [], path
    assert said == []
    context.close()


def test_a_crowd_is_built_condition_by_condition(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/crowd")
    everybody = page.locator("dl.figures dt + dd").inner_text()
    page.select_option("select[name=add]", "n_purchases")
    page.click("text=Choose")
    page.select_option("select[name=comparison]", "at_least")
    page.fill("input[name=value]", "3")
    page.click("form[action='/crowd/add'] button")
    fewer = page.locator("dl.figures dt + dd").inner_text()
    assert 0 < int(fewer) < int(everybody)
    page.click("text=Remove")
    assert page.locator("dl.figures dt + dd").inner_text() == everybody
    page.close()


def test_a_job_is_there_after_reloading_and_after_a_restart(
    browser: Any, address: str, web_settings: WebSettings, served: Serve
) -> None:
    page = browser.new_page()
    page.goto(f"{address}/data")
    page.click("text=Check the data")
    page.wait_for_url("**/jobs/*")
    page.reload()
    with served(web_settings) as restarted:
        page.goto(page.url.replace(address, restarted))
        page.wait_for_selector(".tag.failed", timeout=60_000)  # the shop's file names no tables
        assert "neither orders nor interactions" in page.content()
    page.close()


def test_a_wrong_token_is_refused_and_the_right_one_lets_in(
    browser: Any, web_settings: WebSettings, served: Serve
) -> None:
    secret = add_token(web_settings.folder, "reader", "read")
    context = browser.new_context()
    page = context.new_page()
    try:
        with served(web_settings) as there:
            page.goto(f"{there}/lists")
            page.fill("input[name=token]", secret[:-1])
            page.click("main button")
            assert page.locator("[role=alert]").inner_text() == "This token is not known."
            assert serious_faults(page) == []
            page.fill("input[name=token]", secret)
            page.click("main button")
            page.goto(f"{there}/audience?goal=retain")
            assert page.locator("main form").count() == 0  # a reader draws nothing
            assert page.goto(f"{there}/download/spring/wave-1/send_list").status == 403
    finally:
        remove_token(web_settings.folder, "reader")
        context.close()


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
