"""The wheel holds all that the package needs: in an environment that has no checkout it trains and scores."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from .trained_shop import QUICK

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


def built(kind: str, source: Path, folder: Path) -> Path:
    """Build an archive of a source tree, an sdist or a wheel, without the network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    (archive,) = folder.iterdir()
    return archive


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the wheel of the checkout, and that of the sdist of the checkout."""
    place = tmp_path_factory.mktemp("dist")
    with tarfile.open(built("sdist", ROOT, place / "sdist")) as archive:
        safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # from 3.11.4 on
        archive.extractall(place / "source", **safely)
    (source,) = (place / "source").iterdir()
    return built("wheel", ROOT, place / "direct"), built("wheel", source, place / "again")


def own_orders() -> pd.DataFrame:
    """Return who, when and how much of 400 customers, some of whom have left."""
    rng = np.random.default_rng(5)
    rows = []
    for number in range(400):
        day, gap, leaves = rng.uniform(0, 300), rng.gamma(3, 15), rng.exponential(400)
        first = day
        while day < 700 and day - first <= leaves:
            at = pd.Timestamp("2023-01-01") + pd.Timedelta(days=round(day, 3))
            rows.append((f"K{number:05d}", at, rng.gamma(3, 12)))
            day += rng.exponential(gap) + 1
    return pd.DataFrame(rows, columns=["customer", "ordered", "amount"]).round({"amount": 2})


@pytest.mark.slow
def test_an_sdist_makes_the_same_wheel_as_the_checkout(wheels: tuple[Path, Path]) -> None:
    direct, again = (sorted(zipfile.ZipFile(wheel).namelist()) for wheel in wheels)
    assert direct == again
    for name in LINKED:
        assert [one for one in again if one.startswith(f"penchant/{name}/")], name


@pytest.mark.slow
def test_a_wheel_in_a_clean_environment_trains_and_scores(tmp_path: Path, wheels: tuple[Path, Path]) -> None:
    wheel = wheels[1]
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
    with (work / "penchant.toml").open("a", encoding="utf-8") as config:
        config.write(QUICK)
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
