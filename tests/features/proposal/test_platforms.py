"""Exports of platforms, and files of the kinds that shops have, against answers worked out beside them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from penchant.features.contract import CONTRACT
from penchant.features.proposal.platforms import FOLDER, platforms

from .exports import EXPORTS
from .facts import understood


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_understood_as_it_is_meant(tmp_path: Path, name: str) -> None:
    expected = EXPORTS[name](tmp_path)
    seen = understood(tmp_path)
    known = {**seen.facts, "currency": seen.config.shop.currency}
    if "customers" in seen.tables and "consent_email" in seen.tables["customers"]:
        known["consents"] = int(seen.tables["customers"]["consent_email"].sum())
    assert {fact: known.get(fact) for fact in expected} == expected, seen.text


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_a_platforms_file_is_whole(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    content = tomllib.loads(text)
    assert text.startswith("# ")
    assert "http" in text or "github.com" in text or ": 订单编号" in text  # where the columns come from
    used = {*content["required"]}
    for keys in content["roles"].values():
        used |= {keys} if isinstance(keys, str) else {*keys}
    assert used <= set(content["headings"])
    for name, table in content.get("tables", {}).items():
        assert {one for one in table["columns"] if not one.startswith("consent_")} <= set(CONTRACT[name].names)


def test_no_two_platforms_are_the_same_file() -> None:
    names = [platform.name for platform in platforms()]
    assert len(set(names)) == len(names)


def test_who_agreed_to_marketing_with_the_latest_order_consents_where_there_is_no_better_file(tmp_path: Path) -> None:
    orders = (
        "#1,a@x.org,yes,2024-01-01",
        "#2,A@x.org,no,2024-03-01",
        "#2,A@x.org,,2024-03-01",
        "#3,b@x.org,yes,2024-02-01",
    )
    head = "Name,Email,Accepts Marketing,Created at,Lineitem quantity,Lineitem price,Lineitem name,Financial Status\n"
    for line in orders:
        head += f"{line} 10:00:00 +0100,1,5.00,Tea,paid\n"
    (tmp_path / "orders_export_1.csv").write_text(head)
    seen = understood(tmp_path)
    said = seen.tables["customers"].set_index("customer_id")["consent_email"]
    assert said.to_dict() == {"a@x.org": False, "b@x.org": True}, seen.text
    assert "Not used: Accepts Marketing" not in seen.text
