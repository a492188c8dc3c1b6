"""How much is tried: a few examples, always the same, in `make test`; new ones for FUZZ_MINUTES in `make fuzz`."""

from __future__ import annotations

import os
from collections.abc import Callable
from time import monotonic
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

MINUTES = float(os.environ.get("FUZZ_MINUTES", "0"))  # for each test
PHASES = (Phase.generate, Phase.shrink)


def try_out(check: Callable[..., None], n_examples: int, **values: SearchStrategy[Any]) -> None:
    """Hold a check against examples; with time to spend, again and again against so many others."""
    tried = settings(
        max_examples=n_examples,
        derandomize=not MINUTES,
        database=None,
        deadline=None,
        phases=PHASES,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )(given(**values)(check))
    end = monotonic() + MINUTES * 60
    tried()
    while monotonic() < end:
        tried()
