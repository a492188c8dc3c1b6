"""How long work reports what it is doing, whoever listens: a terminal, a log, or nobody."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

Done = Callable[[int, int], None]  # rows done so far, and rows in all


class Reporter(Protocol):
    """Whoever is told of steps and of their progress."""

    def step(self, what: str) -> AbstractContextManager[None]:
        """Report a step while its body runs."""

    def progress(self, what: str) -> AbstractContextManager[Done]:
        """Report a long step, and give what reports how far it is."""

    def note(self, text: str) -> None:
        """Report something that is worth knowing."""
