"""The canonical tables: what a shop's own tables become at the door.

Values only. ``CONTRACT`` holds one `CanonicalTable` per table, in the order in which they are read; everything that
knows about names, types, keys and vocabularies of the shop's data reads them from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from penchant.errors import InputError, did_you_mean

Kind = Literal["id", "code", "time", "money", "number", "whole", "flag", "text"]

SQL_TYPES: Mapping[Kind, str] = MappingProxyType(
    {
        "id": "VARCHAR",
        "code": "VARCHAR",
        "time": "TIMESTAMP",
        "money": "BIGINT",
        "number": "DOUBLE",
        "whole": "BIGINT",
        "flag": "BOOLEAN",
        "text": "VARCHAR",
    }
)

IBIS_TYPES: Mapping[Kind, str] = MappingProxyType(
    {
        "id": "string",
        "code": "string",
        "time": "timestamp(6)",
        "money": "int64",
        "number": "float64",
        "whole": "int64",
        "flag": "boolean",
        "text": "string",
    }
)

ORDER_STATUS = ("paid", "unpaid", "cancelled", "refunded")
INTERACTION_KINDS = (
    "register",
    "login",
    "content",
    "search",
    "view",
    "favorite",
    "cart",
    "order",
    "pay",
    "coupon_claim",
    "coupon_redeem",
)
CALENDAR_KINDS = ("holiday", "promotion")


@dataclass(frozen=True)
class Column:
    """One column of a canonical table.

    Parameters
    ----------
    name
        The canonical name.
    kind
        ``id`` and ``code`` are strings, ``time`` a timestamp in UTC without a zone (microseconds), ``money`` 64-bit
        integers of the currency's minor unit, ``number`` 64-bit floats, ``whole`` 64-bit integers, ``flag`` booleans.
    meaning
        What the column says, as a phrase.
    required
        Whether a table without the column is refused, and a row without a value set aside.
    codes
        The values that are known; empty where any value is.
    may_be_negative
        Whether a value below zero is nothing to report.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    codes: tuple[str, ...] = ()
    may_be_negative: bool = False


@dataclass(frozen=True)
class Reference:
    """A column whose values stand in the key column of another table."""

    column: str
    table: str
    key: str


@dataclass(frozen=True)
class CanonicalTable:
    """One canonical table.

    Parameters
    ----------
    name
        The table's name.
    row_is
        What one row is, as a phrase.
    columns
        The columns, in canonical order.
    time
        The column that says when the row happened; None where rows are not events.
    key
        The columns whose values together occur once; empty where rows may repeat.
    references
        Columns that point to other tables.
    is_open
        Whether further columns are taken, as attributes.
    """

    name: str
    row_is: str
    columns: tuple[Column, ...]
    time: str | None = None
    key: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    is_open: bool = False

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the columns that the table cannot do without."""
        return tuple(column.name for column in self.columns if column.required)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the declared columns, in canonical order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Return the column of a name; in an open table an undeclared name is an attribute.

        Raises
        ------
        InputError
            If the table is not open and declares no such column.

        Examples
        --------
        >>> CONTRACT["orders"].column("amount").kind
        'money'
        >>> CONTRACT["customers"].column("consent_email").kind
        'flag'
        >>> CONTRACT["customers"].column("shoe_size").kind
        'text'
        """
        for column in self.columns:
            if column.name == name:
                return column
        if self.is_open and name.startswith("consent_"):
            return Column(name, "flag", f"whether messages by {name.removeprefix('consent_')} are allowed")
        if self.is_open:
            return Column(name, "text", "a further attribute of the shop")
        raise InputError(
            f"table '{self.name}'", "a column of the contract", f"'{name}'", did_you_mean(name, self.names)
        )


_CUSTOMER = Column("customer_id", "id", "who", required=True)
_ITEM = Column("item_id", "id", "the article")
_CATEGORY = Column("category_id", "id", "the article's category")
_TO_CUSTOMER = Reference("customer_id", "customers", "customer_id")
_TO_ITEM = Reference("item_id", "items", "item_id")

ORDERS = CanonicalTable(
    "orders",
    "one order line",
    (
        _CUSTOMER,
        Column("ordered_at", "time", "when the order was placed", required=True),
        Column("order_id", "id", "the order that the line belongs to"),
        _ITEM,
        _CATEGORY,
        Column("quantity", "number", "how many"),
        Column("amount", "money", "what was paid for the line, after discount"),
        Column("list_amount", "money", "what the line would have cost before discount"),
        Column("discount", "money", "what was taken off the line"),
        Column("coupon_id", "id", "the coupon that was redeemed"),
        Column("freight", "money", "what was paid for delivery"),
        Column("paid_at", "time", "when it was paid; missing while it is not"),
        Column("cancelled_at", "time", "when it was cancelled"),
        Column("refunded_at", "time", "when it was refunded"),
        Column("status", "code", "the final state", codes=ORDER_STATUS),
    ),
    time="ordered_at",
    references=(_TO_CUSTOMER, _TO_ITEM),
)

