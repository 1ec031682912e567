"""A real node: the agents' own Pods, pulled by the kubelet, restricted, run the example's Dag to rows under either option."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery_proof.example import TASKS, recipe
from tests.delivery_proof.ledger import Ledger
from tests.support import engine
from tests.support.stacks import ROOT
from trial.environment import Environment
from trial.git_server import BRANCH, DAG_REPOSITORY, DBT_REPOSITORY, SUBMODULE_PATH, git, head_of
from trial.proof import Ran, run_dag

pytestmark = [pytest.mark.delivery, pytest.mark.real_node]

SMALL = {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"cpu": "2", "memory": "2Gi"}}
"""The chart asks for a whole processor per Pod; a small machine has no room for that."""
MODEL = "{{ config(materialized='table') }}\nselect count(*) as customers from {{ ref('stg_customers') }}\n"


@pytest.fixture(scope="module")
def node(request: pytest.FixtureRequest) -> Iterator[Environment]:
    """A separate trial with a real node; the simulated node of the other tests is left alone."""
    if os.getuid() != 0:
        pytest.skip("a real node needs root")
    if os.environ.get("NO_DOCKER"):
        pytest.skip("the agents' image needs the trial's Docker engine, which NO_DOCKER leaves out")
    if not Path("/proc/sys/net/ipv4/ip_forward").exists() or shutil.which("unshare") is None:
        pytest.skip("a real node needs Linux namespaces and networks")
    trial = Environment(repo=ROOT, state=ROOT / ".trial-tests-node", node="real")
    try:
        trial.up()
        yield trial
    finally:
        trial.down()


class Agents:
    """The stack on the real node."""

    def __init__(self, node: Environment, stack: engine.Stack) -> None:
        self.node, self.stack = node, stack
        self.base = copy.deepcopy(stack.config)
        self.repositories = Path(node.info().git.repositories_dir)

    def up(self, delivery: str) -> None:
        """`pulumi up` with a way of delivery."""
        self.stack.up(copy.deepcopy(self.base) | {"delivery": delivery})

    def run(self) -> Ran:
        """Run the Dag at the newest commit, on a worker that the stack made."""
        version = head_of(self.repositories / DAG_REPOSITORY)
        return run_dag(self.node.kubectl, namespace=self.stack.namespace, dag="jaffle", version=version)

    def images(self) -> dict[str, str]:
        """Deployment -> image."""
        return {
            name: item.spec.template.spec.containers[0].image
            for name, item in self.stack.deployments().items()
        }

    def add_model(self, name: str, text: str, folder: Path) -> None:
        """Push a model to the dbt repository and move the submodule to it, as people do."""
        tree = folder / name
        git("clone", "--quiet", str(self.repositories / DBT_REPOSITORY), str(tree), cwd=folder)
        (tree / "models" / f"{name}.sql").write_text(text)
        commit(tree, f"Add {name}")
        pin = head_of_tree(tree)
        dags = folder / f"{name}-dags"
        git("clone", "--quiet", str(self.repositories / DAG_REPOSITORY), str(dags), cwd=folder)
        git("update-index", "--cacheinfo", f"160000,{pin},{SUBMODULE_PATH}", cwd=dags)
        commit(dags, f"Move to {name}", stage=False)


def commit(tree: Path, message: str, *, stage: bool = True) -> None:
    """Commit and push what changed in a clone."""
    if stage:
        git("add", "--all", cwd=tree)
    author = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    git(*author, "commit", "--quiet", f"--message={message}", cwd=tree)
    git("push", "--quiet", "origin", f"HEAD:{BRANCH}", cwd=tree)


def head_of_tree(tree: Path) -> str:
    """The commit that a clone is at."""
    return git("rev-parse", "HEAD", cwd=tree).strip()


@pytest.fixture(scope="module")
def agents(node: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agents]:
    """The stack, with everything that its Pods need from the trial's registry."""
    info = node.info()
    stack = engine.Stack(node, engine.copy_program(tmp_path_factory.mktemp("node") / "program"), "real-node")
    stack.config["image"] |= recipe()
    agent = stack.config["agent"]
    agent["sentinel"] = {"image": info.sentinel_image}
    # The strictest of the three standards: what runs under it runs under the others.
    agent["podSecurity"] = "restricted"
    agent["dagProcessor"] = agent["triggerer"] = {"resources": SMALL}
    agent["workers"][0]["resources"] = SMALL
    # Its Pods have no DNS: each task would wait ten seconds to report statistics.
    agent["env"] = {"AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    try:
        yield Agents(node, stack)
    finally:
        stack.forget()


def test_the_dag_runs_in_the_pods_of_either_option(agents: Agents, ledger: Ledger, tmp_path: Path) -> None:
    agents.up("agent-image")
    baked = agents.run()
    note(ledger, "agent-image", baked)
    assert set(baked.tasks) == TASKS
    assert baked.rows["city_revenue"] == 4

    agents.up("git-submodule")
    fetched = agents.run()
    note(ledger, "switched to git-submodule", fetched)
    assert fetched.tasks == baked.tasks
    assert fetched.rows == baked.rows
    assert fetched.pod != baked.pod
    images = agents.images()
    sentinel = images.pop("astro-agent-sentinel")
    assert sentinel == agents.node.info().sentinel_image
    assert set(images.values()) == {fetched.image}
    assert fetched.image != baked.image, "the image of git-submodule has no project"

    agents.add_model("customer_count", MODEL, tmp_path)
    pushed = agents.run()
    note(ledger, "a push moved the content", pushed)
    assert pushed.pod == fetched.pod, "a commit restarts nothing under git-submodule"
    assert pushed.version != fetched.version
    assert set(pushed.tasks) > TASKS
    assert pushed.rows == {**fetched.rows, "customer_count": 1}

    agents.up("agent-image")
    images = agents.images()
    images.pop("astro-agent-sentinel")
    assert set(images.values()) == {baked.image}


def note(ledger: Ledger, case: str, ran: Ran) -> None:
    """Put a run into the report."""
    ledger.add("real node", case, "real node", "works", ran.seconds, str(ran), image=ran.image)
