"""Rules that involve several sections."""

from __future__ import annotations

import pytest

from tests.support.stacks import SSH_KEY, problems, settings_of, stack, with_agent


class TestCredentials:
    def test_missing(self):
        assert "is missing" in problems(stack(credentials=None))["credentials.git.password"]

    def test_not_needed(self):
        config = stack(connections={"git": {"type": "https", "existingSecret": "mine"}})
        assert "is not used" in problems(config)["credentials.git"]

    def test_of_no_connection(self):
        config = stack(credentials={"git": {"password": "p"}, "other": {"password": "p"}})
        assert "belongs to no connection" in problems(config)["credentials.other"]

    def test_of_the_wrong_kind(self):
        config = stack(
            credentials={
                "git": {"privateKey": "-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----"}
            }
        )
        found = problems(config)
        assert "is missing" in found["credentials.git.password"]
        assert "does not belong" in found["credentials.git.privateKey"]

    def test_key_with_passphrase(self):
        key = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n-----END ENCRYPTED PRIVATE KEY-----"
        config = stack(
            connections={"git": {"type": "ssh"}},
            credentials={"git": {"privateKey": key}},
            dags={"repo": "git@h:x/y.git", "connection": "git"},
        )
        assert "passphrase" in problems(config)["credentials.git.privateKey"]

    def test_key_gets_its_last_newline(self):
        key = "-----BEGIN EC PRIVATE KEY-----\nbm90IGEga2V5\n-----END EC PRIVATE KEY-----"
        config = stack(
            connections={"git": {"type": "ssh"}},
            credentials={"git": {"privateKey": key}},
            dags={"repo": "git@git.example.com:x/y.git", "connection": "git"},
            dbtProjects=[{"name": "jaffle", "path": "dags/dbt/jaffle"}],
        )
        assert settings_of(config).private_key_of("git") == key + "\n"

    def test_backend_cannot_open_another_host(self):
        project = {
            "name": "jaffle",
            "path": "p",
            "repo": "https://other.example.com/x.git",
            "connection": "git",
        }
        config = stack(
            connections={"git": {"type": "https", "backend": True}}, credentials=None, dbtProjects=[project]
        )
        assert "secrets backend" in problems(config)["dbtProjects[0].connection"]

    @pytest.mark.parametrize("delivery", ["git-submodule", "agent-image"])
    def test_backend_opens_no_dbt_package(self, delivery):
        package = {"repo": "https://git.example.com/macros.git", "connection": "vault"}
        connections = {**stack()["connections"], "vault": {"type": "https", "backend": True}}
        config = stack(delivery=delivery, dbtPackages=[package], connections=connections)
        assert "opens nothing for `dbt deps`" in problems(config)["dbtPackages[0].connection"]

    @pytest.mark.parametrize(
        ("packages", "key", "says"),
        [
            ({"repo": "x"}, "dbtPackages", "is not a list of packages"),
            ([{"repo": "https://h/x.git"}], "dbtPackages[0].connection", "is missing"),
            (
                [{"repo": "https://h/x.git", "connection": "nope"}],
                "dbtPackages[0].connection",
                "does not exist",
            ),
        ],
    )
    def test_mistakes_in_packages_are_sentences(self, packages, key, says):
        assert says in problems(stack(dbtPackages=packages))[key]

    def test_scheme_and_type_disagree(self):
        config = stack(connections={"git": {"type": "ssh", "existingSecret": "s"}}, credentials=None)
        found = problems(config)
        assert "is an https address" in found["dags.repo"]
        assert "is an https address" in found["dbtProjects[0].repo"]

    def test_one_key_for_two_hosts(self):
        project = {"name": "a", "path": "p", "repo": "git@other.example.com:a.git", "connection": "git"}
        config = stack(
            dags={"repo": "git@git.example.com:d.git", "connection": "git"},
            connections={"git": {"type": "ssh", "existingSecret": "s"}},
            credentials=None,
            dbtProjects=[project],
        )
        assert "add a connection for other.example.com" in problems(config)["dbtProjects[0].connection"]


