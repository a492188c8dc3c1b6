"""What intake has to know of penchant.toml, as resolved values: which tables, how strictly, in which units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from penchant.config import Config, Severity, TableSection
from penchant.errors import ConfigError, did_you_mean, quoted

from ..contract import CONTRACT
from .rules import NEVER_TAKEN, RULES

ID_COLUMNS = tuple(
    dict.fromkeys(column.name for table in CONTRACT.values() for column in table.columns if column.kind == "id")
)


@dataclass(frozen=True)
class Settings:
    """What intake has to know of a configuration.

    Parameters
    ----------
    tables
        Canonical table to its section.
    severity
        Canonical table to a rule's code to its severity.
    decimals
        Decimal places of the currency's minor unit.
    end
        The extract's configured end, UTC without a zone; None where it follows from the data.
    merged_ids
        The id columns in which spellings that differ by case or Unicode form alone are one id.
    currency, timezone
        The shop's.
    counts_untimed_refunds
        Whether orders that were refunded without a time of it count as purchases.
    """

    tables: Mapping[str, TableSection]
    severity: Mapping[str, Mapping[str, Severity]]
    decimals: int = 2
    end: datetime | None = None
    merged_ids: frozenset[str] = frozenset()
    currency: str = "EUR"
    timezone: str = "UTC"
    counts_untimed_refunds: bool = False


def settings_of(config: Config) -> Settings:
    """Return what intake has to know of a configuration.

    Raises
    ------
    ConfigError
        If the configuration names a table, rule or id column that does not exist.

    Examples
    --------
    >>> from penchant.config import Config
    >>> settings_of(Config(rules={"orders.orphan": "refuse"})).severity["orders"]["orphan"]
    'refuse'
    """
    for name in config.tables:
        if name not in CONTRACT:
            raise ConfigError(f"tables.{name}", "a table of the contract", f"'{name}'", did_you_mean(name, CONTRACT))
    for name in config.ids.merge:
        if name not in ID_COLUMNS:
            expected = f"columns of ids: {quoted(ID_COLUMNS)}"
            raise ConfigError("ids.merge", expected, f"'{name}'", did_you_mean(name, ID_COLUMNS))
    shop = config.shop
    return Settings(
        config.tables,
        severities(config.rules),
        shop.decimals,
        utc_instant(shop.extract_end),
        frozenset(config.ids.merge),
        shop.currency,
        shop.timezone,
        shop.untimed_refunds == "count",
    )


def severities(rules: Mapping[str, Severity]) -> dict[str, dict[str, Severity]]:
    """Return table -> rule -> severity, the configuration's word first.

    Raises
    ------
    ConfigError
        If the configuration names a rule or table that does not exist.
    """
    for key in rules:
        table, _, code = key.rpartition(".")
        if code not in RULES:
            raise ConfigError(f"rules.{key}", "a rule of the contract", f"'{code}'", did_you_mean(code, RULES))
        if table and table not in CONTRACT:
            raise ConfigError(f"rules.{key}", "a table", f"'{table}'", did_you_mean(table, CONTRACT))
        if code in NEVER_TAKEN and rules[key] in ("warn", "ignore"):
            raise ConfigError(f"rules.{key}", "'set aside' or 'refuse'", f"'{rules[key]}'", "Such a row is of no use")
    return {
        table: {
            code: rules.get(f"{table}.{code}", rules.get(code, rule.default(table))) for code, rule in RULES.items()
        }
        for table in CONTRACT
    }


def utc_instant(time: datetime | None) -> datetime | None:
    """Return a configured time as UTC without a zone; one without a zone is UTC already."""
    return time.astimezone(UTC).replace(tzinfo=None) if time is not None and time.tzinfo else time
