"""Sentences of the core in the reader's language: verdicts, reasons, checks, findings, notes.

The core and the API say them in English. ``words/core.LANGUAGE.json`` holds English template -> text, as catalogues of
gettext do: what stands at ``{name}`` is read out of the sentence, is translated in turn, or by the page's catalogue
where ``name`` is one of its kinds (``{stage}``). A test holds the templates against what the core can say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from ...features.signals.group import counted

FOLDER = Path(__file__).parent / "words"
NUMBERS = frozenset(("n", "x", "y", "z", "d", "days"))  # places that hold a number, a share or a p-value
QUOTED = "[^']+"
NUMBER = r"[-−+]?[\d.,]+(?:e[-+]?\d+)?(?: ?%)?|nan|None"
PLACE = re.compile(r"{(\w+)}")
SPANS = re.compile(r"(?<=[\d%]) to (?=[-−+\d])")
SEPARATORS = (". ", "; ", " and ", ", ")  # a sentence is looked for first, then its parts
MOST_KNOWN = 8_192


@dataclass(frozen=True)
class Template:
    """A sentence of the core and its translation.

    Parameters
    ----------
    pattern
        Matches the whole sentence, each place as a group.
    sign
        The longest text between two places: a sentence without it cannot be this one.
    text
        The translation.
    n_letters
        Of all that is not a place: of two templates that match, the one with more says more.
    given
        Place -> value, where the sentence has it as a word ("no purchases" is 0 of them).
    """

    pattern: re.Pattern[str]
    sign: str
    text: str
    n_letters: int
    given: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, source: str, text: str, given: tuple[tuple[str, str], ...] = ()) -> Template:
        """Return a template as the catalogue has it."""
        parts = PLACE.split(source)
        pattern = "".join(
            _group(part, is_quoted=parts[n - 1].endswith("'")) if n % 2 else re.escape(part)
            for n, part in enumerate(parts)
        )
        return cls(re.compile(pattern, re.DOTALL), max(parts[::2], key=len), text, sum(map(len, parts[::2])), given)


def _group(name: str, *, is_quoted: bool) -> str:
    return f"(?P<{name}>{NUMBER if name in NUMBERS else QUOTED if is_quoted else '.+?'})"


@cache
def core_catalogue(language: str) -> Mapping[str, str]:
    """Return template -> text of a language; of the core's own, what it says by names of columns."""
    path = FOLDER / f"core.{language}.json"
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def _variants(source: str, text: str) -> Iterator[Template]:
    """Yield a template, and what it is of none and of one: "no purchases", "1 purchase"."""
    yield Template.of(source, text)
    for place in ("n", "days"):  # as people say it of one
        if f"{{{place}}} days" in source:
            yield Template.of(source.replace(f"{{{place}}} days", "1 day"), text, ((place, "1"),))
    first, _place, rest = source.partition("}")
    if first.startswith("{") and rest.startswith(" ") and not rest.startswith(" of "):
        for number in ("0", "1"):
            yield Template.of(counted(number + rest), text, ((first[1:], number),))


@cache
def _templates(language: str) -> tuple[Template, ...]:
    found = [one for source, text in core_catalogue(language).items() for one in _variants(source, text)]
    return tuple(sorted(found, key=lambda one: -one.n_letters))


class CoreTexts:
    """Translates the core's sentences into a language.

    Parameters
    ----------
    language
        The reader's.
    words
        The page's catalogue in that language: ``kind.name`` -> word.
    signal
        What it calls a signal.
    """

    def __init__(self, language: str, words: Mapping[str, str], signal: Callable[[str], str]) -> None:
        self.language, self._words, self._signal = language, words, signal
        self.translated = lru_cache(maxsize=MOST_KNOWN)(self._translated)

    def _translated(self, text: str) -> str:
        """Return a text, each of its sentences translated; one that is not known stays as it is."""
        if not core_catalogue(self.language):
            return text
        found = None if ". " in text else self._whole(text.strip().removesuffix("."))
        if found is not None:
            return SPANS.sub(self._sign(" to "), found) + (self._sign(".") if text.endswith(".") else "")
        for separator in SEPARATORS:
            parts = [part for part in text.split(separator) if part]
            told = [self.translated(part) for part in parts] if len(parts) > 1 else parts
            if told != parts:
                return self._sign(separator).join(told)
        return text

    def _sign(self, sign: str) -> str:
        """Return what stands between parts, as the language writes it."""
        return core_catalogue(self.language).get(f"sign.{sign}", sign)

    def _whole(self, text: str) -> str | None:
        """Return the translation of a whole sentence by the template that says most; None: there is none."""
        for one in _templates(self.language):
            if one.sign in text and (found := one.pattern.fullmatch(text)):
                values = {**dict(one.given), **found.groupdict()}
                return PLACE.sub(lambda place, v=values: self._value(place[1], v[place[1]]), one.text)  # type: ignore[misc]
        return None

    def _value(self, kind: str, value: str) -> str:
        """Return what stands at a place: the word of its kind, of each of several, else the sentence that it is."""
        words = [self._word(kind, part) for part in value.split(" or ")]
        known = [word for word in words if word is not None]
        return self._sign(" or ").join(known) if len(known) == len(words) else self.translated(value)

    def _word(self, kind: str, value: str) -> str | None:
        if kind == "signal":
            return self._signal(value)
        plain = value.replace(" ", "_").lower()
        found = (
            words.get(key)
            for key in (f"{kind}.{value}", f"{kind}.{plain}")
            for words in (self._words, core_catalogue(self.language))
        )
        return next((word for word in found if word is not None), None)
