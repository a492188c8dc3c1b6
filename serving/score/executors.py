"""Score where the rows lie: the champions' plain files go to Spark's executors, scores come back.

Signals stay there, but for the few that audiences take beside the scores.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from itertools import count
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from penchant.progress import Done

from ...features.engine.backends import put
from ...features.engine.executors import Labelled, mapped
from ...features.matrix import build
from ...features.shop import Shop
from ...features.spine import Spine
from ...models.plain_inputs import UnknownValueWarning
from .champion import Champion
from .files import FEATURES, part_path, signal_names
from .wanted import Wanted

SIGNALS, WARNED = "signals", "warned"  # labels of what is not a champion's
_NUMBERS = count()


@dataclass(frozen=True)
class ChampionFiles:
    """A champion as it travels: the plain files of its model, and what the registry knows beside them.

    Parameters
    ----------
    files
        Name and content of each file, the facts within.
    version, spread
        As `Champion` has them.
    """

    files: tuple[tuple[str, bytes], ...]
    version: str
    spread: tuple[tuple[str, tuple[float, float]], ...]

    @classmethod
    def of(cls, champion: Champion) -> ChampionFiles:
        """Return the files of a champion."""
        return cls(tuple(champion.files().items()), champion.version, tuple(champion.spread.items()))

    def opened(self) -> Champion:
        """Return the champion; a process that scores several batches opens it once."""
        return _opened(self)


@lru_cache(maxsize=32)
def _opened(sent: ChampionFiles) -> Champion:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in sent.files:
            Path(folder, name).write_bytes(content)
        return replace(Champion.load(Path(folder), sent.version), spread=dict(sent.spread))


@dataclass(frozen=True, eq=False)
class BatchScoring:
    """What an executor does with a batch of the matrix.

    Parameters
    ----------
    sent
        The champions' files.
    flags
        Name of a champion -> the column that says who is eligible.
    schema
        The matrix's.
    signals
        Columns that are handed over as they are.
    risky, with_reasons
        As `Wanted` has them.
    """

    sent: Sequence[ChampionFiles]
    flags: Mapping[str, str]
    schema: pa.Schema
    signals: Sequence[str]
    risky: frozenset[str]
    with_reasons: bool

    def __call__(self, batch: pa.RecordBatch) -> Iterator[Labelled]:
        """Yield the scores of each champion under its name, the signals, and what there is to warn of."""
        rows = pa.table(batch.select(self.schema.names)).cast(self.schema)
        yield SIGNALS, rows.select(self.signals).replace_schema_metadata()
        frame = rows.to_pandas()
        wanted = Wanted([one.opened() for one in self.sent], self.risky, self.with_reasons)
        with warnings.catch_warnings(record=True) as caught, threadpool_limits(limits=1):  # a core for each task
            warnings.simplefilter("always")
            mine = {one: batch[self.flags[one.name]].to_numpy(zero_copy_only=False) for one in wanted.champions}
            scored = [(one.name, wanted.of(one, frame[mine[one]])) for one in wanted.champions if mine[one].any()]
        yield from scored
        if told := [str(one.message) for one in caught if issubclass(one.category, UnknownValueWarning)]:
            yield WARNED, pa.table({"text": told})


def score_on_executors(
    shop: Shop, wanted: Wanted, people: pd.DataFrame, as_of: datetime, place: tuple[Path, int], done: Done
) -> None:
    """Leave the scores of everyone in a work folder, as batches on this machine do, and the signals that are kept.

    Parameters
    ----------
    shop
        A shop on Spark.
    wanted
        Scores of whom, and with what.
    people
        customer_id, and for each champion whether the customer is eligible, under its name.
    as_of
        The moment.
    place
        The work folder, and the most rows of a batch.
    done
        Called after each batch.
    """
    work, n_rows = place
    matrix = build(shop, Spine.of(shop, people[["customer_id"]].assign(as_of=pd.Timestamp(as_of))))
    flags = {one.name: f"eligible_{place}" for place, one in enumerate(wanted.champions)}
    asked = pa.table({"customer_id": people["customer_id"], **{flags[name]: people[name] for name in flags}})
    asked = asked.set_column(0, "customer_id", asked["customer_id"].cast(pa.string()))
    eligible = put(shop.backend, f"eligible_{next(_NUMBERS)}", asked, shop.space.folder)
    sent = tuple(ChampionFiles.of(one) for one in wanted.champions)
    names = signal_names(matrix.schema)
    scoring = BatchScoring(sent, flags, matrix.schema, names, frozenset(wanted.risky), wanted.with_reasons)
    rows = matrix.table.inner_join(eligible, "customer_id").order_by("customer_id")
    shutil.rmtree(work / ".received", ignore_errors=True)
    received, n_done = ReceivedParts(work / ".received"), 0
    for label, part in mapped(shop.backend, rows, scoring, n_rows):
        received.take(label, part)
        n_done += part.num_rows if label == SIGNALS else 0
        done(n_done, len(people))
    received.move_to(work)


@dataclass(eq=False)
class ReceivedParts:
    """What executors hand over, as files: the parts of each champion and of the signals; all of them, or none."""

    folder: Path
    numbers: dict[str, count[int]] = field(default_factory=lambda: defaultdict(count))
    warned: dict[str, None] = field(default_factory=dict)

    def take(self, label: str, rows: pa.Table) -> None:
        """Write a part, or remember what there is to warn of."""
        if label == WARNED:
            self.warned |= dict.fromkeys(rows["text"].to_pylist())
            return
        path = part_path(self.folder, label, next(self.numbers[label]))
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, path)

    def move_to(self, work: Path) -> None:
        """Put the champions' parts in place, and last the signals as one file, which says that all is there."""
        for label in self.numbers:
            if label != SIGNALS:
                shutil.rmtree(work / label, ignore_errors=True)
                (self.folder / label).replace(work / label)
        whole = self.folder / FEATURES
        parts = sorted((self.folder / SIGNALS).iterdir())
        with pq.ParquetWriter(whole, pq.read_schema(parts[0])) as writer:
            for path in parts:
                writer.write_table(pq.read_table(path))
        whole.replace(work / FEATURES)
        shutil.rmtree(self.folder)
        for text in self.warned:
            warnings.warn(text, UnknownValueWarning, stacklevel=2)
