"""Films in the wide form (version 1) that cameras and editors write for long ones; values as ExifTool 13.59 has them."""

from __future__ import annotations

import contextlib
from struct import pack

import pytest

from extractor_service.document import Document
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.isobmff import mp4
from extractor_service.sources.descriptor import BytesSource

_MATRIX = pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_AT = 3_792_000_000  # 2024:02:28 21:20:00


def _box(kind: bytes, *content: bytes) -> bytes:
    data = b"".join(content)
    return pack(">I", 8 + len(data)) + kind + data


def _track(handler: bytes, name: bytes, entry: bytes, width: int, height: int, *more: bytes) -> bytes:
    header = b"\1\0\0\7" + pack(">QQIIQ", _AT, _AT, 1, 0, 5000) + bytes(8) + pack(">hhHH", 0, 0, 256, 0)
    media = b"\1\0\0\0" + pack(">QQIQ", _AT, _AT, 48_000, 240_000) + pack(">HH", 0x15C7, 0)
    return _box(
        b"trak",
        _box(b"tkhd", header, _MATRIX, pack(">II", width << 16, height << 16)),
        _box(
            b"mdia",
            _box(b"mdhd", media),
            _box(b"hdlr", bytes(8), handler, bytes(12), name + b"\0"),
            _box(b"minf", *more, _box(b"stbl", _box(b"stsd", bytes(4), pack(">I", 1), entry))),
        ),
    )


def film() -> bytes:
    """A film of five seconds with a picture and a sound track."""
    movie = b"\1\0\0\0" + pack(">QQIQ", _AT, _AT, 1000, 5000) + pack(">IH", 0x10000, 256) + bytes(10)
    picture = _box(
        b"avc1", bytes(6), pack(">H", 1), bytes(16), pack(">HHIIIH", 640, 360, 72 << 16, 72 << 16, 0, 1),
        bytes((5,)) + b"coder".ljust(31, b"\0"), pack(">Hh", 24, -1),
    )  # fmt: skip
    sound = _box(b"mp4a", bytes(6), pack(">H", 1), bytes(8), pack(">HHIHH", 2, 16, 0, 48_000, 0))
    rate = _box(b"stbl", _box(b"stts", bytes(4), pack(">III", 1, 125, 1920)))
    moov = _box(
        b"moov",
        _box(b"mvhd", movie, _MATRIX, bytes(24), pack(">I", 3)),
        _track(b"vide", b"Camera", picture, 640, 360, _box(b"vmhd", b"\0\0\0\1", bytes(8)), rate),
        _track(b"soun", b"Microphone", sound, 0, 0, _box(b"smhd", bytes(4), pack(">hH", -128, 0))),
    )
    return _box(b"ftyp", b"isom", pack(">I", 512), b"isomiso2") + moov + _box(b"mdat", bytes(8))


@pytest.mark.parametrize(
    ("group", "name", "value", "text"),
    [
        ("QuickTime", "Duration", 5, "5.00 s"),
        ("QuickTime", "CreateDate", "2024:02:28 21:20:00", ""),
        ("QuickTime", "NextTrackID", 3, ""),
        ("Track1", "TrackDuration", 5, "5.00 s"),
        ("Track1", "TrackVolume", 1, "100.00%"),
        ("Track1", "ImageWidth", 640, ""),
        ("Track1", "MatrixStructure", [1, 0, 0, 0, 1, 0, 0, 0, 1], ""),
        ("Track1", "MediaLanguageCode", "eng", ""),
        ("Track1", "HandlerType", "vide", "Video Track"),
        ("Track1", "HandlerDescription", "Camera", ""),
        ("Track1", "CompressorID", "avc1", ""),
        ("Track1", "SourceImageHeight", 360, ""),
        ("Track1", "CompressorName", "coder", ""),
        ("Track1", "BitDepth", 24, ""),
        ("Track1", "VideoFrameRate", 25, "25"),
        ("Track2", "Balance", -0.5, ""),
        ("Track2", "AudioFormat", "mp4a", ""),
        ("Track2", "AudioChannels", 2, ""),
        ("Track2", "AudioBitsPerSample", 16, ""),
        ("Track2", "AudioSampleRate", 48_000, ""),
    ],
)
def test_wide_headers(group, name, value, text):
    document = Document()
    mp4.parse(BytesSource(film()), document)
    field = document.find("quicktime", name, group)
    assert field is not None
    assert (field.value, field.text) == (value, text)
    assert document.problems == []


def test_every_cut_is_survived():
    whole = film()
    for length in range(0, len(whole), 7):
        document = Document()
        with contextlib.suppress(CorruptFileError):
            mp4.parse(BytesSource(whole[:length]), document)
        assert length < 40 or document.sections


def _read(data: bytes) -> Document:
    document = Document()
    mp4.parse(BytesSource(data), document)
    return document


@pytest.mark.parametrize(
    ("texts", "rate"), [(b"http://www.w3.org/ns/ttml\0\0\0", 5600), (b"http://www.w3.org/ns/ttml\0", None)]
)
def test_boxes_of_xml_subtitles_stand_behind_three_texts(texts, rate):
    entry = _box(b"stpp", bytes(6), pack(">H", 1), texts, _box(b"btrt", pack(">III", 0, 9000, 5600)))
    movie = b"\1\0\0\0" + pack(">QQIQ", _AT, _AT, 1000, 5000) + pack(">IH", 0x10000, 256) + bytes(10)
    moov = _box(
        b"moov",
        _box(b"mvhd", movie, _MATRIX, bytes(24), pack(">I", 2)),
        _track(b"subt", b"Words", entry, 0, 0),
    )
    document = _read(_box(b"ftyp", b"isom", pack(">I", 512)) + moov)
    found = {field.name: field.value for field in document.sections["quicktime"] if field.group == "Track1"}
    assert found["OtherFormat"] == "stpp" and found.get("AverageBitrate") == rate


@pytest.mark.parametrize("off", [0, 1])
def test_the_index_of_fragments_says_its_own_size(off):
    index = _box(b"mfra", _box(b"tfra", bytes(16)), _box(b"mfro", bytes(4), pack(">I", 48 + off)))
    assert len(index) == 48
    told = [each.message for each in _read(film() + index).problems]
    assert told == (["the index of fragments is said to have 49 bytes"] if off else [])
