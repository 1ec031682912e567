"""Runs in Airflow's Python: loads a Dag file and prints, as a JSON list, what one of its functions returns for folders.

Arguments: the file, the function, and a JSON list of [folder, variables to set before].
"""

import json
import os
import runpy
import sys
from pathlib import Path

function = runpy.run_path(sys.argv[1])[sys.argv[2]]
returned = []
for folder, variables in json.loads(sys.argv[3]):
    os.environ.update(variables)
    returned.append(function(Path(folder)))
print(json.dumps(returned))
