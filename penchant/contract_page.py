"""The page docs/contract.md: every canonical table and column, from the contract's and the signals' declarations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from penchant.features.catalogue import GROUPS
from penchant.features.contract import CONTRACT, CanonicalTable, TableColumn
from penchant.features.signals.group import DEFAULT_WINDOWS

_HEAD = "| column | what it says | type | example | what it enables |\n|---|---|---|---|---|\n"
_PREFACE = """\
# The contract: what a shop's tables become

Generated from the declarations by `make docs`. `penchant init FOLDER` proposes a mapping of your files onto these
tables; `penchant check` says what does not fit, with counts and examples. Only one of `orders` and `interactions` is
needed. Whatever a shop lacks is left out by name, never filled with invented values.

In penchant.toml a table names its place and, where its columns are called otherwise, what they are made of: a column
of yours, or one SQL expression over the row.

```toml
[tables.orders]
path = "invoices_*.csv"
timezone = "Europe/London"

[tables.orders.columns]
customer_id = "Customer ID"
ordered_at = "InvoiceDate"
amount = "Quantity * Price"
```

- **id**: text without blanks around it; `123.0` is `123`; NaN and infinity are missing. Spellings that differ by
  case or Unicode form alone are reported, and one where `[ids] merge` names the column.
- **time**: ISO 8601 unless `time_format` says otherwise, in the table's `timezone` where it carries none.
- **money**: in the currency, such as pounds, unless `amounts_in = "minor"`; signs of currencies and thousands are
  understood.
- **code**: one of the words that are listed; `[tables.NAME.codes.COLUMN]` says what yours mean.
- **number**, **whole**, **flag** (yes or no), **text**.

A column in bold is required: a table without it is refused, and a row without it set aside.
"""
_BY_KIND: Mapping[str, str] = MappingProxyType(
    {
        "id": "C1024",
        "code": "web",
        "time": "2025-03-01 10:15:00",
        "money": "19.90",
        "number": "2",
        "whole": "1985",
        "flag": "yes",
        "text": "gold",
    }
)
_EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "order_id": "O-90211",
        "item_id": "SKU-17",
        "category_id": "tea",
        "coupon_id": "SPRING10",
        "campaign_id": "spring-2025",
        "gender": "female",
        "region": "London",
        "arm": "control",
        "wave": "1",
        "probability": "0.8",
        "goal": "retain",
        "phase": "warm-up",
        "channel": "email",
        "offer_kind": "coupon",
        "offer_valid_days": "10",
        "dwell_seconds": "42.5",
        "stock": "120",
        "name": "Black Friday",
    }
)
_TABLES: Mapping[str, str] = MappingProxyType(
    {
        "orders": "Purchases: nearly all signals, stages, the purchase cycle, churn, repurchase and value models.",
        "interactions": "What customers look at: engagement and conversion models, the funnel, prospects and leads."
        " Without `orders` each `pay` counts as a paid order of unknown amount.",
        "customers": "Attributes, and since when a customer is known. Columns called `consent_CHANNEL` say who may be"
        " contacted; each further column is an attribute and a signal.",
        "items": "Categories, margins and stock: product roles, price tiers, triggers of carts.",
        "campaigns": "What was sent, and what it cost: measured campaigns by goal, channel and offer.",
        "assignments": "Who was contacted and who was held out, in the form that `penchant audience` writes:"
        " measurement and uplift.",
        "calendar": "Holidays and promotions: holiday preference, buyers of a promotion, scenes.",
    }
)
_ENABLES: Mapping[str, str] = MappingProxyType(
    {
        "ordered_at": "when it counts",
        "occurred_at": "when it counts",
        "order_id": "several lines as one order; else what a customer ordered at one instant",
        "item_id": "product roles, focus crowds, repurchase of an article",
        "category_id": "category preference, cycles and price tiers by category, demand",
        "cancelled_at": "purchases as they stood at a moment",
        "kind": "which step of the journey it was",
        "gender": "profiles and a signal",
        "birth_year": "profiles and a signal",
        "region": "profiles and a signal",
        "acquisition_channel": "profiles and a signal",
        "registered_at": "who was known when, activation",
        "campaign_id": "which assignments belong together",
        "arm": "measurement and uplift",
        "assigned_at": "measurement and uplift; contacts of the past",
        "wave": "measurement wave by wave",
        "probability": "weights of measurement; uplift where shares differ",
        "starts_at": "windows of the campaign or holiday",
        "ends_at": "windows of the campaign or holiday",
        "unit_cost": "margins, and costs of campaigns",
        "name": "scenes, buyers of a promotion",
    }
)


def contract_page() -> str:
    """Return the page of the canonical tables, as Markdown."""
    return "\n".join([_PREFACE, *(_section(table) for table in CONTRACT.values())])


def _section(table: CanonicalTable) -> str:
    key = f" No two rows have the same {_and([f'`{name}`' for name in table.key])}." if table.key else ""
    rows = "\n".join(_row(table, column) for column in table.columns)
    return f"## {table.name}\n\nOne row is {table.row_is}.{key} {_TABLES.get(table.name, '')}\n\n{_HEAD}{rows}\n"


def _row(table: CanonicalTable, column: TableColumn) -> str:
    name = f"**{column.name}**" if column.required else f"`{column.name}`"
    codes = f": {', '.join(f'`{code}`' for code in column.codes)}" if column.codes else ""
    example = column.codes[0] if column.codes else _EXAMPLES.get(column.name, _BY_KIND[column.kind])
    return f"| {name} | {column.meaning}{codes} | {column.kind} | `{example}` | {_enabled(table, column)} |"


def _enabled(table: CanonicalTable, column: TableColumn) -> str:
    """Return the groups of signals that ask for a column, and what it refers to."""
    asked = re.compile(rf"(?<![\w.]){table.name}\.{column.name}\b")
    groups = [
        group.name
        for group in GROUPS
        if any(
            asked.search(need) for signal in group.signals(DEFAULT_WINDOWS) for need in (*group.needs, *signal.needs)
        )
    ]
    refers = [f"what `{one.table}` says of it" for one in table.references if one.column == column.name]
    signals = [f"signals of {_and(groups)}"] if groups else []
    return "; ".join([*signals, *refers]) or _ENABLES.get(f"{table.name}.{column.name}", _ENABLES.get(column.name, ""))


def _and(names: Sequence[str]) -> str:
    """Return names as an enumeration.

    Examples
    --------
    >>> _and(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
