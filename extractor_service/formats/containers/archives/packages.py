"""What packages of programs say of themselves: manifests of JAR, wheels, browser extensions, Android and iOS packages, maps.

JAR File Specification (docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html); PyPA, "Core metadata"; MDN, "manifest.json".
"""

from __future__ import annotations

import json
import plistlib
import re
from typing import TYPE_CHECKING

from extractor_service.document import Field, ProblemKind
from extractor_service.formats.containers.text import headers
from extractor_service.formats.embedded import plain_xml, zarr
from extractor_service.formats.reading import names
from extractor_service.formats.reading.damage import Surviving

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.archives.zip_directory import Directory, Member

SECTION = "package"
_MOST_BYTES = 256 * 1024  # of a manifest
_MOST_VALUES = 500  # of a manifest, whose longest lists classes
_SIGNATURES = re.compile(r"META-INF/[^/]+\.(RSA|DSA|EC)$", re.IGNORECASE)
_WHEEL = re.compile(r"[^/]+\.dist-info/(METADATA|WHEEL)$")
_INFO = re.compile(r"Payload/[^/]+\.app/Info\.plist$")
# Of long manifests, what says what the package is.
_PLIST_KEYS = (
    "CFBundleIdentifier", "CFBundleName", "CFBundleDisplayName", "CFBundleShortVersionString", "CFBundleVersion", "MinimumOSVersion",
    "CFBundleSupportedPlatforms", "DTPlatformName", "DTXcode", "UIDeviceFamily",
)  # fmt: skip
_EXTENSION_KEYS = ("name", "version", "description", "manifest_version", "author", "homepage_url", "permissions", "short_name", "default_locale")  # fmt: skip


def add(directory: Directory, document: Document) -> None:
    """Adds what the manifests inside say; nothing for an archive without one."""
    members = directory.by_name
    wanted: list[tuple[Member, Callable[[bytes, Document], None]]] = []
    if "META-INF/MANIFEST.MF" in members:
        wanted.append((members["META-INF/MANIFEST.MF"], _java))
    if "manifest.json" in members:
        wanted.append((members["manifest.json"], _extension))
    if "doc.kml" in members:
        wanted.append((members["doc.kml"], _map))
    for name, member in members.items():
        if _WHEEL.match(name):
            wanted.append((member, _wheel))
        elif _INFO.match(name):
            wanted.append((member, _plist))
    directory.prefetch(member for member, _ in wanted)
    for member, read in wanted[:10]:
        with Surviving(document, SECTION, member.name[:100], member.local_at):
            read(directory.content(member, _MOST_BYTES), document)
    _zarr(directory, document)
    signatures = [name for name in members if _SIGNATURES.match(name)]
    if signatures:
        _add(document, "Signed", value=True)
        _add(document, "SignatureFile", signatures[0])
    if "AndroidManifest.xml" in members:
        _add(document, "DexFiles", sum(bool(re.fullmatch(r"classes\d*\.dex", name)) for name in members))
        abis = sorted({name.split("/")[1] for name in members if re.match(r"lib/[^/]+/", name)})
        if abis:
            _add(document, "NativeABIs", [*abis])


def _add(document: Document, name: str, value: Value, group: str = "Package") -> None:
    document.add(SECTION, Field(name, value, group=group))


def _java(data: bytes, document: Document) -> None:
    """The main section: up to the first empty line; a line that begins with a blank goes on with the one before."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").replace("\n ", "")
    for line in text.partition("\n\n")[0].splitlines()[:_MOST_VALUES]:
        key, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[\w-]+", key):
            _add(document, names.kept(key.replace("-", "")), value.strip(), "Manifest")


def _wheel(data: bytes, document: Document) -> None:
    for key, value in list(headers.parsed(data).raw_items())[:_MOST_VALUES]:
        text = headers.utf_8(str(value))
        _add(document, names.kept(key.replace("-", "")), text, "Wheel")


def _extension(data: bytes, document: Document) -> None:
    told = json.loads(data.decode("utf-8-sig"))
    if not isinstance(told, dict):
        raise TypeError("manifest.json isn't an object")
    for key in _EXTENSION_KEYS:
        value = told.get(key)
        if isinstance(value, list):
            value = [str(each) for each in value[:100]]
        if value is not None:
            _add(document, names.spoken(key), value if isinstance(value, (str, int, list)) else str(value), "Extension")  # fmt: skip


def _plist(data: bytes, document: Document) -> None:
    try:
        told = plistlib.loads(data)
    except Exception as error:  # the library lets through whatever is raised inside
        raise ValueError(str(error)) from error
    if not isinstance(told, dict):
        raise TypeError("Info.plist isn't a dictionary")
    for key in _PLIST_KEYS:
        value = told.get(key)
        if value is not None:
            _add(
                document,
                key,
                [str(each) for each in value[:100]] if isinstance(value, list) else str(value),
                "Info",
            )


def _map(data: bytes, document: Document) -> None:
    """The name of the map, and how many places it has."""
    if len(data) == _MOST_BYTES:
        document.problem(SECTION, ProblemKind.LIMIT, f"of doc.kml only {_MOST_BYTES} bytes were read")
        title = re.search(rb"<name>([^<]*)</name>", data)
        if title:
            _add(document, "Name", title[1].decode("utf-8", "replace"), "KML")
        return
    root = plain_xml.root(data)
    places = 0
    is_named = False
    for element in root.iter():
        name = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
        places += name == "Placemark"
        if name in {"name", "description"} and element.text and not is_named:
            is_named = True
            _add(document, name.capitalize(), element.text.strip(), "KML")
    _add(document, "Placemarks", places, "KML")


def _zarr(directory: Directory, document: Document) -> None:
    """Metadata of a store of Zarr in the archive."""
    found = [each for each in directory.members if each.name.rpartition("/")[2] in zarr.FILES]
    directory.prefetch(found[: zarr.MOST_NODES])
    for each in found[: zarr.MOST_NODES]:
        with Surviving(document, zarr.SECTION, each.name[:200], each.local_at):
            zarr.of_file(document, each.name, json.loads(directory.content(each, _MOST_BYTES)))
    if len(found) > zarr.MOST_NODES:
        document.problem(
            zarr.SECTION, ProblemKind.LIMIT, f"{zarr.MOST_NODES} of {len(found)} files are described"
        )
