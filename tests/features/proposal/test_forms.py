"""What is proposed for files as they are written around the world, and for columns that mislead."""

from __future__ import annotations

import sqlite3
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penchant.config import Config, read_config
from penchant.errors import InputError
from penchant.features.intake.check import check
from penchant.features.proposal.configuration import doubts, propose
from penchant.features.shop import open_shop

N = 600
DRAW = np.random.default_rng(11)
ORDER = np.arange(N) // 2
AT = (pd.Timestamp("2020-01-01") + pd.to_timedelta(np.sort(DRAW.integers(0, 400 * 86_400, N)), "s"))[ORDER * 2]
WHO = DRAW.integers(1, 61, N)[ORDER * 2]
ITEM, PIECES = DRAW.permutation(np.arange(N)) % 40, DRAW.choice([1, 1, 2, 3], N)
PRICE = np.round(DRAW.gamma(2, 20, 40) + 1, 2)[ITEM]
PAID = np.round(PRICE * PIECES, 2)


def lines(**more: object) -> pd.DataFrame:
    """Return order lines; more columns, or others in their place."""
    frame = {"order_id": ORDER + 9000, "customer_id": WHO, "created_at": AT, "product_id": ITEM}
    return pd.DataFrame({**frame, "quantity": PIECES, "total": PAID, **more})


def renamed(names: str, frame: pd.DataFrame | None = None) -> pd.DataFrame:
    return (lines() if frame is None else frame).set_axis(names.split("|"), axis=1)


def proposed(folder: Path) -> tuple[str, Config]:
    text = propose(folder)
    return text, read_config(tomllib.loads(text))


def paid(folder: Path) -> tuple[int, int, str, str]:
    """Return customers, cents, and the first and last day of what is proposed."""
    with open_shop(proposed(folder)[1], folder) as shop:
        orders = shop.tables["orders"]
        amount = orders.amount.sum().execute()
        first, last = orders.ordered_at.min().execute(), orders.ordered_at.max().execute()
        return int(orders.customer_id.nunique().execute()), int(amount), str(first.date()), str(last.date())


EXPECTED = (len(set(WHO)), round(PAID.sum() * 100), str(AT[0].date()), str(AT[-1].date()))


def comma(sums: np.ndarray, before: str = "", after: str = "") -> list[str]:
    """Return sums as 1.234,50."""
    return [before + f"{x:,.2f}".translate(str.maketrans(",.", ".,")) + after for x in sums]


def german(folder: Path) -> None:
    frame = lines(created_at=AT.strftime("%d.%m.%Y"), total=comma(PAID, after=" €"))
    names = "Bestell-Nr.|Kunden-Nr.|Bestelldatum|Artikelnummer|Menge|Gesamtpreis"
    renamed(names, frame).to_csv(folder / "Export.csv", index=False, sep=";", encoding="cp1252")


def portuguese(folder: Path) -> None:
    frame = lines(created_at=AT.strftime("%d/%m/%Y"), total=comma(PAID, before="R$ "))
    names = "pedido|cliente|data_venda|produto|quantidade|valor_total"
    renamed(names, frame).to_csv(folder / "vendas.csv", index=False, sep=";")


def french(folder: Path) -> None:
    frame = lines(created_at=AT.strftime("%d/%m/%Y"), total=[f"{x:,.2f}".replace(",", "\u202f") for x in PAID])
    names = "N° commande|Identifiant client|Date de commande|Référence produit|Quantité|Montant"
    renamed(names, frame).to_csv(folder / "commandes.csv", index=False, encoding="utf-8-sig")


def spanish(folder: Path) -> None:
    names = "id_pedido|id_cliente|fecha_pedido|id_producto|cantidad|importe"
    renamed(names).to_csv(folder / "pedidos.csv", index=False)


def chinese(folder: Path) -> None:
    names = "订单编号|用户ID|下单时间|商品编号|购买数量|实付金额"
    renamed(names).to_csv(folder / "a.csv", index=False, encoding="gb18030")


