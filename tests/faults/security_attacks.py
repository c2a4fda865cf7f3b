"""Attempts on a pair with identities, and what each got: all refused, by a typed status, with nothing of anybody in it.

The pair runs by TLS with tokens; `acme` is the victim, `evil` a tenant of its own, `nobody` has no token at all.
"""

from __future__ import annotations

import base64
import contextlib
import json
import tempfile
import time
from pathlib import Path

import grpc
from blake3 import blake3

from metaextract.cache.v1 import (
    admin_pb2,
    admin_pb2_grpc,
    chunk_pb2,
    chunk_pb2_grpc,
    pressure_pb2,
    result_pb2,
    result_pb2_grpc,
)
from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract.extractor.v1 import extractor_pb2_grpc
from metaextract_client.cli.development import AUDIENCE, ISSUER, Claims
from metaextract_client.errors import from_rpc_error
from metaextract_client.session_options import SessionOptions
from metaextract_client.session_state import SessionFile, SessionState, run_session
from tests.faults import poisoning
from tests.support.evidence import Evidence
from tests.support.identities import Realm
from tests.support.processes import start_cache, start_extractor

MARK = b"acme's secret file 5e884898da28047151d0e56f8dc62927"
_TENANT_HEADER = ("x-metaextract-tenant", "acme")
UNKNOWN, FORBIDDEN, INVALID, MISSING = "UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT", "NOT_FOUND"


def record(evidence: Evidence, attempt: str, got: str, *, is_refused: bool) -> None:
    print(f"  {'refused' if is_refused else 'NOT REFUSED':<12} {attempt:<70} {got}")
    evidence.single(attempt, "refused", "yes", int(is_refused), "== 1")


class Attacks:
    """The stubs, and what each attempt got."""

    def __init__(self, evidence: Evidence, realm: Realm, extractor: str, cache: str) -> None:
        self._evidence = evidence
        self._realm = realm
        root = grpc.ssl_channel_credentials((realm.folder / "ca.pem").read_bytes())
        self._channels = [grpc.secure_channel(address, root) for address in (extractor, cache)]
        self.extractor = extractor_pb2_grpc.ExtractorServiceStub(self._channels[0])
        self.results = result_pb2_grpc.ResultServiceStub(self._channels[1])
        self.chunks = chunk_pb2_grpc.ChunkServiceStub(self._channels[1])
        self.admin = admin_pb2_grpc.CacheAdminServiceStub(self._channels[1])

    def close(self) -> None:
        for channel in self._channels:
            channel.close()

    def refused(self, attempt: str, code: str, call) -> None:
        """Makes the attempt; it has to fail with that status, a reason, and no word of acme's file."""
        got, leaks = "OK", False
        try:
            answer = call()
            if hasattr(answer, "__next__"):
                answer = next(answer)
            leaks = MARK in answer.SerializeToString()
        except grpc.RpcError as error:
            known = from_rpc_error(error)
            got = f"{known.code.name} {known.reason}"
            leaks = MARK.decode() in str(error) or "Traceback" in str(error)
        self.record(attempt, got, is_refused=got.startswith(code) and got != code and not leaks)

    def record(self, attempt: str, got: str, *, is_refused: bool) -> None:
        record(self._evidence, attempt, got, is_refused=is_refused)

    def with_token(self, token: str):
        return [("authorization", f"Bearer {token}")]


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        realm = Realm(Path(folder) / "realm")
        settings = {**realm.tls(), **realm.tokens()}
        cache = stack.enter_context(start_cache(Path(folder) / "cache", **settings))
        extractor = stack.enter_context(start_extractor(cache.address, **settings))
        attacks = Attacks(evidence, realm, extractor.address, cache.address)
        stack.callback(attacks.close)
        digest = _victim(attacks, realm)
        print()
        _tokens(attacks, realm, folder)
        _roles(attacks, realm)
        _tenants(attacks, realm, digest)
        _levels_and_leases(attacks, realm)
        log = "\n".join(extractor.log + cache.log)
        is_clean = not any(word in log for word in (MARK.decode(), "Bearer", "eyJ", "PRIVATE KEY"))
        evidence.single("logs of both services", "without tokens, keys or contents", "yes", is_clean, "== 1")
    with tempfile.TemporaryDirectory() as folder:
        for attempt, got, is_refused in poisoning.attempts(Path(folder)):
            record(evidence, attempt, got, is_refused=is_refused)
    return evidence


