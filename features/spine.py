"""Whom to look at, and when: one row per (customer_id, as_of)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property, partial
from itertools import count
from typing import Any

import pyarrow as pa

from penchant.errors import InputError, quoted
from penchant.lazy import _, ibis, pd

from .engine.backends import put
from .engine.times import MomentVariable, instant
from .intake.ids import plain_ids
from .shop import Shop

_NUMBERS = count()
_BEGINNING = datetime(1000, 1, 1)
FEW_INSTANTS = 12  # up to so many moments a spine is served moment by moment, beyond that row by row


@dataclass(frozen=True, eq=False)
class Spine:
    """The rows to build for.

    Parameters
    ----------
    rows
        Ibis table or expression, or what returns one when it is needed: ``customer_id`` (string), ``as_of`` (timestamp
        in UTC, no zone); each pair once.
    instants
        The distinct as_of, rising, where they are few; None where each row may have its own.
    has_everyone
        Whether whoever had done anything before the last of the instants is in it: it is that of `known_before`.
    takes_undated
        As in `known_before`, where it is of everyone.
    """

    rows: Any
    instants: tuple[datetime, ...] | None
    has_everyone: bool = False
    takes_undated: bool = True

    @cached_property
    def table(self) -> Any:
        """The rows as an Ibis table."""
        return self.rows() if isinstance(self.rows, partial) else self.rows

    @classmethod
    def at(
        cls,
        shop: Shop,
        as_of: datetime | Sequence[datetime],
        who: Iterable[str] | Any | None = None,
        *,
        takes_undated: bool = True,
    ) -> Spine:
        """Return the spine of one or several moments.

        Parameters
        ----------
        shop
            The shop.
        as_of
            The moments; without a zone they are UTC. What is finer than a microsecond is cut off.
        who
            Customer ids, or a frame or Ibis table with ``customer_id``; each at every moment. Default: whoever was
            known before the moment: had ordered, done anything, or registered. A customer on the list without a
            time of registration is known from the beginning.
        takes_undated
            False: a customer on the list without a time of registration is known from the first thing done. So it must
            be where moments are set side by side: a list tells who is known at its own time, not since when.

        Raises
        ------
        InputError
            If no moment is given or one is none, or an id is missing.
        """
        instants = _instants(as_of)
        if who is not None:
            people = _people(shop, who).distinct()
            return cls(ibis.union(*[people.mutate(as_of=instant(moment)) for moment in instants]), instants)
        return cls(partial(known_before, shop, instants, takes_undated=takes_undated), instants, True, takes_undated)

    @classmethod
    def of(cls, shop: Shop, frame: pd.DataFrame | Mapping[str, Any]) -> Spine:
        """Return the spine of rows that bring their own as_of.

        Parameters
        ----------
        shop
            The shop.
        frame
            A pandas frame, or columns by name, with ``customer_id`` and ``as_of``, each pair once; further columns are
            ignored. Moments may be text (ISO 8601); without a zone they are UTC.

        Raises
        ------
        InputError
            If a column or a value is missing, a moment cannot be read, or a pair stands twice.
        """
        lacking = {"customer_id", "as_of"} - set(frame)
        if lacking:
            raise InputError("spine", "columns 'customer_id' and 'as_of'", f"no {quoted(sorted(lacking))}")
        columns = {"customer_id": _ids(shop, frame["customer_id"]), "as_of": _utc(frame["as_of"])}
        rows = pd.DataFrame({name: values.reset_index(drop=True) for name, values in columns.items()})
        _check_rows(rows)
        moments = tuple(moment.to_pydatetime() for moment in sorted(rows["as_of"].unique()))
        table = _placed(shop, rows)
        return cls(table, moments if 0 < len(moments) <= FEW_INSTANTS else None)

    def sampled(self, n_most: int, seed: int) -> Spine:
        """Return the spine of about so many customers at most: the same ones at each moment, on each engine.

        A customer is drawn if the MD5 of ``seed|customer_id`` is low enough: whoever else there is changes nothing but
        how low that is.
        """
        n = int(self.table.customer_id.nunique().execute())
        if n <= n_most:
            return self
        digest = ibis.literal(f"{seed}|").concat(self.table.customer_id).hexdigest("md5")
        bound = f"{round(n_most / n * 16**8):08x}"
        return Spine(self.table.filter(digest.substr(0, 8) < bound), self.instants)


def known_before(shop: Shop, moments: Sequence[datetime | MomentVariable], *, takes_undated: bool = True) -> Any:
    """Return (customer_id, as_of) of whoever was known before each of several moments: see `first_seen`."""
    seen = first_seen(shop, takes_undated=takes_undated)
    known = [
        seen.filter(_.first_seen_at < instant(moment)).select("customer_id", as_of=instant(moment))
        for moment in moments
    ]
    return ibis.union(*known)


def first_seen(shop: Shop, *, takes_undated: bool = True) -> Any:
    """Return (customer_id, first_seen_at): the first order, interaction or registration.

    Whoever is on the list of customers without a time of registration was there from the beginning of time; without
    ``takes_undated``, since the first thing that the customer did.
    """
    seen = []
    if shop.has("orders"):
        seen.append(_firsts(shop.tables["orders"], "ordered_at"))
    if shop.has("interactions"):
        seen.append(_firsts(shop.tables["interactions"], "occurred_at"))
    if shop.has("customers"):
        people = shop.tables["customers"]
        has_time = shop.has("customers", "registered_at")
        if not takes_undated:
            people = people.filter(people.registered_at.notnull() if has_time else False)
        undated = instant(_BEGINNING)
        known = people.registered_at.fill_null(undated) if has_time else undated
        seen.append(people.select("customer_id", first_seen_at=known.cast("timestamp(6)")))
    return ibis.union(*seen).group_by("customer_id").aggregate(first_seen_at=_.first_seen_at.min())


def _firsts(rows: Any, time: str) -> Any:
    firsts = rows.group_by("customer_id").aggregate(first_seen_at=rows[time].min())
    return firsts.mutate(first_seen_at=_.first_seen_at.cast("timestamp(6)"))


def as_utc(moment: datetime) -> datetime:
    """Return an instant as UTC without a zone; one without a zone is taken to be UTC.

    Examples
    --------
    >>> as_utc(datetime.fromisoformat("2024-03-01T00:00:00+08:00"))
    datetime.datetime(2024, 2, 29, 16, 0)
    """
    if type(moment) is datetime:  # which needs no pandas
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    try:
        plain: datetime = pd.Timestamp(moment).to_pydatetime(warn=False)
    except (ValueError, TypeError, OverflowError):
        raise InputError("as_of", "a moment", f"'{moment}'") from None
    if pd.isna(plain):
        raise InputError("as_of", "a moment", "none")
    if pd.api.types.is_number(moment):
        raise InputError("as_of", "a moment", f"the number {moment}")
    return plain.astimezone(UTC).replace(tzinfo=None) if plain.tzinfo else plain


def _instants(as_of: Any) -> tuple[datetime, ...]:
    is_one = as_of is None or isinstance(as_of, str | date) or not isinstance(as_of, Iterable)
    given = [as_of] if is_one else list(as_of)
    if not given:
        raise InputError("as_of", "at least one moment", "none")
    return tuple(sorted({as_utc(moment) for moment in given}))


def _people(shop: Shop, who: Any) -> Any:
    if isinstance(who, ibis.Table):
        return who.select(_.customer_id.cast("string"))
    if isinstance(who, str):
        raise InputError("who", "customer ids", f"the text '{who}'", "Put one id into a list")
    if isinstance(who, pd.DataFrame) and "customer_id" not in who:
        raise InputError("who", "a column 'customer_id'", f"columns {quoted(list(who)) or 'none'}")
    rows = pd.DataFrame({"customer_id": _ids(shop, who["customer_id"] if isinstance(who, pd.DataFrame) else list(who))})
    if rows["customer_id"].isna().any():
        raise InputError("who", "customer ids", f"{rows['customer_id'].isna().sum():,} missing")
    return _placed(shop, rows)


def _ids(shop: Shop, given: Any) -> pd.Series:
    """Return ids as the shop's own tables have them."""
    return plain_ids(given, merge="customer_id" in shop.config.ids.merge, where="spine, column 'customer_id'")


