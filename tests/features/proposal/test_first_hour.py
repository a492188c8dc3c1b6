"""What a new user's files are taken for: a newsletter's list beside the orders, addresses, files that are no table."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from penchant.config import read_config
from penchant.features.proposal.configuration import Proposed, proposed
from penchant.features.shop import open_shop

ORDERS = """order_id,order_number,order_date,status,shipping_total,billing_email,item_sku,item_quantity,item_total
1,1001,2024-01-03 10:00:00,completed,3.90,Ann@Example.org,A1,1,10
1,1001,2024-01-03 10:00:00,completed,3.90,Ann@Example.org,A2,2,24
2,1002,2024-02-03 10:00:00,completed,3.90,ben@example.org,A1,1,10
3,1003,2024-03-05 11:00:00,completed,3.90,ann@example.org,A2,1,12
"""
NEWSLETTER = """Email Address,First Name,Status,Subscribed at
ann@example.org,Ann,subscribed,2023-06-11 00:00:00
BEN@example.org,Ben,unsubscribed,2023-03-02 00:00:00
cleo@example.org,Cleo,cleaned,2023-03-09 00:00:00
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("woo")
    (place / "orders-export.csv").write_text(ORDERS)
    (place / "newsletter.csv").write_text(NEWSLETTER)
    (place / "opening-hours.csv").write_text("weekday,opens,closes\nMonday,9,17\nTuesday,9,17\n")
    return place


@pytest.fixture(scope="module")
def found(folder: Path) -> Proposed:
    return proposed(folder)


def test_a_newsletters_list_tells_who_may_be_written_to_however_addresses_are_spelt(
    folder: Path, found: Proposed
) -> None:
    with open_shop(read_config(tomllib.loads(found.text)), folder) as shop:
        people = shop.tables["customers"].to_pyarrow().to_pandas().set_index("customer_id")
        bought = shop.tables["orders"].to_pyarrow().to_pandas()
    assert people["consent_email"].to_dict() == {
        "ann@example.org": True, "ben@example.org": False, "cleo@example.org": False
    }  # fmt: skip
    assert set(bought["customer_id"]) == {"ann@example.org", "ben@example.org"}


def test_files_of_which_nothing_is_read_are_named(found: Proposed) -> None:
    assert found.unused == ("opening-hours.csv",)
    assert "# Not used: opening-hours.csv" in found.text


def test_example_rows_show_the_files_columns_and_no_places_of_ours(found: Proposed) -> None:
    assert found.examples
    for row in found.examples:
        assert "shipping_total" in row.before
        assert not {"_file", "_row"} & row.before.keys()


def test_ids_are_shown_as_they_will_be(tmp_path: Path) -> None:
    rows = "\n".join(f"{13000 + n}.0,2024-01-0{n} 10:00:00,{n}.50" for n in range(1, 9))
    (tmp_path / "orders.csv").write_text(f"Customer ID,InvoiceDate,Amount\n{rows}\n")
    first = proposed(tmp_path).examples[0]
    assert (first.before["Customer ID"], first.after["customer_id"]) == ("13001.0", "13001")


@pytest.mark.parametrize("status", ["completed,pending", "open,closed", "active,inactive"])
def test_another_status_of_customers_is_no_consent(tmp_path: Path, status: str) -> None:
    one, other = status.split(",")
    (tmp_path / "orders-export.csv").write_text(ORDERS)
    (tmp_path / "people.csv").write_text(f"Email Address,Status\nann@example.org,{one}\nben@example.org,{other}\n")
    config = read_config(tomllib.loads(proposed(tmp_path).text))
    assert "consent_email" not in config.tables["customers"].columns
