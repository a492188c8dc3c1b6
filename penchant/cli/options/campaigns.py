"""Options of the commands about campaigns: audience, plan, export, measure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from .shared import AsOfOrLastDay, MarginShare, Out, Past, Response, Store

ScoresIn = Annotated[
    Path | None,
    typer.Option("--scores", help="Folder written by `penchant score`. Default: the one of as_of, else scored now."),
]
To = Annotated[
    Path | None,
    typer.Option("--to", help="TOML file of a destination: export the send list to a file or a database table."),
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Replace an earlier, different draw, of which nothing has been sent.")
]


@dataclass(frozen=True, kw_only=True)
class DrawOptions:
    """What every draw of customers takes."""

    margin_share: MarginShare = None
    scores: ScoresIn = None
    past: Past = None
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show sizes, costs and expected results, and write nothing.")
    ] = False
    to: To = None
    replace: Replace = False
    out: Out = None
    store: Store = None


@dataclass(frozen=True)
class AudienceOptions(DrawOptions):
    """Draw a ranked audience for a goal: whom to contact, and whom to hold out as control.

    Takes the eligible customers, leaves out those who may not be contacted (counted by reason), ranks by expected
    incremental profit, cuts the list where a contact no longer pays or at --budget, --size, --coupons, and assigns the
    arms at random. Goals: seed, acquire, activate, harvest, collect, second, retain, reactivate, winback; those of
    standing programmes: welcome, enrol, renew, exchange, review, refer; after_order_2 (the third order) and so on; and
    those of your own modules.
    """

    goal: Annotated[str, typer.Argument(help="The goal, such as retain, second, reactivate or one of your own.")]
    as_of: AsOfOrLastDay = None
    budget: Annotated[
        float | None, typer.Option(help="Maximum cost of contacts and offers, in the shop's currency.")
    ] = None
    size: Annotated[int | None, typer.Option(help="Maximum number of customers, holdout included.")] = None
    only_if: Annotated[
        list[str] | None,
        typer.Option(
            "--only-if",
            help="Only customers of a crowd (interest, carts:category:ID, new_with:PROMOTION), a tag (tier=high) or a "
            "signal (n_orders_90d>=2); may be repeated.",
        ),
    ] = None
    unless: Annotated[
        list[str] | None, typer.Option("--unless", help="The same, for customers to be left out; may be repeated.")
    ] = None
    coupons: Annotated[int | None, typer.Option(help="Maximum number of offers that may be issued.")] = None
    holdout: Annotated[
        float | None, typer.Option(help="Share held out as control. Default: the goal's own, usually 0.1.")
    ] = None
    detect: Annotated[
        str | None, typer.Option(help="Choose the smallest holdout that shows this rise of the response, such as 2pp.")
    ] = None
    exploring: Annotated[
        float, typer.Option(help="Share of contacts for random customers below the cut, to learn from.")
    ] = 0.05
    channel: Annotated[str | None, typer.Option(help="Channel for everyone. Default: that of the arms, email.")] = None
    arm: Annotated[
        list[str] | None,
        typer.Option(
            "--arm",
            help="Arm of the goal, such as reminder; may be repeated. Default: those with a measured uplift, else the "
            "mildest. reminder=email: use the uplift measured for the arm 'email'.",
        ),
    ] = None
    campaign: Annotated[
        str | None, typer.Option(help="Name of the campaign. Default: goal and date, retain-2025-11-10.")
    ] = None
    wave: Annotated[
        int, typer.Option(help="Number of the wave; a later wave goes to the customers of the one before.", min=1)
    ] = 1
    seed: Annotated[
        int | None,
        typer.Option(help="Random seed: the same inputs and seed give the same file. Default: as configured.", min=0),
    ] = None
    assume_consent: Annotated[
        bool, typer.Option("--assume-consent", help="Assume consent where the shop has no record of it.")
    ] = False


@dataclass(frozen=True)
class PlanOptions(DrawOptions):
    """Allocate several goals, offers and channels under one budget, and draw the waves that are due.

    In each phase a customer gets the best offer allowed. Without --dry-run it draws the waves due on the day of
    --as-of, each into a folder as `penchant audience` writes it; run it on every day of the plan.
    """

    file: Annotated[Path, typer.Argument(help="PLAN.toml: campaigns, offers, channels and their shared limits.")]
    as_of: Annotated[
        str | None,
        typer.Option(
            help="The day of the plan. Default with --dry-run: its first day, or the end of the data if earlier."
        ),
    ] = None


@dataclass(frozen=True)
class ExportOptions:
    """Export a drawn audience, scores or tags: Parquet, CSV, or a table in DuckDB or PostgreSQL.

    A table is written by key, so that a repeated run changes nothing: an audience by campaign, customer and wave; of
    scores and tags the table holds the latest.
    """

    folder: Annotated[Path, typer.Argument(help="Folder written by `penchant audience`, `plan`, `score` or `tags`.")]
    to: Annotated[Path, typer.Option("--to", help="TOML file of the destination.", show_default=False)]
    what: Annotated[
        str,
        typer.Option(help="send_list: treated customers only; assignments: everyone, control included; scores; tags."),
    ] = "send_list"
    replace: Replace = False


@dataclass(frozen=True)
class MeasureOptions:
    """Measure what a campaign changed compared with its control, after checking that the comparison is fair.

    Writes an HTML report. Exit code 3: it was measured, but a check says that the numbers cannot be trusted.
    """

    campaign: Annotated[str, typer.Argument(help="The campaign_id in the table assignments.")]
    window: Annotated[
        list[int] | None, typer.Option("--window", help="Days after each wave; may be repeated. Default: 2, 10, 30.")
    ] = None
    decide: Annotated[
        int | None, typer.Option(help="Window of the verdict, in days. Default: the longest one that is complete.")
    ] = None
    control: Annotated[str, typer.Option(help="Name of the arm that was held out.")] = "control"
    level: Annotated[float, typer.Option(help="Confidence level of all intervals.")] = 0.95
    outcome: Annotated[
        Response | None,
        typer.Option(help="What counts as a response. Default: the success of the campaign's goal, or a paid order."),
    ] = None
    count_from: Annotated[
        Literal["assignment", "contact"],
        typer.Option(help="Start of the windows: when the arms were drawn, or the first contact of a wave."),
    ] = "assignment"
    by_stage: Annotated[
        bool,
        typer.Option(
            "--by-stage",
            help="Read each customer's stage at assignment from the shop where no record has it; doubles the time.",
        ),
    ] = False
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            help="Break results down by a tag (tier), a crowd (crowd:interest) or a signal (n_orders_90d>=2), as known "
            "at the assignment; may be repeated.",
        ),
    ] = None
    margin_share: MarginShare = None
    past: Past = None
    out: Out = None
