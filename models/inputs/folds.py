"""Folds that keep each customer whole."""

from __future__ import annotations

from typing import Any

import numpy as np

from penchant.errors import InputError

from .arrays import Floats, Ints, read_groups


def read_n_folds(n_folds: Any) -> int:
    """Return a number of folds, or raise InputError where it is none."""
    if not isinstance(n_folds, int) or n_folds < 2:
        raise InputError("n_folds", "a whole number of 2 or more", f"{n_folds!r}")
    return n_folds


def grouped_folds(y: Floats, groups: Any = None, n_folds: int = 5, seed: int = 0) -> Ints:
    """Return each row's fold, 0 to n_folds - 1; all rows of a customer share one.

    Customers are dealt out in the order of their mean outcome, so that each fold holds its share of the
    positives, or of the large amounts.

    Parameters
    ----------
    y
        Outcome of each row, shape (n,).
    groups
        The customer of each row, or None where each row is a customer.
    n_folds
        Number of folds, at least 2.
    seed
        Decides the order of customers with equal outcomes.
    """
    codes = read_groups(groups, len(y))
    codes = np.arange(len(y)) if codes is None else codes
    mean = np.bincount(codes, weights=y) / np.maximum(np.bincount(codes), 1)
    chance = np.random.default_rng(seed).random(len(mean))
    fold = np.empty(len(mean), dtype=np.int64)
    fold[np.lexsort((chance, mean))] = np.arange(len(mean)) % n_folds
    return fold[codes]
