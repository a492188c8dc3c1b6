"""The command tags: what is known, as tags for other systems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
from rich.table import Table

from penchant.cli.options.shop import TagsOptions
from penchant.cli.terminal import bare_table
from penchant.cli.work import Work
from penchant.errors import InputError, did_you_mean
from penchant.features.moments import refuse_before_data
from penchant.output import replaced_folder
from penchant.serving.insight.page import moment_of
from penchant.serving.insight.tags import SCHEMA, SUBJECTS, tags_of

FILES = ("tags.parquet", "tags.csv")


def run_tags(work: Work, options: TagsOptions) -> None:
    """Write all tags of a moment as one long table."""
    subject = options.subject
    if subject is not None and subject not in SUBJECTS:
        raise InputError("option --subject", "customer, item or scene", f"'{subject}'", did_you_mean(subject, SUBJECTS))
    instant = work.instant(options.as_of)
    folder = options.out or work.result_folder("tags", instant)
    manifest: dict[str, Any] = {"step": "tags", "config": work.config.resolved(), "as_of": instant.isoformat()}
    with replaced_folder(folder, manifest) as place, work.shop() as shop:
        refuse_before_data(shop, instant)
        with work.step(f"writing tags as of {instant:%Y-%m-%d %H:%M} UTC"):
            result = tags_of(shop, moment_of(shop, instant), subject)
            counts = _write(result.batches, place)
        manifest |= {"sources": work.sources(), "left_out": dict(result.left_out), "n_rows": counts.total()}
    work.show(_table(counts), f"{counts.total():,} tags: {folder / FILES[0]}")
    work.show(*work.left_out(result.left_out))
    by_tag = [{"subject": kind, "tag": tag, "n": n} for (kind, tag), n in sorted(counts.items())]
    facts = {"as_of": instant.isoformat(), "n_rows": counts.total(), "tags": by_tag, "left_out": dict(result.left_out)}
    work.finish({**facts, "out": str(folder), "files": [*FILES, "manifest.json"]})


def _write(batches: Iterable[pa.RecordBatch], place: Path) -> Counter[tuple[str, str]]:
    """Write the long table batch by batch, and return how many rows there are of each subject and tag."""
    counts: Counter[tuple[str, str]] = Counter()
    with pq.ParquetWriter(place / FILES[0], SCHEMA) as parquet, csv.CSVWriter(place / FILES[1], SCHEMA) as text:
        for batch in batches:
            parquet.write_batch(batch)
            text.write_batch(batch)
            counts.update(zip(batch["subject"].to_pylist(), batch["tag"].to_pylist(), strict=True))
    return counts


def _table(counts: Counter[tuple[str, str]]) -> Table:
    table = bare_table(("subject", "tag", "how many"), right=("how many",))
    for (subject, tag), n in sorted(counts.items()):
        table.add_row(subject, tag, f"{n:,}")
    return table
