"""What the field's readers say of documents, archives, fonts and programs; run by build/oracles/venv/bin/python.

    python documents_oracles_archives.py FAMILY < PATHS > JSON

Per file either {"facts": {name: value}} or {"refused": why}. A fact that the reader can't tell is left out.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

_CORE = {
    "title": "title", "subject": "subject", "author": "author", "keywords": "keywords", "comments": "comments",
    "category": "category",
    "content status": "content_status", "last modified by": "last_modified_by", "revision": "revision",
    "created": "created", "modified": "modified",
    "last printed": "last_printed", "language": "language", "version": "version", "identifier": "identifier",
}  # fmt: skip
_OLE = {
    "title": "title", "subject": "subject", "author": "author", "keywords": "keywords", "comments": "comments",
    "template": "template",
    "last modified by": "last_saved_by", "revision": "revision_number", "edit time": "total_edit_time",
    "last printed": "last_printed",
    "created": "create_time", "modified": "last_saved_time", "pages": "num_pages", "words": "num_words",
    "characters": "num_chars",
    "application": "creating_application", "security": "security", "category": "category",
    "format": "presentation_target", "bytes": "bytes",
    "lines": "lines", "paragraphs": "paragraphs", "slides": "slides", "notes": "notes",
    "hidden slides": "hidden_slides", "clips": "mm_clips",
    "manager": "manager", "company": "company", "version": "version",
}  # fmt: skip


def date(value: object) -> str | None:
    """A date as we write it."""
    if isinstance(value, (int, float)):
        value = datetime.fromtimestamp(value, UTC)
    if not isinstance(value, datetime):
        return None
    zone = value.strftime("%z")
    shown = "" if not zone else "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:5]}"
    return f"{value.year:04d}:{value:%m:%d %H:%M:%S}{shown}"


def plain(value: object) -> object:
    """Dates as we write them, nothing for what is empty."""
    return date(value) if isinstance(value, datetime) else value or None


class Facts(dict):
    """Facts by name; one whose question fails is left out."""

    def ask(self, name: str, question) -> None:
        try:
            value = question()
        except Exception as error:  # noqa: BLE001 - what readers raise is their affair
            print(f"  {name}: {type(error).__name__}: {str(error)[:100]}", file=sys.stderr)
            return
        if value is not None:
            self[name] = value


def members(rows, **columns) -> dict:
    """One fact a column, by member name, in the reader's order; None is left out."""
    rows = list(rows)
    told = {"members": len(rows)}
    for name, column in columns.items():
        values = [column(row) for row in rows]
        if any(each is not None for each in values):
            told[name] = values
    return told


