"""What buyers of each category worry about: complaints by topic, and topics told from texts where nobody named them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from ibis import _

from penchant.errors import LeftOutError, TooLittleDataError
from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.engine.times import instant
from ...features.shop import Shop
from .concern import LEAST_SAID, Concern, ConcernKeys, keys_of_concerns
from .intervals import normal_quantile, wilson
from .page import InsightPage, InsightTable, moment_of
from .spent import standing_lines

KINDS = ("complaint", "chat", "return")
LEAST_TEXTS = 30
MOST_TOPICS, MOST_ROWS, N_WORDS = 8, 40, 5
HAN = re.compile(r"[\u4e00-\u9fff]")


def concerns_page(shop: Shop, as_of: datetime | None = None, days: int = 365) -> InsightPage:
    """Return what buyers of each category complain of, new and returning buyers apart, and topics of the texts.

    Parameters
    ----------
    shop
        The shop; it needs ``feedback``.
    as_of
        UTC without a zone; default: the end of the shop's data.
    days
        What was said within so many days before.

    Raises
    ------
    LeftOutError
        If the shop has no feedback with a category and a topic or a text.
    TooLittleDataError
        If fewer than 5 complaints, chats or returns name a category.
    """
    if not shop.has("feedback", "category_id") or not any(shop.has("feedback", name) for name in ("topic", "text")):
        raise LeftOutError("concerns", "feedback with a category, and a topic or a text", "a shop without it")
    moment = moment_of(shop, as_of)
    rows = _said(shop, moment, days)
    if len(rows.dropna(subset="category_id")) < LEAST_SAID:
        raise TooLittleDataError("concerns", f"{LEAST_SAID} complaints or more with a category", f"{len(rows):,}")
    tables, keys = [], ConcernKeys({}, {})
    buyers = _buyers(shop, moment, days)
    if "topic" in rows and rows["topic"].notna().any():
        tables.append(_by_topic(rows, buyers))
        keys = keys_of_concerns(_counted(rows, buyers))
    if "text" in rows and (found := topics_of(rows["text"].dropna().tolist())) is not None:
        tables.append(_topics(found, rows["text"].dropna().tolist()))
    notes = (
        "Shares are of the category's buyers in the same time, with intervals that hold jointly. New buyers have one "
        "order so far, returning ones more.",
        *_for_the_copywriter(keys),
        "Topics of texts are groups of words that occur together (TF-IDF and NMF); a person names them.",
    )
    lead = f"{len(rows):,} complaints, chats and returns in the {days} days before {shop_time(moment, shop.timezone)}."
    facts = {"messages": keys.all_buyers, "messages_to_new": keys.to_new}
    return InsightPage("concerns", "Concerns", lead, tuple(tables), facts, {}, notes)


def _for_the_copywriter(keys: ConcernKeys) -> list[str]:
    told = [
        f"{name} = {{ " + ", ".join(f'{category} = "{key}"' for category, key in mapped.items()) + " }"
        for name, mapped in (("messages", keys.all_buyers), ("messages_to_new", keys.to_new))
        if mapped
    ]
    if not told:
        return []
    return [f'For the copywriter, as messages of a campaign (or messages = "concerns"): {", ".join(told)}']


def concerns_of(shop: Shop, as_of: datetime, days: int = 365) -> tuple[Concern, ...]:
    """Return the concerns of each category's buyers before a moment, the most frequent first; none without feedback.

    Parameters
    ----------
    shop
        The shop; nothing is known where its ``feedback`` has no category or topic.
    as_of
        UTC without a zone.
    days
        What was said within so many days before.
    """
    if not shop.has("feedback", "category_id", "topic"):
        return ()
    return _counted(_said(shop, as_of, days), _buyers(shop, as_of, days))


def _counted(rows: pd.DataFrame, buyers: pd.DataFrame) -> tuple[Concern, ...]:
    """Return the concerns that were voiced five times or more, the most frequent first."""
    orders = buyers.drop_duplicates("customer_id").set_index("customer_id")["is_new"]
    known = rows.dropna(subset=["category_id", "topic"])
    is_new = known["customer_id"].map(orders)
    marked = known.assign(new=is_new.eq(True), returning=is_new.eq(False))
    counts = marked.groupby(["category_id", "topic"]).agg(
        n=("new", "size"), new=("new", "sum"), returning=("returning", "sum")
    )
    counts = counts[counts["n"] >= LEAST_SAID].sort_values("n", ascending=False, kind="stable")
    return tuple(
        Concern(str(row["category_id"]), str(row["topic"]), int(row["n"]), int(row["new"]), int(row["returning"]))
        for row in counts.reset_index().to_dict("records")
    )


def _said(shop: Shop, moment: datetime, days: int) -> pd.DataFrame:
    rows = shop.tables["feedback"]
    rows = rows.filter(rows["at"] < instant(moment), rows["at"] >= instant(moment - timedelta(days=days)))
    return rows.filter(_.kind.isin(KINDS)).to_pyarrow().to_pandas()


def _buyers(shop: Shop, moment: datetime, days: int) -> pd.DataFrame:
    """Return (customer_id, category_id, is_new): who bought in a category in the time, and whether it is one order."""
    lines = standing_lines(shop, moment)
    if "category_id" not in lines.columns:
        return pd.DataFrame({"customer_id": [], "category_id": [], "is_new": []})
    since = instant(moment - timedelta(days=days))
    orders = lines.group_by("customer_id").aggregate(n_orders=lines.order_key.nunique())
    recent = lines.filter(lines.ordered_at >= since).select("customer_id", "category_id").distinct()
    joined = recent.inner_join(orders, "customer_id")
    return joined.select("customer_id", "category_id", is_new=joined.n_orders == 1).to_pyarrow().to_pandas()


def _by_topic(rows: pd.DataFrame, buyers: pd.DataFrame) -> InsightTable:
    known = rows.dropna(subset=["category_id", "topic"])
    counts = known.groupby(["category_id", "topic"])["customer_id"].agg(["size", "nunique"])
    shown = counts[counts["size"] >= LEAST_SAID].sort_values("size", ascending=False, kind="stable").head(MOST_ROWS)
    z = normal_quantile(n_together=3 * max(len(shown), 1))
    told = [_concern(known, buyers, str(category), str(topic), z) for category, topic in shown.index]
    columns = {
        "category": PageColumn("category"),
        "topic": PageColumn("concern"),
        "n": PageColumn("times", ",d"),
        "share": PageColumn("of its buyers", ".1%"),
        "of_new": PageColumn("of new buyers", ".1%"),
        "of_returning": PageColumn("of returning ones", ".1%"),
    }
    return InsightTable("concerns", "Concerns by category", columns, told, drawn="share")


def _concern(rows: pd.DataFrame, buyers: pd.DataFrame, category: str, topic: str, z: float) -> dict[str, Any]:
    said = rows[(rows["category_id"] == category) & (rows["topic"] == topic)]
    mine = buyers[buyers["category_id"] == category]
    has_said = mine["customer_id"].isin(said["customer_id"])

    def share(part: pd.Series) -> Any:
        return wilson(int((has_said & part).sum()), int(part.sum()), z) if part.any() else None

    everyone, is_new = pd.Series(True, mine.index), mine["is_new"].astype(bool)
    shares = {"share": share(everyone), "of_new": share(is_new), "of_returning": share(~is_new)}
    return {"category": category, "topic": topic, "n": len(said), **shares}


def topics_of(texts: Sequence[str], n_topics: int = MOST_TOPICS) -> tuple[np.ndarray, list[list[str]]] | None:
    """Return the topic of each text, and the words of each topic; None below 30 texts or without any words in common.

    Parameters
    ----------
    texts
        What was said. Chinese is cut into words by jieba where that is installed (extra ``penchant[zh]``), else into
        pairs of signs.
    n_topics
        At most so many.

    References
    ----------
    Lee & Seung (1999), Learning the parts of objects by non-negative matrix factorization. Nature 401, 788-791.
    """
    if len(texts) < LEAST_TEXTS:
        return None
    from sklearn.decomposition import NMF  # takes seconds to import
    from sklearn.feature_extraction.text import TfidfVectorizer

    split = _splitter(texts)
    known: dict[str, Any] = {"tokenizer": split, "token_pattern": None} if split else {"stop_words": "english"}
    try:
        vectors = TfidfVectorizer(min_df=3, max_df=0.9, max_features=2000, **known)
        weights = vectors.fit_transform(texts)
    except ValueError:  # no word occurs in three texts
        return None
    n_topics = min(n_topics, len(np.unique(weights.toarray().round(6), axis=0)), weights.shape[1])
    model = NMF(n_topics, init="nndsvda", max_iter=500, random_state=0)
    with np.errstate(invalid="ignore"):  # the error of a perfect fit is a rounding below zero
        scores = model.fit_transform(weights)
    words = vectors.get_feature_names_out()
    told = [[str(words[place]) for place in np.argsort(-row, kind="stable")[:N_WORDS]] for row in model.components_]
    return scores.argmax(axis=1), told


def _splitter(texts: Sequence[str]) -> Callable[[str], list[str]] | None:
    """Return how texts are cut into words: None where spaces do it."""
    if not sum(bool(HAN.search(text)) for text in texts) > len(texts) / 2:
        return None
    try:
        jieba = importlib.import_module("jieba")
    except ImportError:
        return _pairs
    return lambda text: [word for word in jieba.lcut(text) if len(word) > 1]


def _pairs(text: str) -> list[str]:
    signs = HAN.findall(text)
    return ["".join(pair) for pair in pairwise(signs)]


def _topics(found: tuple[np.ndarray, list[list[str]]], texts: Sequence[str]) -> InsightTable:
    which, words = found
    sizes = np.bincount(which, minlength=len(words))
    z = normal_quantile(n_together=len(words))
    rows = [
        {
            "topic": ", ".join(words[place]),
            "n": int(sizes[place]),
            "share": wilson(int(sizes[place]), len(texts), z),
            "example": texts[int(np.flatnonzero(which == place)[0])][:80],
        }
        for place in np.argsort(-sizes, kind="stable")
        if sizes[place]
    ]
    columns = {
        "topic": PageColumn("words"),
        "n": PageColumn("texts", ",d"),
        "share": PageColumn("share", ".1%"),
        "example": PageColumn("for example"),
    }
    return InsightTable("topics", "Topics of the texts", columns, rows)
