"""The purchase cycle: how long customers wait between purchases, and what is long for whom.

A customer's cycle is the distribution of days between purchases in the categories the customer buys, shrunk to the
customer's own gaps where there are many, and to the shop's where a category has few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from penchant.errors import ConfigError, InputError, did_you_mean, quoted
from penchant.lazy import _, ibis
from penchant.spreadsheet import shop_day

from ..engine.temporary import Keep
from ..engine.times import whole_days_between
from ..history.past import Past
from ..history.prepare import History, Moment
from ..history.questions import categories_of, values_of
from ..history.rows import Rows
from ..shop import Shop
from ..spine import as_utc
from .profile import person

PastAt = Callable[[datetime], Past]
FEW_GAPS = 30  # the shop's cycle counts as so many gaps of a category
MEDIAN = 0.5
UNKNOWN_DAYS = 90  # the churn horizon of a shop in which nobody came back yet
FIXED_SEMI_ACTIVE = 1 / 3  # of a fixed churn horizon: 30 days of 90


@dataclass(frozen=True)
class Cycle:
    """The cycle of each spine row, as expressions in days.

    Parameters
    ----------
    typical
        The median gap.
    semi_active, silent, churned
        Since the last purchase: from when the stage holds.
    """

    typical: Any
    semi_active: Any
    silent: Any
    churned: Any


def cycle(past: Past) -> Cycle:
    """Return each spine row's cycle and the thresholds it gives."""
    return Cycle(**past.let("cycle", lambda: _cycle(past)))


def _cycle(past: Past) -> dict[str, Any]:
    return {"typical": own_quantile(past, MEDIAN), **_thresholds(past)}


def _thresholds(past: Past) -> dict[str, Any]:
    """Return from how many days since the last purchase each of the falling stages holds."""
    settings = past.config.cycle
    semi_active, silent = _overdue(past)
    if settings.fixed_days_by:
        semi_active = ibis.coalesce(*_fixed_for_segments(past, FIXED_SEMI_ACTIVE), semi_active)
        silent = ibis.coalesce(*_fixed_for_segments(past, 1.0), silent)
    if settings.fixed_days_of:
        semi_active, silent = _with_fixed(past, semi_active, silent)
    return {"semi_active": semi_active, "silent": silent, "churned": silent * settings.churned_multiple}


def _overdue(past: Past) -> tuple[Any, Any]:
    """Return from when semi-active and silent hold: fixed for all, else by the customer's cycle."""
    settings = past.config.cycle
    if settings.fixed_days is not None:
        fixed = float(settings.fixed_days)
        return ibis.literal(fixed * FIXED_SEMI_ACTIVE), ibis.literal(fixed)
    least, most = float(settings.min_days), float(settings.max_days)
    silent = own_quantile(past, settings.churn_quantile).fill_null(float(UNKNOWN_DAYS)).clip(least, most)
    overdue = own_quantile(past, settings.semi_active_quantile).fill_null(UNKNOWN_DAYS * FIXED_SEMI_ACTIVE)
    return ibis.least(ibis.greatest(overdue, least * FIXED_SEMI_ACTIVE), silent), silent


def _with_fixed(past: Past, semi_active: Any, silent: Any) -> tuple[Any, Any]:
    """Return the thresholds as means over the lines bought: of some categories fixed, of the others as they were."""
    days_of = fixed_days_of(past)
    fixed = past.lines.where(_.category_id.isin(list(days_of)))
    n_fixed, n_lines = fixed.count(), past.lines.count()
    days = fixed.sum(ibis.cases(*[(_.category_id == name, float(days)) for name, days in days_of.items()]))

    def mixed(share: float, of_others: Any) -> Any:
        return ibis.coalesce((share * days + (n_lines - n_fixed) * of_others) / n_lines.nullif(0), of_others)

    return mixed(FIXED_SEMI_ACTIVE, semi_active), mixed(1.0, silent)


def fixed_days_of(past: Past) -> Mapping[str, int]:
    """Return category -> the days that stand for its cycle, as configured.

    Raises
    ------
    ConfigError
        If the shop does not know categories, or not one of these.
    """
    return past.history.remembered("fixed_days_of", lambda: _fixed_days_of(past))


