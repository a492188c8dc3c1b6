"""Shops in the form of platforms' exports, each with the right answer worked out beside the file.

A writer takes a folder, writes the export of the same invented orders there, and returns what is right.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from ..workbook import write_workbook

Row = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """A line of an invented order; sums in cents."""

    item: str
    pieces: int
    price: int


@dataclass(frozen=True)
class Order:
    """An invented order; sums in cents."""

    number: int
    customer: int
    at: datetime
    state: str
    lines: tuple[Line, ...]
    discount: int
    freight: int

    @property
    def goods(self) -> int:
        return sum(line.pieces * line.price for line in self.lines)

    @property
    def paid(self) -> int:
        """For the goods."""
        return self.goods - self.discount

    @property
    def email(self) -> str:
        return f"c{self.customer}@example.com"


def orders(seed: int, n: int = 160, *, discounts: bool = False, freight: bool = False) -> list[Order]:
    """Return invented orders, one every one and a half days."""
    draw = Random(seed)
    prices = [draw.randrange(500, 9_900) for _ in range(30)]
    found = []
    for number in range(n):
        chosen = draw.sample(range(30), draw.choice([1, 1, 2, 3]))
        lines = tuple(Line(f"A-{item:03}", draw.choice([1, 1, 2, 3]), prices[item]) for item in chosen)
        goods = sum(line.pieces * line.price for line in lines)
        state = draw.choices(["paid", "unpaid", "cancelled", "refunded"], [85, 5, 6, 4])[0]
        at = datetime(2024, 1, 3, 9, 5) + timedelta(hours=36 * number + draw.randrange(20))
        found.append(
            Order(
                *(number, draw.randrange(35), at, state, lines),
                discount=int(goods * draw.choice([0, 0, 0, 0.1, 0.15])) if discounts else 0,
                freight=draw.choice([0, 490]) if freight else 0,
            )
        )
    return found


def answer(found: Sequence[Order], paid: Callable[[Order], int] = lambda order: order.paid) -> Row:
    """Return the facts of what was paid."""
    good = [order for order in found if order.state == "paid"]
    return {
        "orders": len(good),
        "buyers": len({order.customer for order in good}),
        "revenue": sum(map(paid, good)) / 100,
        "first": f"{min(order.at for order in good):%Y-%m-%d}",
        "last": f"{max(order.at for order in good):%Y-%m-%d}",
    }


def text(rows: Sequence[Row], separator: str = ",") -> str:
    """Return rows as a text with a header."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), delimiter=separator, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def money(cents: int, decimal: str = ".") -> str:
    return f"{cents / 100:.2f}".replace(".", decimal)


def woocommerce_items(folder: Path) -> Row:
    found = orders(1, discounts=True, freight=True)
    states = {"paid": "completed", "unpaid": "pending", "cancelled": "cancelled", "refunded": "refunded"}
    rows = [
        {
            **{"order_id": order.number + 700, "order_number": order.number + 700, "order_date": f"{order.at}"},
            **{"status": states[order.state], "shipping_total": money(order.freight), "order_currency": "GBP"},
            **{"order_total": money(order.paid + order.freight), "customer_id": order.customer + 1},
            **{"billing_first_name": "A", "billing_last_name": "B", "billing_email": order.email},
            **{"item_id": 10 * order.number + place, "item_name": line.item, "item_sku": line.item},
            **{"item_quantity": line.pieces, "item_subtotal": money(line.pieces * line.price)},
            "item_total": money(part),
        }
        for order in found
        for place, (line, part) in enumerate(zip(order.lines, shares(order), strict=True))
    ]
    (folder / "orders-export.csv").write_text(text(rows))
    return {**answer(found), "currency": "GBP"}


def shares(order: Order) -> list[int]:
    """Return what was paid for each line, by its price."""
    parts, so_far = [], 0
    for line in order.lines:
        before = so_far
        so_far += line.pieces * line.price
        parts.append(round(order.paid * so_far / order.goods) - round(order.paid * before / order.goods))
    return parts


