"""Runs in Airflow's Python: parses a Dag folder as the Dag processor does and prints what came out as one JSON line.

Arguments: the folder, which is where the bundle starts, too. The line: {"errors": {file: text}, "dags": {id: [task ids]},
"docs": {id: text}, "queues": {id: {task id: queue other than the default one}}, "files": [names of the files that were parsed]}.
"""

import json
import sys
from pathlib import Path

from airflow.dag_processing.dagbag import BundleDagBag

bag = BundleDagBag(dag_folder=sys.argv[1], bundle_path=Path(sys.argv[1]), bundle_name="dags")
report = {
    "errors": {Path(file).name: text for file, text in bag.import_errors.items()},
    "dags": {name: sorted(dag.task_ids) for name, dag in bag.dags.items()},
    "docs": {name: dag.doc_md for name, dag in bag.dags.items()},
    "queues": {
        name: {task.task_id: task.queue for task in dag.tasks if task.queue != "default"}
        for name, dag in bag.dags.items()
    },
    "files": sorted(Path(stat.file).name for stat in bag.dagbag_stats),
}
print(json.dumps(report))
