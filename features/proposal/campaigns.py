"""Campaigns: files of who was sent what and who was held out, and audiences that were drawn before."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..intake.expressions import text_literal
from .files import ColumnLook
from .languages import english, plain
from .orders import proposal
from .values import Seen, SourceProposal, TableProposal, When
from .words import vocabulary

DRAWN = "audience/*/wave-*"  # below the folder of a shop's results
RESPONSES = ("opened_at", "clicked_at", "redeemed_at")
_RESPONSE = r"(is_)?(opens?|opened|clicks?|clicked|redeemed|converted|responded|response|purchased|visited)"


def is_campaign(one: Seen) -> bool:
    """Say whether a file lists customers with an arm and when they were contacted, and nothing of orders."""
    if not one.has("customer_id", "arm") or one.when is None or one.has("kind"):
        return False
    return not one.roles.keys() & {"order_id", "item_id", "amount", "price", "quantity"} and _has_arms(one)


def _has_arms(one: Seen) -> bool:
    column = one.look.column(one.roles["arm"])
    is_named = re.search(r"(^|_)(arm|variant|treatment|test|experiment)", english(plain(column.name)))
    return bool(is_named) or bool(_control(column))


def _control(column: ColumnLook) -> list[str]:
    """Return the values that name those who were held out."""
    words = vocabulary().control
    named = [value for value in column.values if any(re.fullmatch(word, plain(value)) for word in words)]
    return named or [value for value in column.values if set(column.values) == {"0", "1"} and value == "0"]


def assignments_table(one: Seen, when: When) -> TableProposal:
    """Return the assignments that a campaign's file holds."""
    column, quote = one.look.column(one.roles["arm"]), one.quote
    control = _control(column)
    stem = plain(Path(one.look.paths[0]).name.split(".")[0]) or "campaign"
    columns = {
        "campaign_id": one.roles.get("campaign_id", text_literal(stem)),
        "customer_id": one.roles["customer_id"],
        "arm": column.name,
        "assigned_at": when.value,
    }
    notes = []
    if control:
        sent = quote(when.value) if when.value in one.look.raw.names else when.value
        held_out = ", ".join(map(text_literal, control))
        columns["contacted_at"] = f"case when {quote(column.name)}::varchar not in ({held_out}) then {sent} end"
    else:
        notes.append(f"TODO '{column.name}' names nobody who was held out ({', '.join(column.values[:5])})")
    columns |= one.taken(*RESPONSES)
    undated = [
        other.name
        for other in one.look.columns
        if other.name not in columns.values() and re.fullmatch(_RESPONSE, plain(other.name))
    ]
    if undated:
        notes.append(f"TODO not used, as they say that and not when: {', '.join(map(repr, undated))}")
    codes = {value: "control" if value in control else value for value in column.values}
    if set(codes) == {"0", "1"}:
        codes["1"] = "treatment"
    used = {**columns, **{name: name for name in undated}}
    found = proposal("assignments", one, SourceProposal({}, columns), when, [*notes, *one.unused(used)])
    return replace(found, codes={"arm": codes} if any(code != arm for code, arm in codes.items()) else {})


def drawn_audiences(folder: Path, results: Sequence[Path], shop: str) -> list[TableProposal]:
    """Return the tables that audiences drawn before make, as paths from the shop's folder; other shops' are not its."""
    found = []
    for name in ("assignments", "campaigns"):
        sources = tuple(
            SourceProposal({"path": f"{os.path.relpath(place, folder.resolve())}/{DRAWN}/{name}.parquet"}, {})
            for place in dict.fromkeys((place / shop).resolve() for place in results)
            if any(place.glob(f"{DRAWN}/{name}.parquet"))
        )
        if sources:
            note = "audiences drawn before, and those that will be: 'penchant measure' finds them"
            found.append(TableProposal(name, sources, notes=(note,), has_zone=True))
    return found