def _placed(shop: Shop, rows: pd.DataFrame) -> Any:
    types = {"customer_id": pa.string(), "as_of": pa.timestamp("us")}
    schema = pa.schema([(name, types[name]) for name in rows.columns])
    arrow = pa.Table.from_pandas(rows, schema=schema, preserve_index=False)
    return put(shop.backend, f"spine_{next(_NUMBERS)}", arrow, shop.space.folder)


def _utc(moments: Any) -> pd.Series:
    """Return moments in UTC without a zone, in whole microseconds."""
    given = pd.Series(moments)
    is_time = pd.api.types.is_datetime64_any_dtype(given)
    if pd.api.types.is_numeric_dtype(given) and len(given):
        raise InputError("spine", "moments in 'as_of'", f"numbers, such as {given.iloc[0]}")
    try:
        times = pd.to_datetime(given, utc=True, format=None if is_time else "ISO8601")
    except (ValueError, TypeError, OverflowError) as fault:
        said = str(fault).split(". ")[0]
        raise InputError("spine", "moments in 'as_of', as times or as text in ISO 8601", said) from None
    return times.dt.tz_localize(None).astype("datetime64[us]")


def _check_rows(rows: pd.DataFrame) -> None:
    missing = rows.isna().any(axis=1).sum()
    if missing:
        raise InputError("spine", "a customer_id and an as_of in every row", f"{missing:,} rows without")
    twice = rows[rows.duplicated()]
    if len(twice):
        raise InputError(
            "spine",
            "each (customer_id, as_of) once",
            f"{len(twice):,} more rows, such as {quoted(twice['customer_id'].head(3))}",
            "Drop the duplicates",
        )
