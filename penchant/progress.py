"""How long work reports what it is doing, whoever listens: a terminal, a log, or nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Protocol

Done = Callable[[int, int], None]  # rows done so far, and rows in all
_WATCHER: ContextVar[Done | None] = ContextVar("watcher", default=None)


@contextmanager
def watching(done: Done) -> Iterator[None]:
    """Have the engine report statements while the body runs: how many of a program are done, and how many it has."""
    token = _WATCHER.set(done)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def report_statements(n_done: int, n_all: int) -> None:
    """Report that some of a program's statements are done, to whoever watches.

    Examples
    --------
    >>> with watching(lambda n_done, n_all: print(f"{n_done} of {n_all}")):
    ...     report_statements(3, 40)
    3 of 40
    """
    if watcher := _WATCHER.get():
        watcher(n_done, n_all)


class Reporter(Protocol):
    """Whoever is told of steps and of their progress."""

    def step(self, what: str) -> AbstractContextManager[None]:
        """Report a step while its body runs."""

    def progress(self, what: str) -> AbstractContextManager[Done]:
        """Report a long step, and give what reports how far it is."""

    def note(self, text: str) -> None:
        """Report something that is worth knowing."""
