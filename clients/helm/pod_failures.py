"""Why the Pods of a release are not ready, in Kubernetes' own words, and whether waiting can still help.

Sources: kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle, and the kubelet's messages (pkg/kubelet/images,
pkg/kubelet/kuberuntime in kubernetes/kubernetes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from clients.helm.rollout import Document, Workload, is_ready


class Reason(StrEnum):
    """Kinds of failures, each with a different remedy."""

    NO_IMAGE = "no-image"
    """The registry answers that the image does not exist."""
    IMAGE_ACCESS = "image-access"
    """The registry refuses the login with which the node pulls."""
    IMAGE = "image"
    """The image cannot be pulled for another reason."""
    MISSING = "missing"
    """A Secret, ConfigMap, one of their keys, or a ServiceAccount does not exist."""
    CONFIG = "config"
    """The container cannot be created or started as it is configured."""
    VOLUME = "volume"
    """A volume cannot be attached or mounted."""
    UNSCHEDULABLE = "unschedulable"
    """No node takes the Pod."""
    MEMORY = "memory"
    """The container was killed because it used more memory than its limit."""
    CRASH = "crash"
    """The container ends again and again."""
    PROBE = "probe"
    """The container runs, and a probe fails."""
    EVICTED = "evicted"
    """The node evicted the Pod."""
    REFUSED = "refused"
    """The API server does not admit the Pod: pod security, an admission webhook."""
    QUOTA = "quota"
    """The namespace's quota is used up."""
    STARTING = "starting"
    """Nothing has failed, but the Pod is not ready yet."""


@dataclass(frozen=True)
class PodFailure:
    """One reason why a workload is not ready."""

    workload: str
    """Kind and name, such as `Deployment astro-agent-triggerer`."""
    owner: str
    """UID of the object that creates the workload's Pods."""
    reason: Reason
    """What kind of failure it is."""
    text: str
    """Kubernetes' reason and message; not redacted."""
    hopeless: bool = False
    """Whether it stays like this until somebody changes the configuration, the registry or the cluster."""
    pod: Document | None = None
    """The Pod; None if it could not be created."""
    container: str | None = None
    """The container, if it concerns one."""
    ended: bool = False
    """Whether the last lines of the container's predecessor tell more than its own."""
    events: tuple[str, ...] = ()
    """The Pod's last warnings that say more than `text`, each with its reason."""

    @property
    def has_log(self) -> bool:
        """Whether the container may have written something."""
        return self.container is not None and self.reason in {
            Reason.MEMORY,
            Reason.CRASH,
            Reason.PROBE,
            Reason.STARTING,
        }


_NO_IMAGE = re.compile(
    r"manifest unknown|name unknown|not found|NotFound|does not exist|no match for platform|no matching manifest"
    r"|repository name not known",
    re.IGNORECASE,
)
_ACCESS = re.compile(
    r"unauthorized|authentication required|access denied|\bdenied\b|forbidden|no basic auth credentials"
    r"|authorization failed|\b401\b|\b403\b",
    re.IGNORECASE,
)
_PASSING = re.compile(
    r"toomanyrequests|too many requests|\b429\b|\b50[0-4]\b|timeout|no such host|connection refused", re.I
)
_MISSING = re.compile(
    r'(?:secret|configmap|serviceaccount|service account)s? "[^"]*" not found|couldn\'t find key'
    r"|references non-existent (?:secret|config) key",
    re.IGNORECASE,
)
_FOR_GOOD = re.compile(r"runAsNonRoot|non-numeric user", re.IGNORECASE)
_REFUSED_FOR_GOOD = re.compile(r"violates PodSecurity|denied the request|is invalid", re.IGNORECASE)
_PULL = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "RegistryUnavailable",
        "ImageInspectError",
        "SignatureValidationFailed",
    }
)
_NO_PULL = frozenset({"InvalidImageName", "ErrImageNeverPull"})
_EVENTS = 3
_MESSAGE_BYTES = 2048
"""Length of the tail of a log that a kubelet takes for a container's last words."""


def failures(workloads: tuple[Workload, ...]) -> tuple[PodFailure, ...]:
    """Every reason why the workloads' Pods are not ready, those that waiting cannot help first."""
    found = [failure for workload in workloads for failure in _of_workload(workload)]
    return tuple(sorted(found, key=lambda item: (not item.hopeless, item.reason is Reason.STARTING)))


