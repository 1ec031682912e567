"""From a preview to the report's data, as pure functions; everything from outside is passed in as `Facts`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from domain.names import (
    BASE_IMAGE_TYPE,
    CLUSTER_PROVIDER_TYPE,
    CONFIG_MAP_TYPE,
    ENGINE_PROVIDER_TYPE,
    IMAGE_TYPE,
    NAMESPACE_TYPE,
    RELEASE_TYPE,
    SECRET_TYPE,
    SECRETS_MARK,
    STACK_TYPE,
)
from review import phrases
from review.causes import GIT_FILES, SECRET, Causes
from review.differences import Difference, differences
from review.facts import Facts
from review.image_reasons import image_reasons
from review.model import ImageChange, Notice, ObjectChange, Review, ValueGroup, Verdict, Violation
from review.objects import objects_report
from review.preview import Preview, Step
from review.repositories import owners
from review.restarts import AFTER_BUILD, Deployment, deployments
from review.sources import dag_changes, dbt_changes, option

_FINDING = re.compile(r"^(?P<key>[\w-]+:[\w.\[\]<>-]+) (?P<message>.+?)\.?$", re.DOTALL)
_ERRORS: Literal["error"] = "error"
_WARNINGS: Literal["warning"] = "warning"
_ENGINE_NOISE = "an unhandled error occurred: program exited with non-zero exit code"
_CONNECTIONS: Mapping[str, str] = {
    CLUSTER_PROVIDER_TYPE: "connection to the cluster",
    ENGINE_PROVIDER_TYPE: "connection to the Docker engine",
}
_TOLD_ELSEWHERE = (STACK_TYPE, IMAGE_TYPE, BASE_IMAGE_TYPE)
"""The images are reported as the image that the agents run."""
_HARMLESS_TO_DROP = (
    IMAGE_TYPE,
    BASE_IMAGE_TYPE,
    ENGINE_PROVIDER_TYPE,
    CONFIG_MAP_TYPE,
)
"""What can be removed without loss: the image stays in its registry, and a ConfigMap is created from settings."""


def build(preview: Preview, facts: Facts | None = None) -> Review:
    """The report of one preview."""
    facts = facts or Facts()
    release = next(iter(preview.of_type(RELEASE_TYPE)), None)
    before, after = _values(release, preview)
    chart = _chart(release)
    causes = _causes(preview, before, after)
    parts = () if release is None else _deployments(release, before, after, chart, causes)
    stopped = any(item.mandatory for item in facts.violations)
    errors, findings = _messages(preview, facts, stopped=stopped)
    switch = _switch(preview)
    secrets = tuple(_object(step) for step in preview.of_type(SECRET_TYPE))
    image = _image(preview, before, after, facts)
    review = Review(
        stack=preview.stack,
        verdict=Verdict.NOTHING,
        errors=errors,
        findings=findings,
        violations=tuple(sorted(facts.violations, key=_strictest)),
        switch=switch,
        chart=chart,
        image=image,
        dags=() if preview.errors else tuple(dag_changes(preview, facts)),
        dbt=() if preview.errors else tuple(dbt_changes(preview, facts)),
        secrets=secrets,
        objects=tuple(_objects(preview)),
        values=tuple(ValueGroup(*group) for group in causes.grouped(_value_differences(before, after))),
        deployments=parts,
        costs=(),
        rendered=objects_report(
            facts.objects,
            updated=release is not None,
            removed=release is not None and release.operation == "delete",
        ),
        timeout=_timeout(release),
    )
    judged = replace(review, verdict=Verdict.FAILED if stopped else _verdict(review, preview))
    return replace(judged, costs=tuple(_costs(judged)))


def final_values(preview: Preview) -> Mapping[str, Any] | None:
    """The chart's values after the update, with a phrase for an image that is not built yet; None when the release stays."""
    release = next(iter(preview.of_type(RELEASE_TYPE)), None)
    return _values(release, preview)[1]


