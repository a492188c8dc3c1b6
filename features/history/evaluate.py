"""Questions answered for the rows of a spine, each as its customer was known at its own moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import ibis
from ibis import _

from penchant.errors import ConfigError, PenchantError

from ..engine.columns_read import columns_read
from ..engine.temporary import Keep
from ..engine.times import MomentVariable, instant
from ..own_modules import own_module_of
from ..shop import Shop
from ..spine import Spine
from .past import Past
from .prepare import History, Moment


def evaluated(
    shop: Shop, spine: Spine, values: Mapping[str, Any], keep: Keep, windows: tuple[int, ...] = ()
) -> list[Any]:
    """Return the spine with values, in one or several tables.

    Parameters
    ----------
    values
        Column name to a question to the `Past`.
    keep
        Holds the tables.
    """
    with Keep(shop.backend, waits=True) as passing:
        rows = passing.table(spine.table)
        history = History(shop, rows.select("customer_id").distinct(), passing, adds_others=not spine.has_everyone)
        coded = rows.inner_join(history.codes.select("customer_id", "code"), "customer_id")
        if spine.instants is None:
            number = ibis.row_number().over(order_by=["as_of", "customer_id"]).cast("int64")
            whole = passing.table(coded.mutate(row=number), ("code",))
            past = Past(history, Moment(spine=whole.select("row", "code", "as_of")), windows)
            answers = _answers(past, whole.drop("code"), values)
            passing.make(passing.traced(columns_read([answers])))
            return [keep.table(answers)]

        def at(moment: datetime | MomentVariable, of_moment: Keep) -> Any:
            mine = coded.filter(_.as_of == instant(moment)).mutate(as_of=instant(moment))
            past = Past(history, Moment(at=moment), windows, of_moment)
            return _answers(past, mine.rename(row="code"), values)

        return keep.each(spine.instants, at, passing)


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