class TestProjects:
    def test_names_and_paths_collide(self):
        first = {"name": "a", "path": "dags/dbt"}
        second = {"name": "a", "path": "dags/dbt/a"}
        found = problems(stack(dbtProjects=[first, second]))
        assert "repeats a" in found["dbtProjects[1].name"]
        assert "is inside" in found["dbtProjects[1].path"]

    def test_path_is_needed_for_submodules(self):
        assert "is missing" in problems(stack(dbtProjects=[{"name": "a"}]))["dbtProjects[0].path"]

    def test_source_is_needed_for_the_image(self):
        found = problems(stack(delivery="agent-image", dbtProjects=[{"name": "a", "path": "p"}]))
        assert "is missing" in found["dbtProjects[0].source"]

    def test_source_must_be_a_dbt_project(self, tmp_path):
        (tmp_path / "empty").mkdir()
        config = stack(
            delivery="agent-image",
            dbtProjects=[{"name": "a", "source": "empty"}, {"name": "b", "source": "no"}],
        )
        found = problems(config, root=tmp_path)
        assert "contains no dbt_project.yml" in found["dbtProjects[0].source"]
        assert "is not a folder" in found["dbtProjects[1].source"]

    def test_source_does_not_matter_to_submodules(self, tmp_path):
        assert settings_of(root=tmp_path).dbt_projects[0].source == "examples/dbt-project"


class TestAgent:
    def test_credential_in_plain_text(self):
        found = problems(with_agent(env={"DB_PASSWORD": "canary"}))
        assert "DB_PASSWORD" in found["agent.env"]
        assert "canary" not in found["agent.env"]

    def test_credential_by_reference(self):
        settings = settings_of(
            with_agent(env={"DB_PASSWORD": {"secret": "db", "key": "password"}, "N": 3, "B": True})
        )
        assert settings.agent.env["N"] == "3"
        assert settings.agent.env["B"] == "True"

    def test_ids_of_the_secrets_backend(self):
        """A vault's names are Airflow's affair; only what becomes a variable has to fit into one."""
        for name in ("git-dags", "Team/git.dags", "git:1", "g" * 250):
            config = stack(connections={name: {"type": "https", "backend": True}}, credentials=None)
            config["dags"]["connection"] = name
            config["dbtProjects"] = [{"name": "j", "path": "dags/j", "submodule": False}]
            assert settings_of(config).git_bundles[0].connection == name
        for name in ("git dags", "", "a" * 251, "a;b", "a\nb"):
            config = stack(connections={name: {"type": "https", "backend": True}}, credentials=None)
            config["dbtProjects"][0].pop("connection")
            config["dags"].pop("connection")
            assert any("is not a connection id" in text for text in problems(config).values()), name

    def test_ids_of_variables(self):
        connections = {"git-dags": {"type": "https", "anonymous": True}}
        found = problems(stack(connections=connections, credentials=None))
        assert "backend: true" in found["connections.git-dags"]

    def test_managed_variable(self):
        found = problems(with_agent(env={"AIRFLOW_CONN_GIT": "x", "GIT_CONFIG_COUNT": "1"}))
        assert "connections.git" in found["agent.env.AIRFLOW_CONN_GIT"]
        assert "interfere" in found["agent.env.GIT_CONFIG_COUNT"]

    def test_unknown_chart_value_where_nobody_asks_the_chart(self):
        off = {"checks": {"chart": {"level": "off", "reason": "no network"}}}
        config = with_agent(values={"imagePullPolcy": "Always", "worker": {}})
        found = problems({**config, "preflight": off})
        assert "write imagePullPolicy" in found["agent.values.imagePullPolcy"]
        assert "agent.unknownValues.worker" in found["agent.values.worker"]

    def test_unknown_chart_value_is_left_to_the_chart(self):
        settings = settings_of(with_agent(values={"imagePullPolcy": "Always"}))
        assert settings.agent.values == {"imagePullPolcy": "Always"}

    def test_unknown_chart_values_with_a_reason(self):
        off = {"checks": {"chart": {"level": "off", "reason": "no network"}}}
        reason = {"keda": "chart 2.4 scales by it"}
        workers = [{"name": "w", "values": {"keda": {}}, "unknownValues": reason}]
        config = with_agent(values={"keda": {"enabled": True}}, unknownValues=reason, workers=workers)
        assert settings_of({**config, "preflight": off}).agent.unknown_values == reason

    def test_needless_reasons(self):
        reasons = {"labels": "because", "keda": "because"}
        found = problems(with_agent(values={"labels": {"a": "b"}}, unknownValues=reasons))
        assert "the chart knows" in found["agent.unknownValues.labels"]
        assert "agent.values does not contain" in found["agent.unknownValues.keda"]

    def test_managed_chart_value(self):
        found = problems(with_agent(values={"namespace": "x", "openLineage": {"apiKey": "canary"}}))
        assert "agent.namespace" in found["agent.values.namespace"]
        assert "openLineageApiKey" in found["agent.values.openLineage.apiKey"]

    def test_values_that_say_the_same(self):
        settings_of(with_agent(values={"namespace": "agents", "resourceNamePrefix": "astro-agent"}))

    def test_value_of_a_later_chart(self):
        found = problems(with_agent(chart={"version": "1.0.2"}, values={"sentinel": {"port": 1}}))
        assert "needs chart 2.0.0" in found["agent.values.sentinel"]

    def test_typed_key_in_a_component(self):
        found = problems(with_agent(workers=[{"name": "w", "values": {"replicas": 3}}]))
        assert "has a typed setting" in found["agent.workers[0].values.replicas"]

    def test_timeout_below_grace(self):
        found = problems(with_agent(timeout=300))
        assert "write 900 or more" in found["agent.timeout"]

    def test_queues_served_twice(self):
        workers = [{"name": "a", "queues": ["q"]}, {"name": "b", "queues": ["q"]}]
        assert "assigns the queue q" in problems(with_agent(workers=workers))["agent"]

    def test_token_twice(self):
        assert "keep one" in problems(with_agent(agentTokenSecret="mine"))["agent.agentTokenSecret"]

    def test_token_injected(self):
        config = with_agent(env={"ASTRO_AGENT_CLIENT_API_TOKEN_FILE": "/var/run/token"})
        del config["agentToken"]
        assert settings_of(config).agent_token is None

    def test_new_runtime_needs_new_chart(self):
        config = with_agent(
            chart={"version": "2.0.0"}, image="r.example.com/a:3.3-1-python-3.13-astro-agent-1.8.2"
        )
        del config["image"]
        assert "state store" in problems(config)["agent.image"]

    def test_one_image_is_built_or_named(self):
        both = problems(with_agent(image="r.example.com/a:1"))
        assert "is set, and so is image; keep image to build" in both["agent.image"]


