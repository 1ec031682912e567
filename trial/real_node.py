"""A real node on this machine: kubelet with Debian's containerd, runc and CNI plugins, which runs containers; needs root."""

import contextlib
import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from trial import cgroups
from trial.certificates import Certificate
from trial.cluster import TrialCluster
from trial.commands import run
from trial.docker_engine import end_leftovers, unmount_below
from trial.errors import TrialError
from trial.firewall import change, rules
from trial.gobuild import PROGRAMS
from trial.http_check import answers
from trial.layers import write_config, write_layer
from trial.layout import Layout, write_private
from trial.memory import LOOPBACK, Memory
from trial.packages import find_program, install
from trial.processes import Service, Supervisor
from trial.progress import Progress
from trial.tools import Toolbox, architecture

# The API server reaches kubelet by the node's host name, which makes it use loopback.
NODE = "localhost"
PAUSE_IMAGE = "trial.invalid/pause:1"
CNI_PLUGINS = Path("/usr/lib/cni")
KUBELET_CERTIFICATE = Certificate(
    "kubelet", f"system:node:{NODE}", group="system:nodes", hosts=("localhost", LOOPBACK)
)
# Kernel settings that kubelet writes at its start (pkg/kubelet/cm, setupKernelTunables).
_SYSCTLS = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys",
            "kernel/keys/root_maxbytes")  # fmt: skip
# Folders that kubelet and the CNI library always use.
_FIXED_FOLDERS = (Path("/var/lib/kubelet"), Path("/var/lib/cni"), Path("/var/log/containers"))
# The top control group of all Pods.
_POD_CGROUP = "kubepods"


