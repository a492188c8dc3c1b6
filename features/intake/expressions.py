"""What a mapping's value means: a column by its exact name, or an SQL expression over the raw columns.

Text cells are trimmed and emptied of null signs wherever an expression reads them, and read as numbers where the
expression computes with them, so that ``quantity * price`` works on a CSV file as it does on Parquet. Four functions
look at other lines: ``of_order(column, order)``, ``lines_of(order)``, ``spread(total, weight, order)`` at those of an
order, ``value_above(column)`` at the rows above.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp, parse, parse_one
from sqlglot.errors import SqlglotError

from penchant.config import Reading
from penchant.errors import ContractError, did_you_mean

from .safety import DIALECT, no_scalar

NULLS = ("NULL", "null", "NaN", "nan", "None", "\\N")
Node = Any  # sqlglot names the base class of its nodes differently from version to version
PSEUDO = ("_file", "_row")  # where a row was read: at hand in every expression

# With the signs that set thousands apart; two quotes are one of SQL.
_BLANKS = r"(?:R|US|CA|A|NT|HK|MX)\$|[\s\x{a0}\x{202f}\x{2009}$£€¥₹₽₺₩₴₫''’]"
_CURRENCIES = "EUR|USD|GBP|CHF|PLN|BRL|INR|SEK|NOK|DKK|CZK|TRY|RUB|JPY|CNY|RMB|kr\\.?"
_BEFORE = rf"^(-?)(?:Rs\.?|{_CURRENCIES})(-?[.,]?\d)"
_AFTER = rf"(\d[.,]?)(?:zł|Kč|TL|руб\.?|元|円|{_CURRENCIES})$"
_SHOWN = (  # without blanks: as a currency stands before or after, and as books write what is negative
    rf"regexp_replace(regexp_replace(regexp_replace(regexp_replace(x, '{_BLANKS}', '', 'g'),"
    rf" '{_BEFORE}', '\1\2', 'i'), '{_AFTER}', '\1', 'i'), '^\((.+)\)$', '-\1')"
)

MACROS = (
    f"create or replace macro without_signs(x) as {_SHOWN}",
    "create or replace macro as_number(x) as coalesce(try_cast(x as double),"
    " try_cast(replace(regexp_extract(without_signs(x), '^-?\\d{1,3}(,\\d{3})+(\\.\\d*)?$'), ',', '') as double),"
    " try_cast(without_signs(trim(x)) as double))",  # not the same expression, which would be worked out for all
    "create or replace macro as_number_with_comma(x) as coalesce("
    "case when not contains(x, '.') then try_cast(replace(x, ',', '.') as double) end,"
    " try_cast(replace(replace("
    "regexp_extract(without_signs(x), '^[-+]?(\\d*|\\d{1,3}(\\.\\d{3})+)(,\\d*)?$'), '.', ''), ',', '.') as double))",
)

_COMPUTES = (
    exp.Mul,
    exp.Div,
    exp.IntDiv,
    exp.Mod,
    exp.Neg,
    exp.Sum,
    exp.Avg,
    exp.Round,
    exp.Abs,
    exp.Floor,
    exp.Ceil,
    exp.Sqrt,
    exp.Sign,
)
_COMPARES = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
_PASSES = (exp.Paren, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least)


@dataclass(frozen=True)
class RawColumns:
    """The columns of a raw relation, as expressions see them.

    Parameters
    ----------
    names
        The shop's column name to the engine's name of it.
    types
        The shop's column name to the engine's type.
    reading
        How the cells of text are read.
    """

    names: Mapping[str, str]
    types: Mapping[str, str]
    reading: Reading

    def found(self, name: str) -> str | None:
        """Return the column of a name: the same letters first, then the same but for upper and lower case."""
        if name in self.names or name in PSEUDO:
            return name
        same = [known for known in self.names if known.lower() == name.lower()]
        return same[0] if len(same) == 1 else None

    def is_text(self, name: str) -> bool:
        """Say whether a column holds text."""
        return self.types.get(name) == "VARCHAR"

    def is_binary(self, name: str) -> bool:
        """Say whether a column holds bytes, as some programs write text."""
        return self.types.get(name) == "BLOB"

    def unreadable(self, name: str) -> tuple[str, ...]:
        """Return the condition of a cell that is there and cannot be read: bytes that are no UTF-8."""
        cell = quoted_name(self.names.get(name, name))
        return (f"({cell} is not null and try(decode({cell})) is null)",) if self.is_binary(name) else ()

    def cell(self, name: str, is_number: bool = False) -> str:
        """Return the SQL of a cell: text trimmed, with null signs and blanks as null; NaN is a number."""
        cell = quoted_name(self.names.get(name, name))
        if self.is_binary(name):
            cell = f"try(decode({cell}))"
        elif not self.is_text(name):
            return cell
        default = tuple(sign for sign in NULLS if not (is_number and sign.lower() == "nan"))
        signs = ("", *(default if self.reading.nulls is None else self.reading.nulls))
        listed = ", ".join(text_literal(sign) for sign in signs)
        return f"(case when trim({cell}) in ({listed}) then null else trim({cell}) end)"

    def number(self, sql: str) -> str:
        """Return the SQL that reads text as a number."""
        return f"as_number_with_comma({sql})" if self.reading.decimal == "," else f"as_number({sql})"


@dataclass(frozen=True)
class Meaning:
    """What a mapping's value means on a raw relation.

    Parameters
    ----------
    sql
        The SQL of the raw value.
    column
        The raw column, where the value names one; None for an expression.
    unreadable
        Conditions, one of which holds where a cell is there that the expression cannot read.
    reads
        The raw columns that the value is made of.
    """

    sql: str
    column: str | None
    unreadable: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()


def quoted_name(name: str) -> str:
    """Return a name as an SQL identifier.

    Examples
    --------
    >>> quoted_name('Customer ID')
    '"Customer ID"'
    """
    return '"' + name.replace('"', '""') + '"'


def text_literal(text: str) -> str:
    """Return a text as an SQL literal.

    Examples
    --------
    >>> text_literal("O'Neill")
    "'O''Neill'"
    """
    return "'" + text.replace("'", "''") + "'"


def meaning(value: str, raw: RawColumns, where: str, is_number: bool = False) -> Meaning:
    """Return what a mapping's value means.

    Parameters
    ----------
    value
        A raw column's name, or an SQL expression in DuckDB's dialect.
    raw
        The columns it may name.
    where
        The place in the configuration, for messages.
    is_number
        Whether a number is wanted.

    Raises
    ------
    ContractError
        If it is neither, or names a column that does not exist.
    """
    column = raw.found(value.strip())
    if column is not None:
        return Meaning(raw.cell(column, is_number), column, raw.unreadable(column), (column,))
    tree = _parsed(value, raw, where).transform(_written_out)
    unknown = [ref.name for ref in tree.find_all(exp.Column) if raw.found(ref.name) is None]
    if unknown:
        got = f"'{value}'" + (f", which reads '{unknown[0]}'" if unknown[0] != value else "")
        raise ContractError(
            where, "a column of the source or an expression over its columns", got, did_you_mean(unknown[0], raw.names)
        )
    if isinstance(tree, exp.Column):
        name = raw.found(tree.name) or tree.name
        return Meaning(raw.cell(name, is_number), name, raw.unreadable(name), (name,))
    return _resolved(tree, raw)


def _parsed(value: str, raw: RawColumns, where: str) -> Node:
    expected = "a column of the source or an SQL expression over its columns"
    try:
        statements = parse(f"select {value}", dialect=DIALECT)
    except (SqlglotError, RecursionError):
        statements = []
    tree: Node = statements[0] if len(statements) == 1 else None
    given = {name for name, part in tree.args.items() if part} if isinstance(tree, exp.Select) else set()
    if given != {"expressions"} or len(tree.expressions) != 1:
        raise ContractError(where, expected, f"'{value}'", did_you_mean(value, raw.names))
    part = tree.expressions[0]
    if isinstance(part, exp.Alias):  # two words: a column's name with a blank, mistyped
        raise ContractError(where, "a column of the source", f"'{value}'", did_you_mean(value, raw.names))
    if why := no_scalar(part):
        do = "A source's 'query' may hold it instead"
        raise ContractError(where, f"{expected}: one value of one row", f"'{value}', with {why}", do)
    return part


def _written_out(node: Node) -> Node:
    """Return the SQL that a function over an order's lines stands for; other nodes as they are."""
    function = ORDER_FUNCTIONS.get(node.name.lower()) if isinstance(node, exp.Anonymous) else None
    if function is None or len(node.expressions) != function.__code__.co_argcount:
        return node
    return parse_one(function(*(part.sql(dialect=DIALECT) for part in node.expressions)), dialect=DIALECT)


