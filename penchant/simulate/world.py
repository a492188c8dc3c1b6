"""What all customers share: the settings, the days, the goods and the campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penchant.errors import InputError, quoted
from penchant.simulate.chances import EFFECT_DAYS
from penchant.simulate.items import Catalogue
from penchant.simulate.schedule import own_campaigns
from penchant.simulate.season import Season
from penchant.simulate.settings import SimulatedCampaign, SimulationSettings


@dataclass(frozen=True)
class World:
    """What all customers share.

    Parameters
    ----------
    settings
        Of the simulation.
    season, catalogue
        Of all days to be lived and the 30 after them.
    campaigns
        Those of the shop, and those whose assignments come from outside.
    """

    settings: SimulationSettings
    season: Season
    catalogue: Catalogue
    campaigns: tuple[SimulatedCampaign, ...]

    @classmethod
    def of(cls, settings: SimulationSettings, others: Sequence[SimulatedCampaign] = ()) -> World:
        """Return the world of some settings, with campaigns whose assignments come from outside.

        Raises
        ------
        InputError
            If two campaigns share an id.
        """
        campaigns = (*own_campaigns(settings), *others)
        ids = [campaign.campaign_id for campaign in campaigns]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise InputError("campaigns", "an id of its own for each", f"{quoted(twice)} twice")
        n_days = settings.n_days + EFFECT_DAYS + 1
        season = Season.of(settings.starts_at, n_days)
        return cls(settings, season, Catalogue.of(settings.seed, n_days), campaigns)
