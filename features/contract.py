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

ARROW_TYPES: Mapping[Kind, str] = MappingProxyType({**IBIS_TYPES, "time": "timestamp[us]"})

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
FEEDBACK_KINDS = ("review", "complaint", "chat", "return")


@dataclass(frozen=True)
class TableColumn:
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
    columns: tuple[TableColumn, ...]
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

    def column(self, name: str) -> TableColumn:
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
            return TableColumn(name, "flag", f"whether messages by {name.removeprefix('consent_')} are allowed")
        if self.is_open:
            return TableColumn(name, "text", "a further attribute of the shop")
        raise InputError(
            f"table '{self.name}'", "a column of the contract", f"'{name}'", did_you_mean(name, self.names)
        )


_CUSTOMER = TableColumn("customer_id", "id", "who", required=True)
_ITEM = TableColumn("item_id", "id", "the article")
_CATEGORY = TableColumn("category_id", "id", "the article's category")
_TO_CUSTOMER = Reference("customer_id", "customers", "customer_id")
_TO_ITEM = Reference("item_id", "items", "item_id")

ORDERS = CanonicalTable(
    "orders",
    "one order line",
    (
        _CUSTOMER,
        TableColumn("ordered_at", "time", "when the order was placed", required=True),
        TableColumn("order_id", "id", "the order that the line belongs to"),
        _ITEM,
        _CATEGORY,
        TableColumn("quantity", "number", "how many"),
        TableColumn("amount", "money", "what was paid for the line, after discount"),
        TableColumn("list_amount", "money", "what the line would have cost before discount"),
        TableColumn("discount", "money", "what was taken off the line"),
        TableColumn("coupon_id", "id", "the coupon that was redeemed"),
        TableColumn("freight", "money", "what was paid for delivery"),
        TableColumn("paid_at", "time", "when it was paid; missing while it is not"),
        TableColumn("cancelled_at", "time", "when it was cancelled"),
        TableColumn("refunded_at", "time", "when it was refunded"),
        TableColumn("status", "code", "the final state", codes=ORDER_STATUS),
    ),
    time="ordered_at",
    references=(_TO_CUSTOMER, _TO_ITEM),
)

INTERACTIONS = CanonicalTable(
    "interactions",
    "one thing a customer did",
    (
        _CUSTOMER,
        TableColumn("occurred_at", "time", "when it was done", required=True),
        TableColumn("kind", "code", "what was done", required=True, codes=INTERACTION_KINDS),
        _ITEM,
        _CATEGORY,
        TableColumn("price", "money", "the article's price as it was shown"),
        TableColumn("channel", "code", "through what it was done"),
        TableColumn("dwell_seconds", "number", "how long it lasted, in seconds"),
    ),
    time="occurred_at",
    references=(_TO_CUSTOMER, _TO_ITEM),
)

CUSTOMERS = CanonicalTable(
    "customers",
    "one customer",
    (
        _CUSTOMER,
        TableColumn("registered_at", "time", "when the customer registered"),
        TableColumn("gender", "code", "the gender as the shop has it"),
        TableColumn("birth_year", "whole", "the year of birth"),
        TableColumn("region", "code", "where the customer lives"),
        TableColumn("acquisition_channel", "code", "through what the customer came"),
    ),
    key=("customer_id",),
    is_open=True,
)

ITEMS = CanonicalTable(
    "items",
    "one article",
    (
        TableColumn("item_id", "id", "the article", required=True),
        _CATEGORY,
        TableColumn("list_price", "money", "the price without discount"),
        TableColumn("unit_cost", "money", "what one piece costs the shop"),
        TableColumn("listed_at", "time", "since when it is sold"),
        TableColumn("delisted_at", "time", "when it leaves the range, as soon as that is known"),
        TableColumn("stock", "number", "pieces at hand"),
    ),
    key=("item_id",),
)

CAMPAIGNS = CanonicalTable(
    "campaigns",
    "one campaign",
    (
        TableColumn("campaign_id", "id", "the campaign", required=True),
        TableColumn("goal", "code", "the wanted change of stage"),
        TableColumn("phase", "code", "the phase of the promotion"),
        TableColumn("starts_at", "time", "when it begins"),
        TableColumn("ends_at", "time", "when it is over"),
        TableColumn("channel", "code", "through what customers are contacted"),
        TableColumn("offer_kind", "code", "what is offered: reminder, points, coupon, cash coupon, free freight, ..."),
        TableColumn("offer_value", "money", "what the offer is worth to the customer"),
        TableColumn("offer_threshold", "money", "from which order amount it holds"),
        TableColumn("offer_valid_days", "number", "for how many days it holds"),
        TableColumn("unit_cost", "money", "what one contact costs"),
    ),
    key=("campaign_id",),
)

