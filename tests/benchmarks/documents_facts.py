"""Where our facts of documents stand, by family: the names are those that the oracles give to theirs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.benchmarks.documents_ours import (
    Ours,
    by_name,
    column,
    every,
    first_of,
    font_groups,
    has,
    in_order,
    member,
    member_folders,
    member_modes,
    member_names,
    member_sums,
    of_fonts,
    one,
    per_program,
    zip_column,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_FONT_NAMES = {
    "Copyright": 0, "FontFamily": 1, "FontSubfamily": 2, "FontSubfamilyID": 3, "FontName": 4, "NameTableVersion": 5,
    "PostScriptFontName": 6, "Trademark": 7,
    "Manufacturer": 8, "Designer": 9, "Description": 10, "VendorURL": 11, "DesignerURL": 12, "License": 13,
    "LicenseInfoURL": 14, "PreferredFamily": 16,
    "PreferredSubfamily": 17, "CompatibleFontName": 18, "SampleText": 19, "PostScriptFontCID": 20,
    "PostScriptCIDName": 20, "WWSFamilyName": 21,
    "WWSSubfamilyName": 22,
}  # fmt: skip


def _font_names(ours: Ours) -> list[list[Any]]:
    found = []
    for group in font_groups(ours):
        rows = []
        for where, each in ours.fields:
            name, _, language = each.name.partition("-")
            if where == "font" and each.group == group and name in _FONT_NAMES:
                rows.append([_FONT_NAMES[name], language.partition("-")[0] or "en", each.value])
        found.append(sorted(rows))
    return found


def _axes(ours: Ours) -> list[Any]:
    return [
        [[each["Tag"], each["Minimum"], each["Default"], each["Maximum"]] for each in ours.structs("Axis", group)]
        for group in font_groups(ours)
    ]  # fmt: skip


def _mac_style(ours: Ours) -> list[int]:
    return [
        bool(ours.one("Bold", group)) + 2 * bool(ours.one("Italic", group)) for group in font_groups(ours)
    ]


def _addresses(name: str) -> Callable[[Ours], Any]:
    return lambda ours: [
        re.sub(r"^.*<(.*)>$", r"\1", str(each), flags=re.DOTALL) for each in every(name, "Message")(ours)
    ]


def _version_strings(ours: Ours) -> list[list[str]]:
    skipped = {"LanguageCode", "CharacterSet"}
    names, found, is_in = {"OriginalFileName": "OriginalFilename"}, [], False
    for where, each in ours.fields:
        is_in |= where == "exe" and each.name == "LanguageCode"
        if (
            is_in
            and where == "exe"
            and each.group == "EXE"
            and each.name not in skipped
            and isinstance(each.value, str)
        ):
            found.append([names.get(each.name, each.name), each.value])
    return sorted(found)


def _statistics(ours: Ours) -> list[int]:
    return sorted(
        value
        for each in ours.structs("Document-statistic")
        for value in each.values()
        if isinstance(value, int)
    )


def _columns(ours: Ours) -> dict[str, Any]:
    return {each["Name"]: each.get("Columns", []) for each in ours.structs("Table")}


_LISTED = {
    "members": lambda ours: len(ours.structs("Member", "Members")),
    "names": member_names,
    "sizes": member("Size"),
}


_LIBARCHIVE = _LISTED | {
    "dates": member("Modified"),
    "modes": member_modes,
    "links": member("Link"),
    "users": member("UserID", 0),
    "groups": member("GroupID", 0),
}


_INFO = {
    f"info {key}": one({"CreationDate": "CreateDate", "ModDate": "ModifyDate"}.get(key, key), "Info")
    for key in ("Title", "Author", "Subject", "Keywords", "Creator", "Producer", "CreationDate", "ModDate")
}


_SUMMARY = {
    "title": "Title", "subject": "Subject", "author": "Author", "keywords": "Keywords", "comments": "Comments",
    "template": "Template", "last modified by": "LastModifiedBy",
    "revision": "RevisionNumber", "edit time": "TotalEditTime", "last printed": "LastPrinted",
    "created": "CreateDate", "modified": "ModifyDate", "pages": "Pages",
    "words": "Words", "characters": "Characters", "application": "Software", "security": "Security",
    "category": "Category", "format": "PresentationTarget",
    "bytes": "Bytes", "lines": "Lines", "paragraphs": "Paragraphs", "slides": "Slides", "notes": "Notes",
    "hidden slides": "HiddenSlides", "clips": "MMClips",
    "manager": "Manager", "company": "Company",
}  # fmt: skip


def _install_names(ours: Ours) -> list[list[Any]]:
    pairs = zip(per_program("InstallName")(ours), per_program("LibraryVersion")(ours), strict=True)
    return [[[name[0], version[0]]] if name else [] for name, version in pairs]


FACTS: dict[str, dict[str, Callable[[Ours], Any]]] = {
    "pdf": _INFO | {
        "info Keywords": lambda o: re.sub(r"[\s,;]+", " ", " ".join(map(str, every("Keywords", "Info")(o)))),
        "encrypted": has("Encryption"), "pages": one("PageCount"),
        "size of page 1": lambda o: [o.one("PageWidth"), o.one("PageHeight")],
        "rotation of page 1": one("PageRotation", default=0), "attachments": in_order(column("Attachment",
        "Name", "Attachments")),
        "outline entries": one("OutlineEntries", default=0), "form fields": one("FormFieldCount", default=0),
        "signatures": lambda o: len(o.structs("Signature")),
        "fonts": in_order(column("Font", "Name", "Fonts")), "layout": one("PageLayout"), "mode": one("PageMode"),
    },
    "ooxml": {
        "macros": one("HasMacros"), "parts": one("PartCount"), "title": one("Title", "XMP-dc"),
        "subject": one("Subject", "XMP-dc"),
        "author": one("Creator", "XMP-dc"), "comments": one("Description", "XMP-dc"),
        "language": one("Language", "XMP-dc"),
        "identifier": one("Identifier", "XMP-dc"), "keywords": one("Keywords", "XML"),
        "category": one("Category", "XML"),
        "content status": one("ContentStatus", "XML"), "last modified by": one("LastModifiedBy", "XML"),
        "revision": one("RevisionNumber", "XML"),
        "created": one("CreateDate", "XML"), "modified": one("ModifyDate", "XML"),
        "last printed": one("LastPrinted", "XML"), "version": one("Version", "XML"),
        "sheets": one("SheetNames"), "hidden sheets": every("HiddenSheets"), "slides": one("Slides", "OOXML",
        default=0),
        "slide size": lambda o: [o.one("SlideWidth"), o.one("SlideHeight")], "notes": one("NotesPages", "OOXML",
        default=0),
        "comments of reviewers": one("Comments", "OOXML", default=0),
    },
    "odf": {
        "parts": one("PartCount"), "encrypted": one("Encrypted"), "macros": one("HasMacros"),
        "generator": one("Generator"), "title": one("Title", "XMP-dc"),
        "subject": one("Subject", "XMP-dc"), "description": one("Description", "XMP-dc"),
        "creator": one("Creator", "XMP-dc"), "first creator": one("Initial-creator"),
        "language": one("Language"), "cycles": one("Editing-cycles"), "duration": one("Editing-duration"),
        "created": one("Creation-date"),
        "modified": one("Date", "XMP-dc"), "printed": one("Print-date"), "printed by": one("Printed-by"),
        "keywords": every("Keyword"),
        "user defined": column("UserDefined", "Name"), "statistics": _statistics,
    },
    "epub": {
        "title": in_order(every("Title", "EPUB")), "creator": in_order(column("Creator", "Name", "EPUB")),
        "language": in_order(every("Language", "EPUB")),
        "identifier": in_order(column("Identifier", "Value", "EPUB")),
        "publisher": in_order(every("Publisher", "EPUB")),
        "contributor": in_order(column("Contributor", "Name", "EPUB")), "date": in_order(every("Date", "EPUB")),
        "description": in_order(every("Description", "EPUB")),
        "subject": in_order(every("Subject", "EPUB")), "rights": in_order(every("Rights", "EPUB")),
        "version": one("EPUBVersion"),
        "manifest": one("ManifestItems"), "spine": one("SpineItems"),
    },
    "ole": {name: one(key, "FlashPix") for name, key in _SUMMARY.items()} | {
        "edit time": lambda o: int(o.one("TotalEditTime", "FlashPix") or 0),
        "streams": one("StreamCount"), "class": one("ClassID"), "macros": one("HasMacros", section="ole"),
        "sheets": one("SheetNames"), "hidden sheets": every("HiddenSheets"),
    },
    "msg": {
        "class": one("MessageClass"), "subject": one("Subject"), "date": one("Date", "Message"),
        "messageId": one("MessageID"), "importance": one("Importance"),
        "sender": lambda o: re.sub(r" <.*>$", "", o.one("From") or ""),
        "recipients": in_order(first_of(column("Recipient", "Address"))),
        "attachments": one("AttachmentCount"), "attachment names": in_order(column("Attachment", "Name",
        default="")),
    },
    "font": {
        "fonts": lambda o: len(font_groups(o)), "names": _font_names, "weight": of_fonts("Weight"),
        "width": of_fonts("Width"), "embedding": of_fonts("EmbeddingRights"),
        "vendor": of_fonts("VendorID"), "glyphs": of_fonts("GlyphCount"), "units": of_fonts("UnitsPerEm"),
        "revision": of_fonts("FontRevision"), "mac style": _mac_style,
        "created": of_fonts("CreateDate"), "modified": of_fonts("ModifyDate"), "angle": of_fonts("ItalicAngle"),
        "fixed": of_fonts("Monospaced"),
        "characters": of_fonts("CharacterCount"), "axes": _axes, "instances": of_fonts("InstanceCount"),
        "features": of_fonts("Features", []), "scripts": of_fonts("Scripts", []),
        "tables": of_fonts("TableCount"),
    },
    "elf": {
        "bits": lambda o: {1: 32, 2: 64}.get(o.one("CPUArchitecture")),
        "little endian": lambda o: o.one("CPUByteOrder") == 1, "entry": one("EntryPoint"),
        "type": one("ObjectFileType"), "machine": one("Machine"), "segments": one("SegmentCount", default=0),
        "sections": lambda o: [each for each in every("SectionNames")(o) if each],
        "needed": every("NeededLibraries"), "soname": one("SOName"), "rpath": one("RPath"),
        "runpath": one("RunPath"), "interpreter": one("Interpreter"),
        "build id": one("BuildID"), "stripped": one("Stripped"), "symbols": one("SymbolCount"),
        "dynamic symbols": one("DynamicSymbolCount"),
        "debug information": one("HasDebugInformation"), "executable stack": one("ExecutableStack"),
    },
    "pe": {
        "machine": one("MachineType"),
        "time": lambda o: next(
            (f.raw if f.raw is not None else f.value for _, f in o.fields if f.name == "TimeStamp"), None
        ),
        "subsystem": one("Subsystem"), "characteristics": one("ImageFileCharacteristics"), "kind": one("PEType"),
        "entry": one("EntryPoint"), "base": one("ImageBase"),
        "check sum": one("CheckSum", default=0), "code size": one("CodeSize"), "linker": one("LinkerVersion"),
        "system": one("OSVersion"), "ASLR": one("ASLR"),
        "DEP": one("DEP"), "guard": one("ControlFlowGuard"),
        "sections": lambda o: [[s["Name"], s["Size"], s["VirtualSize"]] for s in o.structs("Section")],
        "imported libraries": every("ImportedLibraries"), "imported functions": one("ImportedFunctions", default=0),
        "exports": one("ExportedFunctions", default=0),
        "export name": one("ExportName"), "version strings": _version_strings,
        "file version": one("FileVersionNumber"), "signed": one("Signed"),
    },
    "macho": {
        "architectures": one("CPUCount", default=1), "cpu": every("CPUType"),
        "commands": per_program("LoadCommands"),
        "uuid": lambda o: [[u.replace("-", "").lower() for u in each] for each in per_program("UUID")(o)],
        "needed": per_program("NeededLibraries"),
        "segments": per_program("SegmentNames"), "run paths": per_program("RunPath"),
        "sections": per_program("SectionCount"), "symbols": per_program("SymbolCount"),
        "name": _install_names,
        "type": lambda o: every("ObjectFileType")(o) * (o.one("CPUCount") or 1),
    },
    "zip": {
        "comment": one("Comment", "File", default=""),
        "members": one("MemberCount"), "names": zip_column("ZipFileName"),
        "sizes": zip_column("ZipUncompressedSize"),
        "packed": zip_column("ZipCompressedSize"), "crcs": zip_column("ZipCRC"), "dates": zip_column("ZipModifyDate"),
        "methods": zip_column("ZipCompression"), "comments": zip_column("ZipFileComment", ""),
        "encrypted": lambda o: [bool(each & 1) for each in zip_column("ZipBitFlag")(o)], "folders": member_folders,
    },
    "tar": _LISTED | {
        "names": lambda o: [each.rstrip("/") for each in member("Name")(o)],
        "modes": member_modes, "dates": member("Modified"), "owners": member("Owner", ""),
        "groups": member("Group", ""),
        "links": member("Link", ""), "kinds": member("Kind", "file"),
    },
    "7z": _LISTED | {
        "crcs": member_sums, "dates": member("Modified"), "folders": member_folders,
        "encrypted": lambda o: bool(o.one("EncryptedMembers") or o.one("Encrypted")),
        "solid": one("Solid", default=False), "blocks": one("BlockCount", default=0),
    },
    "rar": _LISTED | {
        "packed": member("PackedSize"), "crcs": member_sums, "dates": member("Modified"), "folders": member_folders,
        "solid": one("Solid"),
        "encrypted": lambda o: [bool(each) for each in member("Encrypted", default=False)(o)],
        "comment": one("Comment", "File", default=""),
    },
    "packed": {
        "size": first_of(one("UncompressedSize"), one("UncompressedSizeStated")), "flags": one("Flags", "ZIP"),
        "system": one("OperatingSystem", "ZIP"),
        "name": one("ArchivedFileName", "ZIP"), "comment": one("Comment"), "date": one("ModifyDate", "ZIP"),
        "check": one("Check"), "block size": one("BlockSize"),
    },
    "iso": {"members": _LISTED["members"],
    "names": lambda o: sorted(member_names(o))}
    | {name: by_name(read) for name, read in _LIBARCHIVE.items() if name not in {"members", "names"}}
    | {
        "volume": one("VolumeName"), "set": one("VolumeSetName", default=""), "system": one("System", "ISO",
        default=""), "publisher": one("Publisher", default=""),
        "preparer": one("DataPreparer", default=""), "software": one("Software", "ISO", default=""),
        "blocks": one("VolumeBlockCount"), "block size": one("VolumeBlockSize"),
        "created": one("VolumeCreateDate"), "joliet": has("JolietLevel"), "rock ridge": one("RockRidge"),
        "boot": lambda o: any(f.name.startswith("Boot") for _, f in o.fields),
    },
    "cpio": _LIBARCHIVE, "ar": _LIBARCHIVE, "cab": {name: _LIBARCHIVE[name] for name in ("members", "names",
    "sizes", "dates")},
    "deb": {"members": one("MemberCount")} | {key: one(key, "Debian") for key in ("Package", "Version",
    "Architecture", "Maintainer", "OriginalMaintainer", "InstalledSize", "Depends", "Recommends", "Section",
    "Priority", "MultiArch", "Homepage", "Description")},
    "rpm": {name: _LISTED[name] for name in ("members", "names", "sizes")} | {
        key: one({"Arch": "Architecture", "SourceRPM": "SourcePackage",
        "Size": "InstalledSize"}.get(key, key), "RPM")
        for key in ("Name", "Version", "Release", "Summary", "Description", "License", "Vendor", "Packager", "URL",
        "Group", "BuildHost", "Arch", "OS", "Epoch", "BuildTime", "SourceRPM", "PayloadCompressor", "Size")
    },
    "mail": {
        "subject": one("Subject", "Message"), "message-id": one("MessageID", "Message"), "from": _addresses("From"),
        "to": _addresses("To"), "cc": _addresses("Cc"),
        "date": one("Date", "Message"), "attachments": one("AttachmentCount"),
        "attachment names": column("Attachment", "Name"), "attachment types": column("Attachment", "Type"),
        "attachment sizes": lambda o: [
            each.get("Size") for each in o.structs("Attachment") if each["Type"] != "message/rfc822"
        ],
    },
    "mbox": {"messages": one("MessageCount"), "subjects": column("Message", "Subject", "Messages", "")},
    "sqlite": {
        "page_size": one("PageSize"), "page_count": one("PageCount"), "user_version": one("UserVersion"),
        "application_id": one("ApplicationID"),
        "encoding": lambda o: {1: "UTF-8", 2: "UTF-16le", 3: "UTF-16be"}.get(o.one("TextEncoding")),
        "schema_version": one("SchemaVersion"), "freelist_count": one("FreePages"),
        "table": in_order(column("Table", "Name")), "view": in_order(column("View", "Name")),
        "index count": one("IndexCount"), "trigger count": one("TriggerCount"), "columns": _columns,
    },
    "torrent": _LISTED | {
        "name": one("Name", "Torrent"), "size": one("TotalSize"), "hash": one("InfoHash"),
        "comment": one("Comment", "Torrent"), "creator": one("Creator", "Torrent"),
        "private": lambda o: bool(o.one("Private")), "date": one("CreateDate", "Torrent"),
        "trackers": lambda o: sorted({str(f.value) for _, f in o.fields if f.name.startswith("Announce")}),
    },
    "las": {
        "scales": one("Scale"), "offsets": one("Offset"), "mins": one("BoundsMinimum"),
        "maxs": one("BoundsMaximum"), "version": one("LASVersion"), "points": one("PointCount"),
        "format": one("PointFormat"), "size": one("PointSize"), "created": one("CreateDate"),
        "system": one("SystemIdentifier"), "software": one("GeneratingSoftware"),
        "records": lambda o: [[each["User"], each["ID"]] for each in o.structs("Record", "LAS")],
    },
    "dbf": {"rows": one("RowCount"),
    "columns": lambda o: [[c["Name"], c["Length"], c["Decimals"]] for c in o.structs("Column")]},
    "shp": {"kind": one("ShapeType"), "bounds": one("Bounds"), "shapes": one("ShapeCount")},
    "ply": {"elements": lambda o: [[e["Name"], e["Count"], len(e["Properties"])] for e in o.structs("Element")],
    "comments": in_order(every("Comments")), "encoding": one("Encoding")},
    "stl": {"triangles": one("Triangles"), "low": one("BoundsMinimum"), "high": one("BoundsMaximum")},
    "gltf": {name: one(name.capitalize(), "glTF", default=0) for name in ("scenes", "nodes", "meshes", "materials",
    "animations", "accessors", "buffers", "images", "textures", "skins", "cameras")}
    | {"version": one("AssetVersion"), "generator": one("AssetGenerator", default="")},
    "dxf": {"version": one("DXFVersion"), "layers": in_order(every("Layers")), "units": one("Units", default=0),
    "entities": one("EntityCount"), "blocks": one("BlockCount")},
}  # fmt: skip
