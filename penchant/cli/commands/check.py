"""The command check: the shop's files against the contract."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import typer

from penchant.cli.options.shop import CheckOptions
from penchant.cli.work import Work
from penchant.features.intake.check import check, render
from penchant.output import replaced_folder


def run_check(work: Work, options: CheckOptions) -> None:
    """Report all violations of the contract, and write the rows that were set aside."""
    folder = options.out or work.result_folder("check")
    manifest: dict[str, object] = {"step": "check"}
    space = replace(work.workspace, rebuild=True) if options.rebuild else work.workspace
    with replaced_folder(folder, manifest) as place, work.step(f"reading {work.data_folder}"):
        report = check(work.config, work.data_folder, place, space.accepted)
        names = tuple(Path(path).name for path in report.quarantine)  # wherever the folder is
        manifest |= {"config": work.config.resolved(), "report": replace(report, quarantine=names).as_dict()}
    in_place = replace(report, quarantine=tuple(str(folder / Path(path).name) for path in report.quarantine))
    work.show(render(in_place))
    work.finish({**in_place.as_dict(), "intake": dict(report.intake), "out": str(folder)})
    if report.failed:
        raise typer.Exit(2)
