"""The command measure: what a campaign changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import typer

from penchant.cli.options.campaigns import MeasureOptions
from penchant.cli.results import json_values
from penchant.cli.work import Work, folder_name
from penchant.output import replaced_folder, write_json
from penchant.serving.audience.files import read_records, read_treatments
from penchant.serving.audience.past import audience_folders
from penchant.serving.goals.own import own_goals
from penchant.serving.measure.campaign import measure
from penchant.serving.measure.report import measurement_page
from penchant.serving.measure.settings import MeasureSettings
from penchant.serving.measure.show import measurement_view


def run_measure(work: Work, options: MeasureOptions) -> None:
    """Measure a campaign against its control, and write the report."""
    campaign = options.campaign
    folder = options.out or work.result_folder("measure") / folder_name(campaign)
    folders = audience_folders(work.workspace, options.past or ())
    settings = _settings(work, options, folders)
    record = _record_of(campaign, folders)
    manifest: dict[str, Any] = {"step": "measure", "config": work.config.resolved(), "sources": work.sources()}
    with replaced_folder(folder, manifest) as place:
        with work.shop() as shop, work.step(f"measuring {campaign}"):
            measured = measure(shop, campaign, settings, record)
        with work.step(f"writing {folder}"):
            (place / "report.html").write_text(measurement_page(measured).html(), encoding="utf-8")
            write_json(place / "measurement.json", json_values(measured.as_dict()))
    work.show_wide(measurement_view(measured), f"{folder / 'report.html'}")
    work.finish({**measured.as_dict(), "failed": measured.failed, "out": str(folder)})
    if measured.failed:
        raise typer.Exit(3)


def _settings(work: Work, options: MeasureOptions, folders: Sequence[Path]) -> MeasureSettings:
    """Return what the options say, and the arms as the records of the campaign's audiences describe them."""
    return MeasureSettings(
        windows_days=tuple(sorted(options.window)) if options.window else (2, 10, 30),
        decision_days=options.decide,
        level=options.level,
        outcome=options.outcome,
        arms=read_treatments(folders, options.campaign),
        margin_share=options.margin_share,
        count_from=options.count_from,
        control=options.control,
        own=own_goals(work.config),
        reads_stage=options.by_stage,
        by=tuple(dict.fromkeys(options.by or ())),
    )


def _record_of(campaign: str, folders: Sequence[Path]) -> pd.DataFrame | None:
    """Return the records of a campaign's waves among the folders of audiences; None where there are none."""
    records = read_records(folders)
    mine = pd.DataFrame() if records is None else records[records["campaign_id"] == campaign]
    return mine.reset_index(drop=True) if len(mine) else None
