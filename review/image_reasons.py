"""Why the agents' image changes: dbt projects and Dags that come, go or move, the recipe, its base and its network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from delivery.recipe import RECIPE_KEYS
from domain.image_reference import split_reference
from domain.names import IMAGE_TYPE
from review import phrases
from review.differences import Difference, differences
from review.facts import Facts
from review.preview import Preview, Step
from review.repositories import bundle_id, code, same_repository
from review.sources import dag_changes, dbt_changes, is_baked, known

_CACHE_ARGUMENT = "BUILDKIT_INLINE_CACHE"
_HIDDEN = "[secret]"
"""What a preview shows instead of a secret."""
_PROXY_ARGUMENTS = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def image_reasons(preview: Preview, facts: Facts) -> Iterator[str]:
    """Reasons of the images that are built, or not any more; each once, as a sentence without capital and full stop."""
    steps = preview.of_type(IMAGE_TYPE)
    yield from dict.fromkeys(text for step in steps for text in _of_step(step, preview, facts, steps))


def _of_step(step: Step, preview: Preview, facts: Facts, steps: Sequence[Step]) -> Iterator[str]:
    projects = step.name == "client"
    if step.operation == "create":
        yield _created(preview) if projects else "the stack builds the agents' image"
    elif step.operation == "delete":
        why = "git-submodule delivers the dbt projects" if projects else "the stack names a ready image"
        yield f"{why}; the old image stays in its registry"
    else:
        below = projects and any(item.name != "client" and item.operation == "update" for item in steps)
        found = [*_of_build(step, below=below)]
        if (step.before.get("build") or {}).get("contextDigest") != (step.after.get("build") or {}).get(
            "contextDigest"
        ):
            moved = [*(_projects_and_dags(preview, facts) if projects else _recipe(preview))]
            found += moved or [_files(preview, projects=projects)]
        yield from found or _unexplained(step, below=below)


def _created(preview: Preview) -> str:
    dags = [bundle_id(bundle) for bundle in preview.entries("dags") if is_baked(preview, bundle)]
    more = f" and the Dags of {_names(dags)}" if dags else ""
    return f"the option agent-image adds the dbt projects{more} to it"


def _of_build(step: Step, *, below: bool) -> Iterator[str]:
    """What the inputs of the build say themselves; ``below`` if the image below is reported separately."""
    old, new = step.before.get("build") or {}, step.after.get("build") or {}
    for difference in differences(old.get("args") or {}, new.get("args") or {}):
        if difference.path[:1] != ("RUNTIME_IMAGE",) or not below:
            yield _argument(difference)
    if old.get("platform") != new.get("platform"):
        yield f"the platform changes from {old.get('platform')} to {new.get('platform')}"
    repositories = [split_reference(str(side.get("imageName", "")))[0] for side in (step.before, step.after)]
    if repositories[0] != repositories[1]:
        yield f"the repository changes from {code(repositories[0])} to {code(repositories[1])}"
    logins = [side.get("registry") or {} for side in (step.before, step.after)]
    if any(logins[0].get(key) != logins[1].get(key) for key in ("server", "username")):
        yield "the login that pushes it changes"


def _argument(item: Difference) -> str:
    if item.key == "BASE_IMAGE":
        return f"the base image changes from {code(str(item.before))} to {code(str(item.after))}"
    if item.key == "RUNTIME_IMAGE":
        return "the image below the dbt projects changes"
    if item.key == _CACHE_ARGUMENT:
        return "the build cache of `image.cache` is switched " + ("off" if item.after is None else "on")
    if item.key == "PIP_INDEX_URL":
        return "the package index changes"
    if item.key in _PROXY_ARGUMENTS:
        return "the proxy of the build changes"
    return f"the build argument {item.key} changes"


def _unexplained(step: Step, *, below: bool) -> Iterator[str]:
    """Inputs that look alike on both sides, because they are secret or were unknown, by the plugin's own list."""
    if below:
        return
    if any("PIP_INDEX_URL" in path for path in step.paths):
        yield "the package index changes"
    elif any(name in path for path in step.paths for name in _PROXY_ARGUMENTS):
        yield "the proxy of the build changes"
    elif any("cacheFrom" in path for path in step.paths):
        yield "the images change that the build takes layers from"
    else:
        hidden = [name for name, value in _arguments(step) if value == _HIDDEN]
        if hidden:
            yield f"a secret build argument may change ({phrases.listed(hidden)})"


def _arguments(step: Step) -> Iterator[tuple[str, Any]]:
    yield from sorted(((step.after.get("build") or {}).get("args") or {}).items())


def _projects_and_dags(preview: Preview, facts: Facts) -> Iterator[str]:
    yield from _projects(preview, facts)
    yield from _dags(preview, facts)


