"""An example of a plan for the simulated shop: what its people would do next."""

from __future__ import annotations

from pathlib import Path

from penchant.output import write_text

FILE = "new_year.toml"
PLAN = """\
# A plan for the weeks after the demo: several goals share one budget, the coupons and the text messages.
# penchant plan new_year.toml --dry-run

[plan]
name = "new-year"
budget = 400.0               # expected cost of contacts and offers

[channels.email]
unit_cost = 0.02

[channels.sms]
unit_cost = 0.06
capacity = 250               # customers within one phase

[offers.hello]
kind = "reminder"

[offers.five_off]
kind = "coupon"
value = 5.0
threshold = 30.0
stock = 200                  # so many are printed, for all campaigns together

[[campaigns]]
id = "ny-look"
goal = "acquire"
phase = "build-up"
starts_at = 2025-12-13
offers = ["hello"]
channels = ["email"]

[[campaigns]]
id = "ny-wake"
goal = "reactivate"
phase = "warm-up"
starts_at = 2025-12-18
offers = ["hello", "five_off"]
channels = ["email", "sms"]

[[campaigns]]
id = "ny-harvest"
goal = "harvest"
phase = "peak"
starts_at = 2025-12-27
offers = ["hello", "five_off"]
channels = ["email", "sms"]

[[campaigns]]
id = "ny-regulars"
goal = "retain"
phase = "peak"
starts_at = 2025-12-27
offers = ["hello"]
channels = ["email"]
messages = "concerns"        # each category's message speaks to what its buyers worry about

# One-time buyers get thanks, then a coupon, then care; who comes back leaves.
[[campaigns]]
id = "ny-second"
goal = "second"
phase = "after-peak"
starts_at = 2026-01-03
offers = ["five_off"]
channels = ["email"]
sequence = "care"
"""


def write_plan_example(folder: Path) -> Path:
    """Write the plan beside the shop's configuration, and return its file."""
    write_text(folder / FILE, PLAN)
    return folder / FILE
