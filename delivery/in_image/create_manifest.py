"""Creates a dbt project's manifest while the image is built: `create_manifest.py DBT [TARGET]`, in the project's folder.

`target/manifest-for.json` records the profile and target that the manifest is for: a Dag with another one must not use it. dbt gets
both as Cosmos names them for each task, else it would not use what it has parsed here (dbt-core 1.11, parser/manifest.py, vars_hash).
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import jinja2
import yaml


def main(dbt: str, target: str | None) -> int:
    """Run `dbt parse`, unless the project has no profiles.yml; returns dbt's exit code."""
    if not Path("profiles.yml").is_file():
        return 0
    profile = _read("dbt_project.yml").get("profile")
    target = target or _default_target(profile)
    arguments = ["--profiles-dir", ".", "--log-path", str(Path(tempfile.gettempdir(), "dbt-logs"))]
    if target:
        arguments += ["--target", target]
        if isinstance(profile, str) and "{" not in profile:
            arguments += ["--profile", profile]
    code = subprocess.run([dbt, "parse", *arguments], check=False).returncode
    if target and code == 0:
        Path("target", "manifest-for.json").write_text(
            json.dumps({"profile": profile, "target": target}) + "\n"
        )
    return code


def _default_target(profile: object) -> str | None:
    """The profile's own target, with the environment's variables; None if that needs more of dbt than `env_var`."""
    try:
        found = _read("profiles.yml")[profile].get("target", "default")
        template = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701 - not HTML
        return str(template.from_string(str(found)).render(env_var=_env_var))
    except (KeyError, AttributeError, yaml.YAMLError, jinja2.TemplateError):
        return None


def _env_var(name: str, default: str | None = None) -> str:
    return os.environ[name] if default is None else os.environ.get(name, default)


def _read(name: str) -> dict[Any, Any]:
    found = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
