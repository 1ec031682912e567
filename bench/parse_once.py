"""Runs in Airflow's Python, started by bench.dag_parse: parses a folder of Dags once; prints CPU seconds and tasks as JSON.

Argument: the folder. Imports are not measured, because every Dag needs them with every alternative.
"""

import json
import os
import sys

import cosmos.operators.local  # noqa: F401 - what a Dag of Cosmos imports while it is built
from airflow.dag_processing.dagbag import DagBag

started = sum(os.times()[:4])
bag = DagBag(dag_folder=sys.argv[1])
seconds = sum(os.times()[:4]) - started  # of this process and of dbt
if bag.import_errors:
    sys.exit(str(bag.import_errors))
print(json.dumps({"seconds": seconds, "tasks": sum(len(dag.task_ids) for dag in bag.dags.values())}))
