"""Commands that show what is known: penchant insight stages, flow, funnel, crowds, profile, and about goods."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.work import Work, read_instant

if TYPE_CHECKING:
    from datetime import datetime

    from rich.table import Table

    from penchant.serving.insight.page import InsightPage, InsightTable

AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="Look at what was known strictly before: a date or an instant. Default: the end of the data.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="A folder for the tables as CSV and Parquet and the page as HTML, replaced as a whole.",
        show_default=False,
    ),
]

UNBOUNDED = 250  # characters

insight = typer.Typer(
    name="insight",
    help="Look at customers and goods as they were known at any moment of the past.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


def stages(context: typer.Context, as_of: AsOf = None, out: Out = None) -> None:
    """Show how many customers are in each relationship stage: stranger, prospect, lead, new ... churned."""
    from penchant.serving.insight.stages import stages_page

    work: Work = context.obj
    with work.shop() as shop, work.step("counting stages"):
        page = stages_page(shop, instant_of(work, as_of))
    present(work, page, out)


def flow(
    context: typer.Context,
    first: Annotated[str, typer.Option("--from", help="The first date or instant.", show_default=False)],
    second: Annotated[
        str | None, typer.Option("--to", help="The second. Default: the end of the data.", show_default=False)
    ] = None,
    out: Out = None,
) -> None:
    """Show how customers moved between stages: the stage at one date by the stage at a later one.

    Who was not known yet at the first date stands in a row of its own.
    """
    from penchant.serving.insight.flow import flow_page

    work: Work = context.obj
    since = read_instant(first, work.config.shop.timezone, "--from")
    until = instant_of(work, second, "--to")
    with work.shop() as shop, work.step("counting stages at both dates"):
        page = flow_page(shop, since, until)
    present(work, page, out)


def funnel(
    context: typer.Context,
    as_of: AsOf = None,
    horizon: Annotated[
        int | None,
        typer.Option(
            "--horizon",
            help="Days within which customers pass on. Default: 30, or a third of a shorter history.",
            show_default=False,
        ),
    ] = None,
    out: Out = None,
) -> None:
    """Show how far open journeys got, the rates of passing on, and what one more per cent at each step is worth.

    The rates are of who stood at a step one horizon before --as-of, by where they stand at --as-of.
    """
    from penchant.serving.insight.funnel import funnel_page

    work: Work = context.obj
    with work.shop() as shop, work.step("following customers along the funnel"):
        page = funnel_page(shop, instant_of(work, as_of), horizon)
    present(work, page, out)


def crowds(
    context: typer.Context,
    as_of: AsOf = None,
    crowd: Annotated[
        list[str] | None,
        typer.Option(
            "--crowd",
            help="A further crowd: favorites:item:ID, favorites:category:ID. May be repeated.",
            show_default=False,
        ),
    ] = None,
    out: Out = None,
) -> None:
    """Show how many customers are in each focus crowd: interested, due to buy again, with unpaid orders ...

    The buyers of each promotion of the calendar that had begun stand there too.
    """
    from penchant.serving.insight.crowds import crowds_page

    work: Work = context.obj
    with work.shop() as shop, work.step("counting crowds"):
        page = crowds_page(shop, instant_of(work, as_of), crowd or ())
    present(work, page, out)


def profile(
    context: typer.Context,
    crowd: Annotated[
        str,
        typer.Option(
            "--crowd",
            help="A stage (loyal), focus crowd (interest, once:PROMOTION), RFM segment (segment:lost) or step of the "
            "funnel (funnel:cart).",
            show_default=False,
        ),
    ],
    as_of: AsOf = None,
    out: Out = None,
) -> None:
    """Show what the customers of a crowd are, against all customers, as an index: 100 = as the base.

    Stage, value tier, segment, price tier, gender, region, age, hour of day and the shop's own attributes,
    with the share unknown.
    """
    from penchant.serving.insight.profile import profile_page

    work: Work = context.obj
    with work.shop() as shop, work.step("describing the crowd"):
        page = profile_page(shop, crowd, instant_of(work, as_of))
    present(work, page, out)


def instant_of(work: Work, text: str | None, option: str = "--as-of") -> datetime | None:
    """Return the instant that an option names; None where it was not given."""
    return None if text is None else read_instant(text, work.config.shop.timezone, option)


def present(work: Work, page: InsightPage, out: Path | None) -> None:
    """End a command with a page: written where --out says so, and shown."""
    from penchant.output import replaced_folder

    facts: dict[str, Any] = page.as_dict()
    if out is not None:
        manifest = {"step": f"insight {page.name}", "config": work.config.resolved(), "facts": dict(page.facts)}
        manifest |= {"sources": work.sources(), "left_out": dict(page.left_out)}
        with replaced_folder(out, manifest) as place, work.step(f"writing {out}"):
            page.write(place)
        facts["out"] = str(out)
    work.show_wide(f"[bold]{page.title}[/]", escaped(page.lead), width=UNBOUNDED)
    for table in page.tables:
        work.show("", grid(table))
    if page.notes or page.left_out:
        work.show("", *(f"[dim]{escaped(note)}[/]" for note in page.notes))
        work.show(*(escaped(line) for line in work.left_out(page.left_out)))
    work.finish(facts)


def grid(table: InsightTable) -> Table:
    """Return a table for a terminal; a number's interval stands in brackets behind it."""
    from rich.table import Table

    made = Table(title=table.title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(table.columns.values()):
        made.add_column(column.title, justify="right" if column.format else "left", no_wrap=place == 0)
    for place, row in enumerate(table.shown):
        cells = [_cell(row.get(name), column.format) for name, column in table.columns.items()]
        made.add_row(*cells, style="bold" if place in table.strong else "")
    if len(table.shown) < len(table.rows):
        made.caption, made.caption_justify = f"{len(table.shown):,} of {len(table.rows):,}", "left"
    return made


def _cell(cell: Any, form: str) -> str:
    from penchant.page import write_cell

    text, interval = write_cell(cell, form)
    return escaped(f"{text} [{interval}]" if interval else text)


def escaped(text: str) -> str:
    """Return text that a terminal shows as it is."""
    from rich.markup import escape

    return escape(text)


COMMANDS = (stages, flow, funnel, crowds, profile)
