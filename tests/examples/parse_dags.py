"""Runs in Airflow's Python: parses a Dag folder as the Dag processor does and prints what came out as one JSON line.

Arguments: the folder. The line: {"errors": {file: text}, "dags": {id: [task ids]}, "docs": {id: text}}.
"""

import json
import sys
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

bag = DagBag(dag_folder=sys.argv[1])
report = {
    "errors": {Path(file).name: text for file, text in bag.import_errors.items()},
    "dags": {name: sorted(dag.task_ids) for name, dag in bag.dags.items()},
    "docs": {name: dag.doc_md for name, dag in bag.dags.items()},
}
print(json.dumps(report))
