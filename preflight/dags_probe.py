"""The Dags that go into the image from their repository, read with what the build will have."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from clients.git import GitError, PartialClone, Session, ls_remote
from clients.git.links import follow
from preflight.catalogue.git_checks import GIT_NESTED
from preflight.connection import repository_access
from preflight.context import Context
from preflight.git_failures import Subject, failure
from preflight.parallel import Task, gather
from preflight.report import BundleFacts, Finding, Found
from preflight.subdir import subdir_findings
from preflight.tracked import tracked_commit
from settings.dags import REPOSITORY, GitBundle


def find(context: Context) -> Iterator[Found]:
    """The bundles whose Dags the image build takes from a repository; settings have checked the local ones."""
    tasks = [
        Task(bundle.name, partial(_bundle, context, bundle))
        for bundle in context.settings.baked_bundles
        if bundle.source == REPOSITORY
    ]
    outcomes = gather(tasks, seconds=4 * context.timeout)
    for outcome in outcomes:
        yield from outcome.results
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error


def _bundle(context: Context, bundle: GitBundle) -> Iterator[Found]:
    subject = Subject(
        bundle.repo,
        at=f"{bundle.at}.repo",
        connection=bundle.connection,
        connection_at=f"{bundle.at}.connection",
    )
    try:
        access = repository_access(
            context.settings, bundle.connection, root=context.root, secrets=context.cluster.read_secret
        )
        with Session(access, timeout=context.timeout) as session:
            refs = ls_remote(session, bundle.repo)
            clone = PartialClone(session, bundle.repo)
            commit = tracked_commit(clone, refs, bundle.ref, url=bundle.repo, at=f"{bundle.at}.ref")
            if isinstance(commit, Finding):
                yield commit
                return
            entries = {entry.path: entry for entry in clone.entries(commit)}
            real = follow(clone, entries, bundle.subdir) if bundle.subdir else ""
            stored = clone.stored()
    except GitError as error:
        yield failure(context.settings, subject, error)
        return
    files = sum(entry.kind == "file" for entry in entries.values())
    yield BundleFacts(bundle.name, commit, files=files, stored=stored)
    folders = [path for path, entry in entries.items() if entry.kind == "folder"]
    yield from subdir_findings(bundle, folders, real)
    start = f"{real}/" if real else ""
    places = {project.path for project in context.settings.projects_in(bundle)}
    for path, entry in entries.items():
        if entry.kind == "submodule" and path.startswith(start) and path not in places:
            yield GIT_NESTED.empty(f"{bundle.at}.repo", path=path)
