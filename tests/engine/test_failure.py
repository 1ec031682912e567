"""A change that does not get ready says why, without secrets, and does not wait for what cannot come."""

from __future__ import annotations

import base64
import copy
import time

import pytest

from tests.support.engine import UpError
from tests.support.kubelet import LABEL, kubelet

pytestmark = pytest.mark.engine

WORKER, TRIGGERER = "astro-agent-worker-default-worker", "astro-agent-triggerer"


def secrets_of(stack):
    """Every secret of the stack, in the spellings in which a Pod could print it."""
    values = [stack.config["agentToken"], stack.config["registryPassword"]]
    values += [item["password"] for item in stack.config["credentials"].values()]
    login = f"{stack.info.git.username}:{stack.info.git.token}"
    coded = [base64.b64encode(value.encode()).decode() for value in (*values, login)]
    return [*values, *coded]


def failing(stack):
    """Worker and triggerer on another node, with a time limit that only an early end can beat."""
    config = copy.deepcopy(stack.config)
    config["agent"]["timeout"] = 300
    config["agent"]["workers"][0]["nodeSelector"] = {LABEL: stack.name}
    config["agent"]["triggerer"] = {"nodeSelector": {LABEL: stack.name}}
    return config


def states(stack, leaks):
    """The worker's image is missing, the triggerer ends at once and tells its secrets."""

    def status(pod):
        worker = pod.metadata.name.startswith(WORKER)
        name, image = pod.spec.containers[0].name, pod.spec.containers[0].image
        gone = {
            "waiting": {
                "reason": "ErrImagePull",
                "message": f'Failed to pull image "{image}": manifest unknown',
            }
        }
        ended = {"exitCode": 3, "reason": "Error", "message": f"bad token {leaks[0]}", "containerID": "c://0"}
        crashed = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
        return {
            "phase": "Pending" if worker else "Running",
            "conditions": [{"type": "Ready", "status": "False"}],
            "containerStatuses": [
                {
                    "name": name,
                    "image": image,
                    "imageID": "",
                    "ready": False,
                    "restartCount": 0 if worker else 2,
                    "state": gone if worker else crashed,
                    "lastState": {} if worker else {"terminated": ended},
                }
            ],
        }

    return status


def test_a_failure_names_its_pods_before_the_rollback_and_ends_early(environment, stack):
    good = stack.config
    stack.up()
    before = {name: item.spec.template.to_dict() for name, item in stack.deployments().items()}
    leaks, api = secrets_of(stack), stack.api()
    status = states(stack, leaks)
    with kubelet(environment, api, stack.name, status) as node:
        node.logs = {
            container.name: "".join(f"env {leak}\n" for leak in leaks) + "no module named cosmos\n"
            for container in stack.deployments()[TRIGGERER].spec.template.spec.containers
        }
        started = time.monotonic()
        with pytest.raises(UpError) as caught:
            stack.up(failing(stack))
        seconds = time.monotonic() - started
    output = str(caught.value)
    assert len(node.seen) >= 2, output
    worker, triggerer = (
        next(pod for pod in node.seen if pod.startswith(name)) for name in (WORKER, TRIGGERER)
    )
    assert f"Deployment {WORKER}, Pod {worker}, container " in output
    assert "ErrImagePull: Failed to pull image" in output
    assert "astro-dbt:agent.image" in output
    assert f"Deployment {TRIGGERER}, Pod {triggerer}, container " in output
    assert "CrashLoopBackOff, exit code 3 (Error), 2 restarts, bad token ***" in output
    assert "log   | env ***" in output
    assert "log   | no module named cosmos" in output
    for leak in leaks:
        assert leak not in output
    assert "unless that changes, the wait ends in 30 s" in output
    assert "its wait was ended after 3" in output
    assert "context canceled" in output, "Helm itself ended it"
    assert "Traceback" not in output
    assert seconds < 120, "the time limit is 300 s"

    # Helm has taken the change back as after its own time limit.
    statuses = [item["status"] for item in stack.helm("history", "astro-agent")]
    assert statuses[-1] == "deployed"
    assert statuses.count("deployed") == 1
    assert "failed" in statuses
    assert not [status for status in statuses if status.startswith("pending")]
    assert {name: item.spec.template.to_dict() for name, item in stack.deployments().items()} == before
    done = stack.up(good)
    assert done.outputs["release"]["status"] == "deployed"
    assert "interrupted" not in done.stdout
