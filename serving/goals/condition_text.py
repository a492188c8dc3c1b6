"""Conditions as they are typed: the name of a crowd, tag or signal, alone or compared with values or a bound."""

from __future__ import annotations

import re

from penchant.errors import InputError

from .eligible import Where

_COMPARED = re.compile(r"([^:<>=]+?)\s*(>=|<=|=)\s*(.+)")


def read_condition(text: str, option: str, *, unless: bool = False) -> Where:
    """Return the condition that an option names.

    Parameters
    ----------
    text
        ``interest`` or ``new_with:11.11>=299`` (a crowd), ``tier=high,middle`` (values), ``n_orders_90d>=2`` (a bound).
    option
        The option, for the message.
    unless
        Whether whoever meets it is left out.

    Raises
    ------
    InputError
        If a bound is no number.

    Examples
    --------
    >>> read_condition("tier=high,middle", "--only-if").words
    'tier high or middle'
    >>> read_condition("n_orders_90d >= 2", "--only-if").words
    'n_orders_90d at least 2'
    >>> read_condition("new_with:11.11>=299", "--unless", unless=True).words
    'not new_with:11.11>=299'
    """
    compared = _COMPARED.fullmatch(text.strip())
    if compared is None:
        return Where(text.strip(), unless=unless)
    name, sign, value = compared.groups()
    if sign == "=":
        return Where(name, is_in=tuple(part.strip() for part in value.split(",")), unless=unless)
    try:
        bound = float(value)
    except ValueError:
        raise InputError(f"option {option}", f"a number after '{sign}'", f"'{value}'") from None
    return Where(name, at_least=bound if sign == ">=" else None, at_most=bound if sign == "<=" else None, unless=unless)
