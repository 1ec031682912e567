"""A ready image for a trial without Docker: an empty image that simulated nodes can "run"."""

import tempfile
from pathlib import Path

from trial.layers import write_config, write_layer
from trial.registry_client import RegistryClient
from trial.registry_server import RegistryInfo
from trial.tools import architecture

REPOSITORY = "data/ready-agent"
# The tag follows the vendor's pattern: <runtime>-python-<python>-astro-agent-<agent>.
TAG = "3.1-3-python-3.11-astro-agent-1.8.2"
LABELS = {
    "org.opencontainers.image.title": "stand-in for a ready agent image, empty; only for simulated nodes"
}


def put(registry: RegistryInfo) -> str:
    """Push the image to the registry, and return its reference by digest. Raises TrialError: the registry refuses."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "root").mkdir()
        layer, diff_id = write_layer(folder / "root", folder / "layer.tar.gz")
        config = write_config(
            folder / "config.json",
            architecture=architecture(),
            diff_ids=[diff_id],
            settings={"Labels": LABELS},
            made_by="nothing, for a trial",
        )
        digest = RegistryClient(registry).push(REPOSITORY, TAG, config=config, layers=[layer])
    return f"{registry.server}/{REPOSITORY}:{TAG}@{digest}"