def _of_order(column: str, order: str) -> str:
    """Return the SQL of what any line of an order says, for all of its lines."""
    return f"max({column}) over (partition by {order})"


def _value_above(column: str) -> str:
    """Return the SQL of a row's value, or of that of the nearest row above which has one."""
    return f"last_value({column} ignore nulls) over (order by _file, _row)"


def _lines_of(order: str) -> str:
    """Return the SQL of how many lines an order has."""
    return f"count(*) over (partition by {order})"


def _spread(total: str, weight: str, order: str) -> str:
    """Return the SQL of a line's part of its order's total, by weights.

    The parts are to the cent and add up to the total. Lines without any weight share equally; where there is no
    total, a line's weight is its part.
    """
    lines, so_far = f"partition by {order}", f"partition by {order} order by _file, _row"
    paid, part = f"avg({total}) over ({lines})", f"round(coalesce({weight}, 0) * 10000)"
    by_weight, equally = (
        f"round({paid} * ({upto}) / {whole}, 2) - round({paid} * ({upto} - {one}) / {whole}, 2)"
        for upto, whole, one in (
            (f"sum({part}) over ({so_far})", f"sum({part}) over ({lines})", part),
            (f"row_number() over ({so_far})", f"count(*) over ({lines})", "1"),
        )
    )
    return (
        f"case when {order} is null or {paid} is null then coalesce({weight}, {total}) * 1"
        f" when sum({part}) over ({lines}) <> 0 then {by_weight} else {equally} end"
    )


