"""Checks of the dbt projects' files, wherever they come from."""

from __future__ import annotations

from preflight.check import Check, error, info, warning

_IMAGES = ("image.adapters", "agent.image", "agent.workers[<n>].image")
_FOLDERS = ("dbtProjects[<n>].path", "dbtProjects[<n>].subdir", "dbtProjects[<n>].source")


class DbtProject(Check, id="dbt.project"):
    """dbt_project.yml is where the agents expect it."""

    @error(*_FOLDERS)
    def missing(self, *, where: str) -> str:
        return f"leads to {where}, which has no dbt_project.yml; write the folder of the dbt project"

    @error(*_FOLDERS)
    def invalid(self, *, where: str, file: str) -> str:
        return f"leads to {where}, whose {file} is not valid YAML; correct the file"

    @error("dbtProjects[<n>].source")
    def unreadable(self, *, where: str, detail: str) -> str:
        return f"leads to {where}, which cannot be read ({detail}); correct its permissions, or write another folder"


class DbtLinks(Check, id="dbt.links"):
    """Symbolic links in the image stay inside their repository."""

    @error("dbtProjects[<n>].repo", "dbtProjects[<n>].source")
    def outside(self, *, path: str, reason: str) -> str:
        return (
            f"holds the link {path}, which {reason}; replace it with the file itself, or with a relative link inside the "
            "repository"
        )


class DbtLfs(Check, id="dbt.lfs"):
    """Files in Git LFS reach the agents with their content."""

    @warning("dbtProjects[<n>].repo", "dbtProjects[<n>].source", "dbtProjects[<n>].path")
    def pointers(self, *, paths: str, remedy: str) -> str:
        return f"keeps {paths} in Git LFS, so agents get a pointer of three lines instead; take them out of Git LFS, or {remedy}"


class DbtName(Check, id="dbt.name"):
    """The project has the same name in the stack and in dbt_project.yml."""

    @warning("dbtProjects[<n>].name")
    def differs(self, *, name: str, found: str) -> str:
        return f"is {name}, but dbt_project.yml says {found}; make the two the same"


class DbtPackages(Check, id="dbt.packages"):
    """dbt packages are locked, and what installs them can open them."""

    @warning("dbtProjects[<n>]")
    def unlocked(self, *, file: str) -> str:
        return (
            f"has {file} without package-lock.yml, so agents may get other packages than you tested; run `dbt deps` and commit "
            "package-lock.yml"
        )

    @error("dbtPackages")
    def private(self, *, url: str, project: str) -> str:
        return (
            f"has no entry for {url}, a dbt package of {project} that does not exist or is private; correct its address in "
            "packages.yml, or add its repo and the connection that opens it"
        )

    @error("dbtProjects[<n>]")
    def no_revision(self, *, url: str, revision: str, near: str) -> str:
        return f"needs revision {revision} of the dbt package {url}, which does not exist; write {near} in packages.yml"

    @error("dbtProjects[<n>]")
    def no_project(self, *, url: str, folder: str) -> str:
        return f"needs the dbt package {url}, which has no dbt_project.yml in {folder}; write its folder as subdirectory in packages.yml"

    @error("dbtProjects[<n>]")
    def credentials(self, *, url: str) -> str:
        return (
            f"needs the dbt package {url}, whose address in packages.yml has credentials that everyone can read there; remove and "
            "revoke them, and add its repo and connection to dbtPackages"
        )

    @warning("dbtProjects[<n>]")
    def templated(self, *, url: str) -> str:
        return (
            f"needs the dbt package {url}, whose address only dbt can resolve, so it was not verified; write the plain address in "
            "packages.yml, and its repo and connection in dbtPackages"
        )

    @warning("dbtProjects[<n>]")
    def unreadable(self, *, url: str, detail: str) -> str:
        return f"needs the dbt package {url or 'without an address'}, which was not verified, because its address {detail}"

    @error("dbtProjects[<n>]")
    def outside(self, *, path: str) -> str:
        return (
            f"needs the local dbt package {path}, which is outside its repository, so agents would not get it; move it into the "
            "repository, or name it by Git in packages.yml"
        )

    @warning("dbtProjects[<n>]")
    def around(self, *, path: str) -> str:
        return (
            f"needs the local dbt package {path}, which is outside its submodule: agents find it only while the Dag repository "
            "has it there, and agent-image cannot deliver it; move it into the submodule, or name it by Git in packages.yml"
        )

    @error("dbtProjects[<n>]")
    def no_folder(self, *, path: str) -> str:
        return f"needs the local dbt package {path}, which its repository does not have; correct the path in packages.yml"


class DbtAdapter(Check, id="dbt.adapter"):
    """The image has the adapter that the project's profile needs."""

    @error(*_IMAGES)
    def missing(self, *, adapter: str, profile: str, project: str, where: str) -> str:
        return f"does not install {adapter}, which the profile {profile} of {project} needs; add {adapter} with its version {where}"

    @warning(*_IMAGES)
    def unverified(self, *, type: str, profile: str, project: str) -> str:
        return (
            f"may not install what the type {type} in the profile {profile} of {project} needs, because this program does not "
            "know its package; make sure that one of the adapters provides it"
        )

    @info(*_IMAGES)
    def templated(self, *, profile: str, project: str) -> str:
        return (
            f"was not compared with the profile {profile} of {project}, whose target only dbt can resolve; make sure that it "
            "installs the adapter of every target"
        )


DBT_PROJECT = DbtProject()
DBT_LINKS = DbtLinks()
DBT_LFS = DbtLfs()
DBT_NAME = DbtName()
DBT_PACKAGES = DbtPackages()
DBT_ADAPTER = DbtAdapter()

CHECKS: tuple[Check, ...] = (DBT_PROJECT, DBT_LINKS, DBT_LFS, DBT_NAME, DBT_PACKAGES, DBT_ADAPTER)
"""In the order of docs/preflight.md."""
