"""What `from penchant.models import ...` offers."""

from __future__ import annotations

from pathlib import Path

import pytest

from penchant import models


@pytest.mark.parametrize("name", models.__all__)
def test_a_public_name_is_what_it_says_and_no_file(name: str) -> None:
    found = getattr(models, name)
    assert found.__name__ == name
    assert found.__doc__
    assert not (Path(models.__file__).parent / f"{name}.py").exists(), "whichever is imported last would win"


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'uplift_at_kay'"):
        _ = models.uplift_at_kay
