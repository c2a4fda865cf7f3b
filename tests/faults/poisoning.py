"""A file offered under another's digest, at the extractor's public port with default settings: who is misled by it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import grpc
from blake3 import blake3

from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract.extractor.v1 import extractor_pb2_grpc
from metaextract_client.session_options import SessionOptions
from metaextract_client.session_state import SessionFile, SessionState, run_session
from tests.samples import PHOTOS
from tests.support.processes import start_cache, start_extractor

_SECRET = "0123456789abcdef" * 4
CASES = {
    "without a client_id": ({}, {}),
    "by a short client_id that both have": ({"client_id": "host:user"}, {"client_id": "host:user"}),
    "by a client_id of one's own": ({"client_id": _SECRET}, {}),
    "against who has a secret": ({"client_id": "guess" * 8}, {"client_id": _SECRET[::-1]}),
}
_DIGEST = pb.ExtractOptions(digests=[document_pb2.DIGEST_ALGORITHM_BLAKE3])


class Liar:
    """Two photographs of one size: the victim's, and what is sent under its digest."""

    def __init__(self, folder: Path, address: str) -> None:
        nikon = next(path for path in PHOTOS if "nikon" in path.name.lower())
        other = next(path for path in PHOTOS if path != nikon)
        self.victim, self.liar = folder / "victim.jpg", folder / "liar.jpg"
        size = 2 * 2**20
        for path, photo in ((self.victim, other), (self.liar, nikon)):
            path.write_bytes(photo.read_bytes().ljust(size, b"\0"))
        self.digest = f"b3:{blake3(self.victim.read_bytes()).hexdigest()}"
        self._channel = grpc.insecure_channel(address)
        self._stub = extractor_pb2_grpc.ExtractorServiceStub(self._channel)

    def offer(self, path: Path, options=None, **claim) -> pb.SessionResult:
        with path.open("rb") as file:
            state = SessionState(SessionFile(file, path.name), options, SessionOptions(**claim))
            run_session(state, self._stub.ExtractSession)
        return state.result

    def whole(self, path: Path) -> pb.SessionResult:
        """Sent whole, so that the server knows its digest."""
        return self.offer(path, _DIGEST)

    def close(self) -> None:
        self._channel.close()


def attempts(folder: Path) -> Iterator[tuple[str, str, bool]]:
    """Each attempt, what the victim got, and whether that was the truth."""
    with start_cache(folder / "cache") as cache, start_extractor(cache.address) as extractor:
        liar = Liar(folder, extractor.address)
        truth = liar.offer(liar.victim).document.common.device_model
        for case, (lie, ask) in CASES.items():
            liar.offer(liar.liar, digest=liar.digest, **lie)
            time.sleep(0.3)  # blocks are kept in the background
            got = liar.offer(liar.victim, digest=liar.digest, **ask)
            model = got.document.common.device_model
            yield (
                f"a file under another's digest, {case}",
                f"{model}, {got.info.moved_bytes} bytes sent",
                model == truth,
            )
        liar.whole(liar.victim)
        got = liar.offer(liar.liar, digest=liar.digest)
        model = got.document.common.device_model
        yield "a digest that was verified", f"{model}, {got.info.moved_bytes} bytes sent", model == truth
        liar.close()