def pdf(path: str) -> dict:
    import pypdf
    from pypdf.generic import IndirectObject

    reader = pypdf.PdfReader(path)
    facts = Facts({"encrypted": reader.is_encrypted})
    if reader.is_encrypted and not reader.decrypt(""):
        return facts
    whole = lambda each: each.get_object() if isinstance(each, IndirectObject) else each

    def size() -> list[float]:
        page = reader.pages[0]
        crop, media, unit = page.cropbox, page.mediabox, page.user_unit
        wide, high = ((min(crop[at + 2], media[at + 2]) - max(crop[at], media[at])) * unit for at in (0, 1))
        return [round(float(each), 2) for each in ((high, wide) if page.rotation % 180 else (wide, high))]

    def fonts() -> list[str]:
        found, seen, waiting = set(), set(), []
        for page in reader.pages:
            waiting.append(page.get("/Resources"))
            for each in whole(page.get("/Annots")) or []:
                look = whole(whole(each).get("/AP") or {}).get("/N")
                states = (
                    [whole(look)] if hasattr(whole(look), "get_data") else list((whole(look) or {}).values())
                )
                waiting += [
                    whole(state).get("/Resources") for state in states if hasattr(whole(state), "get")
                ]
        while waiting:
            resources = whole(waiting.pop()) or {}
            if id(resources) in seen:
                continue
            seen.add(id(resources))
            for key, font in (whole(resources.get("/Font")) or {}).items():
                font = whole(font)
                found.add(str(font.get("/BaseFont") or font.get("/Name") or key).lstrip("/"))
            for kind in ("/XObject", "/Pattern"):
                for each in (whole(resources.get(kind)) or {}).values():
                    waiting.append(whole(each).get("/Resources"))
        return sorted(found)

    def fields(*, signed: bool) -> int:
        form = whole(reader.root_object.get("/AcroForm"))
        waiting, count = [(each, None) for each in whole((form or {}).get("/Fields")) or []], 0
        while waiting:
            field, kind = waiting.pop()
            field = whole(field)
            kind = field.get("/FT") or kind
            kids = [each for each in whole(field.get("/Kids")) or [] if "/T" in whole(each)]
            waiting += [(each, kind) for each in kids]
            count += not kids and (not signed or (kind == "/Sig" and field.get("/V") is not None))
        return count

    def outline(entries: list) -> int:
        return sum(outline(each) if isinstance(each, list) else 1 for each in entries)

    def info() -> None:
        meta = reader.metadata or {}
        if meta.get("/Keywords"):
            facts.ask("info Keywords", lambda: re.sub(r"[\s,;]+", " ", str(whole(meta["/Keywords"]))))
        for key in ("Title", "Author", "Subject", "Creator", "Producer"):
            facts.ask(
                f"info {key}", lambda key=key: str(whole(meta[f"/{key}"])) if meta.get(f"/{key}") else None
            )
        facts.ask("info CreationDate", lambda: date(meta.creation_date) if meta else None)
        facts.ask("info ModDate", lambda: date(meta.modification_date) if meta else None)

    facts.ask("pages", lambda: len(reader.pages))
    facts.ask("size of page 1", size)
    facts.ask("rotation of page 1", lambda: reader.pages[0].rotation % 360)
    facts.ask(
        "attachments", lambda: sorted(each.alternative_name or each.name for each in reader.attachment_list)
    )
    facts.ask("outline entries", lambda: outline(reader.outline))
    facts.ask("form fields", lambda: fields(signed=False))
    facts.ask("signatures", lambda: fields(signed=True))
    facts.ask("fonts", fonts)
    facts.ask("layout", lambda: reader.page_layout and reader.page_layout.lstrip("/"))
    facts.ask("mode", lambda: reader.page_mode and reader.page_mode.lstrip("/"))
    facts.ask("info", info)
    return facts


def ooxml(path: str) -> dict:
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.opc.package import OpcPackage

    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    facts = Facts({"macros": any(name.endswith("vbaProject.bin") for name in names), "parts": len(names)})
    package = OpcPackage.open(path)
    with contextlib.suppress(KeyError):
        package.part_related_by(RELATIONSHIP_TYPE.CORE_PROPERTIES)
        core = package.core_properties
        for name, key in _CORE.items():
            value = lambda key=key: getattr(core, key)
            facts.ask(name, lambda value=value: plain(value()))
    if "xl/workbook.xml" in names:
        import openpyxl

        with contextlib.suppress(Exception):
            book = openpyxl.load_workbook(path)
            if book.sheetnames:  # none in strict files, whose names it doesn't know
                facts["sheets"] = book.sheetnames
            facts["hidden sheets"] = [name for name in book.sheetnames if book[name].sheet_state != "visible"]
    if "ppt/presentation.xml" in names:
        import pptx

        with contextlib.suppress(ValueError):  # it opens .pptx and .pptm alone
            show = pptx.Presentation(path)
            facts["slides"] = len(show.slides)
            if show.slide_width:
                facts["slide size"] = [
                    round(each / 360_000, 2) for each in (show.slide_width, show.slide_height)
                ]
            notes = sum(slide.has_notes_slide for slide in show.slides)
            facts["notes"] = notes
    if "word/document.xml" in names:
        import docx

        with contextlib.suppress(ValueError):
            facts["comments of reviewers"] = len(list(docx.Document(path).comments))
    return facts


