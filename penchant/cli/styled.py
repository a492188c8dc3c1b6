"""A terminal that knows the shell's own styles and takes every other bracket for what it is."""

from __future__ import annotations

import re
from typing import Any

from rich.console import Console
from rich.text import Text

STYLES = {"bold", "dim", "red", "green", "yellow", "cyan", "/"}
TAG = re.compile(r"(\\*)\[([a-z#/@][^[]*?)\]")  # what rich takes for a style, after backslashes that forbid it


class StyledConsole(Console):
    """rich's console, which would swallow the name of a section such as ``[protection]`` as an unknown style."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text in which only the shell's own styles are styles."""
        return super().render_str(with_brackets(text), **options)


def with_brackets(text: str) -> str:
    r"""Return markup in which what is none of the shell's styles is shown as it stands.

    Examples
    --------
    >>> print(with_brackets("[bold]Lower[/] [gate] min_auc"))
    [bold]Lower[/] \[gate] min_auc
    >>> print(with_brackets("[bold green]worked[/]"))
    [bold green]worked[/]
    """
    return TAG.sub(lambda found: found[0] if len(found[1]) % 2 or _is_style(found[2]) else f"\\{found[0]}", text)


def _is_style(tag: str) -> bool:
    """Say whether a tag is one of the shell's styles, or several of them: ``bold green``."""
    return set(tag.split(" ")) <= STYLES
