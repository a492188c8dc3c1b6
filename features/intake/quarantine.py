"""Edge: rows that were set aside, written as the shop has them, with where they stood and why."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa

from penchant.errors import OutputError

from .expressions import quoted_name, text_literal
from .findings import HIDDEN
from .parts import Part
from .raw import Gate
from .staging import Group, Stage

COLUMNS = ("_file", "_row", "_reason", "_line")


def quarantine_select(stage: Stage, groups: Iterable[Group]) -> str | None:
    """Return the select of a table's rows that were set aside; None where there are none.

    ``_file`` and ``_row`` say where a row stood, ``_reason`` why it is here; then come the shop's own columns as text.
    A line that is no row stands whole in ``_line``.

    Parameters
    ----------
    stage
        The table, all rules applied.
    groups
        Its rows by file, exclusions and faults.
    """
    reasons = _reasons(stage, groups)
    selects = [_rows(stage, place, part, reasons) for place, part in stage.plan.by_number.items()] if reasons else []
    if stage.plan.broken:
        selects.append(_lines(stage))
    return " union all by name ".join(selects) or None


def write_quarantine(gate: Gate, select: str, folder: Path, name: str) -> list[Path]:
    """Write a table's rows that were set aside as Parquet and as CSV.

    Parameters
    ----------
    gate, select
        What gives the rows.
    folder, name
        Where to; the files are called after the table.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    paths = [folder / f"{name}.parquet", folder / f"{name}.csv"]
    table = gate.name("quarantine")
    gate.execute(f"create temp table {table} as select * from ({select}) order by all")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, form in zip(paths, ("format parquet", "format csv, header"), strict=True):
            part = path.with_name(f".{path.name}.part")
            gate.execute(f"copy {table} to {text_literal(str(part))} ({form})")
            part.replace(path)
    except (OSError, duckdb.IOException) as fault:
        raise OutputError(f"'{folder}'", "a folder that can be written", str(fault).splitlines()[0]) from None
    finally:
        gate.execute(f"drop table {table}")
    return paths


def _reasons(stage: Stage, groups: Iterable[Group]) -> dict[int, str]:
    """Return faults -> reason, for all combinations of faults that set rows aside."""
    found = {group.faults for group in groups if not group.excluded and group.faults & stage.aside}
    return {faults: _reason(stage, faults) for faults in sorted(found)}


def _reason(stage: Stage, faults: int) -> str:
    broken = [
        f"{fault.rule} ({fault.column})"
        for bit, fault in enumerate(stage.faults)
        if faults >> bit & 1 and stage.aside >> bit & 1 and fault.rule not in HIDDEN
    ]
    return ", ".join(broken)


def _rows(stage: Stage, place: int, part: Part, reasons: dict[int, str]) -> str:
    """Return the select of one part's rows that are set aside."""
    raw = part.raw
    listed = ", ".join(f"({faults}::hugeint, {text_literal(reason)})" for faults, reason in reasons.items())
    labels = " ".join(f"when {text_literal(file)} then {text_literal(own)}" for file, own in raw.files.items())
    starts = " ".join(f"when {text_literal(file)} then {start}" for file, start in raw.starts.items())
    start = f"(case r._file {starts} else 0 end)" if starts else "0"
    cells = [f"r.{quoted_name(own)}::varchar as {quoted_name(_free(shop))}" for shop, own in raw.names.items()]
    columns = ", ".join(
        [
            f"case r._file {labels} else r._file end as _file",
            f"r._row - {start} + 1 as _row",
            "w.reason as _reason",
            "null::varchar as _line",
            *cells,
        ]
    )
    return (
        f"select {columns} from {stage.relation} s join (values {listed}) as w(faults, reason)"
        f" on s._faults::hugeint = w.faults join {raw.relation} r"
        f" on r._file = s._file and r._row = s._row where s._part = {place} and s._excluded = 0"
    )


def _free(name: str) -> str:
    """Return a column's name that is none of ours."""
    return f"{name}_" if name.lower() in COLUMNS else name


def _lines(stage: Stage) -> str:
    """Return the select of lines that are no rows."""
    lines, name = stage.plan.broken, stage.gate.name("broken_lines")
    rows = pa.table(
        {
            "_file": [line.file for line in lines],
            "_row": pa.array([line.line for line in lines], pa.int64()),
            "_reason": [f"broken_line ({line.why})" for line in lines],
            "_line": [line.text for line in lines],
        }
    )
    stage.gate.connection.register("incoming_rows", rows)
    stage.gate.execute(f"create temp table {name} as select * from incoming_rows")
    stage.gate.connection.unregister("incoming_rows")
    return f"select * from {name}"
