"""Claims: who is a claimant, and that a file under another's digest misleads nobody but its sender."""

from __future__ import annotations

import time

import pytest

from extractor_service.serving.sessions.claims import LEAST_SECRET_CHARS, claim_of
from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract_client.render import cache_status_name
from metaextract_client.session_options import _LEAST_CHARS
from service_runtime.errors import InvalidRequestError
from service_runtime.identity.principal import Principal
from service_runtime.telemetry import CallContext
from tests.faults.poisoning import CASES, Liar
from tests.support.processes import start_cache, start_extractor

SECRET = "s" * 32
DIGEST = "b3:" + "0" * 64


def claim(principal=None, tenant="default", **offer):
    call = CallContext("", None, tenant, principal) if principal else CallContext("", None, tenant)
    return claim_of(pb.SessionOffer(**offer), call)


def test_a_claimant_is_a_secret_or_a_principal():
    alice, bob = Principal("alice", "acme"), Principal("bob", "acme")
    spaces = [
        claim(client_id=SECRET, digest=DIGEST).space,
        claim(client_id=SECRET + "x", digest=DIGEST).space,
        claim(client_id=SECRET, digest=DIGEST, tenant="acme").space,
        claim(alice, "acme", digest=DIGEST).space,
        claim(bob, "acme", digest=DIGEST).space,
        claim(alice, "acme", digest=DIGEST, client_id="laptop").space,
        claim(alice, "acme", digest=DIGEST, client_id=SECRET).space,
    ]
    assert all(spaces) and len(set(spaces)) == len(spaces)
    assert claim(alice, "acme", version="v").space == claim(alice, "acme", digest=DIGEST).space


def test_a_name_is_no_secret():
    for client_id in ("", "host:user", "s" * 31):
        known = claim(client_id=client_id, digest=DIGEST)
        assert known.space == "" and known.alias is None and known.blocks_key == ""
    assert claim(client_id="host:user", version="v") is None
    with pytest.raises(InvalidRequestError):
        claim(version="v")
    assert LEAST_SECRET_CHARS == _LEAST_CHARS


@pytest.fixture(scope="module")
def liar(tmp_path_factory):
    folder = tmp_path_factory.mktemp("liar")
    with start_cache(folder / "cache") as cache, start_extractor(cache.address) as extractor:
        found = Liar(folder, extractor.address)
        yield found
        found.close()


@pytest.mark.servers
@pytest.mark.parametrize("case", CASES)
def test_a_file_under_another_s_digest_misleads_nobody(liar, case):
    lie, ask = CASES[case]
    truth = liar.offer(liar.victim).document.common.device_model
    assert truth != liar.offer(liar.liar, digest=liar.digest, **lie).document.common.device_model
    time.sleep(0.3)  # blocks are kept in the background
    assert liar.offer(liar.victim, digest=liar.digest, **ask).document.common.device_model == truth


@pytest.mark.servers
def test_what_was_verified_is_found_by_its_digest_alone_and_a_lie_of_its_size_isn_t_believed(liar):
    first = liar.whole(liar.victim)
    again = liar.offer(liar.liar, digest=liar.digest)  # it isn't even read
    assert again.info.moved_bytes == 0 and again.info.content_id == liar.digest
    assert again.document.common.device_model == first.document.common.device_model
    assert cache_status_name(again.info.cache_status) == "HIT"
    shorter = liar.victim.with_name("shorter.jpg")
    shorter.write_bytes(liar.victim.read_bytes()[:-1])
    assert liar.offer(shorter, digest=liar.digest).info.moved_bytes > 0
