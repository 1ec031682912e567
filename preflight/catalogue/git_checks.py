"""Checks of the Dag repository and its submodules."""

from __future__ import annotations

from preflight.check import Check, error, info, warning


class GitReach(Check, id="git.reach"):
    """Every Git host answers."""

    @error("dags.repo", "dbtProjects[<n>].repo", "dbtProjects[<n>].path")
    def unreachable(self, *, url: str, detail: str) -> str:
        return (
            f"names {url}, which cannot be reached ({detail}); check the address and the network, or set preflight.checks.git "
            "to warn with a reason if only the agents can reach it"
        )

    @error("dags.repo", "dbtProjects[<n>].repo", "dbtProjects[<n>].path")
    def failing(self, *, url: str, detail: str) -> str:
        return (
            f"names {url}, whose host answers with an error ({detail}); try again later, or ask whoever runs it, or set "
            "preflight.checks.git to warn with a reason"
        )

    @error("dags.repo", "dbtProjects[<n>].repo", "dbtProjects[<n>].path", "dags.submodules")
    def timeout(self, *, url: str, seconds: str) -> str:
        return f"names {url}, which did not answer within {seconds} s; check the host and the network, or raise preflight.timeout"

    @error("connections.<id>.caBundle", "dags.connection", "dbtProjects[<n>].connection", "dags.submodules")
    def tls(self, *, url: str, detail: str) -> str:
        return (
            f"leaves the certificate of {url} untrusted ({detail}); set the connection's caBundle to the file of the certificate "
            "authority that signed it"
        )

    @error("connections.<id>.knownHosts", "dags.connection", "dbtProjects[<n>].connection", "dags.submodules")
    def host_key(self, *, url: str) -> str:
        return (
            f"does not list the SSH host key of {url}; compare the key with your Git host's administrator and add its lines to "
            "the connection's knownHosts"
        )

    @error("dags.repo", "dbtProjects[<n>].repo", "dbtProjects[<n>].path", "dags.submodules")
    def tool(self, *, detail: str) -> str:
        return f"cannot be checked, because {detail}; install Git 2.31 or later"

    @error("dags.repo", "dbtProjects[<n>].repo", "dbtProjects[<n>].path")
    def other(self, *, url: str, detail: str) -> str:
        return f"names {url}, which Git cannot read ({detail}); try `git ls-remote {url}` with the same credentials"


class GitAuth(Check, id="git.auth"):
    """The agents' credentials open every repository."""

    @error("credentials.<id>")
    def refused(self, *, url: str, detail: str, secret: str) -> str:
        return (
            f"does not open {url} ({detail}); set a valid credential with read access: "
            f"`pulumi config set --secret --path '{secret}'`"
        )

    @error("connections.<id>.existingSecret")
    def refused_existing(self, *, url: str, detail: str, secret: str) -> str:
        return f"names the Secret {secret}, whose credentials do not open {url} ({detail}); replace them with valid ones"

    @error("dags.connection", "dbtProjects[<n>].connection", "connections.<id>")
    def private(self, *, url: str) -> str:
        return f"is missing, but {url} is private; name the connection whose credentials open it, together with its repo"

    @error("dags.repo", "dbtProjects[<n>].repo", "dbtProjects[<n>].path")
    def not_found(self, *, url: str) -> str:
        return (
            f"names {url}, which does not exist or which the connection may not read; correct the address, or grant the "
            "credentials read access"
        )

    @warning("dbtProjects[<n>].connection", "dags.submodules")
    def shared(self, *, url: str, connection: str) -> str:
        return (
            f"is missing, so {url} opens with the Dag repository's connection, which works on agents only from "
            f"apache-airflow-providers-git 1.0.0 on; write repo and connection: {connection}"
        )


class GitConnection(Check, id="git.connection"):
    """Connections with credentials from elsewhere hold what the agents read."""

    @warning("connections.<id>", "dags.connection", "dbtProjects[<n>].connection")
    def unknown(self, *, url: str, detail: str) -> str:
        return (
            f"holds credentials that preflight cannot see ({detail}), so access to {url} was not verified; make sure that they "
            "open it"
        )

    @error("connections.<id>.existingSecret")
    def incomplete(self, *, secret: str, detail: str) -> str:
        return f"names the Secret {secret}, which {detail}; see docs/connections.md for its keys"

    @error("connections.<id>.existingSecret")
    def other_repository(self, *, secret: str, found: str, bundle: str) -> str:
        return (
            f"names the Secret {secret}, whose connection opens {found} rather than {bundle}.repo; set the connection's host to the "
            "Dag repository's clone URL"
        )


