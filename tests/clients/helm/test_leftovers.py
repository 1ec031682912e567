"""What goes and what stays when a killed change is taken back."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from clients.helm.leftovers import without_additions

SOUND: dict[str, Any] = {
    "kind": "Deployment",
    "metadata": {"name": "worker", "labels": {"app": "worker"}},
    "spec": {
        "replicas": 1,
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "worker",
                        "args": ["worker"],
                        "env": [{"name": "A", "value": "1"}],
                        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                    }
                ],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            }
        },
    },
}


def pod(deployment: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


def lived(deployment: dict[str, Any]) -> dict[str, Any]:
    """The object as the API server holds it: with defaults, and with what others wrote."""
    live = copy.deepcopy(deployment)
    live["metadata"].setdefault("annotations", {})["deployment.kubernetes.io/revision"] = "2"
    live["metadata"]["labels"]["team"] = "data"
    live["status"] = {"replicas": 1}
    pod(live)["schedulerName"] = "default-scheduler"
    pod(live)["containers"][0]["env"].append({"name": "INJECTED", "value": "by a webhook"})
    return live


def test_entries_and_fields_that_only_the_killed_change_had_go() -> None:
    killed = copy.deepcopy(SOUND)
    container = pod(killed)["containers"][0]
    container["env"].append({"name": "B", "value": "2"})
    container["volumeMounts"].append({"name": "tmp", "mountPath": "/cache"})
    container["livenessProbe"] = {"httpGet": {"path": "/", "port": 80}}
    pod(killed)["containers"].append({"name": "sidecar", "image": "x"})
    pod(killed)["volumes"].append({"name": "data", "persistentVolumeClaim": {"claimName": "none"}})
    pod(killed)["nodeSelector"] = {"disk": "ssd"}
    killed["metadata"]["annotations"] = {"by": "killed"}
    killed["metadata"]["labels"]["stage"] = "killed"

    assert without_additions(lived(killed), killed, SOUND) == lived(SOUND)


def test_a_live_object_that_the_killed_run_never_reached_stays_as_it_is() -> None:
    killed = copy.deepcopy(SOUND)
    pod(killed)["volumes"].append({"name": "data", "emptyDir": {}})
    assert without_additions(lived(SOUND), killed, SOUND) == lived(SOUND)


def test_changed_and_removed_values_are_left_to_helm() -> None:
    killed = copy.deepcopy(SOUND)
    killed["spec"]["replicas"] = 5
    pod(killed)["containers"][0]["args"] = ["worker", "--debug"]
    pod(killed)["containers"][0]["env"] = []
    live = lived(killed)
    assert without_additions(live, killed, SOUND) == live


@pytest.mark.parametrize("empty", [None, {}])
def test_a_map_that_was_empty_before(empty: object) -> None:
    sound = {"metadata": {"name": "a", "annotations": empty}}
    killed = {"metadata": {"name": "a", "annotations": {"by": "killed"}}}
    live = {"metadata": {"name": "a", "annotations": {"by": "killed", "other": "stays"}}}
    assert without_additions(live, killed, sound) == {
        "metadata": {"name": "a", "annotations": {"other": "stays"}}
    }