def _victim(attacks: Attacks, realm: Realm) -> str:
    """acme has a file described, and its content is stored."""
    data = b"SIMPLE  =                    T" + MARK + bytes(5000)
    request = pb.ExtractRequest(inline=pb.InlineSource(data=data, name="acme.fits"))
    attacks.extractor.Extract(request, metadata=realm.metadata("acme"))

    def parts():
        yield pb.ExtractUploadRequest(header=pb.UploadHeader(name="acme.fits"))
        yield pb.ExtractUploadRequest(data=data)

    attacks.extractor.ExtractUpload(parts(), metadata=realm.metadata("acme"))
    digest = f"b3:{blake3(data).hexdigest()}"
    deadline = time.monotonic() + 5
    while True:  # it is kept in the background
        with contextlib.suppress(grpc.RpcError):
            attacks.extractor.Extract(pb.ExtractRequest(digest=digest), metadata=realm.metadata("acme"))
            return digest
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _forged(realm: Realm, header: dict, changes: dict, *, key=None, algorithm="ES256") -> str:
    import jwt

    now = int(time.time())
    said = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "eve", "tenant": "acme", "roles": ["extract", "admin"],
        "iat": now, "exp": now + 60, **changes,
    }  # fmt: skip
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(
        said, key or realm.issuer._key, algorithm=algorithm, headers={"kid": realm.issuer.key_id, **header}
    )


def _unsigned(kid: str) -> str:
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    now = int(time.time())
    said = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "eve",
        "tenant": "acme",
        "roles": ["admin"],
        "exp": now + 60,
    }
    return f"{part({'alg': 'none', 'kid': kid})}.{part(said)}."


