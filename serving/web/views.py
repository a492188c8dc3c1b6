"""The pages, each with its address: the HTML page and its JSON twin are two renderings of the same view."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .pages.asked import MOST_ROWS
from .pages.audience import audience
from .pages.campaigns import campaign, campaigns
from .pages.crowd import crowd
from .pages.customers import customers
from .pages.data import data
from .pages.home import home
from .pages.lists import customer, lists
from .pages.models import models
from .pages.plan import plan
from .pages.work import job, jobs


@dataclass(frozen=True)
class PageView:
    """A page and its JSON twin.

    Parameters
    ----------
    name
        Its template, and its key in the catalogue of texts.
    path
        Its address; below ``/api/v1`` the same.
    answer
        Gives its values; parameters of the path come by name.
    in_menu
        Whether the menu leads to it.
    query
        What its address may ask for after the ``?``, of `QUERY`.
    """

    name: str
    path: str
    answer: Callable[..., dict[str, Any]]
    in_menu: bool = True
    query: tuple[str, ...] = ()

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """What the address takes, as OpenAPI describes it."""
        in_path = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"{(\w+)}", self.path)
        ]
        return [*in_path, *({"name": name, "in": "query", "required": False, **QUERY[name]} for name in self.query)]


PAGES = ("offset", "limit")
QUERY: Mapping[str, dict[str, Any]] = {
    "offset": {"schema": {"type": "integer", "minimum": 0}, "description": "rows before the first one"},
    "limit": {"schema": {"type": "integer", "minimum": 1, "maximum": MOST_ROWS}, "description": "most rows"},
    "band": {"schema": {"type": "string"}, "description": "of risk, such as 'very high'"},
    "stage": {"schema": {"type": "string"}, "description": "of customers, such as 'loyal'"},
    "goal": {"schema": {"type": "string"}, "description": "a goal, such as 'retain'"},
    "c": {
        "schema": {"type": "array", "items": {"type": "string"}, "maxItems": 20},
        "description": "conditions, each column:comparison:value, such as stage:is:loyal",
    },
}

VIEWS = (
    PageView("home", "/", home),
    PageView("customers", "/customers", customers),
    PageView("crowd", "/crowd", crowd, query=("c", *PAGES)),
    PageView("audience", "/audience", audience, query=("goal",)),
    PageView("plan", "/plan", plan),
    PageView("campaigns", "/campaigns", campaigns, query=PAGES),
    PageView("campaign", "/campaigns/{campaign_id}", campaign, in_menu=False),
    PageView("lists", "/lists", lists, query=("band", "stage", *PAGES)),
    PageView("customer", "/customers/{customer_id}", customer, in_menu=False),
    PageView("models", "/models", models),
    PageView("data", "/data", data),
    PageView("jobs", "/jobs", jobs, query=PAGES),
    PageView("job", "/jobs/{job_id}", job, in_menu=False),
)
