"""How often offers are redeemed, learned from past waves: of those who acted after an offer, how many used it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import ibis
import pandas as pd
from ibis import _
from scipy import stats

from ...features.shop import Shop
from ...models.inputs.estimate import Estimate
from ..goals.offers import CONTROL, FREE_OF_COST, REDEEM_RATE, Arm
from ..insight.spent import standing_lines

PRIOR_WEIGHT = 10.0  # customers at the assumed rate that every kind of offer is mixed with
USUAL_DAYS = 10
NEEDED = ("contacted_at", "redeemed_at")


@dataclass(frozen=True)
class RedemptionRate:
    """What past waves say of a kind of offer.

    Attributes
    ----------
    kind
        Of the offer.
    n_acted, n_redeemed
        Customers who ordered while the offer held, and those of them who redeemed it.
    rate
        Their share, mixed with the assumed one, with its 95 % interval.
    """

    kind: str
    n_acted: int
    n_redeemed: int
    rate: Estimate


def learned_rates(shop: Shop, arms: Mapping[str, Sequence[Arm]] | None = None) -> dict[str, RedemptionRate]:
    """Return by kind of offer how often it is redeemed, from the shop's own assignments.

    Parameters
    ----------
    shop
        The shop; nothing is learned where it does not know contacts, redemptions or orders.
    arms
        Campaign -> its arms, where records describe them. Of other campaigns only those with one treatment count: the
        shop's table has one offer for each campaign, and another arm's may differ.

    Returns
    -------
    dict
        Kind -> rate. Beta-binomial: the assumption counts as ten customers.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, section 2.4.
    """
    if not shop.has("assignments", *NEEDED) or not shop.has("orders"):
        return {}
    rows = _acted(shop)
    described = arms or {}
    one_arm = rows.groupby("campaign_id")["arm"].transform("nunique") == 1
    kinds = [
        _kind_of(campaign, arm, kind if alone else None, described)
        for campaign, arm, kind, alone in zip(rows["campaign_id"], rows["arm"], rows["kind"], one_arm, strict=True)
    ]
    known = rows.assign(kind=pd.Series(kinds, rows.index, dtype="object")).dropna(subset="kind")
    counts = known[~known["kind"].isin(FREE_OF_COST)].groupby("kind")["redeemed"].agg(["size", "sum"])
    return {str(kind): _rate(str(kind), int(row["size"]), int(row["sum"])) for kind, row in counts.iterrows()}


def with_learned(arms: Sequence[Arm], rates: Mapping[str, RedemptionRate]) -> tuple[Arm, ...]:
    """Return arms whose offers have the learned rate where theirs is the assumption."""

    def learned(arm: Arm) -> Arm:
        rate = rates.get(arm.offer.kind)
        if rate is None or arm.offer.redeem_rate != REDEEM_RATE:
            return arm
        return replace(arm, offer=replace(arm.offer, redeem_rate=rate.rate.value))

    return tuple(map(learned, arms))


def _rate(kind: str, n_acted: int, n_redeemed: int) -> RedemptionRate:
    yes, no = PRIOR_WEIGHT * REDEEM_RATE + n_redeemed, PRIOR_WEIGHT * (1 - REDEEM_RATE) + n_acted - n_redeemed
    low, high = stats.beta.ppf([0.025, 0.975], yes, no)
    return RedemptionRate(kind, n_acted, n_redeemed, Estimate(yes / (yes + no), float(low), float(high)))


def _kind_of(campaign: str, arm: str, kind: str | None, described: Mapping[str, Sequence[Arm]]) -> str | None:
    found = next((one.offer.kind for one in described.get(campaign, ()) if one.name == arm), None)
    return found or (None if pd.isna(kind) else kind)


def _acted(shop: Shop) -> pd.DataFrame:
    """Return the treated who ordered while the offer held: campaign, arm, kind of offer, whether it was redeemed."""
    sent = shop.tables["assignments"].filter(_.contacted_at.notnull(), _.arm != CONTROL)
    sent = sent.select("campaign_id", "customer_id", "arm", "contacted_at", "redeemed_at")
    kind, days = ibis.null("string"), ibis.literal(USUAL_DAYS)
    if shop.has("campaigns", "offer_kind"):
        columns = ["campaign_id", "offer_kind"] + (
            ["offer_valid_days"] if shop.has("campaigns", "offer_valid_days") else []
        )
        sent = sent.left_join(shop.tables["campaigns"].select(columns), "campaign_id").drop("campaign_id_right")
        kind = sent.offer_kind
        if "offer_valid_days" in sent.columns:
            days = sent.offer_valid_days.fill_null(USUAL_DAYS)
    sent = sent.mutate(kind=kind, until=sent.contacted_at + days.cast("int64").as_interval("D"))
    orders = standing_lines(shop, shop.extract_end).select("customer_id", at=_.ordered_at)
    joined = sent.inner_join(orders, "customer_id")
    inside = joined.filter(joined["at"] >= joined.contacted_at, joined["at"] < joined.until)
    key = ["campaign_id", "customer_id", "arm", "contacted_at"]
    found = inside.group_by([*key, "kind"]).aggregate(redeemed=inside.redeemed_at.notnull().any())
    return found.select("campaign_id", "arm", "kind", "redeemed").to_pyarrow().to_pandas()
