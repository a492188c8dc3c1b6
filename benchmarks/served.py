"""What `benchmarks.serving` asks of its shop: the moment, the tasks, the goal and the campaign."""

from __future__ import annotations

from datetime import datetime

AS_OF = datetime(2025, 11, 15)  # the longest window to be measured is over when the shop's data end
TASKS = ("churn", "repurchase", "conversion")
GOAL, CAMPAIGN = "retain", "everyone"
