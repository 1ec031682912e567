"""A stack on the real engine: both options, the switch, rotation, faults."""

from __future__ import annotations

import base64
import copy
import json
import threading

import pytest

from clients.registry import Login, Registry
from domain.image_reference import Reference
from tests.support.canaries import Canaries
from tests.support.engine import UpError
from tests.support.stacks import ROOT

pytestmark = pytest.mark.engine


def environment_of(deployment, container=0):
    """Variables of a Deployment's container: name -> value or reference."""
    found = deployment.spec.template.spec.containers[container].env or []
    return {item.name: item.value if item.value is not None else item.value_from.to_dict() for item in found}


def templates(stack):
    """Deployment -> its Pod template, to see what rolls."""
    return {
        name: json.dumps(item.spec.template.to_dict(), sort_keys=True, default=str)
        for name, item in stack.deployments().items()
    }


def assert_no_leak(stack, *texts):
    """None of these texts holds a secret of the stack, in whatever spelling."""
    values = [stack.config["agentToken"], stack.config["registryPassword"]]
    canaries = Canaries([*values, *(item["password"] for item in stack.config["credentials"].values())])
    for text in texts:
        assert text
        assert canaries.of(text) is None


def images_of(stack):
    """Images of the Deployments that run Dags."""
    return {
        deployment.spec.template.spec.containers[0].image
        for name, deployment in stack.deployments().items()
        if "sentinel" not in name
    }


def layers_of(stack, reference):
    """Digests of an image's layers, the lowest first."""
    info = stack.info.registry
    place = Reference.parse(reference)
    registry = Registry(place.server, Login(info.username, info.password), timeout=30)
    return [layer["digest"] for layer in registry.manifest(place.repository, place.tag)["layers"]]


def test_a_dbt_edit_changes_no_image_under_submodules(stack):
    stack.up()
    model = next((stack.folder / "examples/dbt-project/models").rglob("*.sql"))
    model.write_text(model.read_text() + "\n-- changed\n")
    assert stack.up().changes == {}


