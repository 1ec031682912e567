"""The generated Dockerfile."""

from __future__ import annotations

import re

from delivery.recipe import (
    RECIPE_KEYS,
    contents_of,
    projects_recipe,
    recipe_settings,
    runtime_recipe,
)
from tests.support.stacks import settings_of, stack


def settings_with(**image):
    return settings_of(stack(delivery="agent-image", image={**stack()["image"], **image}))


def runtime(**image):
    """The recipe of what agents run under both options."""
    found = runtime_recipe(settings_with(**image))
    assert found is not None
    return found


def projects(**image):
    """The recipe of the projects' layers."""
    found = projects_recipe(settings_with(**image))
    assert found is not None
    return found


def test_projects_are_layers_on_top_of_what_both_options_run():
    below, above = runtime(), projects()
    assert "dbt/" not in " ".join(below.files)
    assert below.sources == ()
    text = above.files["Dockerfile"]
    assert text.startswith("ARG RUNTIME_IMAGE\nFROM ${RUNTIME_IMAGE}\n")
    assert text.index("COPY --chown=50000:50000 dbt /usr/local/airflow/dbt") < text.index(
        "create_manifest.py"
    )
    for found in (below.files["Dockerfile"], text):
        assert re.findall(r"^USER (.*)$", found, flags=re.MULTILINE)[-1] == "50000"


def test_packages_and_manifest_are_separate_steps():
    steps = [step for step in projects().files["Dockerfile"].split("\n\n") if step.startswith("RUN")]
    assert ["install_packages.py" in step for step in steps] == [True, False]
    assert ["create_manifest.py" in step for step in steps] == [False, True]
    assert all("--mount=type=bind,source=packages/jaffle,target=/run/astro-dbt" in step for step in steps)
    assert {name for name in projects().files if name.startswith("packages/")} == {
        "packages/jaffle/install_packages.py", "packages/jaffle/create_manifest.py"
    }  # fmt: skip


def test_manifest_can_be_for_a_target():
    project = {"name": "jaffle", "source": "examples/dbt-project", "target": "prod"}
    found = projects_recipe(settings_of(stack(delivery="agent-image", dbtProjects=[project])))
    assert "create_manifest.py /home/astro/dbt_venv/bin/dbt prod" in found.files["Dockerfile"]


def test_package_index_is_known_to_the_packages_stage_only():
    text = runtime().files["Dockerfile"]
    assert "PIP_INDEX_URL" not in projects().files["Dockerfile"]
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)
    assert "ARG PIP_INDEX_URL" in stages[1]
    assert "PIP_INDEX_URL" not in stages[2]
    assert "--no-index" in stages[2]


def test_dbt_has_a_separate_venv_called_by_path():
    text = runtime().files["Dockerfile"]
    assert "python3 -m venv /home/astro/dbt_venv" in text
    assert "/home/astro/dbt_venv/bin/pip install" in text
    assert "source " not in text


def test_files_for_the_base_images_onbuild_are_there():
    assert runtime().files["packages.txt"] == ""
    assert runtime().files["requirements.txt"] == ""


def test_no_adapters_no_parse():
    text = runtime(adapters=[]).files["Dockerfile"] + projects(adapters=[]).files["Dockerfile"]
    assert "create_manifest" not in text
    assert "dbt_venv" not in text


def test_parse_can_be_turned_off():
    text = projects(parse=False).files["Dockerfile"]
    assert "create_manifest.py" not in text
    assert "install_packages.py" in text, "packages are installed all the same"


def test_certificate_authorities_are_mounted_never_copied(tmp_path):
    image = {**stack()["image"], "caBundle": "ca.pem"}
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    project = {"name": "jaffle", "repo": "https://git.example.com/j.git"}
    config = stack(delivery="agent-image", image=image, dbtProjects=[project])
    settings = settings_of(config, root=tmp_path)
    text = runtime_recipe(settings).files["Dockerfile"] + projects_recipe(settings).files["Dockerfile"]
    assert "--mount=type=bind,source=ca.crt" in text
    assert not re.search(r"^COPY.*ca\.crt", text, flags=re.MULTILINE)


def test_parse_environment_is_quoted():
    project = {**stack()["dbtProjects"][0], "parseEnv": {"A": "x y'; rm"}}
    found = projects_recipe(settings_of(stack(delivery="agent-image", dbtProjects=[project])))
    assert "A='x y'\"'\"'; rm'" in found.files["Dockerfile"]


def test_the_image_says_what_was_installed():
    packages = ["astronomer-cosmos==1.15.1", "x[a] >= 1; python_version < '3.13'"]
    text = runtime(packages=packages).files["Dockerfile"]
    assert 'LABEL io.astro-dbt.adapters="[\\"dbt-core==1.11.16\\", \\"dbt-duckdb==1.11.1\\"]"\n' in text
    assert text.index("LABEL ") > text.rindex("RUN "), "a label invalidates no layer"
    assert contents_of(settings_with(packages=packages).image).packages == tuple(packages)
    assert "LABEL" not in projects().files["Dockerfile"], "labels of the base are inherited"


def test_own_dockerfile_replaces_the_generated_one(tmp_path):
    (tmp_path / "client").mkdir()
    (tmp_path / "client" / "Dockerfile.client").write_text("FROM scratch\n")
    image = {**stack()["image"], "dockerfile": "client/Dockerfile.client"}
    project = {"name": "jaffle", "repo": "https://git.example.com/j.git"}
    settings = settings_of(stack(delivery="agent-image", image=image, dbtProjects=[project]), root=tmp_path)
    found = runtime_recipe(settings)
    assert found.dockerfile == "client/Dockerfile.client"
    assert "Dockerfile" not in found.files
    above = projects_recipe(settings).files["Dockerfile"]
    assert "if [ -x /home/astro/dbt_venv/bin/dbt ]; then" in above, "it may have dbt elsewhere, or none"


def test_local_folder_wins_over_the_repository():
    (source,) = projects().sources
    assert (source.folder, source.repo) == ("examples/dbt-project", None)


def test_settings_of_the_recipe_are_those_of_the_stack_file() -> None:
    image = settings_of(stack(image={**stack()["image"], "systemPackages": ["git"]})).image
    assert image is not None
    found = recipe_settings(image)
    assert found == {
        "adapters": ["dbt-core==1.11.16", "dbt-duckdb==1.11.1"],
        "packages": ["astronomer-cosmos==1.15.1"],
        "systemPackages": ["git"],
    }
    assert set(found) < set(RECIPE_KEYS)
