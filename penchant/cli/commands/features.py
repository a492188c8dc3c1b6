"""The command features: a feature matrix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from penchant.cli.options.shop import FeaturesOptions
from penchant.cli.work import Work
from penchant.errors import InputError
from penchant.features.matrix import build
from penchant.features.moments import refuse_before_data
from penchant.features.shop import Shop
from penchant.features.spine import Spine
from penchant.output import replaced_folder
from penchant.table_file import read_table


def run_features(work: Work, options: FeaturesOptions) -> None:
    """Build the feature matrix of some moments, or of the rows of a file, and write it."""
    rows = _matrix_rows(work, options)
    folder = options.out or work.result_folder("features") / rows.name
    with work.shop() as shop:
        for moment in rows.moments:
            refuse_before_data(shop, moment)
        with work.step(f"building signals at {rows.in_words}"):
            matrix = build(shop, rows.spine(shop), options.group)
        manifest = {"step": "features", "config": work.config.resolved(), **matrix.facts()}
        with replaced_folder(folder, manifest) as place, work.step(f"writing {folder}"):
            n_rows = matrix.write(place)
        end = shop.extract_end
    work.show(f"{n_rows:,} rows, {len(matrix.columns)} signals: {folder}")
    if any(moment > end for moment in rows.moments):
        work.show(f"The data ends at {end:%Y-%m-%d %H:%M} UTC: nothing after that is known.")
    if matrix.left_out:
        work.show(*work.left_out(matrix.left_out))
    facts = {"out": str(folder), "as_of": rows.as_of, "n_rows": n_rows, "extract_end": end.isoformat()}
    work.finish({**facts, "columns": [c.name for c in matrix.columns], "left_out": dict(matrix.left_out)})


@dataclass(frozen=True)
class MatrixRows:
    """Whom a matrix is built for: everyone at some moments, or the rows of a frame."""

    moments: tuple[datetime, ...]
    name: str
    frame: Any = None

    @property
    def in_words(self) -> str:
        """The moments, for a person."""
        first, *rest = [f"{moment:%Y-%m-%d %H:%M} UTC" for moment in self.moments] or ["each row's own moment"]
        return f"{len(rest) + 1} moments from {first} to {rest[-1]}" if rest else first

    @property
    def as_of(self) -> str | list[str]:
        """The moments, for scripts: one as text, several as a list, none where each row has its own."""
        texts = [moment.isoformat() for moment in self.moments]
        return texts[0] if len(texts) == 1 else texts

    def spine(self, shop: Shop) -> Spine:
        """Return the rows to build for."""
        return Spine.at(shop, self.moments) if self.frame is None else Spine.of(shop, self.frame)


def _matrix_rows(work: Work, options: FeaturesOptions) -> MatrixRows:
    """Return whom the options name."""
    as_of, spine = options.as_of or [], options.spine
    if bool(as_of) == (spine is not None):
        raise InputError("option --as-of", "moments, or a file with --spine", "both" if as_of else "neither")
    if spine is not None:
        return MatrixRows((), spine.stem, read_table(spine, "a file with customer_id and as_of", ("customer_id",)))
    moments = tuple(sorted({work.instant(text) for text in as_of}))
    first, *rest = [work.result_folder("features", moment).name for moment in moments]
    return MatrixRows(moments, f"{first}_to_{rest[-1]}" if rest else first)
