"""Types within containers that are told by their first bytes: RIFF, IFF, ISO base media, Ogg, EBML, ASF, MPEG frames."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from extractor_service.formats.reading.aac_frame import LOAS_HEAD_BYTES, adts_frame_bytes, loas_frame_bytes
from extractor_service.formats.reading.mpeg_frame import mpeg_frame

if TYPE_CHECKING:
    from extractor_service.formats.identification.looking import View

_RIFF = {
    b"WAVE": "wav", b"WEBP": "webp", b"AVI ": "avi", b"ACON": "ani", b"AMV ": "avi", b"CDXA": "video/mpeg",
    b"RMID": "audio/midi", b"sfbk": "audio/x-sfbk", b"PAL ": "application/x-riff-palette", b"QLCM": "audio/qcelp",
}  # fmt: skip
_IFF = {b"AIFF": "audio/x-aiff", b"AIFC": "aifc", b"ILBM": "image/x-ilbm", b"PBM ": "image/x-ilbm", b"8SVX": "audio/8svx", b"DJVU": "image/vnd.djvu", b"DJVM": "image/vnd.djvu"}  # fmt: skip
# Brands by mp4ra.org; those that aren't here are films.
_BRANDS = {
    b"qt  ": "mov", b"M4A ": "m4a", b"M4B ": "m4a", b"M4P ": "m4a", b"M4V ": "m4v", b"M4VH": "m4v", b"M4VP": "m4v",
    b"f4v ": "f4v", b"F4V ": "f4v", b"F4A ": "m4a", b"mj2s": "mj2", b"mjp2": "mj2", b"crx ": "cr3",
    b"avif": "avif", b"avis": "avif_sequence", b"heic": "heic", b"heix": "heic", b"heim": "heic", b"heis": "heic",
    b"hevc": "heic_sequence", b"hevx": "heic_sequence", b"mif1": "heif", b"mif2": "heif", b"miaf": "heif", b"heif": "heif",
    b"msf1": "heif_sequence", b"jp2 ": "jp2", b"jpx ": "jpx", b"jpm ": "jpm", b"jph ": "jph",
}  # fmt: skip
_JPEG_2000 = (
    b"\0\0\0\x0cjP  \r\n\x87\n"  # ISO/IEC 15444-1, I.5.1: its files begin with it, and then say their brand
)
_JPEG_2000_TYPES = frozenset({"jp2", "jpx", "jpm", "jph", "mj2"})
_TOP_BOXES = frozenset(
    {b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid", b"moof", b"styp", b"sidx"}
)
_BOXES = (
    frozenset({b"mvhd", b"trak", b"cmov", b"iods", b"mvex", b"meta", b"udta", b"mfhd", b"traf"}) | _TOP_BOXES
)
_DOC_TYPES = {b"webm": "video/webm", b"matroska": "video/x-matroska"}
_OGG = (
    (b"OpusHead", "opus"), (b"\x01vorbis", "ogg"), (b"Speex   ", "spx"), (b"\x7fFLAC", "ogg"),
    (b"\x80theora", "ogv"), (b"BBCD\0", "ogv"), (b"fishead\0", "ogv"), (b"\x01video", "ogv"), (b"OVP80\x01", "ogv"),
)  # fmt: skip


def riff(head: bytes) -> str:
    """The name or media type of a RIFF, RIFX, RF64 or BW64 file; "" when it is none or of an unknown form."""
    if head[:4] in {b"RF64", b"BW64"} and head[8:12] == b"WAVE":
        return "rf64"
    if head[:4] not in {b"RIFF", b"RIFX"}:
        return ""
    if head[8:11] in {b"CDR", b"cdr"}:
        return "application/coreldraw"
    return _RIFF.get(head[8:12], "")


def iff(head: bytes) -> str:
    """The name or media type of an EA IFF 85 file."""
    if head[:8] == b"AT&TFORM":
        return "image/vnd.djvu"
    return _IFF.get(head[8:12], "") if head[:4] == b"FORM" else ""


def iso_base_media(head: bytes) -> str:
    """The name of a film or picture in boxes; QuickTime's old files begin with moov, mdat or a filler instead of ftyp."""
    if len(head) < 8:
        return ""
    if head[:12] == _JPEG_2000 and head[16:20] == b"ftyp":
        told = _BRANDS.get(head[20:24], "")
        return told if told in _JPEG_2000_TYPES else "jp2"
    size, kind = int.from_bytes(head[:4], "big"), head[4:8]
    if kind == b"ftyp":
        brand = head[8:12]
        others = head[16 : min(max(size, 16), 256)]
        named = _named_brand(brand)
        if named in {"heif", "heif_sequence"}:  # the general brand; which codec it is, the others say
            found = {_BRANDS.get(others[place : place + 4], "") for place in range(0, len(others) - 3, 4)}
            for better in ("avif_sequence", "avif") if brand != b"mif1" else ("avif",):
                if better in found:
                    return better
        return named
    if kind not in _TOP_BOXES:
        return ""
    if size not in {0, 1} and size < 8:
        return ""
    if kind == b"moov" or size == 1:
        return "mov" if kind != b"moov" or head[12:16] in _BOXES else ""
    after = head[size + 4 : size + 8] if size else b""
    return "mov" if not after or after in _BOXES else ""


