"""A shop with known truth, to try everything on: customers, orders, campaigns, and what the campaigns changed."""

from __future__ import annotations

from penchant.simulate.settings import Arm, Campaign, Offer, SimulationSettings
from penchant.simulate.shop import SimulatedShop, simulate, true_effects

__all__ = ["Arm", "Campaign", "Offer", "SimulatedShop", "SimulationSettings", "simulate", "true_effects"]
