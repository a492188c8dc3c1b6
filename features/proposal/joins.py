"""Orders whose header and lines stand in separate files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..intake.raw import Gate
from .codes import status_codes
from .languages import plain
from .links import n_shared
from .money import money
from .order_sums import spread
from .values import ARBITRARY_DAY, Quote, Seen, SourceProposal, TableProposal, When

FEW_SHARED = 20  # orders that must be in both files where their keys are called differently


@dataclass
class _Query:
    """A query in the making: what is selected under which name, and the joins."""

    tables: str
    quote: Quote
    selected: dict[str, str] = field(default_factory=dict)

    def take(self, alias: str, name: str) -> str:
        """Select a column and return its name in the result."""
        result = name
        while result in self.selected and self.selected[result] != f"{alias}.{self.quote(name)}":
            result += f"_{alias}"
        self.selected[result] = f"{alias}.{self.quote(name)}"
        return result

    def sql(self) -> str:
        """Return the query."""
        columns = ",\n    ".join(
            value if value.endswith(self.quote(name)) else f"{value} as {self.quote(name)}"
            for name, value in self.selected.items()
        )
        return f"select\n    {columns}\n{self.tables}"


def joined_orders(gate: Gate, files: Sequence[Seen], quote: Quote) -> list[TableProposal]:
    """Return orders from a header's file and its lines', and customers where these stand apart.

    Returns nothing where no two files are such a pair.
    """
    pair = _header_and_lines(gate, files)
    if pair is None:
        return []
    header, lines = pair
    order, key = header.roles["order_id"], str(_link(gate, header, lines))
    tables = f"from {_place(header)} as o\njoin {_place(lines)} as l on o.{quote(order)} = l.{quote(key)}"
    query = _Query(tables, quote)
    when = _when(header, query)
    if when is None:
        return []
    people = _people(header, files)
    columns = {"ordered_at": query.take("o", when.value), "customer_id": _who(header, people, query)}
    columns["order_id"] = query.take("o", order)
    for part, name in header.taken("paid_at", "cancelled_at", "refunded_at", "coupon_id").items():
        columns[part] = query.take("o", name)
    codes, notes = status_codes(header.look, header.roles)
    if codes:
        columns["status"] = query.take("o", header.roles["status"])
    total = _total(header, lines)
    said = _lines(gate, (lines, files), query, columns) if total is None else _shared(lines, total, query, columns)
    orders = TableProposal(
        "orders",
        (SourceProposal({"query": query.sql()}, columns),),
        when.time_format,
        {"status": codes} if codes else {},
        notes=(*when.notes, *said, *notes),
        has_zone=when.has_zone,
    )
    return [orders, *([_customers(people, quote)] if people else [])]


def _who(header: Seen, people: Seen | None, query: _Query) -> str:
    """Select who placed an order: the header's customer, or the person behind it."""
    own = header.roles["customer_id"]
    if people is None:
        return query.take("o", own)
    link = query.quote(str(_same(people, own)))
    query.tables += f"\nleft join {_place(people)} as c on o.{query.quote(own)} = c.{link}"
    return query.take("c", people.roles["customer_id"])


def _link(gate: Gate, header: Seen, lines: Seen) -> str | None:
    """Return the lines' column that names the order: of the same name, or with the same values."""
    order = header.roles["order_id"]
    own = lines.roles.get("order_id")
    if (same := _same(lines, order)) is not None and (own is None or plain(order) not in ("id", "number")):
        return same
    return own if own and n_shared(gate, (header, order), (lines, own)) >= FEW_SHARED else None


def _total(header: Seen, lines: Seen) -> str | None:
    """Return the header's sum, where the lines say nothing of money."""
    return None if lines.roles.keys() & {"amount", "price"} else header.roles.get("amount")


def _shared(lines: Seen, total: str, query: _Query, columns: dict[str, str]) -> tuple[str, ...]:
    """Select what the lines say, and an equal part of the order's sum for each."""
    for part, name in lines.taken("item_id", "category_id", "quantity").items():
        columns[part] = query.take("l", name)
    columns["amount"] = spread(query.quote(query.take("o", total)), "1", query.quote(columns["order_id"]))
    return (f"'{total}' is the order's sum: it is shared out equally on its lines",)


def _header_and_lines(gate: Gate, files: Sequence[Seen]) -> tuple[Seen, Seen] | None:
    """Return the largest pair of files of which one has orders and who placed them, the other what is in them."""
    headers = [one for one in files if one.is_unique("order_id") and one.has("customer_id") and _is_named(one)]
    pairs = [
        (header, lines)
        for header in headers
        for lines in files
        if lines is not header
        and _is_named(lines)
        and lines.has("item_id")
        and not lines.has("customer_id")
        and _link(gate, header, lines)
    ]
    return max(pairs, key=lambda pair: pair[1].look.n_bytes, default=None)


