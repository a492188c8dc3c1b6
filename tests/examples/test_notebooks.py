"""Every notebook of the examples runs from its first cell to its last, and shows its results as tables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(set((ROOT / "examples").glob("*.ipynb")) - {ROOT / "examples" / "recipes.ipynb"})  # test_recipes


def executed(path: Path, folder: Path) -> Any:
    book = nbformat.read(path, as_version=4)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    client = nbclient.NotebookClient(book, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}})
    return client.execute()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    book = executed(path, tmp_path)
    shown = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    tables = [one for one in shown if "<table" in str(one.get("data", {}).get("text/html", ""))]
    assert tables, f"{path.name} shows no table"
    assert not [one for one in shown if one.output_type == "error"]
    assert not [one for one in shown if one.get("name") == "stderr"], "a cell warns"


def test_they_are_stored_without_results() -> None:
    assert len(NOTEBOOKS) >= 3
    for path in NOTEBOOKS:
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        assert not [cell for cell in cells if cell.outputs or cell.execution_count], path.name
