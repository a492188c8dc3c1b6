"""Look at a folder of files and propose a penchant.toml for it."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from penchant.config import EngineSection
from penchant.errors import InputError, NotThereError

from ..contract import CONTRACT
from ..engine.backends import Scratch, duckdb_backend
from ..intake.expressions import MACROS, quoted_name
from ..intake.ids import MACROS as ID_MACROS
from ..intake.raw import Gate
from .campaigns import drawn_audiences
from .examples import RowExample, examples_of_rows
from .files import TableLook, look_at
from .platforms import recognised
from .roles import is_snapshot, is_trial, roles_of
from .tables import proposals
from .values import SourceProposal, TableProposal

WIDTH = 118
MORE = "#   "  # begins the further lines of one comment
BY_HAND = "Write a penchant.toml by hand, with the columns' names as they are"
MERGED = 'merge = ["customer_id"]   # e-mail addresses: upper and lower case are one'
SNAPSHOT = (
    "One row per customer without dates is a snapshot: signals and outcomes need dated orders or events, such as an"
    " export of orders. Learn from a snapshot with an outcome in Python, by PropensityModel; from a randomised trial"
    " by 'penchant train uplift --matrix FILE'"
)
TRIAL = (
    "One row per customer with an arm and what came of it is a finished trial: learn from it in Python,"
    " as examples/hillstrom.py shows"
)


@dataclass(frozen=True)
class Proposed:
    """A proposal of a penchant.toml.

    Parameters
    ----------
    text
        Its text.
    examples
        Rows of orders or events beside what they are understood as.
    unused
        Files of which nothing is read.
    """

    text: str
    examples: tuple[RowExample, ...] = ()
    unused: tuple[str, ...] = ()


def propose(folder: Path, results: Sequence[Path] = ()) -> str:
    """Return the text of a penchant.toml for the files in a folder, as `proposed` finds it."""
    return proposed(folder, results).text


def proposed(folder: Path, results: Sequence[Path] = ()) -> Proposed:
    """Look at the files in a folder and return a penchant.toml for them.

    Tables are found by the names of columns and by what they hold; what was seen, assumed, or could not be decided
    stands in comments. Samples are read, not whole files.

    Parameters
    ----------
    folder
        The folder; files in folders within it are looked at too.
    results
        Folders of results, such as ``out/``: audiences drawn there for a shop of the folder's name become
        assignments and campaigns.

    Raises
    ------
    NotThereError
        If there is no such folder.
    InputError
        If it holds no file that can be read as a table, or none with orders or events of customers.
    """
    if not folder.is_dir():
        raise NotThereError(f"folder '{folder}'", "a folder of files", "a file" if folder.exists() else "nothing there")
    space = Scratch()
    backend = duckdb_backend(EngineSection(), space.folder)
    try:
        for macro in (*MACROS, *ID_MACROS):
            backend.con.execute(macro)
        gate = Gate(backend.con, folder.absolute(), space.folder)
        looks, unread = look_at(gate)
        found = proposals(gate, looks, _quoting(gate))
        main = next((table for table in found if table.name in ("orders", "interactions")), None)
        examples = examples_of_rows(gate, main, looks) if main else []
    finally:
        backend.disconnect()
        space.remove()
    if main is None:
        raise InputError(
            f"folder '{folder}'",
            "a file with a customer, a time, and what was bought or done",
            _seen_only(looks, unread),
            _advice(looks),
        )
    names = {table.name for table in found}
    found += [table for table in drawn_audiences(folder, results, _shop_name(folder)) if table.name not in names]
    unused = _unused(found, looks)
    return Proposed(_document(folder, found, looks, unread, _by_address(examples)), tuple(examples), unused)


def _unused(tables: Sequence[TableProposal], looks: Sequence[TableLook]) -> tuple[str, ...]:
    """Return the files of which no table reads anything."""
    used = {str(path) for table in tables for source in table.sources for path in _paths(source)}
    return tuple(look.label for look in looks if not any(path in used for path in look.paths))


def _by_address(examples: Sequence[RowExample]) -> bool:
    """Say whether customers are known by their e-mail address, which people type as they like."""
    return any("@" in (row.after.get("customer_id") or "") for row in examples)


def _advice(looks: Sequence[TableLook]) -> str:
    """Return what may be done with files that hold no orders and no events."""
    for look in looks:
        found = recognised(look)
        said = [text for part, text in found.platform.refusals.items() if part not in found.roles] if found else []
        if said:
            return f"{look.label}: {said[0]}"
    if any(map(is_trial, looks)):
        return TRIAL
    return SNAPSHOT if any(map(is_snapshot, looks)) else BY_HAND


def doubts(text: str) -> list[str]:
    """Return the comments of a proposal that are marked with TODO, each as one line.

    Examples
    --------
    >>> doubts("# TODO a guess,\\n#   or not\\n# A fact\\n# timezone = 'UTC'   # TODO of the shop")
    ['a guess, or not', "timezone = 'UTC'   # of the shop"]
    """
    lines = text.replace(f"\n{MORE}", " ").splitlines()
    told = [line for line in lines if "TODO" in line and not line.startswith("# Proposed from")]
    return list(dict.fromkeys(line.removeprefix("# ").replace("TODO ", "") for line in told))


def _seen_only(looks: Sequence[TableLook], unread: Sequence[str]) -> str:
    seen = [f"{look.label} ({', '.join(_columns(look))}), {_missing(look)}" for look in looks[:5]]
    return "; ".join([*seen, *unread[:5]]) or "no file that can be read as a table"


def _columns(look: TableLook) -> list[str]:
    return [*(column.name for column in look.columns[:8]), *["..."] * (len(look.columns) > 8)]


def _missing(look: TableLook) -> str:
    """Say which part no column seems to play."""
    roles = roles_of(look)
    wanted = {"customer": {"customer_id"}, "time": {"time"}, "purchase or act": {"amount", "price", "quantity"}}
    wanted["purchase or act"] |= {"order_id", "item_id", "kind"}
    missing = [part for part, names in wanted.items() if not names & roles.keys()]
    return f"no {' and no '.join(missing)} by its columns" if missing else "nothing that orders or events are known by"


def _quoting(gate: Gate) -> Callable[[str], str]:
    """Return the function that quotes a column's name in SQL where it must be."""
    reserved = {
        row[0] for row in gate.rows("select keyword_name from duckdb_keywords() where keyword_category = 'reserved'")
    }

    def quote(name: str) -> str:
        is_plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name.lower() not in reserved
        return name if is_plain else quoted_name(name)

    return quote


