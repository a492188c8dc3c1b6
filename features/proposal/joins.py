"""Orders whose header and lines stand in separate files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..intake.expressions import quoted_name
from ..intake.raw import Gate
from .codes import codes_of, status_codes
from .currency import currency_of
from .files import SAMPLE_ROWS
from .languages import plain
from .links import n_shared
from .money import MoneyFinding, money_columns
from .numbers import number_of, number_sql
from .order_sums import OrderRows, order_sum, spread
from .prices import price_of, priced_by
from .queries import Query, file_in_query, is_named, same_column, shared_options
from .roles import amounts_of
from .values import ARBITRARY_DAY, Quote, Seen, SourceProposal, TableProposal, When

FEW_SHARED = 20  # orders that must be in both files where their keys are called differently


def joined_orders(gate: Gate, files: Sequence[Seen], quote: Quote) -> list[TableProposal]:
    """Return orders from a header's file and its lines', and customers where these stand apart.

    Orders without lines stay, of unknown amount where their header has no sum; lines without an order are set aside
    by the intake, as they have no customer. Returns nothing where no two files are such a pair.
    """
    pair = _header_and_lines(gate, files)
    if pair is None:
        return []
    header, lines = pair
    order, key = header.roles["order_id"], str(_link(gate, header, lines))
    on = f"o.{quote(order)} = l.{quote(key)}"
    query = Query(f"from {file_in_query(header)} as o\nfull join {file_in_query(lines)} as l on {on}", quote)
    paid = _lines(gate, (header, lines, files), query)
    when = _when(header, query)
    if when is None:
        return []
    people = _people(header, files)
    columns = {"ordered_at": query.take("o", when.value), "customer_id": _who(header, people, query)}
    columns["order_id"] = query.take("o", order)
    for part, name in header.taken("paid_at", "cancelled_at", "refunded_at", "coupon_id").items():
        columns[part] = query.take("o", name)
    codes, notes = _status(header)
    if codes:
        columns["status"] = query.take("o", header.roles["status"])
    paid = _spread(gate, pair, (order, key), paid, query, columns["order_id"])
    columns |= paid.columns
    currency = currency_of(header, header.roles.get("amount"), _currency(header, query))
    options, doubts = shared_options([header, lines, *([people] if people else [])])
    said = (*currency.notes, *when.notes, *paid.notes, *_lost(gate, pair, (order, key)), *notes, *doubts)
    source = SourceProposal({"query": query.sql()}, columns, currency.exclude)
    orders = TableProposal(
        *("orders", (source,), when.time_format, {"status": codes} if codes else {}, options),
        notes=(_told(header, lines), *header.notes, *said),
        has_zone=when.has_zone,
        is_fine=paid.is_fine,
        currency=currency.code,
    )
    return [orders, *([_customers(people, quote)] if people else [])]


def _told(header: Seen, lines: Seen) -> str:
    return f"each order's header is in {header.look.label}, its lines are in {lines.look.label}"


def _status(header: Seen) -> tuple[dict[str, str], list[str]]:
    """Return what the codes of orders' states mean: as their platform says, else by their words."""
    if header.platform is not None and header.has("status"):
        return codes_of(header.look.column(header.roles["status"]), header.platform.codes("orders", "status"))
    return status_codes(header.look, header.roles)


def _currency(header: Seen, query: Query) -> str | None:
    return query.quote(query.take("o", header.roles["currency"])) if header.has("currency") else None


def _who(header: Seen, people: Seen | None, query: Query) -> str:
    """Select who placed an order: the header's customer, or the person behind it."""
    own = header.roles["customer_id"]
    if people is None:
        return query.take("o", own)
    link = query.quote(str(same_column(people, own)))
    query.tables += f"\nleft join {file_in_query(people)} as c on o.{query.quote(own)} = c.{link}"
    return query.take("c", people.roles["customer_id"])


