"""What the file of next orders tells of each buyer, by name: light, so that ready scores are read quickly."""

from __future__ import annotations

ENDS = ("", "_low", "_high")
NEXT_ORDER_COLUMNS = (  # in order; with `_low` and `_high` where the interval is known
    "p_alive",
    "p_order_30d",
    "p_order_60d",
    "p_order_90d",
    *(f"next_order_at{end}" for end in ENDS),
    "days_to_next_order",
    *(f"expected_orders_12m{end}" for end in ENDS),
    *(f"expected_amount_12m{end}" for end in ENDS),
    *(f"expected_margin_12m{end}" for end in ENDS),
)
OVER_A_YEAR = tuple(name for name in NEXT_ORDER_COLUMNS if "_12m" in name)
LISTED = (  # on lists for people
    "p_alive",
    *(f"next_order_at{end}" for end in ENDS),
    "expected_amount_12m",
    "expected_margin_12m",
)
