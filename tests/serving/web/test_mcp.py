"""The tools for language models answer what the pages answer, and change nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi.testclient import TestClient

from penchant.serving.web.app import API
from penchant.serving.web.mcp import create_server
from penchant.serving.web.settings import WebSettings


def called(settings: WebSettings, tool: str, **arguments: Any) -> dict[str, Any]:
    result = asyncio.run(create_server(settings).call_tool(tool, arguments))
    assert not result.is_error, result
    found: dict[str, Any] = result.structured_content
    return found.get("result", found)


def test_a_tool_answers_what_the_page_answers(client: TestClient, web_settings: WebSettings) -> None:
    assert called(web_settings, "campaigns_and_effects") == client.get(f"{API}/campaigns").json()
    told = called(web_settings, "crowd_of", conditions=["stage:is:regular"])
    assert told["n_customers"] == client.get(f"{API}/crowd?c=stage:is:regular").json()["n_customers"]


def test_every_tool_reads_only(web_settings: WebSettings) -> None:
    tools = asyncio.run(create_server(web_settings).list_tools())
    assert {tool.name for tool in tools} == {
        *("shop_today", "stages_and_funnel", "crowd_of", "churn_list", "one_customer", "campaigns_and_effects"),
        "models_in_use",
    }


def test_a_fault_is_told_in_words(web_settings: WebSettings) -> None:
    with pytest.raises(Exception, match="Did you mean 'stage'"):
        called(web_settings, "crowd_of", conditions=["stag:is:loyal"])
