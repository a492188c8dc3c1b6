"""The house as the code draws it: rooms in order, no circles of files, one name for one thing, nothing too long."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("features", "models", "training", "serving", "penchant")
SHELL = {"cli", "docs", "reference", "simulate"}
FLOOR = {
    "errors",
    "lazy",
    "section",
    "config",
    "config_serving",
    "crowds_file",
    "output",
    "progress",
    "temporary",
    "table_file",
    "spreadsheet",
    "page",
    "overview",
    "charts",
}
MAY_IMPORT = {
    "features": FLOOR,
    "models": FLOOR,
    "training": FLOOR | {"features", "models"},
    "serving": FLOOR | {"features", "models"},
}
# From the ground up: a room imports from those on the steps below its own, and from its own.
ROOMS = {
    "features": (
        {"contract", "engine", "own_modules"},
        {"derived"},
        {"intake"},
        {"shop", "proposal"},
        {"workspace"},
        {"spine", "moments"},
        {"history"},
        {"criterion"},
        {"signals"},
        {"goods", "outcomes"},
        {"catalogue"},
        {"matrix"},
        {"condition", "changed_shops"},
        {"criteria", "prove"},
    ),
    "models": (
        {"plain_inputs"},
        {"plain_parts"},
        {"plain_reasons"},
        {"plain_scorer", "pickled_scorer", "trust"},
        {"inputs"},
        {"baselines"},
        {"estimators"},
        {"store", "explain"},
        {"uplift"},
        {"evaluation"},
        {"decisions"},
    ),
    "training": (
        {"dataset", "evaluate"},
        {"splits"},
        {"material", "trained"},
        {"baselines", "comparable", "rows_file", "uplift"},
        {"checks", "own"},
        {"fit", "versions"},
        {"train"},
        {"card", "report", "search"},
        {"story"},
        {"record"},
    ),
    "serving": (
        {"worth"},
        {"goals", "insight"},
        {"candidates", "measure"},
        {"score"},
        {"audience", "monitor"},
        {"plan", "export"},
        {"results"},
        {"web"},
    ),
}
# Take long to import, are extras, or are not on every system: imported where they are needed.
HEAVY = {"duckdb", "ibis", "jinja2", "markupsafe", "mlflow", "narwhals", "pandas", "pyarrow", "pyspark", "sklearn"}
HEAVY |= {"sqlalchemy", "uvicorn", "fcntl", "msvcrt"}
MOST_LINES_OF_A_FILE, MOST_LINES_OF_A_FUNCTION, MOST_PARAMETERS = 400, 40, 8


def files(*packages: str) -> Iterator[Path]:
    """Yield the source files of packages, once each: ``penchant/features`` is a link to ``features``."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).parts
            if not (package == "penchant" and parts[1] in PACKAGES):
                yield path


