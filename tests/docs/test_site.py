"""The site: every page has its place, every link leads somewhere, nothing is loaded from elsewhere, commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from penchant import errors, models
from penchant.cli import app, hoist
from penchant.config import Config
from penchant.features.catalogue import TASKS
from penchant.models.evaluation.metrics import evaluate
from penchant.reference.api import api_page
from penchant.reference.catalogues import WHO
from penchant.reference.configuration import BELOW, configuration_page
from penchant.reference.errors import errors_page
from penchant.reference.metrics import SECTIONS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"^ *(penchant [^\n#]+)", re.MULTILINE)
BLOCK = re.compile(r"^```(?:\w+)[^\n]*\n(.*?)^```|(?<=\n\n)((?:    [^\n]*\n)+)", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Return the commands that a page shows, each once."""
    blocks = "\n".join("".join(part) for part in BLOCK.findall(page.read_text(encoding="utf-8")))
    return list(dict.fromkeys(line.strip().rstrip(".") for line in COMMAND.findall(blocks)))


SHOWN = [(page.relative_to(ROOT).as_posix(), line) for page in PAGES for line in commands(page)]


@pytest.mark.parametrize(("page", "line"), SHOWN)
def test_every_command_that_a_page_shows_is_understood(page: str, line: str) -> None:
    words = hoist(shlex.split(line.replace("...", ""))[1:])
    command: Any = typer.main.get_command(app)
    context = None
    while hasattr(command, "get_command"):
        context = command.make_context("penchant", list(words), parent=context)
        words = [*getattr(context, "_protected_args", ()), *context.args]
        assert words, f"{page}: no command in '{line}'"
        found = command.get_command(context, words[0])
        assert found is not None, f"{page}: '{line}' is no command"
        command, words = found, words[1:]
    command.make_context(command.name, list(words), parent=context)


def test_pages_are_shown() -> None:
    assert len(SHOWN) > 40
    assert {"README.md", "docs/start/demo.md"} <= {page for page, _ in SHOWN}


def test_the_site_builds_with_every_link_and_loads_nothing_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mkdocs")
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    html = list((tmp_path / "site").rglob("*.html"))
    design = (tmp_path / "site" / "design.html").read_text(encoding="utf-8")
    assert '<div class="flowchart" tabindex="0"><svg role="img"' in design  # and not the text that it is drawn from
    assert "flowchart TB" not in design
    assert len(html) > 35
    for page in html:
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r'<(?:script|img|iframe)[^>]+src="?(?:https?:)?//[^"\s>]+', text), page.name
        assert not re.findall(r'<link[^>]+(?:stylesheet|preload|preconnect)[^>]+href="?(?:https?:)?//', text), page.name
    for style in (tmp_path / "site").rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//", style.read_text(encoding="utf-8")), style.name


def test_every_key_of_the_configuration_says_what_it_means() -> None:
    page = configuration_page()
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \| (.*) \|$", page, flags=re.MULTILINE)
    assert {name for name, _, _, meaning in rows if not meaning.strip()} == set()
    for section in (*Config.model_fields, *(title for below in BELOW.values() for title, _ in below)):
        assert f"[{section}" in page or f"| `{section}` |" in page, section


def test_every_task_says_for_whom_it_is() -> None:
    assert set(WHO) == {task.name for task in TASKS}


def test_every_metric_of_an_evaluation_has_its_formula() -> None:
    binary = evaluate([0, 1, 0, 1], [0.1, 0.4, 0.5, 0.9], amount=[0, 1, 0, 3], n_draws=2)
    amounts = evaluate([0, 1, 0, 3], [0.1, 0.4, 0.5, 0.9], kind="value", n_draws=2)
    probabilities, values, *_ = ({metric.name for metric in metrics} for metrics in SECTIONS.values())
    assert probabilities == set(binary)
    assert values == set(amounts)


def test_every_public_name_and_error_stands_in_the_reference() -> None:
    page, told = api_page(), errors_page()
    assert all(f"### {name}\n" in page for name in models.__all__)
    kinds = [kind.__name__ for kind in errors.PenchantError.__subclasses__() if kind.__module__ == errors.__name__]
    assert all(f"| `{name}` |" in told for name in kinds)
