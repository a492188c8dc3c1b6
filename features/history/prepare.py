"""The only door to the past: rows that had happened, as they stood, before a moment.

`History` prepares a shop's facts once, whatever the moments: encoded customers, rows of one customer side by side.
`Past` shows them to one set of moments. Nothing else reads the shop's rows for features, labels, stages or crowds.

Two plans, one meaning. A *moment* with one as_of filters the prepared rows and groups them by customer: no join, and
several as_of share the preparation. A *moment* with a spine of its own joins rows to spine rows by customer. What is
asked of the rows is the same expression under both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from penchant.lazy import _, ibis

from ..engine.script import Script
from ..engine.temporary import Keep
from ..engine.times import MomentVariable, instant, local_time, midnight
from ..shop import Shop
from . import facts

T = TypeVar("T")
SESSION_MINUTES = 30  # without anything done end a session
MOST_MOMENTS = 1_000_000  # midnights from which everyone is looked at: more than two thousand years of them


@dataclass(frozen=True, eq=False)
class Moment:
    """From when rows are looked at: one instant, or a table in which each row has its own.

    Parameters
    ----------
    at
        The one instant; None where each spine row has its own.
    spine
        Without one instant: table (row, code, as_of).
    everyone_at
        Without one instant, for a population: table (index, as_of); everyone is looked at from each.
    is_population
        Whether everyone is looked at, rather than the spine's customers.
    """

    at: datetime | MomentVariable | None = None
    spine: Any = None
    everyone_at: Any = None
    is_population: bool = False

    def show(self, rows: Any) -> Any:
        """Return rows with the moment that looks at them: ``row`` and ``as_of`` instead of ``code``."""
        if self.at is not None:
            shown = rows.mutate(as_of=instant(self.at), row=rows.code)
        elif self.is_population:
            shown = rows.cross_join(self.everyone_at).mutate(row=_.code * MOST_MOMENTS + _.index).drop("index")
        else:
            shown = rows.inner_join(self.spine, "code")
        return shown.filter(shown["at"] < shown.as_of).drop("code")

    def grouped(self, rows: Any, keys: Sequence[str], values: Mapping[str, Any]) -> Any:
        """Return values per spine row and keys; ``as_of``, which the row implies, is kept."""
        if self.at is not None:  # not a key here: a constant would make every group's key longer
            return rows.group_by("row", *keys).aggregate(**values).mutate(as_of=instant(self.at))
        return rows.group_by("row", "as_of", *keys).aggregate(**values)

    def before_midnight(self, keep: Keep | Script) -> Moment:
        """Return the moment from which everyone is looked at: the midnight (UTC) before."""
        if self.at is not None:
            return Moment(at=midnight(self.at), is_population=True)
        days = keep.table(self.spine.select(as_of=_.as_of.truncate("D")).distinct(), name="midnights")
        index = ibis.row_number().over(order_by="as_of").cast("int64")
        return Moment(everyone_at=days.mutate(index=index), is_population=True)


class History:
    """A shop's facts, prepared for the customers of a spine.

    Parameters
    ----------
    shop
        The shop.
    people
        Ibis table with the spine's ``customer_id``, each once.
    keep
        Where prepared tables are kept.
    adds_others
        Whether there may be customers beside those, whom signals compare with.
    placed
        The shop with the tables that are read; default: its own.
    """

    def __init__(
        self, shop: Shop, people: Any, keep: Keep | Script, *, adds_others: bool = True, placed: Shop | None = None
    ) -> None:
        self.shop, self.keep, self._placed = shop, keep, placed or shop
        self._people, self._adds_others = people, adds_others
        self._kept: dict[str, Any] = {}

    def remembered(self, name: str, ask: Callable[[], T]) -> T:
        """Return a plain value that is asked for once.

        It may be read from the calendar alone: SQL is compiled once for shops of the same columns and calendar.
        """
        if name not in self._kept:
            self._kept[name] = ask()
        return self._kept[name]

    def kept(self, name: str, build: Callable[[], Any], order_by: tuple[str, ...] = ()) -> Any:
        """Return a prepared table, built at its first use."""
        if name not in self._kept:
            self._kept[name] = self.keep.table(build(), order_by, name)
        return self._kept[name]

    @property
    def tables(self) -> Mapping[str, Any]:
        """The shop's tables as they are read."""
        return self._placed.tables

    @property
    def codes(self) -> Any:
        """(customer_id, code, wanted): a whole number for each customer, by id; wanted: in the spine."""
        return self.kept("codes", self._codes)

    def _codes(self) -> Any:
        people = self._people.mutate(wanted=True)
        if self._adds_others:
            sources = [
                self.tables[name].select("customer_id", wanted=False)
                for name in ("orders", "interactions")
                if self.shop.has(name)
            ]
            everyone = ibis.union(people, *sources).group_by("customer_id")
            people = everyone.aggregate(wanted=_.wanted.any())
        code = ibis.row_number().over(order_by="customer_id")
        # Spark numbers rows in 32 bits; Ibis believes in 64 and drops a plain cast, so that code * moments ran over
        return people.mutate(code=code.cast("float64").cast("int64"))

    @property
    def all_wanted(self) -> bool:
        """Whether the spine's customers are everyone who is prepared."""
        return not self._adds_others

    def coded(self, rows: Any) -> Any:
        """Return rows of prepared customers with their code instead of their id."""
        return rows.inner_join(self.codes, "customer_id").drop("customer_id")

    @property
    def lines(self) -> Any:
        """Order lines of all states, coded: see `facts.order_lines`."""
        return self.kept("lines", lambda: self.coded(facts.order_lines(self._placed)), ("code",))

    @property
    def parts(self) -> Any:
        """Orders, one row for the lines of an order that share their states' times: nearly always all of them."""
        return self.kept("parts", self._parts, ("code",))

    def _parts(self) -> Any:
        lines = self.lines
        states = ("wanted", "code", "order_key", "ordered_at", "paid_at", "cancelled_at", "refunded_at")
        sums = {name: lines[name].sum().cast("int64") for name in facts.MONEY if name in lines.columns}
        if "quantity" in lines.columns:
            sums["quantity"] = lines.quantity.sum()
        if "has_coupon" in lines.columns:
            sums["has_coupon"] = lines.has_coupon.any()
        if "item_id" in lines.columns:
            sums["n_items"] = lines.item_id.nunique()
        return lines.group_by(states).aggregate(n_lines=lines.count(), **sums)

    @property
    def interactions(self) -> Any:
        """Interactions, coded: see `facts.interactions`."""
        return self.kept("interactions", lambda: self.coded(facts.interactions(self._placed)), ("code",))

    @property
    def days(self) -> Any:
        """(code, day, wanted, occurred_at): the first act of each of a customer's days in the shop's zone.

        Whoever sees anything of a day sees its first act, so these serve any moment.
        """
        return self.kept("days", self._days)

    def _days(self) -> Any:
        acts = self.interactions
        days = acts.group_by("code", day=self.local(acts.occurred_at).date())
        return days.aggregate(wanted=_.wanted.any(), occurred_at=_.occurred_at.min())

    @property
    def sessions(self) -> Any:
        """(code, wanted, occurred_at): acts with which a session begins."""
        return self.kept("sessions", self._sessions)

    def _sessions(self) -> Any:
        acts = self.interactions.select("code", "wanted", "occurred_at")
        before = acts.occurred_at.lag().over(group_by="code", order_by="occurred_at")
        minutes = acts.occurred_at.delta(before, unit="microsecond") / 60e6
        return acts.mutate(minutes=minutes).filter(_.minutes.isnull() | (_.minutes > SESSION_MINUTES)).drop("minutes")

    @property
    def assignments(self) -> Any:
        """Assignments, coded, with the channel of their campaign."""
        return self.kept("assignments", lambda: self.coded(facts.assignments(self._placed)), ("code",))

    @property
    def customers(self) -> Any:
        """The customers' attributes, coded."""
        return self.kept("customers", lambda: self.coded(self.tables["customers"]), ("code",))

    def coded_table(self, name: str) -> Any:
        """Return a table of the contract that names customers, coded."""
        return self.kept(f"table {name}", lambda: self.coded(self.tables[name]), ("code",))

    def local(self, at: Any) -> Any:
        """Return what the shop's clock shows at an instant."""
        return local_time(at, self.shop.timezone)
