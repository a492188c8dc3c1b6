"""What a page may know of a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penchant.config import OwnCrowdSection
from penchant.errors import InputError, quoted

from ....features.signals.profile import PLAIN
from ..access import Caller
from ..crowd_words import own_crowds_now
from ..jobs import Jobs
from ..prepare import as_json
from ..ready import Ready
from ..settings import WebSettings

REASON = re.compile(rf"({'|'.join(PLAIN.values())}|the shop's attribute '.*'): |years old$")
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
    told = {name for name, value in kept.items() if away and name.startswith("reason_") and REASON.search(str(value))}
    return {name: None if name in told else value for name, value in kept.items()}
