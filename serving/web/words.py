"""All text of the page, one catalogue for each language, and how numbers, amounts and dates are written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from .core_texts import CoreTexts
from .settings import LANGUAGES

WINDOW = re.compile(r"(.+)_(\d+)d")  # a signal of the last so many days
THROUGH = re.compile(r"(n_(?:contacted|opened|clicked|redeemed))_(.+)")  # and of a channel
KIND_OF = {"stage": "stage", "stage_30d_ago": "stage", "rfm_segment": "segment", "funnel_state": "step"}
FOLDER = Path(__file__).parent / "words"
UNKNOWN = "–"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return key -> text of a language."""
    found: dict[str, str] = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return found


def language_of(accepted: str, chosen: str | None = None) -> str:
    """Return the language to answer in: the chosen one, else the first that the browser accepts and we have."""
    if chosen in LANGUAGES:
        return chosen
    for part in accepted.split(","):
        if (language := part.split(";")[0].strip().lower()[:2]) in LANGUAGES:
            return language
    return LANGUAGES[0]


class Phrases:
    """What a template says and how it writes values, in one language, for one shop."""

    def __init__(self, language: str, currency: str, timezone: str) -> None:
        self.language, self.currency, self.zone = language, currency, ZoneInfo(timezone)
        self._texts = catalogue(language)
        self.core = core_texts(language).translated

    def __call__(self, key: str, **values: Any) -> str:
        """Return the text of a key, with values put in; a key nobody translated stands as it is."""
        return self._texts.get(key, key).format(**values) if values else self._texts.get(key, key)

    def of(self, kind: str, name: Any) -> str:
        """Return the word for a value of some kind, such as a stage; a name of the shop's own stays as it is."""
        return self._texts.get(f"{kind}.{name}", str(name).replace("_", " "))

    def signal(self, name: str) -> str:
        """Return what a signal says of a customer, in CRM words."""
        return signal_words(self._texts, name)

    def signal_value(self, name: str, value: Any) -> str:
        """Write a signal's value: an amount, a share, or a number with as many digits as it needs."""
        if _is_missing(value):
            return UNKNOWN
        if isinstance(value, str):
            return self.of(KIND_OF.get(name, "value"), value)
        if name.startswith(("amount", "open_cart_value", "open_favorite_value", "margin")) and "trend" not in name:
            return self.money(value)
        if name.endswith(("_share", "_rate")) or name == "discount_depth":
            return self.share(value)
        is_whole = "days" in name or value == round(value)
        return self.number(value, 0 if is_whole else (1 if abs(value) >= 1 else 2))

    def number(self, value: Any, digits: int = 0) -> str:
        """Write a number with separators; what is not known as a dash."""
        return UNKNOWN if _is_missing(value) else f"{float(value):,.{digits}f}"

    def share(self, value: Any, digits: int = 1) -> str:
        """Write a share as per cent."""
        return UNKNOWN if _is_missing(value) else f"{float(value):.{digits}%}"

    def points(self, value: Any) -> str:
        """Write a change of a share as percentage points."""
        return UNKNOWN if _is_missing(value) else self("points", n=f"{100 * float(value):+.1f}")

    def rise(self, value: Any) -> str:
        """Write a change of a share in points, with its sign and without the word."""
        return UNKNOWN if _is_missing(value) else f"{100 * float(value):+.1f}"

    def signed(self, value: Any, digits: int = 0) -> str:
        """Write a change with its sign."""
        return UNKNOWN if _is_missing(value) else f"{float(value):+,.{digits}f}"

    def change(self, value: Any, digits: int = 0) -> str:
        """Write a relative change as per cent with its sign."""
        return UNKNOWN if _is_missing(value) else f"{float(value):+.{digits}%}"

    def short(self, value: float) -> str:
        """Write a large number in few signs, as an axis has it."""
        for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
            if abs(value) >= size:
                return f"{value / size:,.3g}{sign}"
        return f"{value:,.3g}"

    def task(self, name: str) -> str:
        """Return what a model is about, by its task or, of an uplift, by its goal."""
        kind, _dot, goal = name.partition(".")
        return self("task.uplift", goal=self.of("goal", goal)) if kind == "uplift" and goal else self.of("task", name)

    def money(self, value: Any) -> str:
        """Write an amount in the shop's currency, rounded as people say it."""
        if _is_missing(value):
            return UNKNOWN
        amount = float(value)
        return f"{amount:,.0f} {self.currency}" if abs(amount) >= 100 else f"{amount:,.2f} {self.currency}"

    def interval(self, value: Any, write: str = "number", **how: Any) -> str:
        """Write the bounds of ``{"value", "low", "high"}``; nothing where there are none."""
        if not isinstance(value, Mapping) or _is_missing(value.get("low")):
            return ""
        one = getattr(self, write)
        return self("interval", low=one(value["low"], **how), high=one(value["high"], **how))

    def day(self, value: Any) -> str:
        """Write an instant (UTC) as a day of the shop's own."""
        return UNKNOWN if _is_missing(value) else f"{self._local(value):%Y-%m-%d}"

    def moment(self, value: Any) -> str:
        """Write an instant (UTC) as the shop's clock shows it, with its offset."""
        return UNKNOWN if _is_missing(value) else f"{self._local(value):%Y-%m-%d %H:%M %z}".replace("+0000", "UTC")

    def _local(self, value: Any) -> datetime | date:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(self.zone)


def number_in(value: Any) -> Any:
    """Return the number of ``{"value", "low", "high"}``, and anything else as it is."""
    return value.get("value") if isinstance(value, Mapping) else value


def _is_missing(value: Any) -> bool:
    return value is None or value != value  # NaN alone differs from itself


@cache
def core_texts(language: str) -> CoreTexts:
    """Return what says the core's sentences in a language."""
    return CoreTexts(language, catalogue(language), partial(signal_words, catalogue(language)))


def signal_words(texts: Mapping[str, str], name: str) -> str:
    """Return what a signal says of a customer in CRM words, of a catalogue; a shop's own signal by its name.

    Examples
    --------
    >>> signal_words(catalogue("en"), "n_orders_90d"), signal_words(catalogue("en"), "n_opened_email_30d")
    ('Orders in 90 days', 'Messages opened by E-mail in 30 days')
    """
    if (key := f"signal.{name}") in texts:
        return texts[key]
    if name.startswith("in_"):
        return texts["in_crowd"].format(name=texts.get(f"crowd.{name[3:]}", name[3:].replace("_", " ")))
    found = WINDOW.fullmatch(name)
    if found and (key := f"signal.{found[1]}_d") in texts:
        return texts[key].format(days=found[2])
    if found and (through := THROUGH.fullmatch(found[1])):
        channel = texts.get(f"channel.{through[2]}", through[2].replace("_", " "))
        return texts[f"signal.{through[1]}_by_d"].format(channel=channel, days=found[2])
    return name.replace("_", " ")
