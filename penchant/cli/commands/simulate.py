"""The command simulate: the files of a simulated shop."""

from __future__ import annotations

from penchant.cli.options.shop import SimulateOptions
from penchant.cli.work import Work
from penchant.simulate import SimulationSettings, simulate


def run_simulate(work: Work, options: SimulateOptions) -> None:
    """Write the files of a simulated shop."""
    with work.step(f"simulating {options.customers:,} customers"):
        made = simulate(SimulationSettings(n_customers=options.customers, seed=options.seed), options.out)
    work.show("\n".join(f"{rows:>12,}  {name}" for name, rows in made.n_rows.items()), f"{options.out}")
    work.finish({"out": str(options.out), "n_rows": dict(made.n_rows)})
