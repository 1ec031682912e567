"""Service accounts and labels of workload identities."""

from __future__ import annotations

from typing import Any

from delivery.identity import accounts, identity_values, worker_account
from settings.agent import Agent
from tests.support.stacks import settings_of, with_agent

AWS = {"aws": {"roleArn": "arn:aws:iam::123456789012:role/agents"}}
POD = {"aws": {"roleArn": "arn:aws:iam::123456789012:role/agents", "by": "pod-identity"}}
GCP = {"gcp": {"serviceAccount": "agents@acme.iam.gserviceaccount.com"}}
AZURE = {
    "azure": {
        "clientId": "00000000-0000-0000-0000-00000000000a",
        "tenantId": "00000000-0000-0000-0000-00000000000b",
    }
}
ROLE = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/agents"}
AGENTS = ("workers", "dagProcessor", "triggerer")


def agent(**changes: Any) -> Agent:
    return settings_of(with_agent(**changes)).agent


def test_without_identity_nothing_is_decided() -> None:
    assert identity_values(agent()) == {}


def test_one_identity_annotates_all_but_the_sentinel() -> None:
    assert identity_values(agent(identity=AWS)) == {
        "serviceAccount": {kind: {"create": True, "annotations": ROLE} for kind in AGENTS}
    }
    (annotations,) = {
        tuple(account["annotations"].items())
        for account in identity_values(agent(identity=GCP))["serviceAccount"].values()
    }
    assert annotations == (("iam.gke.io/gcp-service-account", "agents@acme.iam.gserviceaccount.com"),)


def test_azure_needs_label_and_annotations() -> None:
    values = identity_values(agent(identity=AZURE))
    assert values["labels"] == {"azure.workload.identity/use": "true"}
    assert values["serviceAccount"]["workers"]["annotations"] == {
        "azure.workload.identity/client-id": "00000000-0000-0000-0000-00000000000a",
        "azure.workload.identity/tenant-id": "00000000-0000-0000-0000-00000000000b",
    }


def test_workers_with_different_identities_have_separate_accounts() -> None:
    found = agent(identity=AWS, workers=[{"name": "a", "identity": GCP}, {"name": "b", "queues": ["b"]}])
    assert "workers" not in identity_values(found)["serviceAccount"]
    assert worker_account(found, 0) == {
        "create": True,
        "annotations": {"iam.gke.io/gcp-service-account": "agents@acme.iam.gserviceaccount.com"},
    }
    assert worker_account(found, 1) == {"create": True, "annotations": ROLE}


def test_an_identity_of_one_component() -> None:
    found = agent(triggerer={"identity": AZURE})
    assert set(identity_values(found)["serviceAccount"]) == {"triggerer"}
    assert worker_account(found, 0) is None
    assert [(item.at, item.name) for item in accounts(found)] == [
        ("agent.triggerer.identity", "astro-agent-triggerer")
    ]


def test_pod_identity_has_no_annotation_but_fixed_names() -> None:
    found = agent(identity=POD)
    assert identity_values(found)["serviceAccount"] == {
        "workers": {"create": True},
        "dagProcessor": {"create": True, "name": "astro-agent-dag-processor"},
        "triggerer": {"create": True, "name": "astro-agent-triggerer"},
    }
    assert [item.name for item in accounts(found)] == [
        "astro-agent-worker-default-worker",
        "astro-agent-dag-processor",
        "astro-agent-triggerer",
    ]


def test_an_account_that_exists_is_neither_created_nor_annotated() -> None:
    values = identity_values(agent(identity={**AZURE, "account": "mine"}))
    assert values["serviceAccount"] == {kind: {"create": False, "name": "mine"} for kind in AGENTS}
    assert values["labels"] == {"azure.workload.identity/use": "true"}
