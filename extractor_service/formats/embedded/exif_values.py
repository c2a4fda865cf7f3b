"""How values of EXIF, GPS and TIFF tags are meant and printed, by tag name. EXIF 2.32 sections 4.6.4 to 4.6.6."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from extractor_service.document import Rational
from extractor_service.formats.reading import charsets
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.tagset import Conversion, plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Value

_COMPONENTS: Final = ("-", "Y", "Cb", "Cr", "R", "G", "B")
_COLORS: Final = ("Red", "Green", "Blue", "Cyan", "Magenta", "Yellow", "White")


def _apex_time(value: Value) -> Value:
    if isinstance(value, (int, float)) and not math.isnan(value):
        return float(2.0**-value) if abs(value) < 100 else 0.0
    return value


def _apex_aperture(value: Value) -> Value:
    return float(2.0 ** (value / 2)) if isinstance(value, (int, float)) and abs(value) < 200 else value


def _components_text(value: Value) -> str:
    if not isinstance(value, list):
        return ""
    names = [_COMPONENTS[each] if isinstance(each, int) and each < 7 else f"Err ({each})" for each in value]
    return ", ".join(names)


def _pattern_text(value: Value) -> str:
    """Rows, columns, then a colour each: "[Red,Green][Green,Blue]"."""
    cells = [each for each in value if isinstance(each, int)] if isinstance(value, list) else []
    if len(cells) < 2:
        return ""
    columns, rows = cells[0], cells[1]
    if columns * rows + 2 > len(cells) or not columns or not rows:
        return ""
    names = [_COLORS[each] if each < 7 else "Unknown" for each in cells[2:]]
    return "".join(f"[{','.join(names[row * columns : (row + 1) * columns])}]" for row in range(rows))


def _pattern(value: Value) -> Value:
    """Two 16-bit sizes, in a byte order that cameras don't agree on, then a byte a cell."""
    if not isinstance(value, bytes) or len(value) < 4:
        return value
    for order in ("big", "little"):
        columns, rows = int.from_bytes(value[:2], order), int.from_bytes(value[2:4], order)
        if 0 < columns * rows <= len(value) - 4:
            return [columns, rows, *value[4 : 4 + columns * rows]]
    return [*value]


def _simple_pattern_text(value: Value) -> str:
    if isinstance(value, list) and all(isinstance(each, int) and 0 <= each < 7 for each in value):
        side = math.isqrt(len(value)) or 1
        names = [_COLORS[each] for each in value if isinstance(each, int)]
        rows = [names[index : index + side] for index in range(0, len(names), side)]
        return "".join(f"[{','.join(row)}]" for row in rows)
    return ""


def _utf16(value: Value) -> Value:
    if isinstance(value, list):
        value = bytes(each for each in value if isinstance(each, int) and 0 <= each < 256)
    if isinstance(value, bytes):
        return value.decode("utf-16-le", "replace").split("\0", 1)[0]
    return value


