"""What the pages show, made ready once: a job opens the shop, so that no page has to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ibis import _

from penchant.errors import InputError, LeftOutError, TooLittleDataError
from penchant.output import replaced_folder, write_json

from ...features.catalogue import our_groups
from ...features.criteria import own_crowds
from ...features.engine.temporary import Keep
from ...features.history.evaluate import evaluated
from ...features.history.facts import order_lines
from ...features.history.past import Past
from ...features.matrix import build
from ...features.shop import Shop
from ...features.signals.crowd import Crowd
from ...features.signals.profile import attributes_of
from ...features.spine import Spine
from ...models.store.address import Store
from ..insight.flow import stages_at_both
from ..insight.page import InsightPage, moment_of
from .campaign_counts import campaign_counts
from .crowd_words import CROWD, STAGE_BEFORE
from .model_files import write_models
from .names import CAMPAIGNS, CUSTOMERS_FILE, OVERVIEW_FILE, TIMELINE_FILE, TRAITS_FILE, as_json
from .prepared_pages import MONTH, pages_of, stored_values
from .rows import counts_of

ROWS_IN_A_GROUP = 2_048  # what one customer's page reads at the most
GROUPS = (
    "recency",
    "frequency",
    "monetary",
    "rfm",
    "category",
    "price",
    "funnel",
    "lifecycle",
    "crowds",
    "contact",
    "profile",
)
SIGNALS = (  # in the order in which a customer's page tells them
    "stage",
    "days_in_stage",
    "funnel_state",
    "days_since_registration",
    "days_since_last_purchase",
    "days_since_first_purchase",
    "days_since_last_visit",
    "n_purchases",
    "n_purchases_365d",
    "n_visits_30d",
    "amount_total",
    "amount_365d",
    "amount_mean_365d",
    "cycle_days",
    "overdue_days",
    "rfm_recency",
    "rfm_frequency",
    "rfm_monetary",
    "rfm_segment",
    "category_top_1",
    "price_tier",
    "discount_line_share",
    "n_open_cart",
    "open_cart_value",
    "n_unpaid_orders",
    "n_contacted_90d",
    "days_since_last_contact",
    "contact_opened_rate",
    "gender",
    "region",
    "age_years",
    "acquisition_channel",
)


def prepare(
    shop: Shop,
    folder: Path,
    manifest: Mapping[str, Any],
    as_of: datetime | None = None,
    store: Store | Path | None = None,
    audiences: Sequence[Path] = (),
) -> dict[str, Any]:
    """Write what the pages show of a shop into a folder that is replaced as a whole.

    Parameters
    ----------
    shop
        The shop.
    folder
        Receives JSON files of the insight pages, ``customers.parquet`` and ``timeline.parquet``.
    manifest
        What the result depends on.
    as_of
        UTC without a zone; default: the end of the data.
    store
        MLflow's, of whose models the page tells; None: of none.
    audiences
        Folders of audiences that were drawn, for what they promised and what their arms were.

    Returns
    -------
    dict
        as_of, the number of customers, and what was left out, with the reason.
    """
    moment = moment_of(shop, as_of)
    left_out: dict[str, str] = {}
    with replaced_folder(folder, manifest) as place:
        for name, page in pages_of(shop, moment, audiences).items():
            _write_page(place / f"{name}.json", page, name, left_out)
        n_customers = _write_customers(shop, moment, place / CUSTOMERS_FILE)
        _write_timeline(shop, moment, place / TIMELINE_FILE)
        write_json(place / f"{CAMPAIGNS}.json", {CAMPAIGNS: as_json(campaign_counts(shop, moment))})
        if store is not None:
            write_models(store, shop.config.shop.name, place)
        told = {"as_of": moment.isoformat(), "n_customers": n_customers, "left_out": left_out}
        names = [name for name, *_rest in attributes_of(shop)]
        write_json(place / OVERVIEW_FILE, {**told, "attributes": names, "months": _months(shop, moment)})
    return told


def _write_page(path: Path, page: Callable[[], InsightPage], name: str, left_out: dict[str, str]) -> None:
    try:
        made = page()
    except (LeftOutError, TooLittleDataError, InputError) as fault:  # a shop that cannot have one page has the others
        left_out[name] = str(fault)
        return
    write_json(path, as_json(stored_values(name, made)))


def _write_customers(shop: Shop, moment: datetime, path: Path) -> int:
    """Write one row for each customer known at the moment, sorted by customer_id: stage, crowds, signals."""
    there = {group.name for group in our_groups(shop)}
    matrix = build(shop, Spine.at(shop, moment), groups=[name for name in GROUPS if name in there])
    names = [column.name for column in matrix.columns]
    kept = [*(name for name in SIGNALS if name in names), *(name for name in names if name.startswith(CROWD))]
    table = matrix.table.select("customer_id", *kept).order_by("customer_id").to_pyarrow()
    table = table.append_column(STAGE_BEFORE, _stages_before(shop, moment, table["customer_id"]))
    for name, flags in _own_crowds(shop, moment).items():
        table = table.append_column(CROWD + name, flags)
    pq.write_table(table, path, row_group_size=ROWS_IN_A_GROUP)
    texts = [field.name for field in table.schema if pa.types.is_string(field.type) and field.name != "customer_id"]
    write_json(path.parent / TRAITS_FILE, counts_of(path, texts, None))
    return int(table.num_rows)


def _stages_before(shop: Shop, moment: datetime, customers: pa.ChunkedArray) -> pa.Array:
    """Return the stage of each customer a month before the moment, as the flow counts it; null where it counts none."""
    with Keep(shop.backend) as keep:
        pairs = stages_at_both(shop, moment - MONTH, moment, keep).select("customer_id", "was").to_pyarrow()
    places = pc.index_in(customers.cast(pa.string()), value_set=pairs["customer_id"].cast(pa.string()))
    return pairs["was"].cast(pa.string()).take(places).combine_chunks()


def _own_crowds(shop: Shop, moment: datetime) -> dict[str, pa.Array]:
    """Return the shop's own crowds -> 1 or 0 for each customer known at the moment, sorted by customer_id."""
    crowds = own_crowds(shop, moment)
    if not crowds:
        return {}
    asked = {f"{CROWD}{place}": partial(_as_number, crowd) for place, crowd in enumerate(crowds)}
    windows = tuple(sorted(set(shop.config.features.windows)))
    with Keep(shop.backend) as keep:
        people = evaluated(shop, Spine.at(shop, moment), asked, keep, windows)[0]
        table = people.order_by("customer_id").to_pyarrow()
    return {crowd.name: table[f"{CROWD}{place}"] for place, crowd in enumerate(crowds)}


