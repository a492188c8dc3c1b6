"""What results say of themselves: a compact table in a terminal, safe HTML in a notebook."""

from __future__ import annotations

import doctest
from types import SimpleNamespace

import pytest

from penchant import overview
from penchant.cli.commands.compare import _place_name
from penchant.overview import WIDTH, Overview


def test_its_examples_run() -> None:
    assert doctest.testmod(overview).failed == 0


def test_no_line_is_longer_than_a_terminal() -> None:
    text = Overview("t" * 300, ["l" * 300], ["name", "n"], [["x" * 300, "1"]]).text()
    assert max(map(len, text.split("\n"))) == WIDTH
    assert text.count("…") == 4


def test_html_escapes_what_a_shop_calls_its_things() -> None:
    html = Overview("<b>shop</b>", ["a < b"], ["<i>"], [["<script>alert(1)</script>"]], "x > y").html()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<b>" not in html
    assert "a &lt; b" in html


@pytest.mark.parametrize(("cells", "side"), [(["1", "−2.5", ""], "right"), (["1", "two"], "left")])
def test_numbers_stand_on_the_right(cells: list[str], side: str) -> None:
    assert f'<th style="text-align: {side}">n' in Overview("", (), ["n"], [[cell] for cell in cells]).html()


def test_a_version_with_both_roles_is_in_use_and_one_without_is_named_alone() -> None:
    def shown(*aliases: str, what: str = "in use") -> str:
        return _place_name(SimpleNamespace(name="version 1", what=what, aliases=aliases))  # type: ignore[arg-type]

    assert shown("challenger", "champion", what="judged") == "version 1*, [bold]in use[/]"
    assert shown("challenger") == "version 1, [bold]on trial[/]"
    assert shown() == "version 1"
