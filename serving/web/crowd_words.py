"""What a crowd's conditions can name on the page: prepared columns, and the shop's own crowds as expressions of them.

A crowd saved here is ``[crowds.NAME]`` of penchant.toml, in the same language; where all that it names is prepared, it
is counted at once, without the shop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penchant.config import Config, OwnCrowdSection, load_config
from penchant.crowds_file import SAVED_CROWDS
from penchant.errors import PenchantError

from ...features.condition import condition_names, condition_of
from ...features.criterion import TAGS, Criterion, Kind

CROWD = "in_"
STAGE_BEFORE = "stage_30d_ago"  # told here alone: of penchant.toml every condition is about one moment


@dataclass(frozen=True)
class CrowdWords:
    """What conditions can name.

    Parameters
    ----------
    kinds
        Prepared column -> flag, number or text.
    crowds
        The shop's own crowds, in order: name and condition.
    """

    kinds: tuple[tuple[str, Kind], ...]
    crowds: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, customers: Path, crowds: Mapping[str, OwnCrowdSection], hidden: tuple[str, ...] = ()) -> CrowdWords:
        """Return the vocabulary of a file of prepared customers; hidden columns cannot be asked for."""
        schema = pq.read_schema(customers)
        kinds = tuple((field.name, _kind(field)) for field in schema if field.name not in ("customer_id", *hidden))
        return cls(kinds, tuple((name, section.who) for name, section in crowds.items()))

    @cached_property
    def known(self) -> Mapping[str, Kind]:
        """Name -> kind, of columns and of own crowds that can be counted here, ``in_NAME``."""
        return {**dict(self.kinds), **{CROWD + name: "flag" for name in self.expressions}}

    @cached_property
    def expressions(self) -> Mapping[str, pc.Expression]:
        """Own crowd -> its expression, of those that prepared columns can tell."""
        found: dict[str, pc.Expression] = {}
        for name, who in self.crowds:
            try:
                found[name] = self.read(who, f"crowds.{name}.who", found)
            except PenchantError:  # it names what is not prepared: the next preparation counts it
                continue
        return found

    def read(self, who: str, where: str, crowds: Mapping[str, pc.Expression] | None = None) -> pc.Expression:
        """Return a condition as an expression of prepared columns.

        Raises
        ------
        InputError
            If it is none, or names what is not prepared.
        """
        found = self.expressions if crowds is None else crowds
        criteria = {name: one for name in condition_names(who, where) if (one := self._criterion(name, found))}
        holds: pc.Expression = condition_of(who, where, criteria)(_NO_PAST).is_so
        return holds

    def _criterion(self, name: str, crowds: Mapping[str, pc.Expression]) -> Criterion | None:
        """Return what a name stands for, as `penchant.features.criteria` has it; None where it is not prepared."""
        kinds, plain = dict(self.kinds), name.removeprefix("crowd:").removeprefix(CROWD)
        column = TAGS.get(name, name)
        if column in kinds and column != STAGE_BEFORE and name not in ("tier", "value_tier"):
            return Criterion(name, name, kinds[column], _asked(column, kinds[column]))
        if CROWD + plain in kinds:
            return Criterion(name, name, "flag", _asked(CROWD + plain, "flag"))
        if plain in crowds:
            return Criterion(name, name, "flag", lambda _past: _Answer(crowds[plain]))
        return None


_NO_PAST: Any = None  # prepared columns are the answer already


def _asked(column: str, kind: Kind) -> Callable[[Any], Any]:
    field = pc.field(column)
    return lambda _past: _Answer(field == 1 if kind == "flag" else field)


@dataclass(frozen=True, eq=False)
class _Answer:
    """An answer of the past, in the words of `features.condition`, that is an expression of Arrow."""

    is_so: pc.Expression

    def fill_null(self, value: bool) -> _Answer:
        return _Answer(pc.coalesce(self.is_so, pc.scalar(value)))

    def isnull(self) -> _Answer:
        return _Answer(self.is_so.is_null())

    def isin(self, values: list[Any]) -> _Answer:
        return _Answer(self.is_so.isin(values))

    def __invert__(self) -> _Answer:
        return _Answer(~self.is_so)

    def __and__(self, other: _Answer) -> _Answer:
        return _Answer(self.is_so & other.is_so)

    def __or__(self, other: _Answer) -> _Answer:
        return _Answer(self.is_so | other.is_so)

    def __eq__(self, value: object) -> _Answer:  # type: ignore[override]
        return _Answer(self.is_so == value)

    def __ne__(self, value: object) -> _Answer:  # type: ignore[override]
        return _Answer(self.is_so != value)

    def __lt__(self, value: float) -> _Answer:
        return _Answer(self.is_so < value)

    def __le__(self, value: float) -> _Answer:
        return _Answer(self.is_so <= value)

    def __gt__(self, value: float) -> _Answer:
        return _Answer(self.is_so > value)

    def __ge__(self, value: float) -> _Answer:
        return _Answer(self.is_so >= value)


def _kind(field: pa.Field) -> Kind:
    if field.name.startswith(CROWD):
        return "flag"
    return "number" if is_number(field.type) else "text"


def is_number(kind: Any) -> bool:
    """Say whether a column of Arrow holds numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def own_crowds_now(started_with: Config, shop_file: Path) -> Mapping[str, OwnCrowdSection]:
    """Return the shop's own crowds as its files have them now; where they cannot be read, those of the start."""
    changed = tuple(_changed(path) for path in (shop_file, shop_file.parent / SAVED_CROWDS))
    try:
        return _own_crowds(shop_file, changed)
    except PenchantError:
        return started_with.crowds.own


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


@lru_cache(maxsize=8)
def _own_crowds(shop_file: Path, _changed: tuple[int, ...]) -> Mapping[str, OwnCrowdSection]:
    return load_config(shop_file).crowds.own
