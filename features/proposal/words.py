"""Edge: the words that names and codes in shops' files are made of, as words.toml lists them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Vocabulary:
    """The words of names and codes.

    Parameters
    ----------
    foreign
        A word of another language, without accents -> the English one.
    links, heads
        Words between others that say nothing; words that stand last in English.
    english
        The words that run-together names are made of.
    chinese
        Signs -> the English word, the longer signs first.
    states
        How words begin that name an order's state, and what it is; the first that fits counts.
    attributes
        What columns of customers say -> patterns of their names.
    answers
        ``yes`` and ``no`` -> the words for it.
    channels
        A channel of consent -> the pattern of the words that name it.
    currencies
        ``signs`` and ``names`` -> three letters; ``usual``, the three letters that a column's name may hold.
    control
        Patterns of what those are called who are held out of a campaign.
    statuses, kinds
        A platform's whole name of an order's state, or of what a customer did -> the contract's.
    """

    foreign: Mapping[str, str]
    links: frozenset[str]
    heads: frozenset[str]
    english: frozenset[str]
    chinese: Mapping[str, str]
    states: tuple[tuple[tuple[str, ...], str], ...]
    attributes: Mapping[str, tuple[str, ...]]
    answers: Mapping[str, tuple[str, ...]]
    channels: Mapping[str, str]
    currencies: Mapping[str, Any]
    control: tuple[str, ...]
    statuses: Mapping[str, str]
    kinds: Mapping[str, str]


@cache
def vocabulary() -> Vocabulary:
    """Return the words of words.toml."""
    lists = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
    signs = sorted(lists["chinese"].items(), key=lambda pair: -len(pair[0]))
    return Vocabulary(
        foreign=_by_word(lists["languages"]),
        links=frozenset(lists["grammar"]["links"]),
        heads=frozenset(lists["grammar"]["heads"]),
        english=frozenset(lists["english"]["words"]),
        chinese=dict(signs),
        states=tuple((tuple(state["begins"]), state["means"]) for state in lists["states"]),
        attributes={kind: tuple(patterns) for kind, patterns in lists["attributes"].items()},
        answers={answer: tuple(words) for answer, words in lists["answers"].items()},
        channels=lists["channels"],
        currencies=lists["currencies"],
        control=tuple(lists["arms"]["control"]),
        statuses=_by_word(lists["statuses"]),
        kinds=_by_word(lists["kinds"]),
    )


def english_words() -> frozenset[str]:
    """Return the words that run-together names are made of."""
    return vocabulary().english


def _by_word(lists: Mapping[str, list[str]]) -> dict[str, str]:
    return {word: meaning for meaning, words in lists.items() for word in words}