def _link(gate: Gate, header: Seen, lines: Seen) -> str | None:
    """Return the lines' column that names the order: of the same name, or with the same values."""
    order = header.roles["order_id"]
    own = lines.roles.get("order_id")
    if (same := same_column(lines, order)) is not None and (own is None or plain(order) not in ("id", "number")):
        return same
    few = min(FEW_SHARED, header.look.n_rows)
    return own if own and n_shared(gate, (header, order), (lines, own)) >= few else None


def _header_and_lines(gate: Gate, files: Sequence[Seen]) -> tuple[Seen, Seen] | None:
    """Return the largest pair of files of which one has orders and who placed them, the other what is in them."""
    headers = [one for one in files if one.is_unique("order_id") and one.has("customer_id") and is_named(one)]
    pairs = [
        (header, lines)
        for header in headers
        for lines in files
        if lines is not header
        and is_named(lines)
        and lines.has("item_id")
        and not lines.has("customer_id")
        and _link(gate, header, lines)
    ]
    return max(pairs, key=lambda pair: pair[1].look.n_bytes, default=None)


def _lines(gate: Gate, given: tuple[Seen, Seen, Sequence[Seen]], query: Query) -> MoneyFinding:
    """Select what the lines say, with the price of the article where only its own file has one."""
    header, lines, files = given
    columns = {part: query.take("l", name) for part, name in lines.taken("item_id", "category_id").items()}
    if not lines.has("amount") and not lines.has("price"):
        if (total := header.roles.get("amount")) is not None:
            columns |= {part: query.take("l", name) for part, name in lines.taken("quantity").items()}
            return MoneyFinding(columns, (f"'{total}' is the order's sum: it is shared out equally on its lines",))
        if (found := priced_by(lines, files)) is not None:
            return _priced(lines, found, query, columns)
    paid = money_columns(gate, lines.look, lines.roles, query.quote)
    for name in {column.name for column in lines.look.columns}:
        if any(query.quote(name) in value or value == name for value in paid.columns.values()):
            query.take("l", name)
    return replace(paid, columns={**columns, **paid.columns})


def _priced(lines: Seen, priced: Seen, query: Query, columns: dict[str, str]) -> MoneyFinding:
    """Return amounts made of the article's price in its own file."""
    item, key = query.quote(lines.roles["item_id"]), query.quote(priced.roles["item_id"])
    query.tables += f"\nleft join {file_in_query(priced)} as p on l.{item} = p.{key}"
    price = query.take("p", price_of(priced))
    amount = price
    if pieces := lines.roles.get("quantity"):
        columns["quantity"] = query.take("l", pieces)
        amount = f"{query.quote(columns['quantity'])} * {query.quote(price)}"
    note = f"TODO amounts are made of the article's price now, '{price}': what was paid then is not known"
    return MoneyFinding({**columns, "amount": amount}, (note,))


def _spread(
    gate: Gate, pair: tuple[Seen, Seen], keys: tuple[str, str], paid: MoneyFinding, query: Query, order_id: str
) -> MoneyFinding:
    """Return what the lines cost, as a part of the header's sum where that was paid."""
    header, lines = pair
    order, columns = query.quote(order_id), dict(paid.columns)
    total, freight = header.roles.get("amount"), header.roles.get("freight")
    if freight:
        columns.setdefault("freight", spread(query.quote(query.take("o", freight)), "1", order))
    if "amount" not in columns:
        shared = {"amount": spread(query.quote(query.take("o", total)), "1", order)} if total else {}
        return replace(paid, columns={**columns, **shared})
    taken = {*header.roles.values()} - {total}
    sums = [name for name in amounts_of(header.look) if name not in taken]
    if header.platform is not None:
        sums = [total] if total else []
    if not sums or any(value.startswith("p.") for value in query.selected.values()):
        return replace(paid, columns=columns)
    rows = OrderRows(_joined_sample(gate, pair, keys), '"o:key"', number_sql(lines.look, columns["amount"]))
    delivery = (freight, _sum_of(header, freight)) if freight else None
    chosen = order_sum(gate, rows, {name: _sum_of(header, name) for name in sums}, delivery)
    settled = [note for note in paid.notes if not (chosen.settles_price and "is taken for" in note)]
    found = replace(paid, columns=columns, notes=(*settled, *chosen.notes))
    if chosen.name is None:
        return found
    less = f" - coalesce({query.quote(query.take('o', chosen.less))}, 0)" if chosen.less else ""
    is_column = columns["amount"] in {column.name for column in lines.look.columns}
    weight = query.quote(columns["amount"]) if is_column else columns["amount"]
    columns.setdefault("list_amount", columns["amount"])
    columns["amount"] = spread(query.quote(query.take("o", chosen.name)) + less, weight, order)
    return replace(found, columns=columns)