ASSIGNMENTS = CanonicalTable(
    "assignments",
    "one customer's arm in one wave",
    (
        TableColumn("campaign_id", "id", "the campaign", required=True),
        _CUSTOMER,
        TableColumn("arm", "code", "'control' or the treatment's name", required=True),
        TableColumn("assigned_at", "time", "when the arm was drawn", required=True),
        TableColumn("wave", "whole", "the number of the dated send, from 1"),
        TableColumn("probability", "number", "the probability of this arm, in (0, 1]"),
        TableColumn("contacted_at", "time", "when the message went out"),
        TableColumn("delivered_at", "time", "when it arrived, where the channel tells"),
        TableColumn("opened_at", "time", "when it was opened"),
        TableColumn("clicked_at", "time", "when it was clicked"),
        TableColumn("redeemed_at", "time", "when the offer was redeemed"),
    ),
    time="assigned_at",
    key=("campaign_id", "customer_id", "wave"),
    references=(Reference("campaign_id", "campaigns", "campaign_id"), _TO_CUSTOMER),
)

CALENDAR = CanonicalTable(
    "calendar",
    "one holiday or promotion",
    (
        TableColumn("name", "code", "what it is called", required=True),
        TableColumn("starts_at", "time", "when it begins", required=True),
        TableColumn("ends_at", "time", "when it is over", required=True),
        TableColumn("kind", "code", "which of the two", codes=CALENDAR_KINDS),
    ),
)

FEEDBACK = CanonicalTable(
    "feedback",
    "one thing a customer said of the shop",
    (
        _CUSTOMER,
        TableColumn("at", "time", "when it was said", required=True),
        TableColumn("kind", "code", "what it is", required=True, codes=FEEDBACK_KINDS),
        TableColumn("rating", "number", "how good it was, in the shop's own scale"),
        TableColumn("topic", "code", "what it is about"),
        TableColumn("text", "text", "the words"),
        _ITEM,
        _CATEGORY,
        TableColumn("closed_at", "time", "when it was settled; missing while it is open"),
    ),
    time="at",
    references=(_TO_CUSTOMER, _TO_ITEM),
)

MEMBERSHIPS = CanonicalTable(
    "memberships",
    "one membership of a customer",
    (
        _CUSTOMER,
        TableColumn("level", "code", "the level", required=True),
        TableColumn("starts_at", "time", "when it begins", required=True),
        TableColumn("ends_at", "time", "when it is over"),
        TableColumn("price", "money", "what was paid for it"),
    ),
    time="starts_at",
    references=(_TO_CUSTOMER,),
)

POINTS = CanonicalTable(
    "points",
    "one change of a customer's points",
    (
        _CUSTOMER,
        TableColumn("at", "time", "when they changed", required=True),
        TableColumn("points", "number", "earned above zero, used below", required=True, may_be_negative=True),
        TableColumn("reason", "code", "why they changed"),
    ),
    time="at",
    references=(_TO_CUSTOMER,),
)

REFERRALS = CanonicalTable(
    "referrals",
    "one customer referred by another",
    (
        _CUSTOMER,
        TableColumn("referred_id", "id", "who was referred", required=True),
        TableColumn("at", "time", "when that was", required=True),
    ),
    time="at",
    references=(_TO_CUSTOMER,),
)

COSTS = CanonicalTable(
    "costs",
    "what one channel cost at some time",
    (
        TableColumn("channel", "code", "the channel", required=True),
        TableColumn("at", "time", "for when it was paid", required=True),
        TableColumn("amount", "money", "how much", required=True),
    ),
    time="at",
)

ITEM_TAGS = CanonicalTable(
    "item_tags",
    "one tag that the shop itself gave an article",
    (
        TableColumn("item_id", "id", "the article", required=True),
        TableColumn("tag", "code", "the kind of tag, such as style, material or audience; or the tag", required=True),
        TableColumn("value", "code", "which of the kind: casual, linen, children"),
    ),
    references=(_TO_ITEM,),
)

_TABLES = (
    *(ORDERS, INTERACTIONS, CUSTOMERS, ITEMS, CAMPAIGNS, ASSIGNMENTS, CALENDAR),
    *(FEEDBACK, MEMBERSHIPS, POINTS, REFERRALS, COSTS, ITEM_TAGS),
)
CONTRACT: Mapping[str, CanonicalTable] = MappingProxyType({table.name: table for table in _TABLES})


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
