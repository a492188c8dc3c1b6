"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

AsOf = Annotated[
    str,
    typer.Option(
        "--as-of",
        help="Use only what was known before this moment: a date (midnight in the shop's time zone) or a timestamp.",
        show_default=False,
    ),
]
AsOfOrLastDay = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="Use only what was known before this moment: a date (midnight in the shop's time zone) or a timestamp. "
        "Default: the end of the data's last complete day.",
        show_default=False,
    ),
]
AsOfOrEnd = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="Use only what was known before this moment: a date or a timestamp. Default: the end of the data.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Folder for the result, replaced as a whole. Default: below out/.", show_default=False),
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="Where MLflow keeps runs and models: a folder, sqlite:///..., postgresql://... or http(s)://... Default: "
        "as section mlflow of penchant.toml says, or MLFLOW_TRACKING_URI; else the folder mlruns.",
        show_default=False,
    ),
]
Horizon = Annotated[
    int | None,
    typer.Option(help="Days over which the outcome is observed. Default: as configured, else the task's own.", min=1),
]
Test = Annotated[
    str | None, typer.Option(help="Date of the test snapshot. Default: the latest one whose horizon is complete.")
]
Seed = Annotated[
    int | None,
    typer.Option(help="Random seed: the same rows and seed give the same model. Default: as configured.", min=0),
]
Threads = Annotated[
    int | None, typer.Option(help="LightGBM threads; 0: all cores. Default: as many as pay off.", min=0)
]
MarginShare = Annotated[
    float | None, typer.Option(help="Margin as a share of sales. Default: from the items' costs.", min=0, max=1)
]
Past = Annotated[
    list[Path] | None,
    typer.Option("--past", help="Folder of audiences drawn elsewhere that count as earlier contacts; may be repeated."),
]
Response = Literal[
    "visit",
    "interest",
    "first_order",
    "payment",
    "paid_order",
    "membership",
    "points_used",
    "review",
    "referral",
    "click",
]
Group = Annotated[
    list[str] | None,
    typer.Option(
        "--group", help="Learn from the signals of this feature group only, such as rfm; may be repeated. Default: all."
    ),
]
Rebuild = Annotated[
    bool, typer.Option("--rebuild", help="Read all of the shop's files again, whatever was stored of them.")
]
