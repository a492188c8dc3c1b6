"""Campaigns side by side: what each changed, by one response and in one window, with intervals that hold jointly.

Each campaign is measured against its own control; channels, offers and crowds are compared by the campaigns that had
them, weighted by the customers contacted. What a record had promised stands beside what came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from ibis import _

from penchant.errors import InputError, LeftOutError, PenchantError, TooLittleDataError, did_you_mean
from penchant.page import PageColumn

from ...features.shop import Shop
from ...models.inputs.distributions import chi_square_tail, normal_ppf
from ...models.inputs.estimate import Estimate
from ..goals.catalogue import Outcome
from ..insight.page import InsightPage, InsightTable
from .behaviour import read_behaviours
from .campaign import deciding
from .checks import checks_of, why_broken
from .compare import LEAST_ROWS, by_arm, compare_arms, sidak
from .data import CampaignRows, campaign_rows
from .design import Design, read_design
from .material import Material
from .result import Result
from .settings import Campaign, MeasureSettings

MOST_PAIRED = 4
MOST_CAMPAIGNS = 40  # the latest, where there are more
MOST_TOGETHER = 100_000  # assignments whose customers are looked up at once
LEVEL = 0.95
GROUPS: Mapping[str, Callable[[Campaign], str | None]] = {
    "channel": lambda one: one.channel,
    "offer": lambda one: one.offer_kind,
    "goal": lambda one: one.goal,
}


@dataclass(frozen=True, eq=False)
class CampaignFound:
    """What one campaign changed.

    Attributes
    ----------
    campaign
        Its facts.
    result
        All treatments against its control.
    arms
        Each treatment against the control; empty where there is one.
    doubt
        Why the numbers must not be believed; empty where nothing says so.
    promised
        Successes that the record of the audience had promised of those treated; None where there is no record.
    """

    campaign: Campaign
    result: Result
    arms: tuple[Result, ...]
    doubt: str
    promised: Estimate | None = None


def compare_campaigns(
    shop: Shop, names: Sequence[str], settings: MeasureSettings, records: pd.DataFrame | None = None
) -> tuple[list[CampaignFound], dict[str, str]]:
    """Return what each campaign changed, and why others cannot be measured.

    Parameters
    ----------
    shop
        The shop.
    names
        The campaigns; at least one.
    settings
        The window that decides, and the response that counts for all of them.
    records
        Records of audiences, for what they had promised.
    """
    found, left_out = dict[str, CampaignFound](), dict[str, str]()
    joint = replace(settings, level=sidak(settings.level, len(names)))
    own = (
        {}
        if records is None
        else {str(one): part.reset_index(drop=True) for one, part in records.groupby("campaign_id")}
    )
    for material, name in _materials(shop, names, joint, own, left_out):
        with _excused(name, left_out):
            found[name] = _judged(material, name, own.get(name))
    in_order = {name: left_out[name] for name in names if name in left_out}
    return [found[name] for name in names if name in found], in_order


def _materials(
    shop: Shop,
    names: Sequence[str],
    settings: MeasureSettings,
    own: Mapping[str, pd.DataFrame],
    left_out: dict[str, str],
) -> Iterator[tuple[Material, str]]:
    """Yield what is known of each campaign, those of one outcome read together; why others cannot be read is noted."""
    waiting = list(names)
    while waiting:
        opened: dict[str, tuple[CampaignRows, Design]] = {}
        with ExitStack() as stack:
            while waiting and sum(len(rows.assigned) for rows, _design in opened.values()) < MOST_TOGETHER:
                name = waiting.pop(0)
                with _excused(name, left_out):
                    rows = stack.enter_context(campaign_rows(shop, name, settings, own.get(name)))
                    opened[name] = rows, read_design(rows.assigned, settings.windows_days, shop.extract_end)
            read = _read_together(shop, opened, settings, left_out)
        yield from read


def _read_together(
    shop: Shop, opened: Mapping[str, tuple[CampaignRows, Design]], settings: MeasureSettings, left_out: dict[str, str]
) -> list[tuple[Material, str]]:
    outcomes = {name: rows.campaign.outcome(settings) for name, (rows, _design) in opened.items()}
    found = []
    for outcome in sorted(set(outcomes.values())):
        mine = [name for name in opened if outcomes[name] == outcome]
        asked = [(rows, (*design.views, design.longest)) for rows, design in (opened[name] for name in mine)]
        try:
            behaviours = read_behaviours(shop, asked, outcome, settings.pre_days)
        except (PenchantError, LookupError) as fault:
            left_out |= dict.fromkeys(mine, _short(fault))
            continue
        for name, behaviour in zip(mine, behaviours, strict=True):
            rows, design = opened[name]
            found.append((Material(rows.campaign, settings, rows.assigned, design, behaviour), name))
    return found


@contextmanager
def _excused(name: str, left_out: dict[str, str]) -> Iterator[None]:
    """Note why a campaign cannot be measured: the others can be."""
    try:
        yield
    except (PenchantError, LookupError) as fault:
        left_out[name] = _short(fault)


def _short(fault: Exception) -> str:
    return str(fault).splitlines()[0]


def _judged(material: Material, name: str, record: pd.DataFrame | None) -> CampaignFound:
    view = deciding(material)
    headline = compare_arms(material, view, name)
    least = min(headline.response.n_treated, headline.response.n_control)
    if least < LEAST_ROWS:
        raise TooLittleDataError(f"campaign '{name}'", f"{LEAST_ROWS} customers or more in each arm", f"{least}")
    doubt = why_broken(checks_of(material, view, headline))
    return CampaignFound(material.campaign, headline, by_arm(material, view), doubt, _promised(record))


def _promised(record: pd.DataFrame | None) -> Estimate | None:
    """Return the successes that a record's uplift promises of the treated of the first wave."""
    if record is None or "uplift" not in record or record["uplift"].isna().all():
        return None
    treated = record[(record["arm"] != "control") & (record["wave"] == record["wave"].min())]
    sums = [float(treated[name].sum(skipna=True)) for name in ("uplift", "uplift_low", "uplift_high")]
    return Estimate(*sums)