def hopeless_owners(workloads: tuple[Workload, ...], found: tuple[PodFailure, ...]) -> frozenset[str]:
    """UIDs of the owners none of whose Pods can get ready as they are.

    One Pod with a failure of its node does not count if another Pod of the same template does better.
    """
    lost = {(failure.owner, _uid(failure.pod)) for failure in found if failure.hopeless}
    return frozenset(
        workload.owner
        for workload in workloads
        if (workload.owner, "") in lost
        or (workload.pods and all((workload.owner, _uid(pod)) in lost for pod in workload.pods))
    )


def _uid(pod: Document | None) -> str:
    return str(pod["metadata"]["uid"]) if pod else ""


@dataclass(frozen=True)
class _Place:
    """Where a failure is."""

    workload: Workload
    pod: Document | None = None
    container: str | None = None

    def failure(
        self, reason: Reason, text: str, *, hopeless: bool = False, ended: bool = False, told: bool = True
    ) -> PodFailure:
        """A failure at this place; ``told``: the text says everything that the Pod's warnings do."""
        return PodFailure(
            workload=f"{self.workload.kind} {self.workload.name}",
            owner=self.workload.owner,
            reason=reason,
            text=text,
            hopeless=hopeless,
            pod=self.pod,
            container=self.container,
            ended=ended,
            events=() if told else tuple(self._events(text)),
        )

    def warnings(self, *reasons: str) -> list[Document]:
        """Warnings about the Pod and this container, the newest first."""
        found = self.workload.events.get(_uid(self.pod) or self.workload.owner, ())
        return [
            event
            for event in reversed(found)
            if (not reasons or event.get("reason") in reasons) and self._concerned(event)
        ]

    def _concerned(self, event: Document) -> bool:
        field = (event.get("involvedObject") or {}).get("fieldPath") or ""
        return not self.container or not field or f"{{{self.container}}}" in field

    def _events(self, text: str) -> Iterator[str]:
        seen: set[str] = set()
        for event in self.warnings():
            message = _line(event.get("message"))
            if message and message not in text and message not in seen and len(seen) < _EVENTS:
                seen.add(message)
                yield f"{event.get('reason')}: {message}"


def _of_workload(workload: Workload) -> Iterator[PodFailure]:
    for text in _refusals(workload):
        missing = bool(_MISSING.search(text))
        yield _Place(workload).failure(
            Reason.MISSING if missing else Reason.QUOTA if "exceeded quota" in text else Reason.REFUSED,
            f"FailedCreate: {text}",
            hopeless=not workload.pods and (missing or bool(_REFUSED_FOR_GOOD.search(text))),
        )
    for pod in workload.pods:
        if not is_ready(pod) and _status(pod).get("phase") != "Succeeded":
            yield from _of_pod(_Place(workload, pod))


def _refusals(workload: Workload) -> Iterator[str]:
    """Why the owner cannot create Pods: its condition, or its events if its kind has no such condition."""
    for condition in workload.conditions:
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            yield _line(condition.get("message"))
            return
    if not workload.pods:
        for event in _Place(workload).warnings("FailedCreate")[:1]:
            yield _line(event.get("message"))


def _of_pod(at: _Place) -> Iterator[PodFailure]:
    status = _status(at.pod)
    states = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    found = [failure for state in states if (failure := _of_container(at, state)) is not None]
    telling = [failure for failure in found if failure.reason is not Reason.STARTING]
    whole = None if telling else _of_whole_pod(at)
    if whole is not None:
        yield whole
    elif found:
        yield from telling or found
    else:
        yield at.failure(Reason.STARTING, f"phase {status.get('phase') or 'Pending'}", told=False)


def _of_whole_pod(at: _Place) -> PodFailure | None:
    """A failure that concerns no container."""
    status = _status(at.pod)
    if status.get("reason"):  # Evicted, NodeLost, UnexpectedAdmissionError
        return at.failure(Reason.EVICTED, _joined(status["reason"], status.get("message")))
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            text = _joined(condition.get("reason") or "Unschedulable", condition.get("message"))
            return at.failure(Reason.UNSCHEDULABLE, text, told=False)
    for event in at.warnings("FailedMount", "FailedAttachVolume"):
        text = _joined(event["reason"], event.get("message"))
        missing = bool(_MISSING.search(text))
        return at.failure(Reason.MISSING if missing else Reason.VOLUME, text, hopeless=missing)
    return None