def woocommerce_advanced(folder: Path) -> Row:
    found = orders(2, discounts=True, freight=True)
    states = {"paid": "Completed", "unpaid": "Pending payment", "cancelled": "Cancelled", "refunded": "Refunded"}
    rows = [
        {
            **{"Order Number": order.number + 9_000, "Order Status": states[order.state]},
            **{"Order Date": f"{order.at:%Y-%m-%d %H:%M}", "Email (Billing)": order.email, "Phone (Billing)": "1"},
            **{"Cart Discount Amount": money(order.discount), "Order Subtotal Amount": money(order.goods)},
            "Order Shipping Amount": money(order.freight),
            "Order Total Amount": money(order.paid + order.freight),
            **{"SKU": line.item, "Item #": place + 1, "Item Name": f"Thing {line.item}"},
            **{"Quantity (- Refund)": line.pieces, "Item Cost": money(line.price), "Coupon Code": ""},
        }
        for order in found
        for place, line in enumerate(order.lines)
    ]
    (folder / "orders.csv").write_text(text(rows))
    return answer(found)


def prestashop_grid(folder: Path) -> Row:
    found = orders(3)
    states = {"paid": "Livré", "unpaid": "En attente du paiement par chèque", "cancelled": "Annulé"}
    rows = [
        {
            **{"ID": order.number, "Référence": f"XKBK{order.number:05}", "Nouveau client": order.number % 2},
            **{"Livraison": "France", "Client": f"C. NOM{order.customer}", "Total": f"{money(order.paid, ',')} €"},
            **{"Paiement": "Carte", "État": {**states, "refunded": "Remboursé"}[order.state]},
            "Date": f"{order.at:%d/%m/%Y %H:%M:%S}",
        }
        for order in found
    ]
    (folder / "order_2024.csv").write_text(text(rows, ";"))
    return {**answer(found), "currency": "EUR"}


def prestashop_tables(folder: Path) -> Row:
    found = orders(4, discounts=True, freight=True)
    states = {"paid": 5, "unpaid": 1, "cancelled": 6, "refunded": 7}
    headers = [
        {
            **{"id_order": order.number + 1, "reference": f"R{order.number}", "id_customer": order.customer + 1},
            **{"current_state": states[order.state], "payment": "card", "date_add": f"{order.at}"},
            **{"total_discounts_tax_incl": money(order.discount), "total_products_wt": money(order.goods)},
            "total_paid_tax_incl": money(order.paid + order.freight),
            "total_shipping_tax_incl": money(order.freight),
        }
        for order in found
    ]
    lines = [
        {
            **{"id_order_detail": 10 * order.number + place, "id_order": order.number + 1},
            **{"product_id": int(line.item[2:]) + 1, "product_name": line.item, "product_quantity": line.pieces},
            **{"product_price": money(line.price), "unit_price_tax_incl": money(line.price)},
            "total_price_tax_incl": money(line.pieces * line.price),
        }
        for order in found
        for place, line in enumerate(order.lines)
    ]
    (folder / "ps_orders.csv").write_text(text(headers))
    (folder / "ps_order_detail.csv").write_text(text(lines))
    return answer(found)


def taobao(folder: Path) -> Row:
    found = orders(5, discounts=True)
    states = {"paid": "交易成功", "unpaid": "等待买家付款", "cancelled": "交易关闭", "refunded": "交易关闭"}
    headers = [
        {
            **{"订单编号": f'="{10**15 + order.number}"', "买家会员名": f"买家昵称{order.customer}"},
            **{"买家支付宝账号": order.email, "买家应付货款": money(order.paid), "买家应付邮费": "0.00"},
            **{"总金额": money(order.paid), "买家实际支付金额": money(order.paid if order.state == "paid" else 0)},
            **{
                "订单状态": states[order.state],
                "收货人姓名": "张三",
                "收货地址": "浙江省 杭州市",
                "联系手机": "'13800000000",
            },
            "订单创建时间": f"{order.at}",
            "订单付款时间": f"{order.at + timedelta(minutes=5)}" if order.state == "paid" else "",
            **{"宝贝标题": "连衣裙，春夏", "宝贝总数量": sum(line.pieces for line in order.lines)},
        }
        for order in found
    ]
    lines = [
        {
            **{"订单编号": f'="{10**15 + order.number}"', "标题": f"宝贝 {line.item}", "价格": money(line.price)},
            **{"购买数量": line.pieces, "外部系统编号": "", "商品属性": "颜色：红", "套餐信息": "", "备注": ""},
            **{"订单状态": states[order.state], "商家编码": line.item},
        }
        for order in found
        for line in order.lines
    ]
    (folder / "ExportOrderList202401.csv").write_text(text(headers), encoding="gbk")
    (folder / "ExportOrderDetailList202401.csv").write_text(text(lines), encoding="gbk")
    return {**answer(found), "currency": "CNY"}


