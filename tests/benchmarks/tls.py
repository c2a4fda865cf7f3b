"""What TLS, certificates of clients and tokens cost: a cached Extract and a whole upload, against the same in plaintext."""

from __future__ import annotations

import contextlib
import random
import statistics
import tempfile
from pathlib import Path

from metaextract.extractor.v1 import extractor_pb2
from metaextract_client import NEVER, ExtractorClient, Security
from metaextract_client.render import cache_status_name
from tests.benchmarks.bare_streams import BareStreams
from tests.benchmarks.rounds import add_latency_and_cpu, interleave
from tests.benchmarks.upload import _KEPT, _UNKEPT, MIB, throughput, write_file
from tests.samples import PHOTOS
from tests.support.evidence import Evidence
from tests.support.identities import SPIFFE, Realm
from tests.support.processes import start_cache, start_extractor

_CALLS = 500
_UPLOAD_BYTES = 512 * MIB
_PEERS = f"""
[[peer]]
spiffe = "{SPIFFE}/server"
roles = ["results"]
tenant = "*"
[[peer]]
spiffe = "{SPIFFE}/client"
roles = ["extract"]
"""


class Mode:
    """Settings of a pair, and what its client presents."""

    def __init__(
        self, realm: Realm, *, tls: bool = False, clients: bool = False, token: bool = False
    ) -> None:
        settings: dict[str, str] = {}
        self.security = Security()
        if tls:
            settings |= realm.tls(clients=clients)
            self.security = Security(tls_ca=str(realm.folder / "ca.pem"))
        if clients:
            settings["METAEXTRACT_ACCESS_FILE"] = realm.access_file(_PEERS)
            self.security = realm.certificate("client", f"{SPIFFE}/client")
        if token:
            settings |= realm.tokens()
            self.security = self.security._replace(token=realm.token())
        self.settings = settings


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder:
        realm = Realm(Path(folder) / "realm")
        _calls(evidence, Path(folder), realm)
        _uploads(evidence, Path(folder), realm)
    return evidence


def _calls(evidence: Evidence, folder: Path, realm: Realm) -> None:
    photo = next(path for path in PHOTOS if "FujiFilm" in path.name)
    request = extractor_pb2.ExtractRequest(
        inline=extractor_pb2.InlineSource(data=photo.read_bytes(), name=photo.name)
    )
    modes = {
        "plaintext": Mode(realm),
        "TLS": Mode(realm, tls=True),
        "mTLS": Mode(realm, tls=True, clients=True),
        "mTLS and a token": Mode(realm, tls=True, clients=True, token=True),
    }
    with contextlib.ExitStack() as stack:
        calls, pids = {}, {}
        for mode, how in modes.items():
            cache = stack.enter_context(start_cache(folder / mode, **how.settings))
            extractor = stack.enter_context(start_extractor(cache.address, **how.settings))
            stub = stack.enter_context(ExtractorClient(extractor.address, NEVER, how.security))._stub
            stub.Extract(request)
            assert cache_status_name(stub.Extract(request).info.cache_status) == "HIT"
            calls[mode] = lambda stub=stub: stub.Extract(request)
            pids[mode] = [extractor.pid, cache.pid]
        for mode, goal in (("TLS", 1.25), ("mTLS", 1.25), ("mTLS and a token", 1.4)):
            ours, plain = interleave(calls[mode], calls["plaintext"], _CALLS, pids[mode], pids["plaintext"])
            add_latency_and_cpu(
                evidence, f"cached Extract, {mode}", ours, plain, "plaintext", f"<= {goal}", f"<= {goal}"
            )


def _uploads(evidence: Evidence, folder: Path, realm: Realm) -> None:
    """How much of its speed an upload keeps by TLS, ours and a bare server's, all four in turn."""
    path = write_file(folder / "big.fits", _UPLOAD_BYTES)
    how = Mode(realm, tls=True)
    own, sealed = str(realm.folder), how.security
    with contextlib.ExitStack() as stack:

        def pair(settings, security):
            cache = stack.enter_context(start_cache(folder / f"cache {len(settings)}", **settings))
            extractor = stack.enter_context(
                start_extractor(cache.address, METAEXTRACT_SPOOL_DIRECTORY=str(folder), **settings)
            )
            return stack.enter_context(ExtractorClient(extractor.address, NEVER, security))._stub

        def bare(security, *arguments, tls=""):
            process = stack.enter_context(BareStreams(*arguments, tls=tls))
            return process.address, security

        ours = pair({}, Security()), pair(how.settings, sealed)
        stores = bare(None, "store", str(folder))[0], bare(None, "store", str(folder), tls=own)[0]
        for case, options, rounds, references in (
            (
                "512 MiB, retaining nothing",
                _UNKEPT,
                25,
                (bare(Security(), "sink"), bare(sealed, "sink", tls=own)),
            ),
            (
                "512 MiB, retaining chunks",
                _KEPT,
                11,
                (bare(Security(), "relay", stores[0]), bare(sealed, "relay", stores[1], tls=own)),
            ),
        ):
            bares = [stack.enter_context(ExtractorClient(at, NEVER, how))._stub for at, how in references]
            speeds = {key: [] for key in ("ours", "ours, TLS", "bare", "bare, TLS")}
            sides = list(zip(speeds, (*ours, *bares), strict=True))
            for number in range(rounds + 1):
                for key, stub in random.sample(sides, len(sides)):
                    _change(path, f"{number}{key}")
                    speed = throughput(stub, path, options)
                    if number:
                        speeds[key].append(speed)
            middle = {key: statistics.median(found) for key, found in speeds.items()}
            for key, speed in middle.items():
                evidence.single(case, f"throughput, {key}", "MiB/s", speed)
            # Of medians: a round's own ratio of four uploads, each off by half, says next to nothing.
            kept, bare_kept = middle["ours, TLS"] / middle["ours"], middle["bare, TLS"] / middle["bare"]
            evidence.paired(
                case, "speed kept by TLS", "", [kept], [bare_kept], "bare TLS / bare plaintext", ">= 0.9"
            )
            evidence.figures[-1].rounds = rounds


def _change(path: Path, seed: str) -> None:
    """Another content, or nothing would have to be written."""
    with path.open("r+b") as file:
        for offset in range(0, _UPLOAD_BYTES, MIB):
            file.seek(offset + 4096)
            file.write(seed.encode())
