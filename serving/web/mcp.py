"""Edge: the same views as tools for language models, over the Model Context Protocol; read-only."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from penchant.errors import PenchantError

from .access import Caller
from .jobs import Jobs
from .pages.asked import Request
from .pages.campaigns import campaigns
from .pages.crowd import crowd
from .pages.customers import customers
from .pages.home import home
from .pages.lists import customer, lists
from .pages.models import models
from .ready import Ready
from .settings import WebSettings


def create_server(settings: WebSettings, scope: str = "read") -> MCPServer:
    """Return a server whose tools answer from ready results; nothing is started, changed or sent.

    Parameters
    ----------
    settings
        Where the results lie.
    scope
        "read" leaves personal columns out; "operate" shows them.
    """
    server = MCPServer(
        "penchant", instructions=f"Customer analytics of the shop '{settings.config.shop.name}', read-only."
    )

    def asked(**query: list[str]) -> Request:
        return Request(settings, Ready(settings), Jobs(settings.folder / "jobs"), Caller("mcp", scope), query)

    _add_customers(server, asked)
    _add_campaigns(server, asked)
    return server


Ask = Callable[..., Request]


def _add_customers(server: MCPServer, asked: Ask) -> None:
    @server.tool()
    @_in_words
    def shop_today() -> dict[str, Any]:
        """Customers by stage and where they moved, revenue by month, what campaigns changed, alarms."""
        return home(asked())

    @server.tool()
    @_in_words
    def stages_and_funnel() -> dict[str, Any]:
        """Stages, their flow over a month, the funnel with what one more per cent is worth, focus crowds, RFM."""
        return customers(asked())

    @server.tool()
    @_in_words
    def crowd_of(conditions: list[str], limit: int = 20) -> dict[str, Any]:
        """Size and profile of a crowd; conditions such as stage:is:loyal or amount_365d:at_least:299."""
        return crowd(asked(c=conditions, limit=[str(limit)]))

    @server.tool()
    @_in_words
    def churn_list(band: str = "", offset: int = 0, limit: int = 50) -> dict[str, Any]:
        """Customers who may not buy again, by what is at stake, with reasons."""
        return lists(asked(band=[band], offset=[str(offset)], limit=[str(limit)]))

    @server.tool()
    @_in_words
    def one_customer(customer_id: str) -> dict[str, Any]:
        """What is known of a customer: signals, scores with reasons, time line."""
        return customer(asked(), customer_id)


def _add_campaigns(server: MCPServer, asked: Ask) -> None:
    @server.tool()
    @_in_words
    def campaigns_and_effects() -> dict[str, Any]:
        """Waves that were drawn, and what measured campaigns changed, with intervals."""
        return campaigns(asked())

    @server.tool()
    @_in_words
    def models_in_use() -> dict[str, Any]:
        """The models in use."""
        return models(asked())

    @server.resource("penchant://crowd/columns")
    def columns() -> str:
        """The columns that a crowd's conditions can name, and how each can be compared."""
        return json.dumps(crowd(asked())["columns"])


def _in_words(tool: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Tell a fault of the request to whoever asked."""

    @wraps(tool)
    def answered(*arguments: Any, **named: Any) -> dict[str, Any]:
        try:
            return tool(*arguments, **named)
        except PenchantError as fault:
            raise ToolError(str(fault)) from fault

    return answered
