"""The access file: what it says, and that nothing wrong in it is passed over."""

from __future__ import annotations

import pytest

from service_runtime.identity.access_file import NO_QUOTA, InvalidAccessFileError, Quota, read_access_file
from service_runtime.identity.principal import Role

GOOD = """
[[peer]]
spiffe = "spiffe://example.org/extractor"
roles = ["results"]
tenant = "*"
[[peer]]
spiffe = "spiffe://example.org/users/*"
roles = ["extract"]
tenant = "acme"
plan = "premium"
[[peer]]
spiffe = "spiffe://example.org/envoy"
roles = ["extract"]
proxy = true
[quota]
requests_per_minute = 60
[quota.tenant.acme]
stored_bytes = 1000
guaranteed_ratio = 0.25
"""


def read(tmp_path, text):
    path = tmp_path / "access.toml"
    path.write_text(text)
    return read_access_file(str(path))


def test_a_certificate_s_uri_leads_to_its_peer(tmp_path):
    access = read(tmp_path, GOOD)
    extractor = access.peer("spiffe://example.org/extractor")
    assert extractor.roles == {Role.RESULTS, Role.OBSERVE} and extractor.is_of_all and not extractor.is_proxy
    alice = access.peer("spiffe://example.org/users/alice")
    assert (alice.subject, alice.tenant, alice.plan) == (
        "spiffe://example.org/users/alice",
        "acme",
        "premium",
    )
    assert access.peer("spiffe://example.org/envoy").is_proxy
    for stranger in (
        "spiffe://example.org/extractor/x", "spiffe://example.org/users", "spiffe://evil.org/extractor", "",
        "spiffe://example.org/usersX/alice", "spiffe://example.org/users/../envoy", "spiffe://example.org/users/.",
        "spiffe://example.org/users/a/./b",
    ):  # fmt: skip
        assert access.peer(stranger) is None


def test_a_tenant_s_own_quota_replaces_that_of_all(tmp_path):
    access = read(tmp_path, GOOD)
    assert access.quota_of("acme") == Quota(stored_bytes=1000, guaranteed_ratio=0.25)
    assert access.quota_of("other") == Quota(requests_per_minute=60)
    assert read_access_file("").quota_of("anybody") is NO_QUOTA


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[peer]", "access.toml"),
        ("[peers]", "unknown"),
        ("[[peer]]\nroles = ['extract']", "spiffe"),
        ("[[peer]]\nspiffe = 'https://x'", "spiffe"),
        ("[[peer]]\nspiffe = 'spiffe://x'\nroles = ['root']", "roles"),
        ("[[peer]]\nspiffe = 'spiffe://x'\nroles = 'admin'", "roles"),
        ("[[peer]]\nspiffe = 'spiffe://x'\nrole = ['admin']", "unknown"),
        ("[[peer]]\nspiffe = 'spiffe://x'\ntenant = 'a/b'", "tenant"),
        ("[[peer]]\nspiffe = 'spiffe://x'\nproxy = 'yes'", "proxy"),
        ("[quota]\nrequests_per_minute = -1", "requests_per_minute"),
        ("[quota]\nrequests_per_minute = true", "requests_per_minute"),
        ("[quota]\nrequests = 1", "unknown"),
        ("[quota]\nguaranteed_ratio = 0.9", "guaranteed_ratio"),
        ("[quota]\nstored_bytes = inf", "stored_bytes"),
        ("[quota.tenant.'a/b']\nstored_bytes = 1", "a/b"),
        ("peer = 3", "access.toml"),
    ],
)
def test_what_isn_t_known_is_refused(tmp_path, text, message):
    with pytest.raises(InvalidAccessFileError, match=message):
        read(tmp_path, text)


def test_a_file_that_isn_t_there_is_refused(tmp_path):
    with pytest.raises(InvalidAccessFileError):
        read_access_file(str(tmp_path / "none.toml"))
