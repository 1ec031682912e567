"""How dbt projects reach the agents: one module per option, pure functions from settings to a plan."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from delivery import agent_image, git_submodule
from delivery.contradictions import check
from delivery.plan import Plan
from delivery.withheld import let_through
from settings.stack import Settings

OPTIONS: Mapping[str, Callable[..., Plan]] = {
    "git-submodule": git_submodule.plan,
    "agent-image": agent_image.plan,
}


def plan(settings: Settings, *, authorities: Mapping[str, str]) -> Plan:
    """Plan for the option in ``settings.delivery``.

    ``authorities`` maps connection ids to the PEM text of the certificate authority of their Git host.
    """
    made = OPTIONS[settings.delivery](settings, authorities=authorities)
    through = let_through(made.environment, settings.agent)
    return replace(
        made,
        environment=through,
        withheld=tuple(item.name for item in made.environment if item not in through),
    )


__all__ = ["OPTIONS", "Plan", "check", "plan"]