def _fixed_days_of(past: Past) -> Mapping[str, int]:
    wanted, place = past.config.cycle.fixed_days_of, "cycle.fixed_days_of"
    if not past.has_category:
        raise ConfigError(place, "a shop that knows the category of what is bought", "one that does not")
    known = categories_of(past.history.shop)
    wrong = [name for name in wanted if name not in known]
    if wrong:
        raise ConfigError(place, "categories of the shop", quoted(wrong), did_you_mean(wrong[0], sorted(known)))
    return wanted


def _fixed_for_segments(past: Past, share: float) -> list[Any]:
    """Return a share of the days that are fixed for the customer's value of each attribute; null where none are.

    Raises
    ------
    ConfigError
        If customers have not one of these attributes, or nobody one of these values.
    """
    settings = past.config.cycle.fixed_days_by
    past.history.remembered("fixed_days_by", lambda: _check_segments(past.history.shop, settings))
    found = []
    for name, days_of in settings.items():
        value = person(past).max(_[name]).cast("string")
        found.append(ibis.cases(*[(value == one, share * days) for one, days in days_of.items()]))
    return found


def _check_segments(shop: Shop, settings: Mapping[str, Mapping[str, int]]) -> bool:
    attributes = shop.tables["customers"].columns if shop.has("customers") else ()
    for name, days_of in settings.items():
        place = f"cycle.fixed_days_by.{name}"
        if name not in attributes:
            raise ConfigError(place, "an attribute of customers", "none of this name", did_you_mean(name, attributes))
        known = values_of(shop, name)
        wrong = [value for value in days_of if value not in known]
        if wrong:
            raise ConfigError(place, "values that customers have", quoted(wrong), did_you_mean(wrong[0], sorted(known)))
    return True


def own_quantile(past: Past, share: float) -> Any:
    """Return a quantile of each customer's cycle in days, shrunk; null where nobody ever came back."""
    weight = past.config.cycle.shrinkage
    own = past.gaps.quantile(_.gap_days, share)
    n_own = past.gaps.count()
    expected = _expected(past, share)
    shrunk = (n_own * own.fill_null(0.0) + weight * expected) / (n_own + weight)
    return ibis.coalesce(shrunk, expected)


def _expected(past: Past, share: float) -> Any:
    """Return what the categories that the customer buys let expect; the shop's cycle where they are unknown."""
    overall = past.share("shop_cycle", shop_cycle)[quantile_name(share)]
    if not past.has_category:
        return overall
    return ibis.coalesce(bought_cycles(past).mean(_[quantile_name(share)]), overall)


def bought_cycles(past: Past) -> Rows:
    """Return the lines that were bought with their category's cycle: see `category_cycles`."""
    return past.rows("bought_cycles", lambda: _bought_cycles(past))


def quantile_name(share: float) -> str:
    """Return the column of a quantile in the tables of cycles: ``q9000`` of 0.9."""
    return f"q{round(share * 10_000)}"


def _shares(past: Past) -> list[float]:
    settings, crowds = past.config.cycle, past.config.crowds
    asked = (settings.churn_quantile, settings.semi_active_quantile, crowds.due_from, crowds.due_until)
    return sorted({MEDIAN, *asked})


def shop_cycle(everyone: Past) -> Any:
    """Return quantiles of everyone's gaps, one row per as_of."""
    gaps = everyone.gaps.relation
    quantiles = {quantile_name(share): gaps.gap_days.quantile(share) for share in _shares(everyone)}
    return gaps.group_by("as_of").aggregate(n_gaps=gaps.count(), **quantiles)


def category_cycles(everyone: Past) -> Any:
    """Return each category's cycle, shrunk to the shop's, and its repurchase rate.

    Columns: as_of, category_id, n_buyers, repurchase_rate (share of the buyers who bought on another day again),
    n_gaps, and the quantiles of the days between purchases within the category.
    """
    day = everyone.history.local(_["at"]).date()
    days = everyone.lines.relation.filter(_.category_id.notnull())
    days = days.select("row", "as_of", "category_id", day=day).distinct()
    before = _.day.lag().over(group_by=["row", "category_id"], order_by="day")
    gaps = days.mutate(gap_days=whole_days_between(_.day, before))
    shares = _shares(everyone)
    quantiles = {quantile_name(share): _.gap_days.quantile(share) for share in shares}
    repeated = ibis.cases((_.gap_days.notnull(), _.row)).nunique()
    found = gaps.group_by("as_of", "category_id").aggregate(
        n_buyers=_.row.nunique(), n_again=repeated, n_gaps=_.gap_days.count(), **quantiles
    )
    overall = (
        shop_cycle(everyone)
        .drop("n_gaps")
        .rename({f"shop_{quantile_name(share)}": quantile_name(share) for share in shares})
    )
    joined = found.left_join(overall, "as_of")
    shrunk = {quantile_name(share): _shrunk(joined, quantile_name(share)) for share in shares}
    rate = joined.n_again / joined.n_buyers
    return joined.select("as_of", "category_id", "n_buyers", "n_gaps", repurchase_rate=rate, **shrunk)


