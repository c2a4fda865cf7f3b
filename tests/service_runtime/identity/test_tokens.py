"""Tokens: what a good one says, and every way that a bad one has been got in elsewhere (RFC 8725)."""

from __future__ import annotations

import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from service_runtime.identity.key_sets import KeySet, KeysUnavailableError, parse
from service_runtime.identity.principal import Role
from service_runtime.identity.tokens import BadTokenError, ExpiredTokenError, TokenVerifier

ISSUER, AUDIENCE = "https://issuer.example", "metaextract"
RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PUBLIC_PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwk(algorithm, key, kid, **more):
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more}


KEYS = [
    jwk(RSAAlgorithm, RSA, "rsa", use="sig", alg="RS256"),
    jwk(ECAlgorithm, EC, "ec"),
    jwk(OKPAlgorithm, ED, "ed"),
]


def claims(**changes):
    now = time.time()
    said = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "tenant": "acme", "roles": ["extract"], "plan": "premium",
        "exp": now + 60, "iat": now - 1, "nbf": now - 1, **changes,
    }  # fmt: skip
    return {key: value for key, value in said.items() if value is not None}


def token(key=RSA, algorithm="RS256", kid="rsa", headers=(), **changes):
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers={"kid": kid, **dict(headers)})


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": KEYS}))
    found = KeySet(str(path), refresh_seconds=60)
    found.load()
    return found


@pytest.fixture
def verifier(keys):
    return TokenVerifier(keys, ISSUER, AUDIENCE, ("RS256", "ES256", "EdDSA"))


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(RSA, "RS256", "rsa"), (EC, "ES256", "ec"), (ED, "EdDSA", "ed")]
)
async def test_a_good_token_says_who_its_bearer_is(verifier, key, algorithm, kid):
    presented = token(key, algorithm, kid)
    principal = await verifier.verify(presented)
    assert principal.subject == "alice" and principal.tenant == "acme" and principal.plan == "premium"
    assert principal.roles == {Role.EXTRACT}
    assert verifier.recall(presented) == principal


def unsigned(header, **changes):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part(header)}.{part(claims(**changes))}."