def _document(
    folder: Path, tables: Sequence[TableProposal], looks: Sequence[TableLook], unread: Sequence[str], by_address: bool
) -> str:
    """Return the whole text."""
    known = [path for look in looks for path in look.paths]
    is_fine = any(table.is_fine for table in tables)
    left = _unused(tables, looks)
    lines = [
        *_comment(
            "Proposed from the files in this folder. What could not be known is marked with TODO: look there first,"
            " then run 'penchant check'."
        ),
        *(_comment(f"Not used: {', '.join(left)}") if left else []),
        *(line for fault in unread for line in _comment(f"Could not be read: {fault}")),
        "",
        "[shop]",
        f"name = {_value(_shop_name(folder))}",
        _currency(tables),
        '# timezone = "Europe/London"   # TODO where the shop\'s days begin and end; default: UTC',
        "# extract_end = 2024-01-01T00:00:00Z   # up to when the data is complete; default: its latest event",
        *(["decimals = 4   # amounts are fractions: two places would round them away"] if is_fine else []),
        *(["", "[ids]", MERGED] if by_address else []),
    ]
    for table in tables:
        lines += ["", *_table(table, known)]
    return "\n".join(lines) + "\n"


def _currency(tables: Sequence[TableProposal]) -> str:
    code = next((table.currency for table in tables if table.currency), None)
    return (
        f"currency = {_value(code)}"
        if code
        else '# currency = "GBP"             # TODO the files do not say; default: EUR'
    )


def _paths(source: SourceProposal) -> list[str]:
    if "path" in source.place:
        return [str(source.place["path"])]
    return re.findall(r"'([^'#]*\.[A-Za-z0-9.]+)(?:#[^']*)?'", str(source.place.get("query", "")))


def _shop_name(folder: Path) -> str:
    name = re.sub(r"[^a-z0-9_-]+", "_", folder.absolute().name.lower()).strip("_-")
    return name or "shop"


