"""What the page Models shows, made ready by a job: versions, their model cards and charts, out of MLflow's store."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile
from typing import Any

from penchant.output import read_json, write_json

from ...models.store.address import Store
from ...models.store.in_use import models_in_use
from ...models.store.records import Registered
from ...models.store.registry import Registry

MODELS_FILE, PICTURES = "models.json", "pictures"
SHOWN = ("calibration.png", "gains.png", "importance.png", "qini.png", "profit.png")
MOST_VERSIONS = 5  # of a model; those with an alias always
CARD = "model_card.json"


def write_models(store: Store | Path, shop: str, place: Path) -> int:
    """Write the versions of a shop's models with their cards, and copy their charts; return how many.

    Parameters
    ----------
    store
        MLflow's.
    shop
        The shop's name, which its models' names begin with.
    place
        The folder of what is ready.
    """
    if models_in_use(store) is None:
        return 0
    registry = Registry(store)
    names = [name for name in registry.names() if name.startswith(f"{shop}.")]
    found = [_version(registry, one, place) for name in names for one in _latest(registry.versions(name))]
    write_json(place / MODELS_FILE, {"models": found})
    return len(found)


def _latest(versions: list[Registered]) -> list[Registered]:
    return [one for number, one in enumerate(versions) if number < MOST_VERSIONS or one.aliases]


def _version(registry: Registry, one: Registered, place: Path) -> dict[str, Any]:
    folder = registry.artifacts(one)
    pictures = [name for name in SHOWN if (folder / name).is_file()]
    to = place / PICTURES / one.name / str(one.version)
    for name in pictures:
        to.mkdir(parents=True, exist_ok=True)
        copyfile(folder / name, to / name)
    return {
        "name": one.name,
        "version": one.version,
        "run_id": one.run_id,
        "aliases": list(one.aliases),
        "tags": dict(one.tags),
        "card": read_json(folder / CARD) if (folder / CARD).is_file() else None,
        "pictures": pictures,
    }