def signed_with_the_public_key():
    """HS256 with the RSA key's public half as the secret: PyJWT refuses to make it, an attacker doesn't."""
    import hashlib
    import hmac

    body = unsigned({"alg": "HS256", "kid": "rsa", "typ": "JWT"})[:-1]
    mac = hmac.new(PUBLIC_PEM, body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


BAD = {
    "alg none": unsigned({"alg": "none", "kid": "rsa"}),
    "alg None": unsigned({"alg": "None", "kid": "rsa"}),
    "HS256 with the public key": signed_with_the_public_key(),
    "an algorithm that isn't named": token(RSA, "RS512"),
    "another key under this kid": token(OTHER_RSA),
    "kid of another key": token(RSA, kid="ec"),
    "EC token under the RSA kid": token(EC, "ES256", "rsa"),
    "unknown kid": token(kid="nobody"),
    "kid as a path": token(kid="../../../../dev/null"),
    "kid as SQL": token(kid="x' UNION SELECT 'k"),
    "no kid": jwt.encode(claims(), RSA, algorithm="RS256"),
    "a key of its own in the header": token(
        OTHER_RSA, headers={"jwk": jwk(RSAAlgorithm, OTHER_RSA, "rsa")}.items()
    ),
    "a key set of its own": token(OTHER_RSA, headers={"jku": "https://evil.example/keys"}.items()),
    "critical headers": token(headers={"crit": ["exp"], "exp": 1}.items()),
    "no exp": token(exp=None),
    "exp isn't a number": token(exp="soon")
    if False
    else unsigned({"alg": "RS256", "kid": "rsa"}, exp="soon"),
    "nbf tomorrow": token(nbf=time.time() + 86_400),
    "iat tomorrow": token(iat=time.time() + 86_400),
    "another issuer": token(iss="https://evil.example"),
    "no issuer": token(iss=None),
    "another audience": token(aud="billing"),
    "no audience": token(aud=None),
    "no subject": token(sub=None),
    "an empty subject": token(sub=""),
    "no tenant": token(tenant=None),
    "a tenant with a slash": token(tenant="acme/claimed"),
    "a tenant with a line end": token(tenant="acme\nverified"),
    "a long tenant": token(tenant="a" * 64),
    "a tenant that is a list": token(tenant=["acme"]),
    "a changed payload": token()[:-1].rsplit(".", 1)[0] + "." + token().rsplit(".", 1)[1],
    "no token": "",
    "two dots": "..",
    "bytes": "\x00\xff.\x00.\x00",
    "huge": "a" * 9000,
    "deep": base64.urlsafe_b64encode(b"[" * 5000).decode() + ".e30.x",
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_token_proves_nothing(verifier, kind):
    with pytest.raises(BadTokenError):
        await verifier.verify(BAD[kind])
    assert verifier.recall(BAD[kind]) is None


async def test_an_expired_token_is_told_apart_also_when_it_was_remembered(keys):
    now = [time.time()]
    verifier = TokenVerifier(keys, ISSUER, AUDIENCE, ("RS256",), clock=lambda: now[0])
    presented = token()
    await verifier.verify(presented)
    now[0] += 61
    assert verifier.recall(presented) is None
    with pytest.raises(ExpiredTokenError):
        await verifier.verify(token(exp=time.time() - 60))


async def test_what_was_verified_is_verified_again_when_the_keys_change(tmp_path, keys, verifier):
    presented = token()
    await verifier.verify(presented)
    time.sleep(0.25)  # the file is looked at every 0.2 s
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [KEYS[1]]}))
    assert verifier.recall(presented) is None
    with pytest.raises(BadTokenError):
        await verifier.verify(presented)


@given(st.text(max_size=200))
def test_any_text_is_refused_in_an_orderly_way(text):
    import asyncio

    keys = KeySet("/nonexistent", refresh_seconds=60)
    verifier = TokenVerifier(keys, ISSUER, AUDIENCE, ("RS256",))
    with pytest.raises((BadTokenError, KeysUnavailableError)):
        asyncio.run(verifier.verify(text))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    )
)
def test_roles_and_plan_may_be_anything_and_grant_nothing_then(value):
    from service_runtime.identity.tokens import _principal

    principal = _principal({"sub": "a", "tenant": "t", "roles": value, "plan": value, "exp": 1})
    assert principal.roles <= set(Role) and isinstance(principal.plan, str)


ODD = [
    {"kty": []}, {"kty": "RSA", "kid": "odd"}, {"kty": "RSA", "kid": "odd", "alg": "none", "n": 3, "e": {}},
    {"kty": "EC", "crv": "P-0", "x": "", "y": "", "kid": "odd"}, {"kty": "OKP", "crv": [], "kid": "odd"}, [], None,
]  # fmt: skip


def test_only_public_asymmetric_keys_with_one_meaning_are_used():
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "hmac", "alg": "HS256"}
    small = jwk(RSAAlgorithm, rsa.generate_private_key(65537, 1024), "small")
    for_encryption = {**KEYS[0], "kid": "enc", "use": "enc"}
    nameless = {key: value for key, value in KEYS[0].items() if key != "kid"}
    twice = [{**KEYS[1], "kid": "twice"}, {**KEYS[2], "kid": "twice"}]
    found = parse(
        json.dumps({"keys": [secret, small, for_encryption, nameless, *twice, *KEYS, 7, {}, *ODD]}).encode()
    )
    assert set(found) == {"rsa", "ec", "ed"}
    for text in (b"", b"[]", b"{}", b'{"keys": 3}', b'{"keys": []}', json.dumps({"keys": [secret]}).encode()):
        with pytest.raises(ValueError, match=r"[Kk]ey"):
            parse(text)