def _named_brand(brand: bytes) -> str:
    if brand[:3] in {b"3gp", b"3gr", b"3gs", b"3ge", b"3gg"}:
        return "3gp"
    if brand[:3] == b"3g2" or brand in {b"kddi", b"KDDI"}:
        return "3g2"
    return _BRANDS.get(brand) or _BRANDS.get(brand.replace(b"\0", b" "), "mp4")


def ogg(head: bytes) -> str:
    """The name of an Ogg file, by the codec of its first page (RFC 3533)."""
    if head[:4] != b"OggS" or len(head) < 28:
        return ""
    body = head[27 + head[26] :]
    return next((name for magic, name in _OGG if body.startswith(magic)), "application/ogg")


def ebml(head: bytes) -> str:
    """The media type of an EBML file, by its DocType (RFC 8794, 11.2.4)."""
    if head[:4] != b"\x1aE\xdf\xa3":
        return ""
    found = re.search(rb"\x42\x82([\x80-\xff])", head[:256])
    if found is None:
        return "video/x-matroska"
    name = head[found.end() : found.end() + (found[1][0] & 0x7F)].rstrip(b"\0")
    if (
        name == b"matroska" and b"\x83\x81\x02" in head and b"\x83\x81\x01" not in head
    ):  # TrackType: sound alone
        return "mka"
    return _DOC_TYPES.get(name, "application/x-ebml")


ASF = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"
_ASF_STREAM = b"\x91\x07\xdc\xb7\xb7\xa9\xcf\x11\x8e\xe6\x00\xc0\x0c\x20\x53\x65"
_ASF_VIDEO = b"\xc0\xef\x19\xbc\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b"
_ASF_AUDIO = b"\x40\x9e\x69\xf8\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b"
_MAX_ASF_OBJECTS = 64  # of a header; the streams stand among the first twenty


def asf(head: bytes, view: View) -> str:
    """The media type of an ASF file, by its streams (ASF specification, 3.3): Windows Media only with its own codecs."""
    end, at, has_sound = int.from_bytes(head[16:24], "little"), 30, False
    for _ in range(_MAX_ASF_OBJECTS):
        start = view.read_range(at, 120)
        size = int.from_bytes(start[16:24], "little")
        if start[:16] == _ASF_STREAM:
            if start[24:40] == _ASF_VIDEO:  # the codec is the bitmap header's compression
                is_windows = start[105:109] in {b"WMV1", b"WMV2", b"WMV3", b"WVC1", b"WMVA"}
                return "video/x-ms-wmv" if is_windows else "video/x-ms-asf"
            has_sound = has_sound or start[24:40] == _ASF_AUDIO
        at += size
        if size < 24 or at >= end:
            break
    return "audio/x-ms-wma" if has_sound else "video/x-ms-asf"


