"""What a shop's codes mean: kinds of events, and states of orders."""

from __future__ import annotations

from collections.abc import Mapping

from .files import ColumnLook, TableLook
from .languages import plain, state_of

KINDS: Mapping[str, str] = {
    **dict.fromkeys(
        ("pv", "view", "click", "clk", "product_view", "view_item", "page_view", "impression", "product"), "view"
    ),
    **dict.fromkeys(("detail_view", "browse", "viewed", "clicks", "view_product"), "view"),
    **dict.fromkeys(("cart", "addtocart", "add_to_cart", "add", "basket", "added_to_cart", "addcart"), "cart"),
    **dict.fromkeys(("fav", "favorite", "favourite", "favor", "collect", "wishlist", "add_to_wishlist"), "favorite"),
    **dict.fromkeys(("buy", "purchase", "transaction", "pay", "payment", "bought", "purchased", "checkout"), "pay"),
    **dict.fromkeys(("order", "place_order", "ordered", "alipay"), "order"),
    **dict.fromkeys(("register", "signup", "sign_up", "registration"), "register"),
    **dict.fromkeys(("login", "log_in", "session_start", "signin", "sign_in"), "login"),
    **dict.fromkeys(("search", "query", "view_search_results"), "search"),
    **dict.fromkeys(("coupon_claim", "claim", "claim_coupon", "coupon_receive"), "coupon_claim"),
    **dict.fromkeys(("coupon_redeem", "redeem", "use_coupon"), "coupon_redeem"),
    **dict.fromkeys(("content", "article", "post", "read"), "content"),
}

STATUSES: Mapping[str, str] = {
    **dict.fromkeys(("paid", "delivered", "shipped", "completed", "complete", "approved", "invoiced"), "paid"),
    **dict.fromkeys(("processing", "closed", "success", "successful", "confirmed", "fulfilled", "dispatched"), "paid"),
    **dict.fromkeys(("交易成功", "已支付", "已完成", "received"), "paid"),
    **dict.fromkeys(("unpaid", "created", "pending", "pending_payment", "open", "new", "on_hold", "draft"), "unpaid"),
    **dict.fromkeys(("canceled", "cancelled", "unavailable", "failed", "rejected", "voided", "expired"), "cancelled"),
    **dict.fromkeys(("交易关闭", "已取消", "void", "declined", "canceled_by_user"), "cancelled"),
    **dict.fromkeys(("refunded", "refund", "returned", "return", "chargeback", "已退款"), "refunded"),
}


def kinds_known(values: tuple[str, ...]) -> bool:
    """Say whether most values are names of things that customers do."""
    kinds = [KINDS[plain(value)] for value in values if plain(value) in KINDS]
    tells = {"pay", "cart", "view"} <= set(kinds)  # logs of a site hold much else
    return len(kinds) >= 2 and (tells or len(kinds) >= 0.5 * len(values))


def numbered_kinds(column: ColumnLook) -> dict[str, str]:
    """Return the meaning of numbered kinds, as the public data sets of Alibaba number them."""
    values = sorted(column.values)
    if plain(column.name).startswith("behavior") and set(values) <= {"1", "2", "3", "4"}:
        return {"1": "view", "2": "favorite", "3": "cart", "4": "pay"}
    if plain(column.name).startswith("action") and set(values) <= {"0", "1", "2", "3"}:
        return {"0": "view", "1": "cart", "2": "pay", "3": "favorite"}
    return {}


def kind_codes(column: ColumnLook) -> dict[str, str]:
    """Return the shop's kinds and what they mean, as far as they are known; nothing where too few are."""
    if numbered := numbered_kinds(column):
        return {value: kind for value, kind in numbered.items() if value in column.values}
    if not kinds_known(column.values):
        return {}
    return {value: KINDS[plain(value)] for value in column.values if plain(value) in KINDS}


def status_codes(look: TableLook, roles: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return what an order's states mean, and notes on what is not known; nothing where most are not."""
    if "status" not in roles:
        return {}, []
    column = look.column(roles["status"])
    told = {value: STATUSES.get(plain(value)) or state_of(plain(value)) for value in column.values}
    known = {value: state for value, state in told.items() if state is not None}
    unknown = [value for value in column.values if value not in known]
    if len(known) < len(unknown):
        return {}, [f"'{column.name}' is not used: its codes are not known ({', '.join(unknown[:5])})"]
    notes = [f"TODO '{value}' of '{column.name}' is not known and taken for paid" for value in unknown]
    return known | dict.fromkeys(unknown, "paid"), notes
