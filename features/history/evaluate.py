"""Questions answered for the rows of a spine, each as its customer was known at its own moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from penchant.errors import ConfigError, PenchantError
from penchant.lazy import _, ibis

from ..engine.columns_read import columns_read
from ..engine.program import Program, compiled_once, with_instants
from ..engine.script import PREFIX, Script, Statement, temporary, typed_query
from ..engine.temporary import Keep, KeptRows
from ..engine.times import MOMENT, MomentVariable, instant
from ..own_modules import own_module_of
from ..shop import Shop
from ..spine import Spine, known_before
from .past import Past
from .prepare import History, Moment
from .questions import question_key, spine_key

SPINE, SHOP = f"{PREFIX}spine", f"{PREFIX}shop_"  # names of the tables that a program reads
MOST_AT_ONCE = 5_000_000  # events times moments: below, planning for each moment takes longer than joining its rows
_SPINE_TYPES = {"customer_id": "string", "as_of": "timestamp(6)"}


def evaluated(
    shop: Shop, spine: Spine, values: Mapping[str, Any], keep: Keep, windows: tuple[int, ...] = ()
) -> list[Any]:
    """Return the spine with values: a table for each of its moments, or one where each row has its own.

    Parameters
    ----------
    values
        Column name to a question to the `Past`.
    keep
        Holds the tables.
    """
    tables = [rows.table for rows in evaluated_whole(shop, spine, values, keep, windows)]
    moments = spine.instants or ()
    if len(tables) == 1 < len(moments):
        return [keep.table(tables[0].filter(_.as_of == instant(moment))) for moment in moments]
    return tables


def evaluated_whole(
    shop: Shop, spine: Spine, values: Mapping[str, Any], keep: Keep, windows: tuple[int, ...] = ()
) -> list[KeptRows]:
    """Return the same as `evaluated` in one or several temporary tables, whatever is quicker.

    SQL is compiled once for the same questions to shops of the same columns and configuration, whatever their rows, the
    moments and the spine.
    """
    inputs = _inputs(shop, spine)
    moments = spine.instants or ()
    if len(moments) > 1 and len(moments) * shop.n_events <= MOST_AT_ONCE:
        spine, moments = replace(spine, instants=None), ()
    key, lasts = question_key(shop, spine, values, windows)
    folder = shop.sql_folder if lasts else None
    program = compiled_once(key, folder, lambda: _compiled(shop, spine, values, windows))
    return program.run(shop.backend, inputs, moments, keep)


def _inputs(shop: Shop, spine: Spine) -> list[Statement]:
    """Return the statements that put a shop and a spine in the place from which programs read."""
    views = [Statement("view", SHOP + name, shop.sql(name)) for name in sorted(shop.tables)]
    if not spine.has_everyone or spine.instants is None:
        return [*views, Statement("table", SPINE, shop.backend.compile(_spine_rows(spine.table)))]
    variables = [MomentVariable(f"{SPINE}_{number}") for number in range(len(spine.instants))]

    def compiled() -> tuple[Program, bool]:
        known = known_before(_placed(shop), variables, takes_undated=spine.takes_undated)
        return Program((), (), shop.backend.compile(_spine_rows(known)), _SPINE_TYPES), True

    key = spine_key(shop, len(variables), spine.takes_undated)
    query = compiled_once(key, shop.sql_folder, compiled).answer
    told = dict(zip((one.name for one in variables), spine.instants, strict=True))
    return [*views, Statement("table", SPINE, with_instants(shop.backend, query, told))]


def _spine_rows(table: Any) -> Any:
    return table.select(*_SPINE_TYPES).cast(_SPINE_TYPES)


def _placed(shop: Shop) -> Shop:
    """Return a shop with the tables that programs read in the place of its own."""
    tables = {name: temporary(shop.backend, SHOP + name, rows.schema()) for name, rows in shop.tables.items()}
    return replace(shop, tables=MappingProxyType(tables))


def _compiled(shop: Shop, spine: Spine, values: Mapping[str, Any], windows: tuple[int, ...]) -> tuple[Program, bool]:
    """Return the program of questions, and whether it reads nothing but what is put in its place."""
    backend = shop.backend
    taken = {SPINE, *(SHOP + name for name in shop.tables)}
    once, each = Script(backend, taken), Script(backend, taken)
    rows = temporary(backend, SPINE, ibis.schema(_SPINE_TYPES))
    history = _history(shop, rows, once, spine)
    if spine.instants is None:
        asked = _of_rows(history, rows, values, windows)
    else:
        asked = _at(MOMENT, history, rows, values, windows, each)
    read = once.traced(each.traced(columns_read([asked])))
    program = Program(
        tuple(once.statements(read)),
        tuple(each.statements(read)),
        typed_query(backend, asked),
        {name: str(dtype) for name, dtype in asked.schema().items()},
    )
    return program, set(read) <= taken


def _history(shop: Shop, rows: Any, keep: Any, spine: Spine) -> History:
    people = rows.select("customer_id").distinct()
    return History(shop, people, keep, adds_others=not spine.has_everyone, placed=_placed(shop))


def _of_rows(history: History, rows: Any, values: Mapping[str, Any], windows: tuple[int, ...]) -> Any:
    """Return the answers where each row of the spine has a moment of its own."""
    coded = rows.inner_join(history.codes.select("customer_id", "code"), "customer_id")
    number = ibis.row_number().over(order_by=["as_of", "customer_id"]).cast("int64")
    whole = history.keep.table(coded.mutate(row=number), ("code",), "rows")
    past = Past(history, Moment(spine=whole.select("row", "code", "as_of")), windows)
    return _answers(past, whole.drop("code"), values)


def _at(
    moment: Any, history: History, rows: Any, values: Mapping[str, Any], windows: tuple[int, ...], keep: Any
) -> Any:
    """Return the answers at one moment."""
    coded = rows.inner_join(history.codes.select("customer_id", "code"), "customer_id")
    mine = coded.filter(_.as_of == instant(moment)).mutate(as_of=instant(moment))
    past = Past(history, Moment(at=moment), windows, keep)
    return _answers(past, mine.rename(row="code"), values)


def _answers(past: Past, spine: Any, values: Mapping[str, Any]) -> Any:
    answers = {name: _asked(past, name, ask) for name, ask in values.items()}
    return past.table(spine, answers).drop("row")


def _asked(past: Past, name: str, ask: Any) -> Any:
    """Return what a question to the past gives; where a module of the shop's own fails in it, that is named."""
    try:
        return ask(past)
    except PenchantError:
        raise
    except Exception as fault:
        module = own_module_of(past.config, fault)
        if not module:
            raise
        raise ConfigError(
            f"module '{module}'",
            f"an expression over the past for '{name}'",
            f"{type(fault).__name__}: {fault}",
            "'penchant prove' tries each of your groups by itself",
        ) from fault
