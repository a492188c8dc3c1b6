"""Edge: a table that somebody gives by hand, from a Parquet or CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from penchant.errors import InputError, NotThereError

if TYPE_CHECKING:
    import pandas as pd


def read_table(path: Path, what: str, texts: Sequence[str] = ()) -> pd.DataFrame:
    """Return the table in a file; its columns are named by text.

    Parameters
    ----------
    path
        A file that ends in .parquet or .csv; CSV may be parted by commas, semicolons, tabs or bars.
    what
        What is expected, for the message where there is no file.
    texts
        Columns that a CSV file is not to take for numbers, such as ids.

    Raises
    ------
    NotThereError
        There is no such file.
    InputError
        It ends otherwise, or cannot be read.
    """
    import pandas as pd

    if not path.is_file():
        raise NotThereError(str(path), what, "no such file")
    ending = path.suffix.lower()
    if ending not in (".parquet", ".csv"):
        raise InputError(str(path), "a .parquet or .csv file", f"'{path.suffix}'")
    try:
        frame = pd.read_parquet(path) if ending == ".parquet" else _read_csv(path, texts)
    except (ValueError, OSError) as fault:
        raise InputError(str(path), f"a {path.suffix} file that can be read", str(fault)) from fault
    return frame.rename(columns=str)


def _read_csv(path: Path, texts: Sequence[str]) -> pd.DataFrame:
    """Return a table of values between commas, or between whatever else parts the names in its first line."""
    import pandas as pd

    with path.open(encoding="utf-8-sig") as lines:
        head = lines.readline()
    other = max(";\t|", key=head.count)
    between = other if head.count(other) > head.count(",") else ","
    return pd.read_csv(path, sep=between, encoding="utf-8-sig", dtype=dict.fromkeys(texts, "str"))
