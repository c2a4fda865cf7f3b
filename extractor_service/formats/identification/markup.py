"""Markup by its root element, which counts only where nothing but blanks, comments and declarations stands before it."""

from __future__ import annotations

import re
from typing import NamedTuple

_ROOT = re.compile(r"<(?:([A-Za-z_][\w.-]*):)?([A-Za-z_][\w.-]*)([^<>]*)", re.DOTALL)
_DOCTYPE = re.compile(r"<!DOCTYPE\s+([\w:.-]+)", re.IGNORECASE)
_BLANKS = re.compile(r"\s*")
# HTML in practice begins with any of its elements; those that mean something else in XML aren't here.
_HTML = frozenset(["html", "head", "body", "title", "meta", "link", "script", "style", "div", "table", "p", "a", "h1", "h2", "h3", "center", "br", "font", "b", "i", "img", "base", "ul", "form", "frameset", "iframe", "span", "hr", "pre"])  # fmt: skip
# (namespace, local name) → name or media type; beside those of the generated table. "" is any.
_ROOTS = {
    ("http://www.w3.org/2000/svg", "svg"): "svg", ("", "svg"): "svg",
    ("adobe:ns:meta/", ""): "xmp",  # x:xmpmeta, x:xapmeta, and what programs make of it
    ("http://www.w3.org/1999/02/22-rdf-syntax-ns#", "RDF"): "xmp",
    ("http://www.w3.org/1999/xhtml", "html"): "xhtml",
    ("", "plist"): "application/x-plist", ("", "gpx"): "application/gpx+xml", ("", "kml"): "application/vnd.google-earth.kml+xml",
    ("", "rss"): "application/rss+xml", ("", "feed"): "application/atom+xml", ("", "opml"): "text/x-opml",
    ("", "COLLADA"): "model/vnd.collada+xml", ("", "mxfile"): "application/vnd.jgraph.mxfile",
    ("", "score-partwise"): "application/vnd.recordare.musicxml+xml", ("", "FictionBook"): "application/x-fictionbook+xml",
    ("", "mzML"): "application/x-mzml+xml", ("", "indexedmzML"): "application/x-mzml+xml", ("", "TEI"): "application/tei+xml", ("", "MPD"): "application/dash+xml",
    ("", "smil"): "application/smil+xml", ("", "math"): "application/mathml+xml", ("", "SmoothStreamingMedia"): "application/vnd.ms-sstr+xml",
    ("", "package"): "application/oebps-package+xml", ("", "wml"): "text/vnd.wap.wml", ("", "html"): "html",
}  # fmt: skip


class Markup(NamedTuple):
    """The root element of a document."""

    namespace: str
    name: str
    is_declared: bool
    """Whether an XML declaration stands at the very beginning."""


def root_of(text: str) -> Markup | None:
    """The root of what `text` begins; None when something else stands first, or no element comes."""
    is_declared = text.startswith("<?xml")
    place, doctype = _before_root(text)
    root = _ROOT.match(text, place)
    if root is None:
        return Markup("", doctype, is_declared) if doctype or is_declared else None
    prefix, name, attributes = root[1] or "", root[2], root[3]
    declared = re.search(
        rf"""xmlns{":" + re.escape(prefix) if prefix else ""}\s*=\s*["']([^"']*)["']""", attributes
    )
    if declared is None and not prefix and doctype.lower() == "html":
        return Markup("", "html", is_declared)
    return Markup(declared[1] if declared else "", name, is_declared)


def _before_root(text: str) -> tuple[int, str]:
    """Where comments and declarations end, and the name of the document type. Linear in the text, whatever it is."""
    place, doctype = 0, ""
    while True:
        found = _BLANKS.match(text, place)
        place = found.end() if found else place
        if text.startswith("<!--", place):
            end, length = text.find("-->", place + 4), 3
        elif text.startswith("<?", place):
            end, length = text.find("?>", place + 2), 2
        elif (told := _DOCTYPE.match(text, place)) is not None:
            doctype = told[1]
            end, length = text.find(">", told.end()), 1
            subset = text.find("[", told.end())
            if 0 <= subset < end:  # declarations of its own, each with a ">"
                end = text.find(">", text.find("]", subset) + 1) if "]" in text[subset:] else -1
        else:
            return place, doctype
        if end < 0:
            return len(text), doctype
        place = end + length


def kind_of(markup: Markup, roots: dict[tuple[str, str], str]) -> str:
    """A name or media type; "xml" for a declared document of an unknown root, "" for what is hardly markup."""
    for key in ((markup.namespace, markup.name), ("", markup.name)):
        told = _ROOTS.get(key) or roots.get(key)
        if told and (key[0] or not markup.namespace or (markup.namespace, markup.name) not in roots):
            return told
    if markup.name.lower() in _HTML:
        return "html" if not markup.is_declared or markup.name.lower() == "html" else "xml"
    told = _ROOTS.get((markup.namespace, "")) or roots.get((markup.namespace, "")) if markup.namespace else ""
    if told:
        return told
    return "xml" if markup.is_declared or markup.namespace else ""
