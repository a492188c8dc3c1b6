"""The page docs/api.md: the public names of penchant and penchant.models, from their signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from pydantic import BaseModel

PREFACE = """\
# The Python API

Generated from signatures and docstrings by `make docs`; the examples in them run as doctests.

Importing `penchant` or `penchant.models` costs next to nothing: a name loads what it needs when it is first used. What
stands here is public and keeps its meaning within a major version; everything else may move.

`shop`, `matrix`, `trained`, `audience` and `measurement` show themselves as a compact table, in a terminal as in a
notebook. Estimators take data frames of pandas, Polars or Arrow, or NumPy arrays. `PropensityModel` and the uplift
learners pass scikit-learn's `check_estimator` (a trial needs ten customers in each arm, so that checks with fewer rows
cannot be met); baselines read named columns of a shop, such as `n_purchase_days`, and are no general estimators.
"""
WIDTH = 100  # of a signature on one line
MODULES = ("penchant", "penchant.models")
SECTION = re.compile(r"^(?P<title>[A-Z][\w ]+)\n-{3,}\n", re.MULTILINE)
LISTED = ("Parameters", "Attributes", "Returns", "Yields", "Raises")


def api_page() -> str:
    """Return the page of all public names, as Markdown."""
    return PREFACE + "\n" + "\n".join(_module(name) for name in MODULES)


def _module(name: str) -> str:
    module = import_module(name)
    public = [one for one in sorted(module.__all__) if not one.startswith("__")]
    return f"## {name}\n\n" + "\n".join(_entry(one, getattr(module, one)) for one in public)


def _entry(name: str, value: Any) -> str:
    lines = [f"### {name}\n", f"```python\n{_signature(name, value)}\n```\n", docstring_in_markdown(value)]
    if inspect.isclass(value):
        lines += list(_methods(value))
    return "\n".join(lines)


def _methods(kind: type) -> Iterator[str]:
    for name, method in vars(kind).items():
        function = method.__func__ if isinstance(method, classmethod) else method
        if name.startswith(("_", "model_")) or not inspect.isfunction(function) or not function.__doc__:
            continue
        summary = inspect.getdoc(function).split("\n\n")[0].replace("\n", " ")  # type: ignore[union-attr]
        call = " ".join(_signature(name, function).split()).replace("( ", "(").replace(", )", ")")
        yield f"- `{call}`: {summary}"
    yield ""


def _signature(name: str, value: Any) -> str:
    """Return a call with its parameters, one on a line where they are many."""
    if inspect.isclass(value) and issubclass(value, BaseModel):
        return f"{name}(**sections)"
    found = inspect.signature(value)
    parameters = [_plain(str(one)) for one in found.parameters.values() if one.name not in ("self", "cls")]
    kinds = [one.kind for one in found.parameters.values() if one.name not in ("self", "cls")]
    if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        parameters.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    returned = (
        "" if found.return_annotation in (found.empty, "None", None) else f" -> {_plain(found.return_annotation)}"
    )
    line = f"{name}({', '.join(parameters)}){returned}"
    if len(line) <= WIDTH or "_" in name[:1]:
        return line
    return f"{name}(\n    " + ",\n    ".join(parameters) + f",\n){returned}"


def _plain(text: Any) -> str:
    """Return an annotation or parameter without the quotes and modules that mean nothing to a reader."""
    words = text if isinstance(text, str) else inspect.formatannotation(text)
    words = re.sub(r"(: |^)(['\"])(.*?)\2(?= = |$)", r"\1\3", words)
    words = re.sub(r"<(?:[^<>]|<[^<>]*>)*>", "...", words)
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", words)


def docstring_in_markdown(value: Any) -> str:
    """Return a numpydoc docstring as Markdown: its sections as bold heads, its entries as a list."""
    text = inspect.getdoc(value) or ""
    parts = SECTION.split(text)
    lines = [_linked(parts[0])]
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        lines.append(f"**{title}**\n")
        if title in LISTED:
            lines.append("\n".join(_entries(body)) + "\n")
        elif title == "Examples":
            lines.append(f"```pycon\n{body.strip()}\n```\n")
        else:
            lines.append(_linked(body))
    return "\n".join(lines)


def _entries(body: str) -> Iterator[str]:
    """Yield one item for each entry of a section: what is indented below it follows its name."""
    item: list[str] = []
    for line in body.strip("\n").split("\n"):
        if line.startswith(" ") or not line.strip():
            item.append(line.strip())
        else:
            if item:
                yield _item(item)
            item = [line.strip()]
    if item:
        yield _item(item)


def _item(lines: list[str]) -> str:
    name, *rest = lines
    return f"- `{name}`: {_linked(' '.join(filter(None, rest))).strip()}" if any(rest) else f"- {_linked(name).strip()}"


def _linked(text: str) -> str:
    """Return prose with code marked as Markdown does; signs that would be markup elsewhere are kept."""
    return text.replace("``", "`").replace("<", "&lt;").rstrip() + "\n"
