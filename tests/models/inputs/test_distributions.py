"""Quantiles and tails are SciPy's own to the bit, also where there is none."""

from __future__ import annotations

import numpy as np
from scipy import stats

from penchant.models.inputs.distributions import (
    chi_square_ppf,
    chi_square_tail,
    normal_logs,
    normal_ppf,
    student_ppf,
    student_tail,
)

LEVELS = np.concatenate([[1e-12, 0.5, 0.975, 1.0], np.random.default_rng(0).random(200)])
FREEDOM = np.concatenate([[1.0, np.inf, 0.0, np.nan], np.random.default_rng(1).random(200) * 300])


def test_they_are_those_of_scipy_stats() -> None:
    values = stats.norm.ppf(LEVELS[4:]) * 3
    np.testing.assert_array_equal(normal_ppf(LEVELS), stats.norm.ppf(LEVELS))
    np.testing.assert_array_equal(student_ppf(LEVELS, FREEDOM), stats.t.ppf(LEVELS, FREEDOM))
    np.testing.assert_array_equal(student_tail(values, FREEDOM[4:]), stats.t.sf(values, FREEDOM[4:]))
    np.testing.assert_array_equal(chi_square_ppf(LEVELS, FREEDOM), stats.chi2.ppf(LEVELS, FREEDOM))
    tails = [chi_square_tail(value, freedom) for value, freedom in zip(np.abs(values), FREEDOM, strict=False)]
    np.testing.assert_array_equal(tails, stats.chi2.sf(np.abs(values), FREEDOM[: len(values)]))
    logs = np.array([normal_logs(value) for value in values])
    np.testing.assert_allclose(logs, np.column_stack([stats.norm.logpdf(values), stats.norm.logcdf(values)]), 1e-14)
