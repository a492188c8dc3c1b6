"""A source that is a query over files: an order's header in one file and its lines in another.

Each file that the query names is opened as any other source is, text as text. The query computes with text as with
numbers; what it compares or joins stays text.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from penchant.config import Reading, Source
from penchant.errors import ContractError, PenchantError

from .expressions import Node, RawColumns, is_computed, quoted_name, rewritten, softened
from .files import found_files, open_files
from .join_losses import join_losses
from .raw import Gate, Opened, Raw, copied, guarded, store
from .safety import DIALECT
from .sheets import SUFFIXES as SHEET_SUFFIXES


def open_query(gate: Gate, source: Source) -> Opened:
    """Run a source's query and keep its rows as one raw relation.

    Raises
    ------
    ContractError
        If it is not one query, or the engine refuses it.
    """
    tree = parsed_query(str(source.query))
    raws: list[Raw] = []
    faults: list[PenchantError] = []
    files: dict[str, str] = {}
    for table in file_tables(tree):
        opened = _open_table(gate, source, table, files)
        raws.extend(opened.raws)
        faults.extend(opened.faults)
    if faults:
        return Opened((), tuple(faults))
    name = gate.name("raw")
    sql = _with_numbers(tree, raws)
    guarded(
        lambda: store(gate, name, f"select *, 'query' as _file from ({sql})"),
        "query",
        "SQL that DuckDB runs; the cells of text files are text: cast them where that is not meant",
    )
    raw = copied(gate, name, "query", ", ".join(["query", *_labels(raws)]))
    return Opened((replace(raw, losses=tuple(join_losses(gate, tree, files))),))


def file_tables(tree: Node) -> list[exp.Table]:
    """Return the tables of a query that are files, by their names."""
    return [table for table in tree.find_all(exp.Table) if "." in table.name and not table.db]


def parsed_query(query: str) -> Node:
    """Return the tree of a source's query.

    Raises
    ------
    ContractError
        If it is not one query in DuckDB's dialect.
    """
    try:
        statements = parse(query, dialect=DIALECT)
    except SqlglotError as fault:
        raise ContractError("query", "SQL in DuckDB's dialect", str(fault).splitlines()[0]) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ContractError("query", "one SELECT over files in quotes", f"'{query[:60]}'")
    return statements[0]


def _open_table(gate: Gate, source: Source, table: exp.Table, files: dict[str, str]) -> Opened:
    """Open the files that a query calls by name, as a view in their place; ``files`` learns the view's name."""
    files_name = table.name
    pattern, _, part = table.name.partition("#")
    place = {"path": pattern, **({_part_of(pattern): part} if part else {})}
    own = Source(**{**source.model_dump(exclude={"query", "columns", "exclude"}), **place})
    try:
        opened = open_files(gate, own, found_files(gate, pattern))
    except PenchantError as fault:
        return Opened((), (fault,))
    if opened.faults:
        return opened
    view = gate.name("file")
    parts = " union all by name ".join(_cells(raw, source) for raw in opened.raws)
    gate.execute(f"create view {view} as {parts}")
    files[view] = files_name
    alias = table.alias or pattern.rsplit("/", 1)[-1].split(".")[0]
    table.set("this", exp.to_identifier(view))  # in place: a table in a FROM that stands first carries its joins
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    return opened


def _part_of(path: str) -> str:
    """Return what stands behind the ``#`` of a file's name in a query: a sheet of a workbook, else a table."""
    return "sheet" if path.lower().endswith(SHEET_SUFFIXES) else "table"


def _cells(raw: Raw, reading: Reading) -> str:
    """Return the select of a raw relation with its cells trimmed and emptied of null signs."""
    columns = RawColumns(raw.names, raw.types, reading)
    cells = ", ".join(f"{columns.cell(name)} as {quoted_name(name)}" for name in raw.names)
    return f"select {cells} from {raw.relation}"


def _with_numbers(tree: Node, raws: list[Raw]) -> str:
    """Return the query's SQL, with text read as numbers where it computes."""
    text = {name.lower() for raw in raws for name, kind in raw.types.items() if kind == "VARCHAR"}

    def cell(column: Node) -> str:
        sql = column.sql(dialect=DIALECT)
        return f"as_number({sql})" if column.name.lower() in text and is_computed(column) else sql

    soft = tree.transform(softened)
    return rewritten(soft, cell)(soft)


def _labels(raws: list[Raw]) -> list[str]:
    return [label for raw in raws for label in raw.files.values()]
