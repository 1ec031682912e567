"""Every module of the product has a test file of its own name, or an entry here that says which tests run it instead."""

from __future__ import annotations

import pytest

from tests.support.stacks import ROOT

ROOMS = (
    "clients",
    "components",
    "delivery",
    "domain",
    "drills",
    "policy",
    "preflight",
    "program",
    "review",
    "settings",
    "trial",
)
TESTED_IN = {
    "clients/errors.py": "tests/checks/test_walls.py",
    "clients/git/links.py": "tests/preflight/test_git_probe.py",
    "components/registry_login.py": "tests/components/test_agent_release.py",
    "delivery/agent_image.py": "tests/delivery/test_plan.py",
    "delivery/bundle.py": "tests/delivery/test_plan.py",
    "delivery/connection_data.py": "tests/domain/test_connection_secret.py",
    "delivery/dag_environment.py": "tests/delivery/test_plan.py",
    "components/confirmation.py": "tests/components/test_agent_namespace.py",
    "delivery/environment.py": "tests/delivery/test_chart_values.py",
    "delivery/git_submodule.py": "tests/delivery/test_plan.py",
    "delivery/in_image": "tests/plugins/test_images.py",  # runs in the image
    "domain/build_context.py": "tests/program/test_build_context.py",
    "domain/dbt_packages.py": "tests/preflight/test_package_probe.py",
    "domain/errors.py": "tests/checks/test_walls.py",
    "domain/names.py": "tests/components/test_agent_release.py",
    "domain/security.py": "tests/delivery/test_chart_values.py",
    "drills/dependencies.py": "tests/engine/test_drills.py",
    "drills/faults.py": "tests/engine/test_drills.py",
    "drills/inventory.py": "tests/engine/test_drills.py",
    "drills/kill.py": "tests/engine/test_drills.py",
    "drills/operations.py": "tests/engine/test_drills.py",
    "drills/place.py": "tests/engine/test_drills.py",
    "preflight/catalogue": "tests/preflight/test_catalogue.py",
    "preflight/chart_access.py": "tests/preflight/test_chart_probe.py",
    "preflight/dags_probe.py": "tests/preflight/test_bundles.py",
    "program/presence.py": "tests/engine/test_presence.py",  # what is in the state, the engine alone knows
    "program/repair.py": "tests/engine/test_kill.py",  # its hooks need the engine
    "review/commits.py": "tests/engine/test_review.py",
    "review/engine.py": "tests/engine/test_review.py",  # the engine itself
    "review/facts.py": "tests/review/test_sources.py",
    "review/model.py": "tests/review/test_build.py",
    "review/objects_markdown.py": "tests/review/test_objects_golden.py",
    "settings/agent.py": "tests/settings/test_consistency.py",
    "settings/bundle_rules.py": "tests/settings/test_bundles.py",
    "settings/connections.py": "tests/settings/test_consistency.py",
    "settings/containers.py": "tests/settings/test_consistency.py",
    "settings/dags.py": "tests/settings/test_base.py",
    "settings/dbt.py": "tests/settings/test_consistency.py",
    "settings/image.py": "tests/settings/test_consistency.py",
    "settings/preflight.py": "tests/settings/test_load.py",
    "trial/agent_driver.py": "tests/delivery_proof/test_matrix.py",  # runs in the agents' Python
    "trial/base_image.py": "tests/trial/test_file_systems.py",
    "trial/cgroups.py": "tests/delivery_proof/test_real_node.py",  # a real node needs root
    "trial/chart_repository.py": "tests/trial/test_environment.py",
    "trial/cluster.py": "tests/trial/test_environment.py",
    "trial/errors.py": "tests/trial/test_commands.py",
    "trial/firewall.py": "tests/trial/test_file_systems.py",
    "trial/http_check.py": "tests/trial/test_environment.py",
    "trial/kwok.py": "tests/trial/test_environment.py",
    "trial/language_host": "tests/plugins/test_language_host.py",  # the engine itself calls it
    "trial/layers.py": "tests/trial/test_registry.py",
    "trial/pulumi_cli.py": "tests/trial/test_orphans.py",
    "trial/ready_image.py": "tests/trial/test_registry.py",
    "trial/real_node.py": "tests/delivery_proof/test_real_node.py",
    "trial/registry_client.py": "tests/trial/test_registry.py",
    "trial/registry_server.py": "tests/trial/test_registry.py",
}
"""Module or folder -> the file whose tests run it."""


def untested() -> set[str]:
    """Modules without a test file of their own name; a folder of TESTED_IN stands for its modules."""
    found = set()
    for room in ROOMS:
        for module in sorted((ROOT / room).rglob("*.py")):
            path = module.relative_to(ROOT)
            if (
                not module.stem.startswith("__")
                and not (ROOT / "tests" / path.parent / f"test_{path.name}").exists()
            ):
                whole = path.parent.as_posix()
                found.add(whole if whole in TESTED_IN else path.as_posix())
    return found


def test_every_module_is_tested_by_name_or_by_an_entry():
    assert untested() - TESTED_IN.keys() == set()


def test_no_entry_is_needless():
    assert TESTED_IN.keys() - untested() == set()


@pytest.mark.parametrize("file", sorted(set(TESTED_IN.values())))
def test_the_named_tests_exist(file):
    assert (ROOT / file).is_file()
