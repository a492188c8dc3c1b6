"""The report of a training of any kind, as one page."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.page import Page

from ..train import Trained
from ..uplift.train import TrainedUplift
from .task import task_lead, task_pictures, task_sections
from .uplift import uplift_lead, uplift_pictures, uplift_sections


def report(
    trained: Trained | TrainedUplift, shop: str, facts: Mapping[str, str], drawn: Mapping[str, str] | None = None
) -> Page:
    """Return the report of a training.

    Parameters
    ----------
    trained
        The training.
    shop
        The shop's name.
    facts
        What it was made from, name -> text; stands at the page's foot.
    drawn
        Its `pictures`, where they have been drawn already.
    """
    charts = drawn or pictures(trained)
    if isinstance(trained, Trained):
        title = trained.name.replace("_", " ").capitalize()
        return Page(f"{title}: {shop}", task_lead(trained), task_sections(trained, charts), facts)
    title = f"Uplift, {trained.asked.goal}"
    return Page(f"{title}: {shop}", uplift_lead(trained), uplift_sections(trained, charts), facts)


def pictures(trained: Trained | TrainedUplift) -> dict[str, str]:
    """Return the report's charts as SVG by file name."""
    return task_pictures(trained) if isinstance(trained, Trained) else uplift_pictures(trained)
