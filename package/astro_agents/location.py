"""Where the packages of the program are: in the installed package, or at the root of the checkout.

They have short names (`settings`, `components`, …). Python finds them last, after those of whoever imports this package, and a
module of theirs that hides one is reported.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

VERSION = "0.1.0"
"""Version of the package; a test compares it with pyproject.toml."""
PACKAGES = ("adoption", "clients", "components", "delivery", "domain", "preflight", "program", "settings")
"""Packages of the program that the component needs."""


def make_importable() -> None:
    """Add the folder of the packages to Python's path. Raises ImportError when another module hides one of them."""
    here = Path(__file__).resolve().parent
    installed = here / "_program"
    folder = installed if installed.is_dir() else here.parent.parent
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    for name in PACKAGES:
        found = find_spec(name)
        places = list(found.submodule_search_locations or []) if found else []
        if str(folder / name) not in places:
            where = found.origin if found else "nowhere"
            raise ImportError(
                f"astro-agents needs its own package {name}, but Python finds {where}; rename that module, or add the component "
                "with `pulumi package add`, which runs it in a separate process"
            )
