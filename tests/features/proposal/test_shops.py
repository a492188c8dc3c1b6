"""Shops in the form of real exports: what `init` makes of them, beside the right answer in their EXPECT.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from .facts import Understood, understood

SHOPS = Path(__file__).parents[3].parent / "shared" / "cases" / "shops"
FACTS = {  # shop -> what its EXPECT.md says of purchases; each number stands there
    "01-shopify-export": {"orders": 112, "revenue": 9360.00},
    "02-sqlite-header-lines": {"orders": 250, "lines": 715, "buyers": 40, "revenue": 707.85},
    "03-join-drops-rows": {"orders": 300, "buyers": 50, "revenue": 4620.00},
    "04-chinese-payment-status": {"orders": 232, "revenue": 25230.00},
    "05-mdyy-read-as-year-12": {"lines": 400, "first": "2010-12-01", "revenue": 2000.00},
    "17-magento-grid": {"orders": 176, "revenue": 62503.75},
    "21-price-in-products-only": {"revenue": 369398.21},
    "23-preamble-and-total-row": {"orders": 200, "revenue": 11589.60},
}
COLUMNS = {  # shop -> table -> what columns are made of
    "06-run-together-names": {
        "orders": {
            "customer_id": "CUSTOMERNAME",
            "quantity": "QUANTITYORDERED",
            "amount": "SALES",
            "list_amount": "QUANTITYORDERED * MSRP",
        }
    },
    "08-baseprice-of-coupon": {"orders": {"amount": "basketValue", "list_amount": None}},
    "09-who-and-when-only": {"orders": {"customer_id": "cust", "ordered_at": "date", "amount": None}},
    "11-chinese-selling-price": {"orders": {"amount": "售价"}},
    "14-ga4-json": {
        "orders": {"amount": "ecommerce.purchase_revenue"},
        "interactions": {"customer_id": "user_pseudo_id", "occurred_at": "event_timestamp", "kind": "event_name"},
    },
    "21-price-in-products-only": {"items": {"unit_cost": "ProductCost"}},
    "24-consent-in-customers": {
        "customers": {"consent_email": "Accepts Email Marketing", "consent_sms": "Accepts SMS Marketing"}
    },
}
SAID = {  # shop -> what the comments of the proposal or the check must name
    "01-shopify-export": ["Shopify"],
    "03-join-drops-rows": ["100", "5 "],
    "07-response-as-attribute": ["'response'"],
    "09-who-and-when-only": ["TODO"],
    "20-two-currencies": ["EUR", "CHF", "30"],
    "23-preamble-and-total-row": ["null_id 1"],
    "24-consent-in-customers": ["'Total Spent'", "'Total Orders'", "'First Name'"],
}
KNOWN = sorted(path.parent.name for path in SHOPS.glob("*/EXPECT.md"))
pytestmark = pytest.mark.skipif(not KNOWN, reason="the files are not part of the project")


@pytest.fixture(scope="module", params=KNOWN)
def shop(request: pytest.FixtureRequest) -> tuple[str, Understood]:
    return request.param, understood(SHOPS / request.param / "data")


def test_purchases_are_those_of_the_right_answer(shop: tuple[str, Understood]) -> None:
    name, seen = shop
    answer = (SHOPS / name / "EXPECT.md").read_text(encoding="utf-8")
    expected = FACTS.get(name, {})
    for value in expected.values():
        assert (f"{value:.2f}" if isinstance(value, float) else str(value)) in answer
    assert {fact: seen.facts[fact] for fact in expected} == expected


def test_columns_are_made_of_what_the_answer_says(shop: tuple[str, Understood]) -> None:
    name, seen = shop
    for table, columns in COLUMNS.get(name, {}).items():
        section = seen.config.tables[table]
        made_of = section.mapping(section.sources[0])
        assert {column: made_of.get(column) for column in columns} == columns


def test_what_is_uncertain_is_named(shop: tuple[str, Understood]) -> None:
    name, seen = shop
    for word in SAID.get(name, ()):
        assert word in seen.said


def test_no_outcome_and_no_personal_detail_is_an_attribute(shop: tuple[str, Understood]) -> None:
    _, seen = shop
    names = set(seen.tables.get("customers", ()))
    assert not names & {"response", "total_spent", "total_orders", "first_name", "last_name", "email", "phone"}


def test_orders_of_two_currencies_are_not_summed() -> None:
    seen = understood(SHOPS / "20-two-currencies" / "data")
    assert seen.config.shop.currency == "EUR"
    assert seen.facts["orders"] == 120


def test_consent_is_read_as_the_customers_gave_it() -> None:
    customers = understood(SHOPS / "24-consent-in-customers" / "data").tables["customers"]
    assert customers["consent_email"].sum() == 26
    assert customers["customer_id"].str.contains("@").all()
