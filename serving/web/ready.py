"""Read what other steps have written below out/: the only file of the page that knows where results lie."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any

import pyarrow.parquet as pq

from penchant.errors import NotThereError, quoted
from penchant.output import MANIFEST

from ...models.store.address import Store
from ...models.store.champions import FILE
from ..audience.files import audiences_below
from ..score.read import RISK_SCORE, read_manifest
from .crowd_words import CROWD
from .model_files import MODELS_FILE, PICTURES
from .names import CUSTOMERS_FILE, OVERVIEW_FILE, READY, TIMELINE_FILE
from .rows import rows_of
from .settings import WebSettings

FOLDER_NAME = re.compile(r"[\w.@ -]{1,128}")
MOST_EVENTS = 200  # of a customer's time line


class Ready:
    """The results of one shop that are there now.

    Parameters
    ----------
    settings
        Where they lie.
    """

    LASTS = 1.0  # seconds for which a stamp is not looked up again

    def __init__(self, settings: WebSettings) -> None:
        self.settings = settings
        self.folder = settings.folder / READY
        self._stamp, self._stamped_at = "", float("-inf")

    @property
    def stamp(self) -> str:
        """What changes whenever something that the pages show does: an ETag, looked up once a second."""
        if monotonic() - self._stamped_at > self.LASTS:
            self._stamp, self._stamped_at = self._marks(), monotonic()
        return self._stamp

    def _marks(self) -> str:
        paths = [*self._manifests(), *self.settings.shop_file.parent.glob("*.toml"), *self._champions()]
        marks = [f"{path}:{path.stat().st_mtime_ns}" for path in paths if path.is_file()]
        return sha256("\n".join(marks).encode()).hexdigest()[:24]

    def _champions(self) -> list[Path]:
        store = Store.of(self.settings.store)
        return [store.cache / FILE, *((store.database,) if store.database else ())]

    def _manifests(self) -> list[Path]:
        out = self.settings.out
        places = [
            self.folder,
            *self.score_folders(),
            *self._audience_folders(),
            *self._measure_folders(),
            *((out / "monitor").iterdir() if (out / "monitor").is_dir() else ()),
            out / "check",
        ]
        return [place / MANIFEST for place in places]

    def page(self, name: str) -> Mapping[str, Any] | None:
        """Return an insight page as it was prepared; None where the shop cannot have it, or nothing is prepared."""
        return _json(self.folder / f"{name}.json")

    def insights(self, names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Return those of some insights that the shop can have."""
        return {name: page for name in names if (page := self.page(name)) is not None}

    def overview(self) -> Mapping[str, Any] | None:
        """Return the shop's months, moment and what was left out; None before the first preparation."""
        return _json(self.folder / OVERVIEW_FILE)

    def crowd_columns(self) -> list[str]:
        """Return the columns of prepared customers that say who is in a crowd."""
        path = self.folder / CUSTOMERS_FILE
        names = _names(str(path), path.stat().st_mtime_ns) if path.is_file() else ()
        return [name for name in names if name.startswith(CROWD)]

    def score_folders(self) -> list[Path]:
        """Return the folders of scores, latest moment first."""
        root = self.settings.out / "score"
        found = [root, *root.iterdir()] if root.is_dir() else []
        whole = [place for place in found if "tasks" in (read_manifest(place) or {})]
        return sorted(whole, key=lambda place: _moment_of(place), reverse=True)

    def scores(self) -> tuple[Path, Mapping[str, Any]] | None:
        """Return the folder of the latest scores and its manifest; None where nothing was scored yet."""
        for place in self.score_folders():
            return place, read_manifest(place) or {}
        return None

    def risk_list(self) -> Path | None:
        """Return the file of the latest list of customers who are likely to leave; None where there is none."""
        if (latest := self.scores()) is None:
            return None
        folder, _manifest = latest
        for path in sorted(folder.glob("*.parquet")):
            if RISK_SCORE in _names(str(path), path.stat().st_mtime_ns):
                return path
        return None

    def customer(self, customer_id: str) -> Mapping[str, Any]:
        """Return all that is ready about one customer: stage and signals, scores with reasons, time line.

        Raises
        ------
        NotThereError
            If nobody of that id was known.
        """
        signals = rows_of(self.folder / CUSTOMERS_FILE, customer_id)
        scores = self.scores_of(customer_id)
        if not signals and not scores:
            raise NotThereError("customer", "an id that the shop knows", quoted(customer_id), "Ids are case-sensitive")
        events = rows_of(self.folder / TIMELINE_FILE, customer_id)[:MOST_EVENTS]
        return {
            "customer_id": customer_id,
            "signals": signals[0] if signals else {},
            "scores": scores,
            "events": events,
        }

    def scores_of(self, customer_id: str) -> dict[str, dict[str, Any]]:
        """Return champion -> score, decile or rank, and reasons of one customer, from the latest scores."""
        if (latest := self.scores()) is None:
            return {}
        folder, manifest = latest
        found = {}
        for name in manifest["tasks"]:
            if rows := rows_of(folder / f"{name}.parquet", customer_id):
                found[name] = {key: value for key, value in rows[0].items() if key != "customer_id"}
        return found

    def audiences(self) -> list[dict[str, Any]]:
        """Return the waves that were drawn, latest first: campaign, wave, and what their manifests tell."""
        found = []
        for place in self._audience_folders():
            told = (read_manifest(place) or {}).get("audience", {})
            found.append({**told, "campaign": place.parent.name, "wave": place.name})
        return sorted(found, key=lambda one: str(one.get("as_of", "")), reverse=True)

    def _audience_folders(self) -> list[Path]:
        roots = [root for name in ("audience", "plan") if (root := self.settings.out / name).is_dir()]
        return [place for root in roots for place in audiences_below(root) if (place / MANIFEST).is_file()]

    def audience_folder(self, campaign: str, wave: str) -> Path:
        """Return the folder of a wave.

        Raises
        ------
        NotThereError
            If there is none: a name is compared with those there are and never becomes a path.
        """
        for place in self._audience_folders():
            if (place.parent.name, place.name) == (campaign, wave):
                return place
        raise NotThereError("audience", "a wave that was drawn", quoted(f"{campaign}/{wave}"), "See /campaigns")

    def measurements(self) -> list[Mapping[str, Any]]:
        """Return what each measured campaign changed, latest first."""
        found = [told for place in self._measure_folders() if (told := _json(place / "measurement.json")) is not None]
        return sorted(found, key=lambda one: str(one["first_at"]), reverse=True)

    def monitor(self) -> Mapping[str, Any] | None:
        """Return what `penchant monitor` said of the latest moment; None where it was not run."""
        root = self.settings.out / "monitor"
        places = [root, *root.iterdir()] if root.is_dir() else []
        found = [told for place in places if (told := _json(place / "monitor.json")) is not None]
        return max(found, key=lambda one: str(one["as_of"]), default=None)

    def models(self) -> Sequence[Mapping[str, Any]]:
        """Return the versions of models as they were prepared; none before the first preparation."""
        return (_json(self.folder / MODELS_FILE) or {}).get("models", ())

    def picture(self, model: str, version: int, name: str) -> Path:
        """Return the file of a model's picture.

        Raises
        ------
        NotThereError
            If there is none: names are compared with those there are and never become a path.
        """
        for one in self.models():
            if (one["name"], one["version"]) == (model, version) and name in one["pictures"]:
                return self.folder / PICTURES / model / str(version) / name
        raise NotThereError("picture", "one of a model's", quoted(f"{model}/{version}/{name}"), "See /models")

    def _measure_folders(self) -> list[Path]:
        root = self.settings.out / "measure"
        found = [root, *root.iterdir()] if root.is_dir() else []
        return [place for place in found if (place / MANIFEST).is_file()]

    def check(self) -> Mapping[str, Any] | None:
        """Return what `penchant check` said last; None where it was not run."""
        return (_json(self.settings.out / "check" / MANIFEST) or {}).get("report")


def _moment_of(place: Path) -> str:
    return str((read_manifest(place) or {}).get("as_of", place.name))


def _json(path: Path) -> Mapping[str, Any] | None:
    try:
        return _parsed(str(path), path.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=64)
def _parsed(path: str, _changed: int) -> Mapping[str, Any] | None:
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


@lru_cache(maxsize=64)
def _names(path: str, _changed: int) -> tuple[str, ...]:
    return tuple(pq.read_schema(path).names)