def _is_named(one: Seen) -> bool:
    """Say whether a query can read the file by its name alone."""
    return "header" not in one.look.options and not {"sheet", "table"} & one.look.options.keys()


def _same(one: Seen, name: str) -> str | None:
    """Return a file's column of the same plain name."""
    return next((column.name for column in one.look.columns if plain(column.name) == plain(name)), None)


def _place(one: Seen) -> str:
    paths = [path.replace("'", "''") for path in one.look.paths]
    if len(paths) == 1:
        return f"'{paths[0]}'"
    return "(" + " union all by name ".join(f"select * from '{path}'" for path in paths) + ")"


def _when(header: Seen, query: _Query) -> When | None:
    """Return the time of the orders: a column of theirs, or one that the query makes."""
    when = header.when or _since_prior(header, query.quote)
    if when is None or when.value in {column.name for column in header.look.columns}:
        return when
    place = _place(header)
    dated = f"from (\n    select *,\n        {when.value}\n        as ordered_at\n    from {place}\n) as o"
    query.tables = query.tables.replace(f"from {place} as o", dated, 1)
    return replace(when, value="ordered_at")


def _since_prior(header: Seen, quote: Quote) -> When | None:
    """Return the time of orders that only say how many days passed since the same customer's former one."""
    names = {plain(column.name): quote(column.name) for column in header.look.columns if column.is_number}
    gap = next((name for key, name in names.items() if key.startswith("days_since_prior")), None)
    number = next((name for key, name in names.items() if key in ("order_number", "order_no")), None)
    hour = next((name for key, name in names.items() if key.endswith("hour_of_day")), None)
    if gap is None or number is None:
        return None
    who = quote(header.roles["customer_id"])
    days = f"sum(coalesce({gap}, 0)) over (partition by {who} order by cast({number} as int))"
    value = f"timestamp '{ARBITRARY_DAY}'\n        + {days} * interval 1 day"
    value += f"\n        + {hour} * interval 1 hour" if hour else ""
    note = (
        f"TODO only days between a customer's orders are known. Each customer begins on {ARBITRARY_DAY}, which is"
        " arbitrary: gaps and what is bought again can be read, but no day is the same for two customers, so that"
        " neither stages nor churn nor any model trained on a date means anything"
    )
    return When(value, notes=(note,))


def _people(header: Seen, files: Sequence[Seen]) -> Seen | None:
    """Return the file that says which person stands behind the header's customer, where these differ."""
    own = header.roles["customer_id"]
    for one in files:
        link = _same(one, own)
        if (
            one is not header
            and _is_named(one)
            and link is not None
            and one.look.column(link).is_unique
            and "unique" in plain(one.roles.get("customer_id", ""))
            and plain(one.roles["customer_id"]) != plain(own)
        ):
            return one
    return None


def _lines(gate: Gate, given: tuple[Seen, Sequence[Seen]], query: _Query, columns: dict[str, str]) -> tuple[str, ...]:
    """Select what the lines say, with the price of the article where only its own file has one."""
    lines, files = given
    for part, name in lines.taken("item_id", "category_id").items():
        columns[part] = query.take("l", name)
    if not lines.has("amount") and not lines.has("price"):
        priced = next((one for one in files if one.is_unique("item_id") and _is_named(one) and _price(one)), None)
        if priced is not None:
            item = query.quote(lines.roles["item_id"])
            key = query.quote(priced.roles["item_id"])
            query.tables += f"\nleft join {_place(priced)} as p on l.{item} = p.{key}"
            price = query.take("p", str(_price(priced)))
            pieces = lines.roles.get("quantity")
            columns["amount"] = f"{query.quote(query.take('l', pieces))} * {query.quote(price)}" if pieces else price
            if pieces:
                columns["quantity"] = pieces
            return (f"amounts are made of the article's price now, '{price}': what was paid then is not known",)
    paid = money(gate, lines.look, lines.roles, query.quote)
    for name in {column.name for column in lines.look.columns}:
        if any(query.quote(name) in value or value == name for value in paid.columns.values()):
            query.take("l", name)
    columns |= paid.columns
    return paid.notes


def _price(one: Seen) -> str | None:
    return one.roles.get("price") or one.roles.get("list_price")


def _customers(people: Seen, quote: Quote) -> TableProposal:
    """Return one row per person, with what one of the person's rows says."""
    who = people.roles["customer_id"]
    attributes = people.taken("gender", "birth_year", "region", "acquisition_channel")
    values = "".join(f",\n    any_value({quote(name)}) as {part}" for part, name in attributes.items())
    sql = f"select\n    {quote(who)} as customer_id{values}\nfrom {_place(people)}\ngroup by 1"
    columns = {"customer_id": "customer_id", **{part: part for part in attributes}}
    return TableProposal("customers", (SourceProposal({"query": sql}, columns),), has_zone=True)
