"""The report of a measured campaign, for who decides about the next one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from penchant.charts import Axis, Curve, Series, bars, lines, points
from penchant.page import (
    Banner,
    Block,
    CheckLine,
    Checks,
    Details,
    KeyFigure,
    KeyFigures,
    Page,
    PageSection,
    Picture,
    Prose,
    Words,
)

from ...models.inputs.estimate import Estimate
from .design import WORDS
from .show import means_grids
from .tables import (
    ONE_AGAINST_ANOTHER,
    POINTS,
    SHARES,
    TONES,
    USUAL,
    Wording,
    forest,
    money_table,
    plain_table,
    results_table,
)
from .verdict import Word, told_p, with_interval

if TYPE_CHECKING:
    from .campaign import Measurement
    from .result import Breakdown

HEADLINES: dict[Word, str] = {"worked": "It worked.", "did harm": "It did harm.", "can't be told": "It can't be told."}
CHANCE = 0.05


def measurement_page(measured: Measurement) -> Page:
    """Return the report of a measured campaign as a page."""
    campaign = measured.campaign
    known = [campaign.goal and f"goal {campaign.goal}", campaign.channel and f"by {campaign.channel}"]
    sections = [
        PageSection("In short", tuple(_in_short(measured))),
        PageSection("Checks", (_checks(measured),)),
        PageSection("Windows", tuple(_windows(measured))),
        *_treatments(measured),
        *(_breakdown(measured, breakdown) for breakdown in measured.breakdowns),
        *_returners(measured),
        PageSection("Day by day", tuple(_looks(measured))),
        PageSection("How this was measured", (_method(measured),)),
    ]
    facts = {
        "Campaign": campaign.campaign_id,
        **({"What it was": ", ".join(part for part in known if part)} if any(known) else {}),
        "Response": measured.outcome.replace("_", " "),
        "First and last assignment": f"{measured.clock(measured.first_at)} and {measured.clock(measured.last_at)}",
        "Data until": measured.clock(measured.extract_end),
    }
    return Page(f"What the campaign '{campaign.campaign_id}' changed", _lead(measured), tuple(sections), facts)


def _lead(measured: Measurement) -> str:
    effect, how = measured.headline.response, "" if measured.failed else " at random"
    return (
        f"{effect.n_treated:,} customers were assigned to be contacted and {effect.n_control:,} were held out{how}; "
        f"compared {measured.headline.label}."
    )


def _in_short(measured: Measurement) -> Iterator[Block]:
    verdict, result = measured.verdict, measured.headline
    text = " ".join(part for part in (verdict.text, verdict.paid) if part)
    yield Banner(Words(HEADLINES[verdict.word], TONES[verdict.word]), text)
    cost, back = result.cost_per_order, result.return_on_cost
    figures = [
        KeyFigure("Difference in response, points", result.difference().scaled(100), "+.2f", "treated less control"),
        KeyFigure("Relative to the natural rate", result.response.relative(result.level), "+.1%"),
        KeyFigure("Incremental orders", result.total("orders"), "+,.0f"),
        *_figure(f"Incremental revenue, {measured.currency}", result.total("revenue"), "+,.0f"),
        *_figure(f"Incremental profit, {measured.currency}", result.total("profit"), "+,.0f", "margin less cost"),
        *_figure(f"Cost of an incremental order, {measured.currency}", cost, ",.2f"),
        *_figure("Return", back, "+.2f", f"profit for each {measured.currency} spent"),
    ]
    if not measured.failed:
        yield KeyFigures(tuple(figures))
    if measured.notes:
        yield Prose(measured.notes)


def _figure(name: str, value: Estimate | None, form: str, note: str = "") -> Iterator[KeyFigure]:
    if value is not None:
        yield KeyFigure(name, value, form, note)


def _checks(measured: Measurement) -> Checks:
    return Checks(tuple(CheckLine(f"{check.title}.", check.outcome, check.explanation) for check in measured.checks))


def _windows(measured: Measurement) -> Iterator[Block]:
    names = [result.label for result in measured.windows]
    primary = measured.windows.index(measured.headline)
    caption = (
        "The window in bold decides, alone and at its own level; the intervals of all others hold together. "
        "A window after a later wave compares the customers of the first by their first arm where arms were kept."
    )
    yield results_table("Window", measured.windows, caption, _wording(measured, USUAL), frozenset({primary}))
    yield Picture(
        points(
            names,
            [
                Series("with behaviour before", [result.difference().scaled(100) for result in measured.windows]),
                Series("plain", [result.difference(adjusted=False).scaled(100) for result in measured.windows]),
            ],
            POINTS,
        ),
        "Dots are estimates, lines their intervals. Adjusting for earlier behaviour removes chance differences.",
    )
    yield Details("With behaviour before, and plain", (plain_table("Window", measured.windows),))
    yield Details("Orders, revenue, profit", (money_table("Window", measured.windows, measured.currency),))
    if measured.refused:
        listed = [f"{name}: over at {measured.clock(over_at)}" for name, over_at in measured.refused.items()]
        yield Prose((f"Not over yet, and therefore not given: {'; '.join(listed)}.",))


def _treatments(measured: Measurement) -> Iterator[PageSection]:
    """Yield a section for each way to tell treatments apart."""
    caption = f"Responses {measured.headline.label}. The intervals hold jointly."
    for title, results in (("Arms", measured.arms), *means_grids(measured)):
        if results:
            first = "Arm" if title == "Arms" else title.removeprefix("By ").capitalize()
            money = Details("Orders, revenue, profit", (money_table(first, results, measured.currency),))
            yield PageSection(
                title, (results_table(first, results, caption, _wording(measured, USUAL)), forest(results), money)
            )
    if measured.pairs:
        wording = _wording(measured, ONE_AGAINST_ANOTHER)
        table = results_table("The first against the second", measured.pairs, caption, wording)
        yield PageSection("One arm against another", (table, forest(measured.pairs)))


def _wording(measured: Measurement, usual: Wording) -> Wording:
    """Return how a table speaks: without verdicts where a check says that no number may be believed."""
    return replace(usual, is_believed=not measured.failed)


def _breakdown(measured: Measurement, breakdown: Breakdown) -> PageSection:
    names = [result.label for result in breakdown.results]
    blocks: list[Block] = [Prose((_differs(breakdown),))]
    if breakdown.trend is not None and all(result.predicted is not None for result in breakdown.results):
        predicted = Series("predicted", [100 * (result.predicted or 0.0) for result in breakdown.results])
        found = Series("measured", [result.difference().scaled(100) for result in breakdown.results])
        blocks.append(Picture(bars(names, [predicted, found], Axis("decile, 1 = highest predicted"), POINTS)))
    else:
        blocks.append(forest(breakdown.results))
    caption = f"Responses {measured.headline.label}. The intervals hold jointly for all rows."
    first = breakdown.name.capitalize().replace("_", " ")
    table = results_table(first, breakdown.results, caption, _wording(measured, USUAL))
    money = Details("Orders, revenue, profit", (money_table(first, breakdown.results, measured.currency),))
    return PageSection(f"By {breakdown.name.replace('_', ' ')}", (*blocks, table, money))


def _differs(breakdown: Breakdown) -> str:
    """Return whether the groups differ, in words."""
    differ = breakdown.p_same < CHANCE
    text = (
        f"The effect differs between the groups ({told_p(breakdown.p_same)})."
        if differ
        else f"Differences between the groups may be chance ({told_p(breakdown.p_same)})."
    )
    if breakdown.trend is not None:
        trend = breakdown.trend
        ranked = "The ranking can't be told from a random one"
        if trend.excludes_zero:
            ranked = "Customers were ranked rightly" if trend.value < 0 else "Customers were ranked the wrong way round"
        change = with_interval(trend.scaled(100), "+.2f")
        text += f" {ranked}: from one decile to the next the effect changes by {change} points."
    if breakdown.n_left_out:
        text += f" {breakdown.n_left_out:,} customers are in groups too small to show."
    return text


def _returners(measured: Measurement) -> Iterator[PageSection]:
    """Yield what customers bought, and through which channel those came who responded."""
    for title, what, results in (
        ("What they bought", "Bought", measured.categories),
        ("Through which channel they came", "Channel", measured.channels),
    ):
        if results:
            caption = f"Share of each arm's customers, {measured.headline.label}. The intervals hold jointly."
            table = results_table(what, results, caption, _wording(measured, SHARES))
            yield PageSection(title, (table,))


def _looks(measured: Measurement) -> Iterator[Block]:
    table, first = measured.looks.table, measured.looks.first_clear_day
    if not len(table):
        yield Prose(("Too few responses so far.",))
        return
    text = "On no day did the difference so far clearly differ from zero."
    if measured.failed:
        text = "The days cannot be trusted until the failed checks are explained."
    elif first is not None:
        text = (
            f"The difference so far first clearly differed from zero on day {first:g}: you could have acted on it then."
        )
    yield Prose((text,))
    day = Axis("days since the first assignment", ",.0f")
    share = Axis("difference in response so far, points", "+.1f")
    percent = {name: 100 * table[name] for name in ("difference", "low", "high", "naive_low", "naive_high")}
    curves = [
        Curve("difference so far, always valid", table["day"], percent["difference"], percent["low"], percent["high"]),
        Curve("if it were the only look", table["day"], percent["naive_low"], reference=True),
        Curve("", table["day"], percent["naive_high"], reference=True),
    ]
    yield Picture(
        lines(curves, day, share, zero_line=True),
        f"The band holds on all days together with {measured.looks.level:.0%}, however often one looks.",
    )


def _method(measured: Measurement) -> Details:
    removed = measured.headline.response.variance_removed
    begins = "at the assignment"
    if measured.settings.count_from == "contact":
        begins = "as long after the assignment as its wave's first contact"
    return Details(
        "Definitions and methods",
        (
            Prose(
                (
                    WORDS[measured.kind],
                    "By assigned arm, whether the message arrived or not (intention to treat). Controls are "
                    "weighted by the odds with which they would have been treated, as recorded.",
                    f"A window is half-open and begins {begins}. An order belongs to it if it was placed in it "
                    "and was paid, and neither cancelled nor refunded, by its end.",
                    "Behaviour before the campaign is taken into account (CUPED; Deng et al. 2013); it took "
                    f"{removed:.0%} off the variance of the difference. The unadjusted difference is shown beside it.",
                    "Rows of a table that must hold together have Sidak's wider intervals (1967). Whether groups "
                    "differ is Cochran's Q (1954). Daily looks use a confidence sequence (Howard et al. 2021; "
                    "Waudby-Smith et al. 2024).",
                    "Incremental numbers are the difference per customer times the customers assigned to treatment.",
                )
            ),
        ),
    )
