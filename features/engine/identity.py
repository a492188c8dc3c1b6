"""What a question is, as text: the same text means the same question, so that its SQL serves again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from functools import cache, partial
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any

from pydantic import BaseModel

import penchant

OURS = "penchant"
_PLAIN = (type(None), bool, int, float, complex, str, bytes, date, datetime, time, timedelta, Path, Enum)


class UnknownIdentityError(Exception):
    """A value that nothing is known of: what is made of it serves once."""


def identity(value: Any) -> tuple[str, bool]:
    """Return what a value is, and whether all functions in it are this package's own.

    A function is its code, its defaults and what it encloses; what it reads of its own module is not told. That of
    this package's modules is in `source_digest`.

    Raises
    ------
    UnknownIdentityError
        If it holds something that is neither plain, nor a function, nor a dataclass or section of the
        configuration of such.

    Examples
    --------
    >>> def within(days):
    ...     return lambda past: past.purchases.within(days).count()
    >>> identity(within(30)) == identity(within(30)), identity(within(30)) == identity(within(31))
    (True, False)
    """
    modules: set[str] = set()
    text = "".join(_told(value, modules, ()))
    return text, all(module.split(".")[0] == OURS for module in modules)


def _told(value: Any, modules: set[str], around: tuple[int, ...]) -> Iterator[str]:
    """Yield the parts of what a value is; ``around`` are the values that hold it."""
    if id(value) in around:
        yield f"<{around.index(id(value))} around>"
        return
    around = (*around, id(value))
    if isinstance(value, _PLAIN):
        yield f"{type(value).__name__}:{value!r};"
        return
    for name, part in _parts(value, modules):
        yield f"{name}("
        yield from _told(part, modules, around) if not isinstance(part, _Text) else part
        yield ")"


def _held(value: Any) -> Mapping[str, Any]:
    """Return what a dataclass or a section of the configuration holds, by name."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return {one.name: getattr(value, one.name) for one in fields(value)}


class _Text(str):
    """A part that is told already."""


def _parts(value: Any, modules: set[str]) -> Iterator[tuple[str, Any]]:
    """Yield the named parts of a value that is not plain."""
    kind = type(value)
    if isinstance(value, FunctionType):
        modules.add(value.__module__)
        yield f"{value.__module__}.{value.__qualname__}", _Text(_code(value.__code__))
        yield "defaults", (value.__defaults__, value.__kwdefaults__)
        yield "around", tuple(cell.cell_contents for cell in value.__closure__ or ())
    elif isinstance(value, MethodType):
        yield "method", (value.__func__, value.__self__)
    elif isinstance(value, partial):
        yield "partial", (value.func, value.args, value.keywords)
    elif isinstance(value, type | BuiltinFunctionType):
        modules.add(value.__module__ if value.__module__ != "builtins" else OURS)
        yield "named", _Text(f"{value.__module__}.{value.__qualname__}")
    elif isinstance(value, Mapping):
        yield "mapping", tuple((key, value[key]) for key in value)
    elif isinstance(value, list | tuple):
        yield from ((kind.__name__, one) for one in value)
        yield "n", len(value)
    elif isinstance(value, set | frozenset):
        yield "set", sorted(value, key=repr)
    elif is_dataclass(value) or isinstance(value, BaseModel):
        modules.add(kind.__module__)
        yield f"{kind.__module__}.{kind.__qualname__}", _held(value)
    elif kind.__module__.startswith("ibis.common.deferred"):
        yield "deferred", _Text(repr(value))
    else:
        raise UnknownIdentityError(f"{kind.__module__}.{kind.__qualname__}")


@cache
def _code(code: CodeType) -> str:
    """Return a hash of what a function does, wherever it stands."""
    constants = [
        _code(one) if isinstance(one, CodeType) else sorted(map(repr, one)) if isinstance(one, frozenset) else repr(one)
        for one in code.co_consts
    ]
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_firstlineno)
    return hashlib.sha256(code.co_code + repr((constants, names)).encode()).hexdigest()


@cache
def source_digest() -> str:
    """Return a hash of this package's source: SQL that other source compiled is not used."""
    found = hashlib.sha256()
    root = os.path.dirname(os.path.realpath(penchant.__file__))  # noqa: PTH120 - of os.walk's kind
    for folder, folders, names in os.walk(root, followlinks=True):
        folders.sort()
        for name in sorted(names):
            if name.endswith(".py"):
                path = Path(folder, name)
                found.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return found.hexdigest()
