"""Which of a table's columns plays which part, by its name and by what it holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .codes import kinds_known
from .files import ColumnLook, TableLook
from .languages import english, order_state, plain

LONG_KEY = 14  # of two numbers with a point between, as analytics make them; prices are shorter
MANY_ROWS = 100
MONEY = ("amount", "price", "list_price", "discount", "unit_cost")
MOST_SIGNS = 64  # of a key: the length of the longest usual hash
ID = r"_?(id|ids|no|nr|num|nbr|number|nummer|key|code)"


@dataclass(frozen=True)
class Role:
    """A part that a column may play.

    Parameters
    ----------
    name
        The part.
    patterns
        Patterns that the whole plain name may match, the best first.
    fits
        Whether what the column holds can play the part.
    """

    name: str
    patterns: tuple[str, ...]
    fits: Callable[[ColumnLook], bool]


def _is_key(column: ColumnLook) -> bool:
    is_fraction = column.is_number and not column.is_whole and column.longest < LONG_KEY
    return column.n_filled > 0 and not is_fraction and (column.time is None or column.is_number)


def _is_number(column: ColumnLook) -> bool:
    return column.is_number and (column.time is None or not column.time.has_zone)


def _is_time(column: ColumnLook) -> bool:
    return column.time is not None


def _has_few_values(column: ColumnLook) -> bool:
    return bool(column.values) and column.time is None


def _is_shared(column: ColumnLook) -> bool:
    return 0 < column.n_distinct <= max(50, 0.1 * column.n_filled)


WHO = "(customer|client|user|household|member|buyer|shopper|visitor|consumer|cust|account|person|loyalty_card)"
_STAFF = "(?!.*(sales|staff|admin|seller|vendor|created|updated|employee|agent|driver|courier|manager)_)"
_WITH_TAX = "(_(inc|incl|including)_?(tax|vat))?"
_TAX = r"(?<!inc_)(?<!incl_)(?<!ex_)(?<!excl_)tax"
_NO_MONEY = rf"(?!.*({_TAX}|disc|rebate|count|items|orders|points|visits|weight|installments|summary))"
WHAT = "(item|product|prod|sku|article|goods|stock|material|asin|isbn|upc|ean)"
ORDER = "(order|invoice|transaction|trans|basket|receipt|bill|purchase|ticket|sale)"
_NOT_WHO = (
    rf"(^|_)({WHAT}|{ORDER}|categ\w*|store|shop|seller|brand|dept|department|chain|region|zip\w*|post\w*|city|country"
    r"|price|amount|total|sum|qty|quantity|session|campaign|offer|coupon|promo\w*|size|style)s?(_|$)"
)

ROLES: tuple[Role, ...] = (
    Role(
        "customer_id",
        (
            rf"{WHO}_unique{ID}",
            rf"{_STAFF}(\w+_)?{WHO}{ID}",
            rf"(uid|cid|full_?visitor{ID}|{WHO}_(pseudo|external|crm|hash|hashed|ref|uuid|guid)({ID})?)",
            rf"{WHO}",
            rf"{WHO}_(email|e_mail|phone|name)",
            r"(e_?mail|phone)(_(address|adress|adresse|number|no))?",
        ),
        _is_key,
    ),
    Role("order_id", (rf"(\w+_)?{ORDER}{ID}", "invoice|order|basket|receipt|ticket|increment_id"), _is_key),
    Role(
        "item_id",
        (
            rf"{WHAT}{ID}",
            rf"(?!(order|line|row)_)(\w+_)?{WHAT}{ID}",
            r"item|product|sku|article",
            rf"{WHAT}_(name|title|description)|description|title",
        ),
        _is_key,
    ),
    Role(
        "category_id",
        (
            rf"((main|product|item)_?)?(category|categ|cat){ID}",
            r"((product|item)_?)?(category|categ|cat)(_name)?",
            r"product_?(group|type|subclass|family|class)(_?(no|id|name|code))?|commodity(_desc)?|subclass",
            rf"(\w+_)?(department|dept|aisle|section|genre|sub_?category)({ID}|_name)?",
        ),
        _is_key,
    ),
    Role(
        "time",
        (
            rf"{ORDER}_?(purchase_?)?(date_?time|timestamp|date|time|at|on|dt|day|placed_at)|t_dat|trans_?date",
            r"(event|purchase|visit|session|click|action|created|placed)_?(date_?time|timestamp|ts|date|time|at|on|dt)",
            r"(date_?time|time_?stamp|timestamp|ts|date|time)|(created|ordered|placed|booked)(_(utc|gmt|at|on))?|(e_?mail_)?(sent|send|mailed|contacted)(_(at|on|date|time))?",
            r"(?!.*(deliver|ship|estimat|approv|paid|payment|limit|birth|dob|expir|updat|modif|review|answer|regist"
            r"|sign|join|first|last|prior|next|start|end|coupon|cancel|refund|return|publish|launch|open|click|redeem)).*"
            r"((date|time)(_\w+)?|_at|_dt|_on)",
        ),
        _is_time,
    ),
    Role("paid_at", (r"(\w+_)?(paid|payment|approved)_?(at|on|date|time|timestamp|date_?time)",), _is_time),
    Role("cancelled_at", (r"(\w+_)?cancell?(ed|ation)?_?(at|on|date|time|timestamp|date_?time)",), _is_time),
    Role("refunded_at", (r"(\w+_)?(refund|return)(ed)?_?(at|on|date|time|timestamp|date_?time)",), _is_time),
    Role(
        "registered_at",
        (r"(\w+_)?(regist\w*|sign_?up|signed_up|joined?|enrol\w*|member_since)(_?(at|on|date|time|timestamp))?",),
        _is_time,
    ),
    Role(
        "quantity",
        (
            r"quantity|qty",
            r"\w*(quantity|qty)|(quantity|qty)_(ordered|sold|bought|purchased)|units?(_sold)?|pieces|(num|n)_(items|units|pieces|products)|number_of_(?!install|review|child|visit|photo|day|order)\w+",
        ),
        _is_number,
    ),
    Role("list_price", (r"(\w+_)?(list|regular|base|original|full|normal|catalog)_?price\d*|msrp|rrp",), _is_number),
    Role("unit_cost", (r"((unit|standard|product|item)_?)?cost(_?price)?|cogs|asset",), _is_number),
    Role(
        "freight",
        (rf"freight(_?\w+)?|(shipping|delivery)_?(cost|fee|charge|value|price|amount){_WITH_TAX}|postage",),
        _is_number,
    ),
    Role(
        "price",
        (r"unit_?(price|value|amount)|price|price_?each|each_price", r"(?!.*(discount|total|net)).*_?price"),
        _is_number,
    ),
    Role("discount", (r"(\w+_)?(discount|disc|rebate|markdown)(_?(amount|value|rate|pct|percent\w*))?",), _is_number),
    Role(
        "amount",
        (
            r"(sales?|purchase|order|tran\w*|line|item|basket|payment|net|paid|dollar)_?(amount|value|total|price|sales?)"
            rf"{_WITH_TAX}"
            r"|(\w+_)?(amount|price|total|value)_paid",
            r"(total|grand)(_?(amount|price|value|sales?|paid|spent|cost|revenue))?|revenue|sales?|turnover|spend|spent"
            r"|amount|gmv|gross|net|payment|paid(_(amount|total|price))?|total_paid",
            rf"{_NO_MONEY}.*(amount|amt|revenue|spend|sales|dollar\w*|value|total|sum|cents)(_.*)?",
        ),
        _is_number,
    ),
    Role("coupon_id", (rf"(coupon|voucher|promo)({ID}|_upc)?|(coupon|voucher|promo)_code_used",), _is_key),
    Role(
        "status",
        (r"(order|payment|financial|invoice|transaction|trans)_?status|status", r"(order|payment)_?state"),
        _has_few_values,
    ),
    Role(
        "kind",
        (r"(event|behaviou?r|action|interaction|activity)(_?(type|name|kind|code))?|type|kind|行为(类型)?",),
        _has_few_values,
    ),
    Role("channel", (r"(\w+_)?channel(_id)?|device(_type)?|platform|traffic_?source|medium",), _has_few_values),
    Role(
        "currency", (r"(\w+_)?(currency|waehrung|wahrung|devise|moneda|moeda|valuta)(_?(code|iso))?",), _has_few_values
    ),
    Role("gender", (r"gender|sex",), _has_few_values),
    Role("birth_year", (r"(birth_?year|year_of_birth|yob)",), _is_number),
    Role(
        "region",
        (
            r"(\w+_)?(state|region|country|province)(_?(name|code))?",
            r"(\w+_)?city",
            r"(pin_?code|(\w+_)?zip\w*|postal_?code\w*)",
        ),
        _is_shared,
    ),
    Role("acquisition_channel", (r"(acquisition|referral|signup|utm)_?(channel|source|medium)",), _has_few_values),
    Role("stock", (r"stock(_?(level|qty|quantity))?|inventory",), _is_number),
    Role("campaign_id", (rf"campaign({ID})?|promotion{ID}",), _is_key),
    Role("starts_at", (r"(start|begin|from|valid_from)s?_?(date|at|time|day)?",), _is_time),
    Role("ends_at", (r"(end|finish|to|until|valid_(to|until))s?_?(date|at|time|day)?",), _is_time),
    Role("opened_at", (r"(\w+_)?open(ed|s)?(_(at|on|date|time))?",), _is_time),
    Role("clicked_at", (r"(\w+_)?click(ed|s)?(_(at|on|date|time))?",), _is_time),
    Role("redeemed_at", (r"(\w+_)?redeem(ed)?(_(at|on|date|time))?",), _is_time),
    Role(
        "arm",
        (r"(arm|variant|treatment(_group)?|test_?group|experiment_group)", r"(\w+_)?(group|gruppe|grupo|groupe)|cell"),
        _has_few_values,
    ),
)


def roles_of(look: TableLook) -> dict[str, str]:
    """Return part -> column for the parts that a table's columns play; each column plays one."""
    claims = [
        (rank, place, role.name == "time" and column.holds_days, position, role.name, column.name)
        for place, role in enumerate(ROLES)
        for position, column in enumerate(look.columns)
        if (rank := _rank(role, column, look.columns)) is not None
    ]
    has_time = any(role_name == "time" for *_, role_name, _ in claims)
    found: dict[str, str] = {}
    taken: set[str] = set()
    for _, _, _, _, role_name, column_name in sorted(claims):
        if role_name == "item_id" and has_time and _numbers_rows(look, column_name):
            continue
        if role_name not in found and column_name not in taken:
            found[role_name] = column_name
            taken.add(column_name)
    if "time" not in found and "paid_at" in found:
        found["time"] = found.pop("paid_at")
    if "status" not in found and "region" in found and _holds_states(look.column(found["region"])):
        found["status"] = found.pop("region")
    if "header" in look.options:
        return {**found, **_by_content(look)}
    if "customer_id" not in found and "time" in found and (who := _likely_customer(look, taken)):
        found["customer_id"] = who
    return found


