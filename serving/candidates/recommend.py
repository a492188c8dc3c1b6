"""Which category and offer go with a customer: by what was bought, the product's role, and price sensitivity.

Traffic and marginal goods are for promotions to those who lapse or bought once; profit goods are discounted little
and hold the regulars. The recommendation stands beside the arm: it says what to test next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..goals.catalogue import Goal
from ..goals.offers import OFFER_KINDS, Arm

# Where the category comes from, best first: due again, waiting in the cart, likely next, liked most.
CATEGORY_SOURCES = ("due_category", "open_cart_category", "next_category", "top_category")
SENSITIVE = 0.6  # share of goods bought on discount from which a customer counts as price-sensitive
PROMOTED_ROLES = ("traffic", "marginal")

Texts = npt.NDArray[np.object_]


def recommended_category(people: pd.DataFrame) -> Texts:
    """Return the category to show each customer, None where nothing is known."""
    category = np.full(len(people), None, dtype=object)
    for name in reversed([name for name in CATEGORY_SOURCES if name in people]):
        values = people[name].astype(object).to_numpy()
        known = people[name].notna().to_numpy()
        category[known] = values[known]
    return category


def recommended_offer(people: pd.DataFrame, goal: Goal) -> Texts:
    """Return the kind of offer that suits each customer, among those of the goal.

    Parameters
    ----------
    people
        Candidates; ``category_role`` (traffic, profit, potential, marginal), ``price_sensitivity`` (0..1) and
        ``freight_sensitivity`` (0..1) where they are known.
    goal
        Its arms are what can be recommended.

    Returns
    -------
    ndarray of shape (n,)
        Kinds of offers. Sensitive to price: the strongest, for goods that are there to be promoted, and a milder
        one for the others; sensitive to freight: free freight; everyone else: the mildest.
    """
    sensitive = _at_least(people, "price_sensitivity", SENSITIVE)
    freight = _at_least(people, "freight_sensitivity", SENSITIVE)
    role = people["category_role"].astype(object) if "category_role" in people else pd.Series(None, people.index)
    promoted = (role.isin(PROMOTED_ROLES) | role.isna()).to_numpy()
    offered = [arm.offer.kind for arm in goal.arms]
    wanted = np.full(len(people), nearest("reminder", goal.arms), dtype=object)
    wanted[sensitive & ~promoted] = nearest("points", goal.arms)
    wanted[sensitive & promoted] = nearest("cash_coupon", goal.arms)
    if "free_freight" in offered:
        wanted[freight] = "free_freight"
    return wanted


def nearest(kind: str, arms: Sequence[Arm]) -> str:
    """Return the kind among the arms' offers that is nearest in strength; the milder of two.

    Examples
    --------
    >>> from penchant.serving.goals.catalogue import GOALS
    >>> nearest("cash_coupon", GOALS["retain"].arms)
    'membership'
    """
    asked = OFFER_KINDS.index(kind)
    return min((arm.offer for arm in arms), key=lambda o: (abs(o.strength - asked), o.strength)).kind


def message_keys(people: pd.DataFrame, messages: Mapping[str, str], to_new: Mapping[str, str]) -> Texts:
    """Return the message key of each customer, by the category bought most; ``default`` for all others, else None.

    Customers with one order get that of ``to_new`` where it has one of the category.
    """
    keys = pd.Series(messages.get("default"), people.index, dtype=object)
    if "bought_category" in people:
        is_new = people["n_orders"] == 1 if "n_orders" in people else pd.Series(False, people.index)
        for known, mask in ((messages, True), (to_new, is_new)):
            mapped = people["bought_category"].map({name: key for name, key in known.items() if name != "default"})
            keys = keys.where(mapped.isna() | ~(mask & mapped.notna()), mapped)
    return keys.astype(object).where(keys.notna(), None).to_numpy(dtype=object, copy=True)


def _at_least(people: pd.DataFrame, name: str, bound: float) -> npt.NDArray[np.bool_]:
    if name not in people:
        return np.zeros(len(people), bool)
    return people[name].to_numpy(np.float64, na_value=np.nan) >= bound
