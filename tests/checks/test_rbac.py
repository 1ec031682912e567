"""The two files of Kubernetes roles say the same, but for the namespace."""

from __future__ import annotations

import pytest

from tests.support.accounts import DEPLOY, NAMESPACE, PREVIEW, Right, documents, rights, rules_of
from trial.cluster import AUDITED

IN_NAMESPACE = documents("rbac.yaml", namespace=NAMESPACE)
EVERYWHERE = documents("rbac-create-namespace.yaml", namespace=NAMESPACE)


@pytest.mark.parametrize("account", [DEPLOY, PREVIEW])
def test_a_stack_that_creates_its_namespace_needs_only_that_more(account: str) -> None:
    more = rights(rules_of(EVERYWHERE, account)) - rights(rules_of(IN_NAMESPACE, account))
    assert rights(rules_of(EVERYWHERE, account)) >= rights(rules_of(IN_NAMESPACE, account))
    created = {Right("", "namespaces", verb, NAMESPACE) for verb in ("create", "delete", "patch")}
    created |= {Right("", "namespaces", verb) for verb in ("list", "watch")}
    assert more == (created if account == DEPLOY else set())


def test_everything_is_in_the_namespace() -> None:
    assert {item["metadata"]["namespace"] for item in IN_NAMESPACE} == {NAMESPACE}
    assert {item["kind"] for item in IN_NAMESPACE} == {"Role", "RoleBinding"}
    assert {item["kind"] for item in EVERYWHERE} == {"ClusterRole", "ClusterRoleBinding"}


@pytest.mark.parametrize(
    "objects", [IN_NAMESPACE, EVERYWHERE], ids=["rbac.yaml", "rbac-create-namespace.yaml"]
)
def test_nothing_is_allowed_by_a_wildcard_or_by_rights_to_grant(objects: list[dict[str, object]]) -> None:
    allowed = [right for account in (DEPLOY, PREVIEW) for right in rights(rules_of(objects, account))]
    assert not [right for right in allowed if "*" in (right.group, right.resource, right.verb)]
    assert not [right for right in allowed if right.verb in {"escalate", "bind", "impersonate"}]


@pytest.mark.parametrize(
    "objects", [IN_NAMESPACE, EVERYWHERE], ids=["rbac.yaml", "rbac-create-namespace.yaml"]
)
def test_every_role_is_bound_to_the_group_that_the_trial_audits(objects: list[dict[str, object]]) -> None:
    bindings: list[dict[str, object]] = [item for item in objects if str(item["kind"]).endswith("Binding")]
    bound = {item["roleRef"]["name"]: item["subjects"][0]["name"] for item in bindings}  # type: ignore[index]
    roles = {item["metadata"]["name"] for item in objects if not str(item["kind"]).endswith("Binding")}  # type: ignore[index]
    assert set(bound) == roles
    assert set(bound.values()) == set(AUDITED)
    assert all(role.startswith(str(group)) for role, group in bound.items())