def _holds_states(column: ColumnLook) -> bool:
    """Say whether a column called state holds the states of orders rather than of a country."""
    return bool(column.values) and all(order_state(plain(value)) is not None for value in column.values)


def _numbers_rows(look: TableLook, name: str) -> bool:
    """Say whether a column is a number of the rows, whatever it is called."""
    return look.n_rows > MANY_ROWS and look.column(name).is_unique


def is_trial(look: TableLook) -> bool:
    """Say whether a file has an arm on each row, and no times: a finished trial."""
    has_arm = any(
        column.values
        and (
            re.fullmatch(r"treatment(_?(flg|flag|group|arm))?|arm|variant", plain(column.name))
            or {"control", "no_e_mail"} & {plain(value) for value in column.values}
        )
        for column in look.columns
    )
    return has_arm and not any(column.time and column.time.time_format != "excel_days" for column in look.columns)


def is_snapshot(look: TableLook) -> bool:
    """Say whether a file has a row for each customer, as it seems, and no times."""
    has_times = any(column.time and column.time.time_format != "excel_days" for column in look.columns)
    is_wide = len(look.columns) >= 3
    has_key = any(column.is_unique for column in look.columns) or "customer_id" not in roles_of(look)
    return not has_times and is_wide and has_key


def amounts_of(look: TableLook) -> list[str]:
    """Return the columns that may say what was paid, by their names, the likeliest first."""
    role = next(role for role in ROLES if role.name == "amount")
    ranks = [
        (rank, position, column.name)
        for position, column in enumerate(look.columns)
        if (rank := _rank(role, column, look.columns)) is not None
    ]
    return [name for _, _, name in sorted(ranks)]