def _as_number(crowd: Crowd, past: Past) -> Any:
    return crowd.holds(past).cast("int64")


def _write_timeline(shop: Shop, moment: datetime, path: Path) -> None:
    """Write what happened to each customer before the moment, latest first: orders, and contacts with their arm."""
    parts = [table for table in (_orders(shop, moment), _contacts(shop, moment)) if table is not None]
    schema = pa.schema(
        [
            ("customer_id", pa.string()),
            ("at", pa.timestamp("us")),
            ("what", pa.string()),
            ("name", pa.string()),
            ("amount", pa.float64()),
        ]
    )
    table = pa.concat_tables([part.cast(schema) for part in parts]) if parts else schema.empty_table()
    table = table.sort_by([("customer_id", "ascending"), ("at", "descending")])
    pq.write_table(table, path, row_group_size=ROWS_IN_A_GROUP)


def _orders(shop: Shop, moment: datetime) -> pa.Table | None:
    lines = _purchased(shop, moment)
    amount = (_.amount.sum() / 10**shop.decimals) if "amount" in lines.columns else ibis.null("float64")
    orders = lines.group_by("customer_id", "order_key").aggregate(at=_.paid_at.min(), amount=amount)
    return orders.select(
        "customer_id", "at", what=ibis.literal("order"), name=_.order_key, amount=_.amount.cast("float64")
    ).to_pyarrow()


def _contacts(shop: Shop, moment: datetime) -> pa.Table | None:
    if not shop.has("assignments"):
        return None
    rows = shop.tables["assignments"].filter(_.assigned_at < moment)
    return rows.select(
        "customer_id",
        at=_.assigned_at,
        what=ibis.cases((_.arm == "control", "control"), else_="contact"),
        name=_.campaign_id + " · " + _.arm,
        amount=ibis.null("float64"),
    ).to_pyarrow()


def _purchased(shop: Shop, moment: datetime) -> Any:
    """Return the order lines that count as bought at the moment, as they stood then."""
    lines = order_lines(shop)
    ended = [lines[name].isnull() | (lines[name] >= moment) for name in ("cancelled_at", "refunded_at")]
    return lines.filter(lines.paid_at < moment, *ended)


def _months(shop: Shop, moment: datetime) -> list[dict[str, Any]]:
    """Return revenue, orders and buyers of each month of the last two years, the unfinished one marked."""
    lines = _purchased(shop, moment)
    month = lines.paid_at.truncate("month")
    values = {"n_orders": _.order_key.nunique(), "n_buyers": _.customer_id.nunique()}
    if "amount" in lines.columns:
        values["revenue"] = _.amount.sum() / 10**shop.decimals
    rows = lines.group_by(month=month).aggregate(**values).order_by("month").to_pyarrow().to_pylist()[-25:]
    this = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return [as_json({**row, "month": f"{row['month']:%Y-%m}", "is_unfinished": row["month"] >= this}) for row in rows]
