"""A Pulumi program up to the first resource that it registers: `first_resource.py ours|bare FILE`, in a separate process."""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path

import pulumi


class First(pulumi.runtime.Mocks):
    """Ends the process when a resource is registered: that is the measured moment."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, object]]:  # noqa: ARG002
        """Called in the middle of the first registration."""
        os._exit(0)

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, object], None]:  # noqa: ARG002
        """No function is called before."""
        return {}, None


@pulumi.runtime.test  # type: ignore[untyped-decorator]
def main() -> None:
    """Run one program."""
    way, file = sys.argv[1:]
    given = json.loads(Path(file).read_text(encoding="utf-8"))
    if way == "bare":
        pulumi.ComponentResource("bench:index:Nothing", "first")
    else:
        pulumi.runtime.set_all_config(given["config"], given["secret"])
        sys.path.insert(0, given["folder"])
        runpy.run_path(str(Path(given["folder"]) / "__main__.py"), run_name="__main__")


if __name__ == "__main__":
    pulumi.runtime.set_mocks(First(), project="astro-dbt", stack="bench")
    main()
    sys.exit("error: no resource was registered")
