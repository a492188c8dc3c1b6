"""A shop with known truth, to try everything on: customers, orders, campaigns, and what the campaigns changed.

`simulate` writes the shop's tables in the contract's form, and the truth about it apart. The shop can be lived on:
hand an audience back as ``assignments`` and let the shop end later, and only what the contacts changed is different.
`true_effects` tells, for each customer and treatment, what a contact at some instant would change.

One turn of the loop, from a shop that has run no campaign so far::

    arm = SimulatedArm("coupon", "email", SimulatedOffer("coupon", 8, 40))
    campaign = SimulatedCampaign("spring", "reactivate", as_of, (arm,))
    shop = simulate(replace(settings, ends_at=as_of), out)
    audience = ...  # rows of the assignments table, made from the shop's files
    later = replace(settings, ends_at=as_of + 60 * days)
    simulate(later, out, assignments=audience, campaigns=[campaign])
    truth = true_effects(later, as_of, campaign)
    earned = truth.set_index("customer_id").effect_profit.loc[audience.customer_id].sum()
"""

from __future__ import annotations

from penchant.simulate.settings import SimulatedArm, SimulatedCampaign, SimulatedOffer, SimulationSettings
from penchant.simulate.shop import SimulatedShop, simulate, true_effects

__all__ = [
    "SimulatedArm",
    "SimulatedCampaign",
    "SimulatedOffer",
    "SimulatedShop",
    "SimulationSettings",
    "simulate",
    "true_effects",
]