def utf16_without_mark(folder: Path) -> None:
    lines().to_csv(folder / "a.txt", index=False, sep="\t", encoding="utf-16-le")


def zipped(folder: Path) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("a.csv", lines().to_csv(index=False))


def microseconds(folder: Path) -> None:
    lines(created_at=(AT - pd.Timestamp(0)) // pd.Timedelta(microseconds=1)).to_csv(folder / "a.csv", index=False)


def workbook_days(folder: Path) -> None:
    lines(created_at=(AT - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1)).to_csv(folder / "a.csv", index=False)


def written_in_two_ways(folder: Path) -> None:
    odd = np.arange(N) % 3 == 0
    lines(created_at=np.where(odd, AT.strftime("%Y-%m-%d %H:%M:%S"), AT.strftime("%d.%m.%Y"))).to_csv(
        folder / "a.csv", index=False
    )


def partitioned(folder: Path) -> None:
    months = pd.Series(AT.strftime("year=%Y/month=%-m"))
    for month, rows in lines().groupby(months.to_numpy()):
        (folder / "sales" / str(month)).mkdir(parents=True)
        rows.to_csv(folder / "sales" / str(month) / "part-0.csv", index=False)


def nested(folder: Path) -> None:
    who = pa.array([{"id": int(number), "city": "Bath"} for number in WHO])
    order = pa.array([{"created_at": at, "id": int(number)} for at, number in zip(AT, ORDER, strict=True)])
    pq.write_table(pa.table({"customer": who, "order": order, "total": PAID}), folder / "a.parquet")


def sqlite(folder: Path) -> None:
    with sqlite3.connect(folder / "shop.db") as connection:
        lines(created_at=AT.astype(str)).to_sql("sales", connection, index=False)
    connection.close()


def schema_of_duckdb(folder: Path) -> None:
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.register("rows", lines())
        connection.execute("create schema raw; create table raw.sales as from rows")


FORMS = (
    *(german, portuguese, french, spanish, chinese, utf16_without_mark, zipped, microseconds, workbook_days),
    *(written_in_two_ways, partitioned, nested, sqlite, schema_of_duckdb),
)


@pytest.mark.parametrize("write", FORMS, ids=lambda write: write.__name__)
def test_a_form_is_read_to_the_cent_and_the_day(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path)
    assert paid(tmp_path) == EXPECTED


TOTAL = pd.Series(PAID).groupby(ORDER).transform("sum").round(2)
LESS = np.round(PAID * DRAW.choice([0, 0, 0.1, 0.2], N), 2)
RATE = DRAW.choice([0, 0, 0.05, 0.2], N)
MISLEADING: dict[str, tuple[pd.DataFrame, dict[str, str]]] = {
    "an order's sum on each line": (lines(total=TOTAL), {"amount": "spread(total, 1, order_id)"}),
    "an order's sum beside the price": (lines(total=TOTAL, price=PRICE), {"amount": "quantity * price"}),
    "a sum on an order's first line": (
        lines(total=TOTAL.where(np.arange(N) % 2 == 0), price=PRICE),
        {"amount": "quantity * price"},
    ),
    "a sum before the discount": (
        lines(sales=PAID, item_total=PAID - LESS, discount=LESS).drop(columns="total"),
        {"amount": "item_total", "discount": "discount"},
    ),
    "a price before the discount": (
        lines(price=PRICE, discount=RATE).drop(columns="total"),
        {"amount": "quantity * price * (1 - discount)", "list_amount": "quantity * price"},
    ),
    "cents": (lines(total=(PAID * 100).round().astype(int)).rename(columns={"total": "total_cents"}),) * 1
    + ({"amount": "total_cents / 100"},),
    "a number of the line": (lines(item_id=np.arange(N)).rename(columns={"product_id": "sku"}), {"item_id": "sku"}),
    "a seller and a member of staff": (
        lines(sales_person_id=ITEM, seller_id=ITEM, user_id=WHO).drop(columns="customer_id"),
        {"customer_id": "user_id"},
    ),
    "a day beside the instant": (
        lines(event_date=AT.strftime("%Y-%m-%d"), event_timestamp=AT).drop(columns="created_at"),
        {"ordered_at": "event_timestamp"},
    ),
}


@pytest.mark.parametrize("name", MISLEADING)
def test_columns_that_mislead_are_seen_through(tmp_path: Path, name: str) -> None:
    frame, expected = MISLEADING[name]
    frame.to_csv(tmp_path / "a.csv", index=False)
    columns = proposed(tmp_path)[1].tables["orders"].columns
    assert {column: columns.get(column) for column in expected} == expected


def test_an_orders_sum_is_shared_out_on_its_lines(tmp_path: Path) -> None:
    lines(total=TOTAL).to_csv(tmp_path / "a.csv", index=False)
    customers, cents, *_ = paid(tmp_path)
    assert customers == EXPECTED[0]
    assert abs(cents - EXPECTED[1]) <= N  # each line is rounded


@pytest.mark.parametrize(
    ("column", "values", "n_left"),
    [
        ("transaction_type", ["Sale", "Sale", "Sale", "Refund"], 3 * N // 4),
        ("is_cancelled", ["false", "true"], N // 2),
        ("unrelated_type", ["a", "refund"], N),
    ],
)
def test_rows_that_give_money_back_are_no_orders(tmp_path: Path, column: str, values: list[str], n_left: int) -> None:
    lines(**{column: np.resize(values, N)}).to_csv(tmp_path / "a.csv", index=False)
    _, config = proposed(tmp_path)
    assert check(config, tmp_path).tables["orders"].n_accepted == n_left


def test_states_are_understood_by_their_words(tmp_path: Path) -> None:
    known = {"wc-completed": "paid", "order_refunded": "refunded", "storniert": "cancelled", "en attente": "unpaid"}
    lines(status=np.resize(list(known), N)).to_csv(tmp_path / "a.csv", index=False)
    assert proposed(tmp_path)[1].tables["orders"].codes["status"] == known


def test_fractions_get_more_decimal_places(tmp_path: Path) -> None:
    lines(total=PAID / 1500).to_csv(tmp_path / "a.csv", index=False)
    assert proposed(tmp_path)[1].shop.decimals == 4


def test_keys_are_those_that_orders_use(tmp_path: Path) -> None:
    lines().to_csv(tmp_path / "sales.csv", index=False)
    people = {"email": [f"{n}@x.org" for n in range(1, 61)], "id": range(1, 61), "gender": "f"}
    pd.DataFrame(people).to_csv(tmp_path / "users.csv", index=False)
    goods = {"sku": [f"S{n}" for n in range(40)], "id": range(40), "category": "tea"}
    pd.DataFrame(goods).to_csv(tmp_path / "products.csv", index=False)
    tables = proposed(tmp_path)[1].tables
    assert (tables["customers"].columns["customer_id"], tables["items"].columns["item_id"]) == ("id", "id")


def test_headers_join_their_lines_by_keys_called_differently(tmp_path: Path) -> None:
    heads = (
        lines()
        .groupby("order_id", as_index=False)
        .agg(customer_id=("customer_id", "first"), created_at=("created_at", "first"), total=("total", "sum"))
    )
    heads.rename(columns={"order_id": "id"}).to_csv(tmp_path / "orders.csv", index=False)
    lines()[["order_id", "product_id", "quantity"]].to_csv(tmp_path / "order_items.csv", index=False)
    with open_shop(proposed(tmp_path)[1], tmp_path) as shop:
        assert shop.tables["orders"].count().execute() == N
        assert shop.has("orders", "item_id", "amount")


def test_payments_among_events_keep_their_orders(tmp_path: Path) -> None:
    kinds = np.resize(["view", "addtocart", "transaction", None], N)
    frame = lines(event=kinds).drop(columns=["total", "quantity"])
    frame.to_csv(tmp_path / "events.csv", index=False)
    with open_shop(proposed(tmp_path)[1], tmp_path) as shop:
        assert shop.has("orders", "order_id")
        assert shop.tables["orders"].count().execute() == N // 4


def test_no_order_number_is_taken_for_a_customer(tmp_path: Path) -> None:
    lines().to_csv(tmp_path / "a.csv", index=False, header=False)
    text, config = proposed(tmp_path)
    assert config.tables["orders"].columns["customer_id"] == "column2"
    assert any("'column2' is taken for the customer" in doubt for doubt in doubts(text))


def test_neither_articles_nor_places_are_taken_for_customers(tmp_path: Path) -> None:
    frame = lines(asin=WHO, ship_postal_code=WHO).drop(columns="customer_id")
    frame.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError, match="no customer by its columns"):
        propose(tmp_path)


def test_a_finished_trial_is_told_from_a_shop(tmp_path: Path) -> None:
    pd.DataFrame({"f0": PAID, "treatment": PIECES % 2, "visit": 1}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError, match="finished trial"):
        propose(tmp_path)


def test_times_of_a_wrong_clock_do_not_hide_the_others(tmp_path: Path) -> None:
    seconds = np.array((AT - pd.Timestamp(0)) // pd.Timedelta(seconds=1))
    seconds[:3] = [-2_134_949_234, 0, 4_070_908_800]
    lines(created_at=seconds).to_csv(tmp_path / "a.csv", index=False)
    config = proposed(tmp_path)[1]
    report = check(config, tmp_path)
    assert config.tables["orders"].time_format == "epoch_s"
    assert (report.tables["orders"].n_set_aside, report.extract_end) == (3, AT[-1].to_pydatetime())


def test_a_registration_whose_day_and_month_cannot_be_told_apart_is_said(tmp_path: Path) -> None:
    """Before dots the day comes first."""
    orders = "Kunde;Datum;Betrag\n" + "".join(f"k{n};{13 + n % 15}.0{1 + n % 9}.2024;5,00\n" for n in range(40))
    (tmp_path / "bestellungen.csv").write_text(orders)
    days = [f"0{1 + n % 9}.1{n % 3}.2023" for n in range(40)]
    people = "".join(f"k{n};{day};{'mw'[n % 2]}\n" for n, day in enumerate(days))
    (tmp_path / "kunden.csv").write_text(f"Kunde;Registriert am;Geschlecht\n{people}")
    text = propose(tmp_path)
    told = " ".join(line.strip("# ") for line in text.splitlines())
    assert "day and month of 'Registriert am' cannot be told apart: '%d.%m.%Y' is a guess" in told


IN_DAYS = [f"{1 + n % 28:02d}/{1 + n % 12:02d}/2014" for n in range(60)]
IN_SECONDS = [str(1_700_000_000 + n * 86_400) for n in range(60)]
IN_KINDS = [["pv", "fav", "cart", "buy", "banner"][n % 5] for n in range(60)]


@pytest.mark.parametrize(("file", "time"), [("orders", IN_DAYS), ("orders", IN_SECONDS), ("interactions", IN_SECONDS)])
def test_the_contracts_own_names_do_not_spare_looking_at_the_cells(tmp_path: Path, file: str, time: list[str]) -> None:
    names = {"orders": ("ordered_at", "amount"), "interactions": ("occurred_at", "kind")}[file]
    values = range(60) if file == "orders" else IN_KINDS
    frame = pd.DataFrame({"customer_id": [n % 9 for n in range(60)], names[0]: time, names[1]: values})
    frame.to_csv(tmp_path / f"{file}.csv", index=False)
    report = check(proposed(tmp_path)[1], tmp_path)
    assert not report.failed
    assert report.tables[file].n_accepted == (60 if file == "orders" else 48)