def amazon(folder: Path) -> Row:
    found = orders(6, discounts=True)
    states = {"paid": "Shipped", "unpaid": "Pending", "cancelled": "Cancelled", "refunded": "Cancelled"}
    rows = [
        {
            **{"amazon-order-id": f"112-{order.number:07}-1", "merchant-order-id": "", "buyer-email": order.email},
            **{"purchase-date": f"{order.at:%Y-%m-%dT%H:%M:%S}+00:00", "last-updated-date": f"{order.at:%Y-%m-%d}"},
            **{"order-status": states[order.state], "fulfillment-channel": "Amazon", "sales-channel": "Amazon.de"},
            **{"product-name": "x", "sku": line.item, "asin": f"B0{line.item}", "item-status": "Shipped"},
            **{"quantity": line.pieces, "currency": "EUR", "item-price": money(line.pieces * line.price)},
            **{"item-tax": "0.00", "shipping-price": "0.00"},
            "item-promotion-discount": money(line.pieces * line.price - part),
            **{"ship-city": "Berlin", "ship-country": "DE"},
        }
        for order in found
        for line, part in zip(order.lines, shares(order), strict=True)
    ]
    (folder / "orders.txt").write_text(text(rows, "\t"))
    return {**answer(found), "currency": "EUR"}


def ebay(folder: Path) -> Row:
    found = [order for order in orders(7) if order.state == "paid"]
    rows: list[Row] = []
    for order in found:
        head: Row = {
            **{"Sales Record Number": order.number, "Order Number": f"12-{order.number:05}"},
            **{"Buyer Username": f"buyer_{order.customer}", "Buyer Email": order.email, "Item Number": ""},
            **{"Item Title": "", "Custom Label": "", "Quantity": "", "Sold For": "", "Shipping And Handling": "$0.00"},
            **{"Total Price": f"${order.goods / 100:,.2f}", "Sale Date": f"{order.at:%b-%d-%y}"},
            "Paid On Date": f"{order.at:%b-%d-%y}",
        }
        lines = [
            {"Item Number": f"4071{line.item[2:]}", "Quantity": line.pieces, "Sold For": f"${line.price / 100:,.2f}"}
            for line in order.lines
        ]
        if len(lines) == 1:
            rows.append({**head, **lines[0]})
        else:
            blank = {**dict.fromkeys(head, ""), "Order Number": head["Order Number"]}
            rows += [{**head, "Quantity": len(lines)}, *({**blank, **line} for line in lines)]
    blank_line = "," * (len(rows[0]) - 1)
    footer = f"\n{len(found)},record(s) downloaded,\nSeller ID : shop"
    (folder / "eBay-OrdersReport.csv").write_text(f"{blank_line}\n{text(rows)}{footer}\n")
    return answer(found)


