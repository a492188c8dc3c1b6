"""Tables of several moments: compiled once, each of its own moment."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import pytest

from penchant.config import Config
from penchant.features.engine.backends import duckdb_backend
from penchant.features.engine.temporary import Keep
from penchant.features.engine.times import instant, midnight

MOMENTS = [datetime(2024, 3, 10, 15, 30, 0, 123456), datetime(2024, 3, 11), datetime(1111, 11, 11, 11, 11, 11, 111111)]


@pytest.fixture
def backend(tmp_path: Path) -> Any:
    engine = duckdb_backend(Config().engine, tmp_path)
    yield engine
    engine.disconnect()


def test_each_moment_has_its_own_rows_and_sql_is_compiled_once(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    backend.con.execute(
        "create table rows as select x::timestamp as happened from (values ('2024-03-10 00:00:00'),"
        " ('2024-03-10 15:30:00.123456'), ('2024-03-10 15:30:00.123455'), ('1111-11-11 11:11:11.111111')) t(x)"
    )
    rows = backend.table("rows")
    compiled = []
    compile_ = backend.compile
    monkeypatch.setattr(backend, "compile", lambda *given, **more: compiled.append(1) or compile_(*given, **more))

    def ask(moment: Any, keep: Keep) -> Any:
        seen = keep.table(rows.filter(rows.happened < instant(moment)))
        today = (seen.happened >= instant(midnight(moment))).sum()
        return seen.aggregate(n=seen.count(), n_today=ibis.coalesce(today, 0))

    with Keep(backend) as keep:
        tables = keep.each(MOMENTS, ask)
        found = [tuple(table.execute().iloc[0]) for table in tables]
        n_compiled = len(compiled) - len(tables)  # reading them compiles too
    assert [(int(n), int(n_today)) for n, n_today in found] == [(3, 2), (4, 0), (0, 0)]
    assert n_compiled <= 2
