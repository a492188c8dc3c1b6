"""A penchant.toml proposed for files as shops and public data sets have them, and what it opens."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penchant.config import Config, read_config
from penchant.errors import InputError, NotThereError
from penchant.features.proposal.configuration import propose
from penchant.features.shop import open_shop

N = 400
DRAW = np.random.default_rng(7)
DAYS = pd.Timestamp("2019-01-01") + pd.to_timedelta(np.sort(DRAW.integers(0, 365 * 86_400, N)), "s")


def some(values: list[str] | int, n: int = N) -> np.ndarray:
    return DRAW.choice(values if isinstance(values, list) else np.arange(1, values + 1), n)


def euros(n: int = N) -> np.ndarray:
    return np.round(DRAW.gamma(2, 20, n) + 1, 2)


def online_retail(folder: Path) -> None:
    prices = dict(zip(range(1, 21), euros(20), strict=True))
    items = some(20)
    quantity = some(12)
    frame = pd.DataFrame(
        {
            "InvoiceNo": [f"{'C' if number % 20 == 0 else ''}{536_000 + number // 3}" for number in range(N)],
            "StockCode": [f"{item}A" for item in items],
            "Description": "GIFT, £5",
            "Quantity": np.where(np.arange(N) % 20 == 0, -quantity, quantity),
            "InvoiceDate": DAYS.strftime("%m/%d/%Y %H:%M"),
            "UnitPrice": [prices[item] for item in items],
            "CustomerID": some(50).astype(float),
            "Country": "United Kingdom",
        }
    )
    frame.to_csv(folder / "data.csv", index=False, encoding="latin-1")


def cdnow(folder: Path) -> None:
    rows = zip(some(90), DAYS.strftime("%Y%m%d"), some(5), euros(), strict=True)
    (folder / "CDNOW_master.txt").write_text(
        "".join(f" {who:05d} {day} {n:2d} {amount:7.2f}\r\n" for who, day, n, amount in rows)
    )


def user_behavior(folder: Path) -> None:
    frame = pd.DataFrame(
        {
            "user": some(90),
            "item": some(5_000),
            "category": some(300),
            "kind": some(["pv", "pv", "pv", "cart", "fav", "buy"]),
            "time": (DAYS - pd.Timestamp(0)) // pd.Timedelta(seconds=1),
        }
    )
    frame.to_csv(folder / "UserBehavior.csv", index=False, header=False)


def rees46(folder: Path) -> None:
    frame = pd.DataFrame(
        {
            "event_time": DAYS.strftime("%Y-%m-%d %H:%M:%S UTC"),
            "event_type": some(["view", "view", "cart", "remove_from_cart", "purchase"]),
            "product_id": some(500),
            "category_id": 2_053_013_555_631_882_655,
            "category_code": some(["electronics.phone", ""]),
            "brand": some(["a", ""]),
            "price": euros(),
            "user_id": 512_000_000 + some(90),
            "user_session": some(["x", "y", "z"]),
        }
    )
    for month, part in frame.groupby(DAYS.month):
        part.to_csv(folder / f"2019-{month:02}.csv.gz", index=False)


def olist(folder: Path) -> None:
    orders = pd.DataFrame(
        {
            "order_id": [f"o{number:032x}" for number in range(N)],
            "customer_id": [f"c{number:032x}" for number in range(N)],
            "order_status": some(["delivered", "shipped", "canceled", "unavailable", "created"]),
            "order_purchase_timestamp": DAYS,
            "order_approved_at": DAYS + pd.Timedelta(hours=1),
            "order_delivered_carrier_date": DAYS + pd.Timedelta(days=2),
            "order_estimated_delivery_date": DAYS.normalize(),
        }
    )
    lines = pd.DataFrame(
        {
            "order_id": np.repeat(orders["order_id"], 2),
            "order_item_id": np.tile([1, 2], N),
            "product_id": [f"p{item}" for item in some(80, 2 * N)],
            "seller_id": "s",
            "shipping_limit_date": "2019-01-01",
            "price": euros(2 * N),
            "freight_value": euros(2 * N),
        }
    )
    people = pd.DataFrame(
        {
            "customer_id": orders["customer_id"],
            "customer_unique_id": [f"u{who}" for who in some(60)],
            "customer_zip_code_prefix": 1001,
            "customer_city": "rio",
            "customer_state": some(["SP", "RJ"]),
        }
    )
    items = pd.DataFrame({"product_id": [f"p{item}" for item in range(1, 81)], "product_category_name": "toys"})
    files = {"orders": orders, "order_items": lines, "customers": people, "products": items}
    for name, frame in files.items():
        frame.to_csv(folder / f"olist_{name}_dataset.csv", index=False)


def instacart(folder: Path) -> None:
    who = np.repeat(np.arange(1, 41), 10)
    orders = pd.DataFrame(
        {
            "order_id": DRAW.permutation(N) + 1,
            "user_id": who,
            "eval_set": "prior",
            "order_number": np.tile(np.arange(1, 11), 40),
            "order_dow": some(6),
            "order_hour_of_day": some(23),
            "days_since_prior_order": [None if n % 10 == 0 else float(n % 7 + 1) for n in range(N)],
        }
    )
    orders.to_csv(folder / "orders.csv", index=False)
    for name in ("prior", "train"):
        lines = pd.DataFrame(
            {"order_id": orders["order_id"], "product_id": some(80), "add_to_cart_order": 1, "reordered": 0}
        )
        half = lines.iloc[: N // 2] if name == "prior" else lines.iloc[N // 2 :]
        half.to_csv(folder / f"order_products__{name}.csv", index=False)
    items = pd.DataFrame({"product_id": range(1, 81), "product_name": "x", "aisle_id": some(9, 80), "department_id": 1})
    items.to_csv(folder / "products.csv", index=False)


def ta_feng(folder: Path) -> None:
    pieces = DRAW.choice([1, 1, 2, 3], N)
    items = some(10)
    frame = pd.DataFrame(
        {
            "TRANSACTION_DT": DAYS.strftime("%m/%d/%Y"),
            "CUSTOMER_ID": [f"{who:08d}" for who in some(60)],
            "AGE_GROUP": some(["25-29", "30-34"]),
            "PIN_CODE": "115",
            "PRODUCT_SUBCLASS": some(9),
            "PRODUCT_ID": [f"47{item:011d}" for item in items],
            "AMOUNT": pieces,
            "ASSET": euros(),
            "SALES_PRICE": items * 10 * pieces,
        }
    )
    frame.to_csv(folder / "ta_feng_all_months_merged.csv", index=False)


def dunnhumby(folder: Path) -> None:
    frame = pd.DataFrame(
        {
            "household_key": some(60),
            "BASKET_ID": 26_984_851_472 + np.arange(N) // 2,
            "DAY": np.sort(some(711)),
            "PRODUCT_ID": some(300),
            "QUANTITY": some(3),
            "SALES_VALUE": euros(),
            "STORE_ID": 364,
            "RETAIL_DISC": -euros(),
            "TRANS_TIME": some(23) * 100 + some(59),
            "WEEK_NO": 1,
        }
    )
    frame.to_csv(folder / "transaction_data.csv", index=False)
    items = pd.DataFrame(
        {"PRODUCT_ID": range(1, 301), "MANUFACTURER": 1, "DEPARTMENT": "GROCERY", "COMMODITY_DESC": "ICE"}
    )
    items.to_csv(folder / "product.csv", index=False)


def superstore(folder: Path) -> None:
    frame = pd.DataFrame(
        {
            "Row ID": range(N),
            "Order ID": [f"CA-2019-{number // 3}" for number in range(N)],
            "Order Date": [f"{day.month}/{day.day}/{day.year}" for day in DAYS],
            "Ship Date": [f"{day.month}/{day.day}/{day.year}" for day in DAYS],
            "Customer ID": [f"CG-{who}" for who in some(60)],
            "Customer Name": "Claire",
            "State": some(["Kentucky", "Texas"]),
            "Product ID": [f"FUR-{item}" for item in some(60)],
            "Category": "Furniture",
            "Sub-Category": "Chairs",
            "Sales": euros(),
            "Quantity": some(5),
            "Discount": DRAW.choice([0.0, 0.2, 0.45], N),
            "Profit": euros() - 20,
        }
    )
    frame.to_csv(folder / "Superstore.csv", index=False)


def fashion(folder: Path) -> None:
    sold = pd.DataFrame(
        {
            "t_dat": DAYS.strftime("%Y-%m-%d"),
            "customer_id": [f"{who:064x}" for who in some(60)],
            "article_id": [f"0{663_713_000 + item}" for item in some(60)],
            "price": DRAW.random(N),
            "sales_channel_id": some(2),
        }
    )
    sold.to_csv(folder / "transactions_train.csv", index=False)
    people = pd.DataFrame(
        {
            "customer_id": [f"{who:064x}" for who in range(1, 61)],
            "FN": 1.0,
            "club_member_status": some(["ACTIVE", "LEFT"], 60),
            "age": some(60, 60),
        }
    )
    people.to_csv(folder / "customers.csv", index=False)
    items = pd.DataFrame(
        {"article_id": [f"0{663_713_000 + item}" for item in range(1, 61)], "product_type_name": "Vest"}
    )
    items.to_csv(folder / "articles.csv", index=False)


def retail_rocket(folder: Path) -> None:
    frame = pd.DataFrame(
        {
            "timestamp": (DAYS - pd.Timestamp(0)) // pd.Timedelta(milliseconds=1),
            "visitorid": some(60),
            "event": some(["view", "view", "addtocart", "transaction"]),
            "itemid": some(300),
            "transactionid": "",
        }
    )
    frame.to_csv(folder / "events.csv", index=False)


def german(folder: Path) -> None:
    frame = pd.DataFrame(
        {
            "Bestellnummer": 1000 + np.arange(N),
            "Kundennummer": some(60),
            "Datum": DAYS.strftime("%d.%m.%Y %H:%M"),
            "Menge": some(3),
            "Preis": euros(),
        }
    )
    frame.to_csv(folder / "bestellungen.csv", index=False, sep=";", decimal=",", encoding="utf-16")


def database(folder: Path) -> None:
    orders = pd.DataFrame({"order_id": range(N), "customer_id": some(60), "created_at": DAYS, "status": "completed"})
    lines = pd.DataFrame(
        {"order_id": np.repeat(range(N), 2), "product_id": some(30, 2 * N), "quantity": some(3, 2 * N)}
    )
    items = pd.DataFrame({"product_id": range(1, 31), "name": "x", "category": "y", "price": euros(30)})
    for name, frame in {"orders": orders, "order_lines": lines, "products": items}.items():
        frame.to_parquet(folder / f"{name}.parquet")


def short_dates(folder: Path) -> None:
    frame = pd.DataFrame({"customer_id": some(60), "trans_date": DAYS.strftime("%d-%b-%y"), "tran_amount": some(99)})
    frame.to_csv(folder / "Retail_Data_Transactions.csv", index=False)


def subscriptions(folder: Path) -> None:
    frame = pd.DataFrame(
        {
            "msno": [f"{who:032x}=" for who in some(60)],
            "payment_method_id": some(9),
            "plan_list_price": some([99, 149]),
            "actual_amount_paid": some([99, 149]),
            "transaction_date": DAYS.strftime("%Y%m%d"),
            "membership_expire_date": DAYS.strftime("%Y%m%d"),
        }
    )
    frame.to_csv(folder / "transactions.csv", index=False)


def repeat_buyers(folder: Path) -> None:
    frame = pd.DataFrame(
        {
            "user_id": some(60),
            "item_id": some(500),
            "cat_id": some(90),
            "seller_id": some(90),
            "time_stamp": DAYS.month * 100 + DAYS.day,
            "action_type": some(4) - 1,
        }
    )
    frame.to_csv(folder / "user_log_format1.csv", index=False)


def mall(folder: Path) -> None:
    pieces, kinds = some(5), some(8)
    frame = pd.DataFrame(
        {
            "invoice_no": [f"I{number}" for number in range(N)],
            "customer_id": [f"C{who}" for who in some(90)],
            "gender": some(["Male", "Female"]),
            "category": [f"kind {kind}" for kind in kinds],
            "quantity": pieces,
            "price": pieces * kinds * 7.5,
            "invoice_date": [f"{day.day}/{day.month}/{day.year}" for day in DAYS],
            "invoice_time": DAYS.strftime("%H:%M"),
        }
    )
    frame.to_csv(folder / "customer_shopping_data.csv", index=False)


SHOPS: dict[Callable[[Path], None], dict[str, tuple[int, set[str]]]] = {
    online_retail: {"orders": (N - N // 20, {"order_id", "item_id", "quantity", "amount"})},
    cdnow: {"orders": (N, {"quantity", "amount"})},
    user_behavior: {"interactions": (N, {"item_id", "category_id"}), "orders": (-1, set())},
    rees46: {"interactions": (-1, {"item_id", "category_id", "price"}), "orders": (-1, {"amount"})},
    olist: {
        "orders": (2 * N, {"order_id", "item_id", "amount", "freight", "paid_at", "status"}),
        "customers": (-1, {"region"}),
        "items": (80, {"category_id"}),
    },
    instacart: {"orders": (N, {"order_id", "item_id"}), "items": (80, {"category_id"})},
    ta_feng: {"orders": (N, {"item_id", "category_id", "quantity", "amount"})},
    dunnhumby: {
        "orders": (N, {"order_id", "item_id", "quantity", "amount", "discount", "list_amount"}),
        "items": (300, {"category_id"}),
    },
    superstore: {"orders": (N, {"order_id", "item_id", "category_id", "amount", "list_amount", "discount"})},
    fashion: {"orders": (N, {"item_id", "amount"}), "customers": (60, {"age"}), "items": (60, {"category_id"})},
    retail_rocket: {"interactions": (N, {"item_id"}), "orders": (-1, {"item_id"})},
    german: {"orders": (N, {"order_id", "quantity", "amount"})},
    database: {"orders": (2 * N, {"item_id", "amount", "status"}), "items": (30, {"category_id", "list_price"})},
    short_dates: {"orders": (N, {"amount"})},
    subscriptions: {"orders": (N, {"amount"})},
    repeat_buyers: {"interactions": (N, {"item_id", "category_id"}), "orders": (-1, {"item_id"})},
    mall: {"orders": (N, {"order_id", "category_id", "quantity", "amount"})},
}


def proposed(folder: Path) -> tuple[str, Config]:
    text = propose(folder)
    return text, read_config(tomllib.loads(text))


@pytest.mark.parametrize("write", SHOPS, ids=lambda write: write.__name__)
def test_what_is_proposed_opens_the_shop(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path)
    text, config = proposed(tmp_path)
    assert max(len(line) for line in text.splitlines()) < 160
    with open_shop(config, tmp_path) as shop:
        for table, (n_rows, columns) in SHOPS[write].items():
            assert columns <= set(shop.tables[table].columns)
            found = shop.tables[table].count().execute()
            assert found == n_rows if n_rows >= 0 else found > 0
        times = shop.tables["orders"].ordered_at
        if write not in (instacart, dunnhumby, repeat_buyers):
            assert times.max().execute().year == 2019
            assert times.min().execute().year == 2019


MADE_OF: dict[Callable[[Path], None], dict[str, str]] = {
    online_retail: {"amount": "Quantity * UnitPrice"},
    ta_feng: {"amount": "SALES_PRICE", "quantity": "AMOUNT"},
    superstore: {"amount": "Sales", "list_amount": "(Sales) / nullif(1 - Discount, 0)"},
    dunnhumby: {"amount": "SALES_VALUE", "list_amount": "SALES_VALUE + abs(RETAIL_DISC)"},
    german: {"amount": "Menge * Preis"},
    database: {"amount": "quantity * price"},
    olist: {"item_id": "product_id", "customer_id": "customer_unique_id", "ordered_at": "order_purchase_timestamp"},
    instacart: {"ordered_at": "ordered_at"},
    subscriptions: {"customer_id": "msno", "amount": "actual_amount_paid"},
    mall: {"amount": "price", "ordered_at": "invoice_date || ' ' || invoice_time"},
}


@pytest.mark.parametrize("write", MADE_OF, ids=lambda write: write.__name__)
def test_each_column_is_made_of_the_right_one(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path)
    columns = proposed(tmp_path)[1].tables["orders"].columns
    assert {name: columns[name] for name in MADE_OF[write]} == MADE_OF[write]


def test_cancellations_are_excluded_by_name(tmp_path: Path) -> None:
    online_retail(tmp_path)
    text, config = proposed(tmp_path)
    assert config.tables["orders"].exclude == {"cancellations": "InvoiceNo like 'C%'"}
    assert "windows-1252" in text


def test_what_cannot_be_decided_is_said(tmp_path: Path) -> None:
    days = ["03/04/2019", "05/02/2019", "01/06/2019", "07/01/2019"] * 20
    pd.DataFrame({"customer_id": range(80), "date": days, "amount": euros(80)}).to_csv(tmp_path / "a.csv", index=False)
    text, _ = proposed(tmp_path)
    assert "cannot be told apart" in text
    assert "TODO" in text


def test_parts_of_one_log_become_a_pattern(tmp_path: Path) -> None:
    rees46(tmp_path)
    (source,) = proposed(tmp_path)[1].tables["interactions"].sources
    assert source.path == "2019-*.csv.gz"


def test_the_contracts_own_files_need_no_mapping(tmp_path: Path) -> None:
    orders = {"customer_id": ["a"], "ordered_at": [pd.Timestamp("2020-01-01")], "amount": [1250]}
    pq.write_table(pa.table(orders), tmp_path / "orders.parquet")
    _, config = proposed(tmp_path)
    assert config.tables["orders"].amounts_in == "minor"
    with open_shop(config, tmp_path) as shop:
        assert shop.tables["orders"].amount.sum().execute() == 1250


def test_a_file_hides_those_of_its_name_further_down(tmp_path: Path) -> None:
    acts = {"customer_id": ["a", "b"], "occurred_at": [pd.Timestamp("2020-01-01")] * 2, "kind": ["view", "cart"]}
    pq.write_table(pa.table(acts), tmp_path / "events.parquet")
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "events.parquet").write_bytes((tmp_path / "events.parquet").read_bytes())
    (source,) = proposed(tmp_path)[1].tables["interactions"].sources
    assert source.path == "events.parquet"


def test_real_folders_are_recognised(shared_data: Path) -> None:
    _, config = proposed(shared_data / "online_retail_ii")
    assert [source.columns["amount"] for source in config.tables["orders"].sources] == [
        "Quantity * Price",
        "Quantity * UnitPrice",
    ]
    assert set(proposed(shared_data / "complete_journey" / "r_package_2017")[1].tables) == {
        "orders",
        "customers",
        "items",
    }
    assert set(proposed(shared_data / "taobao_userbehavior_100k")[1].tables) == {"interactions"}


def test_a_folder_without_a_shop_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file that can be read as a table"):
        propose(tmp_path)
    (tmp_path / "a.csv").write_text("colour,size\nred,1\nblue,2\n")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(InputError, match=r"a\.csv \(colour, size\)"):
        propose(tmp_path)
    with pytest.raises(NotThereError, match="nothing there"):
        propose(tmp_path / "nowhere")
