"""Names of columns in other languages than English, word by word, as far as shops' exports use them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

_SAID: Mapping[str, str] = {  # English -> the words of other languages, without accents
    "customer": "kunde kunden kundin kund cliente clientes clienti klant klanten klient klienta kaufer kaeufer benutzer"
    " nutzer usuario utilisateur utente gebruiker comprador acheteur mitglied musteri клиент клиента покупатель",
    "order": "bestellung bestellungs bestell auftrag auftrags commande commandes pedido pedidos encomenda ordine ordini"
    " orden bestelling bestel zamowienie zamowienia ordre siparis заказ заказа",
    "purchase": "kauf einkauf verkauf verkaufs venta ventas venda vendas vente ventes vendita compra compras achat"
    " achats acquisto verkoop продажа продажи покупка покупки",
    "transaction": "transaktion transaktions transaccion transacao transazione",
    "invoice": "rechnung rechnungs beleg bon facture factura fatura fattura factuur faktura scontrino чек",
    "item": "artikel artikels produkt produkts produit producto produto prodotto articulo articolo artigo товар товара",
    "id": "nr nummer num numero nro no n identifiant identificador codigo codice kennung referencia reference"
    " номер код",
    "name": "bezeichnung nombre nom nome naam beschreibung designation descripcion descricao descrizione название",
    "date": "datum fecha data dia jour giorno дата tarih",
    "time": "zeit uhrzeit zeitpunkt heure hora ora tijd время",
    "quantity": "menge anzahl stuckzahl stueckzahl stuck quantite qte cantidad cant quantidade qtd qtde quantita qta"
    " aantal ilosc antal количество miktar",
    "price": "preis prix precio preco prezzo prijs cena pris цена fiyat",
    "unit": "einzel unitaire unitario unitaria stuckpreis",
    "total": "gesamt summe totale totaal итого toplam",
    "amount": "betrag montant importe importo bedrag kwota belopp monto сумма tutar",
    "value": "wert valor valeur valore waarde",
    "revenue": "umsatz ingresos faturamento fatturato omzet выручка",
    "category": "kategorie warengruppe categorie categoria kategori категория",
    "status": "estado etat situacao situacion stato statut статус",
    "payment": "zahlung zahlungs zahl paiement pago pagamento betaling betaal оплата",
    "paid": "bezahlt paye pagado",
    "freight": "versandkosten porto frete portes",
    "delivery": "liefer lieferung livraison entrega consegna bezorg доставка",
    "shipping": "versand envio expedition spedizione verzend",
    "discount": "rabatt remise descuento desconto sconto korting rabat скидка",
    "cancelled": "storno storniert stornierung annulation cancelacion cancelamento annullamento",
    "refund": "retoure ruckgabe erstattung remboursement reembolso devolucion devolucao rimborso",
    "registration": "registrierung registrierungs anmelde inscription registro cadastro",
    "birth": "geburt geburts naissance nacimiento nascimento nascita geboorte",
    "gender": "geschlecht sexe sexo sesso geslacht пол",
    "city": "stadt ort ville ciudad cidade citta plaats город",
    "country": "land pays pais paese",
    "state": "bundesland provincia",
    "zip": "plz cep cap postleitzahl",
    "email": "correo mail",
    "seller": "verkaufer vendeur vendedor venditore verkoper",
    "store": "filiale laden magasin tienda loja negozio winkel магазин",
    "channel": "kanal canal canale kanaal",
}
_WORDS = {word: english for english, words in _SAID.items() for word in words.split()}
_OF = frozenset("de du des del della di da do dos das la le el der die d l van en am".split())  # noqa: SIM905
_HEADS = frozenset("id date time price quantity amount value total status name".split())  # noqa: SIM905
_SIGNS: Mapping[str, str] = {  # the longer first
    "下单时间": "order_time",
    "支付时间": "payment_time",
    "付款时间": "payment_time",
    "注册": "registration",
    "订单": "order",
    "交易": "transaction",
    "发票": "invoice",
    "用户": "user",
    "会员": "member",
    "客户": "customer",
    "顾客": "customer",
    "买家": "buyer",
    "商品": "item",
    "产品": "product",
    "编号": "id",
    "编码": "id",
    "数量": "quantity",
    "件数": "quantity",
    "单价": "unit_price",
    "价格": "price",
    "原价": "list_price",
    "实付": "paid",
    "金额": "amount",
    "销售额": "sales",
    "销售": "sales",
    "购买": "purchase",
    "消费": "purchase",
    "日期": "date",
    "时间": "time",
    "状态": "status",
    "类别": "category",
    "类目": "category",
    "品类": "category",
    "分类": "category",
    "性别": "gender",
    "省份": "province",
    "城市": "city",
    "运费": "freight",
    "折扣": "discount",
    "优惠": "discount",
    "退款": "refund",
    "取消": "cancelled",
    "渠道": "channel",
    "名称": "name",
    "号": "id",
}


def plain(name: str) -> str:
    """Return a column's name in lower case, its words joined by underscores.

    Examples
    --------
    >>> plain("InvoiceNo"), plain("Customer ID"), plain("visitorid"), plain("ORDER-DATE")
    ('invoice_no', 'customer_id', 'visitorid', 'order_date')
    """
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name.strip())
    return re.sub(r"[\W_]+", "_", words).strip("_").lower()


def english(name: str) -> str:
    """Return a plain name with its words in English, in English order; itself where none is foreign.

    Parameters
    ----------
    name
        A name in lower case, its words joined by underscores.

    Examples
    --------
    >>> english("kundennummer"), english("fecha_de_pedido"), english("prix_unitaire"), english("订单编号")
    ('customer_id', 'order_date', 'unit_price', 'order_id')
    >>> english("id_product"), english("date_of_birth"), english("order_date")
    ('product_id', 'date_of_birth', 'order_date')
    """
    spoken = _without_accents(name)
    for sign, word in _SIGNS.items():
        spoken = spoken.replace(sign, f"_{word}_")
    given = [word for word in spoken.split("_") if word]
    words = [part for word in given for part in _translated(word)]
    if words == given and given[:1] != ["id"] and spoken == name:
        return name
    words = [word for word in words if word not in _OF] or words
    if len(words) > 1 and words[0] in _HEADS and not (words[0] == "total" and words[1] in _HEADS):
        words = [*words[1:], words[0]]
    return "_".join(words)


def _without_accents(name: str) -> str:
    apart = unicodedata.normalize("NFKD", name)
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def _translated(word: str) -> list[str]:
    """Return a word in English: itself where it is not known, two where it is made of two."""
    if word in _WORDS:
        return [_WORDS[word]]
    for place in range(3, len(word) - 1):
        first, second = word[:place], word[place:]
        if first in _WORDS and (second in _WORDS or second in _HEADS):
            part = "unit" if first in ("stuck", "stueck") else _WORDS[first]
            return [part, _WORDS.get(second, second)]
    return [word]


_STATES: Mapping[str, str] = {  # how a word begins -> what an order is then; the first that is found
    "partial": "paid",
    "refund return chargeback rembours reembols devol devuel erstatt retour ruckerstatt rimbors"
    " 退款 退货 возвр": "refunded",
    "unpaid unbezahlt impag nonpaid 未支付 未付款 待付款 待支付": "unpaid",
    "cancel annul anul storn void fail reject declin fraud abandon expir unavail rechaz fallid abgebroch abgelehnt"
    " geannul 取消 关闭 失败 отмен": "cancelled",
    "pend await hold draft offen attente attesa review ausstehend awaiting": "unpaid",
    "paid deliver ship complet approv invoic process clos success confirm fulfil dispatch receiv bezahlt versand"
    " versend geliefert abgeschloss entreg enviad pagad pago paye livr expedi spedit consegn termin cod 成功 完成"
    " 已支付 已付款 已发货 签收 оплач доставл выполн": "paid",
}


def state_of(value: str) -> str | None:
    """Return what a shop's name of an order's state seems to mean; None where no word is known.

    Examples
    --------
    >>> state_of("wc_completed"), state_of("order_refunded"), state_of("storniert"), state_of("blue")
    ('paid', 'refunded', 'cancelled', None)
    """
    plain = _without_accents(value)
    for begins, state in _STATES.items():
        words = "|".join(map(re.escape, begins.split()))
        if re.search(rf"(?:^|_|(?=[^\x00-\x7f]))(?:{words})", plain):
            return state
    return None