def module_of(path: Path) -> tuple[str, ...]:
    """Return the dotted name under which a file is imported, as its parts."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "penchant" else ("penchant", *parts)
    return parts[:-1] if parts[-1] == "__init__" else parts


MODULES = {module_of(path): path for path in files(*PACKAGES)}


def imported_by(source: str, package: tuple[str, ...], *, at_start: bool = False) -> set[tuple[str, ...]]:
    """Return the modules of penchant that a source imports, from whatever depth; ``at_start`` leaves lazy ones out."""
    found: set[tuple[str, ...]] = set()
    tree = ast.parse(source)
    for node in tree.body if at_start else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            for alias in node.names:
                found.add((*base, alias.name) if (*base, alias.name) in MODULES else base)
    return {name for name in found if name[0] == "penchant"}


def imports_of(path: Path, *, at_start: bool = False) -> set[tuple[str, ...]]:
    """Return the modules of penchant that a file imports."""
    name = module_of(path)
    package = name if path.name == "__init__.py" else name[:-1]
    return imported_by(path.read_text(encoding="utf-8"), package, at_start=at_start) - {name}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_only_what_stands_below_them(package: str) -> None:
    wrong = {
        str(path.relative_to(ROOT)): extra
        for path in files(package)
        if (extra := {name[1] for name in imports_of(path) if len(name) > 1} - MAY_IMPORT[package] - {package})
    }
    assert not wrong


@pytest.mark.parametrize("package", ROOMS)
def test_rooms_import_only_from_their_own_step_and_those_below(package: str) -> None:
    step = {room: number for number, rooms in enumerate(ROOMS[package]) for room in rooms}
    wrong = []
    for path in files(package):
        name = module_of(path)
        if len(name) < 3:
            continue
        for other in imports_of(path):
            if len(other) > 2 and other[1] == package and other[2] != name[2] and step[other[2]] >= step[name[2]]:
                wrong.append(f"{'.'.join(name[1:])} -> {'.'.join(other[1:])}")
    assert not wrong


def test_every_room_has_its_place_and_says_what_it_is_for() -> None:
    for package, steps in ROOMS.items():
        rooms = {path.name for path in (ROOT / package).iterdir() if (path / "__init__.py").is_file()}
        files_there = {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__"}
        assert rooms | files_there <= set().union(*steps)
        for room in rooms:
            tree = ast.parse((ROOT / package / room / "__init__.py").read_text(encoding="utf-8"))
            assert ast.get_docstring(tree), f"{package}/{room} does not say what it is for"


def test_no_two_files_import_each_other() -> None:
    arrows = {name: {other for other in imports_of(path) if other in MODULES} for name, path in MODULES.items()}
    for name, path in MODULES.items():  # a package's face hands names on: whoever imports it takes nothing of it back
        if path.name == "__init__.py":
            arrows[name] = set()
    circles = {frozenset((a, b)) for a, others in arrows.items() for b in others if a in _reached(arrows, b)}
    assert not sorted(sorted(".".join(name) for name in circle) for circle in circles)


def _reached(arrows: dict[tuple[str, ...], set[tuple[str, ...]]], start: tuple[str, ...]) -> set[tuple[str, ...]]:
    seen, ahead = set(), [start]
    while ahead:
        for other in arrows[ahead.pop()] - seen:
            seen.add(other)
            ahead.append(other)
    return seen


@pytest.mark.parametrize(("library", "home"), [("mlflow", "models/store/")])
def test_a_library_at_the_edge_is_imported_in_one_room(library: str, home: str) -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in files(*PACKAGES)
        if any(
            line.strip().startswith((f"import {library}", f"from {library}"))
            for line in path.read_text(encoding="utf-8").splitlines()
        )
    }
    assert all(user.startswith(home) for user in users), users


def test_an_import_inside_a_function_is_of_what_is_heavy_or_says_why() -> None:
    wrong = []
    for path in files(*PACKAGES):
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        for function in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom) and " # " not in lines[node.lineno - 1]:
                    name = (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
                    if getattr(node, "level", 0) or name.partition(".")[0] not in HEAVY:
                        wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not wrong


def test_no_two_public_classes_or_functions_share_a_name() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path in files(*PACKAGES):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                homes[node.name].append(str(path.relative_to(ROOT)))
    allowed = {"main"}  # what a program starts with
    assert {name: there for name, there in homes.items() if len(there) > 1 and name not in allowed} == {}


def test_files_and_functions_stay_short() -> None:
    wrong = []
    for path in files(*PACKAGES):
        text = path.read_text(encoding="utf-8")
        if (lines := text.count("\n")) > MOST_LINES_OF_A_FILE:
            wrong.append(f"{path.relative_to(ROOT)} has {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                length = body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]
                if length > MOST_LINES_OF_A_FUNCTION:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.name} takes {length} lines")
                count = len(node.args.args) + len(node.args.kwonlyargs) - (node.name == "__init__")
                if count > MOST_PARAMETERS:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.name} has {count} parameters")
    assert not wrong


def test_the_rule_sees_relative_and_absolute_imports() -> None:
    source = "from ..features.spine import spine\nfrom penchant.training import train\nimport penchant.errors\n"
    found = imported_by(source, ("penchant", "models"))
    assert {name[1] for name in found} == {"features", "training", "errors"}
