"""Run a piece of work again and again, killed one step later each time, until it comes through.

``python killed.py WORK FOLDER [STRIDE]``: forks a child for each step, or for one in so many; writes how many there
were, as JSON. A step is an operation on files that Python sees, or a statement sent to a database.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from penchant.output import replaced_folder
from penchant.serving.audience.draw import draw_audience
from penchant.serving.audience.exclusions import Wave
from penchant.serving.audience.files import write_audience
from penchant.serving.audience.settings import AudienceSettings
from penchant.serving.export import database as export_database
from penchant.serving.export.files import Destination, export_audience
from penchant.serving.goals.catalogue import GOALS
from penchant.serving.score import run as scoring

sys.path.insert(0, str(Path(__file__).parent))
import small_shop

STEPS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree", "ctypes.dlsym", "os.scandir")
PEOPLE = pd.DataFrame(
    {
        "customer_id": [f"c{i}" for i in range(60)],
        "stage": "loyal",
        "consent_email": True,
        "margin": 20.0,
        "propensity": 0.1,
    }
)


DRAWN = [
    draw_audience(PEOPLE, None, GOALS["retain"], AudienceSettings(Wave("spring", 1, datetime(2025, 3, 1), seed)))
    for seed in (0, 1)
]


def audience(folder: Path, seed: int, name: str = "out") -> None:
    write_audience(DRAWN[seed], folder / name, {})


def made_before(folder: Path, seed: int) -> None:
    audience(folder, seed, f"list{seed}")


def parquet(folder: Path, seed: int) -> None:
    export_audience(folder / f"list{seed}", Destination(address=str(folder / "out" / "sent.parquet")))


def table(folder: Path, seed: int) -> None:
    to = Destination(address=f"duckdb://{folder / 'out' / 'base.duckdb'}", table="sent")
    export_audience(folder / f"list{seed}", to, "assignments", replace=True)


def score(folder: Path, seed: int) -> None:
    """Score a small shop with two models, as the command does; the seed says which."""
    names = ("churn", "repurchase") if seed else ("churn", "conversion")
    scoring.BATCH = 128
    manifest: dict[str, Any] = {"step": "score"}
    with small_shop.shop() as shop, replaced_folder(folder / "out" / "scores", manifest) as place:
        models = small_shop.champions({name: folder / "models" / name for name in names})
        with scoring.work_folder(folder / "out" / "scores", f"key{seed}") as work:
            found = scoring.score(shop, models, small_shop.AS_OF, place, work)
        manifest |= found.as_dict()


def models_before(folder: Path, _seed: int) -> None:
    with small_shop.shop() as shop:
        small_shop.write_champions(shop, folder / "models")


def files(folder: Path) -> str:
    place = folder / "out"
    found = sorted(path for path in place.rglob("*") if path.is_file())
    paths = [path for path in found if not any(part[0] == "." for part in path.relative_to(place).parts)]
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in paths)).hexdigest()


def rows(folder: Path) -> str:
    with duckdb.connect(str(folder / "out" / "base.duckdb")) as con:
        return hashlib.sha256(str(con.sql("select * from sent order by customer_id").fetchall()).encode()).hexdigest()


WORK: dict[str, tuple[Callable[[Path, int], None], Callable[[Path], str]]] = {
    "audience": (audience, files),
    "parquet": (parquet, files),
    "table": (table, rows),
    "score": (score, files),
}


def kill_at(step: int, folder: Path) -> None:
    """Kill this process at a step of its work."""
    seen = 0

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_event(name: str, values: tuple[Any, ...]) -> None:
        if name in STEPS and (name.startswith("ctypes") or str(folder) in str(values[0])):
            count()

    def counted(method: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*values: Any) -> Any:
            count()
            return method(*values)

        return counting

    for name in ("run", "number", "load"):
        setattr(export_database._Base, name, counted(getattr(export_database._Base, name)))
    sys.addaudithook(on_event)


def in_child(work: Callable[[Path, int], None], folder: Path, seed: int, step: int) -> bool:
    """Do the work in a child that is killed at a step (0: never); return whether it came through."""
    child = os.fork()
    if not child:
        if step:
            kill_at(step, folder)
        work(folder, seed)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return not os.WIFSIGNALED(status)


def main(name: str, folder: Path, stride: int = 1) -> None:
    work, state = WORK[name]
    for seed in (0, 1):
        in_child(models_before if name == "score" else made_before, folder, seed, 0)
    (folder / "out").mkdir()
    in_child(work, folder, 1, 0)
    new = state(folder)
    in_child(work, folder, 0, 0)
    former, step, kept = state(folder), 1, 0
    while not in_child(work, folder, 1, step):
        now = state(folder)
        assert now in (former, new), f"neither the former nor the new result after step {step}"
        kept += now == former
        step += stride
    assert state(folder) == new, "not the same bytes again"
    left = [path.name for path in (*folder.iterdir(), *(folder / "out").iterdir()) if path.name[0] == "."]
    assert not left, left
    sys.stdout.write(json.dumps({"steps": (step - 1) // stride, "kept": kept, "differ": former != new}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int((sys.argv[3:] or ["1"])[0]))
