"""A stack from nothing to nothing, and the settings that belong together in between: what they make of it, and that they leave no trace."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest

from clients.registry import Login, Registry
from delivery.objects import SCALED_OBJECT, objects
from domain.image_reference import Reference
from tests.engine.test_lifecycle import assert_no_leak, environment_of, images_of
from tests.support import foreign_chart
from tests.support.engine import Stack
from tests.support.keda import keda
from tests.support.oci_registry import put_image
from tests.support.stacks import settings_of

pytestmark = pytest.mark.engine
CLIENT = "00000000-0000-0000-0000-00000000000a"
WORKER, TRIGGERER = "astro-agent-worker-default-worker", "astro-agent-triggerer"


@pytest.fixture
def with_keda(environment):
    """The trial's cluster with the API of KEDA, until the stack is gone."""
    with keda(environment):
        yield


def test_submodule_option_from_nothing(with_keda, stack):
    done = stack.up()
    release = stack.helm("list")[0]
    assert (release["name"], release["status"], release["revision"]) == ("astro-agent", "deployed", "1")
    deployments = stack.deployments()
    assert set(deployments) == {
        "astro-agent-worker-default-worker",
        "astro-agent-dag-processor",
        "astro-agent-triggerer",
        "astro-agent-sentinel",
    }
    for name, deployment in deployments.items():
        assert deployment.status.available_replicas == 1, name
    env = environment_of(deployments["astro-agent-dag-processor"])
    (bundle,) = json.loads(env["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
    assert bundle["kwargs"]["submodules"] is True
    reference = env["AIRFLOW_CONN_GIT"]["secret_key_ref"]
    secret = stack.api().read_namespaced_secret(reference["name"], stack.namespace)
    connection = json.loads(base64.b64decode(secret.data[reference["key"]]))
    assert connection["host"] == stack.config["dags"]["repo"]
    assert connection["password"] == stack.info.git.token

    outputs = done.outputs
    assert outputs["delivery"] == "git-submodule"
    assert outputs["namespace"] == stack.namespace
    assert outputs["release"]["status"] == "deployed"
    assert outputs["release"]["revision"] == 1
    assert outputs["release"]["version"] == "2.3.3"
    assert outputs["image"].startswith(f"{stack.config['image']['repository']}@sha256:")
    assert images_of(stack) == {outputs["image"]}
    assert outputs["dbtProjects"]["jaffle"]["path"].endswith("/tracking_repo/dags/dbt/jaffle")
    assert json.loads(outputs["dagBundleConfigList"]) == [bundle]
    assert outputs["connections"]["git"]["secret"] == "astro-agent-git-git"

    again = stack.up()
    assert again.changes == {}
    assert stack.history() == [1]

    values = json.dumps(stack.helm("get", "values", "astro-agent"))
    history = "".join(
        base64.b64decode(base64.b64decode(item.data["release"])).decode("latin-1")
        for item in stack.api().list_namespaced_secret(stack.namespace, label_selector="owner=helm").items
    )
    assert_no_leak(stack, done.stdout, again.stdout, values, history, stack.state(), json.dumps(outputs))

    seen_mistakes(stack)
    typed_settings(stack)
    chart_of_others(stack)

    gone = stack.pulumi("destroy", "--yes", "--skip-preview")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    namespaces = [item.metadata.name for item in stack.api().list_namespace().items]
    assert stack.namespace not in namespaces


def typed(config: dict[str, Any], server: str) -> dict[str, Any]:
    """The configuration with every setting of this kind."""
    changed = copy.deepcopy(config)
    changed["mirror"] = {"repository": f"{server}/{config['image']['repository'].partition('/')[2]}/mirror"}
    changed["agent"] |= {
        "logs": {
            "sidecar": {"sinks": {"out": {"type": "console", "encoding": {"codec": "text"}}}},
            "remote": {"folder": "s3://bucket/logs"},
        },
        "identity": {"azure": {"clientId": CLIENT}},
        "xcom": {"path": "s3://conn@bucket/xcom"},
        "stateStore": {"path": "s3://conn@bucket/state"},
        "disruptionBudgets": {"workers": {"maxUnavailable": 1}},
        "workers": [
            {
                **config["agent"]["workers"][0],
                "spread": {"over": "node"},
                "autoscaling": {"maxReplicas": 3, "keda": {"prometheus": "http://prometheus:9090"}},
            }
        ],
    }
    return changed


def typed_settings(stack: Stack) -> None:
    """Change a stack that is up to all of them, and check the result."""
    info = stack.info.registry
    base = stack.config["image"]["base"]
    folder, version = base.rpartition("/")[0].partition("/")[2], base.rpartition("astro-agent-")[2]
    sentinel = f"{folder}/astro-remote-execution-sentinel"
    put_image(info.server, (info.username, info.password), sentinel, version, ["linux/amd64", "linux/arm64"])
    before = stack.config
    config = typed(before, info.server)
    preview = stack.preview(config)
    assert preview.returncode == 0, preview.stdout + preview.stderr
    assert f"{info.server}/{sentinel}:{version} will be copied to" in preview.stdout + preview.stderr

    earlier = str(stack.outputs()["image"])
    for kind in ("builder", "image"):
        assert stack.run("docker", kind, "prune", "--all", "--force").returncode == 0
    done = stack.up(config)
    rebuilt = str(done.outputs["image"])
    assert rebuilt != earlier, "it is built on the copy of its base"
    copies = done.outputs["mirror"]
    registry = Registry(info.server, Login(info.username, info.password), timeout=30)
    for name, source in (("base", base), ("sentinel", f"{info.server}/{sentinel}:{version}")):
        place, origin = Reference.parse(copies[name]), Reference.parse(source)
        assert registry.raw_manifest(origin.repository, origin.tag).digest == place.tag
        registry.manifest(place.repository, place.tag)
    layers = [
        registry.manifest(place.repository, place.tag)["layers"]
        for place in map(Reference.parse, (earlier, rebuilt))
    ]
    assert layers[0] == layers[1], "an empty builder takes the layers of the registry"
    deployments = stack.deployments()
    assert deployments["astro-agent-sentinel"].spec.template.spec.containers[0].image == copies["sentinel"]

    for name in (WORKER, TRIGGERER):
        pod = deployments[name].spec.template
        agent, vector = pod.spec.containers
        assert vector.name == "vector-logging-sidecar"
        paths = [{mount.mount_path for mount in container.volume_mounts} for container in (agent, vector)]
        assert all("/usr/local/airflow/logs" in found for found in paths)
        assert pod.metadata.labels["azure.workload.identity/use"] == "true"
        account = stack.kubectl("get", "serviceaccount", pod.spec.service_account_name, "--output", "json")
        annotations = json.loads(account)["metadata"]["annotations"]
        assert annotations["azure.workload.identity/client-id"] == CLIENT
        env = {item.name: item.value for item in agent.env}
        assert env["AIRFLOW__COMMON_IO__STATE_STORE_OBJECTSTORAGE_PATH"] == "s3://conn@bucket/state"
        assert env["AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER"] == "s3://bucket/logs"
    affinity = deployments[WORKER].spec.template.spec.affinity
    assert affinity.pod_anti_affinity.preferred_during_scheduling_ignored_during_execution

    scaled = json.loads(stack.kubectl("get", "scaledobject", WORKER, "--output", "json"))
    (wanted,) = [item for item in objects(settings_of(config).agent) if item["kind"] == SCALED_OBJECT]
    assert scaled["spec"] == wanted["spec"], "KEDA's schema drops nothing of it"
    budget = json.loads(stack.kubectl("get", "pdb", "astro-agent-worker", "--output", "json"))
    assert budget["status"]["expectedPods"] == deployments[WORKER].spec.replicas, (
        "its selector finds the Pods"
    )

    again = stack.up()
    assert again.changes == {}
    assert info.password not in done.stdout + again.stdout + preview.stdout + stack.state()

    back = stack.up(before)
    assert back.changes.get("delete") == 3, "two objects and their component"
    assert stack.kubectl("get", "pdb,scaledobject", "--output", "name") == ""


def chart_of_others(stack: Stack) -> None:
    """A stack that is up changes to a chart with further keys, in workers and in a chart within it, and back."""
    before = stack.config
    config = copy.deepcopy(before)
    config["agent"]["workers"][0]["values"] = foreign_chart.FURTHER
    with foreign_chart.served() as chart:
        config["agent"] |= {"chart": chart, "values": {"beacon": {"enabled": True, "protocol": "SCTPX"}}}
        _refused(stack, config, "astro-dbt:agent.values.beacon leads to Service astro-agent-beacon")
        config["agent"]["values"]["beacon"]["protocol"] = "UDP"
        done = stack.up(config)
    assert done.outputs["release"]["version"] == foreign_chart.VERSION
    pod = stack.deployments()[WORKER].spec.template.spec
    assert pod.topology_spread_constraints[0].topology_key == "kubernetes.io/hostname"
    scaled = json.loads(stack.kubectl("get", "scaledobject", WORKER, "--output", "json"))
    assert scaled["spec"]["triggers"] == foreign_chart.KEDA["triggers"]
    assert scaled["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm", "it is the chart's own"
    assert stack.kubectl("get", "service", "--output", "jsonpath={..protocol}") == "UDP"


def seen_mistakes(stack: Stack) -> None:
    """Values that a stack that is up may not change to: the preview says why, and nothing changes."""
    history, before = stack.history(), stack.config
    config = copy.deepcopy(before)
    config["agent"]["values"] = {"loggingSidecar": {"enabled": True}}
    _refused(stack, config, "astro-dbt:agent.values.loggingSidecar.enabled", "needs the volume task-logs")
    config = copy.deepcopy(before)
    query = {"serverAddress": "http://prometheus:9090", "query": "x", "threshold": 20}
    keda = {"triggers": [{"type": "prometheus", "metadata": query}]}
    config["agent"]["workers"][0]["values"] = {"keda": {"enabled": True}}
    scaled = {"name": "scaled", "queues": ["scaled"], "autoscaling": {"maxReplicas": 3, "keda": keda}}
    config["agent"]["workers"].append(scaled)
    _refused(
        stack,
        config,
        "astro-dbt:agent.workers[0].values.keda",
        "which version 2.3.3 rejects, because this key is unknown",
        "astro-dbt:agent.workers[1].autoscaling.keda.triggers[0].metadata.threshold",
    )
    assert stack.history() == history
    stack.write(before)


def _refused(stack: Stack, config: dict[str, Any], *says: str) -> None:
    done = stack.preview(config)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert [text for text in says if text not in output] == [], output
