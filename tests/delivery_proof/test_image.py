"""The image option: the very image that the stack built runs the same Dag, from its own manifest, on a read-only root."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from tests.delivery_proof.agents import DAG_PROCESSOR, WORKER, Agents
from tests.delivery_proof.cases import private_packages, same_host_same_token
from tests.delivery_proof.example import QUERY, REVENUE, TASKS, fill, recipe
from tests.delivery_proof.hosts import Hosts
from tests.delivery_proof.ledger import Ledger
from tests.support.canaries import Canaries, spellings

pytestmark = pytest.mark.delivery


def test_image_of_the_stack_runs_the_example(agents: Agents, git_hosts: Hosts, ledger: Ledger) -> None:
    setup = same_host_same_token(git_hosts, "proof-image", name="jaffle")
    version = fill(setup)
    # The submodule is there, and not fetched: the image has the project.
    setup.config["delivery"] = "agent-image"
    setup.config["image"] = agents.base["image"] | recipe()
    project = agents.stack.folder / "examples/dbt-project"
    (project / "packages.yml").write_text(private_packages(setup, git_hosts, "proof-image"))
    setup.config["dbtProjects"][0]["source"] = "examples/dbt-project"
    started = time.monotonic()
    containers = agents.provision(setup.config, podSecurity="restricted")
    ledger.add(
        "image", "built, pushed and released by the stack", "agent-image", "works", time.monotonic() - started
    )

    started = time.monotonic()
    processor = agents.pod(DAG_PROCESSOR, container=containers[DAG_PROCESSOR])
    assert processor.container.image.startswith(agents.base["image"]["repository"])
    assert "@sha256:" in processor.container.image
    assert processor.container.read_only_root
    with processor.process() as process:
        assert process.do("initialise")["version"] == version
        assert not any((processor.storage / "tracking_repo" / "dags" / "dbt" / "jaffle").iterdir())
        parsed = process.do("parse")
        assert parsed["errors"] == {}, processor.log[-3000:]
        assert {dag: set(tasks) for dag, tasks in parsed["dags"].items()} == {"jaffle": TASKS}
    assert "LoadMode.DBT_MANIFEST" in processor.log
    assert "dbt ls" not in processor.log
    ledger.add(
        "image",
        "parsed from the manifest in the image",
        "agent-image",
        "works",
        parsed["seconds"],
        image=processor.container.image,
    )

    _private_packages_are_in_it_and_nothing_that_opens_them(agents, processor.container.image, setup.tokens)

    worker = agents.pod(WORKER, container=containers[WORKER])
    assert worker.container.image == processor.container.image
    with worker.process() as process:
        process.do("initialise", version=version)
        ran = process.do("run", dag="jaffle", version=version, limit=1200)
    assert ran["state"] == "success", worker.log[-6000:]
    assert ran["tasks"] == dict.fromkeys(TASKS, "success")
    assert "Unable to do partial parsing" not in worker.log, "no task parses what the image has parsed"
    assert agents.rows(worker, QUERY) == REVENUE
    ledger.add(
        "image",
        "run to rows, read-only root",
        "agent-image",
        "works",
        time.monotonic() - started,
        image=worker.container.image,
    )


def _private_packages_are_in_it_and_nothing_that_opens_them(
    agents: Agents, image: str, tokens: list[str]
) -> None:
    """Their files and macros; no credential in layers, history, configuration, staged contexts or state."""
    stack, folder = agents.stack, "/usr/local/airflow/dbt/jaffle"
    shown = ["docker", "run", "--rm", "--entrypoint", "cat", image]
    for name in ("macros", "tools"):
        macro = stack.run(*shown, f"{folder}/dbt_packages/{name}/macros/{name}.sql").stdout
        assert f"macro {name}()" in macro
    macros = json.loads(stack.run(*shown, f"{folder}/target/manifest.json").stdout)["macros"]
    assert {"macro.macros.macros", "macro.tools.tools"} <= set(macros)
    staged = [path for path in (stack.folder / ".build").rglob("*") if path.is_file()]
    assert any("packages/jaffle/git/" in str(path) for path in staged)
    texts: list[str | bytes] = [
        stack.run("docker", "image", "history", "--no-trunc", image).stdout,
        stack.run("docker", "image", "inspect", image).stdout,
        stack.state(),
        *(path.read_bytes() for path in staged),
    ]
    assert not [leak for text in texts if (leak := Canaries(tokens).of(text))]
    with subprocess.Popen(
        ["docker", "image", "save", image], env=stack.variables, stdout=subprocess.PIPE
    ) as saved:
        forms = {form.decode() for token in tokens for form in spellings(token)}
        words = [f"--regexp={form}" for form in sorted(forms)]
        found = subprocess.run(
            ["grep", "--count", "--text", "--fixed-strings", *words],
            stdin=saved.stdout,
            capture_output=True,
            text=True,
            check=False,
        )
    assert saved.returncode == 0
    assert found.stdout.strip() == "0"
