"""What a ZIP archive is: by its first member, else by its central directory (APPNOTE.TXT 6.3.10)."""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extractor_service.formats.identification.looking import View

_LOCAL, _CENTRAL, _END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
_TAIL_BYTES = 22 + 65535  # the end record, and the longest comment behind it
_MAX_DIRECTORY_BYTES = 64 * 1024  # what tells the type stands among the first members
_MAX_MEMBERS = 2000  # more than so many bytes of directory have
_TYPES_BYTES = 64 * 1024  # of [Content_Types].xml, inflated
_OOXML = re.compile(
    rb"""ContentType\s*=\s*["'](application/[^"']+?)\+xml["']|ContentType\s*=\s*["'](application/[^"']+\.main)["']"""
)
# The main part's content type (ECMA-376, 1, 11.3.10 and its like) → media type of the whole
_MAIN = (
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document.main", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.template.main", "application/vnd.openxmlformats-officedocument.wordprocessingml.template"),
    ("application/vnd.ms-word.document.macroenabled.main", "application/vnd.ms-word.document.macroEnabled.12"),
    ("application/vnd.ms-word.document.macroenabledtemplate.main", "application/vnd.ms-word.template.macroEnabled.12"),
    ("application/vnd.ms-word.template.macroenabledtemplate.main", "application/vnd.ms-word.template.macroEnabled.12"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.template.main", "application/vnd.openxmlformats-officedocument.spreadsheetml.template"),
    ("application/vnd.ms-excel.sheet.macroenabled.main", "application/vnd.ms-excel.sheet.macroEnabled.12"),
    ("application/vnd.ms-excel.template.macroenabled.main", "application/vnd.ms-excel.template.macroEnabled.12"),
    ("application/vnd.ms-excel.addin.macroenabled.main", "application/vnd.ms-excel.addin.macroEnabled.12"),
    ("application/vnd.ms-excel.sheet.binary.macroenabled.main", "application/vnd.ms-excel.sheet.binary.macroEnabled.12"),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation.main", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("application/vnd.openxmlformats-officedocument.presentationml.slideshow.main", "application/vnd.openxmlformats-officedocument.presentationml.slideshow"),
    ("application/vnd.openxmlformats-officedocument.presentationml.template.main", "application/vnd.openxmlformats-officedocument.presentationml.template"),
    ("application/vnd.ms-powerpoint.presentation.macroenabled.main", "application/vnd.ms-powerpoint.presentation.macroEnabled.12"),
    ("application/vnd.ms-powerpoint.slideshow.macroenabled.main", "application/vnd.ms-powerpoint.slideshow.macroEnabled.12"),
    ("application/vnd.ms-powerpoint.template.macroenabled.main", "application/vnd.ms-powerpoint.template.macroEnabled.12"),
    ("application/vnd.ms-powerpoint.addin.macroenabled.main", "application/vnd.ms-powerpoint.addin.macroEnabled.12"),
    ("application/vnd.ms-visio.drawing.main", "vsdx"),
    ("application/vnd.ms-visio.drawing.macroenabled.main", "vsdx"),
    ("application/vnd.ms-package.xps-fixeddocumentsequence", "application/vnd.ms-xpsdocument"),
    ("application/vnd.ms-package.3dmanufacturing-3dmodel", "3mf"),
)  # fmt: skip
_MAIN_BY_TYPE = dict(_MAIN)
# Members that only one kind of archive has, best first.
_MEMBERS = (
    ("word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("word/document2.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xl/workbook.bin", "application/vnd.ms-excel.sheet.binary.macroEnabled.12"),
    ("xl/workbook.xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("ppt/presentation.xml", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("visio/document.xml", "vsdx"),
    ("FixedDocSeq.fdseq", "application/vnd.ms-xpsdocument"), ("FixedDocumentSequence.fdseq", "application/vnd.ms-xpsdocument"),
    ("3D/3dmodel.model", "3mf"),
    ("AndroidManifest.xml", "apk"),
    ("META-INF/mozilla.rsa", "xpi"), ("install.rdf", "xpi"),
    ("META-INF/application.xml", "application/x-tika-java-enterprise-archive"), ("WEB-INF/web.xml", "application/x-tika-java-web-archive"),
    ("doc.kml", "kmz"),
    ("Index/Document.iwa", "application/vnd.apple.pages"), ("index.apxl", "application/vnd.apple.keynote"),
)  # fmt: skip
_MACROS = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "application/vnd.ms-word.document.macroEnabled.12",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "application/vnd.ms-excel.sheet.macroEnabled.12",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
}


def kind_of(head: bytes, view: View) -> str:
    """A name or media type; "zip" where nothing inside says more.

    Raises:
        BeyondHeadError: the directory isn't at hand.
    """
    first = _first_member(head)
    if first is not None:
        name, content = first
        if name == "mimetype" and (told := _told(content)):
            return told
        if name == "[Content_Types].xml" and (told := _main_type(content)):
            return told
    if (
        first is not None and head[30 + len(first[0].encode()) :][:2] == b"\xfe\xca"
    ):  # the extra field that Java marks its archives by
        return "application/java-archive"
    names, types = _directory(view)
    if types and (told := _main_type(types)):
        return told
    return _by_members(names, head)


def _first_member(head: bytes) -> tuple[str, bytes] | None:
    """Its name and what the head has of its content."""
    if len(head) < 30 or head[:4] != _LOCAL:
        return None
    method, size, name_length, extra_length = struct.unpack_from("<8xH8xI4xHH", head)
    start = 30 + name_length + extra_length
    name = head[30 : 30 + name_length].decode("utf-8", "replace")
    return name, _inflated(head[start : start + size] if size else head[start:], method, is_whole=bool(size))


def _inflated(data: bytes, method: int, *, is_whole: bool) -> bytes:
    if method == 0:
        end = -1 if is_whole else data.find(b"PK")
        return data[:_TYPES_BYTES] if end < 0 else data[:end]
    if method != 8:
        return b""
    try:
        return zlib.decompressobj(-15).decompress(data, _TYPES_BYTES)
    except zlib.error:
        return b""


def _told(content: bytes) -> str:
    """What a member "mimetype" says (ODF 1.3 part 2, 3.3; EPUB OCF 3.3, 4.3)."""
    text = content[:200].decode("latin-1").strip("\0\r\n\t \xef\xbb\xbf")
    return text if re.fullmatch(r"[a-z]+/[\w.+-]+", text) else ""


def _main_type(types: bytes) -> str:
    for found in _OOXML.finditer(types):
        told = _MAIN_BY_TYPE.get((found[1] or found[2]).decode("latin-1").lower())
        if told is not None:
            return told
    return ""


def _directory(view: View) -> tuple[list[str], bytes]:
    """Names of the members, and the content of [Content_Types].xml where it is at hand."""
    tail_length = min(_TAIL_BYTES, view.size_bytes)
    # Most archives have no comment: the end record is within the last bytes.
    for length in (min(1024, tail_length), tail_length):
        tail_at = view.size_bytes - length
        tail = view.read_range(tail_at, length)
        place = tail.rfind(_END)
        if place >= 0:
            break
    if place < 0 or len(tail) < place + 22:
        return [], b""
    size, offset = struct.unpack_from("<II", tail, place + 12)
    begin = tail_at + place - size  # what stands before the archive moves it: self-extracting files
    if begin < 0 or size > view.size_bytes:
        begin = offset
    directory = view.read_range(begin, min(size, _MAX_DIRECTORY_BYTES))
    if directory[:4] != _CENTRAL:
        directory = view.read_range(offset, min(size, _MAX_DIRECTORY_BYTES))
    names: list[str] = []
    at, types = 0, b""
    while len(names) < _MAX_MEMBERS and directory[at : at + 4] == _CENTRAL and at + 46 <= len(directory):
        method, stored, name_length, extra, comment, local = struct.unpack_from(
            "<10xH8xI4xHHH8xI", directory, at
        )
        name = directory[at + 46 : at + 46 + name_length].decode("utf-8", "replace")
        names.append(name)
        if name == "[Content_Types].xml" and not types and stored < _TYPES_BYTES:
            header = view.read_range(local + (begin - offset), 30 + name_length + 512 + stored)
            if header[:4] == _LOCAL:
                start = 30 + sum(struct.unpack_from("<HH", header, 26))
                types = _inflated(header[start : start + stored], method, is_whole=True)
        at += 46 + name_length + extra + comment
    return names, types


def _by_members(names: list[str], head: bytes) -> str:
    members = set(names)
    if "mimetype" in members and (found := re.search(rb"mimetype(application/[\w.+-]+)", head)):
        return found[1].decode().removesuffix("PK")
    for member, told in _MEMBERS:
        if member in members:
            if told in _MACROS and any(name.endswith("vbaProject.bin") for name in names):
                return _MACROS[told]
            return told
    if any(name.endswith(".dist-info/WHEEL") for name in names):
        return "whl"
    if any(re.fullmatch(r"Payload/[^/]+\.app/.*", name) for name in names):
        return "ipa"
    if "manifest.json" in members and any(name.startswith("META-INF/") for name in names):
        return "xpi"
    if "META-INF/MANIFEST.MF" in members:
        return "application/java-archive"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    if (
        names
        and sum(name.endswith(".kml") for name in names) == 1
        and len(names) < 20
        and "/" not in names[0]
    ):
        return "kmz"
    return "zip"
