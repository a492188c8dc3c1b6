"""One rule for ids, wherever they come in: a shop's tables, spines, frames and matrices.

An id is text without blanks around it; a whole number that was saved with a decimal point is that number (``123.0`` is
``123``); NaN and infinity are no ids. Ids that differ by upper and lower case or by Unicode form alone stay apart and
are reported, unless ``[ids] merge`` names their column.

The rule stands here twice, as SQL for tables and in Python for frames; a test holds the two against each other.
"""

from __future__ import annotations

import re
import unicodedata
import warnings

from penchant.lazy import pd

BLANKS = " \t\r\n\x0b\x0c\x00\u00a0\u3000\u200b\ufeff"  # what no id begins or ends with; other spaces count as well
NO_IDS = ("inf", "-inf", "Inf", "-Inf", "Infinity", "-Infinity", "NaN", "nan")
WHOLE = r"-?\d+\.0+"
EXACT = 2**53  # up to which a 64-bit float holds every whole number
_WIDE = "".join(chr(sign) for sign in range(0xFF01, 0xFF5F))  # as Chinese and Japanese keyboards write ASCII
_NARROW = "".join(chr(sign - 0xFEE0) for sign in range(0xFF01, 0xFF5F))
_NARROWED = str.maketrans(_WIDE, _NARROW)
_SPACES = "".join(chr(sign) for sign in range(0x3001) if unicodedata.category(chr(sign)) == "Zs")


def _literal(text: str) -> str:
    """Return a text as SQL, with what cannot be seen as numbers of signs."""
    return " || ".join(f"chr({ord(sign)})" for sign in text)


_EDGES = ", ".join(str(ord(sign)) for sign in BLANKS if not sign.isspace() or sign in "\t\r\n\x0b\x0c")
_HAS_EDGE = f"(unicode(x) in ({_EDGES}) or unicode(right(x, 1)) in ({_EDGES}))"

MACROS = (
    # trim() knows the spaces of Unicode; the rest is rare, and looking for it everywhere would be dear
    "create or replace macro edged_id(x) as"
    f" case when {_HAS_EDGE} then trim(x, {_literal(BLANKS + _SPACES)}) else x end",
    "create or replace macro bare_id(x) as nullif(edged_id(trim(x)), '')",
    f"create or replace macro is_whole_id(x) as contains(x, '.0') and regexp_full_match(x, '{WHOLE}')",
    f"create or replace macro is_no_id(x) as length(x) < 10 and x in ({', '.join(repr(text) for text in NO_IDS)})",
    "create or replace macro plain_id(x) as"
    " case when is_whole_id(x) then split_part(x, '.', 1) when is_no_id(x) then null else x end",
    "create or replace macro folded_id(x) as case when strlen(x) = length(x) or contains(x, chr(0))"
    " then lower(x)"
    f" else lower(nfc_normalize(translate(x, {_literal(_WIDE)}, {_literal(_NARROW)}))) end",
)


def plain_ids(given: object, *, merge: bool = False, where: str = "ids") -> pd.Series:
    """Return ids as text by the rule; what is none is missing.

    Parameters
    ----------
    given
        A column of a frame or a list; text or numbers.
    merge
        Whether spellings that differ by case or Unicode form alone become one.
    where
        What they are, for the warning where blanks or decimal points were taken off.

    Examples
    --------
    >>> list(plain_ids([" 7 ", "8.0", "A7"], where="examples"))  # doctest: +SKIP
    ['7', '8', 'A7']
    >>> list(plain_ids([7.0, float("inf")], where="examples").isna())
    [False, True]
    """
    ids = pd.Series(given)
    if pd.api.types.is_float_dtype(ids):
        ids = ids.map(_number, na_action="ignore")
        return ids.astype("string")
    texts = ids.astype("string")
    distinct = pd.Series(texts.dropna().unique(), dtype="string")
    plain = {text: plain_id(text, merge=merge) for text in distinct}
    changed = sum(plain_id(text) not in (text, None) for text in distinct)
    if changed:
        told = f"{where}: {changed:,} with blanks around them or '.0' behind them are taken without"
        warnings.warn(told, UserWarning, stacklevel=3)
    if all(text == one for text, one in plain.items()):
        return texts
    return texts.map(plain, na_action="ignore").astype("string")


def plain_id(text: str, *, merge: bool = False) -> str | None:
    """Return one id by the rule; None for what is none.

    Examples
    --------
    >>> plain_id(" 123.0"), plain_id("inf"), plain_id("Ann"), plain_id("Ann", merge=True)
    ('123', None, 'Ann', 'ann')
    """
    bare = text.strip(BLANKS + _SPACES)
    if not bare or bare in NO_IDS:
        return None
    plain = bare.split(".", 1)[0] if re.fullmatch(WHOLE, bare, re.ASCII) else bare
    return folded(plain) if merge else plain


def folded(plain: str) -> str:
    """Return what all spellings of an id have in common that differ by case or Unicode form alone."""
    if "\x00" in plain:  # the engine's forms end there
        return plain.replace("\u0130", "i").lower()
    return unicodedata.normalize("NFC", plain.translate(_NARROWED)).replace("\u0130", "i").lower()


def likeness(plain: str) -> str:
    """Return what spellings have in common that may be meant for one: also further forms than are merged."""
    return unicodedata.normalize("NFKC", plain).casefold()


def _number(value: float) -> str | None:
    if value in (float("inf"), float("-inf")):
        return None
    return str(int(value)) if value == int(value) and abs(value) < 1e18 else repr(float(value))