def _values(
    release: Step | None, preview: Preview
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    if release is None:
        return None, None
    before, after = release.before.get("values"), release.after.get("values")
    if after is not None and any(step.operation != "delete" for step in preview.of_type(IMAGE_TYPE)):
        after = _with_unknown_image(after)
    return before, after


def _with_unknown_image(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Values with a placeholder for the unknown digest: Pulumi leaves unknown values out.

    Chart 1.x has the image in each component, chart 2.x has it once, and only 2.x has a sentinel.
    """
    if "sentinel" in values:
        return {**values, "image": values.get("image") or AFTER_BUILD}
    return {
        **values,
        "workers": [{"image": AFTER_BUILD, **worker} for worker in values.get("workers") or ()],
        **{name: {"image": AFTER_BUILD, **values.get(name, {})} for name in ("dagProcessor", "triggerer")},
    }


def _switch(preview: Preview) -> tuple[str, str] | None:
    before = preview.outputs.get("delivery")
    after = option(preview)
    return (str(before), after) if before and before != after else None


def _causes(preview: Preview, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Causes:
    """The mark of what Pods read covers Secrets, and files that are not secret."""
    files = preview.of_type(CONFIG_MAP_TYPE) and not preview.of_type(SECRET_TYPE)
    return Causes.of(before, after, owners=owners(preview), mark=GIT_FILES if files else SECRET)


def _chart(release: Step | None) -> tuple[str | None, str | None] | None:
    if release is None:
        return None
    status = release.outputs.get("status")
    running = status.get("version") if isinstance(status, Mapping) else None
    before = (release.before.get("version") or running) if release.before else None
    after = release.after.get("version") if release.after else None
    if release.operation in ("update", "replace") and after is None:
        after = before
    return (before, after) if before != after else None


def _deployments(
    release: Step,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    chart: tuple[str | None, str | None] | None,
    causes: Causes,
) -> tuple[Deployment, ...]:
    if release.operation != "replace":
        every = None
        if chart is not None and None not in chart:
            every = "the chart's version"
        elif before == after and any(path.startswith("values") for path in release.paths):
            every = "a value that is secret"
        return deployments(before, after, every=every, causes=causes)
    gone = tuple(replace(part, reasons=("the release is replaced",)) for part in deployments(before, None))
    return (*gone, *deployments(None, after))


def _timeout(release: Step | None) -> int | None:
    found = release.after.get("timeout") if release is not None else None
    return int(found) if isinstance(found, int | float) else None


def _strictest(item: Violation) -> tuple[bool, str, str]:
    return not item.mandatory, item.policy, item.message


def _messages(preview: Preview, facts: Facts, *, stopped: bool) -> tuple[tuple[str, ...], tuple[Notice, ...]]:
    errors: list[str] = []
    printed: list[Notice] = []
    for severity, texts in (_ERRORS, preview.errors), (_WARNINGS, preview.warnings):
        for line in (line.strip() for text in texts for line in text.splitlines()):
            found = _FINDING.match(line)
            if found and found["key"].startswith(f"{preview.project}:"):
                printed.append(Notice(severity, found["key"], found["message"]))
            elif severity == "error" and line and not line.startswith(_ENGINE_NOISE):
                errors.append(line)
    findings = printed if facts.findings is None or preview.errors else facts.findings
    if stopped:
        errors = [error for error in errors if error != "preview failed"]
    if (
        preview.errors
        and not stopped
        and not errors
        and not any(item.severity == "error" for item in findings)
    ):
        errors = ["the engine gave no reason; run `pulumi preview` to see its output"]
    return tuple(dict.fromkeys(errors)), tuple(sorted(set(findings), key=lambda item: item.order))


def _image(
    preview: Preview,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    facts: Facts,
) -> ImageChange | None:
    old, new = _agents_image(before), _agents_image(after)
    if old == new:
        return None
    steps = preview.of_type(IMAGE_TYPE)
    reasons = list(image_reasons(preview, facts))
    built = new == AFTER_BUILD
    for step in steps:
        if built:
            new = str(step.after.get("imageName"))
    if not steps and new and old:
        reasons.append("agent.image of the stack was changed")
    return ImageChange(before=old, after=new, reasons=tuple(reasons), built=built)


def _agents_image(values: Mapping[str, Any] | None) -> str | None:
    if values is None:
        return None
    found = values.get("image") or (values.get("triggerer") or {}).get("image")
    return str(found) if found else None


def _object(step: Step) -> ObjectChange:
    prefixes = ("data.", "stringData.", "metadata.labels.", "metadata.annotations.")
    keys = {
        path.removeprefix(prefix) for path in step.paths for prefix in prefixes if path.startswith(prefix)
    }
    return ObjectChange(
        kind=_CONNECTIONS.get(step.type) or step.type.rsplit(":", 1)[-1],
        name=step.object_name if step.operation == "update" else _old_name(step),
        operation=step.operation,
        keys=tuple(sorted(keys)) if step.operation == "update" else (),
        reasons=step.reasons if step.operation == "replace" else (),
        protected=step.protected and step.operation in ("replace", "delete"),
    )


def _old_name(step: Step) -> str:
    """Name of the removed object, or of the created one."""
    metadata = step.before.get("metadata")
    return str(metadata["name"]) if isinstance(metadata, Mapping) and "name" in metadata else step.object_name


def _objects(preview: Preview) -> Iterator[ObjectChange]:
    """Objects except Secrets; components are only groups, and an updated release has separate sections."""
    for step in preview.changed:
        if step.type == SECRET_TYPE or ":components:" in step.type:
            continue
        if step.type in _TOLD_ELSEWHERE or (step.type in _CONNECTIONS and step.operation != "replace"):
            continue
        if step.type == RELEASE_TYPE:
            if step.operation in ("replace", "delete"):
                name = str(step.before.get("name") or step.name)
                yield ObjectChange("Helm release", name, step.operation, reasons=step.reasons)
            continue
        yield _object(step)


def _value_differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> Iterator[Difference]:
    """Values for display; the marks of Secrets are reported with the Secrets."""
    if before is None or after is None:
        return
    for difference in differences(before, after):
        if difference.path[-1] != SECRETS_MARK:
            yield difference


def _destructive(preview: Preview) -> bool:
    return any(
        step.operation in ("replace", "delete")
        and step.type not in _HARMLESS_TO_DROP
        and ":components:" not in step.type
        for step in preview.changed
    )


def _verdict(review: Review, preview: Preview) -> Verdict:
    if preview.errors:
        return Verdict.FAILED
    if _destructive(preview) or any(
        part.fate == "goes" and part.component == "worker" for part in review.deployments
    ):
        return Verdict.REPLACES
    release = next(iter(preview.of_type(RELEASE_TYPE)), None)
    if release is not None and release.operation == "create":
        return Verdict.INSTALLS
    if any(part.disturbed and part.component == "worker" for part in review.deployments):
        return Verdict.ROLLS
    if preview.changed:
        return Verdict.SAFE
    return Verdict.DRIFTED if review.rendered.edited else Verdict.NOTHING


def _costs(review: Review) -> Iterator[str]:
    if review.verdict is Verdict.FAILED:
        return
    if review.image and review.image.built:
        yield "one image build and push; every node that runs an agent pulls the new layers"
    rolled = [part for part in review.deployments if part.fate == "rolls"]
    if rolled:
        pods = sum(part.pods_before for part in rolled)
        yield (
            f"{phrases.count(len(rolled), 'rolling update')} with {phrases.count(pods, 'Pod')}; during it the cluster "
            "needs room for one more Pod per Deployment"
        )
    if review.switch:
        yield (
            f"undoing it is the same step in the other direction: `pulumi config set delivery {review.switch[0]}` and "
            "`pulumi up`, with one more rolling update; namespace, Secrets and Helm history are kept"
        )
        if review.switch[1] == "agent-image":
            yield "from now on every dbt change takes an image build and a rolling update of all agents"
        else:
            yield "from now on a dbt change takes a commit that moves the submodule, and no Pod restarts for it"


def namespaces_at_risk(review: Review) -> tuple[str, ...]:
    """Namespaces that are deleted with everything in them."""
    kind = NAMESPACE_TYPE.rsplit(":", 1)[-1]
    return tuple(item.name for item in review.replaced if item.kind == kind)