def _shrunk(joined: Any, name: str) -> Any:
    own, overall = joined[name].fill_null(0.0), joined[f"shop_{name}"]
    return (joined.n_gaps * own + FEW_GAPS * overall) / (joined.n_gaps + FEW_GAPS)


def kept_category_cycles(past: Past) -> Any:
    """Return `category_cycles` of everyone, computed once for a moment."""
    everyone = past.everyone
    return everyone.relation("category_cycles", lambda: past.keep.table(category_cycles(everyone)))


def _bought_cycles(past: Past) -> Any:
    """Return a row for each line that was bought, with its category's cycle."""
    cycles = kept_category_cycles(past).rename(seen_at="as_of", cycle_category="category_id")
    lines = past.lines.relation
    same = [lines.category_id == cycles.cycle_category, lines.as_of.truncate("D") == cycles.seen_at]
    return lines.inner_join(cycles, same).drop("seen_at", "cycle_category")


@dataclass(frozen=True)
class ChurnHorizon:
    """How long without a paid order counts as churn, and why.

    Parameters
    ----------
    days
        Whole days; whole weeks where it comes from the purchase cycle.
    basis
        Where the number comes from, as a sentence.
    """

    days: int
    basis: str


def churn_horizon(shop: Shop, before: datetime) -> ChurnHorizon:
    """Return one churn horizon for all customers of a shop.

    Parameters
    ----------
    shop
        The shop.
    before
        Gaps between purchases that ended before this instant count: the earliest as_of in use.

    Raises
    ------
    InputError
        If the configuration allows no horizon of whole weeks.
    """
    settings = shop.config.cycle
    if settings.fixed_days is not None:
        return ChurnHorizon(settings.fixed_days, f"{settings.fixed_days} days, as configured (cycle.fixed_days)")
    least, most = -(-settings.min_days // 7), settings.max_days // 7
    if least > most:
        raise InputError(
            "cycle.min_days, cycle.max_days",
            "at least one whole week between them",
            f"{settings.min_days} and {settings.max_days}",
        )
    share, before = settings.churn_quantile, as_utc(before)
    day = shop_day(before, shop.timezone)
    quantile, n_gaps = _shop_quantile(shop, before, share)
    if not n_gaps:
        weeks = min(max(round(UNKNOWN_DAYS / 7), least), most)
        return ChurnHorizon(7 * weeks, f"{7 * weeks} days: nobody had bought again before {day}")
    weeks = min(max(round(quantile / 7), least), most)
    basis = (
        f"{7 * weeks} days: {share:.0%} of {n_gaps:,} gaps between purchases before {day} were at most "
        f"{quantile:.1f} days; in whole weeks within {settings.min_days} to {settings.max_days} days"
    )
    return ChurnHorizon(7 * weeks, basis)


def _shop_quantile(shop: Shop, before: datetime, share: float) -> tuple[float, int]:
    return at_one_moment(shop, before, lambda everyone: _quantile_of(everyone, share))


def _quantile_of(everyone: Past, share: float) -> tuple[float, int]:
    found = shop_cycle(everyone).execute()
    return (float(found[quantile_name(share)].iloc[0]), int(found["n_gaps"].iloc[0])) if len(found) else (0.0, 0)


def at_one_moment(shop: Shop, moment: datetime, ask: Callable[[Past], Any]) -> Any:
    """Return what ``ask`` finds in the past of everyone at one moment."""
    with everyone_prepared(shop) as past_at:
        return ask(past_at(moment))


@contextmanager
def everyone_prepared(shop: Shop) -> Iterator[PastAt]:
    """Give what shows the past of everyone at any moment; rows are prepared when first asked for, once for all."""
    table = next(shop.tables[name] for name in ("orders", "interactions") if shop.has(name))
    with Keep(shop.backend) as keep:
        history = History(shop, table.select("customer_id").distinct(), keep)
        yield lambda moment: Past(history, Moment(at=moment, is_population=True))
