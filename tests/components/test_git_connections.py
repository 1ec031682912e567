"""GitConnections: what is registered for each kind of credentials."""

from __future__ import annotations

import base64
import json

import pulumi

from components.git_connections import (
    GitConnections,
    GitConnectionsArgs,
    GithubAppCredentials,
    HttpsCredentials,
    SshCredentials,
)

SECRET = "kubernetes:core/v1:Secret"


def make(**connections):
    return GitConnections(
        "git",
        GitConnectionsArgs(
            namespace="agents",
            connections=connections,
            secret_names={name: f"p-git-{name}" for name in connections},
            config_map_name="p-git",
            config_files={"ssh_config": "Host x\n"},
        ),
    )


def test_https(recorder):
    @pulumi.runtime.test
    def check():
        git = make(
            a=HttpsCredentials(url="https://h/x.git", login="u", password=pulumi.Output.secret("canary:@"))
        )

        def verify(found):
            mark, _ = found
            data = recorder.of_type(SECRET)["git-a"]["stringData"]
            connection = json.loads(data["connection"])
            assert connection == {
                "conn_type": "git",
                "host": "https://h/x.git",
                "login": "u",
                "password": "canary:@",
            }
            code = data["http-header"].removeprefix("Authorization: Basic ")
            assert base64.b64decode(code) == b"u:canary:@"
            assert len(mark) == 16

        return pulumi.Output.all(git.fingerprints["a"], git.secrets["a"].id).apply(verify)

    check()


def test_credentials_are_marked_as_secrets(recorder):
    @pulumi.runtime.test
    def check():
        git = make(
            a=HttpsCredentials(url="https://h/x.git", login="u", password="canary-a"),
            b=SshCredentials(private_key="canary-b\n"),
            c=GithubAppCredentials(
                url="https://h/x.git", app_id=1, installation_id=2, private_key="canary-c"
            ),
        )

        async def verify():
            marks = [await mark.is_secret() for mark in git.fingerprints.values()]
            assert marks == [False, False, False]
            for secret in git.secrets.values():
                await secret.id.future()
            assert "canary" not in recorder.in_clear()

        return pulumi.Output.from_input(verify())

    check()


def test_ssh_and_github_app(recorder):
    @pulumi.runtime.test
    def check():
        git = make(
            a=SshCredentials(private_key="key\n", known_hosts="h ssh-ed25519 A"),
            b=GithubAppCredentials(url="https://h/x.git", app_id=1, installation_id=2, private_key="pem"),
        )

        def verify(_):
            secrets = recorder.of_type(SECRET)
            assert secrets["git-a"]["stringData"] == {
                "ssh-privatekey": "key\n",
                "known_hosts": "h ssh-ed25519 A\n",
            }
            extra = json.loads(secrets["git-b"]["stringData"]["connection"])["extra"]
            assert extra == {"github_app_id": "1", "github_installation_id": "2", "private_key": "pem"}
            assert recorder.of_type("kubernetes:core/v1:ConfigMap")["git-config"]["data"] == {
                "ssh_config": "Host x\n"
            }

        made = [*git.secrets.values(), git.config_map]
        return pulumi.Output.all(*[item.id for item in made]).apply(verify)

    check()


def test_the_mark_follows_the_credentials(recorder):
    @pulumi.runtime.test
    def check():
        first = make(a=SshCredentials(private_key="one\n")).fingerprints["a"]
        second = make(a=SshCredentials(private_key="two\n")).fingerprints["a"]

        def verify(marks):
            assert marks[0] != marks[1]

        return pulumi.Output.all(first, second).apply(verify)

    check()