def after_id3(behind: bytes) -> str:
    """The name of what follows an ID3v2 tag; "mp3" where nothing is known of it."""
    for magic, name in ((b"fLaC", "flac"), (b"MAC ", "ape"), (b"wvpk", "wv"), (b"TTA", "tta"), (b"MP+", "mpc"), (b"MPCK", "mpc"), (b"OggS", "ogg"), (b"RIFF", "wav")):  # fmt: skip
        if behind.startswith(magic):
            return name
    return "aac" if is_adts(behind) else "mp3"


def id3_length(head: bytes) -> int:
    """Bytes of the ID3v2 tag that a file begins with (id3.org/id3v2.4.0-structure, 3.1); 0 for none."""
    if head[:3] != b"ID3" or len(head) < 10 or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte
    return 10 + size + (10 if head[5] & 0x10 else 0)


_MPEG_SYNC = re.compile(rb"\xff(?=[\xe2-\xff][\x10-\xef])")  # with a layer and a bit rate
_MPEG_FRAMES = 3  # one behind the other, of one stream, aren't there by chance


def mpeg_frame_bytes(data: bytes) -> int:
    """Length of the MPEG audio frame that `data` begins with; 0 when it doesn't."""
    frame = mpeg_frame(data)
    return 0 if frame is None else frame.length


def is_mpeg_audio(head: bytes, size_bytes: int) -> bool:
    """Whether frames stand one behind the other; before three of them there may be up to 4 KiB of anything else."""
    for found in _MPEG_SYNC.finditer(head, 0, 4096):
        place = found.start()
        length = mpeg_frame_bytes(head[place : place + 4])
        if length:
            frames, at = 1, place
            while frames < _MPEG_FRAMES:
                after = at + mpeg_frame_bytes(head[at : at + 4])
                if not mpeg_frame_bytes(head[after : after + 4]) or not _is_same_stream(head, place, after):
                    break
                frames, at = frames + 1, after
            if frames == _MPEG_FRAMES or (place == 0 and (frames > 1 or at + length >= size_bytes)):
                return True
    return False


def _is_same_stream(head: bytes, one: int, other: int) -> bool:
    """Whether version, layer and sampling rate of two frames are the same."""
    return head[one + 1] & 0xFE == head[other + 1] & 0xFE and head[one + 2] & 0x0C == head[other + 2] & 0x0C


def is_adts(data: bytes) -> bool:
    """Whether two ADTS frames of AAC stand one behind the other, or one at the end."""
    length = adts_frame_bytes(data)
    after = data[length : length + 2]
    return length > 0 and (len(after) < 2 or (after[0] == 0xFF and after[1] & 0xF6 == 0xF0))


def is_loas(data: bytes) -> bool:
    """Whether three LOAS frames of AAC stand one behind the other."""
    at = 0
    for _ in range(3):
        length = loas_frame_bytes(data[at : at + LOAS_HEAD_BYTES])
        if not length:
            return False
        at += length
    return True


def is_tar(head: bytes) -> bool:
    """Whether the first 512 bytes are a header of tar, with or without "ustar": its checksum is right."""
    if len(head) < 512 or not head[0]:
        return False
    try:
        told = int(head[148:156].strip(b"\0 ") or b"x", 8)
    except ValueError:
        return False
    return told == sum(head[:148]) + 8 * 32 + sum(head[156:512])


_LONGEST_PACKET_BYTES, _PACKETS = 204, 5


def is_transport_stream(head: bytes) -> bool:
    """Whether packets of 188 bytes (192 with time codes, 204 with parity) follow one another (ISO/IEC 13818-1, 2.4.3.2).

    A recording may begin in the middle of one.
    """
    first = head.find(b"\x47", 0, _LONGEST_PACKET_BYTES)
    while first >= 0:
        for step in (188, 192, 204):
            if len(head) > first + step * (_PACKETS - 1) and all(
                head[first + step * each] == 0x47 for each in range(_PACKETS)
            ):
                return True
        first = head.find(b"\x47", first + 1, _LONGEST_PACKET_BYTES)
    return False


