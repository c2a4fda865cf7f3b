"""Bombs that modules meet, not the readers: credentials, pixels, pages, words and charts."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.faults.bomb_parts import MIB, chunk, deflated, pdf, stream, zipped
from tests.golden import jumbf
from tests.tools import credentials, traces

if TYPE_CHECKING:
    from collections.abc import Callable


def _c2pa(signature: bytes) -> bytes:
    """A store whose claim, or signature, is that."""
    manifest = credentials.superbox(
        "c2ma", "urn:uuid:bomb",
        credentials.superbox("c2as", "c2pa.assertions"),
        credentials.superbox("c2cl", "c2pa.claim", jumbf.box(b"cbor", signature if len(signature) > 300_000 or signature[:1] == b"\x81" else jumbf.cbor({"alg": "sha256"}))),
        credentials.superbox("c2cs", "c2pa.signature", jumbf.box(b"cbor", jumbf.cbor((18, [b"", {}, None, b""]))[:-3] + signature)),
    )  # fmt: skip
    return _c2pa_jpeg(credentials.superbox("c2pa", "c2pa", manifest))


def _c2pa_boxes(depth: int) -> bytes:
    data = credentials.superbox("c2as", "x")
    for _ in range(depth):
        data = credentials.superbox("c2as", "x", data)
    return _c2pa_jpeg(credentials.superbox("c2pa", "c2pa", data))


def _c2pa_jpeg(store: bytes) -> bytes:
    """The store over as many segments as it takes."""
    parts = [store[at : at + 60_000] for at in range(0, len(store), 60_000)]
    segments = []
    for number, part in enumerate(parts, 1):
        body = b"JP" + struct.pack(">HI", 529, number) + (part if number == 1 else store[:8] + part)
        segments.append(b"\xff\xeb" + struct.pack(">H", len(body) + 2) + body)
    return b"\xff\xd8" + b"".join(segments) + traces.jpeg()[2:]


def _overlapping_strips() -> bytes:
    """Sixty thousand strips over the same 400 KB."""
    count, data = 60_000, bytes(400_000)
    at = 8 + 2 + 3 * 12 + 4
    entries = [(256, 4, 1, 1), (273, 4, count, at), (279, 4, count, at + 4 * count)]
    head = (
        b"II*\0\x08\0\0\0"
        + struct.pack("<H", 3)
        + b"".join(struct.pack("<HHII", *each) for each in entries)
        + bytes(4)
    )
    start = at + 8 * count
    return (
        head
        + struct.pack(f"<{count}I", *[start] * count)
        + struct.pack(f"<{count}I", *[len(data)] * count)
        + data
    )


def _png_of(width: int, height: int) -> bytes:
    """A picture of zeros in a few KB."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", deflated(16 * MIB)) + chunk(b"IEND", b"")


BOMBS: dict[str, Callable[[], bytes]] = {
    "CBOR of 400,000 items in C2PA.jpg": lambda: _c2pa(jumbf.cbor([0] * 400_000)),
    "deep CBOR in C2PA.jpg": lambda: _c2pa(b"\x81" * 60_000 + b"\0"),
    "boxes in boxes in C2PA.jpg": lambda: _c2pa_boxes(2_000),
    "10,000 time tokens in C2PA.jpg": lambda: _c2pa(jumbf.cbor({"sigTst": {"tstTokens": [{"val": b""}] * 10_000}})),
    "overlapping strips.tif": _overlapping_strips,
    "Flate in a PDF's pages.pdf": lambda: pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>", b"<</Type/Page/MediaBox[0 0 1 1]/Contents 4 0 R>>", stream(deflated(64 * MIB), b"/Filter/FlateDecode")),
    "unclosed tags.html": lambda: b"<html><body>" + b"<script" * 30_000 + b"<p " * 60_000,
    "words in docx.docx": lambda: zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:t>a b </w:t>" * (5 * MIB)}),
    "20,000 charts.json": lambda: b'{"charts1": [' + b",".join([b'{"sun": 1}'] * 20_000) + b'], "charts2": [{"sun": 1}]}',
    "objects in charts.npz": lambda: zipped({"charts1.npy": b"\x93NUMPY\x01\0v\0{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 10)}".ljust(128) + bytes(8 * MIB), "charts2.npy": b""}),
    "a picture of 30,000 × 30,000.png": lambda: _png_of(30_000, 30_000),
    "a million fill bytes.jpg": lambda: b"\xff\xd8" + b"\xff" * 1_000_002 + b"\xda\0\2",
}  # fmt: skip
OF_MODULES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("CBOR of 400,000 items in C2PA.jpg", "deep CBOR in C2PA.jpg", "boxes in boxes in C2PA.jpg", "10,000 time tokens in C2PA.jpg"), ("c2pa",)),
    **dict.fromkeys(("overlapping strips.tif", "Flate in a PDF's pages.pdf", "a million fill bytes.jpg"), ("content_digest",)),
    **dict.fromkeys(("unclosed tags.html", "words in docx.docx"), ("text_facts",)),
    **dict.fromkeys(("20,000 charts.json", "objects in charts.npz"), ("charts",)),
    "a picture of 30,000 × 30,000.png": ("metadata", "perceptual"),
}  # fmt: skip
"""Modules that meet a bomb, where it isn't for the readers."""
