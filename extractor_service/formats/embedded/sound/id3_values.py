"""What frames of ID3v2 hold: texts, languages, pictures, ratings, volumes, lyrics. id3.org, id3v2.4.0-frames, section 4."""

from __future__ import annotations

import re
import struct
import uuid
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import Field
from extractor_service.formats.reading import names
from extractor_service.formats.reading.conversions import colon_date
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import ByteRange, Document, Value

_GENRES = Table("sound/ID3::v1", "id3", "ID3v1")
_GENRE_ID = 127
_REFERENCE = re.compile(r"\((\d+|RX|CR)\)")
_USER_NAMES = {"ALBUMARTISTSORT": "AlbumArtistSort", "ASIN": "ASIN"}
_RATING = re.compile(r"(.*) (\d+) (\d+)$", re.DOTALL)
_LANGUAGE = re.compile(rb"[A-Za-z]{3}$")
_MOST_LINES = 5000  # of lyrics with times
_MASTER = (
    "Other", "Master", "Front-right", "Front-left", "Back-right", "Back-left", "Front-centre", "Back-centre", "Subwoofer",
)  # fmt: skip
# Of RVAD: name, places of the change and of the peak, bit of the sign.
_CHANNELS = (
    ("Right", 0, 2, 1), ("Left", 1, 3, 2), ("Back-right", 4, 6, 4), ("Back-left", 5, 7, 8), ("Center", 8, 9, 16), ("Bass", 10, 11, 32),
)  # fmt: skip
_MOST_COUNTER_BYTES = 8  # of how often something was played; longer ones begin with zeros
_UTF16 = frozenset({1, 2})


def texts(data: bytes) -> list[str]:
    """The texts behind a byte that names their encoding, separated by NULs."""
    return decoded(data[1:], data[0]) if data else []


def decoded(data: bytes, encoding: int) -> list[str]:
    """Texts separated by NULs. Encodings: 0 Latin-1 (in practice Windows-1252), 1 UTF-16, 2 UTF-16BE, 3 UTF-8."""
    if encoding in _UTF16:
        return list(_wide(data))
    if encoding not in {0, 3}:
        return [f"<Unknown encoding {encoding}> {_narrow(data.rstrip(bytes(1)))}"]
    parts = data.rstrip(b"\0").split(b"\0")
    return [_narrow(part) for part in parts]


