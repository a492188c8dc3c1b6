"""The page docs/configuration.md: every section and key of penchant.toml, from the classes that read it."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from penchant.config import Config, OwnCrowdSection, Source
from penchant.config_serving import CapSection
from penchant.features.intake.rules import RULES

PREFACE = """\
# Configuration: every key of penchant.toml

Generated from the classes that read the file by `make docs`. Every key has a default, except those that say
*required*. An unknown key or a value out of range is refused with all faults at once and the nearest known name.
`penchant init FOLDER` proposes the file, and `penchant check` says what does not fit.

Top-level keys stand above the first section:

```toml
seed = 7
modules = ["my_groups.py"]

[shop]
name = "tea"
currency = "GBP"
```
"""
BELOW: Mapping[str, tuple[tuple[str, type[BaseModel]], ...]] = {
    "tables": (("tables.NAME.sources", Source),),
    "crowds": (("crowds.NAME", OwnCrowdSection),),
    "protection": (("protection.caps", CapSection),),
}  # section -> what stands below it
TYPE_WORDS: Mapping[Any, str] = {
    str: "text", int: "whole number", float: "number", bool: "`true` or `false`", Path: "path", type(None): "",
}  # fmt: skip


def configuration_page() -> str:
    """Return the page of all sections and keys, as Markdown."""
    plain = {name: field for name, field in Config.model_fields.items() if _section_of(field) is None}
    parts = [PREFACE, "## Top level\n\n" + _table(plain), *_sections()]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _sections() -> Iterator[str]:
    for name, field in Config.model_fields.items():
        section = _section_of(field)
        if section is None:
            if name == "rules":
                yield _rules()
            continue
        title = f"{name}.NAME" if get_origin(field.annotation) is dict else name
        yield _described(title, section)
        for below, other in BELOW.get(name, ()):
            yield _described(below, other)


def _described(title: str, section: type[BaseModel]) -> str:
    about = (section.__doc__ or "").strip()
    return f"## [{title}]\n\n{about}\n\n{_table(section.model_fields)}"


def _table(fields: Mapping[str, FieldInfo]) -> str:
    rows = [
        f"| `{name}` | {value_words(field.annotation)} | {_default(field)} | {_meaning(field)} |"
        for name, field in fields.items()
    ]
    return "| key | value | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows)


def _meaning(field: FieldInfo) -> str:
    return (field.description or "").replace("|", "\\|")


def _rules() -> str:
    rows = [f"| `{rule.code}` | {rule.title} | {rule.severity}{_elsewhere(rule.in_table)} |" for rule in RULES.values()]
    about = (
        'A rule of `penchant check` by its name, or by `"TABLE.NAME"` for one table: `refuse` (nothing is opened), '
        "`set aside` (the row is left out and written to the quarantine file), `warn`, or `ignore`."
    )
    head = "| rule | what is wrong | default |\n|---|---|---|\n"
    return f"## [rules]\n\n{about}\n\n{head}" + "\n".join(rows)


def _elsewhere(in_table: Mapping[str, str]) -> str:
    return "".join(f"; {severity} in {table}" for table, severity in in_table.items())


def _section_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the class of a section, or of the sections of a table of sections; None of a plain key."""
    kinds = [field.annotation, *get_args(field.annotation)]
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def value_words(kind: Any) -> str:
    """Return a type as a reader of a TOML file calls it.

    Examples
    --------
    >>> value_words(tuple[str, ...]), value_words(Literal["duckdb", "spark"] | None)
    ('list of text', '`duckdb` or `spark`')
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return value_words(inner[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(words for part in inner if (words := value_words(part)))
    if origin is tuple:
        return f"list of {value_words(inner[0])}"
    if origin is dict:
        return f"table of {value_words(inner[1])}"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "tables"
    return TYPE_WORDS.get(kind, "date and time")


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "*required*"
    return "" if field.default is None else f"`{json.dumps(_plain(field.default), ensure_ascii=False)}`"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {name: part for name, part in value.model_dump(mode="json").items() if part is not None}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value.value if isinstance(value, Enum) else value
