"""The command measure: what a campaign changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from penchant.cli.campaign_commands import MarginShare, Past
from penchant.cli.shop_commands import Out
from penchant.cli.work import Work, folder_name, plain

if TYPE_CHECKING:
    import pandas as pd

Response = Literal["visit", "interest", "first_order", "payment", "paid_order"]


def measure(
    context: typer.Context,
    campaign: Annotated[str, typer.Argument(help="The campaign, as 'assignments' calls it.")],
    window: Annotated[
        list[int] | None, typer.Option("--window", help="Days after each wave; repeated: 2, 10, 30 by default.")
    ] = None,
    decide: Annotated[
        int | None, typer.Option(help="The window the verdict rests on. Default: the longest that is over.")
    ] = None,
    control: Annotated[str, typer.Option(help="What the arm is called that was held out.")] = "control",
    level: Annotated[float, typer.Option(help="Of all intervals.")] = 0.95,
    outcome: Annotated[
        Response | None,
        typer.Option(help="What counts as a response. Default: what the campaign's goal wants, or a paid order."),
    ] = None,
    count_from: Annotated[
        Literal["assignment", "contact"],
        typer.Option(help="Whether windows begin when arms were drawn, or with a wave's first contact."),
    ] = "assignment",
    by_stage: Annotated[
        bool,
        typer.Option(
            "--by-stage",
            help="Read the stage at the assignment from the shop, where no record says it; it takes as long again.",
        ),
    ] = False,
    margin_share: MarginShare = None,
    past: Past = None,
    out: Out = None,
) -> None:
    """Measure what a campaign changed against its control, after checking that the comparison is a fair one.

    The report is HTML. Exit code 3: it was measured, but a check says that the numbers must not be believed.
    """
    from penchant.cli.gathering import audience_folders
    from penchant.cli.scoring import own_goals
    from penchant.output import replaced_folder, write_json
    from penchant.serving.audience.files import read_treatments
    from penchant.serving.measure.campaign import measure as measure_campaign
    from penchant.serving.measure.settings import MeasureSettings

    work: Work = context.obj
    folder = out or work.result_folder("measure") / folder_name(campaign)
    folders = audience_folders(work, past or ())
    settings = MeasureSettings(
        windows_days=tuple(sorted(window)) if window else (2, 10, 30),
        decision_days=decide,
        level=level,
        outcome=outcome,
        arms=read_treatments(folders, campaign),
        margin_share=margin_share,
        count_from=count_from,
        control=control,
        own=own_goals(work),
        reads_stage=by_stage,
    )
    record = _record_of(campaign, folders)
    manifest: dict[str, Any] = {"step": "measure", "config": work.config.resolved(), "sources": work.sources()}
    with replaced_folder(folder, manifest) as place:
        with work.shop() as shop, work.step(f"measuring {campaign}"):
            found = measure_campaign(shop, campaign, settings, record)
        with work.step(f"writing {folder}"):
            (place / "report.html").write_text(found.report(), encoding="utf-8")
            write_json(place / "measurement.json", plain(found.as_dict()))
    work.show_wide(found.render(), f"{folder / 'report.html'}")
    work.finish({**found.as_dict(), "failed": found.failed, "out": str(folder)})
    if found.failed:
        raise typer.Exit(3)


def _record_of(campaign: str, folders: Sequence[Path]) -> pd.DataFrame | None:
    """Return the records of a campaign's waves among the folders of audiences; None where there are none."""
    import pandas as pd

    from penchant.serving.audience.files import read_records

    records = read_records(folders)
    mine = pd.DataFrame() if records is None else records[records["campaign_id"] == campaign]
    return mine.reset_index(drop=True) if len(mine) else None


COMMANDS = (measure,)