def odf(path: str) -> dict:
    spaces = {"o": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "m": "urn:oasis:names:tc:opendocument:xmlns:meta:1.0",
              "d": "http://purl.org/dc/elements/1.1/"}  # fmt: skip
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        manifest = archive.read("META-INF/manifest.xml") if "META-INF/manifest.xml" in names else b""
        facts = Facts({"parts": len(names), "encrypted": b"encryption-data" in manifest})
        modules = [
            name for name in names if name.startswith(("Basic/", "Scripts/")) and not name.endswith("/")
        ]
        facts["macros"] = any(Path(name).name not in {"script-lb.xml", "script-lc.xml"} for name in modules)
        if "meta.xml" not in names or (facts["encrypted"] and b"meta.xml" in manifest):
            return facts
        try:
            meta = ET.fromstring(archive.read("meta.xml"))
        except ET.ParseError:
            return facts
    for name, key in (
        ("generator", "m:generator"), ("title", "d:title"), ("subject", "d:subject"),
        ("description", "d:description"), ("creator", "d:creator"),
        ("first creator", "m:initial-creator"), ("language", "d:language"), ("cycles", "m:editing-cycles"),
        ("duration", "m:editing-duration"),
        ("created", "m:creation-date"), ("modified", "d:date"), ("printed", "m:print-date"),
        ("printed by", "m:printed-by"),
    ):  # fmt: skip
        text = meta.findtext(f".//{key}", None, spaces)
        if text:
            is_date = name in {"created", "modified", "printed"}
            facts.ask(
                name,
                lambda text=text, is_date=is_date: date(datetime.fromisoformat(text)) if is_date else text,
            )
    facts["keywords"] = [each.text or "" for each in meta.iterfind(".//m:keyword", spaces)]
    facts["user defined"] = [
        each.get(f"{{{spaces['m']}}}name") for each in meta.iterfind(".//m:user-defined", spaces)
    ]
    counts = meta.find(".//m:document-statistic", spaces)
    facts["statistics"] = sorted(int(each) for each in (counts.attrib.values() if counts is not None else []))
    return facts


def epub(path: str) -> dict:
    from ebooklib import epub as books

    book = books.read_epub(path, {"ignore_ncx": True})
    facts = Facts()
    for name in (
        "title",
        "creator",
        "language",
        "identifier",
        "publisher",
        "contributor",
        "date",
        "description",
        "subject",
        "rights",
    ):
        facts[name] = sorted(text for text, _ in book.get_metadata("DC", name) if text)
    facts |= {"version": book.version, "manifest": len(book.items), "spine": len(book.spine)}
    return facts


def ole(path: str) -> dict:
    import olefile

    with olefile.OleFileIO(path) as file:
        facts = Facts({"streams": len(file.listdir()), "class": file.root.clsid})
        meta = file.get_metadata()
        pages = {"summary": (meta.codepage or 1252) % 65536, "document": (meta.codepage_doc or 1252) % 65536}
        for name, key in _OLE.items():
            value = getattr(meta, key)
            if isinstance(value, bytes):
                page = pages["summary" if key in meta.SUMMARY_ATTRIBS else "document"]
                codec = {65001: "utf-8", 1200: "utf-16-le", 10000: "mac_roman"}.get(page, f"cp{page}")
                with contextlib.suppress(LookupError):
                    value = value.decode(codec, "replace").partition("\0")[0]
            value = [each.decode("utf-8").strip("\0") for each in value] if isinstance(value, list) else value
            if isinstance(value, str):  # it reads UTF-16 by twice its length
                value = value.partition("\0")[0]
            if value not in (None, "", b"") and not (isinstance(value, datetime) and value.year < 1602):
                nearest = lambda moment: date(moment + timedelta(seconds=0.5))
                facts[name] = nearest(value) if isinstance(value, datetime) else value
        is_book = file.exists("Workbook") or file.exists("Book")
    from oletools.olevba import VBA_Parser

    facts.ask("macros", lambda: bool(VBA_Parser(path).detect_vba_macros()))
    if is_book:
        import xlrd

        def sheets(*, hidden: bool) -> list[str]:
            book = xlrd.open_workbook(path, on_demand=True, logfile=io.StringIO())
            seen = zip(book.sheet_names(), book._sheet_visibility, strict=True)
            return [name for name, how in seen if how or not hidden]

        facts.ask("sheets", lambda: sheets(hidden=False))
        facts.ask("hidden sheets", lambda: sheets(hidden=True))
    return facts


def msg(path: str) -> dict:
    import extract_msg

    facts = Facts()
    with extract_msg.openMsg(path, delayAttachments=True) as mail:
        facts |= {"class": mail.classType}
        for name in ("subject", "date", "messageId", "importance"):
            facts.ask(name, lambda name=name: plain(getattr(mail, name)))
        facts.ask("sender", lambda: mail.getStringStream("__substg1.0_0C1A"))
        facts.ask("recipients", lambda: sorted(each.email or each.name or "" for each in mail.recipients))
        facts.ask("attachments", lambda: len(mail.attachments))
        names = lambda: sorted(each.longFilename or each.shortFilename or "" for each in mail.attachments)
        facts.ask("attachment names", names)
    return facts
