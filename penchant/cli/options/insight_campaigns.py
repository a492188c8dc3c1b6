"""Options of the pages of campaigns: penchant insight contacts, campaigns, offers, returned, concerns and others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from .insight import From, Out, Until
from .shared import AsOfOrEnd, MarginShare, Past, Response


@dataclass(frozen=True)
class ContactsOptions:
    """Show the contact's own funnel: of the messages sent, the share delivered, opened, clicked, redeemed, and followed
    by a visit or an order; by channel, campaign, arm, wave and hour.

    Names the best hour where it can be told, and how opening falls with the messages before. What a campaign changed
    is told by its control: `penchant measure`.
    """

    first: Annotated[
        str | None,
        typer.Option("--from", help="The first day. Default: the beginning of the data.", show_default=False),
    ] = None
    second: Annotated[
        str | None, typer.Option("--to", help="The end. Default: the end of the data.", show_default=False)
    ] = None
    campaign: Annotated[str | None, typer.Option("--campaign", help="One campaign alone.", show_default=False)] = None
    days: Annotated[
        int, typer.Option("--days", help="Days after a message in which visits and orders count.", min=1)
    ] = 7
    by_stage: Annotated[
        bool, typer.Option("--by-stage", help="Look for the best hour by the customer's stage, too; takes longer.")
    ] = False
    out: Out = None


@dataclass(frozen=True)
class CampaignsOptions:
    """Show campaigns side by side: what each changed against its own control, with intervals that hold jointly.

    One response and one window for all of them; then by channel, offer and goal. Where the records of audiences are
    there, what they had promised stands beside what came.
    """

    campaign: Annotated[
        list[str] | None,
        typer.Option("--campaign", help="A campaign; may be repeated. Default: all, at most the latest 40."),
    ] = None
    goal: Annotated[str | None, typer.Option("--goal", help="Campaigns of one goal alone.", show_default=False)] = None
    outcome: Annotated[Response, typer.Option(help="What counts as a response, in all of them.")] = "paid_order"
    days: Annotated[int, typer.Option("--days", help="The window, days after each wave.", min=1)] = 30
    margin_share: MarginShare = None
    past: Past = None
    out: Out = None


@dataclass(frozen=True)
class OffersOptions:
    """Show how often each kind of offer is redeemed, and which threshold and value baskets and margins carry.

    The same rates are used by a plan whose offers say redeem_rate = "learned".
    """

    as_of: AsOfOrEnd = None
    days: Annotated[int, typer.Option("--days", help="Days of orders that are looked at.", min=1)] = 365
    past: Past = None
    out: Out = None


@dataclass(frozen=True)
class ReturnedOptions:
    """Show who came back after a campaign: what they bought and what goes together, their path, and their profile.

    Of those contacted, whether they came for it or not; what the campaign changed says `penchant measure`.
    """

    campaign: Annotated[str, typer.Argument(help="The campaign_id in the table assignments.", show_default=False)]
    days: Annotated[int, typer.Option("--days", help="The window, days after the assignment.", min=1)] = 30
    out: Out = None


@dataclass(frozen=True)
class ConcernsOptions:
    """Show what buyers of each category complain of, new and returning buyers apart, and topics of the texts.

    Names the concern that a message to a category's buyers should speak to, as messages of a plan.
    """

    as_of: AsOfOrEnd = None
    days: Annotated[int, typer.Option("--days", help="What was said within so many days before.", min=1)] = 365
    out: Out = None


@dataclass(frozen=True)
class OverdueOptions:
    """Show after how many days without an order buyers of a segment are semi-active, silent and churned.

    Learned from the gaps between orders, with intervals.
    """

    by: Annotated[
        list[str] | None,
        typer.Option("--by", help="category_id, or an attribute of customers; may be repeated. Default: category_id."),
    ] = None
    as_of: AsOfOrEnd = None
    out: Out = None


@dataclass(frozen=True)
class WinningOptions:
    """Show what a first order costs by channel of acquisition, beside what a returned order costs by campaign.

    Takes the optional table costs, and campaigns for reactivate and winback with their controls.
    """

    first: From = None
    second: Until = None
    out: Out = None


@dataclass(frozen=True)
class ElasticityOptions:
    """Show the elasticity of demand that a price or freight test shows, with its interval.

    Reads the arms from the records of the test's audiences, as `penchant plan` writes them; a test that was drawn
    elsewhere is described by --off, once for each arm.
    """

    campaign: Annotated[str, typer.Argument(help="The campaign_id of the test.", show_default=False)]
    off: Annotated[
        list[str] | None,
        typer.Option(
            "--off", help="ARM=AMOUNT: what an order costs less in an arm, in the shop's currency; may be repeated."
        ),
    ] = None
    freight: Annotated[
        bool, typer.Option("--freight", help="The amounts of --off are taken off the delivery, not off the goods.")
    ] = False
    days: Annotated[int, typer.Option("--days", help="The window, days after the assignment.", min=1)] = 30
    past: Past = None
    out: Out = None
