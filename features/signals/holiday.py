"""Holiday preference: whether the customer buys and visits in holidays and promotions more than the calendar explains.

The calendar is a plan that is known ahead, so its future entries are no leak. Overlapping entries of a kind count once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import accumulate
from typing import Any

from penchant.lazy import _, ibis, pd

from ..engine.times import days_before, days_between, instant, step
from ..history.past import Past
from ..history.rows import Rows
from ..shop import Shop
from .declare import share_of, signal
from .group import PURCHASES, FeatureGroup, Signal, Windows

LOOK_BACK_DAYS = 365
KINDS = {"holiday": "holidays", "promotion": "promotions"}
PREFERS_LIFT, PREFERS_LEAST = 1.5, 2
Span = tuple[datetime, datetime]


def spans(past: Past, kind: str) -> list[Span]:
    """Return the calendar's spans of a kind, half-open and merged where they touch, in order."""
    return past.history.remembered(f"calendar {kind}", lambda: _spans(past, kind))


def _spans(past: Past, kind: str) -> list[Span]:
    calendar = past.history.shop.tables["calendar"]
    return merged(calendar.filter(_.kind == kind) if past.has("calendar", "kind") else calendar)


def merged(calendar: Any) -> list[Span]:
    """Return the spans of calendar rows, half-open and merged where they touch, in order."""
    rows = calendar.filter(_.starts_at < _.ends_at).to_pandas()
    times = zip(map(pd.Timestamp, rows["starts_at"]), map(pd.Timestamp, rows["ends_at"]), strict=True)
    found: list[Span] = []
    for start, end in sorted((start.to_pydatetime(), end.to_pydatetime()) for start, end in times):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def kinds_of(shop: Shop, name: str) -> list[str]:
    """Return of which kinds an entry of the calendar is, as far as the calendar tells."""
    if not shop.has("calendar", "kind"):
        return []
    calendar = shop.tables["calendar"]
    found = calendar.filter(calendar["name"] == name).select("kind").distinct().to_pandas()["kind"]
    return sorted(set(found.dropna()) & set(KINDS))


def is_inside(at: Any, covered: Sequence[Span]) -> Any:
    """Return whether an instant is inside one of the spans."""
    bounds = [bound for span in covered for bound in span]
    return step(at, bounds, [ibis.literal(place % 2 == 1) for place in range(len(bounds) + 1)])


def covered_days(at: Any, covered: Sequence[Span]) -> Any:
    """Return how many days the spans cover up to an instant."""
    lengths = [(end - start).total_seconds() / 86_400 for start, end in covered]
    before = [0.0, *accumulate(lengths)]
    values: list[Any] = [ibis.literal(0.0)]
    for place, (start, _end) in enumerate(covered):
        values += [days_between(at, instant(start)) + before[place], ibis.literal(before[place + 1])]
    return step(at, [bound for span in covered for bound in span], values)


def days_to_next(at: Any, covered: Sequence[Span]) -> Any:
    """Return the days to the start of the next span; 0 inside one, null after the last."""
    values: list[Any] = []
    for start, _end in covered:
        values += [-days_between(at, instant(start)), ibis.literal(0.0)]
    return step(at, [bound for span in covered for bound in span], [*values, ibis.null("float64")])


Asked = Callable[[Past], tuple[Rows, Any]]  # the rows of the last year, and when each of them was made


def _signals(_windows: Windows) -> Iterator[Signal]:
    for kind, plural in KINDS.items():
        for name, asked, needs in (("purchase", _purchases, PURCHASES), ("visit", _visits, "interactions")):
            yield _share(kind, plural, name, asked, needs)
            yield _lift(kind, plural, name, asked, needs)
        yield signal(
            f"days_to_next_{kind}", f"days to the start of the next of the calendar's {plural}; 0 inside one", "days",
            partial(_to_next, kind=kind), (), f"the calendar has no later {kind}",
            f"next {kind} in {{value:.0f}} days",
        )  # fmt: skip


def _to_next(past: Past, kind: str) -> Any:
    return days_to_next(_.as_of, spans(past, kind))


def _purchases(past: Past) -> tuple[Rows, Any]:
    return past.purchases.within(LOOK_BACK_DAYS), _.ordered_at


def _visits(past: Past) -> tuple[Rows, Any]:
    return past.interactions.within(LOOK_BACK_DAYS), _["at"]


def _inside_share(past: Past, kind: str, asked: Asked) -> Any:
    rows, at = asked(past)
    return share_of(rows, is_inside(at, spans(past, kind)))


def _share(kind: str, plural: str, name: str, asked: Asked, needs: str) -> Signal:
    return signal(
        f"{kind}_{name}_share",
        f"share of the {name}s of the last {LOOK_BACK_DAYS} days that were made in {plural}", "share",
        partial(_inside_share, kind=kind, asked=asked), needs, f"no {name} in {LOOK_BACK_DAYS} days",
        f"{{value:.0%}} of the {name}s were in {plural}",
    )  # fmt: skip


def _lift(kind: str, plural: str, name: str, asked: Asked, needs: str) -> Signal:
    return signal(
        f"{kind}_{name}_lift",
        f"{kind}_{name}_share by the share of the same time that {plural} covered: 1 = as the calendar explains",
        "ratio", lambda past: _inside_share(past, kind, asked) / calendar_share(past, kind).nullif(0.0), needs,
        f"no {name} in {LOOK_BACK_DAYS} days, or no {kind} then",
        (f"prefers {plural} for {name}s", f"makes few {name}s in {plural}"), population=True,
    )  # fmt: skip


def calendar_share(past: Past, kind: str) -> Any:
    """Return the share of the last year, or of the shop's time if that is shorter, that the spans covered."""
    start = past.share("shop_start", _shop_start)["started_at"]
    since = ibis.greatest(start, days_before(_.as_of, LOOK_BACK_DAYS))
    covered = spans(past, kind)
    if not covered:
        return ibis.literal(0.0)
    return (covered_days(_.as_of, covered) - covered_days(since, covered)) / days_between(_.as_of, since).nullif(0.0)


def _shop_start(everyone: Past) -> Any:
    rows = [everyone.orders.relation.select("as_of", "at")]
    if everyone.has("interactions"):
        rows.append(everyone.interactions.relation.select("as_of", "at"))
    seen = ibis.union(*rows) if len(rows) > 1 else rows[0]
    return seen.group_by("as_of").aggregate(started_at=_["at"].min())


def prefers(kind: str) -> Callable[[Past], Any]:
    """Return whether at least two purchases of the last year, and 1.5 times what the calendar explains, were inside."""

    def value(past: Past) -> Any:
        rows, at = _purchases(past)
        inside = rows.where(is_inside(at, spans(past, kind))).count()
        expected = rows.count() * calendar_share(past, kind)
        return ((inside >= PREFERS_LEAST) & (inside >= PREFERS_LIFT * expected)).fill_null(False)

    return value


HOLIDAY = FeatureGroup(
    "holiday",
    "Whether the customer prefers holidays and promotions, beyond what the calendar explains.",
    _signals,
    ("calendar",),
)
