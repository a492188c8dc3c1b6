"""How long work reports what it is doing, whoever listens: a terminal, a log, or nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
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


class Silent:
    """A reporter that reports to nobody."""

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Run the body."""
        yield

    @contextmanager
    def progress(self, what: str) -> Iterator[Done]:
        """Run the body, and give what takes its progress."""
        yield lambda _done, _all: None

    def note(self, text: str) -> None:
        """Drop the text."""
