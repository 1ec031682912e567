"""The generated Dockerfile."""

from __future__ import annotations

import re

from delivery.recipe import recipe
from tests.support.stacks import settings_of, stack


def made(**image):
    found = recipe(settings_of(stack(delivery="agent-image", image={**stack()["image"], **image})))
    assert found is not None
    return found


def test_dependencies_come_before_projects():
    text = made().files["Dockerfile"]
    assert text.index("requirements-dbt.txt") < text.index(
        "COPY --chown=50000:50000 dbt /usr/local/airflow/dbt"
    )
    assert text.index("COPY --chown=50000:50000 dbt ") < text.index("dbt parse")
    assert text.rstrip().endswith("USER 50000")


def test_package_index_is_known_to_the_packages_stage_only():
    text = made().files["Dockerfile"]
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)
    assert "ARG PIP_INDEX_URL" in stages[1]
    assert "PIP_INDEX_URL" not in stages[2]
    assert "--no-index" in stages[2]


def test_dbt_has_a_venv_of_its_own_called_by_path():
    text = made().files["Dockerfile"]
    assert "python3 -m venv /home/astro/dbt_venv" in text
    assert "/home/astro/dbt_venv/bin/pip install" in text
    assert "source " not in text


def test_files_for_the_base_images_onbuild_are_there():
    assert made().files["packages.txt"] == ""
    assert made().files["requirements.txt"] == ""


def test_no_adapters_no_parse():
    text = made(adapters=[]).files["Dockerfile"]
    assert "dbt parse" not in text
    assert "dbt_venv" not in text


def test_parse_can_be_turned_off():
    assert "dbt parse" not in made(parse=False).files["Dockerfile"]


def test_certificate_authorities_are_mounted_never_copied(tmp_path):
    image = {**stack()["image"], "caBundle": "ca.pem"}
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    project = {"name": "jaffle", "repo": "https://git.example.com/j.git"}
    config = stack(delivery="agent-image", image=image, dbtProjects=[project])
    found = recipe(settings_of(config, root=tmp_path))
    text = found.files["Dockerfile"]
    assert "--mount=type=bind,source=ca.crt" in text
    assert not re.search(r"^COPY.*ca\.crt", text, flags=re.MULTILINE)


def test_parse_environment_is_quoted():
    project = {**stack()["dbtProjects"][0], "parseEnv": {"A": "x y'; rm"}}
    found = recipe(settings_of(stack(delivery="agent-image", dbtProjects=[project])))
    assert "A='x y'\"'\"'; rm'" in found.files["Dockerfile"]


def test_own_dockerfile_replaces_the_generated_one(tmp_path):
    (tmp_path / "client").mkdir()
    (tmp_path / "client" / "Dockerfile.client").write_text("FROM scratch\n")
    image = {**stack()["image"], "dockerfile": "client/Dockerfile.client"}
    project = {"name": "jaffle", "repo": "https://git.example.com/j.git"}
    found = recipe(
        settings_of(stack(delivery="agent-image", image=image, dbtProjects=[project]), root=tmp_path)
    )
    assert found.dockerfile == "client/Dockerfile.client"
    assert "Dockerfile" not in found.files


def test_local_folder_wins_over_the_repository():
    (source,) = made().sources
    assert (source.folder, source.repo) == ("examples/dbt-project", None)
