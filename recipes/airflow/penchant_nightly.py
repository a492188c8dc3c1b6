"""Airflow: one run of `penchant nightly` a day, for the last complete day of the shop.

Put this file into Airflow's dags folder. The variables PENCHANT_HOME (the folder of penchant.toml) and PENCHANT (the
command, where it is not on the worker's path) are read from the environment.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:  # Airflow 2
    from airflow.operators.bash import BashOperator

HOME = os.environ.get("PENCHANT_HOME", "/srv/penchant")
COMMAND = os.environ.get("PENCHANT", "penchant")

with DAG(
    dag_id="penchant_nightly",
    description="Check, score, due waves, measure, monitor, clean",
    schedule="30 4 * * *",
    start_date=datetime(2025, 1, 1),
    catchup=False,  # a night looks at the last complete day: there is nothing to catch up with
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=15)},  # every step is safe to repeat
) as dag:
    nightly = BashOperator(task_id="nightly", bash_command=f"{COMMAND} nightly --log-format json", cwd=HOME)