def _joined_sample(gate: Gate, pair: tuple[Seen, Seen], keys: tuple[str, str]) -> str:
    """Return the relation of the samples' lines, each with what its header says, called ``o:``."""
    header, lines = (one.look.raw for one in pair)
    order, key = quoted_name(header.names[keys[0]]), quoted_name(lines.names[keys[1]])
    said = ", ".join(f"o.{quoted_name(own)} as {quoted_name(f'o:{name}')}" for name, own in header.names.items())
    return (
        f'(select l.*, o.{order} as "o:key", {said} from {lines.relation} as l'
        f" join {header.relation} as o on o.{order} = l.{key})"
    )


def _sum_of(header: Seen, name: str) -> str:
    sql = number_of(header.look, name)
    return sql.replace(quoted_name(header.look.raw.names[name]), quoted_name(f"o:{name}"))


def _lost(gate: Gate, pair: tuple[Seen, Seen], keys: tuple[str, str]) -> list[str]:
    """Return a doubt about orders without lines, and about lines without an order; none where samples cannot tell."""
    header, lines = pair
    if max(header.look.n_rows, lines.look.n_rows) >= SAMPLE_ROWS:
        return ["orders without lines stay, of unknown amount; lines without an order are set aside, as they have none"]
    tables = [one.look.raw for one in pair]
    cells = [quoted_name(raw.names[name]) for raw, name in zip(tables, keys, strict=True)]
    n_alone = [
        gate.row(
            f"select count(*) from {tables[mine].relation} as a anti join {tables[1 - mine].relation} as b"
            f" on a.{cells[mine]} = b.{cells[1 - mine]}"
        )[0]
        for mine in (0, 1)
    ]
    said = []
    if n_alone[0]:
        unknown = "with the sum of their header" if header.has("amount") else "of unknown amount"
        said.append(f"TODO {n_alone[0]:,} of {header.look.n_rows:,} orders have no lines: they stay, {unknown}")
    if n_alone[1]:
        said.append(f"TODO {n_alone[1]:,} of {lines.look.n_rows:,} lines have no order: they are set aside")
    return said


def _when(header: Seen, query: Query) -> When | None:
    """Return the time of the orders: a column of theirs, or one that the query makes."""
    when = header.when or _since_prior(header, query.quote)
    if when is None or when.value in {column.name for column in header.look.columns}:
        return when
    place = file_in_query(header)
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
        link = same_column(one, own)
        if (
            one is not header
            and is_named(one)
            and link is not None
            and one.look.column(link).is_unique
            and "unique" in plain(one.roles.get("customer_id", ""))
            and plain(one.roles["customer_id"]) != plain(own)
        ):
            return one
    return None


def _customers(people: Seen, quote: Quote) -> TableProposal:
    """Return one row per person, with what one of the person's rows says."""
    who = people.roles["customer_id"]
    attributes = people.taken("gender", "birth_year", "region", "acquisition_channel")
    values = "".join(f",\n    any_value({quote(name)}) as {part}" for part, name in attributes.items())
    sql = f"select\n    {quote(who)} as customer_id{values}\nfrom {file_in_query(people)}\ngroup by 1"
    columns = {"customer_id": "customer_id", **{part: part for part in attributes}}
    return TableProposal("customers", (SourceProposal({"query": sql}, columns),), has_zone=True)
