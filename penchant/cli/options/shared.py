"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

STORE = Path("mlruns")

AsOf = Annotated[
    str,
    typer.Option(
        "--as-of",
        help="Look at customers as they were known strictly before: a date (midnight of the shop) or an instant.",
        show_default=False,
    ),
]
AsOfOrEnd = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="Look at what was known strictly before: a date or an instant. Default: the end of the data.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="The folder of the result, replaced as a whole. Default: below out/.", show_default=False
    ),
]
Store = Annotated[Path, typer.Option("--store", help="The folder of MLflow's database and artifacts.")]
Horizon = Annotated[
    int | None, typer.Option(help="Days in which the outcome is read. Default: as configured, else the task's.", min=1)
]
Test = Annotated[
    str | None, typer.Option(help="When the test looks: a date. Default: the latest whose horizon is over.")
]
Seed = Annotated[int | None, typer.Option(help="Same rows and seed, same model. Default: as configured.", min=0)]
Threads = Annotated[
    int | None, typer.Option(help="Threads of LightGBM; 0: all. Default: as many as are worth it.", min=0)
]
MarginShare = Annotated[
    float | None, typer.Option(help="Margin as a share of sales. Default: as the items' costs say.", min=0, max=1)
]
Past = Annotated[
    list[Path] | None, typer.Option("--past", help="Audiences drawn elsewhere, which count as past; may be repeated.")
]
