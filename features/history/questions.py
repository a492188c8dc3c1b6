"""Which questions are the same: a hash of all that their SQL depends on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from itertools import count
from typing import Any

from penchant.output import versions

from ..engine.backends import fetched
from ..engine.identity import UnknownIdentityError, identity, source_digest
from ..shop import Shop
from ..spine import Spine

READ = ("shop", "features", "rfm", "stages", "crowds", "cycle")  # sections of the configuration that questions read
_OF_A_DELIVERY = {"extract_end", "name", "data"}
_SERVES_ONCE = count()


def question_key(shop: Shop, spine: Spine, values: Mapping[str, Any], windows: tuple[int, ...]) -> tuple[str, bool]:
    """Return a hash of the questions, the shop's columns and configuration, and the versions; and whether it lasts.

    Not of its rows, the moments and the spine, on which SQL does not depend; but of the calendar, whose entries are
    written into it, and of the categories where the configuration names some. What a shop's own module reads is not
    known: its questions belong to the very shop, and their hash means nothing to another process.
    """
    try:
        asked, is_ours = identity({"values": values, "windows": windows})
    except UnknownIdentityError:
        asked, is_ours = f"serves once {next(_SERVES_ONCE)}", False
    config = shop.config.model_dump(mode="json", include=set(READ))
    config["shop"] = {name: value for name, value in config["shop"].items() if name not in _OF_A_DELIVERY}
    facts = {
        "asked": asked,
        "engine": shop.backend.name,
        "columns": {name: dict(types) for name, types in shop.types.items()},
        "config": config,
        "calendar": _calendar(shop),
        "categories": sorted(categories_of(shop)) if shop.config.cycle.fixed_days_of else [],
        "segments": [[name, *sorted(values_of(shop, name))] for name in shop.config.cycle.fixed_days_by],
        "each row has its own moment": spine.instants is None,
        "has everyone": spine.has_everyone,
        "shop": "" if is_ours else shop.identity,
        "versions": _versions(),
    }
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest(), is_ours


def spine_key(shop: Shop, n_moments: int, takes_undated: bool) -> str:
    """Return a hash of all that the SQL of everyone at so many moments depends on."""
    facts = {
        "everyone at": n_moments,
        "takes undated": takes_undated,
        "engine": shop.backend.name,
        "columns": {name: dict(types) for name, types in shop.types.items()},
        "versions": _versions(),
    }
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _versions() -> dict[str, str]:
    return {**versions(), "sqlglot": version("sqlglot"), "source": source_digest()}


def _calendar(shop: Shop) -> list[str]:
    """Return the calendar's rows as text, in an order that does not vary."""
    if not shop.has("calendar"):
        return []
    return sorted(map(str, fetched(shop.backend, shop.sql("calendar"))))


def values_of(shop: Shop, attribute: str) -> set[str]:
    """Return the values of an attribute that the shop's customers have; none where there is no such attribute."""
    if not shop.has("customers", attribute):
        return set()
    people = shop.tables["customers"]
    return set(people.select(value=people[attribute].cast("string")).distinct().to_pandas()["value"].dropna())


def categories_of(shop: Shop) -> set[str]:
    """Return the categories that the shop's rows name, at any time."""
    tables = [shop.tables[name] for name in ("orders", "interactions", "items") if shop.has(name, "category_id")]
    found = [rows.select("category_id").distinct().to_pandas()["category_id"].dropna() for rows in tables]
    return {str(one) for values in found for one in values}
