"""Digests of pieces: each part can be told by itself."""

import pytest
from blake3 import blake3

from extractor_service.modules.pieces import piece_bytes
from tests.support.modules_run import run, values

KIB = 1024


@pytest.mark.parametrize(
    ("size", "length"),
    [(0, 256 * KIB), (1, 256 * KIB), (64 * KIB * KIB, 256 * KIB), (64 * KIB * KIB + 1, 512 * KIB), (5_000_000_000, 32 * KIB * KIB)],
)  # fmt: skip
def test_no_file_has_more_than_256_pieces(size, length):
    assert piece_bytes(size) == length and length * 256 >= size


@pytest.mark.parametrize("size", [0, 1, 256 * KIB, 256 * KIB + 1, 3 * 256 * KIB - 1])
def test_each_piece_has_its_digest(size):
    data = bytes(number * 7 % 251 for number in range(size))
    told = values(run(data, "piece_digests", name="a.bin"), "pieces")
    pieces = [data[at : at + 256 * KIB] for at in range(0, size, 256 * KIB)]
    assert told.get("PieceDigests", []) == [blake3(each).hexdigest() for each in pieces]
    assert (told["PieceSize"], told["PieceCount"], told["PieceAlgorithm"]) == (
        256 * KIB,
        len(pieces),
        "BLAKE3",
    )


def test_a_change_is_told_by_its_piece_alone():
    data = bytearray(1_000_000)
    before = values(run(bytes(data), "piece_digests"), "pieces")["PieceDigests"]
    data[600_000] = 1
    after = values(run(bytes(data), "piece_digests"), "pieces")["PieceDigests"]
    assert [number for number in range(4) if before[number] != after[number]] == [2]
