"""The gate: who is let in where, and whose words in headers count."""

from __future__ import annotations

import pytest

from service_runtime.errors import (
    CallerUnknownError,
    RoleMissingError,
    TenantForbiddenError,
    TokenInvalidError,
)
from service_runtime.identity.access_file import AccessFile
from service_runtime.identity.gate import TWICE, Gate, tenant_of
from service_runtime.identity.principal import ANYBODY, NOBODY, Principal, Role, roles_of, tenant_of_space
from service_runtime.identity.roles import OPEN, ROLES

EXTRACT = "/metaextract.extractor.v1.ExtractorService/Extract"
PUT = "/metaextract.cache.v1.ResultService/PutResult"
CLEAR = "/metaextract.cache.v1.CacheAdminService/ClearCache"
STATS = "/metaextract.cache.v1.CacheAdminService/GetStats"
REFLECT = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
HEADER = "x-metaextract-tenant"
PEERS = AccessFile(
    peers=(
        ("spiffe://a/extractor", Principal("", "*", roles=roles_of(["results"]))),
        ("spiffe://a/tenant-extractor", Principal("", "acme", roles=roles_of(["results"]))),
        ("spiffe://a/user", Principal("", "acme", roles=roles_of(["extract"]))),
        ("spiffe://a/proxy", Principal("", "*", roles=roles_of(["extract"]), is_proxy=True)),
        ("spiffe://a/acme-proxy", Principal("", "acme", roles=roles_of(["extract", "admin"]), is_proxy=True)),
        ("spiffe://a/admin", Principal("", "acme", roles=roles_of(["admin"]))),
    )
)


def peer(name):
    return lambda: {"peer_spiffe_id": [f"spiffe://a/{name}".encode()]}


def nobody():
    return {}


def gate(**options):
    return Gate(None, PEERS, is_open=False, tenant_header=HEADER, **options)


async def test_without_identities_everybody_is_let_in_but_can_t_say_whose_call_it_is():
    opened = Gate(tenant_header=HEADER)
    assert await opened.admit(CLEAR, {HEADER: "acme"}, nobody) is ANYBODY
    assert tenant_of(ANYBODY) == "default"
    cache = Gate(tenant_header=HEADER, trusts_extractors=True)
    assert tenant_of(await cache.admit(PUT, {HEADER: "acme"}, nobody)) == "acme", "an extractor says so"


async def test_with_identities_everything_is_refused_that_no_role_allows():
    closed = gate()
    with pytest.raises(CallerUnknownError):
        await closed.admit(EXTRACT, {}, nobody)
    with pytest.raises(CallerUnknownError):
        await closed.admit(EXTRACT, {}, peer("stranger"))
    assert (await closed.admit(EXTRACT, {}, peer("user"))).tenant == "acme"
    for method in (PUT, CLEAR, STATS, "/metaextract.cache.v1.CacheAdminService/NewMethod", "/x.Y/Z"):
        with pytest.raises(RoleMissingError):
            await closed.admit(method, {}, peer("user"))
    for method in OPEN:
        assert await closed.admit(method, {}, nobody) is NOBODY
    assert await closed.admit(STATS, {}, peer("admin")), "who may change may see"
    with pytest.raises(RoleMissingError):
        await closed.admit(EXTRACT, {}, peer("admin"))


async def test_reflection_is_open_unless_it_is_closed():
    assert await gate().admit(REFLECT, {}, nobody) is NOBODY
    with pytest.raises(CallerUnknownError):
        await gate(opens_reflection=False).admit(REFLECT, {}, nobody)
    assert await gate(opens_reflection=False).admit(REFLECT, {}, peer("admin"))


async def test_a_tenant_header_counts_from_extractors_and_proxies_alone():
    cache = gate(trusts_extractors=True)
    assert (await cache.admit(PUT, {HEADER: "blue"}, peer("extractor"))).tenant == "blue"
    assert (await cache.admit(PUT, {}, peer("extractor"))).is_of_all
    assert (await cache.admit(PUT, {HEADER: "blue"}, peer("tenant-extractor"))).tenant == "acme"
    assert (await cache.admit(CLEAR, {HEADER: "blue"}, peer("admin"))).tenant == "acme"
    extractor = gate()
    assert (await extractor.admit(EXTRACT, {HEADER: "blue"}, peer("user"))).tenant == "acme"
    proxied = await extractor.admit(
        EXTRACT,
        {HEADER: "blue", "x-metaextract-subject": "bob", "x-metaextract-plan": "super"},
        peer("proxy"),
    )
    assert (proxied.subject, proxied.tenant, proxied.plan) == ("bob", "blue", "super")
    assert proxied.roles == {Role.EXTRACT}
    nameless = await extractor.admit(EXTRACT, {HEADER: "blue"}, peer("proxy"))
    assert nameless.subject == "", "its users can't be told apart: no claims"
    assert (await extractor.admit(CLEAR, {HEADER: "acme"}, peer("acme-proxy"))).tenant == "acme"
    with pytest.raises(TenantForbiddenError):
        await extractor.admit(CLEAR, {HEADER: "blue"}, peer("acme-proxy"))
    user = await extractor.admit(EXTRACT, {"x-metaextract-plan": "super"}, peer("user"))
    assert user.plan == "" and user.subject == "spiffe://a/user"


@pytest.mark.parametrize("name", ["a/b", "*", "a,b", "", TWICE, "a\nb", "x" * 64, "ä"])
async def test_a_header_that_can_t_be_a_tenant_is_refused(name):
    if name == "":
        assert (await gate().admit(EXTRACT, {HEADER: name}, peer("proxy"))).tenant == "*"
        return
    with pytest.raises(CallerUnknownError):
        await gate().admit(EXTRACT, {HEADER: name}, peer("proxy"))
    with pytest.raises(CallerUnknownError):
        await gate(trusts_extractors=True).admit(PUT, {HEADER: name}, peer("extractor"))


async def test_two_spiffe_uris_are_none():
    with pytest.raises(CallerUnknownError):
        await gate().admit(EXTRACT, {}, lambda: {"peer_spiffe_id": [b"spiffe://a/user", b"spiffe://a/admin"]})


async def test_a_token_where_none_are_configured_proves_nothing():
    with pytest.raises(CallerUnknownError):
        await gate().admit(EXTRACT, {"authorization": "Bearer x"}, nobody)


async def test_only_bearer_tokens_are_tokens():
    class Tokens:
        def recall(self, token):
            return None

        async def verify(self, token):
            raise AssertionError(token)

    closed = Gate(Tokens(), is_open=False)
    for text in ("Basic abc", "abc", "bearer"):
        with pytest.raises(TokenInvalidError):
            await closed.admit(EXTRACT, {"authorization": text}, peer("user"))


def test_a_space_says_whose_it_is():
    assert [tenant_of_space(space) for space in ("verified", "verified/a", "claimed/b/x", "batch/c", "/d")] == [
        "default", "a", "b", "c", "d",
    ]  # fmt: skip


def test_every_role_is_one_that_something_needs():
    assert set(ROLES.values()) == set(Role)
