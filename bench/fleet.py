"""How long previews of many stacks take in parallel, against one after another: `python -m bench.fleet`.

Needs the trial (`make up`), whose cluster, Git server and chart repository the stacks name; nothing is applied. Every
stack is previewed once before anything is measured, so that both ways find warm caches.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from review import fleet
from tests.support.engine import Stack, copy_program
from trial.environment import Environment

ROOT = Path(__file__).resolve().parents[1]


class Apart(Environment):
    """The running trial with a state backend of its own."""

    def __init__(self, backend: Path) -> None:
        super().__init__(repo=ROOT)
        self._backend = backend

    def exports(self) -> dict[str, str]:
        """Variables of the trial, with the other backend."""
        return {**super().exports(), "PULUMI_BACKEND_URL": f"file://{self._backend}"}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stacks", type=int, default=20)
    parser.add_argument("--parallel", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--rounds", type=int, default=1, help="alternating pairs; the median counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="astro-dbt-bench-") as folder:
        backend = Path(folder) / "backend"
        backend.mkdir()
        program = copy_program(Path(folder) / "program")
        environment = Apart(backend)
        os.environ.update(environment.variables())
        names = [f"bench-fleet-{number:02}" for number in range(options.stacks)]
        for name in names:
            Stack(environment, program, name).write()
        measure(names[:1], program, parallel=1)
        one, many = [], []
        for _ in range(options.rounds):
            one.append(measure(names, program, parallel=1))
            many.append(measure(names, program, parallel=options.parallel))
    before, after = statistics.median(one), statistics.median(many)
    print(f"{options.stacks} stacks one after another: {before:.1f} s ({before / options.stacks:.1f} s each)")
    print(f"{options.stacks} stacks, {options.parallel} at once:      {after:.1f} s")
    print(f"ratio: {before / after:.2f} on {os.cpu_count()} processors")
    return 0


def measure(names: list[str], program: Path, *, parallel: int) -> float:
    """Seconds for previews of all stacks."""
    chosen = fleet.Options(folder=program, offline=True)
    start = time.perf_counter()
    outcomes = fleet.run(names, parallel=parallel, work=lambda name: fleet.work_on(name, chosen))
    seconds = time.perf_counter() - start
    failed = [item.problem or item.markdown for item in outcomes if item.failed]
    if failed:
        raise SystemExit(f"error: a preview failed: {failed[0]}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