def campaigns_page(
    shop: Shop,
    *,
    campaigns: Sequence[str] = (),
    goal: str | None = None,
    outcome: Outcome = "paid_order",
    days: int = 30,
    records: pd.DataFrame | None = None,
    settings: MeasureSettings | None = None,
) -> InsightPage:
    """Return campaigns side by side.

    Parameters
    ----------
    shop
        The shop.
    campaigns
        Which; empty: all that have assignments, at most the latest 40.
    goal
        Of one goal alone.
    outcome
        The response that counts for all of them.
    days
        The window, days after each wave.
    records
        Records of audiences, for what they had promised.
    settings
        Arms, control and own goals, as `measure` takes them.

    Raises
    ------
    InputError
        If there is no such campaign.
    LeftOutError
        If the shop has no assignments.
    TooLittleDataError
        If no campaign can be measured.
    """
    names = _names(shop, campaigns, goal)
    usual = settings or MeasureSettings()
    asked = replace(usual, windows_days=(days,), decision_days=days, outcome=outcome, level=LEVEL)
    found, left_out = compare_campaigns(shop, names, asked, records)
    if not found:
        why = next(iter(left_out.values()), "none there")
        raise TooLittleDataError("campaigns", "one that can be measured", f"{len(names)}, the first: {why}")
    tables = [_campaigns(found, shop.currency, days)]
    sure = [one for one in found if not one.doubt]
    tables += [table for name, read in GROUPS.items() if (table := _group(sure, name, read)) is not None]
    if 2 <= len(sure) <= MOST_PAIRED:
        tables.append(_pairs(sure))
    if any(one.promised is not None for one in found):
        tables.append(_forecasts(found))
    notes = (
        f"Each campaign is held against its own control; the response is {outcome.replace('_', ' ')} within {days} "
        "days. Intervals of one table hold jointly, so that rows may be compared; a campaign whose checks fail has no"
        " verdict and takes no part in the tables below.",
        "By channel, offer and goal: the mean of their campaigns, weighted by the customers contacted. Who was in them "
        "differs, so a difference between two rows is no proof that the channel made it: split one crowd to know.",
    )
    lead = f"{len(found)} campaigns measured, {len(left_out)} not."
    facts = {"outcome": outcome, "days": days}
    return InsightPage("campaigns", "Campaigns compared", lead, tuple(tables), facts, left_out, notes)


def _names(shop: Shop, campaigns: Sequence[str], goal: str | None) -> list[str]:
    if not shop.has("assignments"):
        raise LeftOutError("campaigns", "the table 'assignments'", "a shop without it")
    rows = shop.tables["assignments"].group_by("campaign_id").aggregate(first=_.assigned_at.min())
    known = rows.order_by(["first", "campaign_id"]).to_pyarrow().to_pandas()["campaign_id"].tolist()
    for name in campaigns:
        if name not in known:
            raise InputError("option --campaign", "a campaign with assignments", f"'{name}'", did_you_mean(name, known))
    if campaigns:
        return list(dict.fromkeys(campaigns))
    if goal is not None:
        table = shop.tables["campaigns"] if shop.has("campaigns", "goal") else None
        of_goal = [] if table is None else table.filter(_.goal == goal).to_pandas()["campaign_id"].tolist()
        known = [name for name in known if name in of_goal]
        if not known:
            raise InputError("option --goal", "a goal that a campaign with assignments had", f"'{goal}'")
    return known[-MOST_CAMPAIGNS:]


def _campaigns(found: Sequence[CampaignFound], currency: str, days: int) -> InsightTable:
    rows = []
    for one in found:
        rows.append(_row(one, one.campaign.campaign_id, one.result))
        rows += [_row(one, f"  {arm.label}", arm) for arm in one.arms]
    columns = {
        "campaign": PageColumn("campaign, arm"),
        "means": PageColumn("goal, channel, offer"),
        "n_treated": PageColumn("treated", ",d"),
        "n_control": PageColumn("control", ",d"),
        "rate": PageColumn("respond", ".1%"),
        "natural": PageColumn("without", ".1%"),
        "points": PageColumn("difference, points", "+.2f"),
        "orders": PageColumn("orders", "+,.0f"),
        "profit": PageColumn(f"profit, {currency}", "+,.0f"),
        "verdict": PageColumn(""),
    }
    has_profit = any(row["profit"] is not None for row in rows)
    shown = columns if has_profit else {name: column for name, column in columns.items() if name != "profit"}
    return InsightTable("campaigns", f"What each campaign changed within {days} days", shown, rows, drawn="points")


