"""A list from outside held against a shop's customers: by id, by the hash of the id, or by attributes alone."""

from __future__ import annotations

from hashlib import sha256

import pandas as pd

from penchant.errors import InputError, quoted

from ...features.intake.ids import plain_ids
from ...features.shop import Shop
from .both_known import words_of
from .likeness_judged import JudgedLikeness

ID, HASH = "customer_id", "customer_id_sha256"


def traits_for(shop: Shop, outside: pd.DataFrame | None) -> list[str] | None:
    """Return the traits that a list can be scored by; None: all that the shop knows.

    Raises
    ------
    InputError
        If the list has neither ids nor an attribute of the shop's customers, or no rows.
    """
    if outside is None:
        return None
    if outside.empty:
        raise InputError("list", "at least one row", "none")
    if ID in outside or HASH in outside:
        return None
    known = list(shop.tables["customers"].columns) if shop.has("customers") else []
    shared = [words_of(str(name)) for name in outside if name in known]
    if not shared:
        expected = f"a column '{ID}' or '{HASH}', or attributes of customers: {quoted(known) or 'this shop has none'}"
        raise InputError("list", expected, f"columns {quoted(map(str, outside))}")
    return shared


def match_list(outside: pd.DataFrame, judged: JudgedLikeness) -> pd.DataFrame:
    """Return the traits of each row of a list, in its order, and ``status``.

    Status is ``customer`` for who has ordered, ``stranger`` for who is known without an order, ``not known`` for an id
    that the shop has never seen, and ``from the list`` where attributes alone are given. Hashes are SHA-256 of the id
    as UTF-8, in hexadecimal of either case.
    """
    if ID not in outside and HASH not in outside:
        return outside.rename(columns=lambda name: words_of(str(name))).assign(status="from the list")
    people = judged.people
    if ID in outside:
        keys = plain_ids(outside[ID], where="ids of the list").astype(object)
    else:
        hashes = {sha256(str(name).encode()).hexdigest(): name for name in people.index}
        keys = outside[HASH].astype("string").str.strip().str.lower().map(hashes)
    found = people.reindex(keys)
    n_orders = found["n_orders"].to_numpy()
    status = ["not known" if pd.isna(n) else "customer" if n else "stranger" for n in n_orders]
    return found.assign(status=status).reset_index(drop=True)