def _of_container(place: _Place, state: Document) -> PodFailure | None:
    at = replace(place, container=str(state.get("name")))
    now = state.get("state") or {}
    waiting, ended = now.get("waiting") or {}, now.get("terminated") or {}
    if state.get("ready") or (ended and ended.get("exitCode") == 0):
        return None
    why, text = str(waiting.get("reason") or ""), _joined(waiting.get("reason"), waiting.get("message"))
    if why in _PULL | _NO_PULL:
        return _of_pull(at, state, why, text)
    if why in {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}:
        missing = bool(_MISSING.search(text))
        hopeless = missing or bool(_FOR_GOOD.search(text))
        return at.failure(Reason.MISSING if missing else Reason.CONFIG, text, hopeless=hopeless)
    last = ended or (state.get("lastState") or {}).get("terminated") or {}
    if last.get("exitCode") or last.get("reason") == "OOMKilled":
        return _of_crash(at, state, why, last, ended=not ended)
    for event in at.warnings("Unhealthy"):
        return at.failure(Reason.PROBE, _line(event.get("message")))
    return at.failure(Reason.STARTING, text or "running, but not ready yet", told=False)


def _of_pull(at: _Place, state: Document, why: str, text: str) -> PodFailure:
    # Older kubelets say what is wrong only in the event.
    details = [_line(event.get("message")) for event in at.warnings("Failed", "InspectFailed")]
    detail = next((item for item in details if "pull" in item and item not in text), "")
    said = f"{text}; {detail}" if detail else text
    if str(state.get("image")) not in said:
        said = f"{said} (image {state.get('image')})"
    if why in _NO_PULL:
        return at.failure(Reason.NO_IMAGE, said, hopeless=True)
    # Names of images may contain any word.
    words = re.sub(r'"[^"]*"', "", said.replace(str(state.get("image")), ""))
    if not _PASSING.search(words):
        # A registry that hides images from strangers says both: "does not exist or may require authorization".
        if _ACCESS.search(words):
            return at.failure(Reason.IMAGE_ACCESS, said, hopeless=True)
        if _NO_IMAGE.search(words):
            return at.failure(Reason.NO_IMAGE, said, hopeless=True)
    return at.failure(Reason.IMAGE, said)


def _of_crash(at: _Place, state: Document, why: str, last: Document, *, ended: bool) -> PodFailure:
    restarts = int(state.get("restartCount") or 0)
    parts = [why] if why else []
    if last.get("reason") == "OOMKilled":
        limit = _memory_limit(at)
        parts.append(f"OOMKilled, its memory limit is {limit}" if limit else "OOMKilled")
    else:
        signal = f", signal {last['signal']}" if last.get("signal") else ""
        parts.append(f"exit code {last.get('exitCode')}{signal} ({last.get('reason') or 'Error'})")
    if restarts:
        parts.append(f"{restarts} restart{'s' if restarts > 1 else ''}")
    if message := _last_line(str(last.get("message") or "")):
        parts.append(message)
    reason = Reason.MEMORY if last.get("reason") == "OOMKilled" else Reason.CRASH
    return at.failure(reason, ", ".join(parts), ended=ended)


def _last_line(message: str) -> str:
    """What a container left as its last words; a line that the kubelet may have cut is left out, or half a secret would stay."""
    lines = message.splitlines()[1 if len(message.encode()) >= _MESSAGE_BYTES else 0 :]
    return next((_line(line) for line in reversed(lines) if line.strip()), "")


def _memory_limit(at: _Place) -> str | None:
    spec = (at.pod or {}).get("spec") or {}
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        if container.get("name") == at.container:
            limits = (container.get("resources") or {}).get("limits") or {}
            return str(limits["memory"]) if "memory" in limits else None
    return None


def _status(pod: Document | None) -> Document:
    return (pod or {}).get("status") or {}


def _joined(reason: object, message: object) -> str:
    return ": ".join(part for part in (_line(reason), _line(message)) if part)


def _line(text: object) -> str:
    return " ".join(str(text or "").split())
