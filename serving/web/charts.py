"""The page's charts: values of a view in, SVG in the reader's language out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from .crowd_words import STAGE_BEFORE
from .curves import Axes, CurvePoint, band_curve
from .drawings import column_chart, flow_chart
from .maps import heat_map, interval_chart, square_map, timeline
from .words import Phrases


def depth(t: Phrases, audience: Mapping[str, Any]) -> Markup:
    """Draw the expected profit over the depth of a list, and where it was cut."""
    points = [
        CurvePoint(one["n"], one["profit"]["value"], one["profit"]["low"], one["profit"]["high"])
        for one in audience["depth"]
    ]
    axes = Axes(t("depth"), t("depth.x"), t("depth.y", currency=t.currency), t.number, t.number)
    n = int(audience["n_chosen"])
    return band_curve(points, axes, (n, t("depth.cut", n=t.number(n))))


def months(t: Phrases, rows: Sequence[Mapping[str, Any]], value: str) -> Markup:
    """Draw a column a month, with the same month of the year before as a mark."""
    by_month = {row["month"]: row.get(value) for row in rows}

    def told(number: Any) -> str:
        return t.money(number) if value == "revenue" else t.number(number)

    drawn = []
    for row in rows[-13:]:
        year, month = row["month"].split("-")
        before = by_month.get(f"{int(year) - 1}-{month}")
        text = f"{row['month']}: {told(row.get(value))}"
        text += f" ({t('year_before')}: {told(before)})" if before is not None else ""
        drawn.append((row["month"], float(row.get(value) or 0), bool(row["is_unfinished"]), text, before))
    title = t("home.months") if value == "revenue" else t("home.orders")
    return column_chart(drawn, title, t.short)


def flow(t: Phrases, rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> Markup:
    """Draw where customers moved; each band leads to its customers."""
    return flow_chart(rows, names, t("flow"), moved_link)


def moved_link(was: str, now: str) -> str:
    """Return the crowd of those who moved from a stage to another within the month."""
    return f"/crowd?{urlencode([('c', f'{STAGE_BEFORE}:is:{was}'), ('c', f'stage:is:{now}')])}"


def step_link(step: str, base: str) -> str:
    """Return the crowd of those who stand at a step of the funnel: of the registered where it counts those alone."""
    registered = [("c", "days_since_registration:at_least:0")] if base == "registrations" else []
    return f"/crowd?{urlencode([('c', f'funnel_state:is:{step}'), *registered])}"


def rfm(t: Phrases, rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw the map of recency and frequency scores; each square leads to its crowd."""
    cells = {(int(row["rfm_recency"]), int(row["rfm_frequency"])): int(row["count_all"]) for row in rows}
    links = {cell: f"/crowd?c=rfm_recency:is:{cell[0]}&c=rfm_frequency:is:{cell[1]}" for cell in cells}
    return square_map(cells, links, t("rfm"), t("rfm.recency"), t("rfm.frequency"))


def cohorts(t: Phrases, page: Mapping[str, Any], at: str) -> Markup:
    """Draw which share of each month's first buyers came back, by months since; a cohort leads to its crowd."""
    cells = [cell for cell in page["cells"] if 1 <= int(cell["age"]) <= 12]
    names = list(dict.fromkeys(str(cell["cohort"]) for cell in page["cells"]))[-18:]
    values = {
        (str(cell["cohort"]), int(cell["age"])): (
            cell["retention"]["value"],
            f"{cell['cohort']}, {t('cohorts.age', n=cell['age'])}: {t.share(cell['retention']['value'])} "
            f"{t.interval(cell['retention'], 'share')} · {t('of_n', n=t.number(cell['n_customers']))}",
            bool(cell["is_finished"]),
        )
        for cell in cells
        if cell["cohort"] in names and cell["retention"]["value"] is not None
    }
    end = date.fromisoformat(at[:10])
    links = {name: _cohort_link(name, end) for name in names}
    sizes = {str(cell["cohort"]): t.number(cell["n_customers"]) for cell in page["cells"] if int(cell["age"]) == 0}
    return heat_map(names, sizes, values, links, t("cohorts"), t("cohorts.x"))


def _cohort_link(month: str, end: date) -> str:
    """Return the crowd of those whose first purchase was in a month."""
    first = date.fromisoformat(f"{month}-01")
    after = (first + timedelta(days=32)).replace(day=1)
    least, most = max(0, (end - after).days), (end - first).days
    column = "days_since_first_purchase"
    return f"/crowd?c={column}:at_least:{least}&c={column}:at_most:{most}"


def calendar(t: Phrases, plan: Mapping[str, Any]) -> Markup:
    """Draw the waves of a plan: one line a campaign, one mark a wave, phases coloured."""
    waves = plan["waves"]
    if not waves:
        return Markup("")
    rows: dict[str, list[tuple[date, str]]] = {}
    phases: dict[str, str] = {}
    for one in waves:
        when = date.fromisoformat(one["day"])
        text = f"{one['day']}: {one['campaign']}, {t('wave')} {one['wave']}"
        rows.setdefault(one["campaign"], []).append((when, text))
        phases[one["campaign"]] = one["phase"] or ""
    names = {phase: t.of("phase", phase) for phase in dict.fromkeys(phases.values()) if phase}
    return timeline(rows, phases, names, t("plan.calendar"))


def effects(t: Phrases, part: Mapping[str, Any]) -> Markup:
    """Draw the difference of each group with its interval, beside the line of no effect."""
    kind = {"stage": "stage", "segment": "segment", "recommended_offer": "offer"}.get(part["by"], "value")
    rows = [
        (
            t.of(kind, one["label"]),
            (100 * one["difference"]["value"], 100 * one["difference"]["low"], 100 * one["difference"]["high"]),
            f"{t.points(one['difference']['value'])} {t.interval(one['difference'], 'points')}",
        )
        for one in part["rows"]
        if one["difference"].get("low") is not None
    ]
    return interval_chart(rows, t.of("by", part["by"]), t("difference.x"))
