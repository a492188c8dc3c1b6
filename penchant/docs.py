"""The pages of docs/ that are generated from declarations: ``python -m penchant.docs [--check]``."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from penchant.cli.reference import commands_page
from penchant.contract_page import contract_page
from penchant.features.catalogue import GROUPS
from penchant.features.signals.group import DEFAULT_WINDOWS, Column, FeatureGroup, Signal, need_in_words
from penchant.output import write_text
from penchant.reference.api import api_page
from penchant.reference.catalogues import goals_page, tasks_page
from penchant.reference.configuration import configuration_page
from penchant.reference.errors import errors_page
from penchant.reference.metrics import metrics_page

FOLDER = Path(__file__).resolve().parent.parent / "docs"
_WINDOW = re.compile(r"(?<![\d.])(\d+)(?=d\b| days\b)")
_HEAD = (
    "| column | what it says of a customer at as_of | unit | type | range | missing where | needs |\n"
    "|---|---|---|---|---|---|---|\n"
)
_DEFAULT = ", ".join(str(days) for days in DEFAULT_WINDOWS)
_PREFACE = f"""\
# Features: the data dictionary

Generated from the declarations by `make docs`; a test holds both together, and `penchant prove` and the tests hold the
declarations against what is built.

Every signal is of one customer at one moment, `as_of`, and sees what had happened strictly before it, as it stood
then. A window of N days is `[as_of - N days, as_of)`, in times of 24 hours; `name_{{7,30}}d` stands for `name_7d` and
`name_30d`. The windows here are the default ones ({_DEFAULT}); `[features] windows` in penchant.toml sets others.

- **type**: `int64` is never missing; `float64` and `string` are where the column says so. Money is in the currency's
  major unit.
- **needs**: tables and columns that the shop must have, *or* another; what a shop cannot have is left out and named.
  Purchases are paid orders, or the `pay` interactions of a shop without `orders`; the category of a row is its own,
  else its item's.
- *compares*: depends on other customers by definition (a rank, a price level, a cycle of the shop).
- *not historical*: built on attributes that a shop keeps without their history: today's value, whatever the as_of. The
  category of an item is such an attribute too, where the rows do not name one themselves.
"""
_MORE: Mapping[str, str] = MappingProxyType(
    {"profile": "Each further column of the shop's `customers` is a column here too; flags become 0 and 1."}
)


def features_page(groups: Sequence[FeatureGroup] = GROUPS) -> str:
    """Return the data dictionary of feature groups, as Markdown."""
    lines = [_PREFACE]
    for group in groups:
        columns = len(group.columns())
        lines.append(f"## {group.name}\n\n{group.meaning} {columns} columns. {_MORE.get(group.name, '')}".rstrip())
        lines.append(_HEAD + "\n".join(_rows(group)) + "\n")
    return "\n\n".join(line.rstrip("\n") for line in lines) + "\n"


def _rows(group: FeatureGroup) -> Iterator[str]:
    """Yield one row for each column, or for all those that differ by their window alone."""
    families: dict[tuple[str, str], list[Signal]] = {}
    for signal in group.signals(DEFAULT_WINDOWS):
        key = _WINDOW.sub("N", signal.column.name), _WINDOW.sub("N", signal.column.meaning)
        families.setdefault(key, []).append(signal)
    for family in families.values():
        yield _row(family, group.needs)


def _row(family: Sequence[Signal], shared: Sequence[str]) -> str:
    columns = [signal.column for signal in family]
    one = columns[0]
    window = _WINDOW.search(one.name) if len(family) > 1 else None
    days = int(window.group()) if window else 0
    cells = (
        f"`{_folded([column.name for column in columns])}`",
        _unwindowed(one.meaning, days) + _marks(one),
        one.unit,
        one.dtype,
        _range(columns),
        _unwindowed(one.missing, days),
        "<br>".join(_needs((*shared, *family[0].needs))),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _folded(names: Sequence[str]) -> str:
    """Return names that differ by their window as one.

    Examples
    --------
    >>> _folded(["n_visits_7d", "n_visits_30d"]), _folded(["days_in_stage"])
    ('n_visits_{7,30}d', 'days_in_stage')
    """
    if len(names) == 1:
        return names[0]
    windows = [found.group() for name in names if (found := _WINDOW.search(name))]
    return _WINDOW.sub("{" + ",".join(windows) + "}", names[0])


def _unwindowed(text: str, days: int) -> str:
    """Return a text about a window of so many days as one about N days, and about its multiples; 0 is no window.

    Examples
    --------
    >>> _unwindowed("more in 7 days than in 14 days", 7), _unwindowed("nothing in 365 days", 0)
    ('more in N days than in 2 N days', 'nothing in 365 days')
    """

    def named(found: re.Match[str]) -> str:
        times, rest = divmod(int(found.group()), days)
        return found.group() if rest else "N" if times == 1 else f"{times} N"

    return _WINDOW.sub(named, text) if days else text


def _marks(column: Column) -> str:
    marks = ["compares"] * column.population + ["not historical"] * (not column.historical)
    return f" *({', '.join(marks)})*" if marks else ""


def _range(columns: Sequence[Column]) -> str:
    """Return the range that a column declares; of several with bounds of their own, from the first's to the last's."""
    highs = [f"{column.high:g}" for column in columns if column.high is not None]
    low = "" if columns[0].low is None else f"{columns[0].low:g}"
    if not highs:
        return low and f"from {low}"
    return f"{low} to {highs[0]}" + (f"..{highs[-1]}" if highs[-1] != highs[0] else "")


def _needs(needs: Sequence[str]) -> list[str]:
    """Return needs in words, without those that another one implies.

    Examples
    --------
    >>> _needs(["interactions", "orders|interactions", "orders.paid_at|orders.status"])
    ['`interactions`', '`orders.paid_at` or `orders.status`']
    """
    told = {need for need in needs if "|" not in need}
    told |= {need.split(".")[0] for need in told if "." in need}
    implied = {need for need in needs if "|" in need and told & set(need.split("|"))}
    implied |= {need for need in needs if any(other.startswith(f"{need}.") for other in needs)}
    rest = dict.fromkeys(need for need in needs if need not in implied)
    return [" or ".join(_option(one) for one in need_in_words(need).split("|")) for need in rest]


def _option(told: str) -> str:
    """Return one way to meet a need, its columns set as code.

    Examples
    --------
    >>> _option("items.unit_cost with orders.item_id")
    '`items.unit_cost` with `orders.item_id`'
    """
    return " ".join(f"`{word}`" if "." in word or " " not in told else word for word in told.split(" "))


PAGES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "api.md": api_page,
        "commands.md": commands_page,
        "configuration.md": configuration_page,
        "contract.md": contract_page,
        "errors.md": errors_page,
        "features.md": features_page,
        "goals.md": goals_page,
        "metrics.md": metrics_page,
        "tasks.md": tasks_page,
    }
)


def main(arguments: Sequence[str]) -> int:
    """Write all pages; or with ``--check`` say which would change, and return 1 if one would."""
    stale = 0
    for name, page in PAGES.items():
        path, text = FOLDER / name, page()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale = 1
        if "--check" in arguments:
            sys.stdout.write(f"docs/{name} is not what the declarations say. Run 'make docs'.\n")
        else:
            write_text(path, text)
            sys.stdout.write(f"docs/{name}\n")
    return stale if "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