def commented(value: Value, *, big_endian: bool) -> tuple[Value, str]:
    """A value's text, and a note on how its charset was decided. The first 8 bytes name it (EXIF 2.32 table 9)."""
    if not isinstance(value, bytes):
        return value, ""
    charset, body = value[:8].rstrip(b"\0 ").upper(), value[8:]
    if len(value) < 8 or charset not in {b"ASCII", b"UNICODE", b"JIS", b""}:
        if value[:8].strip(b"\0") and charset not in {b"ASCII", b"UNICODE", b"JIS"}:
            return _plain(value), "no charset prefix"
        return _plain(value), ""
    if charset == b"UNICODE" and b"\0" not in body.rstrip(b"\0") and _is_utf8(body.rstrip(b"\0")):
        return body.rstrip(b"\0 ").decode().removeprefix(
            "\ufeff"
        ), "utf-8, by its bytes"  # as Exif 3.0 allows
    if charset == b"UNICODE":
        # The specification leaves the byte order open: that of the file, unless the text says otherwise.
        order = "utf-16-be" if big_endian else "utf-16-le"
        even, odd = body[::2].count(0), body[1::2].count(0)
        if body[:2] in {b"\xff\xfe", b"\xfe\xff"}:  # a mark of the order goes before all guesses
            order, body = ("utf-16-le" if body[:1] == b"\xff" else "utf-16-be"), body[2:]
        elif even != odd:
            order = "utf-16-be" if even > odd else "utf-16-le"
        text = body[: len(body) // 2 * 2].decode(order, "replace").split("\0", 1)[0].rstrip(" ")
        return text, f"{order}, from the prefix"
    if charset == b"JIS":
        for encoding in ("iso2022_jp", "euc_jp", "shift_jis"):
            try:
                return body.rstrip(b"\0 ").decode(encoding), f"{encoding}, from the prefix"
            except UnicodeDecodeError:
                continue
    return _plain(body), ""


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _digit(value: Value) -> Value:
    """A number that some programs write as text: GPSAltitudeRef is a byte (EXIF 2.32, 4.6.6)."""
    return int(value) if isinstance(value, str) and value.strip("\0 ").isdigit() else value


def copyright_of(data: bytes) -> str:
    """Photographer and editor, with a NUL between them (EXIF 2.32, 4.6.4, Copyright); a line each."""
    photographer, _, editor = data.partition(b"\0")
    editor = editor.partition(b"\0")[0]
    parts = [charsets.text(each) for each in (photographer, editor)]
    return "\n".join(parts) if parts[1].strip() else parts[0]


def _plain(data: bytes) -> str:
    data = data.split(b"\0", 1)[0].rstrip(b" ")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _angle(value: Value) -> Value:
    """Degrees, minutes and seconds as degrees; None for a camera without a fix (0/0)."""
    if not isinstance(value, list):
        return conv.numbers(value)[0] if isinstance(value, Rational) else value
    parts = [each.real() if isinstance(each, Rational) else each for each in value]
    real = [float(each) if isinstance(each, (int, float)) else None for each in parts[:3]]
    if not real or real[0] is None:
        return None
    return (
        real[0] + (real[1] or 0.0) / 60 + (real[2] or 0.0) / 3600
        if len(real) > 2
        else real[0] + ((real[1] or 0.0) / 60 if len(real) > 1 else 0.0)
    )


def _clock(value: Value) -> Value:
    if not isinstance(value, list) or len(value) != 3:
        return value
    hours, minutes, seconds = (conv.numbers(each)[0] if conv.numbers(each) else 0.0 for each in value)
    total = hours * 3600 + minutes * 60 + seconds
    whole = int(total // 60)
    rest = f"{total - whole * 60:09.6f}".rstrip("0").rstrip(".")
    return f"{whole // 60:02d}:{whole % 60:02d}:{rest}"


def _version_text(value: Value) -> str:
    return ".".join(map(plain_text, value)) if isinstance(value, list) else ""


def _distance_text(value: Value) -> str:
    return (
        f"{plain_text(value)} m"
        if isinstance(value, (int, float))
        else (value if isinstance(value, str) else "")
    )


def _subsampling_text(value: Value) -> str:
    return _SUBSAMPLING.get(plain_text(value), f"Unknown ({plain_text(value)})")


_SUBSAMPLING: Final = {
    "1 1": "YCbCr4:4:4 (1 1)", "2 1": "YCbCr4:2:2 (2 1)", "2 2": "YCbCr4:2:0 (2 2)", "4 1": "YCbCr4:1:1 (4 1)",
    "4 2": "YCbCr4:1:0 (4 2)", "1 2": "YCbCr4:4:0 (1 2)", "1 4": "YCbCr4:4:1 (1 4)", "2 4": "YCbCr4:2:1 (2 4)",
}  # fmt: skip

_ANGLE: Final = Conversion(_angle, conv.degrees_text(), "deg")
_PLAIN_TEXT: Final = conv.TEXT

CONVERSIONS: Final[Mapping[str, Conversion]] = {
    "ExposureTime": conv.EXPOSURE,
    "FNumber": conv.F_NUMBER,
    "ShutterSpeedValue": Conversion(_apex_time, conv.exposure_text, "s"),
    "ApertureValue": Conversion(_apex_aperture, conv.f_number_text),
    "MaxApertureValue": Conversion(_apex_aperture, conv.f_number_text),
    "ExposureCompensation": conv.FRACTION,
    "BrightnessValue": Conversion(unit="EV"),
    "FocalLength": conv.MILLIMETRES_1,
    "FocalLengthIn35mmFormat": conv.MILLIMETRES,
    "SubjectDistance": Conversion(None, _distance_text, "m"),
    "LensInfo": conv.LENS,
    "DNGLensInfo": conv.LENS,
    "ComponentsConfiguration": Conversion(conv.numbers_of_bytes, _components_text),
    "CFAPattern": Conversion(_pattern, _pattern_text),
    "CFAPattern2": Conversion(conv.numbers_of_bytes, _simple_pattern_text),
    "CFAPlaneColor": Conversion(conv.numbers_of_bytes, lambda value: ",".join(
        _COLORS[each] for each in value if isinstance(each, int) and each < 7) if isinstance(value, list) else ""),
    "FileSource": conv.BYTES,
    "SceneType": conv.BYTES,
    "ExifVersion": _PLAIN_TEXT,
    "FlashpixVersion": _PLAIN_TEXT,
    "InteropVersion": _PLAIN_TEXT,
    "XPTitle": Conversion(_utf16),
    "XPComment": Conversion(_utf16),
    "XPAuthor": Conversion(_utf16),
    "XPKeywords": Conversion(_utf16),
    "XPSubject": Conversion(_utf16),
    "YCbCrSubSampling": Conversion(None, _subsampling_text),
    "GPSVersionID": Conversion(conv.numbers_of_bytes, _version_text),
    "GPSLatitude": _ANGLE,
    "GPSLongitude": _ANGLE,
    "GPSDestLatitude": _ANGLE,
    "GPSDestLongitude": _ANGLE,
    "GPSAltitudeRef": Conversion(_digit),
    "GPSAltitude": Conversion(None, _distance_text, "m"),
    "GPSTimeStamp": Conversion(_clock),
    "GPSHPositioningError": conv.METRES,
    "DNGVersion": Conversion(conv.numbers_of_bytes, _version_text),
    "DNGBackwardVersion": Conversion(conv.numbers_of_bytes, _version_text),
    "TIFF-EPStandardID": Conversion(conv.numbers_of_bytes, _version_text),
    "GDALMetadata": _PLAIN_TEXT,
    "RawDataUniqueID": Conversion(lambda value: value.hex().upper() if isinstance(value, bytes) else value),
    "OriginalRawFileName": _PLAIN_TEXT,
    "ImageUniqueID": Conversion(),
    "MakerNoteSafety": Conversion(),
    "PreviewDateTime": Conversion(),
}  # fmt: skip
CHARSET_TEXTS: Final = frozenset({"UserComment", "GPSProcessingMethod", "GPSAreaInformation"})
