"""The control plane: etcd, API server, controller manager and scheduler, with TLS, RBAC and service accounts."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from trial.certificates import Authority, Certificate, KeyPair
from trial.commands import run
from trial.http_check import answers
from trial.layout import Layout, write_private
from trial.memory import LOOPBACK, Memory
from trial.processes import Service, Supervisor
from trial.progress import Progress

CONTEXT = "trial"
SERVICE_RANGE = "10.96.0.0/16"
SERVICE_ADDRESS = "10.96.0.1"
AUDITED = ("astro-dbt-deploy", "astro-dbt-preview")
"""Groups of docs/rbac.yaml: what their members ask for is in the audit log, without any content."""

_API_SERVER_HOSTS = (
    LOOPBACK, "localhost", SERVICE_ADDRESS, "kubernetes", "kubernetes.default", "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)  # fmt: skip

CERTIFICATES = (
    Certificate("etcd", "etcd", hosts=(LOOPBACK, "localhost")),
    Certificate("etcd-client", "kube-apiserver"),
    Certificate("kube-apiserver", "kube-apiserver", hosts=_API_SERVER_HOSTS),
    Certificate("kubelet-client", "kube-apiserver-kubelet-client", group="system:masters"),
    Certificate("front-proxy", "front-proxy-client"),
    Certificate("admin", "trial-admin", group="system:masters"),
    Certificate("kube-controller-manager", "system:kube-controller-manager", hosts=(LOOPBACK, "localhost")),
    Certificate("kube-scheduler", "system:kube-scheduler", hosts=(LOOPBACK, "localhost")),
    Certificate("kwok", "kwok", group="system:masters"),
)


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane."""

    server: str
    """URL of the API server."""
    kubeconfig: Path
    """The administrator's kubeconfig, with the context `trial`."""


