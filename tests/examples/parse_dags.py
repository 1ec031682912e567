"""Runs in Airflow's Python: parses a Dag folder as the Dag processor does and prints what came out as one JSON line.

Arguments: the folder. The line: {"seconds": float, "errors": {file: text}, "dags": {id: [task ids]}}.
"""

import json
import sys
import time
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

started = time.monotonic()
bag = DagBag(dag_folder=sys.argv[1])
report = {
    "seconds": round(time.monotonic() - started, 2),
    "errors": {Path(file).name: text for file, text in bag.import_errors.items()},
    "dags": {name: sorted(dag.task_ids) for name, dag in bag.dags.items()},
}
print(json.dumps(report))