def square(folder: Path) -> Row:
    found = [order for order in orders(8, discounts=True) if order.state in ("paid", "refunded")]
    rows = [
        {
            **{
                "Date": f"{order.at:%m/%d/%Y}",
                "Time": f"{order.at:%H:%M:%S}",
                "Time Zone": "Eastern Time (US & Canada)",
            },
            **{"Category": "Things", "Item": line.item, "Qty": sign * line.pieces, "Price Point Name": "Regular"},
            **{"SKU": line.item, "Modifiers Applied": ""},
            "Gross Sales": f"{'-' * (sign < 0)}${line.pieces * line.price / 100:,.2f}",
            **{"Discounts": "$0.00", "Net Sales": f"{'-' * (sign < 0)}${part / 100:,.2f}", "Tax": "$0.00"},
            **{"Transaction ID": f"T{order.number}{'R' * (sign < 0)}", "Payment ID": "p"},
            **{"Event Type": "Payment" if sign > 0 else "Refund", "Location": "Main"},
            **{"Customer ID": f"CUST{order.customer}" if order.number % 3 else "", "Customer Name": "Dee Example"},
        }
        for order in found
        for sign in (1, *((-1,) if order.state == "refunded" else ()))
        for line, part in zip(order.lines, shares(order), strict=True)
    ]
    (folder / "items-2024.csv").write_text(text(rows))
    known = [order for order in found if order.number % 3]
    paid = [Order(**{**vars(order), "state": "paid"}) for order in known]
    return {**answer(paid), "currency": "USD"}


def lightspeed(folder: Path) -> Row:
    found = [order for order in orders(9) if order.state == "paid"]
    rows: list[Row] = []
    for order in found:
        common = {"Date": f"{order.at}", "Receipt Number": order.number + 100}
        total = {"Quantity": 1, "Subtotal": money(order.paid), "Total": money(order.paid), "Details": "", "Sku": ""}
        who = {"Customer Code": f"Cust-{order.customer}", "Customer Name": "Jo Smith"}
        rows.append({**common, "Line Type": "Sale", **who, **total, "Status": "CLOSED"})
        for line in order.lines:
            paid = money(line.pieces * line.price)
            sold = {"Quantity": line.pieces, "Subtotal": paid, "Total": paid, "Details": "x", "Sku": line.item}
            rows.append({**common, "Line Type": "Sale Line", **sold})
        rows.append({**common, "Line Type": "Payment", **total, "Details": "Cash"})
    (folder / "sales.csv").write_text(text(rows))
    return answer(found)


def ga4(folder: Path) -> Row:
    found = [order for order in orders(10) if order.state == "paid"]
    events = []
    for order in found:
        user = f"10{order.customer}.1700000000"
        items = [
            {"item_id": line.item, "price": line.price / 100, "quantity": line.pieces, "item_params": []}
            for line in order.lines
        ]
        for minutes, name in ((30, "page_view"), (20, "view_item"), (10, "add_to_cart"), (0, "purchase")):
            instant = order.at - timedelta(minutes=minutes)
            sold = {"transaction_id": f"T{order.number}", "purchase_revenue": order.paid / 100}
            event = {
                "event_date": f"{instant:%Y%m%d}",
                "event_timestamp": int((instant - datetime(1970, 1, 1)).total_seconds() * 1e6),
                "event_name": name,
                "user_id": f"u{order.customer}" if order.number % 9 == 0 else None,
                "user_pseudo_id": user,
                "event_params": [{"key": "ga_session_id", "value": {"int_value": order.number}}],
                "ecommerce": sold if name == "purchase" else None,
                "items": items if name != "page_view" else [],
                "device": {"category": "mobile"},
            }
            events.append(json.dumps(event))
    (folder / "events_20240103.json").write_text("\n".join(events))
    return answer(found)


def workbook(folder: Path) -> Row:
    """Header and lines in two sheets, with titles above, the lines' article called by its number."""
    found = orders(11, freight=True)
    states = {"paid": "Versendet", "unpaid": "Offen", "cancelled": "Storniert", "refunded": "Retoure"}
    headers = [["Bestellungen 2024"], [], ["Bestellnummer", "Kundennummer", "Bestelldatum", "Versandkosten", "Status"]]
    headers += [
        [f"B{order.number}", f"K{order.customer}", f"{order.at:%d.%m.%Y}", order.freight / 100, states[order.state]]
        for order in found
    ]
    lines: list[list[object]] = [["Bestellnummer", "Artikelnummer", "Menge", "Einzelpreis"]]
    lines += [[f"B{order.number}", line.item, line.pieces, line.price / 100] for order in found for line in order.lines]
    write_workbook(folder / "shop.xlsx", {"Bestellungen": headers, "Positionen": lines})
    return answer(found)


