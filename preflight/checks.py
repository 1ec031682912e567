"""Every check: its id, what it looks at, and each sentence it can say. docs/preflight.md shows the same as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from preflight.report import Severity


@dataclass(frozen=True)
class Case:
    """One thing that a check can find."""

    severity: Severity
    """How bad it is at the level `strict`."""
    key: str
    """Stack key that the finding names; <…> stands for an id or a position."""
    message: str
    """The sentence after the key; {…} are facts of the case."""


@dataclass(frozen=True)
class Check:
    """A check and its cases."""

    about: str
    """What is looked at."""
    cases: Mapping[str, Case]
    """Cases by name."""


def _error(key: str, message: str) -> Case:
    return Case("error", key, message)


def _warning(key: str, message: str) -> Case:
    return Case("warning", key, message)


def _info(key: str, message: str) -> Case:
    return Case("info", key, message)


CHECKS: Mapping[str, Check] = {
    "preflight.level": Check(
        "Levels that differ from strict are shown in every preview",
        {
            "off": _warning(
                "preflight.checks.<id>", "is off, so nothing of it was looked at; the reason given is: {reason}"
            ),
            "warn": _info("preflight.checks.<id>", "turns errors into warnings; the reason given is: {reason}"),
            "unexplained": _warning(
                "preflight.level", "is {level} without a reason; write preflight.reason for those who review the stack"
            ),
            "unknown": _error(
                "preflight.checks.<id>", "is no check; write {near}, or remove it (docs/preflight.md lists all)"
            ),
        },
    ),
    "preflight.time": Check(
        "All looks end in time",
        {
            "unfinished": _error(
                "preflight.timeout",
                "did not keep the look at {subject} from hanging; try again, or set its checks to off with a reason",
            ),
            "broken": _error(
                "preflight.checks.{family}",
                "could not be looked at, because the look itself failed ({detail}); set it to off with a reason, and "
                "report the failure",
            ),
        },
    ),
    "git.reach": Check(
        "Every Git host answers",
        {
            "unreachable": _error(
                "dags.repo, dbtProjects[<n>].repo",
                "names {url}, which cannot be reached ({detail}); check the address and the network, or set "
                "preflight.checks.git to warn with a reason if only the agents can reach it",
            ),
            "timeout": _error(
                "dags.repo, dbtProjects[<n>].repo",
                "names {url}, which gave no answer within {seconds} s; check the host and the network, or raise "
                "preflight.timeout",
            ),
            "tls": _error(
                "connections.<id>.caBundle, dags.connection, dbtProjects[<n>].connection",
                "leaves the certificate of {url} untrusted ({detail}); write the file of the certificate authority that "
                "signed it into the connection's caBundle",
            ),
            "host-key": _error(
                "connections.<id>.knownHosts, dags.connection, dbtProjects[<n>].connection",
                "does not know the SSH host key of {url}; compare the key with your Git host's administrator and write its "
                "lines into the connection's knownHosts",
            ),
            "tool": _error("dags.repo", "cannot be looked at, because {detail}; install Git 2.31 or later"),
            "other": _error(
                "dags.repo, dbtProjects[<n>].repo",
                "names {url}, which Git cannot read ({detail}); try `git ls-remote {url}` with the same credentials",
            ),
        },
    ),
    "git.auth": Check(
        "The credentials that the agents will have open every repository",
        {
            "refused": _error(
                "credentials.<id>",
                "does not open {url} ({detail}); write a valid credential with read access by "
                "`pulumi config set --secret --path '{secret}'`",
            ),
            "refused-existing": _error(
                "connections.<id>.existingSecret",
                "names the Secret {secret}, whose credentials do not open {url} ({detail}); put valid ones into it",
            ),
            "private": _error(
                "dags.connection, dbtProjects[<n>].connection",
                "is missing, but {url} is private; write the connection whose credentials open it, with its repo",
            ),
            "not-found": _error(
                "dags.repo, dbtProjects[<n>].repo",
                "names {url}, which does not exist or which the connection may not read; correct the address, or "
                "grant the credentials read access",
            ),
            "shared": _warning(
                "dbtProjects[<n>].connection",
                "is missing, so {url} opens with the Dag repository's connection, which agents can only do from "
                "apache-airflow-providers-git 1.0.0 on; write repo and connection: {connection}",
            ),
        },
    ),
    "git.connection": Check(
        "Connections whose credentials lie elsewhere hold what the agents read",
        {
            "unknown": _warning(
                "connections.<id>",
                "holds credentials that this look cannot see ({detail}), so whether they open {url} was not verified; "
                "make sure that they do",
            ),
            "incomplete": _error(
                "connections.<id>.existingSecret",
                "names the Secret {secret}, which {detail}; see docs/connections.md for its keys",
            ),
            "other-repository": _error(
                "connections.<id>.existingSecret",
                "names the Secret {secret}, whose connection opens {found} rather than dags.repo; write the Dag "
                "repository's clone URL as the connection's host",
            ),
        },
    ),
    "git.ref": Check(
        "The tracked branch, tag or commit exists",
        {
            "missing": _error(
                "dags.ref, dbtProjects[<n>].ref", "is {ref}, which {url} does not have; write {near}"
            ),
        },
    ),
    "git.subdir": Check(
        "The folder with the Dags exists",
        {"missing": _error("dags.subdir", "is {path}, which {ref} does not have as a folder; write {near}")},
    ),
    "git.submodule": Check(
        "A submodule is registered where each dbt project is expected",
        {
            "missing": _error(
                "dbtProjects[<n>].path", "is {path}, where {ref} of the Dag repository has no submodule; {remedy}"
            ),
            "unregistered": _error(
                "dbtProjects[<n>].path",
                "is {path}, which .gitmodules does not list, so agents cannot fetch it; register it with "
                "`git submodule add <url> {path}` and commit",
            ),
            "uncommitted": _error(
                "dbtProjects[<n>].path",
                "is {path}, which .gitmodules lists and the commit does not hold; add it with "
                "`git submodule add --force {url} {path}` and commit",
            ),
            "folder": _error(
                "dbtProjects[<n>].path",
                "is {path}, an ordinary folder of the Dag repository and no submodule; write submodule: false if that is meant",
            ),
            "no-folder": _error(
                "dbtProjects[<n>].path",
                "is {path}, which {ref} of the Dag repository does not have as a folder; write {near}",
            ),
            "misspelt": _error(
                "dbtProjects[<n>].path, dags.submodules",
                "leads to a submodule that .gitmodules registers with the path {path}, which Git does not find, so that no "
                "Dag is updated; write {clean} there",
            ),
            "invalid": _error(
                "dags.repo, dbtProjects[<n>].path, dags.submodules",
                "leads to {url}, whose .gitmodules Git cannot read ({detail}), so that no Dag is updated; correct the file",
            ),
            "skipped": _warning(
                "dbtProjects[<n>].path, dags.submodules",
                "leads to {path}, which stays empty on the agents, because .gitmodules says update = none; remove that line",
            ),
            "link": _error(
                "dbtProjects[<n>].path",
                "is {path}, a symbolic link that leads out of the repository or in a circle; write the real folder",
            ),
            "is-submodule": _error(
                "dbtProjects[<n>].submodule",
                "is false, but {path} is a submodule, which agents would leave empty; remove it",
            ),
        },
    ),
    "git.submodule-url": Check(
        "Addresses in .gitmodules work on the agents",
        {
            "relative": _error(
                "dbtProjects[<n>].path",
                "is registered in .gitmodules with the relative address {url}, which agents cannot resolve; write {absolute} there",
            ),
            "unreadable": _error(
                "dbtProjects[<n>].path, dags.submodules",
                "leads to {path}, whose address in .gitmodules {detail}",
            ),
            "credentials": _error(
                "dbtProjects[<n>].path",
                "is registered in .gitmodules with credentials in the address of {url}, where everybody reads them; remove "
                "and revoke them, and name a connection",
            ),
            "scheme": _error(
                "dbtProjects[<n>].path",
                "is registered in .gitmodules with {url}, which agents cannot fetch; write an https or SSH address there",
            ),
            "insecure": _warning(
                "dbtProjects[<n>].path",
                "is registered in .gitmodules with {url}, which is fetched without encryption; write an https address there",
            ),
            "differs": _warning(
                "dbtProjects[<n>].repo",
                "is {repo}, but .gitmodules registers {url}, which its connection does not open; make the two alike",
            ),
        },
    ),
    "git.pin": Check(
        "The commit that a submodule pins can be fetched",
        {
            "missing": _error(
                "dbtProjects[<n>].path",
                "pins the commit {commit}, which {url} does not have; push that commit, or move the submodule to one that "
                "exists and commit",
            ),
            "unverified": _warning(
                "dbtProjects[<n>].path",
                "pins the commit {commit}, which could not be verified ({detail}); make sure that {url} has it on a branch",
            ),
        },
    ),
    "git.lag": Check(
        "How far a submodule's pin is behind the branch it follows",
        {
            "behind": _info(
                "dbtProjects[<n>].path", "pins a commit that is {count} behind {ref}; `git submodule update --remote {path}` moves it"
            ),
            "diverged": _warning(
                "dbtProjects[<n>].path",
                "pins the commit {commit}, which is no longer part of {ref} and disappears when the host cleans up; move "
                "the submodule to a commit of {ref}",
            ),
            "elsewhere": _warning(
                "dbtProjects[<n>].path",
                "pins the commit {commit}, which is part of {holder} and not of {ref}; write ref: {holder} if that is meant",
            ),
            "no-ref": _warning(
                "dbtProjects[<n>].ref", "is {ref}, which {url} does not have, so the lag is unknown; write {near}"
            ),
            "unknown": _info("dbtProjects[<n>].path", "pins a commit whose lag is unknown ({detail}); nothing needs to be done"),
        },
    ),
    "git.nested": Check(
        "Submodules that are no dbt project, nested ones included, can be fetched: one that cannot stops all Dags",
        {
            "failing": _error(
                "dags.submodules",
                "does not make the submodule {path} available: {detail}; add its repo and connection, or remove the submodule",
            ),
            "unregistered": _error(
                "dags.submodules",
                "cannot help {path}, a submodule that .gitmodules does not list and that stops agents; remove it from the "
                "commit, or register it",
            ),
            "unverified": _warning(
                "dags.submodules",
                "leads to more than {limit} repositories or levels, so {path} was not verified; make sure that agents can fetch it",
            ),
            "unfetched": _warning(
                "dags.submodules",
                "does not list {path}, a submodule of the Dag repository that stays empty on the agents, because nothing else "
                "makes them fetch submodules; add its repo if Dags need it",
            ),
            "empty": _warning(
                "dbtProjects[<n>].repo",
                "holds the submodule {path}, which stays empty in the image; take its files into the repository",
            ),
        },
    ),
    "dbt.project": Check(
        "dbt_project.yml lies where the agents look for it",
        {
            "missing": _error(
                "dbtProjects[<n>].path, .subdir, .source",
                "leads to {where}, which holds no dbt_project.yml; write the folder of the dbt project",
            ),
            "invalid": _error(
                "dbtProjects[<n>].path, .subdir, .source",
                "leads to {where}, whose {file} is not valid YAML; correct the file",
            ),
        },
    ),
    "dbt.links": Check(
        "Symbolic links of what goes into the image stay inside the repository",
        {
            "outside": _error(
                "dbtProjects[<n>].repo, .source",
                "holds the link {path}, which {reason}; replace it with the file itself, or with a relative link inside the "
                "repository",
            ),
        },
    ),
    "dbt.lfs": Check(
        "Files that Git LFS keeps reach the agents with their content",
        {
            "pointers": _warning(
                "dbtProjects[<n>].repo, .source, .path",
                "keeps {paths} in Git LFS, so agents get three lines of text instead; take them out of Git LFS, or {remedy}",
            ),
        },
    ),
    "dbt.name": Check(
        "The project is called the same in the stack and in dbt_project.yml",
        {
            "differs": _warning(
                "dbtProjects[<n>].name", "is {name}, but dbt_project.yml says {found}; make the two alike"
            ),
        },
    ),
    "dbt.packages": Check(
        "dbt packages are locked",
        {
            "unlocked": _warning(
                "dbtProjects[<n>]",
                "has {file} without package-lock.yml, so agents may get other packages than you tested; run `dbt deps` "
                "and commit package-lock.yml",
            ),
        },
    ),
    "dbt.adapter": Check(
        "The image holds the adapter that the project's profile needs",
        {
            "missing": _error(
                "image.adapters, agent.image, agent.workers[<n>].image",
                "does not install {adapter}, which the profile {profile} of {project} needs; add {adapter} with its version {where}",
            ),
            "unverified": _warning(
                "image.adapters, agent.image, agent.workers[<n>].image",
                "may not install what the type {type} in the profile {profile} of {project} needs: its package is not known "
                "here; make sure that one of its adapters brings it",
            ),
            "templated": _info(
                "image.adapters, agent.image, agent.workers[<n>].image",
                "was not compared with the profile {profile} of {project}, whose target only dbt can work out; make sure that "
                "it installs the adapter of every target",
            ),
        },
    ),
    "cluster.reach": Check(
        "The cluster answers",
        {
            "kubeconfig": _error("agent.cluster", "does not lead to a cluster ({detail}); {remedy}"),
            "unreachable": _error(
                "agent.cluster", "names {server}, which cannot be reached ({detail}); check the context and the network"
            ),
            "timeout": _error(
                "agent.cluster",
                "names {server}, which gave no answer within {seconds} s; check the network, or raise preflight.timeout",
            ),
            "refused": _error(
                "agent.cluster", "names {server}, which refuses the credentials ({detail}); log in again, or write a valid kubeconfig"
            ),
        },
    ),
    "cluster.version": Check(
        "The agents run on this version of Kubernetes",
        {
            "old": _error(
                "agent.cluster", "runs Kubernetes {found}, but the agents need {oldest} or later; upgrade the cluster"
            ),
        },
    ),
    "cluster.permissions": Check(
        "The kubeconfig's user may make what the stack makes",
        {
            "denied": _error(
                "agent.cluster", "has a user who may not {verb} {resource}; grant the right, or use another kubeconfig"
            ),
        },
    ),
    "cluster.namespace": Check(
        "The namespace is this stack's, or is there when it is somebody else's",
        {
            "missing": _error(
                "agent.createNamespace", "is false, but the namespace {namespace} does not exist; make it, or remove this key"
            ),
            "foreign": _error(
                "agent.namespace",
                "is {namespace}, which exists and is not this stack's; set agent.createNamespace to false to use it as it "
                "is, or adopt it with `kubectl label namespace {namespace} {label}` and `{command}`",
            ),
            "other-stack": _error(
                "agent.namespace",
                "is {namespace}, which belongs to the stack {stack}; write another namespace, or set agent.createNamespace to false",
            ),
            "terminating": _error(
                "agent.namespace", "is {namespace}, which is being deleted; wait until it is gone"
            ),
        },
    ),
    "cluster.release": Check(
        "The Helm release is this stack's and not stuck",
        {
            "pending": _warning(
                "agent.release",
                "is {name}, which an interrupted run left in {status} (revision {revision}); the next `pulumi up` removes that "
                "record and goes on, unless Helm is at work right now",
            ),
            "uninstalling": _error(
                "agent.release",
                "is {name}, which is being uninstalled; wait, or end it with `helm uninstall {name} --namespace {namespace}`",
            ),
            "failed": _info(
                "agent.release",
                "is {name}, whose newest revision {revision} failed; the next `pulumi up` goes on from it",
            ),
            "foreign": _error(
                "agent.release",
                "is {name}, which exists in {namespace} and is not this stack's; write another name, or adopt it with "
                "`kubectl label namespace {namespace} {label}` and `{command}`",
            ),
        },
    ),
    "cluster.secret": Check(
        "Secrets that the stack only names are there, with the keys that are read",
        {
            "missing": _error(
                "agent.*Secret, connections.<id>.existingSecret, …env.<name>",
                "names the Secret {secret}, which does not exist in {namespace}; make it with the key {key}",
            ),
            "no-namespace": _error(
                "agent.*Secret, connections.<id>.existingSecret, …env.<name>",
                "names the Secret {secret}, but the namespace {namespace} does not exist yet; make namespace and Secret, and "
                "set agent.createNamespace to false",
            ),
            "key": _error(
                "agent.*Secret, connections.<id>.existingSecret, …env.<name>",
                "names the Secret {secret}, which has no key {key}; {remedy}",
            ),
            "unreadable": _warning(
                "agent.*Secret, connections.<id>.existingSecret, …env.<name>",
                "names the Secret {secret}, which the kubeconfig's user may not read; make sure that it holds the key {key}",
            ),
        },
    ),
    "cluster.reference": Check(
        "Volume claims, config maps and service accounts in values are there",
        {
            "missing": _error(
                "agent.values, agent.<component>.values",
                "names the {kind} {name}, which does not exist in {namespace}; make it, or correct the name",
            ),
        },
    ),
    "chart.reach": Check(
        "The chart repository answers",
        {
            "unreachable": _error(
                "agent.chart.repository", "is {url}, which cannot be reached ({detail}); check the address and the network"
            ),
            "timeout": _error(
                "agent.chart.repository",
                "is {url}, which gave no answer within {seconds} s; check the network, or raise preflight.timeout",
            ),
            "refused": _error(
                "agent.chart.repository",
                "is {url}, which refuses access ({detail}); use a repository that opens without credentials, or a registry of "
                "this stack",
            ),
            "invalid": _error(
                "agent.chart.repository", "is {url}, which gives no chart repository ({detail}); write the repository's base URL"
            ),
        },
    ),
    "chart.version": Check(
        "The pinned chart version exists",
        {
            "no-chart": _error(
                "agent.chart.name", "is {name}, which {url} does not have; write {near}"
            ),
            "missing": _error(
                "agent.chart.version", "is {version}, which {url} does not have; write {near}"
            ),
            "newer": _warning(
                "agent.chart.version",
                "is {version}, and this program was written for charts 1.x and 2.x: it sends the values of 2.x, checked against "
                "this version's package; read its release notes, and set what is new in agent.values",
            ),
        },
    ),
    "chart.kubernetes": Check(
        "The chart accepts the cluster's version",
        {
            "refused": _error(
                "agent.chart.version",
                "is {version}, which asks for Kubernetes {wanted}, but the cluster runs {found}; write another version, or "
                "upgrade the cluster",
            ),
        },
    ),
    "chart.values": Check(
        "The chart takes every value",
        {
            "refused": _error(
                "agent.values, agent.<component>.values",
                "gives the chart the value {path}, which version {version} refuses, because {detail}; correct or remove it",
            ),
            "ignored": _warning(
                "agent.values, agent.<component>.values",
                "gives the chart the value {path}, which version {version} never reads; remove it, or write {near}",
            ),
            "unknown": _error(
                "agent.values, agent.<component>.values",
                "is not a value of the chart's version {version}, which would ignore it; remove it, write {near}, or give a "
                "reason in {escape} to send it all the same",
            ),
            "undecided": _error(
                "agent.values, agent.<component>.values",
                "is not a value that this program knows, and the chart, which decides, cannot be read; remove it, write {near}, "
                "or give a reason in {escape} to send it all the same",
            ),
            "declared": _info(
                "agent.values, agent.<component>.values",
                "is sent to the chart although this program does not know it, because: {reason}",
            ),
            "empty": _error(
                "agent.values, agent.<component>.values",
                "is null or an empty list, which does not remove the chart's default (Pulumi's Kubernetes plugin before 4.30 "
                "leaves it out); write the value that you want, or remove it",
            ),
        },
    ),
    "agent.logs": Check(
        "Task logs outlive their Pod",
        {
            "lost": _warning(
                "agent.logs",
                "is missing, so task logs are lost with their Pod; write sidecar or remote below it, or switch agent.logs off "
                "with a reason if your platform keeps them",
            ),
        },
    ),
    "agent.stores": Check(
        "Agents have the stores that the vendor asks for",
        {
            "secrets-backend": _info(
                "agent.secretsBackend",
                "is missing, so agents find connections and variables in their environment and in files of their image only",
            ),
            "xcom": _info("agent.xcom", "is missing, so XComs have no object storage, which the chart's default backend expects"),
            "state-store": _warning(
                "agent.stateStore",
                "is missing, but {reference} is of Runtime {runtime}, whose agents keep the state of tasks in object storage; "
                "write path below it",
            ),
            "too-early": _warning(
                "agent.stateStore",
                "is set, but {reference} is of Runtime {runtime}, which keeps no state there; remove it, or raise the Runtime to "
                "3.3 or later",
            ),
        },
    ),
    "agent.packages": Check(
        "The agents' image has the packages that their stores need",
        {
            "missing": _warning(
                "agent.secretsBackend, agent.xcom, agent.stateStore, agent.logs.remote",
                "needs {package}, which {where} does not install; add it there, or switch agent.packages off with a reason if "
                "{base} has it",
            ),
            "old": _warning(
                "agent.stateStore",
                "needs {package} {since} or later, but {where} installs {found}; raise it there",
            ),
        },
    ),
    "image.runtime": Check(
        "Agents run an image with Cosmos and dbt",
        {
            "bare": _error(
                "image",
                "is missing, and so is agent.image, so agents would run the chart's default image, which has neither Cosmos nor dbt; "
                "add image.repository and image.base with packages and adapters, or name a ready image in agent.image",
            ),
        },
    ),
    "image.base": Check(
        "The base image's reference says what is in it",
        {
            "unknown": _warning(
                "image.base",
                "is {reference}, which does not name Runtime, Python and agent as Astro's images do; use an Astro agent image, or "
                "one built on it with the same tag",
            ),
            "facts": _info(
                "image.base, agent.image",
                "is {reference}: Runtime {runtime}, Python {python}, agent {agent}; the Runtime must not be newer than "
                "the Deployment's",
            ),
        },
    ),
    "image.contents": Check(
        "What the agents' images install is known: from the stack, or from the labels of a ready image",
        {
            "unknown": _info(
                "agent.image, agent.workers[<n>].image",
                "is {reference}, which has no labels that say what is in it, so adapters, Cosmos and Git provider were not checked; "
                "images that this program builds have them",
            ),
        },
    ),
    "image.cosmos": Check(
        "The agents' images install Cosmos",
        {
            "missing": _warning(
                "image.packages, agent.image, agent.workers[<n>].image",
                "does not install astronomer-cosmos, so Dags that use it break unless the base image {base} has it; "
                "add astronomer-cosmos with its version {where}",
            ),
        },
    ),
    "image.provider": Check(
        "The Git provider of a ready image fits the stack",
        {
            "old": _warning(
                "agent.image, agent.workers[<n>].image",
                "installs {provider} {version}, which {shortcoming}; build it with {better} or later",
            ),
        },
    ),
    "image.python": Check(
        "dbt runs on the Python of the base image",
        {
            "refused": _error(
                "image.adapters, agent.image, agent.workers[<n>].image",
                "installs {requirement}, which does not import on the Python {python} of {base}; use dbt-core 1.12 or later, or "
                "a base image with Python 3.13",
            ),
        },
    ),
    "image.registry": Check(
        "The registries answer with the credentials",
        {
            "unreachable": _error(
                "image.base, image.repository",
                "is on {server}, which cannot be reached ({detail}); check the name and the network",
            ),
            "timeout": _error(
                "image.base, image.repository",
                "is on {server}, which gave no answer within {seconds} s; check the network, or raise preflight.timeout",
            ),
            "refused": _error(
                "registryPassword, baseRegistryPassword, pullRegistryPassword",
                "does not open {server} for {repository} ({detail}); write a valid one with `pulumi config set --secret {field}`",
            ),
            "anonymous": _error(
                "baseRegistry, registry",
                "is missing, but {server} does not give {repository} to everybody ({detail}); write server and username here, and "
                "the password with `pulumi config set --secret {field}`",
            ),
            "no-push": _error(
                "registry.username",
                "may read but not push to {repository} on {server}; use a user with push rights",
            ),
            "not-created": _error(
                "image.repository",
                "is {repository}, which does not exist on {server}, and a push does not create it; {remedy}, or set "
                "preflight.checks.image.registry to warn with a reason if {server} creates repositories when they are pushed to",
            ),
            "short-lived": _warning(
                "registryPassword, pullRegistryPassword, baseRegistryPassword",
                "is a password of {username} on {server}, which ends after {lifetime}, and the cluster pulls with it for longer; "
                "write a lasting login that may pull into pullRegistry and pullRegistryPassword, or name a Secret that is "
                "renewed in agent.imagePullSecret",
            ),
        },
    ),
    "image.exists": Check(
        "Images that the stack names exist",
        {
            "missing": _error(
                "image.base, agent.image, agent.workers[<n>].image, agent.sentinel.image",
                "is {reference}, which the registry does not have; write a tag that exists",
            ),
            "unverified": _warning(
                "agent.image, agent.workers[<n>].image, agent.sentinel.image",
                "is {reference}, which could not be verified ({detail}); make sure that the cluster can pull it",
            ),
        },
    ),
    "image.platform": Check(
        "The base image is there for the platform that is built",
        {
            "missing": _error(
                "image.platform", "is {platform}, which {reference} does not have; write one of {found}"
            ),
        },
    ),
    "image.engine": Check(
        "A Docker engine answers, when an image is built",
        {
            "unreachable": _error(
                "image.engine",
                "leads to {engine}, where no Docker engine answers ({detail}); start it, write another address here or "
                "in DOCKER_HOST, or name a ready image in agent.image instead of image",
            ),
            "unverified": _warning(
                "image.engine", "is {engine}, which could not be looked at ({detail}); make sure that a Docker engine answers there"
            ),
        },
    ),
}  # fmt: skip
"""Check id -> check. The part before the dot is the family."""

FAMILIES = frozenset(name.split(".")[0] for name in CHECKS)
"""Families of checks: one level can be set for all of a family."""
