"""Commands about the shop's data: init, check, features, simulate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.work import Work, read_instant

if TYPE_CHECKING:
    from penchant.features.shop import Shop
    from penchant.features.spine import Spine

AsOf = Annotated[
    str,
    typer.Option(
        "--as-of",
        help="Look at customers as they were known strictly before: a date (midnight of the shop) or an instant.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="The folder of the result, replaced as a whole. Default: below out/.", show_default=False
    ),
]


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The folder of the shop's files.")],
    out: Annotated[Path, typer.Option("--out", help="The configuration to write.")] = Path("penchant.toml"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the configuration that is there.")] = False,
) -> None:
    """Look at a folder of files and propose a penchant.toml, commented, to be read and mended."""
    from penchant.errors import OutputError
    from penchant.features.proposal.configuration import doubts, propose
    from penchant.output import write_text

    work: Work = context.obj
    if out.exists() and not overwrite:
        raise OutputError(f"output '{out}'", "a new file", "one that is there", "Add --overwrite to replace it")
    with work.step(f"looking at {folder}"):
        text = propose(folder)
    write_text(out, text)
    work.show("\n".join([f"{out}", "", "To be settled in it:", *(f"- {doubt}" for doubt in doubts(text))]))
    work.show(f"\nRead it, mend it, then: penchant --shop {out} --data {folder} check")
    work.finish({"config": str(out), "text": text, "doubts": doubts(text)})


def check(context: typer.Context, out: Out = None) -> None:
    """Read every table and report all violations of the contract, with counts and examples.

    Rows that are set aside are written, with the reason, to the result's folder.
    """
    from penchant.features.intake.check import check as check_shop
    from penchant.features.intake.check import render
    from penchant.output import replaced_folder

    work: Work = context.obj
    folder = out or work.result_folder("check")
    manifest: dict[str, object] = {"step": "check"}
    with replaced_folder(folder, manifest) as place, work.step(f"reading {work.data_folder}"):
        report = check_shop(work.config, work.data_folder, quarantine=place)
        names = tuple(Path(path).name for path in report.quarantine)  # wherever the folder is
        manifest |= {"config": work.config.resolved(), "report": replace(report, quarantine=names).as_dict()}
    in_place = replace(report, quarantine=tuple(str(folder / Path(path).name) for path in report.quarantine))
    work.show(render(in_place))
    work.finish({**in_place.as_dict(), "out": str(folder)})
    if report.failed:
        raise typer.Exit(2)


Moments = Annotated[
    list[str] | None,
    typer.Option(
        "--as-of",
        help="Look at customers as they were known strictly before: a date (midnight of the shop) or an instant; may "
        "be repeated.",
        show_default=False,
    ),
]
SpineFile = Annotated[
    Path | None,
    typer.Option(
        "--spine",
        help="In place of --as-of: a Parquet or CSV file with customer_id and as_of, each row's own moment (UTC where "
        "it has no zone), such as the assignments of a campaign.",
        show_default=False,
    ),
]


def features(
    context: typer.Context,
    as_of: Moments = None,
    spine: SpineFile = None,
    out: Out = None,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", help="A feature group; may be repeated. Default: all the shop can have."),
    ] = None,
) -> None:
    """Build the feature matrix: a row per customer and moment, a column per signal.

    With --as-of, everyone known at that moment; several moments share the work. With --spine, the rows of a file.
    """
    from penchant.features.matrix import build

    work: Work = context.obj
    asked = _asked(work, as_of or [], spine)
    folder = out or work.result_folder("features") / asked.name
    with work.shop() as shop:
        with work.step(f"building signals at {asked.told}"):
            matrix = build(shop, asked.spine(shop), group)
        n_rows = work.write_matrix(matrix, folder)
        end = shop.extract_end
    work.show(f"{n_rows:,} rows, {len(matrix.columns)} signals: {folder}")
    if any(moment > end for moment in asked.moments):
        work.show(f"The data ends at {end:%Y-%m-%d %H:%M} UTC: what came after is as if it had not happened.")
    if matrix.left_out:
        work.show(*work.left_out(matrix.left_out))
    found = {"out": str(folder), "as_of": asked.as_of, "n_rows": n_rows, "extract_end": end.isoformat()}
    work.finish({**found, "columns": [c.name for c in matrix.columns], "left_out": dict(matrix.left_out)})


@dataclass(frozen=True)
class Asked:
    """Whom a matrix is asked for: everyone at some moments, or the rows of a frame."""

    moments: tuple[datetime, ...]
    name: str
    frame: Any = None

    @property
    def told(self) -> str:
        """The moments, in words."""
        first, *rest = [f"{moment:%Y-%m-%d %H:%M} UTC" for moment in self.moments] or ["each row's own moment"]
        return f"{len(rest) + 1} moments from {first} to {rest[-1]}" if rest else first

    @property
    def as_of(self) -> str | list[str]:
        """The moments, for scripts: one as text, several as a list, none where each row has its own."""
        told = [moment.isoformat() for moment in self.moments]
        return told[0] if len(told) == 1 else told

    def spine(self, shop: Shop) -> Spine:
        """Return the rows to build for."""
        from penchant.features.spine import Spine

        return Spine.at(shop, self.moments) if self.frame is None else Spine.of(shop, self.frame)


def _asked(work: Work, as_of: list[str], spine: Path | None) -> Asked:
    """Return whom the options ask for."""
    from penchant.errors import InputError

    if bool(as_of) == (spine is not None):
        raise InputError("option --as-of", "moments, or a file with --spine", "both" if as_of else "neither")
    if spine is not None:
        from penchant.table_file import read_table

        return Asked((), spine.stem, read_table(spine, "a file with customer_id and as_of", ("customer_id",)))
    moments = tuple(sorted({read_instant(text, work.config.shop.timezone) for text in as_of}))
    first, *rest = [work.result_folder("features", moment).name for moment in moments]
    return Asked(moments, f"{first}_to_{rest[-1]}" if rest else first)


def simulate(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="The folder of the shop's files.")] = Path("out/demo/shop"),
    customers: Annotated[int, typer.Option(help="How many customers appear in two years.", min=1)] = 20_000,
    seed: Annotated[int, typer.Option(help="Same seed, same shop.", min=0)] = 0,
) -> None:
    """Write the files of a simulated shop; what no shop can know goes into the folder truth beside them."""
    from penchant.simulate import SimulationSettings
    from penchant.simulate import simulate as simulate_shop

    work: Work = context.obj
    with work.step(f"simulating {customers:,} customers"):
        made = simulate_shop(SimulationSettings(n_customers=customers, seed=seed), out)
    work.show("\n".join(f"{rows:>12,}  {name}" for name, rows in made.n_rows.items()), f"{out}")
    work.finish({"out": str(out), "n_rows": dict(made.n_rows)})


COMMANDS = (init, check, features, simulate)
