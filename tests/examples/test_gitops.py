"""The Stack of the Pulumi Kubernetes Operator, against what its CRD takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from settings import RawValue, parse
from settings.stack import config_key, secret_fields
from tests.support.stacks import ROOT, with_ready_image
from trial.gobuild import PULUMI_VERSION

MANIFEST = ROOT / "examples" / "gitops" / "stack.yaml"
TEXT, FLAG, NUMBER = {"type": "string"}, {"type": "boolean"}, {"type": "integer"}


def _closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_REFERENCE = _closed(
    {
        "type": TEXT,
        "literal": _closed({"value": TEXT}, "value"),
        "secret": _closed({"name": TEXT, "key": TEXT, "namespace": TEXT}, "name", "key"),
        "env": _closed({"name": TEXT}, "name"),
        "filesystem": _closed({"path": TEXT}, "path"),
    },
    "type",
)
SPEC = _closed(
    {
        **dict.fromkeys(
            (
                "stack",
                "projectRepo",
                "branch",
                "commit",
                "repoDir",
                "backend",
                "serviceAccountName",
                "secretsProvider",
            ),
            TEXT,
        ),
        **dict.fromkeys(
            ("refresh", "continueResyncOnCommitMatch", "destroyOnFinalize", "preview", "shallow"), FLAG
        ),
        "resyncFrequencySeconds": NUMBER,
        "environment": {"type": "array", "items": TEXT},
        "gitAuth": _closed(
            {
                "accessToken": _REFERENCE,
                "basicAuth": _closed(
                    {"userName": _REFERENCE, "password": _REFERENCE}, "userName", "password"
                ),
                "sshAuth": _closed({"sshPrivateKey": _REFERENCE, "password": _REFERENCE}, "sshPrivateKey"),
            }
        ),
        "envRefs": {"type": "object", "additionalProperties": _REFERENCE},
        "workspaceTemplate": _closed(
            {
                "spec": _closed(
                    {
                        "image": TEXT,
                        "securityProfile": {"enum": ["baseline", "restricted"]},
                        "podTemplate": {
                            "type": "object",
                            "properties": {"spec": {"type": "object", "required": ["containers"]}},
                        },
                    }
                )
            }
        ),
    },
    "stack",
)
"""The part of the CRD's schema that the manifest uses, in our words.

Source: pulumi/pulumi-kubernetes-operator, deploy/crds/pulumi.com_stacks.yaml at 475dbc6c (2026-08-22, after v2.9.0), version v1. The
operator's module is not on the Go module proxy, so tests cannot read the CRD; the manifest was also validated against that file itself,
with unknown keys refused.
"""


@pytest.fixture(scope="module")
def objects() -> dict[str, Any]:
    return {item["kind"]: item for item in yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))}


def mistakes(spec: Any) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(SPEC).iter_errors(spec)]


def test_the_stack_is_one_that_the_operator_takes(objects) -> None:
    stack = objects["Stack"]
    assert stack["apiVersion"] == "pulumi.com/v1"
    assert mistakes(stack["spec"]) == []


@pytest.mark.parametrize("change", [{"projectRepository": "x"}, {"refresh": "yes"}, {"branch": 1}])
def test_a_mistake_would_be_found(objects, change) -> None:
    assert mistakes({**objects["Stack"]["spec"], **change})


def test_the_names_of_the_objects_fit_together(objects) -> None:
    stack, account = objects["Stack"], objects["ServiceAccount"]["metadata"]
    assert stack["spec"]["serviceAccountName"] == account["name"]
    subject = {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
    for kind in ("ClusterRoleBinding", "RoleBinding"):
        assert objects[kind]["subjects"] == [subject]
    assert stack["metadata"]["namespace"] == account["namespace"]


def test_the_workspace_has_the_cli_of_the_pinned_sdk(objects) -> None:
    """Of Pulumi's images only `pulumi/pulumi` has tags that end in -nonroot, which the restricted profile needs."""
    workspace = objects["Stack"]["spec"]["workspaceTemplate"]["spec"]
    assert workspace["securityProfile"] == "restricted"
    assert workspace["image"] == f"pulumi/pulumi:{PULUMI_VERSION}-nonroot"


def test_the_account_has_the_role_that_a_run_was_proven_with(objects) -> None:
    """tests/engine/test_accounts.py runs a stack's life with it."""
    roles = yaml.safe_load_all((ROOT / "docs" / "rbac.yaml").read_text(encoding="utf-8"))
    names = {item["metadata"]["name"] for item in roles if item["kind"] == "Role"}
    bound = objects["RoleBinding"]["roleRef"]
    assert bound["kind"] == "Role"
    assert bound["name"] in names


def test_no_secret_is_in_the_manifest(objects) -> None:
    for reference in objects["Stack"]["spec"]["envRefs"].values():
        assert reference["type"] == "Secret"
    assert objects["Stack"]["spec"]["gitAuth"]["basicAuth"]["password"]["type"] == "Secret"


def environment(text: str) -> dict[str, Any]:
    """The ESC environment of docs/gitops.md."""
    block = text.partition("<!-- esc -->")[2].partition("```yaml\n")[2].partition("```")[0]
    found: dict[str, Any] = yaml.safe_load(block)
    return found


def revealed(value: Any) -> Any:
    """Values as the program gets them, without the marks of secrets."""
    if isinstance(value, dict):
        return (
            value["fn::secret"]
            if "fn::secret" in value
            else {key: revealed(item) for key, item in value.items()}
        )
    return value


def test_an_environment_gives_the_keys_of_a_stack() -> None:
    """Pulumi merges `pulumiConfig` into the configuration; what it marks as secret arrives as a secret."""
    values = environment((ROOT / "docs" / "gitops.md").read_text(encoding="utf-8"))["values"]["pulumiConfig"]
    config = {key.partition(":")[2]: revealed(value) for key, value in values.items()}
    secret = {config_key(field) for field in secret_fields()}
    assert config.keys() <= secret
    text = json.dumps(
        {key: value for key, value in with_ready_image().items() if key not in secret | {"registry"}}
    )
    plain = json.loads(text.replace('"git"', '"github"'))
    raw = {
        key: RawValue(value if isinstance(value, str) else json.dumps(value), secret=key in secret)
        for key, value in {**plain, **config}.items()
    }
    assert parse(raw, project="astro-dbt", root=Path()).password_of("github") == "a token"
