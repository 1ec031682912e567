"""Building the client image: a base with a separate login, and credentials that stay out of the image."""

from __future__ import annotations

import copy
import json
import secrets
import subprocess

import pytest

from tests.engine.test_lifecycle import assert_no_leak

pytestmark = pytest.mark.engine

CANARY = "canary-index-password"


def renew(stack, user):
    """A password of the trial's registry that only this user has; the one before is refused from now on."""
    password = "-" + secrets.token_urlsafe(12)  # where a program got it as an argument, it would be an option
    line = subprocess.run(
        [f"{stack.info.bin}/trial-services", "htpasswd", user],
        input=password + "\n",
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    file = stack.environment.layout.state / "registry" / "htpasswd"
    others = [item for item in file.read_text().splitlines() if item and not item.startswith(f"{user}:")]
    file.write_text("\n".join([*others, line]))
    return password


def steps(stack):
    """URN's name -> operation of what the next run would change."""
    found = json.loads(stack.pulumi("preview", "--json").stdout)["steps"]
    return {
        step["urn"].rsplit("::", 1)[1]: step["op"] for step in found if step["op"] not in {"same", "read"}
    }


def test_base_with_a_separate_login_and_an_index_with_credentials(stack):
    config = copy.deepcopy(stack.config)
    server, password = config["registry"]["server"], renew(stack, "robot")
    # The same registry under another name, as another server: Docker keeps logins by name.
    other = server.replace("127.0.0.1", "localhost")
    config |= {
        "delivery": "agent-image",
        "registry": {"server": server, "username": "robot"},
        "registryPassword": password,
        "baseRegistry": {"server": other, "username": "robot"},
        "baseRegistryPassword": password,
        "packageIndex": f"https://someone:{CANARY}@127.0.0.1:9/simple",
    }
    config["image"]["base"] = config["image"]["base"].replace(server, other)
    docker = ["docker", "image"]
    stack.run(*docker, "rm", "--force", config["image"]["base"])
    done = stack.up(config)
    reference = done.outputs["image"]
    assert reference.startswith(f"{config['image']['repository']}@sha256:")
    assert stack.up().changes == {}
    _renewed_passwords_change_the_pull_secret_alone(stack, config)

    history = stack.run(*docker, "history", "--no-trunc", reference).stdout
    details = stack.run(*docker, "inspect", reference).stdout
    assert "dbt" in history
    assert_no_leak(stack, done.stdout, stack.state(), history, details)
    for text in (done.stdout, stack.state(), history, details):
        assert CANARY not in text
    save = ["docker", "image", "save", reference]
    with subprocess.Popen(save, env=stack.variables, stdout=subprocess.PIPE) as saved:
        grep = ["grep", "--count", "--text", CANARY]
        found = subprocess.run(grep, stdin=saved.stdout, capture_output=True, text=True, check=False)
    assert saved.returncode == 0
    assert found.stdout.strip() == "0"


def test_renewed_registry_passwords_change_the_pull_secret_alone(stack):
    """Without a separate login for the base; the test above renews that one too."""
    config = copy.deepcopy(stack.config)
    password = renew(stack, "renewer")
    config |= {
        "registry": {"server": config["registry"]["server"], "username": "renewer"},
        "registryPassword": password,
    }
    stack.up(config)
    _renewed_passwords_change_the_pull_secret_alone(stack, config)


def _renewed_passwords_change_the_pull_secret_alone(stack, config):
    """A password that lasts for hours is another one at each run: no build, no push, no Pod."""
    before = {name: item.metadata.generation for name, item in stack.deployments().items()}
    password = renew(stack, config["registry"]["username"])
    config |= {key: password for key in ("registryPassword", "baseRegistryPassword") if key in config}
    stack.write(config)
    assert steps(stack) == {"agent-image-pull": "update"}
    done = stack.up()
    assert done.changes == {"update": 1}
    assert {name: item.metadata.generation for name, item in stack.deployments().items()} == before
    assert stack.history() == [1]
    assert password not in done.stdout
    assert password not in stack.state()
    assert stack.up().changes == {}


def test_engine_that_is_down_is_found_before_anything_changes(stack):
    config = copy.deepcopy(stack.config)
    config["delivery"] = "agent-image"
    config["image"]["engine"] = "tcp://127.0.0.1:9"
    stack.write(config)
    done = stack.pulumi("up", "--yes")
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "astro-dbt:image.engine" in output
    assert "Traceback" not in output
    assert stack.namespace not in [item.metadata.name for item in stack.api().list_namespace().items]


def test_a_ready_image_needs_no_engine(stack):
    config = copy.deepcopy(stack.config)
    config.pop("image")
    config["agent"]["image"] = stack.info.base_image
    stack.variables["DOCKER_HOST"] = "tcp://127.0.0.1:9"
    stack.write(config)
    done = stack.pulumi("up", "--yes", "--skip-preview")
    assert done.returncode == 0, done.stdout + done.stderr
    assert stack.pulumi("stack", "output", "image").stdout.strip() == stack.info.base_image


def test_without_any_image_one_sentence_stops_the_preview(stack):
    config = copy.deepcopy(stack.config)
    config.pop("image")
    done = stack.preview(config)
    assert done.returncode != 0
    assert "astro-dbt:image is missing, and so is agent.image" in done.stdout + done.stderr
    reason = {"level": "off", "reason": "these agents run no dbt Dags"}
    config["preflight"]["checks"]["image.runtime"] = reason
    done = stack.preview(config)
    assert done.returncode == 0, done.stdout + done.stderr
