"""Dependencies point one way: the floor, features | models, training | serving, the shell."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOOR = {"errors", "section", "config", "output", "progress", "temporary", "table_file", "spreadsheet"} | {
    "page",
    "charts",
}
MAY_IMPORT = {
    "features": FLOOR,
    "models": FLOOR,
    "training": FLOOR | {"features", "models"},
    "serving": FLOOR | {"features", "models"},
}
SEES_EVERYTHING = {ROOT / "serving" / "api.py"}


def imported_packages(path: Path) -> set[str]:
    """Return the names below ``penchant`` that a module imports, its own package left out."""
    own = path.relative_to(ROOT).parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = ("penchant", *own[: len(own) - node.level])
            module = ".".join([*base, *filter(None, [node.module])])
            names = [module] if node.module else [f"{module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            named = [f"{node.module}.{alias.name}" for alias in node.names]
            names = named if node.module == "penchant" else [str(node.module)]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("penchant.")}
    return found - {own[0]}


def modules(package: str) -> list[Path]:
    return [path for path in sorted((ROOT / package).rglob("*.py")) if path not in SEES_EVERYTHING]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_only_what_stands_below_them(package: str) -> None:
    wrong = {
        str(path.relative_to(ROOT)): extra
        for path in modules(package)
        if (extra := imported_packages(path) - MAY_IMPORT[package])
    }
    assert not wrong


@pytest.mark.parametrize(("library", "home"), [("mlflow", "models/store/")])
def test_a_library_at_the_edge_is_imported_in_one_room(library: str, home: str) -> None:
    users = {
        str(path.relative_to(ROOT))
        for package in (*MAY_IMPORT, "penchant")
        for path in (ROOT / package).glob("**/*.py")
        if any(
            line.strip().startswith((f"import {library}", f"from {library}"))
            for line in path.read_text(encoding="utf-8").splitlines()
        )
    }
    assert all(user.startswith(home) for user in users)


def test_the_rule_sees_relative_and_absolute_imports(tmp_path: Path) -> None:
    probe = ROOT / "models" / "x.py"
    source = "from ..features.spine import spine\nfrom penchant.training import train\nimport penchant.errors\n"
    tree = {"features", "training", "errors"}
    path = type(
        "Probe", (), {"relative_to": lambda _, root: probe.relative_to(root), "read_text": lambda _, encoding: source}
    )()
    assert imported_packages(path) == tree  # type: ignore[arg-type]
