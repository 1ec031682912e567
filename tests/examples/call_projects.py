"""Runs in Airflow's Python: asks the helper module for a project once per line of a JSON list, and prints what came out.

Arguments: the folder with the module, and a JSON list of calls: {"file": Dag file, "name": project, "set": variables of this and
later calls, "cosmos": arguments of `cosmos`}. Each answer has what Cosmos was given, the log's lines, or an error's text.
"""

import importlib
import json
import logging
import os
import sys
from typing import Any

sys.path.append(sys.argv[1])
astro_projects = importlib.import_module("astro_projects")


class Lines(logging.Handler):
    """Keeps the lines of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.kept.append(f"{record.levelname} {record.getMessage()}")


def call(request: dict[str, Any]) -> dict[str, Any]:
    """Answer one call."""
    os.environ.update(request.get("set", {}))
    lines = Lines()
    astro_projects.log.setLevel(logging.INFO)
    astro_projects.log.handlers = [lines]
    try:
        project = astro_projects.DbtProject.find(request["name"], request["file"])
        answer = {"folder": str(project.folder), "warning": project.warning()}
        if "cosmos" in request:
            given = project.cosmos(**request["cosmos"])
            settings = given["project_config"]
            manifest = settings.manifest_path
            answer |= {
                "run_in": str(settings.dbt_project_path),
                "manifest": None if manifest is None else str(manifest).removeprefix("file://"),
                "install": settings.install_dbt_deps,
                "load": str(given["render_config"].load_method),
            }
    except (OSError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}", "log": lines.kept}
    return {**answer, "log": lines.kept}


print(json.dumps([call(request) for request in json.loads(sys.argv[2])]))
