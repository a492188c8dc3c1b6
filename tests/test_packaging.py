"""The wheel holds all that the package needs: in an environment that has no checkout it trains and scores."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINKED = ("features", "models", "training", "serving")


def test_the_wheel_is_made_of_what_is_here() -> None:
    assert PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["penchant"]
    for name in LINKED:
        assert (ROOT / "penchant" / name).resolve() == ROOT / name


def test_all_extras_are_in_all() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    (every,) = extras["all"]
    assert every == f"penchant[{','.join(sorted(set(extras) - {'all'}))}]"


def test_the_conda_recipe_asks_for_what_the_package_asks_for() -> None:
    recipe = yaml.safe_load((ROOT / "recipes" / "conda" / "meta.yaml").read_text(encoding="utf-8"))
    project = PROJECT["project"]
    there = {"python-duckdb": "duckdb", "ibis-duckdb": "ibis-framework[duckdb]", "matplotlib-base": "matplotlib"}
    python, *wanted = (one.partition(" ")[::2] for one in recipe["requirements"]["run"])
    assert python == ("python", project["requires-python"])
    assert sorted(there.get(name, name) + bound for name, bound in wanted) == sorted(project["dependencies"])
    assert recipe["package"] == {"name": project["name"], "version": project["version"]}
    assert recipe["build"]["entry_points"] == [f"penchant = {project['scripts']['penchant']}"]


def built_wheel(folder: Path) -> Path:
    """Build the wheel as `pip install` does; skip where its build tool cannot be had."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode and ("hatchling" in done.stderr or "No matching distribution" in done.stderr):
        assert os.environ.get("CI", "").lower() != "true", done.stderr
        pytest.skip("hatchling cannot be had here")
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


def own_orders() -> pd.DataFrame:
    """Return who, when and how much of 1,200 customers, some of whom have left."""
    rng = np.random.default_rng(5)
    rows = []
    for number in range(1_200):
        day, gap, leaves = rng.uniform(0, 300), rng.gamma(3, 15), rng.exponential(400)
        first = day
        while day < 700 and day - first <= leaves:
            at = pd.Timestamp("2023-01-01") + pd.Timedelta(days=round(day, 3))
            rows.append((f"K{number:05d}", at, rng.gamma(3, 12)))
            day += rng.exponential(gap) + 1
    return pd.DataFrame(rows, columns=["customer", "ordered", "amount"]).round({"amount": 2})


@pytest.mark.slow
def test_a_wheel_in_a_clean_environment_trains_and_scores(tmp_path: Path) -> None:
    wheel = built_wheel(tmp_path / "dist")
    held = zipfile.ZipFile(wheel).namelist()
    for name in ("penchant/page.css", "penchant/serving/web/words/zh.json", "penchant/features/proposal/words.toml"):
        assert name in held
    assert not [name for name in held if name.startswith(("tests/", "docs/", "features/"))]
    place = tmp_path / "clean"
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    (packages,) = (place / "lib").glob("python*/site-packages")
    zipfile.ZipFile(wheel).extractall(packages)
    (library,) = {path for path in sys.path if path.endswith("site-packages") and Path(path, "duckdb").is_dir()}
    (packages / "libraries.pth").write_text(f"{library}\n")  # the libraries, but not the checkout that they link to

    work = tmp_path / "work"
    work.mkdir()
    own_orders().to_csv(work / "orders.csv", index=False)

    def penchant(*words: str) -> str:
        start = "from penchant.cli import main; main()"
        clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        done = subprocess.run(
            [str(python), "-c", start, *words], cwd=work, env=clean, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    penchant("init", ".", "--yes")
    assert '"auc"' in penchant("train", "churn", "--json")
    assert "customers:" in penchant("score", "--no-reasons")
    where = subprocess.run(
        [str(python), "-c", "import penchant; print(penchant.__file__)"],
        cwd=work,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert str(place) in where
