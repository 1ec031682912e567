"""Installs a dbt project's packages while the image is built: `install_packages.py DBT`, in the project's folder.

Next to this file the program staged what `dbt deps` needs and a build without credentials cannot fetch: Git packages as
local repositories, to which `gitconfig` redirects Git, and in `tree` the local packages outside the project.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(dbt: str) -> int:
    """Run `dbt deps` unless there are packages, or the project asks for none; returns dbt's exit code."""
    staged = json.loads((HERE / "staged.json").read_text())
    project, packages = Path.cwd(), str(staged["packages"])
    asked = (project / "packages.yml").is_file() or (project / "dependencies.yml").is_file()
    if (project / packages).is_dir() or not asked:
        return 0
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": str(HERE / "gitconfig"), "GIT_TERMINAL_PROMPT": "0"}
    with tempfile.TemporaryDirectory() as scratch:
        folder = project
        if staged["folder"] is not None:
            folder = Path(shutil.copytree(HERE / "tree", Path(scratch, "tree"))) / staged["folder"]
        code = subprocess.run([dbt, "deps"], cwd=folder, env=environment, check=False).returncode
        for history in folder.glob(f"{packages}/*/.git"):
            shutil.rmtree(history)
        if folder != project and (folder / packages).is_dir():
            # dbt links local packages; the image gets their files.
            shutil.copytree(folder / packages, project / packages)
            shutil.copy(folder / "package-lock.yml", project)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