def first_lines(folder: Path) -> Row:
    """An unknown export, with semicolons and decimal commas: the order's fields stand on its first line only."""
    found = orders(12, discounts=True, freight=True)
    states = {"paid": "bezahlt", "unpaid": "offen", "cancelled": "storniert", "refunded": "erstattet"}
    rows: list[Row] = []
    for order in found:
        head = {
            **{"Kunde": order.email, "Bestelldatum": f"{order.at:%d.%m.%Y %H:%M}", "Status": states[order.state]},
            **{"Gesamtbetrag": money(order.paid + order.freight, ","), "Versandkosten": money(order.freight, ",")},
        }
        for place, line in enumerate(order.lines):
            fields = head if place == 0 else dict.fromkeys(head, "")
            sold = {"Artikelnummer": line.item, "Menge": line.pieces, "Einzelpreis": money(line.price, ",")}
            rows.append({"Bestellnummer": f"B-{order.number:04}", **fields, **sold})
    (folder / "bestellungen.csv").write_text(text(rows, ";"))
    return answer(found)


def shopify(folder: Path) -> Row:
    """Orders and customers: several lines, order discounts, delivery, refunds, consent, totals to date."""
    found = orders(13, discounts=True, freight=True)
    states = {"paid": "paid", "unpaid": "pending", "cancelled": "voided", "refunded": "refunded"}
    rows: list[Row] = []
    for order in found:
        head = {
            **{"Financial Status": states[order.state], "Fulfillment Status": "fulfilled", "Currency": "EUR"},
            "Paid at": f"{order.at} +0100" if order.state in ("paid", "refunded") and order.number % 2 else "",
            **{"Subtotal": money(order.paid), "Shipping": money(order.freight), "Taxes": "0.00"},
            **{"Total": money(order.paid + order.freight), "Discount Amount": money(order.discount)},
            **{"Discount Code": "TEN" if order.discount else "", "Refunded Amount": "0.00"},
            "Accepts Marketing": "yes",  # once; the customers export knows who has unsubscribed since
        }
        for place, line in enumerate(order.lines):
            rows.append(
                {
                    **{"Name": f"#{1000 + order.number}", "Email": order.email},
                    **(head if place == 0 else dict.fromkeys(head, "")),
                    **{"Created at": f"{order.at} +0100", "Lineitem quantity": line.pieces, "Lineitem name": line.item},
                    **{"Lineitem price": money(line.price), "Lineitem sku": line.item, "Lineitem discount": "0.00"},
                }
            )
    people = [
        {
            **{"Customer ID": f"'{7_000 + n}", "First Name": "A", "Last Name": "B", "Email": f"c{n}@example.com"},
            **{"Accepts Email Marketing": "yes" if n % 3 == 0 else "no", "Default Address Country Code": "DE"},
            **{"Phone": "'+49", "Accepts SMS Marketing": "no", "Total Spent": "1.00", "Total Orders": n % 5},
            **{"Note": "", "Tax Exempt": "no", "Tags": ""},
        }
        for n in range(35)
    ]
    (folder / "orders_export_1.csv").write_text(text(rows))
    (folder / "customers_export.csv").write_text(text(people))
    return {**answer(found), "currency": "EUR", "consents": 12}


def who_and_when(folder: Path) -> Row:
    found = orders(14)
    rows = [{"client_id": order.customer, "purchase_date": f"{order.at:%m/%d/%Y}"} for order in found]
    (folder / "visits.csv").write_text(text(rows))
    return {"lines": len(found), "buyers": len({order.customer for order in found}), "revenue": None}