class TestImage:
    def test_needed(self):
        assert "is missing" in problems(stack(delivery="agent-image", image=None))["image"]

    def test_on_the_given_registry(self):
        image = {**stack()["image"], "repository": "other.example.com/data/client"}
        assert "another registry" in problems(stack(image=image))["image.repository"]

    def test_index_twice(self):
        image = {**stack()["image"], "packageIndex": "https://index.example.com/simple"}
        found = problems(stack(image=image, packageIndex="https://u:canary@index.example.com/simple"))
        assert "keep one" in found["image.packageIndex"]

    def test_own_dockerfile_needs_a_separate_folder(self, tmp_path):
        (tmp_path / "Dockerfile").write_text("FROM x\n")
        project = {"name": "a", "repo": "https://git.example.com/a.git"}
        image = {**stack()["image"], "dockerfile": "Dockerfile"}
        found = problems(stack(delivery="agent-image", image=image, dbtProjects=[project]), root=tmp_path)
        assert "a separate folder" in found["image.dockerfile"]

    def test_both_options_side_by_side(self):
        config = stack()
        before = settings_of(config)
        after = settings_of({**config, "delivery": "agent-image"})
        assert before.model_copy(update={"delivery": "agent-image"}) == after


class TestAddresses:
    def test_one_host_with_and_without_its_standard_port(self):
        """`git@git.corp:a/dags.git` and `ssh://git@git.corp:22/a/dbt.git` with one key are on one host."""
        config = stack(
            dags={"repo": "git@git.corp:a/dags.git", "connection": "key"},
            connections={"key": {"type": "ssh"}},
            credentials={"key": {"privateKey": SSH_KEY}},
            dbtProjects=[
                {
                    "name": "a",
                    "path": "dags/a",
                    "repo": "ssh://git@Git.corp:22/a/dbt.git",
                    "connection": "key",
                }
            ],
        )
        settings_of(config)
        config["dbtProjects"][0]["repo"] = "ssh://git@git.corp:2222/a/dbt.git"
        assert "add a connection for git.corp:2222" in problems(config)["dbtProjects[0].connection"]

    @pytest.mark.parametrize("name", ["acme/client", "acme/data/client"])
    def test_an_image_repository_without_a_registry(self, name):
        image = {"repository": name, "base": "registry.example.com/astro:3.1-3"}
        assert f"write docker.io/{name}" in problems(stack(image=image))["image.repository"]
        image["repository"] = f"docker.io/{name}"
        config = stack(image=image, registry=None, registryPassword=None)
        assert settings_of(config).image.repository == f"docker.io/{name}"

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("client", "write docker.io/<account>/client, or put"),
            ("docker.io/client", "names no account of Docker Hub; write docker.io/<account>/client"),
            ("registry.example.com/Acme/x", "write registry.example.com/acme/x"),
            ("https://registry.example.com/acme/x/", "write registry.example.com/acme/x"),
            ("registry.example.com/acme/x:1", "contains a tag or a digest"),
            ("registry.example.com:5000/acme/x@sha256:0", "write registry.example.com:5000/acme/x"),
            ("registry.example.com:99999/acme/x", "has the port 99999, which does not exist"),
            ("", "does not have the required form"),
            ("/", "does not have the required form"),
            ("é/x", "names no registry"),
        ],
    )
    def test_what_an_image_repository_cannot_be(self, name, says):
        image = {"repository": name, "base": "registry.example.com/astro:3.1-3"}
        assert says in problems(stack(image=image))["image.repository"]

    @pytest.mark.parametrize(
        ("server", "says"),
        [
            ("https://index.docker.io/v1/", "write docker.io"),
            ("hub.docker.com", "write docker.io"),
            ("https://registry.example.com/v2/", "write registry.example.com"),
            ("Registry.Example.com", "write registry.example.com"),
            ("registry.example.com:0", "has the port 0, which does not exist"),
        ],
    )
    def test_what_the_server_of_a_registry_cannot_be(self, server, says):
        config = stack(registry={"server": server, "username": "pusher"})
        assert says in problems(config)["registry.server"]

    @pytest.mark.parametrize("name", ["acme/base", "registry.example.com:5000/base"])
    def test_a_base_without_a_tag(self, name):
        image = {"repository": "registry.example.com/a/b", "base": name}
        assert f"write {name}:<tag>" in problems(stack(image=image))["image.base"]

    def test_ssh_over_port_443_is_the_same_host(self):
        config = stack(
            dags={"repo": "ssh://git@ssh.github.com:443/acme/dags.git", "connection": "key"},
            dbtProjects=[
                {**stack()["dbtProjects"][0], "repo": "git@github.com:a/b.git", "connection": "key"}
            ],
            connections={"key": {"type": "ssh"}},
            credentials={"key": {"privateKey": SSH_KEY}},
        )
        assert settings_of(config).connections["key"].type == "ssh"

    def test_a_code_submodule_may_be_public(self):
        dags = {**stack()["dags"], "submodules": [{"repo": "https://git.example.com/a/common.git"}]}
        assert settings_of(stack(dags=dags)).git_bundles[0].submodules[0].connection is None

    def test_one_repository_with_two_connections(self):
        config = stack(
            dags={
                **stack()["dags"],
                "submodules": [{"repo": "git@git.example.com:analytics/jaffle.git", "connection": "key"}],
            },
            connections={**stack()["connections"], "key": {"type": "ssh"}},
            credentials={**stack()["credentials"], "key": {"privateKey": SSH_KEY}},
        )
        assert "write key here" in problems(config)["dbtProjects[0].connection"]