ORDER_FUNCTIONS: Mapping[str, Callable[..., str]] = {
    "of_order": _of_order,
    "lines_of": _lines_of,
    "value_above": _value_above,
    "spread": _spread,
}


def _resolved(tree: Node, raw: RawColumns) -> Meaning:
    unreadable: dict[str, None] = {}
    reads: dict[str, None] = {}

    def cell(column: Node) -> str:
        name = raw.found(column.name) or column.name
        reads[name] = None
        if not (raw.is_text(name) and is_computed(column)):
            return raw.cell(name)
        plain = raw.cell(name, is_number=True)
        unreadable[f"({plain} is not null and {raw.number(plain)} is null)"] = None
        return raw.number(plain)

    soft = exp.Paren(this=tree.copy()).transform(softened)
    written = rewritten(soft, cell)
    for node in soft.find_all(exp.TryCast, exp.Anonymous):
        if node.meta.get("was_hard"):
            argument = node.this if isinstance(node, exp.TryCast) else node.expressions[0]
            unreadable[f"({written(argument)} is not null and {written(node)} is null)"] = None
    return Meaning(written(soft), None, tuple(unreadable), tuple(reads))


def softened(node: Node) -> Node:
    """Turn what fails on a bad cell into what gives null there, so that one bad cell stays one bad cell."""
    soft = node
    if type(node) is exp.Cast and not isinstance(node.this, exp.Literal):
        soft = exp.TryCast(this=node.this, to=node.to)
    elif isinstance(node, exp.StrToTime):
        soft = exp.Anonymous(this="try_strptime", expressions=[node.this, node.args["format"]])
    if soft is not node:
        soft.meta["was_hard"] = True
    return soft


def rewritten(tree: Node, cell: Callable[[Node], str]) -> Callable[[Node], str]:
    """Replace each column of a tree by what ``cell`` says, and return the function that writes any part of it."""
    columns = list(tree.find_all(exp.Column))
    texts = [cell(column) for column in columns]  # all before the first is replaced: they look at each other
    for place, column in enumerate(columns):
        column.replace(exp.column(f"__cell_{place}__"))

    def written(node: Node) -> str:
        sql = str(node.sql(dialect=DIALECT))
        for place, text in enumerate(texts):
            sql = sql.replace(f"__cell_{place}__", text)
        return sql

    return written


def is_computed(column: Node) -> bool:
    """Say whether an expression computes with a column, or compares it with a number."""
    node, parent = column, column.parent
    while _passes(node, parent):
        node, parent = parent, parent.parent
    if isinstance(parent, exp.Add | exp.Sub):  # what is added to an interval is a time
        return not any(isinstance(part, exp.Interval) for part in parent.iter_expressions())
    if isinstance(parent, _COMPUTES):
        return True
    if isinstance(parent, _COMPARES):
        return any(_is_number(part) for part in parent.iter_expressions() if part is not node)
    return False


def _passes(node: Node, parent: Node) -> bool:
    """Say whether a node's value is its parent's value."""
    if isinstance(parent, _PASSES):
        return True
    return isinstance(parent, exp.Case | exp.If) and node is not parent.args.get("this")


def _is_number(node: Node) -> bool:
    if isinstance(node, exp.Neg | exp.Paren):
        return _is_number(node.this)
    return isinstance(node, exp.Literal) and not node.is_string
