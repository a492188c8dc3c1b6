"""The insights that are made ready for the pages, each as a question to the shop at one moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ...features.shop import Shop
from ..audience.exclusions import protection_of
from ..audience.files import read_records, treatments_of
from ..audience.programme import programme_page
from ..goals.own import own_goals
from ..insight.cohorts import cohorts_page
from ..insight.concerns import concerns_page
from ..insight.crowds import crowds_page
from ..insight.flow import flow_page
from ..insight.funnel import funnel_page
from ..insight.lookalikes import lookalikes_page
from ..insight.loyalty import loyalty_page
from ..insight.page import InsightPage
from ..insight.products import products_page
from ..insight.stages import stages_page
from ..insight.value import value_page
from ..measure.contacts import contacts_page
from ..measure.offers_page import offers_page
from ..measure.settings import MeasureSettings
from ..measure.several import campaigns_page
from ..measure.winning import retention_page, winning_page
from .insights import INSIGHTS

MONTH, QUARTER = timedelta(days=30), timedelta(days=90)


def pages_of(shop: Shop, moment: datetime, audiences: Sequence[Path] = ()) -> Mapping[str, Callable[[], InsightPage]]:
    """Return name -> what makes an insight of a shop at a moment.

    Parameters
    ----------
    shop
        The shop.
    moment
        UTC without a zone.
    audiences
        Folders of audiences that were drawn: what they promised, and what their arms were.
    """
    asked = MeasureSettings(own=own_goals(shop.config))
    return {
        "stages": partial(stages_page, shop, moment),
        "flow": partial(flow_page, shop, moment - MONTH, moment),
        "funnel": partial(funnel_page, shop, moment),
        "crowds": partial(crowds_page, shop, moment),
        "products": partial(products_page, shop, moment),
        "cohorts": partial(cohorts_page, shop, moment),
        "programme": partial(programme_page, shop, moment - QUARTER, moment, protection_of(shop.config)),
        "value": partial(value_page, shop, moment),
        "retention": partial(retention_page, shop, as_of=moment),
        "lookalikes": partial(lookalikes_page, shop, moment),
        "loyalty": partial(loyalty_page, shop, moment),
        "contacts": partial(contacts_page, shop, None, moment),
        "compared": lambda: campaigns_page(shop, records=read_records(audiences), settings=asked),
        "offers": lambda: offers_page(shop, moment, arms=treatments_of(audiences)),
        "winning": partial(winning_page, shop, None, moment, asked),
        "concerns": partial(concerns_page, shop, moment),
    }


def stored_values(name: str, page: InsightPage) -> dict[str, Any]:
    """Return what is stored of an insight: all cells of cohorts, and of the deeper ones the tables that are shown."""
    told = page.as_dict()
    if name == "cohorts":
        told["cells"] = [dict(row) for table in page.tables if table.name == "cells" for row in table.rows]
    shown = {table.name for table in INSIGHTS.get(name, ())}
    left = {table.name for table in page.tables} - shown if shown else set()
    return {key: value for key, value in told.items() if key not in left}
