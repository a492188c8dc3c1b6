"""Tables for people: texts that a spreadsheet would run as a formula made harmless, times as the shop's clock has them.

Keys stay as they are: a tool that reads the file knows a customer by nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import pandas as pd

KEY_ENDING = "_id"
# A sign that begins a formula, also in its full-width or small form, behind whatever a spreadsheet skips; or a break.
FORMULA = re.compile("^(?:[\\s\ufeff\u200b\x00]*[=+\\-@＝＋－＠﹢﹣﹦﹫]|[\t\r\n])")


def safe_for_spreadsheets(frame: pd.DataFrame, keys: Collection[str] | None = None) -> pd.DataFrame:
    """Return the frame with an apostrophe before texts that a spreadsheet would run as a formula.

    Parameters
    ----------
    frame
        A table for people; left as it is.
    keys
        Columns by which other tables know the rows, which are not changed. None: those whose names end in ``_id``.

    Examples
    --------
    >>> import pandas as pd
    >>> safe_for_spreadsheets(pd.DataFrame({"customer_id": ["+44"], "note": ["=1+1"]})).iloc[0].tolist()
    ['+44', "'=1+1"]
    """
    left = keys_of(frame) if keys is None else set(keys)
    texts = [name for name in frame.select_dtypes(include=["object", "str", "category"]) if name not in left]
    return frame.assign(**{str(name): _safe(frame[name]) for name in texts})


def keys_of(names: Iterable[object]) -> set[str]:
    """Return which columns are keys by their names."""
    return {str(name) for name in names if str(name).endswith(KEY_ENDING)}


def _safe(values: pd.Series) -> pd.Series:
    plain = values.astype(object)
    runs = plain.map(lambda text: isinstance(text, str) and FORMULA.match(text) is not None).astype(bool)
    return plain.where(~runs, "'" + plain[runs].astype(str)) if runs.any() else values


def on_shop_clock(frame: pd.DataFrame, timezone: str) -> pd.DataFrame:
    """Return the frame with instants (UTC, with or without a zone) as text: the shop's time with its offset.

    Examples
    --------
    >>> import pandas as pd
    >>> sent = pd.DataFrame({"send_at": pd.to_datetime(["2025-11-09 23:00", None])})
    >>> on_shop_clock(sent, "Europe/Berlin")["send_at"].tolist()
    ['2025-11-10T00:00:00+01:00', None]
    """
    import pandas as pd

    zone = ZoneInfo(timezone)
    changed = {}
    for name in frame.select_dtypes(include=["datetime", "datetimetz"]):
        instants = pd.to_datetime(frame[name], utc=True)
        told = {at: at.tz_convert(zone).isoformat(timespec="seconds") for at in instants.dropna().unique()}
        changed[str(name)] = instants.astype(object).map(told).astype(object).where(instants.notna(), None)
    return frame.assign(**changed)


def shop_time(at: datetime, timezone: str) -> str:
    """Return an instant (UTC without a zone) to the minute, as the shop's clock shows it, with its offset.

    Examples
    --------
    >>> shop_time(datetime(2025, 11, 9, 23), "Europe/Berlin"), shop_time(datetime(2025, 11, 9, 23), "UTC")
    ('2025-11-10 00:00 +01:00', '2025-11-09 23:00 UTC')
    """
    local = at.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone))
    return f"{local:%Y-%m-%d %H:%M} {'UTC' if timezone == 'UTC' else local.isoformat()[-6:]}"


def shop_day(at: datetime, timezone: str) -> str:
    """Return the date that the shop's calendar shows at an instant (UTC without a zone).

    Examples
    --------
    >>> shop_day(datetime(2025, 11, 9, 23), "Europe/Berlin")
    '2025-11-10'
    """
    return f"{at.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone)):%Y-%m-%d}"
