"""Astro Remote Execution Agents and the dbt projects they run: settings, preflight, components, outputs."""

from pathlib import Path

import pulumi

import delivery
import preflight
from clients import private_folder
from delivery.advice import advice
from delivery.mirror import with_copies
from delivery.recipe import recipe_settings
from domain.errors import ReportedError
from program import core_dumps, debug_output, kubeconfig_copies, presence, wiring
from program.configuration import load
from program.interruption import at_end, leave_quietly
from program.mirror import mirrored
from settings.authorities import authorities


def main() -> None:
    """Provision one stack; the user's mistakes are reported as sentences before anything is changed."""
    leave_quietly()
    at_end(private_folder.remove)
    core_dumps.turn_off()
    root = Path(pulumi.runtime.get_root_directory() or ".")
    try:
        debug_output.refuse(masking="python -m program.debug_log")
        settings = load()
        kubeconfig_copies.remove_at_exit(settings.kubeconfig_in_use)
        plan = delivery.plan(settings, authorities=authorities(settings, root))
        delivery.check(settings, plan, project=pulumi.get_project())
        report = preflight.run(
            settings,
            plan,
            project=pulumi.get_project(),
            stack=pulumi.get_stack(),
            root=root,
            preview=pulumi.runtime.is_dry_run(),
        )
        for finding in report.warnings:
            pulumi.log.warn(str(finding))
        for finding in report.of("cluster.adopted", "info"):
            pulumi.log.info(str(finding))
        for sentence in advice(settings):
            pulumi.log.warn(f"{pulumi.get_project()}:{sentence}.")
        report.raise_for_errors()
        copied = mirrored(settings, project=pulumi.get_project(), copying=not pulumi.runtime.is_dry_run())
        if copied:
            settings = with_copies(settings, copied)
            plan = delivery.plan(settings, authorities=authorities(settings, root))
        contexts = wiring.build_contexts(settings, plan, root)

        found = presence.look(settings, root)
        namespace = wiring.agent_namespace(settings, root, found)
        git = wiring.git_connections(settings, plan, namespace)
        image = wiring.agents_image(settings, plan, contexts, namespace=namespace)
        agents = wiring.agent_release(
            settings, plan, root, namespace=namespace, git=git, image=image, found=found
        )
        wiring.agent_objects(settings, namespace=namespace, release=agents)
    except ReportedError as error:
        raise pulumi.RunError(str(error)) from None

    pulumi.export("delivery", plan.option)
    pulumi.export("namespace", namespace.name)
    pulumi.export("release", agents.status)
    pulumi.export("image", image or "")
    if settings.image:
        pulumi.export("imageRecipe", recipe_settings(settings.image))
    pulumi.export("dbtProjects", wiring.project_outputs(plan, report))
    pulumi.export("dagBundles", wiring.bundle_outputs(settings, plan, report))
    pulumi.export("dagBundleConfigList", plan.bundle_config_list())
    if copied:
        pulumi.export("mirror", copied)
    pulumi.export("connections", wiring.connection_outputs(settings, git))


main()
