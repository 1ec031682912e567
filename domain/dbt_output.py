"""What dbt itself writes into a project, according to dbt_project.yml (docs.getdbt.com, reference/project-configs)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from posixpath import normpath
from typing import Any

DEFAULT_PACKAGES = "dbt_packages"
"""`packages-install-path` of a project that sets none."""


@dataclass(frozen=True)
class DbtOutput:
    """Folders that dbt writes, relative to the project; paths outside the project are left out."""

    caches: frozenset[str]
    """`target-path` and `log-path`."""
    packages: str | None
    """`packages-install-path`: what `dbt deps` installs, or what the repository vendors."""

    @classmethod
    def of(cls, definition: object) -> DbtOutput:
        """The folders named in the content of a dbt_project.yml, or dbt's defaults.

        >>> sorted(DbtOutput.of({"target-path": "build/dbt"}).caches)
        ['build/dbt', 'logs']
        """
        settings: Mapping[str, Any] = definition if isinstance(definition, Mapping) else {}
        caches = (_folder(settings, "target-path", "target"), _folder(settings, "log-path", "logs"))
        return cls(
            frozenset(folder for folder in caches if folder),
            _folder(settings, "packages-install-path", DEFAULT_PACKAGES),
        )


def _folder(settings: Mapping[str, Any], key: str, default: str) -> str | None:
    found = settings.get(key)
    if not isinstance(found, str) or not found or "{{" in found:
        return default
    path = normpath(found)
    return None if path.startswith(("/", "..")) or path == "." else path
