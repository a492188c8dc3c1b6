"""The pages, each with its address: the HTML page and its JSON twin are two renderings of the same view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    """

    name: str
    path: str
    answer: Callable[..., dict[str, Any]]
    in_menu: bool = True


VIEWS = (
    PageView("home", "/", home),
    PageView("customers", "/customers", customers),
    PageView("crowd", "/crowd", crowd),
    PageView("audience", "/audience", audience),
    PageView("plan", "/plan", plan),
    PageView("campaigns", "/campaigns", campaigns),
    PageView("campaign", "/campaigns/{campaign_id}", campaign, in_menu=False),
    PageView("lists", "/lists", lists),
    PageView("customer", "/customers/{customer_id}", customer, in_menu=False),
    PageView("models", "/models", models),
    PageView("data", "/data", data),
    PageView("jobs", "/jobs", jobs),
    PageView("job", "/jobs/{job_id}", job, in_menu=False),
)