INTERACTIONS = CanonicalTable(
    "interactions",
    "one thing a customer did",
    (
        _CUSTOMER,
        Column("occurred_at", "time", "when it was done", required=True),
        Column("kind", "code", "what was done", required=True, codes=INTERACTION_KINDS),
        _ITEM,
        _CATEGORY,
        Column("price", "money", "the article's price as it was shown"),
        Column("channel", "code", "through what it was done"),
        Column("dwell_seconds", "number", "how long it lasted, in seconds"),
    ),
    time="occurred_at",
    references=(_TO_CUSTOMER, _TO_ITEM),
)

CUSTOMERS = CanonicalTable(
    "customers",
    "one customer",
    (
        _CUSTOMER,
        Column("registered_at", "time", "when the customer registered"),
        Column("gender", "code", "the gender as the shop has it"),
        Column("birth_year", "whole", "the year of birth"),
        Column("region", "code", "where the customer lives"),
        Column("acquisition_channel", "code", "through what the customer came"),
    ),
    key=("customer_id",),
    is_open=True,
)

ITEMS = CanonicalTable(
    "items",
    "one article",
    (
        Column("item_id", "id", "the article", required=True),
        _CATEGORY,
        Column("list_price", "money", "the price without discount"),
        Column("unit_cost", "money", "what one piece costs the shop"),
        Column("listed_at", "time", "since when it is sold"),
        Column("stock", "number", "pieces at hand"),
    ),
    key=("item_id",),
)

CAMPAIGNS = CanonicalTable(
    "campaigns",
    "one campaign",
    (
        Column("campaign_id", "id", "the campaign", required=True),
        Column("goal", "code", "the wanted change of stage"),
        Column("phase", "code", "the phase of the promotion"),
        Column("starts_at", "time", "when it begins"),
        Column("ends_at", "time", "when it is over"),
        Column("channel", "code", "through what customers are contacted"),
        Column("offer_kind", "code", "what is offered: reminder, points, coupon, cash coupon, free freight, ..."),
        Column("offer_value", "money", "what the offer is worth to the customer"),
        Column("offer_threshold", "money", "from which order amount it holds"),
        Column("offer_valid_days", "number", "for how many days it holds"),
        Column("unit_cost", "money", "what one contact costs"),
    ),
    key=("campaign_id",),
)

ASSIGNMENTS = CanonicalTable(
    "assignments",
    "one customer's arm in one wave",
    (
        Column("campaign_id", "id", "the campaign", required=True),
        _CUSTOMER,
        Column("arm", "code", "'control' or the treatment's name", required=True),
        Column("assigned_at", "time", "when the arm was drawn", required=True),
        Column("wave", "whole", "the number of the dated send, from 1"),
        Column("probability", "number", "the probability of this arm, in (0, 1]"),
        Column("contacted_at", "time", "when the message went out"),
        Column("opened_at", "time", "when it was opened"),
        Column("clicked_at", "time", "when it was clicked"),
        Column("redeemed_at", "time", "when the offer was redeemed"),
    ),
    time="assigned_at",
    key=("campaign_id", "customer_id", "wave"),
    references=(Reference("campaign_id", "campaigns", "campaign_id"), _TO_CUSTOMER),
)

CALENDAR = CanonicalTable(
    "calendar",
    "one holiday or promotion",
    (
        Column("name", "code", "what it is called", required=True),
        Column("starts_at", "time", "when it begins", required=True),
        Column("ends_at", "time", "when it is over", required=True),
        Column("kind", "code", "which of the two", codes=CALENDAR_KINDS),
    ),
)

CONTRACT: Mapping[str, CanonicalTable] = MappingProxyType(
    {table.name: table for table in (ORDERS, INTERACTIONS, CUSTOMERS, ITEMS, CAMPAIGNS, ASSIGNMENTS, CALENDAR)}
)


def canonical(name: str) -> CanonicalTable:
    """Return the canonical table of a name.

    Raises
    ------
    InputError
        If there is no such table.
    """
    if name not in CONTRACT:
        raise InputError("tables", "a table of the contract", f"'{name}'", did_you_mean(name, CONTRACT))
    return CONTRACT[name]