class RealNode:
    """Runs kubelet and containerd for one trial."""

    def __init__(
        self,
        layout: Layout,
        progress: Progress,
        supervisor: Supervisor,
        memory: Memory,
        cluster: TrialCluster,
        toolbox: Toolbox,
    ) -> None:
        self.layout = layout
        self.progress = progress
        self.supervisor = supervisor
        self.memory = memory
        self.cluster = cluster
        self.toolbox = toolbox
        self.folder = layout.state / "node"
        self.runtime = layout.runtime / "containerd"
        self.socket = self.runtime / "containerd.sock"
        digest = hashlib.sha256(os.fsencode(layout.state)).digest()
        self.bridge = f"cni-{digest.hex()[:8]}"
        network = f"10.{150 + digest[0] % 50}.{digest[1]}"
        self.subnet = f"{network}.0/24"
        self.gateway = f"{network}.1"

    def network(self) -> str:
        """Create the Pods' bridge, and return this machine's address on it, which only Pods can reach.

        The CNI plugin would create the bridge with the first Pod, but servers that Pods use listen before that.

        Raises TrialError: not root, or a program is missing.
        """
        if os.getuid() != 0:
            raise TrialError("NODE=real needs root; run as root, or leave NODE out for the simulated node.")
        install(
            self.layout,
            self.progress,
            programs=("containerd", "runc", "ctr", "ip", "iptables"),
            packages=("containerd", "runc", "iproute2", "iptables"),
            why="a real node",
        )
        if not (CNI_PLUGINS / "bridge").exists():
            install(
                self.layout,
                self.progress,
                programs=("cni-bridge-plugin",),
                packages=("containernetworking-plugins",),
                why="a real node's network",
            )
        with self.progress.step("create the Pods' network") as step:
            self.layout.private_folder(self.folder)
            self._remember_settings()
            purpose = "creating the Pods' bridge"
            if not Path("/sys/class/net", self.bridge).exists():
                run(["ip", "link", "add", self.bridge, "type", "bridge"], purpose=purpose)
            run(["ip", "address", "replace", f"{self.gateway}/24", "dev", self.bridge], purpose=purpose)
            run(["ip", "link", "set", self.bridge, "up"], purpose=purpose)
            step.done(f"{self.subnet}, this machine is {self.gateway}")
        return self.gateway

    def up(self) -> None:
        """Start the node, after its `network`. Raises TrialError: the node did not become ready."""
        pause = self.toolbox.builder().build(PROGRAMS["pause"])
        with self.progress.step("start the real node") as step:
            self.layout.private_folder(self.layout.runtime)
            containerd = self._containerd()
            self.supervisor.start(containerd)
            self.supervisor.wait(containerd)
            self._import_pause(pause)
            kubelet = self._kubelet()
            self.supervisor.start(kubelet)
            step.update("waiting until it is ready")
            self.supervisor.wait(kubelet)
            step.done("containers run")

    def down(self) -> bool:
        """Stop all Pods and the node, and undo its changes to the machine; return whether there was one."""
        if not self.folder.exists():
            return False
        with self.progress.step("stop the real node") as step:
            if self.supervisor.identity("kubelet") is not None:
                step.update("stopping its Pods")
                self._end_pods()
            self.supervisor.stop("kubelet")
            self.supervisor.stop("containerd")
            end_leftovers(self.runtime, self.folder)
            unmount_below(self.folder, self.runtime)
            self._remove_network()
            self._remove_cgroups()
            self._restore_settings()
            _remove_dangling(Path("/var/log/containers"))
            for folder in (self.folder, self.runtime):
                shutil.rmtree(folder, ignore_errors=True)
        return True

    def _containerd(self) -> Service:
        config = self.folder / "containerd.toml"
        network = self.folder / "cni"
        network.mkdir(exist_ok=True)
        plugins = [
            {
                "type": "bridge",
                "bridge": self.bridge,
                "isGateway": True,
                "ipMasq": True,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(self.folder / "ipam"),
                    "ranges": [[{"subnet": self.subnet}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ]
        listing = {"cniVersion": "0.4.0", "name": self.bridge, "plugins": plugins}
        write_private(network / "10-trial.conflist", json.dumps(listing, indent=2) + "\n")
        write_private(
            config,
            f"""version = 2
root = "{self.folder / "containerd"}"
state = "{self.runtime / "state"}"
[grpc]
address = "{self.socket}"
[plugins."io.containerd.internal.v1.opt"]
path = "{self.folder / "opt"}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{CNI_PLUGINS}"
conf_dir = "{network}"
""",
        )
        program = find_program("containerd")
        assert program is not None  # noqa: S101 - installed above
        return Service(
            "containerd",
            [program, f"--config={config}", "--log-level=warn"],
            reads=[config],
            ready=self._containerd_missing,
        )

    def _containerd_missing(self) -> str | None:
        try:
            self._ctr("version")
        except TrialError:
            return "its socket does not answer"
        return None

    def _ctr(self, *arguments: str) -> str:
        return run(["ctr", f"--address={self.socket}", *arguments], purpose="querying containerd", seconds=30)

    def _import_pause(self, pause: Path) -> None:
        if PAUSE_IMAGE in self._ctr("--namespace=k8s.io", "images", "list", "--quiet").split():
            return
        root = self.folder / "pause" / "root"
        root.mkdir(parents=True, exist_ok=True)
        shutil.copy(pause, root / "pause")
        layer, diff_id = write_layer(root, self.folder / "pause" / "layer.tar.gz")
        settings = {"Entrypoint": ["/pause"], "User": "65535:65535"}
        config = write_config(
            self.folder / "pause" / "config.json",
            architecture=architecture(),
            diff_ids=[diff_id],
            settings=settings,
            made_by="the trial's pause program",
        )
        manifest = [{"Config": "config.json", "RepoTags": [PAUSE_IMAGE], "Layers": ["layer.tar.gz"]}]
        (self.folder / "pause" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        archive = self.folder / "pause.tar"
        with tarfile.open(archive, "w") as files:
            for path in (layer.path, config.path, self.folder / "pause" / "manifest.json"):
                files.add(path, path.name)
        self._ctr("--namespace=k8s.io", "images", "import", str(archive))

    def _kubelet(self) -> Service:
        pairs = self.cluster.authority.ensure([KUBELET_CERTIFICATE])
        pair, authority = pairs["kubelet"], self.cluster.authority.pair.certificate
        runs = self.supervisor.identity("kubelet") is not None
        health = self.memory.port("kubelet-health", in_use=runs)
        config = self.folder / "kubelet.yaml"
        content = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": LOOPBACK,
            "port": self.memory.port("kubelet", in_use=runs),
            "readOnlyPort": 0,
            "healthzBindAddress": LOOPBACK,
            "healthzPort": health,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(authority)},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(pair.certificate),
            "tlsPrivateKeyFile": str(pair.key),
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "cgroupDriver": "cgroupfs",
            "failCgroupV1": False,
            "failSwapOn": False,
            "makeIPTablesUtilChains": False,
            "clusterDomain": "cluster.local",
            "resolvConf": "/etc/resolv.conf",
            "podLogsDir": str(self.folder / "logs"),
            "volumePluginDir": str(self.folder / "volume-plugins"),
            # A developer's disk may be fuller than a server's, but the pause image must not be garbage-collected.
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100,
        }
        write_private(config, yaml.safe_dump(content, sort_keys=False))
        kubeconfig = self.cluster.kubeconfig("kubelet", pair=pair)
        argv: list[str | Path] = [
            self.layout.bin / "kubelet",
            f"--config={config}",
            f"--kubeconfig={kubeconfig}",
            f"--root-dir={self.folder / 'kubelet'}",
            f"--cert-dir={self.folder / 'pki'}",
            f"--hostname-override={NODE}",
        ]
        healthy = answers(f"http://{LOOPBACK}:{health}/healthz")
        return Service(
            "kubelet",
            argv,
            ready=lambda: healthy() or self._missing(),
            ready_seconds=90,
            reads=[config, kubeconfig],
        )

    def _missing(self) -> str | None:
        path = '{.status.conditions[?(@.type=="Ready")].status}'
        try:
            status = self.cluster.kubectl(
                "get", "node", NODE, f"-o=jsonpath={path}", purpose="asking for the node"
            )
        except TrialError as error:
            return str(error)
        return None if status.strip() == "True" else f"node {NODE} is not ready"

    def _end_pods(self) -> None:
        """Let kubelet stop its Pods, so that it also removes their network; nothing may start new ones."""
        for name in ("kube-scheduler", "kube-controller-manager"):
            self.supervisor.stop(name)
        with contextlib.suppress(TrialError):
            selector = f"--field-selector=spec.nodeName={NODE}"
            self.cluster.kubectl(
                "delete", "pods", "--all-namespaces", selector, "--grace-period=1", "--wait=true", "--timeout=45s",
                purpose="stopping the node's Pods",
            )  # fmt: skip
        with contextlib.suppress(TrialError):
            self.cluster.kubectl(
                "delete", "node", NODE, "--ignore-not-found", purpose="removing the real node"
            )

    def _remember_settings(self) -> None:
        path = self.folder / "settings-before.json"
        if path.exists():
            return
        found: Mapping[str, str] = {
            name: setting.read_text(encoding="ascii").strip()
            for name in _SYSCTLS
            if (setting := Path("/proc/sys", name)).exists()
        }
        before = {
            "sysctls": found,
            "cgroups": [str(group) for group in cgroups.named(_POD_CGROUP)],
            "folders": [str(folder) for folder in _FIXED_FOLDERS if folder.exists()],
        }
        write_private(path, json.dumps(before) + "\n")

    def _restore_settings(self) -> None:
        path = self.folder / "settings-before.json"
        if not path.exists():
            return
        before = json.loads(path.read_text(encoding="utf-8"))
        for name, value in before["sysctls"].items():
            with contextlib.suppress(OSError):
                Path("/proc/sys", name).write_text(value + "\n", encoding="ascii")
        for folder in _FIXED_FOLDERS:
            if str(folder) not in before["folders"]:
                shutil.rmtree(folder, ignore_errors=True)

    def _remove_network(self) -> None:
        for space in Path("/run/netns").glob("cni-*") if Path("/run/netns").exists() else []:
            if self._is_ours(space.name):
                run(["ip", "netns", "delete", space.name], purpose="removing a Pod's network")
        if Path("/sys/class/net", self.bridge).exists():
            run(["ip", "link", "delete", self.bridge], purpose="removing the Pods' bridge")
        remove_masquerade(self.bridge)
        for cached in Path("/var/lib/cni/results").glob(f"{self.bridge}-*"):
            cached.unlink()

    def _is_ours(self, space: str) -> bool:
        """Whether a network namespace has an address of this trial's Pods."""
        try:
            addresses = run(["ip", "-n", space, "-o", "-4", "address"], purpose="reading a Pod's network")
        except TrialError:
            return False
        return self.subnet.removesuffix("0/24") in addresses

    def _remove_cgroups(self) -> None:
        path = self.folder / "settings-before.json"
        before = json.loads(path.read_text(encoding="utf-8"))["cgroups"] if path.exists() else []
        for top in cgroups.named(_POD_CGROUP):
            if str(top) not in before:
                cgroups.remove(top)


def remove_masquerade(network: str) -> None:
    """Remove the CNI bridge plugin's masquerading rules for a network, which their comments name."""
    iptables = find_program("iptables")
    if iptables is None:
        return
    ours = [rule for rule in rules("nat") if rule[0] == "-A" and any(f'"{network}"' in word for word in rule)]
    chains = {rule[rule.index("-j") + 1] for rule in ours if rule[1] == "POSTROUTING" and "-j" in rule}
    for rule in ours:
        if rule[1] == "POSTROUTING":
            change("nat", "-D", *rule[1:])
    for chain in sorted(chain for chain in chains if chain.startswith("CNI-")):
        change("nat", "-F", chain)
        change("nat", "-X", chain)


def _remove_dangling(folder: Path) -> None:
    """Remove kubelet's links to logs that no longer exist."""
    for link in folder.glob("*") if folder.exists() else []:
        if link.is_symlink() and not link.exists():
            link.unlink()
