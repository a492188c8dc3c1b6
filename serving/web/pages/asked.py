"""What a page may know of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from penchant.config import OwnCrowdSection
from penchant.errors import InputError, quoted

from ..access import Caller
from ..crowd_words import own_crowds_now
from ..jobs import Jobs
from ..names import as_json
from ..ready import Ready
from ..settings import WebSettings

PERSONAL = ("gender", "region", "age_years", "acquisition_channel")  # shown to whoever may operate
MOST_ROWS = 500


@dataclass(frozen=True)
class Request:
    """What a view may know: the results, the jobs, who asks, and the parameters of the address."""

    settings: WebSettings
    ready: Ready
    jobs: Jobs
    caller: Caller
    query: Mapping[str, list[str]]

    def own_crowds(self) -> Mapping[str, OwnCrowdSection]:
        """Return the shop's own crowds, those saved a moment ago among them."""
        return own_crowds_now(self.settings.config, self.settings.shop_file)

    def one(self, name: str, default: str = "") -> str:
        """Return a parameter that is given once."""
        return (self.query.get(name) or [default])[-1]

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number within bounds.

        Raises
        ------
        InputError
            If it is none, or out of bounds.
        """
        text = self.one(name, str(default))
        if not (text.isascii() and text.isdigit() and least <= int(text[:12]) <= most):
            raise InputError(f"parameter '{name}'", f"a whole number from {least:,} to {most:,}", quoted(text[:40]))
        return int(text)


def hidden(asked: Request) -> tuple[str, ...]:
    """Return the personal columns that the caller may neither see nor ask for."""
    return () if asked.caller.may("operate") else PERSONAL


def masked(asked: Request, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a customer's row without what the caller may not see, and without reasons that tell it."""
    away = hidden(asked)
    kept = {name: as_json(value) for name, value in row.items() if name not in away}
    if not away:
        return kept
    told = {name for name, value in kept.items() if name.startswith("reason_") and is_personal(asked, str(value))}
    return {name: None if name in told else value for name, value in kept.items()}


def is_personal(asked: Request, reason: str) -> bool:
    """Say whether a reason tells the customer's person: age, gender, origin, consent, an attribute.

    Before the first preparation the shop's attributes are not known: then whatever looks like one is personal.
    """
    overview = asked.ready.overview()
    if reason.startswith(_of_persons()) or reason.endswith("years old"):
        return True
    if overview is None or "attributes" not in overview:
        return ": " in reason
    return reason.startswith(tuple(f"{name.replace('_', ' ')}: " for name in overview["attributes"]))


@cache
def _of_persons() -> tuple[str, ...]:
    """Return how reasons begin that tell of a person."""
    from ....features.signals.profile import PLAIN  # asks the past: only who may not see persons needs it here

    return (*(form.partition("{")[0] for _meaning, form in PLAIN.values()), "agreed to ", "has not agreed to ")