def is_called_customer(name: str) -> bool:
    """Say whether a column's name says that it holds customers."""
    names = (plain(name), english(plain(name)))
    return any(re.fullmatch(pattern, known) for pattern in ROLES[0].patterns for known in names)


def _likely_customer(look: TableLook, taken: set[str]) -> str | None:
    """Return the column that may hold customers though it is not called so: keys that return, and are many."""
    names = (column.name for column in look.columns if column.name not in taken and may_be_customers(column))
    return next(names, None)


def may_be_customers(column: ColumnLook) -> bool:
    """Say whether a column holds keys that return, and are many."""
    return (
        _is_key(column)
        and not column.is_clock
        and not re.search(_NOT_WHO, english(plain(column.name)))
        and max(20, 0.01 * column.n_filled) <= column.n_distinct <= 0.9 * column.n_filled
        and (column.engine_type != "VARCHAR" or column.longest <= MOST_SIGNS)
    )


def _rank(role: Role, column: ColumnLook, others: Sequence[ColumnLook]) -> int | None:
    """Return how well a column fits a part, 0 the best; None where it does not."""
    if not column.n_filled or not role.fits(column):
        return None
    if role.name in MONEY and _is_numbered(column.name, others):
        return None
    names = dict.fromkeys((plain(column.name), english(plain(column.name))))
    return next(
        (rank for rank, pattern in enumerate(role.patterns) if any(re.fullmatch(pattern, name) for name in names)), None
    )


