"""What one row of the spine sees of its customer, for a feature group to ask.

A `Past` names the relations: ``past.purchases``, ``past.interactions``, ... Each gives `Rows`, of which a group asks
counts, sums, extremes, in windows and under conditions. What it gets are expressions over one spine row's aggregates;
`Past.table` computes all that was asked, one pass per relation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from penchant.config import Config
from penchant.lazy import _, ibis

from ..engine.executors import has_executors
from ..engine.script import Script
from ..engine.temporary import Keep
from ..engine.times import days_between, earlier, whole_days_between
from .answers import Answers
from .facts import MONEY
from .prepare import History, Moment
from .rows import Questions, Rows

_SUMMED = ("n_lines", "n_items", "quantity", *MONEY)


def _ended() -> Any:
    """Return when an order was cancelled or refunded, whichever came first."""
    return earlier(_.cancelled_at, _.refunded_at)


class Past:
    """A shop's history as it was known at one moment, or at each spine row's own.

    Parameters
    ----------
    history
        The prepared facts.
    moment
        From when they are looked at.
    windows
        The configured windows, in days, rising.
    keep
        Where tables of this moment are kept; default: where the history's are.
    """

    def __init__(
        self, history: History, moment: Moment, windows: tuple[int, ...] = (), keep: Keep | Script | None = None
    ) -> None:
        self.history, self.moment, self.windows = history, moment, windows
        self.keep = keep or history.keep
        self._relations: dict[str, Any] = {}
        self._questions: dict[Any, Questions] = {}
        self._shared: dict[str, Any] = {}
        self._lets: dict[str, dict[str, Any]] = {}

    # What a group asks with

    @property
    def as_of(self) -> Any:
        """The moment of a row."""
        return _.as_of

    def days_since(self, at: Any) -> Any:
        """Return the days from an instant to as_of."""
        return days_between(_.as_of, at)

    @property
    def config(self) -> Config:
        """The shop's configuration."""
        return self.history.shop.config

    def has(self, table: str, *columns: str) -> bool:
        """Say whether the shop has a table, with these columns."""
        return self.history.shop.has(table, *columns)

    def rows(self, name: str, build: Callable[[], Any]) -> Rows:
        """Return the rows of a relation, built at its first use.

        ``build`` returns an Ibis table with ``row``; and ``as_of`` and ``at`` where windows are to be asked of it.
        """
        return self.rows_of(self.relation(name, build))

    def rows_of(self, relation: Any) -> Rows:
        """Return the rows of an Ibis table with ``row``; and ``as_of`` and ``at`` where windows are to be asked."""
        prefix = f"a{len(self._questions)}_"
        return Rows(self, self._questions.setdefault(relation.op(), Questions(relation, prefix)))

    @property
    def purchases(self) -> Rows:
        """Orders that were paid and are neither cancelled nor refunded; ``at`` is when they were paid."""
        return self.rows("purchases", self._purchases)

    @property
    def orders(self) -> Rows:
        """Orders that were placed and are not cancelled, paid or not; ``at`` is when they were placed."""
        return self.rows("orders", self._placed)

    @property
    def placements(self) -> Rows:
        """Orders that were placed, whatever became of them; ``at`` is when they were placed."""
        return self.rows("placements", lambda: self._orders(_.ordered_at, None))

    @property
    def unpaid(self) -> Rows:
        """Orders that were placed and are neither paid nor cancelled; ``at`` is when they were placed."""
        return self.rows("unpaid", self._unpaid)

    @property
    def refunds(self) -> Rows:
        """Orders that were refunded; ``at`` is when that happened."""
        return self.rows("refunds", lambda: self._orders(_.refunded_at, None))

    @property
    def gaps(self) -> Rows:
        """Purchases on a later day than the one before; ``gap_days`` are the whole days since, ``at`` the later."""
        return self.rows("gaps", self._gaps)

    @property
    def lines(self) -> Rows:
        """Lines of purchases; ``at`` is when they were paid."""
        return self.rows("lines", lambda: self.seen(self.history.lines, _.paid_at, _ended()))

    @property
    def interactions(self) -> Rows:
        """All that the customer did; ``at`` is when."""
        return self.rows("interactions", lambda: self.seen(self.history.interactions, _.occurred_at))

    @property
    def registrations(self) -> Rows:
        """The customer's registration, where it had a time; ``at`` is when."""
        return self.rows("registrations", lambda: self.seen(self.history.customers, _.registered_at))

    @property
    def placed_lines(self) -> Rows:
        """Lines of orders that were placed and are not cancelled, paid or not; ``at`` is when they were placed."""
        return self.rows("placed_lines", lambda: self.seen(self.history.lines, _.ordered_at, _.cancelled_at))

    @property
    def sessions(self) -> Rows:
        """Beginnings of sessions; ``at`` is when."""
        return self.rows("sessions", lambda: self.seen(self.history.sessions, _.occurred_at))

    @property
    def days(self) -> Rows:
        """First acts of a day in the shop's zone; ``at`` is when."""
        return self.rows("days", lambda: self.seen(self.history.days, _.occurred_at))

    def responses(self, what: str) -> Rows:
        """Return what became of assignments: ``contacted``, ``opened``, ``clicked``, ``redeemed``; ``at`` is when."""
        return self.rows(what, lambda: self.seen(self.history.assignments, _[f"{what}_at"]))

    def feedback(self, kind: str) -> Rows:
        """Return what the customer said: reviews, complaints, chats or returns; ``at`` is when."""
        return self.rows("feedback", lambda: self.seen(self.history.coded_table("feedback"), _["at"])).where(
            _.kind == kind
        )

    @property
    def open_complaints(self) -> Rows:
        """Complaints that are not settled; ``at`` is when they were made."""
        until = _.closed_at if self.has("feedback", "closed_at") else None
        rows = self.rows("open_feedback", lambda: self.seen(self.history.coded_table("feedback"), _["at"], until))
        return rows.where(_.kind == "complaint")

    @property
    def memberships(self) -> Rows:
        """Memberships that had begun and are not over; ``at`` is when they began."""
        until = _.ends_at if self.has("memberships", "ends_at") else None
        return self.rows("memberships", lambda: self.seen(self.history.coded_table("memberships"), _.starts_at, until))

    @property
    def points(self) -> Rows:
        """Changes of the customer's points; ``at`` is when."""
        return self.rows("points", lambda: self.seen(self.history.coded_table("points"), _["at"]))

    @property
    def referrals(self) -> Rows:
        """Customers whom the customer referred; ``at`` is when."""
        return self.rows("referrals", lambda: self.seen(self.history.coded_table("referrals"), _["at"]))

    @property
    def has_category(self) -> bool:
        """Whether the category of what is bought is known."""
        return "category_id" in self.history.lines.columns

    @property
    def has_viewed_category(self) -> bool:
        """Whether the category of what is looked at is known."""
        return self.has("interactions") and "category_id" in self.history.interactions.columns

    # How it is served

    def seen(self, prepared: Any, at: Any, until: Any = None) -> Any:
        """Return those facts that are known at the moment, with ``row``, ``as_of`` and ``at``.

        Parameters
        ----------
        prepared
            A prepared relation of `History`.
        at, until
            Since when a fact is known, and when it ended; a null ``until`` has not come.
        """
        facts = prepared.mutate(at=at, until=ibis.null("timestamp(6)") if until is None else until).filter(
            _["at"].notnull()
        )
        if not self.moment.is_population and not self.history.all_wanted:
            facts = facts.filter(_.wanted)
        known = self.moment.show(facts.drop("wanted"))
        if until is not None:
            known = known.filter(_.until.isnull() | (_.until >= _.as_of))
        return known.drop("until")

    def relation(self, name: str, build: Callable[[], Any]) -> Any:
        """Return a relation of this moment, built at its first use."""
        if name not in self._relations:
            self._relations[name] = build()
        return self._relations[name]

    def _purchases(self) -> Any:
        return self.keep.table(self._orders(_.paid_at, _ended()), name="purchases")

    def _placed(self) -> Any:
        return self._orders(_.ordered_at, _.cancelled_at)

    def _unpaid(self) -> Any:
        return self._orders(_.ordered_at, earlier(_.paid_at, _.cancelled_at))

    def _orders(self, at: Any, until: Any) -> Any:
        """Return one row an order, of its parts in a state."""
        parts = self.seen(self.history.parts, at, until)
        sums = [name for name in _SUMMED if name in parts.columns]
        values = {name: parts[name].sum().cast(parts[name].type()) for name in sums}
        if "has_coupon" in parts.columns:
            values["has_coupon"] = parts.has_coupon.any()
        values |= {"at": parts["at"].min(), "ordered_at": parts.ordered_at.min()}
        return self.moment.grouped(parts, ("order_key",), values)

    def _gaps(self) -> Any:
        purchases = self.relation("purchases", self._purchases)
        day = self.history.local(_["at"]).date()
        days = purchases.select("row", "as_of", "at", day=day)
        before = _.day.lag().over(group_by="row", order_by=["day", "at"])
        gaps = days.mutate(gap_days=whole_days_between(_.day, before))
        return gaps.filter(_.gap_days > 0)

    # What was asked

    def share(self, name: str, build: Callable[[Past], Any]) -> dict[str, Any]:
        """Return what is known of everyone: expressions, by the names of a table's columns.

        ``build`` gets the past of everyone and returns a table with one row per ``as_of``. Everyone is seen as at the
        midnight (UTC) before a row's as_of, so that rows of one day share the work.
        """
        columns = self.shared_table(name, build).columns
        return {column.removeprefix(f"{name}_"): ibis._[column] for column in columns}

    def shared_table(self, name: str, build: Callable[[Past], Any]) -> Any:
        """Return the table of `share`, its columns prefixed by its name, to join rows with."""
        if name not in self._shared:
            table = self.keep.table(build(self.everyone), name=name)
            self._shared[name] = table.rename({f"{name}_{old}": old for old in table.columns})
        return self._shared[name]

    @cached_property
    def everyone(self) -> Past:
        """The past of all customers, as at the midnight (UTC) before."""
        return Past(self.history, self.moment.before_midnight(self.keep), self.windows, self.keep)

    def let(self, name: str, values: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """Return names for values that several signals build on, so that they are computed once.

        Parameters
        ----------
        name
            What they are together; the second time it is asked for, ``values`` is not called.
        values
            Returns name to expression.
        """
        if name not in self._lets:
            self._lets[name] = {f"{name}_{key}": value for key, value in values().items()}
        return {column.removeprefix(f"{name}_"): ibis._[column] for column in self._lets[name]}

    def table(self, spine: Any, values: Mapping[str, Any]) -> Any:
        """Return the spine with values that were asked for.

        Parameters
        ----------
        spine
            Table with ``row``, ``as_of`` and further columns, which are kept.
        values
            Column name to an expression that this past gave, or to a plain value.
        """
        answers = Answers(spine, list(self._shared.values()), packed=has_executors(self.keep.backend))
        for questions in self._questions.values():
            if questions.aggregates:
                grouped = questions.relation.group_by("row").aggregate(**questions.aggregates)
                answers.add(self.keep.table(grouped, name="asked"))
        for name, named in self._lets.items():
            answers.add(self.keep.table(answers.narrow(named), name=name))
        return answers.select(spine.columns, values)
