"""The command forget: customers removed from every result."""

from __future__ import annotations

from penchant.cli.options.operations import ForgetOptions
from penchant.cli.work import Work
from penchant.serving.results.forget import forget

NOT_REACHED = (
    "the shop's own files and databases",
    "results in other folders, named with --out",
    "files and tables that audiences were exported to",
    "models and their reports: they learned from the customer, but hold no row",
)


def run_forget(work: Work, options: ForgetOptions) -> None:
    """Remove customers from the results of the shop, and say what is out of reach."""
    folder = work.workspace.shop_folder
    with work.step(f"searching the results below {folder}"):
        forgotten = forget(folder, options.customers)
    work.show(*(f"{n:>7,} rows  {name}" for name, n in forgotten.rows.items()))
    work.show(*(f"removed as a whole: {path}" for path in forgotten.removed))
    if not forgotten.rows and not forgotten.removed:
        work.show("No result names them.")
    work.show(*(f"was on the send list of {path}: the tool that sends may hold them too" for path in forgotten.sent))
    work.show("Not reached:", *(f"- {what}" for what in NOT_REACHED))
    work.finish({**forgotten.as_dict(), "not_reached": list(NOT_REACHED)})
