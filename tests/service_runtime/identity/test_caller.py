import pytest

from service_runtime.identity.caller import EXEMPT, caller_of
from service_runtime.identity.principal import ANYBODY, DEFAULT_TENANT, Principal, Role


@pytest.mark.parametrize(
    ("peer", "caller"),
    [
        ("ipv4:10.0.0.1:5000", "ipv4:10.0.0.1"),
        ("ipv4:10.0.0.1:6000", "ipv4:10.0.0.1"),
        ("ipv6:%5B::1%5D:5000", "ipv6:::"),
        ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:1", "ipv6:2001:db8:1:2::"),
        ("ipv6:%5B2001:db8:1:2:9:9:9:9%5D:1", "ipv6:2001:db8:1:2::"),
        ("ipv6:%5B::ffff:10.0.0.1%5D:1", "ipv4:10.0.0.1"),
        ("unix:/run/a", "unix"),
        ("ipv6:nonsense:1", "ipv6:nonsense"),
        ("", "anybody"),
    ],
)
def test_strangers_are_told_apart_by_address(peer, caller):
    assert caller_of(ANYBODY, DEFAULT_TENANT, peer) == caller


def test_the_known_are_told_apart_by_name():
    someone = Principal("spiffe://a/app", DEFAULT_TENANT, roles=frozenset({Role.EXTRACT}))
    assert caller_of(someone, DEFAULT_TENANT, "ipv4:1.1.1.1:1") == "spiffe://a/app"
    assert caller_of(someone._replace(tenant="acme"), "acme", "ipv4:1.1.1.1:1") == "tenant:acme"


def test_ours_and_proxies_are_bound_by_nothing():
    extractor = Principal("spiffe://a/extractor", "*", roles=frozenset({Role.RESULTS}))
    proxy = Principal("", "acme", roles=frozenset({Role.EXTRACT}), is_proxy=True)
    assert caller_of(extractor, DEFAULT_TENANT, "") == caller_of(proxy, DEFAULT_TENANT, "") == EXEMPT
    assert caller_of(proxy, "acme", "") == "tenant:acme", "whom it speaks for"
    assert caller_of(proxy._replace(subject="ann"), DEFAULT_TENANT, "") == "ann"
    assert caller_of(ANYBODY, DEFAULT_TENANT, "ipv4:1.1.1.1:1") != EXEMPT, "though it has every role"
