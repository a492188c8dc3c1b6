import numpy as np
import pytest

from penchant.errors import InputError
from penchant.models.evaluation.effect_calibration import uplift_calibration


def trial(n: int = 30_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return outcomes, the true effect (0 to 0.3), treatment, and its probability by row."""
    rng = np.random.default_rng(seed)
    effect = rng.uniform(0, 0.3, n)
    p = np.where(effect > 0.2, 0.6, 0.3)
    treated = rng.random(n) < p
    return (rng.random(n) < 0.5 - effect + treated * effect).astype(float), effect, treated, p


def test_the_truth_is_calibrated() -> None:
    y, effect, treated, p = trial()
    found = uplift_calibration(y, effect, treated, p_treatment=p, n_draws=100)
    assert [b.decile for b in found.bins] == list(range(1, 11))
    assert sum(b.share for b in found.bins) == pytest.approx(1)
    covered = [b.realised.low <= b.predicted <= b.realised.high for b in found.bins]
    assert sum(covered) >= 8
    assert found.slope.low < 1 < found.slope.high
    assert found.slope.low > 0.6
    assert found.bias.low < 0 < found.bias.high


@pytest.mark.parametrize(("factor", "shift"), [(2.0, 0.0), (0.5, 0.1)])
def test_overstated_and_shifted_predictions_show(factor: float, shift: float) -> None:
    y, effect, treated, p = trial()
    plain = uplift_calibration(y, effect, treated, p_treatment=p, n_draws=0)
    found = uplift_calibration(y, factor * effect + shift, treated, p_treatment=p, n_draws=0)
    assert found.slope.value == pytest.approx(plain.slope.value / factor)
    moved = 1000 * (factor * effect + shift - effect).mean()
    assert found.bias.value == pytest.approx(plain.bias.value + moved)


def test_the_bins_hold_what_a_loop_finds() -> None:
    y, effect, treated, p = trial(2000)
    found = uplift_calibration(y, effect, treated, 4, p_treatment=p, n_draws=0)
    cuts = np.quantile(effect, [1, 0.75, 0.5, 0.25, 0])
    for b, high, low in zip(found.bins, cuts[:-1], cuts[1:], strict=True):
        rows = (effect <= high) & (effect >= low)
        t, c = rows & treated, rows & ~treated
        realised = np.average(y[t], weights=1 / p[t]) - np.average(y[c], weights=1 / (1 - p[c]))
        assert b.realised.value == pytest.approx(1000 * realised)
        assert b.predicted == pytest.approx(1000 * effect[rows].mean())


def test_equal_predictions_stay_together_and_give_no_slope() -> None:
    y, effect, treated, _ = trial(400)
    found = uplift_calibration(y, np.full(400, 0.1), treated, n_draws=20)
    assert len(found.bins) == 1
    assert found.bins[0].predicted == pytest.approx(100)
    assert np.isnan(found.slope.value)
    halves = uplift_calibration(y, effect > 0.1, treated, n_draws=20)
    assert len(halves.bins) == 2


def test_a_bin_without_one_arm_has_no_effect() -> None:
    y, _, treated, _ = trial(400)
    found = uplift_calibration(y, treated, treated, 2, n_draws=20)
    assert all(np.isnan(b.realised.value) for b in found.bins)


def test_no_bin_is_refused() -> None:
    with pytest.raises(InputError, match="at least one bin"):
        uplift_calibration([0, 1], [1, 2], [0, 1], 0)
