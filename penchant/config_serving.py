"""Sections of penchant.toml about what models are for: scores, nights, protection, scenes, how long results stay."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from penchant.section import Days, Section


class ScoreSection(Section):
    """How scores are told to people."""

    bands: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(
        {"very high": 0.8, "high": 0.6, "medium": 0.4}, description="band -> the least probability; below the last: low"
    )


Age = Annotated[str, Field(pattern=r"^[1-9]\d*d$")]


class RetentionSection(Section):
    """How long dated results are kept, such as '90d'; `penchant clean` removes older ones that nothing needs."""

    score: Age | None = Field(None, description="scores; those whose horizon is not over always stay")
    features: Age | None = Field(None, description="feature matrices")
    tags: Age | None = Field(None, description="tags")
    monitor: Age | None = Field(None, description="reports of drift")

    def days(self) -> dict[str, int]:
        """Return step -> days, of the steps that have a rule."""
        return {step: int(age.removesuffix("d")) for step, age in self if age is not None}


class NightlySection(Section):
    """What `penchant nightly` does beside scoring and watching."""

    plans: tuple[str, ...] = Field((), description="plan files whose due waves are drawn, from the working directory")
    to: str | None = Field(None, description="the destination's file that due waves are exported to")
    retrain_days: PositiveInt | None = Field(
        None, description="a task whose latest version learned from older outcomes is trained again; default: never"
    )
    retrain_on_alarm: bool = Field(False, description="whether drift or failed predictions are a reason, too")


class CapSection(Section):
    """No more than so many contacts within so many days, by one channel or by all."""

    days: Days = Field(description="the span")
    most: int = Field(ge=0, description="contacts within it, the next one included")
    channel: str | None = Field(None, description="of one channel; default: of all together")


class ProtectionSection(Section):
    """What customers and experiments are protected from, in every audience and plan."""

    caps: tuple[CapSection, ...] = Field(
        (CapSection(days=7, most=2), CapSection(days=30, most=6)), description="contact fatigue"
    )
    universal_control: float = Field(
        0.02, ge=0, lt=1, description="share of all customers whom no campaign ever contacts"
    )
    control_days: PositiveInt = Field(30, description="a campaign's control is kept from others so long")
    consent: Literal["required", "assumed"] = Field(
        "required", description="'assumed': whoever is not known to refuse may be contacted"
    )
    open_complaints: bool = Field(
        True, description="whether nobody with a complaint that is not settled is contacted (table feedback)"
    )


class SceneSection(Section):
    """A holiday, a promotion or a theme page: which goods it shows, and whom it is for; what is empty is any."""

    categories: tuple[str, ...] = Field((), description="of the goods")
    price_tiers: tuple[Literal["low", "middle", "high"], ...] = Field((), description="of the goods, in their category")
    roles: tuple[Literal["traffic", "profit", "potential", "marginal", "ordinary"], ...] = Field(
        (), description="of the goods"
    )
    tags: tuple[str, ...] = Field((), description="the shop's own of the goods, any of them, such as 'style:casual'")
    stages: tuple[str, ...] = Field((), description="relationship stages, such as 'loyal'")
    calendar: str | None = Field(None, description="the calendar's entry that it belongs to, by its name")

    @model_validator(mode="after")
    def _says_something(self) -> SceneSection:
        if not (self.categories or self.price_tiers or self.roles or self.tags or self.stages or self.calendar):
            raise ValueError("a scene needs categories, price_tiers, roles, tags, stages or calendar")
        return self
