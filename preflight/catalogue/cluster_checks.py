"""Checks of the Kubernetes cluster."""

from __future__ import annotations

from preflight.check import Check, error, info, warning

_SECRETS = (
    "agent.*Secret",
    "connections.<id>.existingSecret",
    "agent.env.<name>",
    "agent.<component>.env.<name>",
    "agent.values.<path>",
    "agent.<component>.values.<path>",
)

_OBJECTS = (
    "agent.values.<path>",
    "agent.<component>.values.<path>",
    "agent.workers[<n>]",
    "agent.<component>",
    "agent.<setting>",
    "agent.chart.version",
)


class ClusterReach(Check, id="cluster.reach"):
    """The cluster answers."""

    @error("agent.cluster")
    def kubeconfig(self, *, detail: str, remedy: str) -> str:
        return f"does not lead to a cluster ({detail}); {remedy}"

    @error("agent.cluster")
    def unreachable(self, *, server: str, detail: str) -> str:
        return f"names {server}, which cannot be reached ({detail}); check the context and the network"

    @error("agent.cluster")
    def failing(self, *, server: str, detail: str) -> str:
        return (
            f"names {server}, which answers with an error ({detail}); check that the context names an API server, and try again "
            "later, or ask whoever runs it"
        )

    @error("agent.cluster")
    def timeout(self, *, server: str, seconds: str) -> str:
        return f"names {server}, which did not answer within {seconds} s; check the network, or raise preflight.timeout"

    @error("agent.cluster")
    def refused(self, *, server: str, detail: str) -> str:
        return f"names {server}, which refuses the credentials ({detail}); log in again, or write a valid kubeconfig"


class ClusterVersion(Check, id="cluster.version"):
    """The agents support the cluster's version of Kubernetes."""

    @error("agent.cluster")
    def old(self, *, found: str, oldest: str) -> str:
        return f"runs Kubernetes {found}, but the agents need {oldest} or later; upgrade the cluster"


class ClusterPermissions(Check, id="cluster.permissions"):
    """The kubeconfig's user may create what the stack creates."""

    @error("agent.cluster")
    def denied(self, *, verb: str, resource: str) -> str:
        return f"has a user who may not {verb} {resource}; grant that permission (docs/rbac.yaml), or use another kubeconfig"

    @warning("agent.cluster")
    def read_only(self, *, namespace: str) -> str:
        return (
            f"has a user who may create nothing in {namespace}; that is enough for this preview, but `pulumi up` needs the role "
            "astro-dbt-deploy of docs/rbac.yaml"
        )


class ClusterNamespace(Check, id="cluster.namespace"):
    """The namespace is managed by this stack, or exists if it is not."""

    @error("agent.createNamespace")
    def missing(self, *, namespace: str) -> str:
        return f"is false, but the namespace {namespace} does not exist; create it, or remove this key"

    @error("agent.namespace")
    def foreign(self, *, namespace: str, label: str, command: str) -> str:
        return (
            f"is {namespace}, which exists and is not managed by this stack; set agent.createNamespace to false to use it as it "
            f"is, or adopt it with `kubectl label namespace {namespace} {label}` and `{command}`"
        )

    @error("agent.namespace")
    def other_stack(self, *, namespace: str, stack: str) -> str:
        return f"is {namespace}, which belongs to the stack {stack}; write another namespace, or set agent.createNamespace to false"

    @error("agent.namespace")
    def terminating(self, *, namespace: str) -> str:
        return (
            f"is {namespace}, which is being deleted; wait until it is gone (`kubectl wait --for=delete namespace/{namespace}`), and run "
            "`pulumi up --refresh`"
        )


class ClusterRelease(Check, id="cluster.release"):
    """The Helm release is managed by this stack and not stuck."""

    @warning("agent.release")
    def pending(self, *, name: str, status: str, revision: str) -> str:
        return (
            f"is {name}, which an interrupted run left in {status} (revision {revision}); the next `pulumi up` removes that "
            "record and continues, unless Helm is still working on it"
        )

    @error("agent.release")
    def uninstalling(self, *, name: str, namespace: str) -> str:
        return (
            f"is {name}, which is being uninstalled; wait, or finish what was interrupted with `pulumi destroy` or "
            f"`helm uninstall {name} --namespace {namespace}`, and install it again with `pulumi up --refresh`"
        )

    @warning("agent.release")
    def taken_back(self, *, name: str, revision: str) -> str:
        return (
            f"is {name}, whose first install (revision {revision}) failed in an interrupted run and is being uninstalled; the next "
            "`pulumi up` waits for that and installs again"
        )

    @info("agent.release")
    def failed(self, *, name: str, revision: str) -> str:
        return (
            f"is {name}, whose latest revision {revision} failed; the next `pulumi up` continues from there"
        )

    @error("agent.release")
    def foreign(self, *, name: str, where: str, namespace: str, label: str, command: str) -> str:
        return (
            f"is {name}, which exists in {where} and is not managed by this stack; write another name, or adopt it with "
            f"`kubectl label namespace {namespace} {label}` and `{command}`"
        )

    @error("agent.createNamespace")
    def holds_namespace(self, *, name: str, namespace: str) -> str:
        return (
            f"is false, but the namespace {namespace} is an object of the release {name}, so Helm would delete it with everything "
            f"in it; first run `kubectl annotate namespace {namespace} helm.sh/resource-policy=keep`, or leave createNamespace as "
            "it is with agent.withheld (docs/adoption.md)"
        )