def _is_numbered(name: str, others: Sequence[ColumnLook]) -> bool:
    """Say whether a column is one of several that differ in a number alone, such as price1 and price2."""
    stem = re.sub(r"_?\d+$", "", plain(name))
    return stem != plain(name) and any(
        other.name != name and re.fullmatch(rf"{re.escape(stem)}_?\d+", plain(other.name)) for other in others
    )


def _by_content(look: TableLook) -> dict[str, str]:
    """Return part -> column for a table without names: who, then what, by how the columns differ."""
    found: dict[str, str] = {}
    times = [column for column in look.columns if column.time and column.time.time_format != "excel_days"]
    kinds = [column for column in look.columns if column.values and kinds_known(column.values)]
    if times:
        found["time"] = times[0].name
    if kinds:
        found["kind"] = kinds[0].name
    left = [column for column in look.columns if column.name not in found.values()]
    amounts = [column for column in left if column.is_number and not column.is_whole]
    if amounts:
        found["amount"] = amounts[-1].name
    keys = [column for column in left if _is_key(column) and column.name not in found.values()]
    if keys:
        found["customer_id"] = keys[0].name
    if kinds:
        parts = zip(("item_id", "category_id"), keys[1:3], strict=False)
        found |= {part: column.name for part, column in parts}
    elif len(keys) > 1 and _counts_pieces(keys[1]):
        found["quantity"] = keys[1].name
    return found


def _counts_pieces(column: ColumnLook) -> bool:
    """Say whether a column holds small numbers, few of them different."""
    is_small = column.high is not None and column.middle is not None and column.middle < 50
    return is_small and column.n_distinct <= max(12, 0.02 * column.n_filled)
