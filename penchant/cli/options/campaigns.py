"""Options of the commands about campaigns: audience, plan, export, measure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from .shared import STORE, AsOf, MarginShare, Out, Past, Store

ScoresIn = Annotated[
    Path | None,
    typer.Option("--scores", help="A folder of `penchant score`. Default: the one of as_of, else scored now."),
]
To = Annotated[
    Path | None,
    typer.Option("--to", help="A destination's TOML file: give the send list to a file or a database table."),
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Draw anew what was drawn otherwise before: nothing of it was sent.")
]
Response = Literal["visit", "interest", "first_order", "payment", "paid_order"]


@dataclass(frozen=True)
class AudienceOptions:
    """Draw one ranked audience with its control: whom to contact for a goal, and whom to hold out.

    Eligible, less whoever may not be contacted (each counted by reason), ranked by expected incremental profit, cut
    where it no longer pays or at --budget, --size, --coupons, and dealt into arms. Goals: seed, acquire, activate,
    harvest, collect, second, retain, reactivate, winback, and those of your own modules.
    """

    goal: Annotated[str, typer.Argument(help="The goal, such as retain, second, reactivate or one of yours.")]
    as_of: AsOf
    budget: Annotated[
        float | None, typer.Option(help="The most that contacts and offers may cost, in the shop's currency.")
    ] = None
    size: Annotated[int | None, typer.Option(help="The most customers, those who are held out included.")] = None
    coupons: Annotated[int | None, typer.Option(help="The most offers that may be issued.")] = None
    holdout: Annotated[
        float | None, typer.Option(help="Share held out as control. Default: the goal's, mostly 0.1.")
    ] = None
    exploring: Annotated[float, typer.Option(help="Share that goes to customers below the cut.")] = 0.05
    channel: Annotated[
        str | None, typer.Option(help="Through what everyone is contacted. Default: the arms' own, email.")
    ] = None
    arm: Annotated[
        list[str] | None,
        typer.Option(
            "--arm",
            help="One of the goal's arms, such as reminder; may be repeated. Default: those whose uplift was measured, "
            "else the mildest. reminder=email says that its uplift is the one that was measured for the arm 'email'.",
        ),
    ] = None
    campaign: Annotated[
        str | None, typer.Option(help="The campaign's name. Default: goal and date, retain-2025-11-10.")
    ] = None
    wave: Annotated[int, typer.Option(help="A later wave goes to the former one's customers.", min=1)] = 1
    seed: Annotated[
        int | None, typer.Option(help="Same inputs and seed, same file. Default: as configured.", min=0)
    ] = None
    assume_consent: Annotated[
        bool, typer.Option("--assume-consent", help="Where the shop does not know who agreed, take it so.")
    ] = False
    margin_share: MarginShare = None
    scores: ScoresIn = None
    past: Past = None
    to: To = None
    replace: Replace = False
    out: Out = None
    store: Store = STORE


@dataclass(frozen=True)
class PlanOptions:
    """Allocate several goals, offers and channels under one budget, and draw the waves that are due.

    A customer gets the best allowed one in each phase. Without --dry-run the waves whose day is that of --as-of are
    drawn, each a folder as `penchant audience` writes it; run it on each day of the plan.
    """

    file: Annotated[Path, typer.Argument(help="PLAN.toml: campaigns, offers, channels and what they share.")]
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Now. Default with --dry-run: the plan's first day, or the end of the data if that is earlier."
        ),
    ] = None
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show sizes, costs and what is expected, and write nothing.")
    ] = False
    margin_share: MarginShare = None
    scores: ScoresIn = None
    past: Past = None
    to: To = None
    replace: Replace = False
    out: Out = None
    store: Store = STORE


@dataclass(frozen=True)
class ExportOptions:
    """Give a drawn audience to the tool that sends: Parquet, CSV, or a table of DuckDB or PostgreSQL.

    A table is written by campaign, customer and wave: a repeated run changes nothing.
    """

    folder: Annotated[Path, typer.Argument(help="A folder that `penchant audience` or `plan` has written.")]
    to: Annotated[Path, typer.Option("--to", help="The destination's TOML file.", show_default=False)]
    what: Annotated[
        str, typer.Option(help="send_list: the treated alone; assignments: the record, control included.")
    ] = "send_list"
    replace: Replace = False


@dataclass(frozen=True)
class MeasureOptions:
    """Measure what a campaign changed against its control, after checking that the comparison is a fair one.

    The report is HTML. Exit code 3: it was measured, but a check says that the numbers must not be believed.
    """

    campaign: Annotated[str, typer.Argument(help="The campaign, as 'assignments' calls it.")]
    window: Annotated[
        list[int] | None, typer.Option("--window", help="Days after each wave; repeated: 2, 10, 30 by default.")
    ] = None
    decide: Annotated[
        int | None, typer.Option(help="The window the verdict rests on. Default: the longest that is over.")
    ] = None
    control: Annotated[str, typer.Option(help="What the arm is called that was held out.")] = "control"
    level: Annotated[float, typer.Option(help="Of all intervals.")] = 0.95
    outcome: Annotated[
        Response | None,
        typer.Option(help="What counts as a response. Default: what the campaign's goal wants, or a paid order."),
    ] = None
    count_from: Annotated[
        Literal["assignment", "contact"],
        typer.Option(help="Whether windows begin when arms were drawn, or with a wave's first contact."),
    ] = "assignment"
    by_stage: Annotated[
        bool,
        typer.Option(
            "--by-stage",
            help="Read the stage at the assignment from the shop, where no record says it; it takes as long again.",
        ),
    ] = False
    margin_share: MarginShare = None
    past: Past = None
    out: Out = None
