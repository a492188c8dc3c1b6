"""What a shop's tables and its own modules are made of, by content: results of other content are never taken for its.

What cannot be told by content, such as a table in a database, has a fingerprint of its own at each reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

from sqlglot import exp

from penchant.config import Config, Source
from penchant.errors import PenchantError
from penchant.output import file_facts

from .files import matching_files
from .queries import file_tables, parsed_query
from .safety import is_volatile

NO_FILE = "not a file"  # what stands for the content of a table in a database
_READERS = ("read_csv", "read_csv_auto", "read_parquet", "parquet_scan", "read_json", "read_json_auto", "read_text")
_READ_NOTHING = ("generate_series", "range", "unnest", "explode")


def _of_this_call() -> str:
    return f"{NO_FILE}, reading {uuid4().hex[:16]}"


def is_unknown(fingerprint: str) -> bool:
    """Say whether a fingerprint stands for what cannot be told by content."""
    return fingerprint.startswith(NO_FILE)


def source_hashes(config: Config, data: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that the tables are read from; of what is no file, what no other call gives."""
    found: dict[str, str] = {}
    for table in config.tables.values():
        for source in table.sources:
            found |= {file_name(path, data): file_facts(path)["sha256"] for path in source_files(source, data)}
            if not _patterns(source)[1]:
                found[source.table or "query"] = _of_this_call()
    return found


def source_files(source: Source, data: Path) -> list[Path]:
    """Return the files that a source reads, in the order of their names."""
    return sorted({path for pattern in _patterns(source)[0] for path in matching_files(data, pattern)})


def _patterns(source: Source) -> tuple[list[str], bool]:
    """Return the files that a source reads, as patterns, and whether that is all it reads."""
    if source.address is not None:
        is_file = source.address.startswith("duckdb://")
        return [source.address.removeprefix("duckdb://")] * is_file, is_file
    if source.query is None:
        return [str(source.path)], True
    try:
        tree = parsed_query(source.query)
    except PenchantError:  # the intake says what is wrong with it
        return [], False
    named = [table.name for table in file_tables(tree)]
    read, is_known = _files_of_functions(tree)
    return [*named, *read], is_known and not is_volatile(tree)


def _files_of_functions(tree: exp.Expression) -> tuple[list[str], bool]:
    """Return the files that table functions of a query read, and whether there is no other function."""
    found: list[str] = []
    is_known = True
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Func):
            continue
        function = table.this
        name = (function.name if isinstance(function, exp.Anonymous) else function.sql_name()).lower()
        literals = [text.this for text in function.find_all(exp.Literal) if text.is_string and "." in text.this]
        is_known &= (name in _READERS and bool(literals)) or name in _READ_NOTHING
        found += literals if name in _READERS else []
    return found, is_known


def file_name(path: Path, data: Path) -> str:
    """Return what a file is called in manifests: its place in the data folder, which tells partitions apart."""
    if path.is_relative_to(data):
        return path.relative_to(data).as_posix()
    place = sha256(path.parent.as_posix().encode()).hexdigest()[:8]  # no manifest holds an absolute path
    return f"{place}/{path.name}"


def module_hashes(config: Config) -> Mapping[str, str]:
    """Return the SHA-256 of each of the shop's own modules: of its file, or of all files of its package."""
    return {name: _module(config, name) for name in config.modules}


def _module(config: Config, name: str) -> str:
    if name.endswith(".py"):
        path = config.module_file(name)
        return str(file_facts(path)["sha256"]) if path.is_file() else _of_this_call()
    files = list(_files_of_module(name))
    if not files:
        return _of_this_call()
    return sha256("".join(file_facts(path)["sha256"] for path in files).encode()).hexdigest()


def _files_of_module(name: str) -> Iterator[Path]:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return
    if spec is None or spec.origin is None:
        return
    origin = Path(spec.origin)
    yield from sorted(origin.parent.rglob("*.py")) if spec.submodule_search_locations else [origin]
