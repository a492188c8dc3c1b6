"""Edge: compiled SQL as a value: run for any moments and any spine, remembered in the process and in readable files."""

from __future__ import annotations

import gc
import json
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import count
from pathlib import Path

from penchant.errors import OutputError
from penchant.output import replaced_file
from penchant.progress import report_statements

from .backends import Backend
from .script import Statement
from .temporary import Keep, KeptRows
from .times import MIDNIGHT, MOMENT, midnight

MOST_REMEMBERED = 64  # programs in a process
UNUSED_SECONDS = 30 * 86_400  # after which a file of SQL is removed
_HASH, _STEP, _ANSWER = "-- sha256 of the rest: ", "-- step: ", "-- answer: "
_REMEMBERED: OrderedDict[str, Program] = OrderedDict()


@dataclass(frozen=True)
class Program:
    """Statements, and the query of the answer that they prepare.

    Parameters
    ----------
    once
        What no moment changes.
    each
        What is made anew for each moment; empty where each row of the spine has its own.
    answer
        The query of the answer.
    types
        Column of the answer -> its type, as Ibis writes it.
    """

    once: tuple[Statement, ...]
    each: tuple[Statement, ...]
    answer: str
    types: Mapping[str, str]

    def run(
        self, backend: Backend, inputs: Sequence[Statement], moments: Sequence[datetime], keep: Keep
    ) -> list[KeptRows]:
        """Return the answer for each moment, or the only one where each row of the spine has its own.

        Parameters
        ----------
        backend
            The Ibis backend.
        inputs
            Tables and views that the statements read: the shop's, and the spine.
        moments
            Instants, UTC without a zone; none where each row of the spine has its own.
        keep
            What keeps the answers.
        """
        made: dict[str, Statement] = {}
        n_done, n_all = count(1), len(inputs) + len(self.once) + (len(self.each) + 1) * max(1, len(moments))

        def make(statements: Sequence[Statement]) -> None:
            for statement in statements:
                made[statement.name] = statement
                statement.make(backend)
                report_statements(next(n_done), n_all)

        def answer(moment: datetime | None) -> KeptRows:
            told = _turned_to(backend, moment)
            make([replace(one, query=told(one.query)) for one in self.each])
            rows = keep.rows_of(told(self.answer), dict(self.types))
            report_statements(next(n_done), n_all)
            return rows

        try:
            make((*inputs, *self.once))
            return [answer(moment) for moment in moments or (None,)]
        finally:
            for statement in reversed(made.values()):
                statement.drop(backend)

    @property
    def text(self) -> str:
        """The program as a file of SQL that DuckDB's shell runs, once the inputs and the moment are set."""
        steps = [("once", statement) for statement in self.once] + [("each", statement) for statement in self.each]
        lines = [f"{_STEP}{when} {one.kind} {one.name}\n{one.sql};\n" for when, one in steps]
        rest = "\n".join([*lines, f"{_ANSWER}{json.dumps(dict(self.types))}\n{self.answer};\n"])
        return f"{_HASH}{sha256(rest.encode()).hexdigest()}\n{rest}"

    @classmethod
    def read(cls, text: str) -> Program | None:
        """Return the program of a file's text; None where it is not whole."""
        head, _newline, rest = text.partition("\n")
        if head != f"{_HASH}{sha256(rest.encode()).hexdigest()}":
            return None
        parts: dict[str, list[Statement]] = {"once": [], "each": []}
        *steps, (types, answer) = _sections(rest)
        for title, body in steps:
            when, kind, name = title.removeprefix(_STEP).split(" ")
            empty = Statement("table" if kind == "table" else "view", name, "")
            parts[when].append(Statement(empty.kind, name, body.removeprefix(empty.sql)))
        return cls(tuple(parts["once"]), tuple(parts["each"]), answer, json.loads(types.removeprefix(_ANSWER)))


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """Yield (title, statement without its semicolon)."""
    title, body = "", list[str]()
    for line in [*text.split("\n"), _STEP]:
        if line.startswith((_STEP, _ANSWER)):
            if title:
                yield title, "\n".join(body).rstrip("\n").removesuffix(";")
            title, body = line, []
        else:
            body.append(line)


def _turned_to(backend: Backend, moment: datetime | None) -> Callable[[str], str]:
    """Return how a query is told its moment: DuckDB has variables, other engines get it as text."""
    values = {} if moment is None else {MOMENT.name: moment, MIDNIGHT.name: midnight(moment)}
    if backend.name == "duckdb":
        for name, value in values.items():
            backend.con.execute(f"set variable {name} = timestamp '{value}'")
        return lambda query: query
    return lambda query: with_instants(backend, query, values)


def with_instants(backend: Backend, query: str, instants: Mapping[str, datetime]) -> str:
    """Return a query with instants in the place of variables."""
    kind = "timestamp" if backend.name == "duckdb" else "timestamp_ntz"
    for name, value in instants.items():
        call = re.escape(f"getvariable('{name}')")
        query = re.sub(call, f"{kind} '{value}'", query, flags=re.IGNORECASE)
    return query


def compiled_once(key: str, folder: Path | None, compiled: Callable[[], tuple[Program, bool]]) -> Program:
    """Return the program of a key, as the process or a file remembers it, else compiled.

    Parameters
    ----------
    key
        A hash of all that the program depends on.
    folder
        Where programs are stored as files; None: in the process alone.
    compiled
        Returns the program, and whether it serves again.
    """
    program = _REMEMBERED.get(key) or _stored(folder, key)
    if program is None:
        with _without_collector():
            program, serves_again = compiled()
        if not serves_again:
            return program
        _store(folder, key, program)
    elif folder is not None and not _path(folder, key).is_file():  # compiled for another shop of the process
        _store(folder, key, program)
    _REMEMBERED[key] = program
    _REMEMBERED.move_to_end(key)
    while len(_REMEMBERED) > MOST_REMEMBERED:
        _REMEMBERED.popitem(last=False)
    return program


@contextmanager
def _without_collector() -> Iterator[None]:
    """Let the collector of cycles rest: it looks again and again through the many small parts of expressions."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _path(folder: Path, key: str) -> Path:
    return folder / f"{key[:16]}.sql"


def _stored(folder: Path | None, key: str) -> Program | None:
    """Return a program from its file; None without one that is whole."""
    if folder is None:
        return None
    path = _path(folder, key)
    try:
        program = Program.read(path.read_text())
        os.utime(path)
    except (OSError, ValueError):
        return None
    return program


def _store(folder: Path | None, key: str, program: Program) -> None:
    """Write a program to a file, where it can be written and says what it is; old files are removed."""
    if folder is None or Program.read(program.text) != program:
        return
    with suppress(OutputError, OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with replaced_file(_path(folder, key)) as path:
            path.write_text(program.text)
        for other in folder.glob("*.sql"):
            if time.time() - other.stat().st_mtime > UNUSED_SECONDS:
                other.unlink()
