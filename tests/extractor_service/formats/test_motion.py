"""Motion photos: a film behind a photograph, found, sized and described; names as ExifTool 13.59 has them."""

from __future__ import annotations

from struct import pack

import pytest

from extractor_service.document import Document
from extractor_service.formats.containers.isobmff import heif
from extractor_service.formats.containers.photo import jpeg
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from tests.golden import containers, media

_ITEM = """<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="{kind}" Item:Semantic="{meaning}"{rest}/></rdf:li>"""
_PACKET = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:Container="http://ns.google.com/photos/1.0/container/"
 xmlns:Item="http://ns.google.com/photos/1.0/container/item/" {attributes}>{items}</rdf:Description></rdf:RDF></x:xmpmeta>"""


def photograph(attributes: str = "", items: str = "", make: bytes = b"Pixel\0") -> bytes:
    if items:
        items = f"<Container:Directory><rdf:Seq>{items}</rdf:Seq></Container:Directory>"
    packet = b"http://ns.adobe.com/xap/1.0/\0" + _PACKET.format(attributes=attributes, items=items).encode()
    tiff = b"MM\0*" + pack(">IH", 8, 1) + pack(">HHII", 0x010F, 2, len(make), 26) + bytes(4) + make
    exif = b"Exif\0\0" + tiff
    segments = b"".join(b"\xff\xe1" + pack(">H", len(part) + 2) + part for part in (exif, packet))
    return b"\xff\xd8" + segments + b"\xff\xda\0\2" + bytes(500) + b"\xff\xd9"


def parsed(data: bytes) -> Document:
    document = Document()
    jpeg.parse(BlockCachedSource(BytesSource(data)), document)
    return document


def check_video(document: Document, section: str, name: str, at: int, length: int) -> None:
    field = document.find(section, name)
    assert field is not None
    assert field.origin == (at, length)
    duration = document.find("motion_photo", "Duration", "Container")
    assert duration is not None
    assert duration.value == 2.5
    assert document.problems == []


def test_a_directory_of_items():
    video, gain = media.mp4(), b"\xff\xd8\xff\xe0" + bytes(96)
    items = (
        _ITEM.format(kind="image/jpeg", meaning="Primary", rest="")
        + _ITEM.format(kind="image/jpeg", meaning="GainMap", rest=f' Item:Length="{len(gain)}"')
        + _ITEM.format(kind="video/mp4", meaning="MotionPhoto", rest=f' Item:Length="{len(video)}"')
    )
    picture = photograph('GCamera:MotionPhoto="1"', items)
    document = parsed(picture + gain + video)
    check_video(document, "trailer", "MotionPhotoVideo", len(picture) + len(gain), len(video))
    image = document.find("trailer", "GainMapImage")
    assert image is not None
    assert image.origin == (len(picture), len(gain))


def test_the_older_offset_from_the_end():
    video = media.mp4()
    picture = photograph(f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(video)}"')
    check_video(parsed(picture + video), "trailer", "MotionPhotoVideo", len(picture), len(video))


def test_samsung_s_directory():
    video, picture = media.mp4(), photograph(make=b"samsung\0")
    name = b"MotionPhoto_Data"
    block = pack("<HHI", 0, 0x0A30, len(name)) + name + video
    directory = b"SEFH" + pack("<II", 106, 1) + pack("<HHII", 0, 0x0A30, len(block), len(block))
    document = parsed(picture + block + directory + pack("<I", len(directory)) + b"SEFT")
    check_video(document, "makernotes", "EmbeddedVideoFile", len(picture) + 8 + len(name), len(video))
    kind = document.find("makernotes", "EmbeddedVideoType")
    assert kind is not None
    assert kind.value == "MotionPhoto_Data"


@pytest.mark.parametrize("offset", [1, 50, 10**9, -5])
def test_a_film_that_was_cut_off_is_not_told(offset):
    document = parsed(photograph(f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{offset}"'))
    assert "trailer" not in document.sections


def test_other_photographs_are_read_from_their_beginning_alone():
    source = BlockCachedSource(BytesSource(photograph() + bytes(300_000)))
    jpeg.parse(source, Document())
    assert source.reads == 1


def test_a_heic_picture_has_its_film_in_a_box():
    still, video = containers.CONTAINERS["items.heic"](), media.mp4()
    data = still + pack(">I", 8 + len(video)) + b"mpvd" + video
    document = Document()
    heif.parse(BytesSource(data), document)
    check_video(document, "quicktime", "MotionPhotoVideo", len(still) + 8, len(video))
