"""Mail headers as fields, decoded by the standard library. RFC 5322 (headers), RFC 2047 (words in other charsets)."""

from __future__ import annotations

import email.header
import email.parser
import email.utils
import re
from typing import TYPE_CHECKING

from extractor_service.document import Field, ProblemKind, Struct
from extractor_service.formats.reading import names

if TYPE_CHECKING:
    from email.message import Message

    from extractor_service.document import ByteRange, Document, Value

SECTION = "mail"
MESSAGE, ROUTE = "Message", "Route"
MOST_HEADER_BYTES = 256 * 1024  # of one mail: servers refuse more
_MOST_HEADERS = 500  # of one mail
_MOST_ROUTE = 50  # of hops: RFC 5321 (6.3) stops loops at 100
_MOST_PARAMETERS_CHARS = 4096  # of a header with parameters
_MOST_HOP_CHARS = 4000  # of one hop
_PEOPLE = frozenset({"from", "to", "cc", "bcc", "reply-to", "sender", "return-path", "delivered-to", "resent-from", "resent-to"})  # fmt: skip
_DATES = frozenset({"date", "resent-date", "expires", "delivery-date"})
_NOT_WANTED = frozenset({"received", "dkim-signature", "arc-seal", "arc-message-signature", "domainkey-signature", "content-type", "content-transfer-encoding", "mime-version", "x-received"})  # fmt: skip
_NAMES = {
    "message-id": "MessageID",
    "in-reply-to": "InReplyTo",
    "list-id": "ListID",
    "user-agent": "UserAgent",
}
_HOP = re.compile(r"\b(from|by|with|id|for)\s+(.*?)(?=\s+(?:from|by|with|id|for)\s|$)", re.IGNORECASE | re.DOTALL)  # fmt: skip


def parsed(data: bytes) -> Message:
    """The headers in `data`, which ends at the first empty line."""
    message = email.parser.BytesHeaderParser().parsebytes(data)
    for name in ("Content-Type", "Content-Disposition"):
        # The standard library's search for parameters is quadratic.
        if len(str(message.get(name, ""))) > _MOST_PARAMETERS_CHARS:
            del message[name]
    return message


def utf_8(text: str) -> str:
    """The text, whose bytes beyond ASCII the parser kept as surrogates: UTF-8 in practice (RFC 6532)."""
    if not any("\udc80" <= each <= "\udcff" for each in text):
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def raw(message: Message, name: str) -> str:
    """The first header of that name as it stands, without the object that hides bytes beyond ASCII; "" without one."""
    wanted = name.lower()
    return next((utf_8(str(value)) for key, value in message.raw_items() if key.lower() == wanted), "")


def decoded(value: object) -> str:
    """The text of a header; what its charset can't say is replaced."""
    text = utf_8(str(value))
    if "=?" not in text:
        return _unfolded(text)
    parts = []
    try:
        for content, charset in email.header.decode_header(text):
            if isinstance(content, str):
                parts.append(content)
                continue
            try:
                parts.append(content.decode(charset or "utf-8"))
            except (LookupError, UnicodeDecodeError):
                parts.append(content.decode("cp1252" if not charset else "utf-8", "replace"))
    except (email.errors.HeaderParseError, ValueError):
        return _unfolded(text)
    return _unfolded("".join(parts))


def _unfolded(text: str) -> str:
    return re.sub(r"\r?\n[ \t]*", " ", text).strip()


def date_of(value: object) -> str:
    """A date, "2024:05:06 07:08:09+02:00"; "" for what is no date."""
    try:
        moment = email.utils.parsedate_to_datetime(str(value))
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""
    text = f"{moment.year:04d}:{moment:%m:%d %H:%M:%S}"
    zone = moment.strftime("%z")
    return f"{text}{zone[:3]}:{zone[3:5]}" if zone else text


def people(value: object) -> list[Value]:
    """Addresses as people write them: "Name <name@example.org>"."""
    text = _unfolded(utf_8(str(value)))
    found: list[Value] = []
    for name, address in email.utils.getaddresses([text]):
        shown = decoded(name) if name else ""
        found.append(f"{shown} <{address}>" if shown and address else shown or address)
    return [each for each in found if each] or [decoded(text)]


def add(message: Message, document: Document, origin: ByteRange | None) -> None:
    """Adds the headers; those that every hop adds are the route."""
    found = list(message.raw_items())
    if len(found) > _MOST_HEADERS:
        document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_HEADERS} of {len(found)} headers were read")
    for key, value in found[:_MOST_HEADERS]:
        name = key.lower()
        if name in _NOT_WANTED:
            continue
        shown = _NAMES.get(name) or names.kept(key.replace("-", ""))
        meant: Value
        stored: Value = None
        if name in _PEOPLE:
            try:
                listed = people(value)
            except RecursionError:
                document.problem(SECTION, ProblemKind.DAMAGED, f"{key}: nested too deeply")
                continue
            meant = listed[0] if len(listed) == 1 else listed
        elif name in _DATES:
            meant, stored = date_of(value), str(value)[:200]
            if not meant:
                document.problem(SECTION, ProblemKind.DAMAGED, f"{key}: {str(value)[:80]!r} is no date")
                continue
        else:
            meant = decoded(value)
        document.add(SECTION, Field(shown, meant, raw=stored, group=MESSAGE, origin=origin))
    _signed(message, document)
    _route(message, document)


def _signed(message: Message, document: Document) -> None:
    domains: list[Value] = []
    for value in message.get_all("dkim-signature") or []:
        found = re.search(r"\bd=([^;\s]+)", str(value))
        if found:
            domains.append(found[1])
    if domains:
        document.add(SECTION, Field("DKIMDomain", domains if len(domains) > 1 else domains[0], group=MESSAGE))


def _route(message: Message, document: Document) -> None:
    """The hops, the last one first, as they stand (RFC 5321, 4.4)."""
    hops = message.get_all("received") or []
    for each in hops[:_MOST_ROUTE]:
        text = " ".join(str(each)[:_MOST_HOP_CHARS].split())
        path, _, when = text.rpartition(";")
        entries: list[tuple[str, Value]] = [
            (found[1].capitalize(), found[2].strip()[:500]) for found in _HOP.finditer(path or text)
        ]
        date = date_of(when.strip())
        if date:
            entries.append(("Date", date))
        if entries:
            document.add(SECTION, Field("Received", Struct(tuple(entries)), group=ROUTE))
    if len(hops) > _MOST_ROUTE:
        document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_ROUTE} of {len(hops)} hops are listed")


def add_route(text: str, document: Document) -> None:
    """Adds the route alone, of headers as text."""
    message = email.parser.HeaderParser().parsestr(text[:MOST_HEADER_BYTES])
    _signed(message, document)
    _route(message, document)