class TrialCluster:
    """Runs the control plane of one trial."""

    def __init__(self, layout: Layout, progress: Progress, supervisor: Supervisor, memory: Memory) -> None:
        self.layout = layout
        self.progress = progress
        self.supervisor = supervisor
        self.memory = memory
        self.authority = Authority(layout.certificates)

    def certificates(self) -> dict[str, KeyPair]:
        """All certificates of the trial, created if missing."""
        return self.authority.ensure(CERTIFICATES)

    def up(self) -> ControlPlane:
        """Start what is not running, wait until it serves, and write the kubeconfig files."""
        with self.progress.step("start the control plane") as step:
            pairs = self.certificates()
            etcd, server = self._etcd(pairs), self._api_server(pairs)
            for service in (etcd, server):
                if self.supervisor.start(service):
                    step.update(f"waiting for {service.name}")
                self.supervisor.wait(service)
            kubeconfig = self.kubeconfig("admin", self.layout.state / "kubeconfig")
            managers = [self._controller_manager(pairs), self._scheduler(pairs)]
            for service in managers:
                self.supervisor.start(service)
            for service in managers:
                step.update(f"waiting for {service.name}")
                self.supervisor.wait(service)
            step.done(self.server)
        return ControlPlane(server=self.server, kubeconfig=kubeconfig)

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return f"https://{LOOPBACK}:{self._port('kube-apiserver')}"

    def kubeconfig(self, name: str, path: Path | None = None, *, pair: KeyPair | None = None) -> Path:
        """Write the kubeconfig of a certificate's user, with everything in one file (mode 0600)."""
        pair = pair or self.certificates()[name]

        def data(file: Path) -> str:
            return base64.b64encode(file.read_bytes()).decode()

        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": CONTEXT,
                    "cluster": {
                        "server": self.server,
                        "certificate-authority-data": data(self.authority.pair.certificate),
                    },
                }
            ],
            "users": [
                {
                    "name": name,
                    "user": {
                        "client-certificate-data": data(pair.certificate),
                        "client-key-data": data(pair.key),
                    },
                }
            ],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": name}}],
            "current-context": CONTEXT,
        }
        path = path or self.layout.state / "kubeconfigs" / name
        text = yaml.safe_dump(content, sort_keys=False)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_private(path, text)
        return path

    def kubectl(self, *arguments: str, stdin: str | None = None, purpose: str, seconds: float = 60.0) -> str:
        """Run kubectl as the administrator and return what it prints."""
        kubeconfig = self.layout.state / "kubeconfig"
        argv: list[str | Path] = [self.layout.bin / "kubectl", f"--kubeconfig={kubeconfig}", *arguments]
        return run(argv, stdin=stdin, purpose=purpose, seconds=seconds)

    def apply(self, *objects: Mapping[str, object], purpose: str) -> None:
        """Apply objects to the cluster."""
        listing = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(listing), purpose=purpose)

    def _port(self, name: str) -> int:
        service = "etcd" if name.startswith("etcd") else name
        return self.memory.port(name, in_use=self.supervisor.identity(service) is not None)

    def _etcd(self, pairs: Mapping[str, KeyPair]) -> Service:
        client, peer = (f"https://{LOOPBACK}:{self._port(name)}" for name in ("etcd", "etcd-peer"))
        pair, authority = pairs["etcd"], self.authority.pair.certificate
        argv: list[str | Path] = [
            self.layout.bin / "etcd",
            "--name=trial",
            f"--data-dir={self.layout.private_folder(self.layout.state / 'etcd')}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=trial={peer}",
            "--client-cert-auth",
            "--peer-client-cert-auth",
            f"--trusted-ca-file={authority}",
            f"--peer-trusted-ca-file={authority}",
            f"--cert-file={pair.certificate}",
            f"--key-file={pair.key}",
            f"--peer-cert-file={pair.certificate}",
            f"--peer-key-file={pair.key}",
            # The trial's state need not survive a power cut; without this, each write waits for the disk.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]
        ready = answers(f"{client}/readyz", authority=authority, client=_client(pairs["etcd-client"]))
        return Service("etcd", argv, ready=ready)

    def _api_server(self, pairs: Mapping[str, KeyPair]) -> Service:
        authority = self.authority.pair.certificate
        accounts = self.authority.signing_key("service-accounts")
        argv: list[str | Path] = [
            self.layout.bin / "kube-apiserver",
            f"--bind-address={LOOPBACK}",
            f"--advertise-address={LOOPBACK}",
            f"--secure-port={self._port('kube-apiserver')}",
            # Endpoints may not contain a loopback address.
            "--endpoint-reconciler-type=none",
            f"--cert-dir={self.layout.state / 'kube-apiserver'}",
            f"--tls-cert-file={pairs['kube-apiserver'].certificate}",
            f"--tls-private-key-file={pairs['kube-apiserver'].key}",
            f"--client-ca-file={authority}",
            f"--etcd-servers=https://{LOOPBACK}:{self._port('etcd')}",
            f"--etcd-cafile={authority}",
            f"--etcd-certfile={pairs['etcd-client'].certificate}",
            f"--etcd-keyfile={pairs['etcd-client'].key}",
            f"--kubelet-client-certificate={pairs['kubelet-client'].certificate}",
            f"--kubelet-client-key={pairs['kubelet-client'].key}",
            f"--kubelet-certificate-authority={authority}",
            # The real node listens on loopback, to which its host name resolves.
            "--kubelet-preferred-address-types=Hostname,InternalIP",
            f"--proxy-client-cert-file={pairs['front-proxy'].certificate}",
            f"--proxy-client-key-file={pairs['front-proxy'].key}",
            f"--requestheader-client-ca-file={authority}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={accounts.certificate}",
            f"--service-account-signing-key-file={accounts.key}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            "--profiling=false",
            f"--audit-policy-file={self._audit_policy()}",
            f"--audit-log-path={audit_log(self.layout)}",
        ]
        url = f"{self.server}/readyz"
        ready = answers(url, authority=authority, client=_client(pairs["admin"]))
        return Service("kube-apiserver", argv, ready=ready, ready_seconds=180)

    def _audit_policy(self) -> Path:
        path = self.layout.private_folder(audit_log(self.layout).parent) / "policy.yaml"
        policy = {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [{"level": "Metadata", "userGroups": list(AUDITED)}, {"level": "None"}],
        }
        write_private(path, yaml.safe_dump(policy, sort_keys=False))
        return path

    def _controller_manager(self, pairs: Mapping[str, KeyPair]) -> Service:
        name = "kube-controller-manager"
        authority = self.authority.pair
        argv: list[str | Path] = [
            *self._common(name, pairs),
            f"--root-ca-file={authority.certificate}",
            f"--cluster-signing-cert-file={authority.certificate}",
            f"--cluster-signing-key-file={authority.key}",
            f"--service-account-private-key-file={self.authority.signing_key('service-accounts').key}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            "--cluster-cidr=10.244.0.0/16",
            "--allocate-node-cidrs=true",
            "--use-service-account-credentials=true",
        ]
        return self._manager(name, argv, pairs)

    def _scheduler(self, pairs: Mapping[str, KeyPair]) -> Service:
        name = "kube-scheduler"
        return self._manager(name, self._common(name, pairs), pairs)

    def _manager(self, name: str, argv: Sequence[str | Path], pairs: Mapping[str, KeyPair]) -> Service:
        # It reads the kubeconfig, where the API server's port is, only at its start.
        config = self.kubeconfig(name)
        return Service(name, argv, ready=self._healthy(self._port(name), pairs), reads=[config])

    def _common(self, name: str, pairs: Mapping[str, KeyPair]) -> list[str | Path]:
        """Program and arguments that controller manager and scheduler share."""
        config = self.kubeconfig(name)
        return [
            self.layout.bin / name,
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            f"--bind-address={LOOPBACK}",
            f"--secure-port={self._port(name)}",
            f"--tls-cert-file={pairs[name].certificate}",
            f"--tls-private-key-file={pairs[name].key}",
            "--leader-elect=false",
            "--profiling=false",
        ]

    def _healthy(self, port: int, pairs: Mapping[str, KeyPair]) -> Callable[[], str | None]:
        url = f"https://{LOOPBACK}:{port}/healthz"
        return answers(url, authority=self.authority.pair.certificate, client=_client(pairs["admin"]))


def audit_log(layout: Layout) -> Path:
    """The API server's audit log: one JSON object a line for each request of AUDITED."""
    return layout.state / "audit" / "audit.log"


def _client(pair: KeyPair) -> tuple[Path, Path]:
    return pair.certificate, pair.key