class GitRef(Check, id="git.ref"):
    """The tracked branch, tag or commit exists."""

    @error("dags.ref", "dbtProjects[<n>].ref")
    def missing(self, *, ref: str, url: str, near: str) -> str:
        return f"is {ref}, which {url} does not have; write {near}"


class GitSubdir(Check, id="git.subdir"):
    """The folder with the Dags exists."""

    @error("dags.subdir")
    def missing(self, *, path: str, ref: str, near: str) -> str:
        return f"is {path}, which is not a folder in {ref}; write {near}"


class GitSubmodule(Check, id="git.submodule"):
    """Each dbt project's path is a registered submodule."""

    @error("dbtProjects[<n>].path")
    def missing(self, *, path: str, ref: str, remedy: str) -> str:
        return f"is {path}, which is not a submodule in {ref} of the Dag repository; {remedy}"

    @error("dbtProjects[<n>].path")
    def unregistered(self, *, path: str) -> str:
        return (
            f"is {path}, which is missing from .gitmodules, so agents cannot fetch it; register it with "
            f"`git submodule add <url> {path}` and commit"
        )

    @error("dbtProjects[<n>].path")
    def uncommitted(self, *, path: str, url: str) -> str:
        return (
            f"is {path}, which is in .gitmodules but not in the commit; add it with "
            f"`git submodule add --force {url} {path}` and commit"
        )

    @error("dbtProjects[<n>].path")
    def folder(self, *, path: str) -> str:
        return (
            f"is {path}, which is an ordinary folder of the Dag repository rather than a submodule; write submodule: false if "
            "that is intended"
        )

    @error("dbtProjects[<n>].path")
    def no_folder(self, *, path: str, ref: str, near: str) -> str:
        return f"is {path}, which is not a folder in {ref} of the Dag repository; write {near}"

    @error("dbtProjects[<n>].path")
    def link_to_nothing(self, *, path: str, target: str, ref: str) -> str:
        return f"is {path}, a symbolic link to {target}, which is not a folder in {ref} of the Dag repository; write the real folder"

    @error("dbtProjects[<n>].path", "dags.submodules")
    def misspelt(self, *, path: str, clean: str) -> str:
        return (
            f"leads to a submodule that .gitmodules registers with the path {path}, which Git does not match, so no Dag is "
            f"updated; write {clean} there"
        )

    @error("dags.repo", "dbtProjects[<n>].path", "dags.submodules")
    def invalid(self, *, url: str, detail: str) -> str:
        return f"leads to {url}, whose .gitmodules Git cannot read ({detail}), so no Dag is updated; correct the file"

    @error("dbtProjects[<n>].path", "dags.submodules")
    def ignored(self, *, path: str, reason: str) -> str:
        return f"leads to {path}, whose entry in .gitmodules Git ignores because of {reason}, so no Dag is updated; change it there"

    @warning("dbtProjects[<n>].path", "dags.submodules")
    def skipped(self, *, path: str) -> str:
        return f"leads to {path}, which stays empty on the agents, because .gitmodules sets update = none; remove that line"

    @error("dbtProjects[<n>].path")
    def link(self, *, path: str) -> str:
        return f"is {path}, a symbolic link that leads out of the repository or in a circle; write the real folder"

    @error("dbtProjects[<n>].submodule")
    def is_submodule(self, *, path: str) -> str:
        return f"is false, but {path} is a submodule, which would stay empty on the agents; remove the key"


class GitSubmoduleUrl(Check, id="git.submodule-url"):
    """Addresses in .gitmodules work on the agents."""

    @error("dbtProjects[<n>].path", "dags.submodules")
    def relative(self, *, url: str, absolute: str) -> str:
        return f"is registered in .gitmodules with the relative address {url}, which agents cannot resolve; write {absolute} there"

    @error("dbtProjects[<n>].path", "dags.submodules")
    def unreadable(self, *, path: str, detail: str) -> str:
        return f"leads to {path}, whose address in .gitmodules {detail}"

    @error("dbtProjects[<n>].path", "dags.submodules")
    def credentials(self, *, url: str) -> str:
        return (
            f"is registered in .gitmodules as {url}, an address that holds credentials for everyone to read; remove and revoke "
            "them, and name a connection"
        )

    @error("dbtProjects[<n>].path", "dags.submodules")
    def scheme(self, *, url: str) -> str:
        return (
            f"is registered in .gitmodules with {url}, which agents cannot fetch; use an https or SSH address"
        )

    @warning("dbtProjects[<n>].path", "dags.submodules")
    def insecure(self, *, url: str) -> str:
        return f"is registered in .gitmodules with {url}, which is fetched without encryption; use an https address"

    @warning("dbtProjects[<n>].repo")
    def differs(self, *, repo: str, url: str) -> str:
        return f"is {repo}, but .gitmodules registers {url}, which its connection does not open; make the two the same"


