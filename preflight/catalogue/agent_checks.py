"""Checks of what the vendor asks of agents beyond what their chart insists on."""

from __future__ import annotations

from preflight.check import Check, info, warning


class AgentLogs(Check, id="agent.logs"):
    """Task logs outlive their Pod."""

    @warning("agent.logs")
    def lost(self) -> str:
        return (
            "is missing, so task logs are lost with their Pod; write sidecar or remote below it, or switch agent.logs off with a "
            "reason if your platform keeps them"
        )


class AgentStores(Check, id="agent.stores"):
    """Agents have the stores that the vendor asks for."""

    @info("agent.secretsBackend")
    def secrets_backend(self) -> str:
        return "is missing, so agents find connections and variables only in their environment and in files of their image"

    @info("agent.xcom")
    def xcom(self) -> str:
        return "is missing, so XComs have no object storage, which the chart's default backend expects"

    @warning("agent.stateStore")
    def state_store(self, *, reference: str, runtime: str) -> str:
        return (
            f"is missing, but {reference} is of Runtime {runtime}, whose agents keep the state of tasks in object storage; write "
            "path below it"
        )

    @warning("agent.stateStore")
    def too_early(self, *, reference: str, runtime: str) -> str:
        return (
            f"is set, but {reference} is of Runtime {runtime}, which keeps no state there; remove it, or raise the Runtime to "
            "3.3 or later"
        )


class AgentIdentity(Check, id="agent.identity"):
    """Cloud identities are complete."""

    @info("agent.identity", "agent.<component>.identity")
    def association(self, *, account: str, command: str) -> str:
        return f"asks for an association of the service account {account}, which only EKS has; create it with `{command}`"


class AgentScaling(Check, id="agent.scaling"):
    """Numbers of Pods do not contradict each other."""

    @warning("agent.workers[<n>].replicas")
    def replicas(self, *, replicas: int, at: str) -> str:
        return f"is {replicas}, which {at} overrides; remove it"

    @info("agent.workers[<n>].autoscaling.keda")
    def reset(self, *, replicas: int) -> str:
        return (
            f"scales a Deployment that the chart writes with replicas: {replicas}, so a change of the release starts from there and KEDA "
            "corrects it at its next poll"
        )

    @warning("agent.disruptionBudgets.<component>")
    def blocks(self, *, pods: int) -> str:
        return f"keeps every one of its {pods} Pods, so that no node can be drained; allow one to be away, or have more Pods"


class AgentPackages(Check, id="agent.packages"):
    """The agents' image has the packages that their stores and Dag bundles need."""

    @warning("agent.secretsBackend", "agent.xcom", "agent.stateStore", "agent.logs.remote", "dags[<n>].class")
    def missing(self, *, package: str, where: str, base: str) -> str:
        return (
            f"needs {package}, which {where} does not install; add it there, or switch agent.packages off with a reason if {base} "
            "has it"
        )

    @warning("agent.stateStore", "dags[<n>].class")
    def old(self, *, package: str, since: str, where: str, found: str) -> str:
        return f"needs {package} {since} or later, but {where} installs {found}; raise it there"


AGENT_LOGS = AgentLogs()
AGENT_STORES = AgentStores()
AGENT_IDENTITY = AgentIdentity()
AGENT_SCALING = AgentScaling()
AGENT_PACKAGES = AgentPackages()

CHECKS: tuple[Check, ...] = (AGENT_LOGS, AGENT_STORES, AGENT_IDENTITY, AGENT_SCALING, AGENT_PACKAGES)
"""In the order of docs/preflight.md."""
