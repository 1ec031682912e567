"""Known vulnerabilities of everything that the locks install, by the package index's own data.

Source: docs.pypi.org/api/json, "Known vulnerabilities": `/pypi/<package>/<version>/json` lists them for one version. Mirrors of
the index often lack this part; then nothing is known of a package, which is an error and not a clean result.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from clients.errors import RemoteError
from clients.http import request

INDEX = "https://pypi.org"
SECONDS = 30.0
"""Time limit of one request."""
AT_ONCE = 8
FOUND, UNKNOWN = 1, 2
"""Exit codes: a vulnerability is known; nothing is known of some package."""

Vulnerabilities = Sequence[dict[str, Any]]


class UnknownError(Exception):
    """The index does not say anything about a package; the message says why."""


def pins(lock: Path) -> dict[str, str]:
    """Package -> version of a lock. Raises OSError."""
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE))


def known(index: str, package: str, version: str) -> Vulnerabilities:
    """The vulnerabilities of one version that were not withdrawn. Raises UnknownError."""
    try:
        answer = request(f"{index}/pypi/{package}/{version}/json", timeout=SECONDS)
    except RemoteError as error:
        raise UnknownError(str(error)) from None
    if answer.status != 200:
        raise UnknownError(f"HTTP {answer.status}")
    try:
        listed = json.loads(answer.body)["vulnerabilities"]
        return [item for item in listed if not item.get("withdrawn")]
    except (ValueError, KeyError, TypeError):
        raise UnknownError("an answer without vulnerabilities") from None


def sentence(package: str, version: str, vulnerability: dict[str, Any], lock: str) -> str:
    """What is wrong with a package, and what to do."""
    name = next(iter([*vulnerability.get("aliases", []), vulnerability.get("id", "a vulnerability")]))
    fixed = ", ".join(vulnerability.get("fixed_in") or [])
    remedy = (
        f"raise it to {fixed} in {lock.replace('.txt', '.in')} and run `make lock`" if fixed else "replace it"
    )
    return f"{lock}: {package} {version} has {name}; {remedy}."


def main(locks: Sequence[str], index: str) -> int:
    """Audit the locks, print one sentence per problem, and return the exit code."""
    wanted: dict[tuple[str, str], str] = {}
    for lock in locks:
        for pin in pins(Path(lock)).items():
            wanted.setdefault(pin, lock)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = {pin: pool.submit(partial(known, index, *pin)) for pin in wanted}
    found, unknown = 0, dict[str, list[str]]()
    for (package, version), answer in asked.items():
        try:
            for vulnerability in answer.result():
                found += 1
                print(sentence(package, version, vulnerability, wanted[package, version]), file=sys.stderr)
        except UnknownError as error:
            unknown.setdefault(str(error), []).append(f"{package} {version}")
    for reason, packages in unknown.items():
        more = f" and {len(packages) - 1} more packages" if len(packages) > 1 else ""
        print(
            f"error: {index} has no vulnerability data for {packages[0]}{more} ({reason}), so nothing is known of them; run "
            "`make audit` where the index itself can be reached, or set AUDIT_INDEX to one that has this data.",
            file=sys.stderr,
        )
    if not found and not unknown:
        print(f"{len(wanted)} packages, no known vulnerability")
    return UNKNOWN if unknown else FOUND if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ.get("AUDIT_INDEX", INDEX).rstrip("/")))
