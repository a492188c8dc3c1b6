"""The command that writes what is known as tags: penchant tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.shop_commands import AsOf, Out
from penchant.cli.work import Work, read_instant

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.table import Table

FILES = ("tags.parquet", "tags.csv")


def tags(
    context: typer.Context,
    as_of: AsOf,
    subject: Annotated[
        str | None, typer.Option("--subject", help="customer, item or scene. Default: all three.", show_default=False)
    ] = None,
    out: Out = None,
) -> None:
    """Write all that is known at as_of as tags for other systems: one long table, as Parquet and CSV.

    Its columns are subject, id, tag, value and as_of. Of customers: stage, funnel, tier, rfm_segment, crowd,
    category_1 to category_3, price_tier, prefers, channel. Of items: category, price_tier, role, holiday. Of the
    scenes in penchant.toml ([scenes.NAME]): what they show and whom they are for.
    """
    from penchant.errors import InputError, did_you_mean
    from penchant.output import replaced_folder
    from penchant.serving.insight.page import moment_of
    from penchant.serving.insight.tags import SUBJECTS, tags_of

    work: Work = context.obj
    if subject is not None and subject not in SUBJECTS:
        raise InputError("option --subject", "customer, item or scene", f"'{subject}'", did_you_mean(subject, SUBJECTS))
    instant = read_instant(as_of, work.config.shop.timezone)
    folder = out or work.result_folder("tags", instant)
    manifest: dict[str, Any] = {"step": "tags", "config": work.config.resolved(), "as_of": instant.isoformat()}
    with replaced_folder(folder, manifest) as place, work.shop() as shop:
        with work.step(f"tagging what was known at {instant:%Y-%m-%d %H:%M} UTC"):
            found = tags_of(shop, moment_of(shop, instant), subject)
            counts = _write(found.batches, place)
        manifest |= {"sources": work.sources(), "left_out": dict(found.left_out), "n_rows": counts.total()}
    work.show(_grid(counts), f"{counts.total():,} tags: {folder / FILES[0]}")
    work.show(*work.left_out(found.left_out))
    told = [{"subject": kind, "tag": tag, "n": n} for (kind, tag), n in sorted(counts.items())]
    facts = {"as_of": instant.isoformat(), "n_rows": counts.total(), "tags": told, "left_out": dict(found.left_out)}
    work.finish({**facts, "out": str(folder), "files": [*FILES, "manifest.json"]})


def _write(batches: Iterable[pa.RecordBatch], place: Path) -> Counter[tuple[str, str]]:
    """Write the long table batch by batch, and return how many rows there are of each subject and tag."""
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    from penchant.serving.insight.tags import SCHEMA

    counts: Counter[tuple[str, str]] = Counter()
    with pq.ParquetWriter(place / FILES[0], SCHEMA) as parquet, csv.CSVWriter(place / FILES[1], SCHEMA) as text:
        for batch in batches:
            parquet.write_batch(batch)
            text.write_batch(batch)
            counts.update(zip(batch["subject"].to_pylist(), batch["tag"].to_pylist(), strict=True))
    return counts


def _grid(counts: Counter[tuple[str, str]]) -> Table:
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="bold")
    grid.add_column("subject")
    grid.add_column("tag")
    grid.add_column("how many", justify="right")
    for (subject, tag), n in sorted(counts.items()):
        grid.add_row(subject, tag, f"{n:,}")
    return grid


COMMANDS = (tags,)
