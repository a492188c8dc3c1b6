"""The floor of a night: what DuckDB and LightGBM take for the same by themselves, without a line of Python between.

``intake``: a contract check as one would write it by hand: read, typed, rows without a key or in the future and equal
rows left out, references counted, sorted and written as Parquet; of the second night the new rows alone, held against
the stored ones of the same customers and times. ``signals``: the SQL that the night itself has compiled (out/big/sql:
what goals ask, and the matrix) on the stored rows, each answer written as Parquet. ``predict``: LightGBM's raw scores
of the ready matrix by every booster in use. ``write``: those scores as Parquet.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.served import GOAL, TASKS
from benchmarks.serving import Clock, _duckdb
from benchmarks.serving_predict import lightgbm_alone

KEYS = {"orders": ("customer_id", "ordered_at"), "interactions": ("customer_id", "occurred_at")}
REFERENCES = {"orders": ("customers", "items"), "interactions": ("customers", "items"), "assignments": ("customers",)}
OTHERS = ("customers", "items", "campaigns", "assignments", "calendar")
CENTS = ("amount", "list_amount", "discount", "freight", "price")


def floor(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return the CPU seconds of each part, of the night that was run last."""
    clock, stored = Clock(), folder / "floor"
    stored.mkdir(exist_ok=True)
    with _duckdb(options) as connection:
        connection.execute("set TimeZone = 'UTC'")
        with clock.part("intake"):
            found = _take_in(connection, folder, stored)
    with _duckdb(options) as connection:
        connection.execute("set TimeZone = 'UTC'")
        programs, accepted = _programs(folder), _accepted(folder)
        with clock.part("signals"):
            _run(connection, programs, accepted, folder)
    _predict(clock, folder)
    return {"parts_wall": clock.wall, "parts_cpu": clock.cpu, "found": found}


def _take_in(connection: Any, folder: Path, stored: Path) -> dict[str, list[int]]:
    """Take in the files that are not stored, and return of each table what was read and what was accepted."""
    found = {}
    for name in (*OTHERS, *KEYS):
        paths = sorted((folder / "data").glob(f"{name}*.parquet"))
        new = [path for path in paths if not (stored / path.name).is_file()]
        if new:
            found[name] = _stored(connection, name, new, stored)
    return found


def _stored(connection: Any, name: str, paths: list[Path], stored: Path) -> list[int]:
    files = [str(path) for path in paths]
    columns = connection.execute(f"describe from read_parquet({files})").fetchall()
    typed = [
        f"({column} at time zone 'UTC')::timestamp as {column}"
        if kind.startswith("TIMESTAMP")
        else f"round({column} * 100)::bigint as {column}"
        if column in CENTS
        else column
        for column, kind, *_rest in columns
    ]
    connection.execute(f"create or replace temp table read as select {', '.join(typed)} from read_parquet({files})")
    good, order = "true", "all"
    if name in KEYS:
        key, at = KEYS[name]
        good, order = f"{key} <> '' and {at} < '2026-01-02' and {at} > '1990-01-01'", f"{key}, {at}"
    before = sorted(str(path) for path in stored.glob(f"{name}*.parquet"))
    near = f" semi join read using ({order})" if name in KEYS else ""
    known = f" except all (select * from read_parquet({before}){near})" if before else ""
    connection.execute(f"create or replace temp table good as select distinct * from read where {good}{known}")
    for other in REFERENCES.get(name, ()):
        column = f"{other[:-1]}_id"
        orphans = f"select count(*) from good anti join read_parquet('{stored}/{other}*.parquet') using ({column})"
        connection.execute(f"{orphans} where {column} is not null").fetchall()
    connection.execute(f"copy (from good order by {order}) to '{stored / paths[0].name}' (compression zstd)")
    return [connection.execute(f"select count(*) from {table}").fetchall()[0][0] for table in ("read", "good")]


