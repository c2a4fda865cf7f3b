"""Both sides as entries: from our wire document, and from ExifTool's JSON."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from metaextract_client.oracle.compare import Entry, Plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from metaextract.document.v1 import document_pb2

EXIFTOOL_VARIABLE = "METAEXTRACT_EXIFTOOL"
_SKIPPED = frozenset({"SourceFile"})


class NoExifToolError(Exception):
    """ExifTool isn't installed, or didn't answer."""


def of_document(document: document_pb2.Document) -> Iterator[Entry]:
    """Our fields."""
    for section in document.sections:
        family = section.name.replace("_", "")
        for field in section.fields:
            # A fraction without a quotient has no value: what was stored says "undef" or "inf".
            value = plain(field.value) if field.HasField("value") else plain(field.raw)
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


def of_exiftool(values: dict[str, Plain], printed: dict[str, Plain] | None = None) -> Iterator[Entry]:
    """ExifTool's fields from `-j -G0:1:4 -a -n -struct`, with the printed ones from the same without -n."""
    for key, value in values.items():
        if key in _SKIPPED:
            continue
        *groups, name = key.split(":")
        group = next((each for each in groups[1:] if not each.startswith("Copy")), groups[0])
        yield Entry(groups[0].replace("_", "").lower(), group, name, value, printed and printed.get(key))


def run_exiftool(paths: Sequence[str], command: str = "") -> list[tuple[dict[str, Plain], dict[str, Plain]]]:
    """For each path the values and the printed forms.

    Raises:
        NoExifToolError: it isn't there, or says nothing usable.
    """
    command = command or shutil.which("exiftool") or ""
    if not command:
        raise NoExifToolError(f"exiftool isn't installed; name one with {EXIFTOOL_VARIABLE}")
    values, printed = (_run(command, paths, extra) for extra in (["-n"], []))
    return [(values.get(path, {}), printed.get(path, {})) for path in paths]


def _run(command: str, paths: Sequence[str], extra: list[str]) -> dict[str, dict[str, Plain]]:
    arguments = [
        command,
        "-j",
        "-G0:1:4",
        "-a",
        "-struct",
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
        found: list[dict[str, Plain]] = json.loads(text or "[]")
    except (OSError, ValueError) as error:
        raise NoExifToolError(f"{command} says nothing usable: {error}") from error
    return {str(each["SourceFile"]): each for each in found}
