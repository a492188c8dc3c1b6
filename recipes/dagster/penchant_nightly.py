"""Dagster: one run of `penchant nightly` a day, for the last complete day of the shop.

Load it with `dagster dev -f penchant_nightly.py`. The variables PENCHANT_HOME (the folder of penchant.toml) and
PENCHANT (the command, where it is not on the path) are read from the environment. Dagster reads annotations as they
stand: no `from __future__ import annotations` here.
"""

import json
import os
import subprocess
from typing import Any

from dagster import Definitions, Failure, OpExecutionContext, RetryPolicy, ScheduleDefinition, job, op

HOME = os.environ.get("PENCHANT_HOME", "/srv/penchant")
COMMAND = os.environ.get("PENCHANT", "penchant")


@op(retry_policy=RetryPolicy(max_retries=2, delay=900))  # every step is safe to repeat
def nightly(context: OpExecutionContext) -> None:
    """Run the night, and fail with its summary where a step failed or a check did."""
    done = subprocess.run([COMMAND, "nightly", "--json"], cwd=HOME, capture_output=True, text=True, check=False)
    for line in done.stderr.splitlines():
        context.log.info(line)
    facts: dict[str, Any] = json.loads(done.stdout or "{}")
    if done.returncode:
        failed = [step for step in facts.get("steps", []) if step["exit_code"]]
        # A check that failed (3) fails again; what the input or the machine is at fault for may be mended meanwhile.
        raise Failure(f"exit code {done.returncode}: {failed}", allow_retries=done.returncode != 3)


@job
def penchant_nightly() -> None:
    """Check, score, due waves, measure, monitor, clean."""
    nightly()


defs = Definitions(
    jobs=[penchant_nightly], schedules=[ScheduleDefinition(job=penchant_nightly, cron_schedule="30 4 * * *")]
)
