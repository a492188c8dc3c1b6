"""What a focus crowd is: a rule over the past, with a name and a meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..history.past import Past


@dataclass(frozen=True)
class Crowd:
    """A crowd by rule.

    Parameters
    ----------
    name
        How it is called; its flag is ``in_<name>``.
    meaning
        Who is in it, as a phrase.
    holds
        From the past, whether a spine row's customer is in it: a boolean expression, never null.
    needs
        Tables and columns that the shop must have, as in `Signal`.
    population
        Whether it depends on other customers by definition.
    kinds
        Kinds of interactions of which the shop must record at least one; empty: whatever it records.
    """

    name: str
    meaning: str
    holds: Callable[[Past], Any]
    needs: tuple[str, ...]
    population: bool = False
    kinds: tuple[str, ...] = ()
