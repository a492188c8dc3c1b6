"""The notebook of recipes, executed as a reader would."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "examples" / "recipes.ipynb"


@pytest.mark.slow
def test_the_notebook_trains_compares_and_loads_the_champion(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # results of one machine are not kept
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute(cwd=str(tmp_path))
    told = [
        json.dumps(output.get("data", {}).get("text/plain", ""))
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "execute_result"
    ]
    _, recipes, versions, board, champion = told
    for name in ("defaults", "small trees", "trees alone", "histogram"):
        assert name in recipes
    assert versions.count("notebook.repurchase/") == 4
    assert versions.count("champion") == 1
    assert "logistic" in board
    assert "not separable" in board
    assert "probability" in champion
    assert "reason_1" in champion
