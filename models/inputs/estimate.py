"""A number with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A number and the interval that it should be read with.

    Parameters
    ----------
    value
        The number itself, in whatever unit its maker states.
    low, high
        Bounds of the interval, in the same unit; 95 % where its maker says nothing else.
        A percentile interval need not hold ``value`` in its middle. NaN means: not known.

    Examples
    --------
    >>> gain = Estimate(0.0615, 0.0412, 0.083)
    >>> print(gain)
    0.0615 [0.0412, 0.083]
    >>> f"{gain:.1%}"
    '6.2% [4.1%, 8.3%]'
    >>> gain.excludes_zero
    True
    >>> gain.as_dict()
    {'value': 0.0615, 'low': 0.0412, 'high': 0.083}
    """

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval; False where a bound is not known."""
        return self.low > 0 or self.high < 0

    def scaled(self, factor: float) -> Estimate:
        """Return the estimate in another unit; a negative factor swaps the bounds."""
        low, high = self.low * factor, self.high * factor
        return Estimate(self.value * factor, min(low, high), max(low, high))

    def as_dict(self) -> dict[str, float | None]:
        """Return the three numbers by name; what is not finite becomes None, as JSON has no NaN."""
        named = {"value": self.value, "low": self.low, "high": self.high}
        return {name: float(number) if math.isfinite(number) else None for name, number in named.items()}

    def __format__(self, spec: str) -> str:
        """Format all three numbers alike; without a format with four significant digits."""
        spec = spec or ".4g"
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"

    def __str__(self) -> str:
        """Return the number followed by its interval in brackets."""
        return format(self)
