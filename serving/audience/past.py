"""Earlier assignments: the shop's own, and the records of audiences that were drawn before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from penchant.errors import NotThereError
from penchant.output import file_facts, locked
from penchant.progress import Reporter

from ...features.workspace import Workspace
from ..candidates.gather import assignments_before, joined_past
from .files import RECORD, audiences_below, read_records

if TYPE_CHECKING:
    from ...features.shop import Shop

CAMPAIGN_STEPS = ("audience", "plan")
WAIT_SECONDS = 600.0  # scoring many customers takes minutes
Earlier = tuple[pd.DataFrame | None, dict[str, str]]  # assignments, and the SHA-256 of each record by campaign


@contextmanager
def drawing_alone(workspace: Workspace, reporter: Reporter, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold a shop's lock over drawing, from reading the past until the record is written.

    Two campaigns that are drawn at once would not see each other, and contact each other's control.

    Raises
    ------
    OutputError
        If another run draws for longer than ``wait_seconds``.
    """
    folder = workspace.result_folder("drawing")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        with reporter.step("waiting for other runs that draw"):
            stack.enter_context(locked(folder, wait_seconds))
        yield


def audience_folders(workspace: Workspace, more: Sequence[Path] = (), without: Path | None = None) -> list[Path]:
    """Return the folders of all earlier audiences of a shop: below its results, and below those that are named.

    Parameters
    ----------
    workspace
        The shop.
    more
        Further folders.
    without
        The folder that is being written, which is no past of itself.

    Raises
    ------
    NotThereError
        If a folder that is named is not there: who was contacted would be forgotten.
    """
    for place in more:
        if not place.is_dir():
            raise NotThereError("option --past", "a folder of earlier audiences", f"nothing at '{place}'")
    places = [workspace.result_folder(step) for step in CAMPAIGN_STEPS]
    folders = [path for place in (*places, *more) if place.is_dir() for path in audiences_below(place)]
    written = None if without is None else without.resolve()
    others = [path for path in dict.fromkeys(folders) if written not in (path.resolve(), *path.resolve().parents)]
    return sorted(others)


def earlier_assignments(shop: Shop, as_of: datetime, folders: Sequence[Path], reporter: Reporter) -> Earlier:
    """Return earlier assignments of a shop and of audiences' folders, and the SHA-256 of each record by campaign."""
    return joined_assignments(lambda: assignments_before(shop, as_of), as_of, folders, reporter)


def joined_assignments(
    of_shop: Callable[[], pd.DataFrame | None], as_of: datetime, folders: Sequence[Path], reporter: Reporter
) -> Earlier:
    """Return the same as `earlier_assignments`, the shop's own from a function that reads them."""
    with reporter.step("reading earlier assignments"):
        records = read_records(folders)
        if records is not None:
            records = records[records["assigned_at"] <= as_of]
        hashes = [file_facts(folder / RECORD)["sha256"] for folder in folders]
        names = (f"{folder.parent.name}/{folder.name}" for folder in folders)
        return joined_past(of_shop(), records), dict(zip(names, hashes, strict=True))
