"""Edge: rows of Spark that its executors work on where they lie, and that come here one partition at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa

Labelled = tuple[str, pa.Table]
Work = Callable[[pa.RecordBatch], Iterable[Labelled]]
_BATCH_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"


def has_executors(backend: Any) -> bool:
    """Say whether an engine lets Python work on its rows where they lie."""
    return bool(backend.name == "pyspark")


def mapped(backend: Any, expression: Any, work: Work | None, n_rows: int) -> Iterator[Labelled]:
    """Yield what Spark's executors make of the rows of an expression, in the expression's order.

    The rows never come here as a whole: what a partition was made into is read when it is asked for, and let go before
    the next one's.

    Parameters
    ----------
    backend
        The Ibis backend on Spark.
    expression
        The Ibis table.
    work
        Takes a batch to labelled tables. It is pickled, so the executors need what it imports; None hands the rows over
        as they are, under an empty label, and needs pyarrow alone.
    n_rows
        The most rows of a batch.
    """
    session = backend._session
    session.conf.set(_BATCH_ROWS, str(n_rows))
    made = session.sql(backend.compile(expression)).mapInArrow(_packing(work), "label string, rows binary")
    for row in made.toLocalIterator():
        yield row["label"], pa.ipc.open_stream(pa.py_buffer(row["rows"])).read_all()


def _packing(work: Work | None) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return what runs on executors: each table becomes one cell of Arrow's own bytes, whatever its columns.

    A function within a function is pickled by value: without work of ours the executors need no penchant.
    """

    def pack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as arrow

        for batch in batches:
            for label, table in [("", batch)] if work is None else work(batch):
                sink = arrow.BufferOutputStream()
                with arrow.ipc.new_stream(sink, table.schema) as stream:
                    stream.write(table)
                cells = [
                    arrow.array([label], arrow.string()),
                    arrow.array([sink.getvalue().to_pybytes()], arrow.binary()),
                ]
                yield arrow.RecordBatch.from_arrays(cells, names=["label", "rows"])

    return pack