def month_first(folder: Path) -> Row:
    """Superstore's form: sales of a whole line, a rate of discount, dates month first without zeros."""
    found = orders(15)
    rows = [
        {
            **{"Row ID": 10 * order.number + place, "Order ID": f"CA-2024-{order.number:06}"},
            **{"Order Date": f"{order.at.month}/{order.at.day}/{order.at.year}", "Ship Mode": "Standard Class"},
            **{"Ship Date": f"{order.at.month}/{order.at.day}/{order.at.year}", "Customer ID": f"CG-{order.customer}"},
            **{"Customer Name": "Claire Gute", "Segment": "Consumer", "City": "Henderson", "Category": "Furniture"},
            **{"Product ID": line.item, "Product Name": "Case", "Sales": money(line.pieces * line.price)},
            **{"Quantity": line.pieces, "Discount": 0, "Profit": "1.00"},
        }
        for order in found
        for place, line in enumerate(order.lines)
    ]
    (folder / "Superstore.csv").write_text(text(rows), encoding="cp1252")
    every = [Order(**{**vars(order), "state": "paid"}) for order in found]
    return answer(every)


def two_signs(folder: Path) -> Row:
    """Two currencies, by the signs in the cells."""
    found = [order for order in orders(16) if order.state == "paid"]
    signs = ["£" if order.number % 4 == 0 else "€" for order in found]
    rows = [
        {
            "order_no": order.number,
            "customer": f"K{order.customer}",
            "date": f"{order.at}",
            "total": f"{sign}{money(order.goods)}",
        }
        for order, sign in zip(found, signs, strict=True)
    ]
    (folder / "sales.csv").write_text(text(rows))
    return {**answer([order for order, sign in zip(found, signs, strict=True) if sign == "€"]), "currency": "EUR"}


def two_files(folder: Path) -> Row:
    """Header and lines in two files that call the order differently; delivery and discounts in the header's sum."""
    found = orders(30, discounts=True, freight=True)
    states = {"paid": "complete", "unpaid": "pending", "cancelled": "canceled", "refunded": "refunded"}
    headers = [
        {
            **{"id": order.number + 1, "customer_no": order.customer, "created": f"{order.at}"},
            **{"state": states[order.state], "grand_total": money(order.paid + order.freight)},
            "shipping_cost": money(order.freight),
        }
        for order in found
    ]
    lines = [
        {
            **{"pos": place, "order_no": order.number + 1, "article_no": line.item, "qty": line.pieces},
            "unit_price": money(line.price),
        }
        for order in found
        for place, line in enumerate(order.lines)
    ]
    (folder / "orders.csv").write_text(text(headers))
    (folder / "order_positions.csv").write_text(text(lines))
    return answer(found)


def for_people(folder: Path) -> Row:
    """Lines that name no order belong to the order above."""
    found = [order for order in orders(32) if order.state == "paid"]
    rows: list[Row] = []
    for order in found:
        head = {"Order No": order.number, "Customer": f"C{order.customer}", "Order Date": f"{order.at:%Y-%m-%d}"}
        for place, line in enumerate(order.lines):
            fields = head if place == 0 else dict.fromkeys(head, "")
            rows.append({**fields, "Item": line.item, "Qty": line.pieces, "Unit Price": money(line.price)})
    (folder / "orders.csv").write_text(text(rows))
    return answer(found)


def nested(folder: Path) -> Row:
    """One JSON object that lists the orders, with what they hold below them."""
    found = orders(23)
    states = {"paid": "paid", "unpaid": "pending", "cancelled": "voided", "refunded": "refunded"}
    listed = [
        {
            **{"id": order.number, "email": order.email, "created_at": f"{order.at.isoformat()}+00:00"},
            **{"currency": "EUR", "financial_status": states[order.state], "total_price": money(order.goods)},
            "line_items": [{"sku": line.item, "quantity": line.pieces} for line in order.lines],
        }
        for order in found
    ]
    (folder / "orders.json").write_text(json.dumps({"orders": listed}))
    return answer(found)


EXPORTS = {
    writer.__name__: writer
    for writer in (
        *(woocommerce_items, woocommerce_advanced, prestashop_grid, prestashop_tables, taobao, amazon, ebay, square),
        *(lightspeed, ga4, workbook, first_lines, shopify, who_and_when, month_first, two_signs),
        *(two_files, for_people, nested),
    )
}
