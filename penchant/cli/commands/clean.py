"""The command clean: old results, removed by rule."""

from __future__ import annotations

from rich.table import Table

from penchant.cli.options.operations import CleanOptions
from penchant.cli.terminal import bare_table
from penchant.cli.work import Work
from penchant.serving.results.retention import Cleanup, cleanup_of, remove


def run_clean(work: Work, options: CleanOptions) -> None:
    """Show the results of the shop by step, and remove what the rules allow."""
    folder = work.workspace.shop_folder
    with work.step(f"reading the manifests below {folder}"):
        cleanup = cleanup_of(folder, work.config.keep, work.instant_or_none(options.as_of))
    freed, busy = (0, list[str]()) if options.dry_run else remove(cleanup)
    work.show(_table(cleanup))
    work.show(*(f"kept: {path}, {why}" for path, why in cleanup.needed.items()))
    work.show(*(f"kept: {path}, another run is writing it" for path in busy))
    would = "would be " if options.dry_run else ""
    work.show(
        f"{len(cleanup.expired):,} old results and {len(cleanup.leftovers):,} leftovers of killed runs {would}removed, "
        f"{in_megabytes(sum(cleanup.leftovers.values()) + sum(r.n_bytes for r in cleanup.expired))} in all."
    )
    work.finish({**cleanup.as_dict(), "dry_run": options.dry_run, "freed_bytes": freed, "busy": busy})


def _table(cleanup: Cleanup) -> Table:
    """Return the space that the results of each step take."""
    titles = ("step", "results", "space", "old results", "their space")
    table = bare_table(titles, right=titles[1:])
    for step, facts in sorted(cleanup.as_dict()["steps"].items()):
        old = (f"{facts['n_expired']:,}", in_megabytes(facts["bytes_expired"])) if facts["n_expired"] else ("", "")
        table.add_row(step, f"{facts['n']:,}", in_megabytes(facts["bytes"]), *old)
    return table


def in_megabytes(n_bytes: int) -> str:
    """Return bytes in words.

    Examples
    --------
    >>> in_megabytes(1_250_000)
    '1.2 MB'
    """
    return f"{n_bytes / 1e6:,.1f} MB"
