"""Which campaigns are over, so that they can be measured for good."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd

from ...features.shop import Shop


def campaigns_over(records: pd.DataFrame | None, days: int, as_of: datetime) -> dict[str, datetime]:
    """Return the campaigns whose last window is over -> when it ended.

    Parameters
    ----------
    records
        Of the campaigns' waves, with ``campaign_id`` and ``assigned_at``, as `read_records` gives them.
    days
        The longest window after each wave.
    as_of
        The moment, UTC without a zone.
    """
    if records is None:
        return {}
    ends = records.groupby("campaign_id")["assigned_at"].max() + timedelta(days=days)
    return {str(name): end.to_pydatetime() for name, end in ends.sort_index().items() if end <= pd.Timestamp(as_of)}


def campaigns_of(shop: Shop) -> set[str]:
    """Return the campaigns in a shop's own assignments: none other can be measured."""
    if not shop.has("assignments"):
        return set()
    return set(shop.tables["assignments"].select("campaign_id").distinct().to_pandas()["campaign_id"])