def _programs(folder: Path) -> dict[str, Any]:
    """Return the SQL of what goals ask and of the matrix, as the night's score has left it."""
    from penchant.features.engine.program import Program

    newest = sorted((folder / "out/big/sql").glob("*.sql"), key=lambda path: path.stat().st_mtime, reverse=True)
    programs = [program for path in newest if (program := Program.read(path.read_text()))]
    known = next(one for one in programs if "funnel_state" in one.types and "task_0" in one.types)
    matrix = next(one for one in programs if "n_purchases" in one.types and len(one.types) > len(known.types))
    return {"known": known, "signals": matrix}


def _accepted(folder: Path) -> dict[str, str]:
    """Return the stored rows of the state that was asked for last, by table, as SQL."""
    manifests = (folder / "out/big/accepted").glob("*/manifest.json")
    newest = max(manifests, key=lambda path: path.parent.stat().st_mtime)
    found = {}
    for name, facts in json.loads(newest.read_text())["tables"].items():
        paths = [str(newest.parent / path) for path in facts["rows"]]
        found[name] = f"select {', '.join(facts['columns'])} from read_parquet({paths})"
    return found


def _scores(folder: Path) -> Path:
    return max((folder / "out/big/score").iterdir())


def _run(connection: Any, programs: dict[str, Any], accepted: dict[str, str], folder: Path) -> None:
    """Run the statements one after the other, and write the answers."""
    at = json.loads((_scores(folder) / "manifest.json").read_text())["as_of"]
    for variable in ("penchant_moment", "penchant_midnight"):
        connection.execute(f"set variable {variable} = timestamp '{at}'")  # the shop's clock is UTC: it is a midnight
    for name, rows in accepted.items():
        connection.execute(f"create temp view penchant_shop_{name} as {rows}")
    for name, program in programs.items():
        people = f"select customer_id, timestamp '{at}' as as_of from '{_scores(folder)}/{name}.parquet'"
        connection.execute(f"create or replace temp table penchant_spine as {people}")
        for statement in (*program.once, *program.each):
            connection.execute(statement.sql)
        rows = f"select * from ({program.answer}) order by customer_id"
        connection.execute(f"copy ({rows}) to '{folder}/floor-{name}.parquet' (row_group_size 50000)")
        for statement in reversed((*program.once, *program.each)):
            connection.execute(f"drop {statement.kind} {statement.name}")


def _predict(clock: Clock, folder: Path) -> None:
    """Have LightGBM score the ready matrix, and write the scores."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from penchant.models.store.registry import CHAMPION, Registry
    from penchant.serving.score.champion import Champion

    registry, frame = Registry(folder / "mlruns"), pq.read_table(folder / "floor-signals.parquet").to_pandas()
    for name in (*TASKS, f"uplift.{GOAL}"):
        champion = Champion.load(registry.folder(registry.version(f"big.{name}", CHAMPION)), name)
        scored = pq.read_table(_scores(folder) / f"{name}.parquet", columns=["customer_id"])["customer_id"]
        rows = frame[frame["customer_id"].isin(scored.to_pylist())]
        alone = _uplift_alone(champion.model, rows) if champion.goal else lightgbm_alone(champion, rows)["lightgbm"]
        with clock.part("predict"):
            raw = alone()
        with clock.part("write"):
            columns = {f"raw_{place}": values for place, values in enumerate(raw)}
            pq.write_table(pa.table({"customer_id": rows["customer_id"], **columns}), folder / f"floor-{name}.parquet")


def _uplift_alone(scorer: Any, frame: Any) -> Callable[[], Any]:
    """Return what LightGBM does on an uplift's matrix when it is ready."""
    from penchant.models.plain_parts import TreesPart, threads_for, with_treatment

    matrix, asked = scorer.inputs.read(frame)[0], []
    terms = {(term.part, term.treated) for output in scorer.outputs for term in output.terms}
    for number, treated in sorted(terms, key=str):
        if isinstance(part := scorer.parts[number], TreesPart):
            asked.append((part.booster, with_treatment(matrix, treated), threads_for(matrix, part.n_threads)))
    return lambda: [booster.predict(rows, raw_score=True, num_threads=n) for booster, rows, n in asked]