def _table(table: TableProposal, known: Sequence[str]) -> list[str]:
    """Return the lines of a table's section."""
    lines = [f"[tables.{table.name}]   # one row is {CONTRACT[table.name].row_is}"]
    for note in table.notes:
        lines += _comment(note[0].upper() + note[1:])
    sources = _gathered(table.sources, known)
    is_single = len(sources) == 1
    if is_single:
        lines += [f"{key} = {_value(value)}" for key, value in sources[0].place.items()]
    if table.time_format is not None:
        lines.append(f"time_format = {_value(table.time_format)}")
    lines += [f"{key} = {_value(value)}" for key, value in table.options.items()]
    if not table.has_zone:
        lines.append('# timezone = "Europe/London"   # TODO times carry no zone: that in which they are written')
    shared = _shared(sources)
    lines += _section(f"tables.{table.name}.columns", shared.columns)
    lines += _section(f"tables.{table.name}.exclude", shared.exclude)
    for column, codes in table.codes.items():
        lines += _section(f"tables.{table.name}.codes.{column}", codes)
    return lines if is_single else [*lines, *_sources(table.name, sources, shared)]


def _gathered(sources: Sequence[SourceProposal], known: Sequence[str]) -> list[SourceProposal]:
    """Return sources with files that differ in a part of their names alone as one pattern, if no other fits it."""
    kinds: dict[str, list[SourceProposal]] = {}
    for source in sources:
        rest = {key: value for key, value in source.place.items() if key != "path"}
        kinds.setdefault(repr((rest, source.columns, source.exclude)), []).append(source)
    gathered = []
    for alike in kinds.values():
        paths = [str(source.place.get("path")) for source in alike]
        pattern = _pattern(paths)
        if len(alike) > 3 and not any(fnmatch(path, pattern) for path in {*known} - {*paths}):
            place = {**alike[0].place, "path": pattern}
            gathered.append(SourceProposal(place, alike[0].columns, alike[0].exclude))
        else:
            gathered += alike
    return gathered


def _pattern(paths: Sequence[str]) -> str:
    """Return the shortest pattern that begins and ends as all paths do.

    Examples
    --------
    >>> _pattern(["log-01.csv", "log-02.csv", "log-10.csv"])
    'log-*.csv'
    >>> _pattern(["y=1/m=1/a.csv", "y=1/m=12/a.csv", "y=2/m=1/a.csv"])
    'y=*/m=*/a.csv'
    """
    folders = [path.split("/") for path in paths]
    if len({len(parts) for parts in folders}) > 1:
        return f"**/*{Path(paths[0]).suffix}"
    return "/".join(_part_pattern(parts) for parts in zip(*folders, strict=True))


def _part_pattern(paths: tuple[str, ...]) -> str:
    """Return the pattern of one part of paths: a folder's name, or the file's."""
    if len(set(paths)) == 1:
        return paths[0]
    start = len(os.path.commonprefix(paths))  # noqa: RUF071 - signs are what is compared
    end = len(os.path.commonprefix([path[start:][::-1] for path in paths]))  # noqa: RUF071
    digits = re.sub(r"\d+$", "", paths[0][:start])
    ending = re.sub(r"^\d+", "", paths[0][len(paths[0]) - end :])
    return f"{digits}*{ending}"


def _shared(sources: Sequence[SourceProposal]) -> SourceProposal:
    """Return the columns and exclusions that all sources have in common."""

    def common(parts: list[Mapping[str, str]]) -> dict[str, str]:
        return {key: value for key, value in parts[0].items() if all(part.get(key) == value for part in parts)}

    return SourceProposal(
        {}, common([source.columns for source in sources]), common([source.exclude for source in sources])
    )


def _sources(name: str, sources: Sequence[SourceProposal], shared: SourceProposal) -> list[str]:
    lines: list[str] = []
    for source in sources:
        lines += ["", f"[[tables.{name}.sources]]"]
        lines += [f"{key} = {_value(value)}" for key, value in source.place.items()]
        own = {key: value for key, value in source.columns.items() if key not in shared.columns}
        lines += _section(f"tables.{name}.sources.columns", own)
        other = {key: value for key, value in source.exclude.items() if key not in shared.exclude}
        lines += _section(f"tables.{name}.sources.exclude", other)
    return lines


def _section(title: str, values: Mapping[str, str]) -> list[str]:
    if not values:
        return []
    return ["", f"[{title}]", *(f"{_key(key)} = {_value(value)}" for key, value in values.items())]


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _value(key)


def _value(value: object) -> str:
    """Return a value as TOML.

    Examples
    --------
    >>> _value('a "b"'), _value(["x"]), _value(False)
    ('\\'a "b"\\'', '["x"]', 'false')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    text = str(value)
    if "\n" in text:
        return f"'''\n{text}\n'''"
    if '"' in text and "'" not in text:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda sign: f"\\u{ord(sign[0]):04x}", escaped) + '"'


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent=MORE)
