"""Makes sixty pictures and documents, each with one trace of its past planted in it, by whole numbers and Pillow alone.

`planted()` yields name, bytes, and the kind of observation that has to be made of it.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from PIL import Image, PngImagePlugin

from tests.tools.credentials import with_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

_EDITORS = (
    "Adobe Photoshop 25.0 (Windows)",
    "GIMP 2.10.34",
    "Adobe Lightroom 7.0",
    "Snapseed 2.0",
    "Affinity Photo 2",
    "darktable 4.6.0",
    "Picasa",
)
_GENERATORS = ("Midjourney v6", "Stable Diffusion XL", "DALL-E 3", "ComfyUI")
_CODE = (
    "<?php system($_GET['c']); ?>",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "eval(atob('x'))",
)
_SOURCES = (
    "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "algorithmicMedia",
    "virtualRecording",
)


def picture(seed: int = 0) -> Image.Image:
    """A picture with contours, another one for each seed."""
    image = Image.new("RGB", (320, 240))
    image.putdata(
        [
            (
                (x * (3 + seed) + y * y // 97) % 256,
                (x * y // (50 + seed)) % 256,
                ((x // 20 + y // (15 + seed)) % 5) * 60,
            )
            for y in range(240)
            for x in range(320)
        ]
    )
    return image


def jpeg(seed: int = 0, quality: int = 83, exif: bytes = b"", **options: object) -> bytes:
    file = io.BytesIO()
    # Not libjpeg's tables but one of our own, as a camera has: what has standard ones is told.
    tables = (
        None
        if options.pop("standard", False)
        else [[1 + (k * (7 + seed)) % 60 + k // 2 for k in range(64)]] * 2
    )
    if tables:
        options["qtables"] = tables
    else:
        options["quality"] = quality
    picture(seed).save(file, "JPEG", exif=exif, **options)
    return file.getvalue()


def exif(
    fields: dict[int, object],
    inner: dict[int, object] | None = None,
    gps: dict[int, object] | None = None,
    thumbnail: bytes = b"",
) -> bytes:
    """EXIF by hand: IFD0, ExifIFD, GPS, and a thumbnail in IFD1."""
    data = Image.Exif()
    for tag, value in fields.items():
        data[tag] = value
    if inner:
        data._ifds[0x8769] = dict(inner)
        data[0x8769] = dict(inner)
    if gps:
        data[0x8825] = dict(gps)
    made = data.tobytes()
    if not thumbnail:
        return made
    # Pillow writes no second directory: it is added at the end, and the first one's link set to it.
    tiff = bytearray(made[6:])
    order = "<" if tiff[:2] == b"II" else ">"
    first = struct.unpack_from(order + "I", tiff, 4)[0]
    count = struct.unpack_from(order + "H", tiff, first)[0]
    link = first + 2 + 12 * count
    at = len(tiff) + len(tiff) % 2
    tiff += bytes(at - len(tiff))
    entries = [(0x103, 3, 1, 6), (0x201, 4, 1, at + 2 + 12 * 3 + 4), (0x202, 4, 1, len(thumbnail))]
    tiff += struct.pack(order + "H", 3)
    for tag, kind, number, value in entries:
        tiff += struct.pack(order + "HHI", tag, kind, number) + (
            struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value)
        )
    tiff += struct.pack(order + "I", 0) + thumbnail
    struct.pack_into(order + "I", tiff, link, at)
    return made[:6] + bytes(tiff)


def _small(seed: int) -> bytes:
    file = io.BytesIO()
    picture(seed).resize((160, 120)).save(file, "JPEG", quality=80)
    return file.getvalue()


def png(texts: dict[str, str] | None = None, seed: int = 0) -> bytes:
    told = PngImagePlugin.PngInfo()
    for name, text in (texts or {}).items():
        told.add_text(name, text)
    file = io.BytesIO()
    picture(seed).save(file, "PNG", pnginfo=told)
    return file.getvalue()


def xmp(inner: str) -> bytes:
    spaces = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#" xmlns:stRef="http://ns.adobe.com/xap/1.0/sType/ResourceRef#" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {spaces}><rdf:Description rdf:about="">{inner}</rdf:Description></rdf:RDF></x:xmpmeta>'.encode()


def with_xmp(data: bytes, packet: bytes) -> bytes:
    body = b"http://ns.adobe.com/xap/1.0/\0" + packet
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("hidden.txt", "hidden")
    return file.getvalue()


def _noise(count: int) -> bytes:
    return zlib.compress(bytes(range(256)) * 400, 1)[:100] * (count // 100 + 1)


def planted() -> Iterator[tuple[str, bytes, str]]:
    """Sixty of them."""
    for number, name in enumerate(_EDITORS):
        yield f"editor-{number}.jpg", jpeg(number, exif=exif({0x131: name})), "editor"
    for number, name in enumerate(_GENERATORS):
        yield f"generator-{number}.jpg", jpeg(number, exif=exif({0x131: name})), "generator"
    for number, key in enumerate(("parameters", "prompt", "workflow")):
        yield (
            f"prompt-{number}.png",
            png({key: "a lighthouse in a storm, oil on canvas, Steps: 30"}, number),
            "generator_parameters",
        )
    for number, code in enumerate(_CODE):
        yield f"code-{number}.jpg", jpeg(number, exif=exif({0x10E: code})), "code_in_metadata"
    yield "code.png", png({"Comment": _CODE[0]}), "code_in_metadata"
    for number, kind in enumerate(_SOURCES):
        told = f"<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/{kind}</Iptc4xmpExt:DigitalSourceType>"
        yield f"source-{number}.jpg", with_xmp(jpeg(number), xmp(told)), "digital_source_type"
    for number, quality in enumerate((50, 75, 90, 95)):
        yield f"tables-{quality}.jpg", jpeg(number, quality, standard=True), "standard_compression"
    history = (
        "<xmpMM:History><rdf:Seq>"
        + '<rdf:li stEvt:action="saved" stEvt:when="2024-01-01T00:00:00Z"/>' * 3
        + "</rdf:Seq></xmpMM:History>"
    )
    yield "history-0.jpg", with_xmp(jpeg(1), xmp(history)), "edit_history"
    for number in range(2):
        derived = (
            f'<xmpMM:DerivedFrom stRef:documentID="xmp.did:{number}" stRef:instanceID="xmp.iid:{number}"/>'
        )
        yield f"derived-{number}.jpg", with_xmp(jpeg(number), xmp(derived)), "derived"
    for name, tail in (("zip", archive()), ("pdf", b"%PDF-1.4\n" + bytes(range(32)) * 8), ("exe", b"MZ\x90\0" + _noise(900)), ("php", b"<?php echo 1; ?>" * 4), ("rar", b"Rar!\x1a\x07\0" + _noise(300))):  # fmt: skip
        yield f"hidden-{name}.jpg", jpeg(3) + tail, "hidden_file"
    yield "hidden-zip.png", png() + archive(), "hidden_file"
    yield "polyglot-zip.jpg", jpeg(4) + _noise(5000) + archive(), "polyglot"
    yield "polyglot-zip.png", png() + bytes(64) + _noise(200) + archive(), "polyglot"
    yield "polyglot-pdf.jpg", jpeg(5, comment=b"%PDF-1.4") + b"startxref\n0\n%%EOF", "polyglot"
    for number, data in enumerate((jpeg(6), png(seed=1))):
        yield f"trailing-{number}.{'jpg' if number == 0 else 'png'}", data + _noise(9001), "trailing_data"
    yield "padding.jpg", jpeg(7) + bytes(5001), "trailing_padding"
    yield "appended.jpg", jpeg(8) + _small(8), "appended_part"
    yield "appended-film.jpg", jpeg(9) + b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + _noise(800), "appended_part"
    taken = {0x9003: "2024:05:06 07:08:09", 0x9004: "2024:05:06 07:08:09"}
    yield "dates-0.jpg", jpeg(1, exif=exif({0x132: "2020:01:01 00:00:00"}, taken)), "contradictory_dates"
    yield (
        "dates-1.jpg",
        jpeg(2, exif=exif({}, {**taken, 0x9004: "2023:01:01 00:00:00"})),
        "contradictory_dates",
    )
    created = "<xmp:CreateDate>2019-03-04T05:06:07</xmp:CreateDate>"
    yield "dates-2.jpg", with_xmp(jpeg(3, exif=exif({}, taken)), xmp(created)), "contradictory_dates"
    place = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
    yield (
        "gps-date.jpg",
        jpeg(4, exif=exif({}, taken, {**place, 7: (1.0, 2.0, 3.0), 29: "2022:02:02"})),
        "gps_date",
    )
    yield "zone-0.jpg", jpeg(5, exif=exif({}, {**taken, 0x9011: "-08:00"}, place)), "zone_not_of_place"
    yield "zone-1.jpg", jpeg(6, exif=exif({}, {**taken, 0x9011: "+09:00"}, place)), "zone_not_of_place"
    for number in range(2):
        yield f"size-{number}.jpg", jpeg(number, exif=exif({}, {0xA002: 4000, 0xA003: 3000})), "size_changed"
    for number in range(3):
        yield (
            f"thumbnail-{number}.jpg",
            jpeg(number, exif=exif({0x10F: "Maker"}, thumbnail=_small(number + 9))),
            "thumbnail_differs",
        )
    yield "credentials.jpg", with_credentials(jpeg(1)), "c2pa_manifest"
    for spoil in ("content", "assertion", "signature"):
        yield f"credentials-{spoil}.jpg", with_credentials(jpeg(2), spoil=spoil), "c2pa_broken"
    yield (
        "credentials-source.jpg",
        with_credentials(jpeg(3), source_type="trainedAlgorithmicMedia"),
        "digital_source_type",
    )