def _projects(preview: Preview, facts: Facts) -> Iterator[str]:
    old = known(preview, "dbtProjects") if preview.outputs.get("delivery") == "agent-image" else {}
    names = [str(item.get("name")) for item in preview.entries("dbtProjects")]
    if old and names:
        added, removed = (
            [name for name in names if name not in old],
            [name for name in old if name not in names],
        )
        if added:
            yield f"dbt {_plural(added, 'project')} {phrases.listed(added)} {_verb(added, 'is', 'are')} added"
        if removed:
            yield f"dbt {_plural(removed, 'project')} {phrases.listed(removed)} {_verb(removed, 'is', 'are')} removed"
    changes = list(dbt_changes(preview, facts))
    for project in preview.entries("dbtProjects"):
        name, now = str(project.get("name")), _source(project)
        before = old[name].get("repository") if name in old else now
        if now is None and before:
            yield f"dbt project {name} comes from a local folder"
        elif now and (before or any(item.project == name for item in changes)) and not _same(before, now):
            yield f"dbt project {name} comes from {code(now)}"
    moved = [change.project for change in changes if change.before]
    if moved:
        yield f"the commit of {phrases.listed(moved)} changes"


def _source(project: Mapping[str, Any]) -> str | None:
    repo = project.get("repo")
    return None if project.get("source") or not isinstance(repo, str) else repo


def _same(before: object, now: str) -> bool:
    return isinstance(before, str) and same_repository(before, now)


def _dags(preview: Preview, facts: Facts) -> Iterator[str]:
    old = known(preview, "dagBundles")
    was = {name for name, item in old.items() if item.get("baked")}
    now = {bundle_id(item) for item in preview.entries("dags") if is_baked(preview, item)}
    if preview.entries("dags"):
        came, gone = sorted(now - was), sorted(was - now)
        if came:
            yield f"the Dags of {_names(came)} move into it"
        if gone:
            yield f"the Dags of {_names(gone)} leave it"
    moved = [change.bundle for change in dag_changes(preview, facts) if change.baked and change.bundle in was]
    if moved:
        yield f"the commit of the Dags in {phrases.listed(moved)} changes"


def _recipe(preview: Preview) -> Iterator[str]:
    """What the stack file asks for now and did not at the last update, or the other way round."""
    old = preview.outputs.get("imageRecipe")
    now = next(iter(preview.entries("image")), None)
    if not isinstance(old, Mapping) or now is None:
        return
    for key in RECIPE_KEYS:
        before, after = old.get(key), now.get(key)
        if isinstance(before, list) or isinstance(after, list):
            yield from _entries(
                key, [str(item) for item in before or ()], [str(item) for item in after or ()]
            )
        elif before != after:
            yield f"`image.{key}` changes from {_shown(before)} to {_shown(after)}"


def _entries(key: str, before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    gone = [code(item) for item in before if item not in after]
    came = [code(item) for item in after if item not in before]
    if gone and came:
        yield f"`image.{key}` has {phrases.listed(came)} instead of {phrases.listed(gone)}"
    elif came:
        yield f"`image.{key}` adds {phrases.listed(came)}"
    elif gone:
        yield f"`image.{key}` drops {phrases.listed(gone)}"
    elif before != after:
        yield f"the order of `image.{key}` changes"


def _files(preview: Preview, *, projects: bool) -> str:
    """What may have changed if nothing that the preview knows has: content without a commit."""
    if not projects:
        recipe = next(iter(preview.entries("image")), {})
        own = [code(f"image.{key}") for key in ("dockerfile", "caBundle") if recipe.get(key)]
        if own:
            return f"files of {phrases.listed(own)} change"
        if isinstance(preview.outputs.get("imageRecipe"), Mapping):
            return "the program's recipe changes"
        return "files of the build context change: the list of adapters and packages, or the program's recipe"
    local = [
        f"dbt project {item.get('name')}" for item in preview.entries("dbtProjects") if item.get("source")
    ]
    local += [
        f"the Dags of {code(bundle_id(item))}"
        for item in preview.entries("dags")
        if is_baked(preview, item) and item["source"] != "repository"
    ]
    if local:
        return f"files of a local folder change ({phrases.listed(local)})"
    return "files of the build context change: dbt packages, or how the dbt projects are parsed"


def _shown(value: Any) -> str:
    return "none" if value is None else code(str(value))


def _names(names: Sequence[str]) -> str:
    return phrases.listed([code(name) for name in names])


def _plural(names: Sequence[str], word: str) -> str:
    return word if len(names) == 1 else f"{word}s"


def _verb(names: Sequence[str], one: str, several: str) -> str:
    return one if len(names) == 1 else several
