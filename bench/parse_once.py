"""Runs in Airflow's Python, started by bench.dag_parse: parses a folder of Dags once; prints seconds and tasks as JSON.

Argument: the folder. Imports come first, because every Dag pays for them in every way of parsing.
"""

import json
import sys
import time

import cosmos.operators.local  # noqa: F401 - what a Dag of Cosmos imports while it is built
from airflow.dag_processing.dagbag import DagBag

started = time.perf_counter()
bag = DagBag(dag_folder=sys.argv[1])
seconds = time.perf_counter() - started
if bag.import_errors:
    sys.exit(str(bag.import_errors))
print(json.dumps({"seconds": seconds, "tasks": sum(len(dag.task_ids) for dag in bag.dags.values())}))