class WorkerWatch(threading.Thread):
    """Looks at the ready workers of a stack until it is told to stop."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.stack, self.ended, self.fewest = stack, threading.Event(), 99

    def run(self):
        api = self.stack.api()
        while not self.ended.is_set():
            pods = api.list_namespaced_pod(self.stack.namespace, label_selector="component=worker").items
            ready = [
                pod
                for pod in pods
                if not pod.metadata.deletion_timestamp
                and any(
                    item.type == "Ready" and item.status == "True" for item in pod.status.conditions or []
                )
            ]
            self.fewest = min(self.fewest, len(ready))
            self.ended.wait(0.05)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


def test_switch_in_both_directions_is_a_rolling_update_in_place(stack):
    runtime = stack.up().outputs["image"]
    before, submodule = stack.uids(), templates(stack)
    image_config = {**stack.config, "delivery": "agent-image"}
    with WorkerWatch(stack) as watch:
        done = stack.up(image_config)
        reference = done.outputs["image"]
        repository = stack.config["image"]["repository"]
        assert reference.startswith(f"{repository}@sha256:")
        assert reference != runtime
        assert images_of(stack) == {reference}
        below, above = layers_of(stack, runtime), layers_of(stack, reference)
        assert above[: len(below)] == below, "a switch pushes nothing but the projects' layers"
        env = environment_of(stack.deployments()["astro-agent-worker-default-worker"])
        assert json.loads(env["ASTRO_DBT_PROJECTS"]) == {"jaffle": {"image": "/usr/local/airflow/dbt/jaffle"}}
        assert stack.uids() == before
        assert stack.history() == [1, 2]
        assert stack.up().changes == {}

        back = stack.up({**stack.config, "delivery": "git-submodule"})
        assert back.outputs["image"] == runtime
        assert back.changes == {"delete": 3, "update": 1}, "nothing is built on the way back"
        assert stack.uids() == before
        assert stack.history() == [1, 2, 3]
        assert templates(stack) == submodule
    assert watch.fewest >= 1


def test_dbt_edit_reaches_the_agents_as_a_new_image_and_nothing_else_changes(stack):
    config = {**stack.config, "delivery": "agent-image"}
    first = stack.up(config).outputs["image"]
    before = stack.uids()
    model = next((stack.folder / "examples/dbt-project/models").rglob("*.sql"))
    model.touch()
    assert stack.up().changes == {}
    model.write_text(model.read_text() + "\n-- changed\n")
    done = stack.up()
    assert done.outputs["image"] != first
    assert done.changes == {"update": 2}
    assert stack.uids() == before


def test_another_checkout_finds_nothing_to_do(stack_in, tmp_path):
    first = stack_in(tmp_path / "one", "another-checkout")
    first.up({**first.config, "delivery": "agent-image"})
    second = stack_in(tmp_path / "two" / "deeper", "another-checkout")
    salt = (first.folder / "stacks/Pulumi.another-checkout.yaml").read_text()
    (second.folder / "stacks/Pulumi.another-checkout.yaml").write_text(salt)
    assert second.up_as_written().changes == {}


def test_rotation_rolls_exactly_the_pods_that_read_the_secret(stack):
    stack.up()
    before, uids = templates(stack), stack.uids()

    rotated = {**stack.config, "agentToken": "canary-rotated-agent-token"}
    stack.up(rotated)
    after = templates(stack)
    assert {name for name in before if before[name] != after[name]} == set(before) - {"astro-agent-sentinel"}

    login = {"server": stack.info.registry.server, "username": "other"}
    registry = {**stack.config, "pullRegistry": login, "pullRegistryPassword": "canary-pull-password"}
    registry["preflight"] = {
        "checks": {"image": {"level": "off", "reason": "the user of the registry is made up"}}
    }
    stack.up(registry)
    assert templates(stack) == after

    sentinel = {**stack.config, "sentinelAuth": "canary-sentinel"}
    stack.up(sentinel)
    last = templates(stack)
    assert {name for name in after if after[name] != last[name]} == {"astro-agent-sentinel"}
    assert stack.uids() == uids


def test_several_mistakes_stop_before_anything_changes(stack):
    config = copy.deepcopy(stack.config)
    config["dags"]["repo"] = "../dags.git"
    config["dbtProjects"][0]["connection"] = "gti"
    config["agent"]["workers"][0]["replicas"] = -1
    stack.write(config)
    done = stack.pulumi("up", "--yes")
    output = done.stdout + done.stderr
    assert done.returncode != 0
    for key in (
        "astro-dbt:dags.repo",
        "astro-dbt:dbtProjects[0].connection",
        "astro-dbt:agent.workers[0].replicas",
    ):
        assert key in output
    assert "Traceback" not in output
    assert stack.namespace not in [item.metadata.name for item in stack.api().list_namespace().items]
    assert_no_leak(stack, output)


def test_existing_secrets_are_used_and_left_alone(stack):
    from kubernetes import client

    api = stack.api()
    api.create_namespace({"metadata": {"name": stack.namespace}})
    docker = base64.b64encode(b'{"auths":{}}').decode()
    made = {
        "my-token": ("Opaque", {"token": "dG9rZW4="}),
        "my-sentinel": ("Opaque", {"secret": "c2VudGluZWw="}),
        "my-pull": ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": docker}),
    }
    for name, (kind, data) in made.items():
        api.create_namespaced_secret(
            stack.namespace, client.V1Secret(metadata={"name": name}, type=kind, data=data)
        )
    config = copy.deepcopy(stack.config)
    del config["agentToken"]
    config["agent"] |= {
        "createNamespace": False,
        "agentTokenSecret": "my-token",
        "sentinelAuthSecret": "my-sentinel",
        "imagePullSecret": "my-pull",
    }
    before = stack.uids()
    stack.config["agentToken"] = "canary-unused"
    stack.up({**config})
    after = stack.uids()
    assert {name: after[name] for name in before} == before
    pod = stack.deployments()["astro-agent-worker-default-worker"].spec.template.spec
    assert [item.name for item in pod.image_pull_secrets] == ["my-pull"]
    env = environment_of(stack.deployments()["astro-agent-worker-default-worker"])
    assert env["ASTRO_AGENT_CLIENT_API_TOKEN"]["secret_key_ref"]["name"] == "my-token"
    gone = stack.pulumi("destroy", "--yes", "--skip-preview")
    assert gone.returncode == 0
    assert stack.uids() == before
    api.delete_namespace(stack.namespace)


def test_failed_upgrade_is_rolled_back_and_the_next_one_succeeds(stack):
    stack.up()
    before = templates(stack)
    broken = copy.deepcopy(stack.config)
    broken["agent"]["timeout"] = 12
    broken["agent"]["workers"][0]["values"] = {
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "none"}}]
    }
    broken["preflight"] = {
        "checks": {"cluster": {"level": "off", "reason": "the claim is missing on purpose"}}
    }
    good = stack.config
    with pytest.raises(UpError) as caught:
        stack.up(broken)
    output = str(caught.value)
    assert "did not get ready. Before Helm took the change back:" in output
    assert 'Unschedulable: 0/1 nodes are available: persistentvolumeclaim "none" not found' in output
    assert_no_leak(stack, output)
    assert stack.helm("list")[0]["status"] == "deployed"
    assert templates(stack) == before
    done = stack.up({**good, "agent": {**good["agent"], "values": {"logLevel": "DEBUG"}}})
    assert done.outputs["release"]["status"] == "deployed"


@pytest.mark.parametrize("name", ["prod", "staging"])
def test_example_stacks_preview_with_their_documented_secrets_only(stack_in, tmp_path, name):
    stack = stack_in(tmp_path / "program", name)
    file = stack.folder / "stacks" / f"Pulumi.{name}.yaml"
    text = (ROOT / "stacks" / f"Pulumi.{name}.yaml").read_text()
    file.write_text(text)
    for line in text.splitlines():
        if line.startswith("#   pulumi config set --secret"):
            key = line.split()[-1].strip("'")
            done = stack.run(
                "pulumi", "config", "set", "--secret", "--path", key, "canary-" + key, "--stack", name
            )
            assert done.returncode == 0, done.stderr
    done = stack.pulumi("preview")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "canary-" not in done.stdout + done.stderr
