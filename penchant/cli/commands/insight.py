"""The pages of customers: penchant insight stages, flow, funnel, crowds, profile, lookalikes."""

from __future__ import annotations

from datetime import timedelta

from penchant.cli.options.insight import (
    CohortsOptions,
    CrowdOptions,
    CrowdsOptions,
    FlowOptions,
    FunnelOptions,
    LookalikesOptions,
    LoyaltyOptions,
    ProfileOptions,
    ProgrammeOptions,
    StagesOptions,
)
from penchant.cli.terminal import present, show_at
from penchant.cli.work import Work
from penchant.features.moments import first_event
from penchant.serving.audience.exclusions import protection_of
from penchant.serving.audience.programme import programme_page
from penchant.serving.insight.cohorts import cohorts_page
from penchant.serving.insight.crowds import crowds_page
from penchant.serving.insight.flow import flow_page
from penchant.serving.insight.funnel import funnel_page
from penchant.serving.insight.likeness_judged import LookalikeRules
from penchant.serving.insight.lookalikes import lookalikes_page
from penchant.serving.insight.loyalty import loyalty_page
from penchant.serving.insight.profile import profile_page
from penchant.serving.insight.stages import stages_page
from penchant.table_file import read_table

FLOW_SPAN = timedelta(days=90)


def show_stages(work: Work, options: StagesOptions) -> None:
    """Show how many customers are in each stage."""
    show_at(work, options, "counting stages", stages_page)


def show_flow(work: Work, options: FlowOptions) -> None:
    """Show how customers moved between stages."""
    since = work.instant_or_none(options.first, "--from")
    with work.shop() as shop, work.step("counting stages at both dates"):
        until = work.moment(shop, options.second, "--to")
        since = since or max((until or shop.extract_end) - FLOW_SPAN, first_event(shop))
        page = flow_page(shop, since, until)
    present(work, page, options.out)


def show_funnel(work: Work, options: FunnelOptions) -> None:
    """Show how far open journeys got."""
    show_at(
        work, options, "following customers along the funnel", lambda shop, at: funnel_page(shop, at, options.horizon)
    )


def show_crowds(work: Work, options: CrowdsOptions) -> None:
    """Show how many customers are in each focus crowd."""
    show_at(work, options, "counting crowds", lambda shop, at: crowds_page(shop, at, options.crowd or ()))


def show_profile(work: Work, options: ProfileOptions) -> None:
    """Show what the customers of a crowd are, against all customers."""
    show_at(work, options, "describing the crowd", lambda shop, at: profile_page(shop, options.crowd, at))


def show_crowd(work: Work, options: CrowdOptions) -> None:
    """Show the size of one crowd, and what its customers are."""
    show_at(work, options, "describing the crowd", lambda shop, at: profile_page(shop, options.name, at))


def show_cohorts(work: Work, options: CohortsOptions) -> None:
    """Show what became of customers by when, or with what, they first bought."""
    show_at(work, options, "following cohorts", lambda shop, at: cohorts_page(shop, at, options.by))


def show_programme(work: Work, options: ProgrammeOptions) -> None:
    """Show what all campaigns together changed."""
    since = work.instant(options.first, "--from")
    with work.shop() as shop, work.step("comparing with the universal control"):
        until = work.moment(shop, options.second, "--to")
        page = programme_page(shop, since, until, protection_of(work.config))
    present(work, page, options.out)


def show_loyalty(work: Work, options: LoyaltyOptions) -> None:
    """Show memberships, points and referrals."""
    show_at(
        work, options, "counting members, points and referrals", lambda shop, at: loyalty_page(shop, at, options.days)
    )


def show_lookalikes(work: Work, options: LookalikesOptions) -> None:
    """Show who resembles the best customers."""
    texts = ("customer_id", "customer_id_sha256")
    outside = None if options.outside is None else read_table(options.outside, "a list of people", texts)
    rules = LookalikeRules(options.best, options.days)
    doing = "comparing best customers with strangers"
    show_at(work, options, doing, lambda shop, at: lookalikes_page(shop, at, rules, outside))