def _hmac_with_the_public_key(realm: Realm) -> str:
    import hashlib
    import hmac

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = realm.issuer._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": realm.issuer.key_id}).encode())
    body = header.rstrip(b"=").decode() + "." + _unsigned("").split(".")[1]
    mac = hmac.new(public, body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _tokens(attacks: Attacks, realm: Realm, folder: str) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    capabilities = pb.GetCapabilitiesRequest()
    mine = ec.generate_private_key(ec.SECP256R1())
    other = Realm(Path(folder) / "other realm").issuer
    good = realm.token("evil")
    head, body, signature = good.split(".")
    raised = json.loads(base64.urlsafe_b64decode(body + "=="))
    raised |= {"plan": "super", "roles": ["admin", "results", "extract"], "tenant": "*"}
    escalated = base64.urlsafe_b64encode(json.dumps(raised).encode()).rstrip(b"=").decode()
    attempts = {
        "no token": None,
        "an expired token": _forged(realm, {}, {"exp": int(time.time()) - 60}),
        "a token for another audience": _forged(realm, {}, {"aud": "billing"}),
        "a token of another issuer": _forged(realm, {}, {"iss": "https://evil.example"}),
        "a token without exp": _forged(realm, {}, {"exp": None}),
        "a token that is good from tomorrow on": _forged(realm, {}, {"nbf": int(time.time()) + 86_400}),
        "alg=none": _unsigned(realm.issuer.key_id),
        "HS256 with the public key as the secret": _hmac_with_the_public_key(realm),
        "a key of one's own under the issuer's kid": _forged(realm, {}, {}, key=mine),
        "a kid that isn't in the set": other.token(Claims("eve", "acme", ["admin"])),
        "a kid that is a path": _forged(realm, {"kid": "../../../../dev/null"}, {}, key=mine),
        "a jku header that names one's own keys": _forged(
            realm, {"jku": "https://evil.example"}, {}, key=mine
        ),
        "plan and roles raised in a signed token": f"{head}.{escalated}.{signature}",
        "a tenant that holds a path": _forged(realm, {}, {"tenant": "acme/../evil"}),
    }
    for attempt, token in attempts.items():
        metadata = attacks.with_token(token) if token is not None else []
        attacks.refused(
            attempt,
            UNKNOWN,
            lambda metadata=metadata: attacks.extractor.GetCapabilities(capabilities, metadata=metadata),
        )
    raised_by_headers = [
        *realm.metadata("evil"),
        ("x-metaextract-plan", "super"),
        ("x-metaextract-subject", "root"),
    ]
    attacks.refused(
        "admin by headers of a client", FORBIDDEN,
        lambda: attacks.admin.ClearCache(admin_pb2.ClearCacheRequest(), metadata=raised_by_headers),
    )  # fmt: skip


def _key(tenant: str, content: str = "b3:x", module: str = "metadata") -> result_pb2.ResultKey:
    return result_pb2.ResultKey(space=f"verified/{tenant}", content_id=content, module=module, version="1")


def _roles(attacks: Attacks, realm: Realm) -> None:
    """What only an extractor, or an operator, may do; asked by a client with a good token."""
    client = realm.metadata("evil", "extract")
    entry = result_pb2.ResultEntry(key=_key("acme"), value=b"forged")
    strikes = result_pb2.ResultEntry(key=_key("acme", module="strikes"), value=b'[9, 7, "forged", 0.0, 30.0]')
    group = result_pb2.ResultGroup(keys=[_key("acme")])
    start = chunk_pb2.UploadChunksRequest(start=chunk_pb2.UploadStart())
    results, chunks, admin = attacks.results, attacks.chunks, attacks.admin
    for attempt, call in {
        "a forged result by a client": lambda: results.PutResult(
            result_pb2.PutResultRequest(entry=entry), metadata=client
        ),
        "forged strikes against a file": lambda: results.PutResult(
            result_pb2.PutResultRequest(entry=strikes), metadata=client
        ),
        "reading a result past the extractor": lambda: results.GetResult(
            result_pb2.GetResultRequest(key=_key("acme")), metadata=client
        ),
        "a lease by a client": lambda: results.AcquireResult(
            result_pb2.AcquireResultRequest(groups=[group]), metadata=client
        ),
        "reading chunks by a client": lambda: chunks.ReadBlob(
            chunk_pb2.ReadBlobRequest(digest="b3:" + "0" * 64), metadata=client
        ),
        "writing chunks by a client": lambda: chunks.UploadChunks(iter([start]), metadata=client),
        "watching invalidations by a client": lambda: results.WatchInvalidations(
            result_pb2.WatchInvalidationsRequest(), metadata=client
        ),
        "invalidation by a client": lambda: results.InvalidateResults(
            result_pb2.InvalidateResultsRequest(module="metadata"), metadata=client
        ),
        "listing entries by a client": lambda: admin.ListEntries(
            admin_pb2.ListEntriesRequest(), metadata=client
        ),
        "clearing the cache by a client": lambda: admin.ClearCache(
            admin_pb2.ClearCacheRequest(), metadata=client
        ),
        "a pressure level by a client": lambda: admin.SetPressureOverride(
            admin_pb2.SetPressureOverrideRequest(level=pressure_pb2.PRESSURE_LEVEL_CRITICAL), metadata=client
        ),
        "erasing a tenant by a client": lambda: admin.EraseTenant(
            admin_pb2.EraseTenantRequest(tenant="acme"), metadata=client
        ),
        "extraction by an operator's token": lambda: attacks.extractor.GetCapabilities(
            pb.GetCapabilitiesRequest(), metadata=realm.metadata("evil", "admin")
        ),
    }.items():
        attacks.refused(attempt, FORBIDDEN, call)
    attacks.refused("the cache without a token", UNKNOWN, lambda: admin.GetStats(admin_pb2.GetStatsRequest()))


def _tenants(attacks: Attacks, realm: Realm, digest: str) -> None:
    """What `evil` gets of what `acme` has."""
    client = realm.metadata("evil")
    lying = [*client, _TENANT_HEADER]
    attacks.refused(
        "acme's content by its digest", MISSING,
        lambda: attacks.extractor.Extract(pb.ExtractRequest(digest=digest), metadata=client),
    )  # fmt: skip
    attacks.refused(
        "the same with acme's name in the tenant header", MISSING,
        lambda: attacks.extractor.Extract(pb.ExtractRequest(digest=digest), metadata=lying),
    )  # fmt: skip
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(2 * 2**20))
        file.flush()
        with open(file.name, "rb") as opened:  # noqa: PTH123
            state = SessionState(SessionFile(opened, "x"), None, SessionOptions(digest=digest))
            run_session(state, lambda parts: attacks.extractor.ExtractSession(parts, metadata=lying))
        moved = state.result.info.moved_bytes
        attacks.record("an early hit by acme's digest", f"{moved} bytes had to be sent", is_refused=moved > 0)
    admin, own = realm.metadata("evil", "admin"), realm.metadata("evil", "results")
    for attempt, call in {
        "erasing acme by evil's admin": lambda: attacks.admin.EraseTenant(
            admin_pb2.EraseTenantRequest(tenant="acme"), metadata=admin
        ),
        "describing acme's entry by evil's admin": lambda: attacks.admin.DescribeEntry(
            admin_pb2.DescribeEntryRequest(key=_key("acme")), metadata=admin
        ),
        "warming acme's keys by evil's admin": lambda: attacks.admin.WarmCache(
            admin_pb2.WarmCacheRequest(keys=[_key("acme")]), metadata=admin
        ),
        "invalidating acme's results by evil's admin": lambda: attacks.results.InvalidateResults(
            result_pb2.InvalidateResultsRequest(module="metadata", tenant="acme"), metadata=admin
        ),
        "a pressure level by one tenant's admin": lambda: attacks.admin.SetPressureOverride(
            admin_pb2.SetPressureOverrideRequest(level=pressure_pb2.PRESSURE_LEVEL_CRITICAL), metadata=admin
        ),
        "thresholds by one tenant's admin": lambda: attacks.admin.SetPressureThresholds(
            admin_pb2.SetPressureThresholdsRequest(elevated_ratio=0.1, high_ratio=0.2, critical_ratio=0.3),
            metadata=admin,
        ),
        "acme's results by evil's own extractor": lambda: attacks.results.GetResult(
            result_pb2.GetResultRequest(key=_key("acme")), metadata=[*own, _TENANT_HEADER]
        ),
        "results for acme by evil's own extractor": lambda: attacks.results.PutResult(
            result_pb2.PutResultRequest(entry=result_pb2.ResultEntry(key=_key("acme"), value=b"x")),
            metadata=[*own, _TENANT_HEADER],
        ),
        "leases in acme's space by evil's own extractor": lambda: attacks.results.AcquireResult(
            result_pb2.AcquireResultRequest(groups=[result_pb2.ResultGroup(keys=[_key("acme")])]),
            metadata=[*own, _TENANT_HEADER],
        ),
    }.items():
        attacks.refused(attempt, FORBIDDEN, call)
    attacks.refused(
        "acme's chunks by evil's own extractor", MISSING,
        lambda: attacks.chunks.ReadBlob(
            chunk_pb2.ReadBlobRequest(digest=digest), metadata=[*own, _TENANT_HEADER]
        ),
    )  # fmt: skip
    listed = attacks.admin.ListEntries(admin_pb2.ListEntriesRequest(), metadata=admin).entries
    foreign = [each for each in listed if each.key.space.split("/")[1:2] != ["evil"]]
    attacks.record(
        "listing by evil's admin",
        f"{len(listed)} of its own, {len(foreign)} of others",
        is_refused=not foreign,
    )
    attacks.admin.ClearCache(admin_pb2.ClearCacheRequest(), metadata=admin)
    again = attacks.extractor.Extract(pb.ExtractRequest(digest=digest), metadata=realm.metadata("acme"))
    attacks.record(
        "clearing by evil's admin takes acme's", f"acme's file: outcome {again.document.outcome}",
        is_refused=again.info.cache_status == pb.CACHE_STATUS_HIT,
    )  # fmt: skip