class GitPin(Check, id="git.pin"):
    """The commit that a submodule pins can be fetched."""

    @error("dbtProjects[<n>].path", "dags.submodules")
    def missing(self, *, commit: str, url: str) -> str:
        return (
            f"pins the commit {commit}, which {url} does not have; push that commit, or move the submodule to one that exists "
            "and commit"
        )

    @warning("dbtProjects[<n>].path", "dags.submodules")
    def unverified(self, *, commit: str, url: str, detail: str) -> str:
        return f"pins the commit {commit}, which could not be verified ({detail}); make sure that {url} has it on a branch"


class GitLag(Check, id="git.lag"):
    """How far a submodule's pin is behind the branch it follows."""

    @info("dbtProjects[<n>].path")
    def behind(self, *, count: str, ref: str, path: str) -> str:
        return f"pins a commit that is {count} behind {ref}; `git submodule update --remote {path}` moves it"

    @warning("dbtProjects[<n>].path")
    def diverged(self, *, commit: str, ref: str) -> str:
        return (
            f"pins the commit {commit}, which is no longer part of {ref} and disappears when the host cleans up; move the "
            f"submodule to a commit of {ref}"
        )

    @warning("dbtProjects[<n>].path")
    def elsewhere(self, *, commit: str, ref: str, holder: str) -> str:
        return f"pins the commit {commit}, which is part of {holder} and not of {ref}; write ref: {holder} if that is intended"

    @warning("dbtProjects[<n>].ref")
    def no_ref(self, *, ref: str, url: str, near: str) -> str:
        return f"is {ref}, which {url} does not have, so the lag is unknown; write {near}"

    @warning("dbtProjects[<n>].path")
    def no_branch(self, *, branch: str, url: str, near: str) -> str:
        return (
            f"leads to a submodule that follows {branch} in .gitmodules, a branch that {url} does not have, so the lag is unknown; "
            f"write {near} there"
        )

    @info("dbtProjects[<n>].path")
    def unknown(self, *, detail: str) -> str:
        return f"pins a commit whose lag is unknown ({detail}); nothing needs to be done"


class GitNested(Check, id="git.nested"):
    """Other submodules, nested ones included, can be fetched: a single failure stops all Dags."""

    @error("dags.submodules")
    def failing(self, *, path: str, detail: str) -> str:
        return f"does not make the submodule {path} available: {detail}; add its repo and connection, or remove the submodule"

    @error("dags.submodules")
    def unregistered(self, *, path: str) -> str:
        return (
            f"does not cover {path}, which is committed as a submodule but missing from .gitmodules, so agents cannot fetch "
            "anything; register it, or remove it from the commit"
        )

    @warning("dags.submodules")
    def unverified(self, *, path: str, limit: int) -> str:
        return f"leads to more than {limit} repositories or levels, so {path} was not verified; make sure that agents can fetch it"

    @warning("dags.submodules")
    def unfetched(self, *, path: str) -> str:
        return (
            f"does not list {path}, a submodule of the Dag repository that stays empty on the agents, because nothing else "
            "makes them fetch submodules; add its repo if Dags need it"
        )

    @warning("dbtProjects[<n>].repo", "dags.repo")
    def empty(self, *, path: str) -> str:
        return (
            f"holds the submodule {path}, which stays empty in the image; move its files into the repository"
        )


class GitDisk(Check, id="git.disk"):
    """The agents' Pods have the disk for the Dag repositories."""

    @warning("agent.workers[<n>].resources", "agent.dagProcessor.resources")
    def small(
        self, *, limit: str, files: int, repositories: str, versions: int, least: str, wanted: str
    ) -> str:
        return (
            f"limits ephemeral-storage to {limit}, but {files} files of {repositories} take at least {least} with the {versions} "
            f"versions that agents keep, and Kubernetes evicts a Pod that holds more than its limit; write {wanted} or more"
        )


GIT_REACH = GitReach()
GIT_AUTH = GitAuth()
GIT_CONNECTION = GitConnection()
GIT_REF = GitRef()
GIT_SUBDIR = GitSubdir()
GIT_SUBMODULE = GitSubmodule()
GIT_SUBMODULE_URL = GitSubmoduleUrl()
GIT_PIN = GitPin()
GIT_LAG = GitLag()
GIT_NESTED = GitNested()
GIT_DISK = GitDisk()

CHECKS: tuple[Check, ...] = (
    GIT_REACH,
    GIT_AUTH,
    GIT_CONNECTION,
    GIT_REF,
    GIT_SUBDIR,
    GIT_SUBMODULE,
    GIT_SUBMODULE_URL,
    GIT_PIN,
    GIT_LAG,
    GIT_NESTED,
    GIT_DISK,
)
"""In the order of docs/preflight.md."""
