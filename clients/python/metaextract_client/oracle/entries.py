"""Both sides as entries: from our wire document, and from ExifTool's JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from metaextract_client.oracle.compare import Entry, Plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from metaextract.document.v1 import document_pb2

EXIFTOOL_VARIABLE = "METAEXTRACT_EXIFTOOL"
_SKIPPED = frozenset({"SourceFile"})
_OF_THE_DISK = frozenset({"System", "ExifTool"})
"""Groups about the file on its disk, and about ExifTool's work: nothing of the content."""
_TYPE_NAMES = {
    "bigtiff": "BTF",
    "j2c": "J2C",
    "rw2": "RW2",
    "heif": "HEIF",
    "jxl_codestream": "JXL Codestream",
    "heif_sequence": "HEIFS",
    "heic_sequence": "HEICS",
}
_EXTENSIONS = {
    "jpeg": "JPG",
    "tiff": "TIF",
    "bigtiff": "BTF",
    "heif_sequence": "HEIFS",
    "jxl_codestream": "JXL",
}
_MEDIA_TYPES = {
    "application/vnd.adobe.photoshop": "image/vnd.adobe.photoshop",
    "audio/x-wav": "audio/wav",
}
"""Of ExifTool's, those that IANA has otherwise, or that say less."""
_TYPE_REMARK = re.compile(r"^Extended | \(.*\)$")  # "Extended WEBP", "WEBP (lossless)"
_REMADE = frozenset({"ThumbnailTIFF"})
"""What ExifTool makes a file of when asked for the bytes: compared by its length."""
_BINARY = re.compile(r"\(Binary data (\d+) bytes")


class NoExifToolError(Exception):
    """ExifTool isn't installed, or didn't answer."""


def of_document(document: document_pb2.Document, content: bytes = b"") -> Iterator[Entry]:
    """Our fields; with the file's `content`, binary values are told by their digest."""
    if document.file.format:
        name = _TYPE_NAMES.get(document.file.format, document.file.format.upper())
        extension = _EXTENSIONS.get(document.file.format, name)
        yield Entry("file", "File", "FileType", name, name)
        yield Entry("file", "File", "FileTypeExtension", extension, extension)
        yield Entry("file", "File", "MIMEType", document.file.mime_type, document.file.mime_type)
    for section in document.sections:
        family = section.name.replace("_", "")
        for field in section.fields:
            # A fraction without a quotient has no value: what was stored says "undef" or "inf".
            value = plain(field.value) if field.HasField("value") else plain(field.raw)
            binary = _BINARY.match(field.text) if content and value is None else None
            if (
                binary is not None and int(binary[1]) == field.origin.length_bytes
            ):  # else the length of it as text
                origin = field.origin
                value = _told(content[origin.offset_bytes : origin.offset_bytes + origin.length_bytes])
                yield Entry(family, field.group, field.name, value, value)
                continue
            yield Entry(family, field.group, field.name, value, field.text or value)


def plain(value: document_pb2.Value) -> Plain:
    """A wire value as a plain one; fractions as numbers, or as ExifTool's "undef" and "inf"."""
    kind = value.WhichOneof("kind")
    if kind == "list":
        return [plain(each) for each in value.list.values]
    if kind == "map":
        return {each.name: plain(each.value) for each in value.map.entries}
    if kind == "rational":
        top, bottom = value.rational.numerator, value.rational.denominator
        return top / bottom if bottom else ("inf" if top else "undef")
    if kind is None:
        return None
    return getattr(value, kind)  # type: ignore[no-any-return] # a scalar, by the oneof


def of_exiftool(
    values: dict[str, Plain], printed: dict[str, Plain] | None = None, binary: dict[str, Plain] | None = None
) -> Iterator[Entry]:
    """ExifTool's fields from `-j -G0:1:4 -a -n -struct`, with the printed ones from the same without -n, and the bytes of
    binary ones from the same with -b. What is said of the disk isn't among them.
    """
    for key, value in values.items():
        if key in _SKIPPED:
            continue
        *groups, name = key.split(":")
        if not _OF_THE_DISK.isdisjoint(groups):
            continue
        if name in {"FileType", "FileTypeExtension", "MIMEType"} and groups[0] == "File":
            value = _TYPE_REMARK.sub("", value) if isinstance(value, str) else value  # noqa: PLW2901 - as ours
            value = _MEDIA_TYPES.get(value, value) if isinstance(value, str) else value  # noqa: PLW2901 - as ours
            value = value.upper() if name == "FileTypeExtension" and isinstance(value, str) else value  # noqa: PLW2901 - as ours
            yield Entry("file", "File", name, value, value)
            continue
        told = binary.get(key) if binary and name not in _REMADE else None
        if isinstance(value, str) and _BINARY.match(value) and isinstance(told, str):
            content = (
                base64.b64decode(told[7:])
                if told.startswith("base64:")
                else told.encode("utf-8", "surrogateescape")
            )
            value = _told(content)  # noqa: PLW2901 - the same, with its digest
            yield Entry(
                groups[0].replace("_", "").lower(),
                groups[1] if len(groups) > 1 else groups[0],
                name,
                value,
                value,
            )
            continue
        group = next((each for each in groups[1:] if not each.startswith("Copy")), groups[0])
        yield Entry(groups[0].replace("_", "").lower(), group, name, value, printed and printed.get(key))


def is_healthy(values: dict[str, Plain]) -> bool:
    """Whether ExifTool found nothing wrong with the file; what it calls minor, and maker notes moved by others, is not."""
    return not any(
        key.startswith("ExifTool:")
        and key.endswith((":Error", ":Warning"))
        and not str(value).startswith("[minor]")
        for key, value in values.items()
    )


def _told(content: bytes) -> str:
    return f"(Binary data {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()[:16]})"


class Said(NamedTuple):
    """What ExifTool says of a file, by "Group0:Group1:Name"."""

    values: dict[str, Plain]
    printed: dict[str, Plain]
    binary: dict[str, Plain]


def run_exiftool(paths: Sequence[str], command: str = "", *, with_binary: bool = False) -> list[Said]:
    """For each path the values, the printed forms and, if wanted, the bytes of what is binary.

    Raises:
        NoExifToolError: it isn't there, or says nothing usable.
    """
    command = command or shutil.which("exiftool") or ""
    if not command:
        raise NoExifToolError(f"exiftool isn't installed; name one with {EXIFTOOL_VARIABLE}")
    values, printed = (_run(command, paths, extra) for extra in (["-n"], []))
    binary = _run(command, paths, ["-n", "-b"]) if with_binary else {}
    return [Said(values.get(path, {}), printed.get(path, {}), binary.get(path, {})) for path in paths]


def _run(command: str, paths: Sequence[str], extra: list[str]) -> dict[str, dict[str, Plain]]:
    arguments = [
        command,
        "-j",
        "-G0:1:4",
        "-a",
        "-struct",
        "-F",
        "-q",
        "-api",
        "largefilesupport=1",
        *extra,
        "-@",
        "-",
    ]
    try:
        done = subprocess.run(  # noqa: S603 - the program the user named
            arguments, input=b"\n".join(map(os.fsencode, paths)), capture_output=True, check=False
        )
        # Names and values of files may have any bytes.
        text = done.stdout.decode("utf-8", "surrogateescape")
        found: list[dict[str, Plain]] = json.loads(text or "[]", strict=False)
    except (OSError, ValueError) as error:
        raise NoExifToolError(f"{command} says nothing usable: {error}") from error
    return {str(each["SourceFile"]): each for each in found}
