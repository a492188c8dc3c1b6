"""The pages of campaigns: penchant insight contacts, campaigns, offers, returned, concerns, retention, winning."""

from __future__ import annotations

from penchant.cli.options.insight_campaigns import (
    CampaignsOptions,
    ConcernsOptions,
    ContactsOptions,
    ElasticityOptions,
    OffersOptions,
    OverdueOptions,
    ReturnedOptions,
    WinningOptions,
)
from penchant.cli.terminal import present, show_at
from penchant.cli.work import Work
from penchant.serving.audience.files import read_records, read_treatments, treatments_of
from penchant.serving.audience.past import audience_folders
from penchant.serving.goals.own import own_goals
from penchant.serving.insight.concerns import concerns_page
from penchant.serving.measure.contacts import contacts_page
from penchant.serving.measure.elasticity import arms_told, elasticity_page
from penchant.serving.measure.offers_page import offers_page
from penchant.serving.measure.returned import returned_page
from penchant.serving.measure.settings import MeasureSettings
from penchant.serving.measure.several import campaigns_page
from penchant.serving.measure.winning import retention_page, winning_page


def show_contacts(work: Work, options: ContactsOptions) -> None:
    """Show what became of the messages sent."""
    since = None if options.first is None else work.instant(options.first, "--from")
    with work.shop() as shop, work.step("following messages"):
        page = contacts_page(
            shop,
            since,
            work.moment(shop, options.second, "--to"),
            campaign=options.campaign,
            days=options.days,
            by_stage=options.by_stage,
        )
    present(work, page, options.out)


def show_campaigns(work: Work, options: CampaignsOptions) -> None:
    """Show what each campaign changed, side by side."""
    records = read_records(audience_folders(work.workspace, options.past or ()))
    settings = MeasureSettings(margin_share=options.margin_share, own=own_goals(work.config))
    with work.shop() as shop, work.step("measuring campaigns"):
        page = campaigns_page(
            shop,
            campaigns=options.campaign or (),
            goal=options.goal,
            outcome=options.outcome,
            days=options.days,
            records=records,
            settings=settings,
        )
    present(work, page, options.out)


def show_offers(work: Work, options: OffersOptions) -> None:
    """Show how often offers are redeemed, and what thresholds the baskets carry."""
    arms = treatments_of(audience_folders(work.workspace, options.past or ()))
    with work.shop() as shop, work.step("counting baskets and redemptions"):
        page = offers_page(shop, work.moment(shop, options.as_of), options.days, arms)
    present(work, page, options.out)


def show_returned(work: Work, options: ReturnedOptions) -> None:
    """Show who came back after a campaign."""
    with work.shop() as shop, work.step("following who came back"):
        page = returned_page(shop, options.campaign, options.days)
    present(work, page, options.out)


def show_concerns(work: Work, options: ConcernsOptions) -> None:
    """Show what buyers complain of."""
    show_at(work, options, "reading feedback", lambda shop, at: concerns_page(shop, at, options.days))


def show_retention(work: Work, options: OverdueOptions) -> None:
    """Show when buyers are overdue."""
    with work.shop() as shop, work.step("measuring gaps between orders"):
        page = retention_page(shop, options.by or ("category_id",), work.moment(shop, options.as_of))
    present(work, page, options.out)


def show_winning(work: Work, options: WinningOptions) -> None:
    """Show what orders cost, new and returned."""
    since = None if options.first is None else work.instant(options.first, "--from")
    with work.shop() as shop, work.step("comparing costs of orders"):
        page = winning_page(shop, since, work.moment(shop, options.second, "--to"))
    present(work, page, options.out)


def show_elasticity(work: Work, options: ElasticityOptions) -> None:
    """Show what a price or freight test says of demand."""
    told = arms_told(options.off or (), "free_freight" if options.freight else "price")
    arms = told or read_treatments(audience_folders(work.workspace, options.past or ()), options.campaign)
    with work.shop() as shop, work.step("comparing arms"):
        page = elasticity_page(shop, options.campaign, arms, options.days)
    present(work, page, options.out)
