"""The frozen numbers were computed once with scikit-uplift 0.5.1 and CausalML 0.18.0 on `rows`."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from penchant.errors import InputError
from penchant.models.evaluation import qini_peers as peers


def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return 40 customers by formula: no two scores alike, six controls before the first treated one."""
    i = np.arange(40)
    treated = (i * 7 % 5 < 2).astype(int)
    return ((i * i + 3 * i) % 7 < 2 + treated).astype(int), (i * 17 % 41) / 41, treated


@pytest.mark.parametrize(
    ("metric", "theirs"),
    [
        (peers.sklift_qini_auc_score, -0.03613492939908648),
        (partial(peers.sklift_qini_auc_score, negative_effect=False), -0.8991220668125619),
        (peers.sklift_uplift_auc_score, -0.07617945577386563),
        (partial(peers.sklift_uplift_at_k, strategy="overall", k=0.3), -0.2727272727272727),
        (partial(peers.sklift_uplift_at_k, strategy="by_group", k=0.3), 0.10714285714285715),
        (partial(peers.sklift_uplift_at_k, strategy="overall", k=11), -0.2),
        (peers.causalml_qini_score, -0.4349411624011987),
        (peers.causalml_auuc_score, -0.43686089760101),
    ],
)
def test_binary_outcomes_give_the_number_of_the_peer(metric: Callable[..., float], theirs: float) -> None:
    assert metric(*rows()) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize(
    ("metric", "theirs"),
    [(peers.causalml_qini_score, 0.5608748246297547), (peers.causalml_auuc_score, -12.221619104205638)],
)
def test_amounts_give_the_number_of_the_peer(metric: Callable[..., float], theirs: float) -> None:
    y, score, treated = rows()
    amount = y * (1 + np.arange(40) * 11 % 13)
    assert metric(amount, score, treated, normalize=False) == pytest.approx(theirs, abs=1e-12)


def test_what_the_peers_cannot_measure_is_refused() -> None:
    y, score, treated = rows()
    with pytest.raises(InputError, match="outcomes of 0 and 1"):
        peers.sklift_qini_auc_score(y * 2, score, treated)
    with pytest.raises(InputError, match="one treatment only"):
        peers.causalml_qini_score(y, score, np.arange(40) % 3)
    with pytest.raises(InputError, match="average effect must be positive"):
        peers.sklift_qini_auc_score(1 - y, score, treated, negative_effect=False)
    with pytest.raises(InputError, match="customers of both arms"):
        peers.sklift_uplift_at_k(y, score, treated, strategy="overall", k=4)
    with pytest.raises(InputError, match="equal outcomes"):
        peers.sklift_qini_auc_score(np.zeros(40), score, treated)
    with pytest.raises(InputError, match="Pass normalize=False"):
        peers.causalml_auuc_score(np.ones(40), score, treated)
