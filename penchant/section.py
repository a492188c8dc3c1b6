"""What the sections of penchant.toml and of a PLAN.toml share: checked types, and faults told all at once."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from penchant.errors import ConfigError, did_you_mean, without_passwords

LONGEST_WINDOW = 36_500  # days


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{name}' is not a time zone of the IANA list, such as 'Europe/London'") from None
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]
Days = Annotated[int, Field(ge=1, le=LONGEST_WINDOW)]


def _rising(cuts: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    if any(low >= high for low, high in pairwise(cuts)):
        raise ValueError("cuts must rise")
    return cuts


Cuts = Annotated[tuple[float, float, float, float], AfterValidator(_rising)]


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Return what a TOML file holds.

    Parameters
    ----------
    path
        A file that is there.
    what
        What it is, for a message: "plan".

    Raises
    ------
    ConfigError
        If it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (
        ValueError,
        OSError,
    ) as fault:  # ValueError: also of text in no UTF-8, and of numbers with thousands of digits
        raise ConfigError(f"{what} '{path}'", "a TOML file in UTF-8", str(fault)) from None


class Section(BaseModel):
    """Base of all sections: frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def faults_told(fault: ValidationError, model: type[BaseModel]) -> str:
    """Return all faults of a file that pydantic found, one on a line, with the nearest known key."""
    lines = [_fault_line(error, model) for error in fault.errors()]
    return f"{len(lines)} fault(s):\n" + "\n".join(lines)


def _fault_line(error: Any, model: type[BaseModel]) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        got = without_passwords(str(error["input"]))[:60]
        return f"  {place}: {error['msg'].removeprefix('Value error, ')} (got {got!r})"
    known = _keys_at(model, error["loc"][:-1])
    return f"  {place}: not a key here. {did_you_mean(str(error['loc'][-1]), known)}"


def _keys_at(model: Any, loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the section at a place of the configuration knows."""
    for part in loc:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        model = _section_in(annotation) or model
    return list(model.model_fields)


def _section_in(annotation: Any) -> type[Section] | None:
    """Return the section that an annotation holds: itself, or that of a mapping's or a tuple's items."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    inner = [_section_in(part) for part in getattr(annotation, "__args__", ())]
    return next((section for section in inner if section), None)