def nifti(head: bytes) -> str:
    """The name of a NIfTI or Analyze header (nifti.nimh.nih.gov: sizeof_hdr and magic)."""
    for order in "<>":
        if len(head) >= 348 and struct.unpack_from(f"{order}i", head)[0] == 348:
            if head[344:348] in {b"n+1\0", b"ni1\0"}:
                return "nifti"
            if 1 <= struct.unpack_from(f"{order}h", head, 40)[0] <= 7:
                return "analyze"
        if (
            len(head) >= 540
            and struct.unpack_from(f"{order}i", head)[0] == 540
            and head[4:7] in {b"n+2", b"ni2"}
        ):
            return "nifti"
    return ""


def safetensors(head: bytes, size_bytes: int) -> bool:
    """Whether a length and JSON of that length begin the file (github.com/huggingface/safetensors, "Format")."""
    length = int.from_bytes(head[:8], "little")
    return (
        2 <= length <= size_bytes - 8
        and re.match(rb'\{\s*(?:"|\}\s*$)', head[8 : 8 + min(length, 64)]) is not None
    )


# By byte order: thousands are of the machine, tens of the numbers' type, units of the form (MAT-File Format, level 4).
_MATLAB_4_KINDS = {
    order: frozenset(1000 * (order == ">") + 10 * number + form for number in range(6) for form in range(3))
    for order in "<>"
}


def matlab_4(head: bytes) -> bool:
    """Whether a variable of MATLAB's level 4 begins the file: its kind, and a name of the length that is stated."""
    for order in "<>":
        if len(head) < 24:
            return False
        kind, rows, columns, imaginary, length = struct.unpack_from(f"{order}5I", head)
        if (
            kind in _MATLAB_4_KINDS[order]
            and rows < 1 << 31
            and columns < 1 << 31
            and imaginary <= 1
            and 2 <= length <= 64
            and re.fullmatch(rb"[A-Za-z]\w*\0+", head[20 : 20 + length])
        ):
            return True
    return False


def segy(head: bytes) -> bool:
    """Whether a text header of 40 lines stands before a binary one that can be (SEG-Y_r2.1, 4 and 5)."""
    if len(head) < 3600 or head[:1] not in {b"\xc3", b"C"}:
        return False
    lines = [head[at : at + 1] for at in range(0, 3200, 80)]
    form = {int.from_bytes(head[3224:3226], order) for order in ("big", "little")}
    return lines.count(head[:1]) >= 30 and bool(form & set(range(1, 17)))


def onnx(head: bytes) -> bool:
    """Whether a model's first fields come in order: a version, a producer's name, what comes behind it (onnx.proto)."""
    found = re.match(rb"\x08([\x01-\x14])\x12([\x01-\x40])([ -~]+)", head[:80])
    if found is None:
        return re.match(rb"\x08[\x03-\x14](?:\x3a[\x80-\xff]{0,4}[\0-\x7f]\n)", head[:16]) is not None
    end = found.start(3) + found[2][0]
    return found.end() >= end and head[end : end + 1] in {
        b"\x1a",
        b"\x22",
        b"\x28",
        b"\x32",
        b"\x3a",
        b"\x42",
    }


def dicom_without_preamble(head: bytes) -> bool:
    """Whether the elements of DICOM begin at once, as they did before part 10: group 2 or 8, ascending, with a known VR or a
    short length (PS3.5, 7.1).
    """
    place, previous, count = 0, 0, 0
    while place + 8 <= len(head) and count < 6:
        group, element = struct.unpack_from("<HH", head, place)
        if group not in {2, 8} or (group << 16 | element <= previous and previous):
            break
        previous = group << 16 | element
        representation = head[place + 4 : place + 6]
        if representation in {b"OB", b"OW", b"SQ", b"UN", b"UT"}:
            length, place = (
                struct.unpack_from("<I", head, place + 8)[0] if place + 12 <= len(head) else 1 << 32,
                place + 12,
            )
        elif representation.isalpha() and representation.isupper():
            length, place = struct.unpack_from("<H", head, place + 6)[0], place + 8
        else:
            length, place = struct.unpack_from("<I", head, place + 4)[0], place + 8
        if length > 4096 or length & 1:
            return False
        place += length
        count += 1
    return count >= 3
