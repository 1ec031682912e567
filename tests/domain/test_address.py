"""Every spelling of a clone URL, and that no text is a traceback."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.address import AddressError, RepositoryAddress, is_relative, redacted

parse = RepositoryAddress.parse

NAME = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
PATH = st.lists(NAME, min_size=1, max_size=4).map("/".join)
PORT = st.one_of(st.none(), st.integers(1, 65535))


@st.composite
def addresses(draw):
    """Texts of every form that Git reads."""
    host = draw(st.one_of(NAME.map(lambda name: f"{name}.example.com"), st.just("[2001:db8::1]")))
    path = draw(PATH) + draw(st.sampled_from(["", ".git", "/"]))
    port = draw(PORT)
    authority = f"{host}:{port}" if port else host
    user = draw(st.sampled_from(["", "git@", "acme@"]))
    return draw(
        st.sampled_from(
            [
                f"https://{user}{authority}/{path}",
                f"ssh://{user}{authority}/{path}",
                f"{user}{host}:{path}",
                f"{user}{host}:/{path}",
            ]
        )
    )


@given(st.one_of(st.text(), st.text("htps:/@[]gi.~%?#-\\ \0é1", max_size=40), addresses()))
def test_no_text_raises_anything_but_its_own_error(text):
    try:
        found = parse(text)
    except AddressError:
        return
    assert parse(str(found)).same_repository(found)
    for item in found.equivalents():
        assert parse(str(item)) == item
    redacted(text)


@given(addresses())
def test_writing_and_reading_again_changes_nothing(text):
    found = parse(text)
    assert parse(str(found)) == found
    assert found.same_repository(found)
    assert all(parse(spelling).same_repository(found) for spelling in found.spellings())


@given(addresses(), addresses())
def test_being_the_same_repository_goes_both_ways(one, other):
    assert parse(one).same_repository(parse(other)) == parse(other).same_repository(parse(one))


@given(addresses(), st.text(max_size=20))
def test_resolving_raises_nothing_but_its_own_error(text, tail):
    for relative in (f"../{tail}", f"./{tail}", f"../../../{tail}", tail):
        try:
            found = parse(text).resolve(relative)
        except AddressError:
            continue
        if is_relative(relative):
            assert found.host == parse(text).host


SAME = [
    ("git@GitHub.com:a/b", "git@github.com:a/b"),
    ("https://h.example/a/b", "https://h.example/a/b.git"),
    ("https://h.example/a/b", "https://h.example/a/b/"),
    ("https://h.example:443/a/b", "https://h.example/a/b"),
    ("git@git.corp:a/dags.git", "ssh://git@git.corp:22/a/dags.git"),
    ("git@git.corp:a/dags.git", "https://git.corp/a/dags.git"),
    ("ssh://git@git.corp:2222/a/b.git", "https://git.corp/a/b"),
    ("https://acme@dev.azure.com/acme/data/_git/dbt", "https://dev.azure.com/acme/data/_git/dbt"),
    ("https://dev.azure.com/acme/data/_git/dbt", "git@ssh.dev.azure.com:v3/acme/data/dbt"),
    ("https://acme.visualstudio.com/data/_git/dbt", "git@ssh.dev.azure.com:v3/acme/data/dbt"),
    (
        "https://acme.visualstudio.com/DefaultCollection/data/_git/dbt",
        "https://dev.azure.com/acme/data/_git/dbt",
    ),
    ("acme@vs-ssh.visualstudio.com:v3/acme/data/dbt", "https://dev.azure.com/acme/data/_git/dbt"),
    ("https://dev.azure.com/acme/_git/dbt", "git@ssh.dev.azure.com:v3/acme/dbt/dbt"),
    ("https://dev.azure.com/acme/My%20Data/_git/dbt", "git@ssh.dev.azure.com:v3/acme/My%20Data/dbt"),
    ("https://bb.corp/scm/dp/dbt.git", "ssh://git@bb.corp:7999/dp/dbt.git"),
    ("https://bb.corp:8443/bitbucket/scm/dp/dbt.git", "ssh://git@bb.corp:7999/dp/dbt.git"),
    ("https://bb.corp/scm/~me/dbt.git", "ssh://git@bb.corp:7999/~me/dbt.git"),
    (
        "ssh://APKAEXAMPLE@git-codecommit.eu-west-1.amazonaws.com/v1/repos/dbt",
        "ssh://git-codecommit.eu-west-1.amazonaws.com/v1/repos/dbt",
    ),
    (
        "ssh://APKAEXAMPLE@git-codecommit.eu-west-1.amazonaws.com/v1/repos/dbt",
        "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/dbt",
    ),
    ("ssh://git@ssh.github.com:443/a/b.git", "https://github.com/a/b"),
    ("ssh://git@altssh.gitlab.com:443/a/b.git", "git@gitlab.com:a/b.git"),
    ("ssh://git@[2001:DB8::1]:22/a/b", "git@[2001:db8:0::1]:a/b"),
    ("[git@git.corp:2222]:a/b", "ssh://git@git.corp:2222/a/b"),
    ("https://git.corp./a/b", "https://git.corp/a//b"),
    ("https://git.corp/a/./x/../b.git", "https://git.corp/a/%62"),
]
DIFFERENT = [
    ("https://h:8443/a/b", "https://h:9443/a/b"),
    ("https://h/a/b", "https://h/a/c"),
    ("https://h/a/b", "https://i/a/b"),
    ("https://h/a/b", "http://h/a/b"),
    ("ssh://git@h:2222/a/b", "ssh://git@h:2223/a/b"),
    ("https://dev.azure.com/acme/data/_git/dbt", "https://dev.azure.com/acme/other/_git/dbt"),
    ("https://bb.corp/scm/dp/dbt.git", "ssh://git@bb.corp:7999/other/dbt.git"),
    ("https://h/A/b", "https://h/a/b"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_repository(one, other):
    assert parse(one).same_repository(parse(other))
    assert parse(other).same_repository(parse(one))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_repositories(one, other):
    assert not parse(one).same_repository(parse(other))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ssh://git@ssh.dev.azure.com:v3/acme/data/dags", "write git@ssh.dev.azure.com:v3/acme/data/dags"),
        ("https://github.com:acme/x.git", "write https://github.com/acme/x.git"),
        ("ssh://github.com:acme/x.git", "write git@github.com:acme/x.git"),
        ("https://h:99999/a/b", "has the port 99999"),
        ("https://h:0/a/b", "has the port 0"),
        ("https://h:-1/a/b", "has the port -1, which does not exist"),
        ("https://h:٣/a/b", "has the port ٣, which does not exist"),
        ("https://[::1]:acme/x.git", "write https://[::1]/acme/x.git"),
        ("ssh://git@[::1]:v3/a/b", "write git@[::1]:v3/a/b"),
        ("https://[h]/a/b", "has brackets around a host that is not an IPv6 address"),
        ("https://[fe80::1%25eth0]/a/b", "has an IPv6 address with a zone"),
        ("https://[::1/a/b", "has a host that cannot be read"),
        ("https://h:1:2/a", "has a host that cannot be read"),
        ("ssh://-oProxyCommand=x/a", "has a host that cannot be read"),
        ("git@h:-x", "names no repository"),
        ("https://h", "names no repository"),
        ("../dbt.git", "is the relative address '../dbt.git'"),
        ("/srv/git/x", "is the relative address"),
        ("C:/repos/x", "is not a Git URL"),
        ("codecommit::eu-west-1://dbt", "git-codecommit.<region>"),
        ("file:///srv/x", "not a Git URL that agents can fetch"),
        ("ext::sh -c x", "contains a space"),
        ("https://h/a?b=c", "has a query or a fragment"),
        ("https://h/a b", "contains a space"),
        ("https://hö.example/a/b", "has a host with other than ASCII letters"),
        ("", "is not a Git URL"),
        ("HTTPS://h/a", "write it in lowercase"),
    ],
)
def test_the_sentence_when_it_cannot_be_read(text, says):
    with pytest.raises(AddressError) as raised:
        parse(text)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("ssh://git@git.corp/srv/git/dags.git", "/srv/git/dags.git"),
        ("git@git.corp:/srv/git/dags.git", "/srv/git/dags.git"),
        ("git@git.corp:a/dags.git", "a/dags.git"),
        ("ssh://git@git.corp/~git/dags.git", "~git/dags.git"),
    ],
)
def test_an_absolute_path_over_ssh_keeps_its_leading_slash(text, path):
    assert parse(text).path == path
    assert parse(text).at_alias("key").endswith(f"@key:{path}")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("https://acme@dev.azure.com/acme/data/_git/dbt", False),
        ("https://acme:pw@dev.azure.com/acme/data/_git/dbt", True),
        ("https://ghp_0123456789abcdef@github.com/a/b", True),
        ("https://x-access-token@github.com/a/b", False),
        (f"https://{'a1' * 26}@dev.azure.com/acme/data/_git/dbt", True),
        ("ssh://git:pw@h/a", True),
        ("git@h:a/b", False),
    ],
)
def test_a_user_alone_is_not_a_credential(text, secret):
    found = parse(text)
    assert found.carries_credentials is secret
    assert "pw" not in repr(found)
    assert "ghp_" not in repr(found)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://u:p@h/a", "https://h/a"),
        ("https://u:p/w@h/a", "https://h/a"),
        ("https://h:8443/a@b", "https://h:8443/a@b"),
        ("ssh://git:pw@h/a", "ssh://git@h/a"),
        ("git@h:a/b", "git@h:a/b"),
        ("https://u:p@[::1/a", "https://[::1/a"),
    ],
)
def test_nothing_secret_is_shown(text, shown):
    assert redacted(text) == shown


@pytest.mark.parametrize(
    ("parent", "text", "meant"),
    [
        ("https://h/a/jaffle.git", "../macros.git", "https://h/a/macros.git"),
        ("git@h:a/jaffle.git", "../macros.git", "git@h:a/macros.git"),
        ("git@h:/srv/a.git", "../b.git", "git@h:/srv/b.git"),
        ("git@h:a/b.git", "../../c.git", "git@h:c.git"),
        ("https://h:8443/a/b/", "./c", "https://h:8443/a/b/c"),
        ("https://h/a/b", "https://i/c", "https://i/c"),
    ],
)
def test_a_relative_address_is_resolved_as_git_does(parent, text, meant):
    assert str(parse(parent).resolve(text)) == meant


def test_more_steps_up_than_there_are_folders():
    with pytest.raises(AddressError, match="leads above h"):
        parse("https://h/a").resolve("../../b")


def test_spellings_do_not_reach_into_repositories_that_begin_alike():
    assert all(text.endswith(".git") for text in parse("git@h:a/dbt.git").spellings())
    assert "git@h:a/dbt" in parse("git@h:a/dbt").spellings()
