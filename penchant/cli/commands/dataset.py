"""The command dataset: a task's rows with their splits, so that a notebook starts from the same ones."""

from __future__ import annotations

from typing import Any

from penchant.cli.options.models import DatasetOptions
from penchant.cli.work import Work
from penchant.output import replaced_folder
from penchant.training.material import task_data
from penchant.training.rows_file import write_rows

from .train import chosen_signals, configure


def run_dataset(work: Work, options: DatasetOptions) -> None:
    """Write the rows that a training of the task would learn from and be judged on."""
    configure(work, options.task, options.horizon, options.test, options.seed)
    folder = options.out or work.result_folder("dataset") / options.task
    manifest: dict[str, Any] = {"step": "dataset", "config": work.config.resolved()}
    with replaced_folder(folder, manifest) as place:
        with work.shop() as shop:
            data = task_data(shop, options.task, work.step, signals=chosen_signals(options.group, options.without))
            manifest |= {"sources": work.sources(), "schedule": data.schedule.as_dict()}
        with work.step(f"writing {folder}"):
            counts = write_rows(data, place)
    work.show(f"{sum(counts.values()):,} rows, {data.rows.features.shape[1]} signals: {folder / 'rows.parquet'}")
    work.show(", ".join(f"{n:,} {split}" for split, n in counts.items()))
    work.finish({"task": options.task, "out": str(folder), "n_rows": counts, "schedule": data.schedule.as_dict()})