class ClusterAdopted(Check, id="cluster.adopted"):
    """A release that the stack adopted keeps its Pods."""

    @info("agent.release")
    def same(self, *, revision: str) -> str:
        return f"gets what its revision {revision} has: nothing to do for its Pods, none restarts"

    @warning("agent.release")
    def changed(self, *, paths: str, revision: str) -> str:
        return f"gets other values than its revision {revision} has, so Pods restart once; they differ in {paths}"


class ClusterSecret(Check, id="cluster.secret"):
    """Secrets that the stack only names exist and have the keys that are read."""

    @error(*_SECRETS)
    def missing(self, *, secret: str, namespace: str, key: str) -> str:
        return f"names the Secret {secret}, which does not exist in {namespace}; create it with the key {key}"

    @error(*_SECRETS)
    def no_namespace(self, *, secret: str, namespace: str) -> str:
        return (
            f"names the Secret {secret}, but the namespace {namespace} does not exist yet; create the namespace and the Secret, "
            "and set agent.createNamespace to false"
        )

    @error(*_SECRETS)
    def key(self, *, secret: str, key: str, remedy: str) -> str:
        return f"names the Secret {secret}, which has no key {key}; {remedy}"

    @warning(*_SECRETS)
    def unreadable(self, *, secret: str, key: str) -> str:
        return f"names the Secret {secret}, which the kubeconfig's user may not read; make sure that it holds the key {key}"


class ClusterReference(Check, id="cluster.reference"):
    """What settings and values refer to exists: volume claims, config maps, service accounts, priority classes."""

    @error(
        "agent.values.<path>",
        "agent.<component>.values.<path>",
        "agent.<component>.priorityClass",
        "agent.<component>.identity.account",
        "agent.identity.account",
        "agent.workers[<n>].autoscaling.keda.authentication",
    )
    def missing(self, *, kind: str, name: str, namespace: str) -> str:
        return f"names the {kind} {name}, which does not exist in {namespace}; create it, or correct the name"


class ClusterApi(Check, id="cluster.api"):
    """The cluster has what autoscaling needs."""

    @error("agent.workers[<n>].autoscaling.keda")
    def keda(self, *, api: str) -> str:
        return f"needs KEDA, but the cluster does not serve {api}; install KEDA, or remove keda to scale by the chart's autoscaler"

    @warning("agent.workers[<n>].autoscaling")
    def metrics(self, *, api: str) -> str:
        return (
            f"needs a metric of the agents, but the cluster does not serve {api}; install prometheus-adapter with the rule in "
            "docs/agents.md"
        )


class ClusterObjects(Check, id="cluster.objects"):
    """The cluster accepts every object that the chart renders; a dry run tries them and stores nothing."""

    @error(*_OBJECTS)
    def invalid(self, *, objects: str, detail: str) -> str:
        return f"leads to {objects}, which the cluster rejects ({detail}); correct it or what it needs"

    @error(*_OBJECTS)
    def denied(self, *, objects: str, detail: str) -> str:
        return f"leads to {objects}, which a rule of the cluster forbids ({detail}); follow the rule, or have it changed"

    @error(*_OBJECTS)
    def unknown_kind(self, *, objects: str, detail: str) -> str:
        return f"leads to {objects}, but the cluster has {detail}; install what serves that kind, or change the value"

    @error(*_OBJECTS)
    def foreign(self, *, object: str, namespace: str) -> str:
        return (
            f"leads to {object}, which exists in {namespace} and is not part of this release, so Helm would refuse; delete or "
            "rename that object, write another agent.prefix, or, if it belongs to a release that was installed by hand "
            "(`helm list --all-namespaces`), take that over (docs/adoption.md)"
        )

    @warning(*_OBJECTS)
    def dropped(self, *, objects: str, detail: str) -> str:
        return f"leads to {objects}, but the cluster warns ({detail}); correct it, because the value has no effect as it is"

    @info("agent.cluster")
    def unverified(self, *, detail: str) -> str:
        return f"did not judge every object of the release before the update ({detail})"


CLUSTER_REACH = ClusterReach()
CLUSTER_VERSION = ClusterVersion()
CLUSTER_PERMISSIONS = ClusterPermissions()
CLUSTER_NAMESPACE = ClusterNamespace()
CLUSTER_RELEASE = ClusterRelease()
CLUSTER_ADOPTED = ClusterAdopted()
CLUSTER_SECRET = ClusterSecret()
CLUSTER_REFERENCE = ClusterReference()
CLUSTER_API = ClusterApi()
CLUSTER_OBJECTS = ClusterObjects()

CHECKS: tuple[Check, ...] = (
    CLUSTER_REACH,
    CLUSTER_VERSION,
    CLUSTER_PERMISSIONS,
    CLUSTER_NAMESPACE,
    CLUSTER_RELEASE,
    CLUSTER_ADOPTED,
    CLUSTER_SECRET,
    CLUSTER_REFERENCE,
    CLUSTER_API,
    CLUSTER_OBJECTS,
)
"""In the order of docs/preflight.md."""
