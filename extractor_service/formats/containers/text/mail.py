"""Mails and mailboxes: headers, route, and attachments by name, type and size; bodies are passed over.

RFC 5322 (messages), RFC 2046 (5.1, parts and their boundaries), RFC 4155 (mailboxes). Read in windows: a mail of any
size takes what one window takes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.containers.text import headers
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.sources.descriptor import BytesSource

if TYPE_CHECKING:
    from email.message import Message

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = headers.SECTION
_WINDOW_BYTES = 512 * 1024  # searched at once
_MOST_BYTES = 32 * 1024 * 1024  # of one mail: servers take no longer ones
_MOST_MAILBOX_BYTES = 256 * 1024 * 1024  # of a mailbox: what is read in a second
_MOST_PARTS, _MOST_MESSAGES = 500, 500  # listed; of a mailbox, messages are counted beyond
_NAME = re.compile(r"""(?:file)?name="([^"\r\n]{1,500})\"""")
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_YEAR = re.compile(rb"\d{4}")
_BEHIND_FROM = re.compile(rb"[!-9;-~]{1,100}:|\r?\n")  # a header, or a message without any (RFC 4155)
_MOST_WALKED = 2000  # boundaries, each of which costs a search
_MAILBOX_HEADER_BYTES = 16 * 1024  # of each mail in a mailbox
_MOST_COUNTED = 1_000_000  # messages: a second
_LONGEST_FROM_BYTES = 1000  # an address and a date
_LONGEST_LINE_BYTES = 4096  # that begins a message or ends a part


class _Part(NamedTuple):
    """A part that has begun."""

    message: Message
    at: int


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """Headers of the mail, then its parts."""
    reader = Reader(source)
    end, message = _header(reader, 0)
    headers.add(message, document, ByteRange(0, end))
    _content_type(message, document)
    attachments = _Attachments(document)
    with Surviving(document, SECTION, "the parts", end):
        _parts(reader, message, end, document, attachments)
    document.add(SECTION, Field("AttachmentCount", attachments.count, group=headers.MESSAGE))


def add_parts(data: bytes, document: Document) -> int:
    """Adds the parts of a mail that is kept within another format, without places in the file; how many of them are files."""
    reader = Reader(BytesSource(data))
    end, message = _header(reader, 0)
    attachments = _Attachments(document, is_located=False)
    with Surviving(document, SECTION, "the parts"):
        _parts(reader, message, end, document, attachments)
    return attachments.count


@tolerant(SECTION)
def parse_mailbox(source: ByteSource, document: Document) -> None:
    """How many messages there are, from when to when, and the first ones."""
    reader = Reader(source)
    starts, count, is_whole = _messages(reader, document)
    if is_whole:
        document.add(SECTION, Field("MessageCount", count, group="Mailbox"))
    for number, at in enumerate(starts[:_MOST_MESSAGES]):
        following = starts[number + 1] if number + 1 < len(starts) else reader.length
        with Surviving(document, SECTION, f"message {number + 1}", at):
            line_end = reader.some(at, _LONGEST_LINE_BYTES).find(b"\n") + 1
            end, message = _header(reader, at + line_end, _MAILBOX_HEADER_BYTES)
            entries: list[tuple[str, Value]] = []
            for key in ("From", "To", "Subject", "Message-ID"):
                value = headers.raw(message, key)
                if value:
                    entries.append((key.replace("-", ""), headers.decoded(value)[:1000]))
            date = headers.date_of(message.get("Date", ""))
            if date:
                entries.append(("Date", date))
            if is_whole or number + 1 < len(starts):
                entries.append(("Size", following - at))
            document.add(SECTION, Field("Message", Struct(tuple(entries)), group="Messages", origin=ByteRange(at, end - at)))  # fmt: skip
    if count > _MOST_MESSAGES:
        document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_MESSAGES} of {count} messages are listed")


def _messages(reader: Reader, document: Document) -> tuple[list[int], int, bool]:
    """Where the first messages begin, how many there are, and whether the whole mailbox was looked through."""
    starts: list[int] = []
    count, last = 0, -1
    end = min(reader.length, _MOST_MAILBOX_BYTES)
    at = 0
    while at < end:
        window = reader.some(at, _WINDOW_BYTES + _LONGEST_LINE_BYTES)
        # Looking for the five letters first: the whole pattern is thirty times slower.
        begin = 0 if at == 0 and window.startswith(b"From ") else window.find(b"\nFrom ") + 1 or -1
        while 0 <= begin <= _WINDOW_BYTES and count < _MOST_COUNTED:
            line_end = window.find(b"\n", begin, begin + _LONGEST_FROM_BYTES)
            is_start = (
                line_end >= 0
                and _YEAR.search(window, begin, line_end)
                and _BEHIND_FROM.match(window, line_end + 1)
            )
            if is_start and at + begin > last:
                last = at + begin
                count += 1
                if len(starts) <= _MOST_MESSAGES:
                    starts.append(last)
            begin = window.find(b"\nFrom ", begin) + 1 or -1
        at += _WINDOW_BYTES
    if count >= _MOST_COUNTED:
        document.problem(SECTION, ProblemKind.LIMIT, f"{count} messages were counted: there may be more")
        return starts, count, False
    if end < reader.length:
        document.problem(
            SECTION, ProblemKind.LIMIT, f"{end} of {reader.length} bytes were searched for messages"
        )
    return starts, count, end == reader.length


def _header(reader: Reader, at: int, most_bytes: int = headers.MOST_HEADER_BYTES) -> tuple[int, Message]:
    """Where the header that begins at `at` ends, and what it says."""
    size = 8 * 1024
    while True:
        data = reader.some(at, size)
        if data[:1] == b"\n" or data[:2] == b"\r\n":  # no header at all
            return at + data.index(b"\n") + 1, headers.parsed(b"")
        found = _EMPTY_LINE.search(data)
        if found is not None:
            return at + found.end(), headers.parsed(data[: found.end()])
        if len(data) < size or size >= most_bytes:
            return at + len(data), headers.parsed(data)
        size *= 4


def _content_type(message: Message, document: Document) -> None:
    document.add(SECTION, Field("ContentType", message.get_content_type(), group=headers.MESSAGE))
    charset = message.get_param("charset")
    if isinstance(charset, str):
        document.add(SECTION, Field("Charset", charset.lower(), group=headers.MESSAGE))
    kind = message.get_content_type()
    if kind in {"multipart/signed", "application/pkcs7-mime", "application/x-pkcs7-mime"}:
        document.add(SECTION, Field("Signed", kind == "multipart/signed" or message.get_param("smime-type") != "enveloped-data", group=headers.MESSAGE))  # fmt: skip
    if kind == "multipart/encrypted" or message.get_param("smime-type") == "enveloped-data":
        document.add(SECTION, Field("Encrypted", value=True, group=headers.MESSAGE))


class _Attachments:
    """Lists parts that are files."""

    def __init__(self, document: Document, *, is_located: bool = True) -> None:
        self._document = document
        self._is_located = is_located
        self.count = 0
        self._parts = 0

    def add(self, reader: Reader, part: _Part, end: int) -> None:
        """One part, which has ended."""
        message = part.message
        name = message.get_filename()
        disposition = message.get_content_disposition()
        kind = message.get_content_type()
        if kind.startswith("multipart/"):
            return
        is_file = bool(name) or disposition == "attachment" or not kind.startswith("text/")
        self.count += is_file
        self._parts += 1
        if self._parts > _MOST_PARTS:
            if self._parts == _MOST_PARTS + 1:
                self._document.problem(
                    SECTION, ProblemKind.LIMIT, f"{_MOST_PARTS} parts are listed: there are more", part.at
                )
            return
        entries: list[tuple[str, Value]] = []
        if name:
            entries.append(("Name", _file_name(message, name)))
        entries.append(("Type", kind))
        encoding = str(message.get("Content-Transfer-Encoding", "7bit")).strip().lower()
        size = _decoded_size(reader, part.at, end, encoding)
        if size is not None:
            entries.append(("Size", size))
        for key, value in (("Disposition", disposition), ("Charset", message.get_content_charset())):
            if value:
                entries.append((key, value))
        content_id = message.get("Content-ID")
        if content_id:
            entries.append(("ContentID", str(content_id).strip("<> ")))
        shown = "Attachment" if is_file else "Body"
        origin = ByteRange(part.at, max(0, end - part.at)) if self._is_located else None
        self._document.add(SECTION, Field(shown, Struct(tuple(entries)), group="Parts", origin=origin))


def _file_name(message: Message, told: str) -> str:
    """The name of a part; one in raw UTF-8 the library spoils, so that it is read as it stands."""
    if "\ufffd" in told or "\udc80" <= max(told) <= "\udcff":
        for header in ("Content-Disposition", "Content-Type"):
            found = _NAME.search(headers.raw(message, header))
            if found is not None:
                return found[1]
    return headers.decoded(told)


def _decoded_size(reader: Reader, at: int, end: int, encoding: str) -> int | None:
    """Bytes of a part, decoded: counted where its encoding is plain, None where only decoding would tell."""
    if encoding == "quoted-printable":
        if end - at > _WINDOW_BYTES:
            return None
        import binascii  # noqa: PLC0415 - in workers only

        return len(binascii.a2b_qp(reader.some(at, end - at)))
    if encoding != "base64":
        return max(0, end - at)
    letters = padding = 0
    while at < end:
        data = reader.some(at, min(_WINDOW_BYTES, end - at))
        letters += len(data.translate(None, b"\r\n \t"))
        padding += data.count(b"=")
        at += len(data)
    return letters * 3 // 4 - min(padding, 2)


def _parts(reader: Reader, message: Message, at: int, document: Document, attachments: _Attachments) -> None:
    """Goes through the parts: each ends where a boundary of its own or of one around it stands (RFC 2046, 5.1.2)."""
    end = min(reader.length, at + _MOST_BYTES)
    boundary = message.get_boundary()
    if boundary is None or message.get_content_maintype() != "multipart":
        if message.get_content_maintype() not in {"text", "multipart"} or message.get_filename():
            attachments.add(reader, _Part(message, at), end)
        return
    open_ones = [boundary.encode("utf-8", "replace")]
    part: _Part | None = None
    walked = 0
    while open_ones:
        walked += 1
        if walked > _MOST_WALKED:
            document.problem(
                SECTION, ProblemKind.LIMIT, f"{walked - 1} boundaries were met: there may be more", at
            )
            return
        found = _next_boundary(reader, at, end, open_ones)
        if found is None:
            if part is not None:
                attachments.add(reader, part, end)
            kind = ProblemKind.TRUNCATED if end == reader.length else ProblemKind.LIMIT
            document.problem(SECTION, kind, "the last part has no end" if end == reader.length else f"{_MOST_BYTES} bytes were searched for parts", at)  # fmt: skip
            return
        place, level, is_last, after = found
        if part is not None:
            attachments.add(reader, part, place)
        part, at = None, after
        del open_ones[level + 1 :]
        if is_last:
            open_ones.pop()
            continue
        begin, inner = _header(reader, after)
        part, at = _Part(inner, begin), max(after, begin - 2)
        nested = inner.get_boundary()
        if nested is not None and inner.get_content_maintype() == "multipart" and len(open_ones) < 20:
            open_ones.append(nested.encode("utf-8", "replace"))


def _next_boundary(
    reader: Reader, at: int, end: int, open_ones: list[bytes]
) -> tuple[int, int, bool, int] | None:
    """(where the part before ends, which boundary, whether it is the last one, where the next part begins)."""
    pattern = re.compile(
        rb"(?:^|\r?\n)--(" + b"|".join(re.escape(each) for each in sorted(open_ones, key=len, reverse=True)) + rb")(--)?[ \t]*(?:\r?\n|$)"
    )  # fmt: skip
    size = 64 * 1024  # most parts are short
    while at < end:
        window = reader.some(at, min(size + _LONGEST_LINE_BYTES, end - at))
        found = pattern.search(window)
        if found is not None and found.end() == len(window) and at + len(window) < end:
            found = None  # the line may go on
        if found is not None:
            return (
                at + found.start(), open_ones.index(found[1]), found[2] is not None, at + found.end(),
            )  # fmt: skip
        at, size = at + size, _WINDOW_BYTES
    return None
