"""From the clone of this repository to "nothing to do", on a release that was installed by hand: `python -m bench.adoption`.

Installs a release into the running trial with the commands of the vendor's page, and then runs those of docs/adoption.md in a
fresh clone, as they are printed, each with its seconds. What is not measured is the time in which a person reads and types.
Exit code 1 if the preview has something to do, or if a Pod restarts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from bench.trial_stacks import ROOT, STATE, Apart
from tests.support.hand_made import HandMade, astro_project
from tests.support.kube_objects import kubectl
from trial.errors import TrialError

NAMESPACE = "bench-adoption"
NOTHING = "nothing to do for its Pods, none restarts"
"""What the preview says of a release that stays as it is."""


def printed_steps(text: str) -> list[str]:
    """The commands that `from-values` prints."""
    return [line.strip() for line in text.partition("Then:")[2].splitlines() if line.strip()]


def without_questions(step: str) -> str:
    """A printed command for a shell without a terminal."""
    for verb, answers in (("import", "--yes"), ("up", "--yes --skip-preview"), ("preview", "")):
        step = step.replace(f"pulumi {verb} ", f"pulumi {verb} {answers} --non-interactive ")
    return step


class Takeover:
    """A clone in a scratch folder, and the seconds of what was run there."""

    def __init__(self, scratch: Path, made: HandMade, variables: dict[str, str]) -> None:
        self.scratch, self.made = scratch, made
        self.clone = scratch / "astro-dbt"
        self.variables = variables | {"PATH": f"{self.clone / '.venv' / 'bin'}:{variables['PATH']}"}
        self.seconds: dict[str, float] = {}

    def step(self, title: str, command: str, *, cwd: Path | None = None) -> str:
        """Run a command and note its seconds. Raises SystemExit with its output: it failed."""
        begun = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", f"set -eo pipefail; {without_questions(command)}"],
            cwd=cwd or self.clone, env=self.variables, capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.seconds[title] = time.monotonic() - begun
        printed = done.stdout + done.stderr
        if done.returncode:
            raise SystemExit(f"error: {command} failed: {printed[-3000:]}")
        return printed

    def run(self) -> bool:
        """Every step from the clone on; whether nothing had to be done and nothing restarted."""
        info, before = self.made.info, self.made.pods()
        self.step("git clone", f"git clone --quiet {ROOT} {self.clone}", cwd=self.scratch)
        self.step("pulumi install", "pulumi install")
        project = astro_project(self.scratch / "astro-project", info.git.url)
        printed = self.step(
            "from-values",
            f"python -m adoption from-values --release {self.made.where}/astro-agent --context {info.context} --stack prod "
            f"--chart-repository {info.chart_repository} --astro-project {project}",
        )
        self._trust_the_trial()
        preview = ""
        for command in printed_steps(printed):
            title = " ".join(command.split()[:2])
            shown = self.step("pulumi import" if "pulumi import" in command else title, command)
            preview = shown if title == "pulumi preview" else preview
        return NOTHING in " ".join(preview.split()) and self.made.pods() == before

    def _trust_the_trial(self) -> None:
        """Skip the check of Git, which would need the trial's certificate authority on this machine."""
        file = self.clone / "stacks" / "Pulumi.prod.yaml"
        content = yaml.safe_load(file.read_text())
        reason = "the trial's authority is not this machine's"
        content["config"]["astro-dbt:preflight"] = {"checks": {"git": {"level": "off", "reason": reason}}}
        file.write_text(yaml.safe_dump(content, sort_keys=False))

    def remove(self) -> None:
        """Remove what is left of the stack and the release."""
        if (self.clone / ".venv").is_dir():
            command = ["pulumi", "destroy", "--yes", "--skip-preview", "--non-interactive", "--stack", "prod"]
            subprocess.run(command, cwd=self.clone, env=self.variables, capture_output=True, check=False)
        self.made.uninstall()
        kubectl(self.made.environment, "delete", "namespace", NAMESPACE, "--ignore-not-found")


def main() -> int:
    """Measure and print; exit code 1 if something had to be done, or restarted."""
    parser = argparse.ArgumentParser(prog="python -m bench.adoption", description=__doc__)
    parser.add_argument("--state", type=Path, help="folder of the trial; the checkout's when none is named")
    parser.add_argument(
        "--chart-version", default="2.3.3", help="version of the chart (default: %(default)s)"
    )
    options = parser.parse_args()
    if options.state:
        os.environ[STATE] = str(options.state.resolve())
    with tempfile.TemporaryDirectory(prefix="astro-dbt-bench-") as name:
        scratch = Path(name)
        (scratch / "backend").mkdir()
        environment = Apart(scratch / "backend")
        try:
            made = HandMade(environment, scratch, NAMESPACE, options.chart_version, where="default")
        except TrialError as error:
            raise SystemExit(f"error: the trial does not run; start it with make up ({error})") from None
        takeover = Takeover(scratch, made, {**environment.variables(), "NO_COLOR": "1"})
        takeover.remove()
        try:
            made.install()
            nothing = takeover.run()
        finally:
            takeover.remove()
    until_preview = 0.0
    for title, seconds in takeover.seconds.items():
        until_preview += seconds if title != "pulumi up" else 0
        print(f"{title:20} {seconds:6.1f} s")
    print(f"{'clone to preview':20} {until_preview:6.1f} s; {'nothing' if nothing else 'something'} to do")
    return 0 if nothing else 1


if __name__ == "__main__":
    sys.exit(main())
