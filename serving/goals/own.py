"""The goals that a shop's own modules list."""

from __future__ import annotations

from penchant.config import Config

from .catalogue import Goal


def own_goals(config: Config) -> tuple[Goal, ...]:
    """Return the goals that the modules in the configuration list as GOALS."""
    if not config.modules:
        return ()
    from ...features.own_modules import own_values  # it imports every signal, and Ibis with them

    return own_values(config, "GOALS", Goal)