def _row(one: CampaignFound, label: str, result: Result) -> dict[str, Any]:
    effect, points = result.response, result.difference().scaled(100)
    word = "surely more" if points.low > 0 else "surely less" if points.high < 0 else "cannot be told"
    known = [one.campaign.goal, one.campaign.channel, one.campaign.offer_kind]
    return {
        "campaign": label,
        "means": ", ".join(part for part in known if part),
        "n_treated": effect.n_treated,
        "n_control": effect.n_control,
        "rate": effect.treated.value,
        "natural": effect.control.value,
        "points": points,
        "orders": result.total("orders"),
        "profit": result.total("profit"),
        "verdict": f"not to be believed: {one.doubt}" if one.doubt else word,
    }


def _group(found: Sequence[CampaignFound], name: str, read: Callable[[Campaign], str | None]) -> InsightTable | None:
    """Return the campaigns of each channel, offer or goal together; None where there are not two."""
    values = sorted({value for one in found if (value := read(one.campaign)) is not None})
    if len(values) < 2:
        return None
    level = sidak(LEVEL, len(values))
    rows = [{name: value, **_pooled([one for one in found if read(one.campaign) == value], level)} for value in values]
    columns = {
        name: PageColumn(name),
        "n_campaigns": PageColumn("campaigns", ",d"),
        "n_treated": PageColumn("treated", ",d"),
        "points": PageColumn("difference, points", "+.2f"),
    }
    p = _p_same(rows)
    title = f"By {name}: {'they differ' if p < 0.05 else 'differences may be chance'} (p = {p:.2g})"
    return InsightTable(f"by_{name}", title, columns, rows, drawn="points")


def _pooled(found: Sequence[CampaignFound], level: float) -> dict[str, Any]:
    """Return the mean effect of independent campaigns, weighted by their treated customers."""
    n = np.array([one.result.response.n_treated for one in found], float)
    values = [one.result.response.adjusted for one in found]
    weight = n / n.sum()
    value = float(weight @ np.array([one.value for one in values]))
    error = float(np.sqrt((weight**2) @ np.array([one.error for one in values]) ** 2))
    reach = float(normal_ppf((1 + level) / 2)) * error
    points = Estimate(value, value - reach, value + reach).scaled(100)
    return {"n_campaigns": len(found), "n_treated": int(n.sum()), "points": points, "error": error}


def _pairs(found: Sequence[CampaignFound]) -> InsightTable:
    """Return the differences between the effects of campaigns, which are of other customers each."""
    pairs = list(combinations(found, 2))
    reach = float(normal_ppf((1 + sidak(LEVEL, len(pairs))) / 2))
    rows = []
    for one, other in pairs:
        mine, its = one.result.response.adjusted, other.result.response.adjusted
        value, half = mine.value - its.value, reach * float(np.hypot(mine.error, its.error))
        points = Estimate(value, value - half, value + half).scaled(100)
        better = "cannot be told" if not points.excludes_zero else "the first" if value > 0 else "the second"
        names = {"first": one.campaign.campaign_id, "second": other.campaign.campaign_id}
        rows.append({**names, "points": points, "verdict": better})
    columns = {
        "first": PageColumn("first"),
        "second": PageColumn("second"),
        "points": PageColumn("more, points", "+.2f"),
        "verdict": PageColumn("changes more"),
    }
    return InsightTable("pairs", "One campaign against another", columns, rows)


def _p_same(rows: Sequence[Mapping[str, Any]]) -> float:
    """Return the p-value of Cochran's Q: whether the rows differ beyond chance."""
    value = np.array([row["points"].value / 100 for row in rows])
    weight = 1 / np.maximum(np.array([row["error"] for row in rows]), 1e-12) ** 2
    q = float((weight * (value - (weight @ value) / weight.sum()) ** 2).sum())
    return chi_square_tail(q, len(value) - 1)


def _forecasts(found: Sequence[CampaignFound]) -> InsightTable:
    """Return what the records had promised beside what came."""
    rows = []
    for one in found:
        came, promised = one.result.total("response"), one.promised
        if promised is None or came is None:
            continue
        verdict = "more" if came.low > promised.high else "as promised, as far as can be told"
        verdict = "less than promised" if came.high < promised.low else verdict
        rows.append({"campaign": one.campaign.campaign_id, "promised": promised, "came": came, "verdict": verdict})
    columns = {
        "campaign": PageColumn("campaign"),
        "promised": PageColumn("successes promised", "+,.1f"),
        "came": PageColumn("came", "+,.1f"),
        "verdict": PageColumn(""),
    }
    return InsightTable("forecasts", "Forecasts, and what came", columns, rows)