def _narrow(data: bytes) -> str:
    """UTF-8 where it is that: programs that write it without saying so are common, and texts like "Ã¯" aren't."""
    if not data.isascii():
        try:
            return data.decode()
        except UnicodeDecodeError:
            pass
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _wide(data: bytes) -> Iterator[str]:
    """Each text may have a byte order mark; without one it is as the one before, at first big-endian."""
    order = "utf-16-be"
    while len(data) > 1:
        end = data.find(b"\0\0")
        while end > 0 and end & 1:  # half of one character and half of the next
            end = data.find(b"\0\0", end + 1)
        if end < 0:
            end = len(data)
        part, data = data[:end], data[end + 2 :]
        if part[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            order = "utf-16-le" if part[0] == 0xFF else "utf-16-be"
            part = part[2:]
        yield part[: len(part) // 2 * 2].decode(order, "replace")


def one_or_all(found: list[str]) -> Value:
    """A text, or the list of several."""
    return [*found] if len(found) > 1 else found[0] if found else ""


def user_name(described: str) -> str:
    """The field's name for what a user called it."""
    return _USER_NAMES.get(described) or names.spoken(described)


def described_url(data: bytes) -> tuple[str, str]:
    """Description and address of a WXXX frame."""
    encoding = data[0] if data else 0
    step = 2 if encoding in _UTF16 else 1
    end = _end_of(data, 1, step)
    described = decoded(data[1:end], encoding)
    return (described[0] if described else ""), _narrow(data[end + step :].split(b"\0", 1)[0])


def in_language(data: bytes, *, has_description: bool) -> tuple[Value, str]:
    """A comment with its description before it in brackets, and its language in small letters."""
    if len(data) < 5:
        return "", ""
    found = [*decoded(data[4:], data[0]), "", ""]
    language = data[1:4].lower().decode("ascii") if _LANGUAGE.match(data[1:4]) else ""
    if data[1:4] == b"eng":  # the default, in which names carry no language
        language = ""
    if not has_description:
        return found[0], language
    return (f"({found[0]}) {found[1]}" if found[0] else found[1]), language


def of_frame(identity: str, data: bytes) -> Value:
    """The value of the plainer frames; None for bytes."""
    if identity.startswith("T") or identity in {"IPL", "IPLS", "GP1", "MVI", "MVN"}:
        return one_or_all(texts(data))
    if identity.startswith("W"):
        return _narrow(data.split(b"\0", 1)[0])
    if identity in {"CNT", "PCNT"}:
        return int.from_bytes(data[-_MOST_COUNTER_BYTES:])
    if identity in {"POP", "POPM"}:
        owner, _, rest = data.partition(b"\0")
        count = int.from_bytes(rest[1:][-_MOST_COUNTER_BYTES:])
        return f"{_narrow(owner)} {rest[0]} {count}" if rest else ""
    if identity in {"RVA", "RVAD"}:
        return _old_volumes(data)
    if identity == "RVA2":
        return _volumes(data)
    if identity == "OWNE":
        parts = texts(data)
        if len(parts) > 1:
            parts[1] = re.sub(r"^(\d{4})(\d\d)(\d\d)", r"\1:\2:\3 ", parts[1])
        return " ".join(parts)
    if identity in {"GRP1", "MVNM", "MVIN"}:
        return (
            one_or_all(texts(data))
            if data[:1] in {b"\0", b"\1", b"\2", b"\3"}
            else _narrow(data.strip(b"\0"))
        )
    return None


def rating_text(value: Value) -> str:
    """A rating in words: "who Rating=255 Count=3"."""
    found = _RATING.match(value) if isinstance(value, str) else None
    return f"{found[1]} Rating={found[2]} Count={found[3]}" if found else ""


def milliseconds(value: Value) -> Value:
    """A text of milliseconds as seconds."""
    try:
        seconds = float(value) / 1000 if isinstance(value, str) else None
    except ValueError:
        return value
    return value if seconds is None else int(seconds) if seconds.is_integer() else seconds


def dates(value: Value) -> Value:
    """Dates of ISO 8601 with colons, as all dates of a document."""
    if isinstance(value, list):
        return [dates(each) for each in value]
    return colon_date(value) if isinstance(value, str) else value


def add_genre(
    document: Document, table: Table, identity: str, found: list[str], origin: ByteRange | None, group: str
) -> None:
    """Adds the genres: one as stored beside its name, several as a list of their names.

    References are "(17)" before a refinement (2.3, 4.2.1) or plain numbers (2.4, 4.2.3); "((" is a bracket that is meant.
    """
    stored = "/".join(found)
    genres = [name for each in found for name in _genres(each)]
    name = table.tags[identity].name
    if len(genres) > 1:
        document.add("id3", Field(name, [*genres], "", raw=stored, group=group, origin=origin))
    else:
        text = genres[0] if genres and genres[0] != stored else ""
        document.add("id3", Field(name, stored, text, group=group, origin=origin))


def _genres(text: str) -> Iterator[str]:
    if text.isdigit():
        yield _genre(text)
        return
    place, previous = 0, ""
    while (found := _REFERENCE.match(text, place)) is not None:
        place = found.end()
        previous = _genre(found[1])
        yield previous
    rest = text[place:].replace("((", "(", 1) if text[place:].startswith("((") else text[place:]
    if rest.strip() and rest != previous:
        yield rest


def _genre(key: str) -> str:
    if key in {"RX", "CR"}:
        return {"RX": "Remix", "CR": "Cover"}[key]
    return _GENRES.tags[_GENRE_ID].text(int(key)) if len(key) < 4 else f"Unknown ({key})"


class PictureHead(NamedTuple):
    """What stands before a picture's bytes."""

    mime: str
    kind: int
    description: str
    length: int


def picture_head(data: bytes, *, has_short_format: bool) -> PictureHead | None:
    """Of PIC (three letters) or APIC (a MIME type); None when there is none."""
    if len(data) < 6:
        return None
    encoding = data[0]
    place = 4 if has_short_format else data.find(b"\0", 1)
    if place < 1:
        return None
    mime = _narrow(data[1:place])
    place += 0 if has_short_format else 1
    if place >= len(data):
        return None
    kind, step = data[place], 2 if encoding in _UTF16 else 1
    end = _end_of(data, place + 1, step)
    described = decoded(data[place + 1 : end], encoding)
    return PictureHead(mime, kind, described[0] if described else "", end + step)


class ObjectHead(NamedTuple):
    """MIME type, file name and description of an encapsulated object."""

    texts: tuple[str, str, str]
    length: int


def object_head(data: bytes) -> ObjectHead | None:
    """What stands before an object's bytes; None when there is nothing."""
    end = data.find(b"\0", 1)
    if end < 1:
        return None
    encoding, found = data[0], [_narrow(data[1:end])]
    place, step = end + 1, 2 if data[0] in _UTF16 else 1
    for _ in range(2):
        end = _end_of(data, place, step)
        found.append("".join(decoded(data[place:end], encoding)[:1]))
        place = end + step
    return ObjectHead((found[0], found[1], found[2]), min(place, len(data)))


def private(identity: str, data: bytes) -> Value:
    """Values of owners that are known; None for bytes."""
    if identity in {"PeakValue", "AverageLevel"} and len(data) == 4:
        return int.from_bytes(data, "little")
    if identity == "WM_Provider":
        return data.decode("utf-16-le", "replace").rstrip("\0")
    if identity.startswith("WM_") and identity.endswith("ID") and len(data) == 16:
        return str(uuid.UUID(bytes_le=data)).upper()
    return None


def synchronised_lyrics(document: Document, table: Table, data: bytes, origin: ByteRange | None) -> None:
    """Kind, description and lines, each with its time in brackets (4.9)."""
    if len(data) < 7:
        return
    encoding, form, kind = data[0], data[4], data[5]
    step = 2 if encoding in _UTF16 else 1
    language = data[1:4].lower().decode("latin-1") if _LANGUAGE.match(data[1:4]) else ""
    suffix = f"-{language}" if language not in {"", "eng"} else ""
    end = _end_of(data, 6, step)
    described = "".join(decoded(data[6:end], encoding)[:1])
    table.put(document, "type", kind, origin)
    lines: list[Value] = []
    place = end + step
    while place < len(data) and len(lines) < _MOST_LINES:
        stop = _end_of(data, place, step)
        if stop + step + 4 > len(data):
            break
        time = int.from_bytes(data[stop + step : stop + step + 4])
        text = "".join(decoded(data[place:stop], encoding)[:1])
        stamp = f"{time / 1000:.3f}" if form == 2 else f"{time:04d}" + ("" if form == 1 else "?")
        lines.append(f"[{stamp}]{text}")
        place = stop + step + 4
    for key, value in (("desc", described), ("text", one_or_all([str(each) for each in lines]))):
        if key == "desc" or lines:
            name = table.tags[key].name + suffix
            table.put(
                document, key if not suffix else f"{key}{suffix}", value, origin, name=partial(str, name)
            )


def _end_of(data: bytes, start: int, step: int) -> int:
    """Where the text that begins at `start` ends: its NUL, or the end."""
    if step == 1:
        end = data.find(b"\0", start)
        return end if end >= 0 else len(data)
    return next((at for at in range(start, len(data) - 1, 2) if data[at : at + 2] == b"\0\0"), len(data))


def _old_volumes(data: bytes) -> Value:
    """RVAD of 2.3 (4.12): changes of each channel as parts of the whole."""
    if len(data) < 2 or not data[1]:
        return None
    flags, bits, width = data[0], data[1], (data[1] + 7) // 8
    parts = []
    for name, place, peak, sign in _CHANNELS:
        if 2 + (peak + 1) * width > len(data):
            break
        change = int.from_bytes(data[2 + place * width : 2 + (place + 1) * width])
        ratio = 100 * (change if flags & sign else -change) / ((1 << bits) - 1)
        parts.append(f"{ratio:+.1f}% {name}")
    return ", ".join(parts)


def _volumes(data: bytes) -> Value:
    """RVA2 of 2.4 (4.11): a channel, its change in 1/512 dB, its peak."""
    owner, found, rest = data.partition(b"\0")
    rest = rest if found else data
    parts, place = [], 0
    while place + 4 <= len(rest):
        channel, change, bits = struct.unpack_from(">BhB", rest, place)
        name = _MASTER[channel] if channel < len(_MASTER) else f"Unknown({channel})"
        parts.append(f"{10 ** (change / 512 / 20 + 2) - 100:+.1f}% {name}")
        place += 4 + (bits + 7) // 8
    return ", ".join(parts) + (f" ({_narrow(owner)})" if found and owner else "")


def chapter(data: bytes, version: int) -> tuple[int, str] | None:
    """Beginning in ms and title of a CHAP frame: a name, four numbers, frames of its own (addendum 1.0, 3.1)."""
    _, _, rest = data.partition(b"\0")
    if len(rest) < 16:
        return None
    place, title = 16, ""
    while place + 10 <= len(rest) and rest[place]:
        size = rest[place + 4 : place + 8]
        length = int.from_bytes(size)
        if version == 4:
            length = size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]
        if rest[place : place + 4] == b"TIT2":
            title = "".join(texts(rest[place + 10 : place + 10 + length])[:1])
        place += 10 + length
    return int.from_bytes(rest[:4]), title