def _levels_and_leases(attacks: Attacks, realm: Realm) -> None:
    """What even who may is refused."""
    extractor, admin = realm.metadata("*", "results"), realm.metadata("*", "admin")
    group = result_pb2.ResultGroup(keys=[_key("acme")])
    attacks.refused(
        "a lease of 300 s", INVALID,
        lambda: attacks.results.AcquireResult(
            result_pb2.AcquireResultRequest(groups=[group], lease_seconds=300), metadata=extractor
        ),
    )  # fmt: skip
    attacks.refused(
        "a pressure level of a day", INVALID,
        lambda: attacks.admin.SetPressureOverride(
            admin_pb2.SetPressureOverrideRequest(
                level=pressure_pb2.PRESSURE_LEVEL_CRITICAL, duration_seconds=86_400
            ),
            metadata=admin,
        ),
    )  # fmt: skip
    attacks.refused(
        "a tenant header that is none by an extractor", UNKNOWN,
        lambda: attacks.results.GetResult(
            result_pb2.GetResultRequest(key=_key("acme")),
            metadata=[*extractor, ("x-metaextract-tenant", "acme/claimed")],
        ),
    )  # fmt: skip
    attacks.refused(
        "two tenant headers by an extractor", UNKNOWN,
        lambda: attacks.results.GetResult(
            result_pb2.GetResultRequest(key=_key("acme")),
            metadata=[*extractor, _TENANT_HEADER, ("x-metaextract-tenant", "evil")],
        ),
    )  # fmt: skip
