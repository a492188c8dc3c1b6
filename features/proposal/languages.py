"""Names of columns in English, word by word, as far as shops' exports use other languages or run words together."""

from __future__ import annotations

import re
import unicodedata

from .words import english_words, vocabulary


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
    known = vocabulary()
    for sign, word in known.chinese.items():
        spoken = spoken.replace(sign, f"_{word}_")
    given = [word for word in spoken.split("_") if word]
    words = [part for word in given for part in _translated(word)]
    if words == given and given[:1] != ["id"] and spoken == name:
        return name
    if "".join(words) == "".join(given) and given[:1] != ["id"] and spoken == name:
        return "_".join(words)
    words = [word for word in words if word not in known.links] or words
    if len(words) > 1 and words[0] in known.heads and not (words[0] == "total" and words[1] in known.heads):
        words = [*words[1:], words[0]]
    return "_".join(words)


def _without_accents(name: str) -> str:
    apart = unicodedata.normalize("NFKD", name)
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def _translated(word: str) -> list[str]:
    """Return a word in English: itself where it is not known, several where it is made of several."""
    known = vocabulary()
    if word in known.foreign:
        return [known.foreign[word]]
    for place in range(3, len(word) - 1):
        first, second = word[:place], word[place:]
        if first in known.foreign and (second in known.foreign or second in known.heads):
            part = "unit" if first in ("stuck", "stueck") else known.foreign[first]
            return [part, known.foreign.get(second, second)]
    return _apart(word)


def _apart(word: str) -> list[str]:
    """Return the English words that a run-together one is made of; itself where it is not wholly made of them.

    Examples
    --------
    >>> _apart("quantityordered"), _apart("priceeach"), _apart("orderly")
    (['quantity', 'ordered'], ['price', 'each'], ['orderly'])
    """
    if word in english_words():
        return [word]
    ways: dict[int, list[str]] = {0: []}
    for end in range(1, len(word) + 1):
        starts = [start for start in ways if word[start:end] in english_words()]
        if starts:
            start = min(starts)  # the longest last word
            ways[end] = [*ways[start], word[start:end]]
    return ways.get(len(word)) or [word]


def order_state(value: str) -> str | None:
    """Return what a shop's name of an order's state seems to mean; None where no word is known.

    Examples
    --------
    >>> state_of("wc_completed"), state_of("order_refunded"), state_of("storniert"), state_of("blue")
    ('paid', 'refunded', 'cancelled', None)
    """
    known = vocabulary()
    if value in known.statuses:
        return known.statuses[value]
    bare = _without_accents(value)
    for begins, state in known.states:
        words = "|".join(map(re.escape, begins))
        if re.search(rf"(?:^|_|(?=[^\x00-\x7f]))(?:{words})", bare):
            return state
    return None
