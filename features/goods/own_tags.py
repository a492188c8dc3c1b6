"""The tags that the shop itself gave its goods: style, material, audience; without a time, whatever the as_of."""

from __future__ import annotations

from penchant.lazy import pd

from ..shop import Shop


def own_item_tags(shop: Shop) -> pd.DataFrame:
    """Return (item_id, tag, value) as the table ``item_tags`` has them, each once; value is missing for a bare tag."""
    if not shop.has("item_tags"):
        return pd.DataFrame({"item_id": [], "tag": [], "value": []}, dtype="str")
    rows = shop.tables["item_tags"].to_pyarrow().to_pandas()
    wide = rows.reindex(columns=["item_id", "tag", "value"])
    return wide.drop_duplicates().sort_values(["item_id", "tag", "value"], ignore_index=True)


def own_tags_of(shop: Shop) -> dict[str, list[str]]:
    """Return item -> its tags as text: ``style:casual``, or ``linen`` for a bare one."""
    found: dict[str, list[str]] = {}
    for item, tag, value in own_item_tags(shop).itertuples(index=False):
        found.setdefault(str(item), []).append(str(tag) if pd.isna(value) else f"{tag}:{value}")
    return found
