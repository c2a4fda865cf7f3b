"""Files that differ in metadata alone have one content digest; those that differ in a byte of content don't."""

import hashlib
import io
import struct
import zlib

import pikepdf
import pytest

from extractor_service.document import Document
from extractor_service.modules.base import ModuleContext
from extractor_service.modules.digests import DigestsModule
from extractor_service.sources.descriptor import BytesSource
from tests.golden.samples import SAMPLES
from tests.support.modules_run import run, values
from tests.tools.traces import jpeg, png


def digest(data: bytes, name: str) -> str:
    return values(run(data, "content_digest", name=name), "content").get("ContentDigest", "")


def jpeg_segment(data, marker, body):
    return data[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body + data[2:]


def png_chunk(data, kind, body, at=33):
    return (
        data[:at]
        + struct.pack(">I", len(body))
        + kind
        + body
        + struct.pack(">I", zlib.crc32(kind + body))
        + data[at:]
    )


def riff_chunk(data, kind, body):
    body += bytes(len(body) % 2)
    grown = data + kind + struct.pack("<I", len(body)) + body
    return grown[:4] + struct.pack("<I", len(grown) - 8) + grown[8:]


def id3(data, title):
    frame = b"TIT2" + struct.pack(">I", len(title) + 1) + b"\0\0\0" + title
    size = len(frame)
    return (
        b"ID3\3\0\0" + bytes((size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127)) + frame + data
    )


def flac_block(data, body):
    return data[:4] + data[4:42] + b"\x02" + len(body).to_bytes(3) + body + data[42:]


def free_box(data, body):
    return data + struct.pack(">I4s", len(body) + 8, b"free") + body


def resaved(data, **info):
    with pikepdf.open(io.BytesIO(data)) as document:
        for key, value in info.items():
            document.docinfo[f"/{key}"] = value
        out = io.BytesIO()
        document.save(
            out,
            object_stream_mode=pikepdf.ObjectStreamMode.generate
            if len(info) > 1
            else pikepdf.ObjectStreamMode.disable,
        )
        return out.getvalue()


GIF = SAMPLES["frames.gif"]()
AT_GIF = 13 + (3 << (GIF[10] & 7) + 1 if GIF[10] & 0x80 else 0)
WAV, MP3, FLAC, MP4, PDF, WEBP, AIFF = (
    SAMPLES[name]()
    for name in (
        "silence.wav",
        "song.mp3",
        "song.flac",
        "movie.mp4",
        "two-pages.pdf",
        "anim.webp",
        "quiet.aiff",
    )
)
ALIKE = {
    "jpeg-comment": ("a.jpg", jpeg(), jpeg_segment(jpeg(), 0xFE, b"hello")),
    "jpeg-exif": ("a.jpg", jpeg(), jpeg_segment(jpeg(), 0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")),
    "jpeg-xmp": ("a.jpg", jpeg(), jpeg_segment(jpeg(), 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")),
    "jpeg-iptc": ("a.jpg", jpeg(), jpeg_segment(jpeg(), 0xED, b"Photoshop 3.0\0")),
    "jpeg-profile": ("a.jpg", jpeg(), jpeg_segment(jpeg(), 0xE2, b"ICC_PROFILE\0\1\1" + bytes(128))),
    "jpeg-trailer": ("a.jpg", jpeg(), jpeg() + b"a trailer"),
    "jpeg-jfif": ("a.jpg", jpeg(), jpeg()[:2] + jpeg()[20:]),
    "png-text": ("a.png", png(), png({"Title": "another"})),
    "png-time": ("a.png", png(), png_chunk(png(), b"tIME", b"\x07\xe8\x01\x01\0\0\0")),
    "png-exif": ("a.png", png(), png_chunk(png(), b"eXIf", b"II*\0\x08\0\0\0\0\0\0\0\0\0")),
    "png-resolution": ("a.png", png(), png_chunk(png(), b"pHYs", b"\0\0\x0b\x13\0\0\x0b\x13\1")),
    "png-split": ("a.png", png(), None),
    "gif-comment": ("a.gif", GIF, GIF[:AT_GIF] + b"!\xfe\5hello\0" + GIF[AT_GIF:]),
    "gif-application": ("a.gif", GIF, GIF[:AT_GIF] + b"!\xff\x0bXMP DataXMP\1a\0" + GIF[AT_GIF:]),
    "webp-exif": ("a.webp", WEBP, riff_chunk(WEBP, b"EXIF", b"II*\0\x08\0\0\0\0\0\0\0\0\0")),
    "webp-xmp": ("a.webp", WEBP, riff_chunk(WEBP, b"XMP ", b"<x/>")),
    "wav-list": ("a.wav", WAV, riff_chunk(WAV, b"LIST", b"INFOINAM\4\0\0\0abc\0")),
    "wav-bext": ("a.wav", WAV, riff_chunk(WAV, b"bext", bytes(602))),
    "mp3-title": ("a.mp3", MP3, id3(MP3, b"another title")),
    "mp3-old-tag": ("a.mp3", MP3, MP3 + b"TAG" + bytes(125)),
    "mp3-both": ("a.mp3", MP3, id3(MP3, b"x" * 90) + b"TAG" + bytes(125)),
    "flac-application": ("a.flac", FLAC, flac_block(FLAC, b"abcd" + bytes(20))),
    "flac-padding": ("a.flac", FLAC, FLAC[:4] + FLAC[4:42] + b"\x01" + (99).to_bytes(3) + bytes(99) + FLAC[42:]),
    "flac-id3": ("a.flac", FLAC, id3(FLAC, b"a title")),
    "mp4-free": ("a.mp4", MP4, free_box(MP4, bytes(50))),
    "mp4-uuid": ("a.mp4", MP4, MP4 + struct.pack(">I4s", 40, b"uuid") + bytes(32)),
    "aiff-name": ("a.aiff", AIFF, AIFF[:4] + struct.pack(">I", len(AIFF) - 8 + 12) + AIFF[8:] + b"NAME\0\0\0\4abcd"),
    "pdf-title": ("a.pdf", PDF, resaved(PDF, Title="another")),
    "pdf-author": ("a.pdf", PDF, resaved(PDF, Author="somebody", Subject="else")),
    "pdf-resaved": ("a.pdf", resaved(PDF, Title="x"), resaved(PDF, Keywords="a, b", Creator="c")),
}  # fmt: skip


def split_png():
    data = png()
    start = data.index(b"IDAT") - 4
    length = struct.unpack(">I", data[start : start + 4])[0]
    body = data[start + 8 : start + 8 + length]
    chunks = b"".join(
        struct.pack(">I", len(part)) + b"IDAT" + part + struct.pack(">I", zlib.crc32(b"IDAT" + part))
        for part in (body[:1000], body[1000:])
    )
    return data[:start] + chunks + data[start + 12 + length :]


@pytest.mark.parametrize("case", ALIKE)
def test_metadata_alone_changes_nothing(case):
    name, one, other = ALIKE[case]
    other = split_png() if other is None else other
    assert one != other and digest(one, name) and digest(one, name) == digest(other, name)


def avi(head, frames, info=b""):
    """An AVI of one stream of pictures; `head` is what its codec keeps beside the bitmap's header."""

    def chunk(kind, body):
        return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)

    bitmap = struct.pack("<IiiHH4sIiiII", 40 + len(head), 16, 16, 1, 24, b"FMP4", 0, 0, 0, 0, 0) + head
    stream = chunk(b"LIST", b"strl" + chunk(b"strh", b"vidsFMP4" + bytes(48)) + chunk(b"strf", bitmap))
    body = chunk(b"LIST", b"hdrl" + chunk(b"avih", bytes(56)) + stream)
    body += info and chunk(b"LIST", b"INFO" + chunk(b"INAM", info))
    return chunk(b"RIFF", b"AVI " + body + chunk(b"LIST", b"movi" + chunk(b"00dc", frames)))


def test_a_codec_s_head_counts_unless_it_stands_in_the_frames_too():
    """ffmpeg writes it beside the header when it copies streams, without anything of the film changing."""
    frames = b"\0\0\1\xb0HEADS" + bytes(range(200))
    plain = digest(avi(b"", frames), "a.avi")
    assert plain and plain == digest(avi(b"\0\0\1\xb0HEADS", frames, b"a title"), "a.avi")
    assert plain != digest(avi(b"\0\0\1\xb0TAILS", frames), "a.avi")
    assert plain != digest(avi(b"", frames[::-1]), "a.avi")


CONTENT_AT = {  # a byte of content, from the end
    "a.jpg": (jpeg(), 50), "a.png": (png(), 40), "a.gif": (GIF, 4), "a.wav": (WAV, 3), "a.mp3": (MP3, None), "a.flac": (FLAC, 3),
    "a.webp": (WEBP, None), "a.aiff": (AIFF, 3),
}  # fmt: skip


@pytest.mark.parametrize("back", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("name", [name for name, (_, at) in CONTENT_AT.items() if at])
def test_a_byte_of_content_changes_it(name, back):
    data, at = CONTENT_AT[name]
    other = bytearray(data)
    other[-at - back] ^= 0x55
    assert digest(data, name) != digest(bytes(other), name)


def test_other_pictures_pages_and_sounds_are_others():
    assert len({digest(jpeg(seed), "a.jpg") for seed in range(5)}) == 5
    assert len({digest(png(seed=seed), "a.png") for seed in range(5)}) == 5
    with pikepdf.open(io.BytesIO(PDF)) as document:
        del document.pages[1]
        out = io.BytesIO()
        document.save(out)
    assert digest(out.getvalue(), "a.pdf") != digest(PDF, "a.pdf")


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("name", ["a.png", "a.wav", "a.mp4"])
def test_of_a_cut_file_there_is_none_or_another(name, cut):
    data = {"a.png": png(), "a.wav": WAV, "a.mp4": MP4, "a.pdf": PDF}[name]
    assert digest(data[: int(len(data) * cut)], name) != digest(data, name)


def test_digests_are_those_of_the_standard_library():
    data = bytes(range(256)) * 40_000  # ten megabytes: several threads
    document = Document()
    names = ("sha256", "sha1", "md5", "sha512", "xxh3", "crc32")
    DigestsModule().run(BytesSource(data), document, ModuleContext(None, names))
    for name in names[:4]:
        assert document.digests[name] == hashlib.new(name, data).hexdigest()
    assert document.digests["crc32"] == f"{zlib.crc32(data):08x}" and len(document.digests["xxh3"]) == 16
    assert set(document.digests) == {"blake3", *names}


def test_known_digests():
    document = Document()
    DigestsModule().run(BytesSource(b""), document, ModuleContext(None, ("xxh3", "crc32")))
    assert (
        document.digests["xxh3"] == "2d06800538d394c2" and document.digests["crc32"] == "00000000"
    )  # as xxhsum -H3 says
