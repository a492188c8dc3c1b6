"""The rules that a shop's rows are held to, as values: what each one is, why, and what happens by default.

A rule's severity says what happens to what breaks it:

``refuse``
    the shop is not opened;
``set aside``
    the row is left out, counted, and written to the quarantine file with the reason;
``warn``
    the row is taken, a value that cannot be read is missing, and the report says how many (a row without a value
    that the contract requires is never taken);
``ignore``
    as ``warn``, and the report is silent.

penchant.toml changes it under ``[rules]``: ``negative_amount = "warn"`` everywhere,
``"orders.negative_amount" = "warn"`` for one table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from penchant.config import Severity

EARLIEST = "1970-01-01"
LATEST = "2100-01-01"
LONGEST_ID = 200
LARGEST_AMOUNT = 1e9  # of the currency, in one line
NEVER_LOUD = 2.0  # no share is as large
OUTLYING_MULTIPLE = 1000  # of the column's median


@dataclass(frozen=True)
class Rule:
    """One rule.

    Parameters
    ----------
    code
        Its name in the configuration and the report.
    title
        What is wrong, as a phrase.
    explanation
        Why it matters, or what to do about it.
    severity
        What happens by default.
    in_table
        Another default for some tables.
    loud
        From which share of a table's rows on the mapping is to be doubted, rather than these rows.
    """

    code: str
    title: str
    explanation: str
    severity: Severity
    in_table: Mapping[str, Severity] = field(default_factory=dict)
    loud: float = 0.1

    def default(self, table: str) -> Severity:
        """Return the severity in a table where the configuration says nothing."""
        return self.in_table.get(table, self.severity)


_EVENTS: Mapping[str, Severity] = MappingProxyType({"orders": "refuse", "interactions": "refuse"})
_PERIODS: Mapping[str, Severity] = MappingProxyType({"calendar": "set aside", "campaigns": "set aside"})

_ALL = (
    Rule("unreadable", "a source cannot be read", "Nothing of it is known, so nothing is opened.", "refuse"),
    Rule(
        "missing_column",
        "a column is not there",
        "A required column has no mapping, or a mapping names a column that the source does not have.",
        "refuse",
    ),
    Rule(
        "wrong_type",
        "a column's type cannot be what the contract asks",
        "Whole numbers are no times unless time_format says how; map the right column or an expression.",
        "refuse",
    ),
    Rule("empty_table", "a table has no rows", "Nothing can be learned from it.", "warn", _EVENTS),
    Rule(
        "mostly_set_aside",
        "more than half of a table's rows were set aside",
        "The mapping is more likely wrong than the shop: see the examples of the rules that set them aside.",
        "refuse",
    ),
    Rule(
        "repeated_column",
        "several columns have one name",
        "Name the one that is meant: which of them holds what cannot be told.",
        "warn",
    ),
    Rule("broken_line", "a line of text has not the header's cells", "It cannot be told what is what.", "set aside"),
    Rule(
        "guessed_encoding",
        "a text file is not UTF-8, and its encoding was guessed",
        "Letters beyond ASCII may be wrong: name its encoding.",
        "warn",
    ),
    Rule(
        "null_id",
        "an id is missing or blank",
        "It cannot be told whose row it is: a guest's order, say, or another column holds who bought.",
        "set aside",
    ),
    Rule("null_value", "a required value is missing", "The row does not say when or what.", "set aside"),
    Rule(
        "null_amount",
        "an order's amount is missing",
        "It counts as an order and adds nothing to sums: map the column that the amount stands in.",
        "warn",
        loud=0.05,
    ),
    Rule(
        "idle_customers",
        "customers have neither ordered nor done anything",
        "They may only have registered; or the ids of the two tables are not the same.",
        "warn",
        loud=0.25,
    ),
    Rule(
        "lost_in_join",
        "rows of a query's file match none of the other",
        "The query drops them: a left join keeps them.",
        "warn",
        loud=0.01,
    ),
    Rule("long_id", f"an id is longer than {LONGEST_ID} signs", "More likely a text than an id.", "set aside"),
    Rule("padded_id", "an id has blanks around it", "It is taken without them.", "warn", loud=NEVER_LOUD),
    Rule(
        "float_id",
        "ids were saved as numbers with a decimal point",
        "They are taken without '.0'.",
        "warn",
        loud=NEVER_LOUD,
    ),
    Rule(
        "rounded_id",
        "ids were saved as rounded numbers, such as 1.23E+12 or floats beyond 9,007,199,254,740,992",
        "Different ones became the same, for good: export the file anew, with ids as text.",
        "warn",
    ),
    Rule(
        "infinite_id",
        "an id is NaN or infinite",
        "It is taken for a missing one: a row that cannot do without it is set aside.",
        "warn",
    ),
    Rule(
        "similar_ids",
        "ids differ by upper and lower case or Unicode form alone",
        "If they are one and the same, name their column in [ids] merge.",
        "warn",
    ),
    Rule(
        "merged_id",
        "an id was not in lower case and plain form",
        "It is merged with its other spellings.",
        "warn",
        loud=NEVER_LOUD,
    ),
    Rule(
        "bad_time",
        "a time cannot be read",
        "It is not ISO 8601, or not what time_format says (31.12.2024 is '%d.%m.%Y'), or no day of the calendar.",
        "set aside",
    ),
    Rule("time_out_of_range", f"a time is before {EARLIEST} or from {LATEST} on", "It cannot be meant.", "set aside"),
    Rule("after_end", "an event is later than the extract's end", "shop.extract_end says it is not.", "set aside"),
    Rule(
        "far_time",
        "a few events are dated further from all others than these span",
        "They are placeholders or slips, such as 1970-01-01 or 2099-12-31; taken, they would set where the data ends.",
        "set aside",
    ),
    Rule(
        "lonely_end",
        "the latest events stand far apart from all others",
        "They set the extract's end: set shop.extract_end if they are mistakes.",
        "warn",
    ),
    Rule("mixed_zones", "some times carry a zone and others do not", "Those without are read in the table's.", "warn"),
    Rule(
        "unclear_clock",
        "a local time came twice or never, as clocks were put back or forward",
        "The later of two is taken; one that never was is moved forward by the step.",
        "warn",
    ),
    Rule(
        "bad_value",
        "a number or yes/no cannot be read",
        "It holds something else; where commas are decimal signs (12,50), say so: decimal = ','.",
        "set aside",
    ),
    Rule("not_finite", "a number is NaN or infinite", "It cannot be summed.", "set aside"),
    Rule(
        "negative_amount",
        "an amount or quantity is below zero",
        "Refunds and corrections belong in refunded_at or an exclusion, not among the sales.",
        "set aside",
    ),
    Rule("absurd_amount", f"an amount is beyond {LARGEST_AMOUNT:,.0f}", "It cannot be one line.", "set aside"),
    Rule(
        "coarse_amount",
        "rounding to the currency's minor unit changes an amount by more than a hundredth",
        "Give shop.decimals more places, or map a multiple of the column.",
        "warn",
    ),
    Rule(
        "outlying_amount",
        f"an amount is more than {OUTLYING_MULTIPLE:,} times the median",
        "A few such rows can carry a shop's sum: wholesale, or a slip of the decimal point.",
        "warn",
    ),
    Rule("above_list", "more was paid than the list price", "The two may be in different units.", "warn", loud=0.05),
    Rule("unknown_code", "a code is not one of the contract's", "Say under codes what it means.", "set aside"),
    Rule("implausible_year", "a year of birth is before 1900 or from 2100 on", "It cannot be meant.", "warn"),
    Rule("probability_range", "a probability is not in (0, 1]", "It would weigh nothing, or wrongly.", "set aside"),
    Rule("out_of_order", "a later step is dated before an earlier one", "One of them is wrong.", "warn", _PERIODS),
    Rule(
        "status_without_time",
        "an order is cancelled or refunded without a time",
        "When that changed cannot be told, so that it never counts as a purchase (shop.untimed_refunds = 'count' lets"
        " refunded ones).",
        "warn",
    ),
    Rule("status_against_time", "an order's status and times disagree", "Its times are believed.", "warn", loud=0.05),
    Rule(
        "several_arms",
        "a customer stands in several arms of one wave",
        "What a contact changed cannot be told from them: all their rows of that wave are left out.",
        "set aside",
    ),
    Rule("duplicate_key", "a key occurs more than once", "The first row is taken.", "set aside"),
    Rule(
        "duplicate_row",
        "a row equals another in every mapped column",
        "They may be real: two equal lines of one order.",
        "warn",
    ),
    Rule(
        "overlapping_files",
        "rows of a later file are in an earlier one too",
        "As many copies as overlap are left out.",
        "set aside",
    ),
    Rule(
        "orphan", "a reference has no row in its own table", "What the table says is missing for it.", "warn", loud=0.25
    ),
)

RULES: Mapping[str, Rule] = MappingProxyType({rule.code: rule for rule in _ALL})

# Pairs of times of which the first may not be after the second.
ORDER_OF_TIMES: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "orders": (("ordered_at", "paid_at"), ("ordered_at", "cancelled_at"), ("ordered_at", "refunded_at")),
        "assignments": (
            ("assigned_at", "contacted_at"),
            ("contacted_at", "delivered_at"),
            ("contacted_at", "opened_at"),
            ("contacted_at", "clicked_at"),
            ("contacted_at", "redeemed_at"),
        ),
        "campaigns": (("starts_at", "ends_at"),),
        "calendar": (("starts_at", "ends_at"),),
    }
)


NEVER_TAKEN = ("null_id", "null_value", "broken_line")
