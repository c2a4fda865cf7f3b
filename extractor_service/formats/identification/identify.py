"""Which type a file is, by its bytes: the evidence that stands first and is the strongest wins, and the name never does.

1. What a reader knows by four bytes or more at a fixed place.
2. The generated magics (Tika, PRONOM), where they are told by more.
3. Containers, one level down: what their first bytes or their directory say.
4. Weak magics of readers (two bytes, or a chain of frames), text by its first element or lines, text as such.
5. By the caller, with `named`: an extension, where the bytes say nothing.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.formats.identification import (
    boxes,
    magics,
    markup,
    ole,
    tails,
    text,
    tiffs,
    zips,
)
from extractor_service.formats.identification.looking import HEAD_BYTES, BeyondHeadError, BudgetView, HeadView
from extractor_service.formats.identification.types import (
    UNKNOWN,
    Evidence,
    FileType,
    Identity,
    by_extension,
    by_mime,
    by_name,
    in_table,
)
from extractor_service.formats.reading import text_charset
from extractor_service.formats.registry import FORMATS
from extractor_service.formats.sniff import Sniffed, sniff
from extractor_service.formats.tags import file_types

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from extractor_service.formats.base import Format
    from extractor_service.formats.identification.looking import View
    from extractor_service.sources.base import ByteSource

_LONGEST_EXTENSION = 24  # none is longer; what is isn't kept
# Nothing inside says more: the commonest files cost one look-up.
_TOLD_AT_ONCE = frozenset({"jpeg", "png", "gif", "cr2", "orf", "rw2", "raf", "fits", "flac"})
_STRONG_BYTES = 4  # two or three bytes are met by chance among thousands of files
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIPS = (b"PK\3\4", b"PK\5\6", b"PK\7\x08PK\3\4", b"PK00PK\3\4")
# Types that other kinds of text share as a beginning: the extension may say which.
_PLAIN = frozenset({"text", "xml", "script", "json"})
_OOXML = ("application/vnd.openxmlformats-officedocument.", "application/vnd.ms-excel.", "application/vnd.ms-word.", "application/vnd.ms-powerpoint.")  # fmt: skip


def identify(head: bytes, size_bytes: int, formats: Sequence[Format] = FORMATS) -> Identity:
    """The type of a file of `size_bytes` that begins with `head` (its first 16 KiB, or all of it).

    `is_final` is False where a directory beyond the head may say more: `identify_source` looks there.
    """
    known = sniff(head, formats)
    if known is not None and _is_told_at_once(known):
        return _at_once(known.format)
    return _identify(head[:HEAD_BYTES], HeadView(head[:HEAD_BYTES], size_bytes), known)


def _is_told_at_once(known: Sniffed) -> bool:
    """Whether it is one of the commonest formats, which nothing inside makes another one."""
    return known.is_in_place and known.strength >= 3 and known.format.name in _TOLD_AT_ONCE


def identify_source(source: ByteSource, formats: Sequence[Format] = FORMATS) -> Identity:
    """The same, with all that is needed: the head, and the tail or one directory, 192 KiB at most.

    Whatever `source` raises is raised; SourceError is of its kind.
    """
    head = source.read_range(0, min(HEAD_BYTES, source.size_bytes))
    known = sniff(head, formats)
    if known is not None and _is_told_at_once(known):
        return _at_once(known.format)
    return _identify(head, BudgetView(source), known)._replace(is_final=True)


class Named(NamedTuple):
    """What a file of some name is."""

    identity: Identity
    contradiction: str
    """The media type that the name stands for, where the content is another; "" when they agree or nothing can be said."""


def named(identity: Identity, name: str) -> Identity:
    """The identity of a file of that name: where the bytes leave it open, the extension decides, and is the evidence."""
    return by_the_name(identity, name).identity


def contradiction(identity: Identity, name: str) -> str:
    """The media type that the name stands for, where the content is another; "" when they agree or nothing can be said."""
    return by_the_name(identity, name).contradiction


def by_the_name(identity: Identity, name: str) -> Named:
    """Both: every file asks, and most have one of a few endings."""
    stem, dot, extension = name.rpartition(".")
    return _by_extension(identity, extension if dot and stem and len(extension) < _LONGEST_EXTENSION else "")


@lru_cache(maxsize=4096)
def _by_extension(identity: Identity, extension: str) -> Named:
    suggested = by_extension().get(extension.lower()) if extension else None
    if suggested is None:
        return Named(identity, "")
    chosen = _named_by(identity, suggested)
    return Named(chosen, _contradicted(chosen, suggested, extension.lower()))


def _named_by(identity: Identity, suggested: FileType) -> Identity:
    if not identity.type.name:
        # A type that is told by its bytes, which these aren't, is not believed.
        return identity if suggested.name in _told_by_content() else Identity(suggested, Evidence.EXTENSION)
    if identity.type.name == "tiff" and identity.evidence is Evidence.MAGIC and suggested.reader == "tiff":
        return identity._replace(type=suggested, evidence=Evidence.EXTENSION)  # its directory can't be read
    if identity.type.name == "ooxml_encrypted" and suggested.mime_type.startswith(_OOXML):
        return identity._replace(type=suggested, evidence=Evidence.EXTENSION)  # what is inside nobody can see
    if identity.type.name in _PLAIN and _may_be(identity, suggested):
        return identity._replace(type=suggested, evidence=Evidence.EXTENSION)
    return identity


def _contradicted(identity: Identity, suggested: FileType, extension: str) -> str:
    if not identity.type.name:
        return ""
    own = identity.type
    if (
        extension in own.extensions
        or suggested.mime_type in {own.mime_type, UNKNOWN.type.mime_type}
        or (suggested.reader and suggested.reader == own.reader)
    ):
        return ""
    if identity.evidence is Evidence.EXTENSION or (
        own.name in _PLAIN and suggested.name not in _told_by_content()
    ):
        return ""
    return suggested.mime_type


def suggestion(name: str) -> FileType | None:
    """The type that files of that name are likely to have; None when its ending says nothing."""
    stem, dot, extension = name.rpartition(".")
    return by_extension().get(extension.lower()) if dot and stem else None


@cache
def content_types() -> frozenset[str]:
    """Names of all types that are told by their content."""
    return _told_by_content()


def _identify(head: bytes, view: View, known: Sniffed | None) -> Identity:
    if not head:
        return Identity(by_name()["empty"], Evidence.MAGIC)
    contained = _container(head, view)
    if contained is not None:
        return contained
    if known is not None and known.is_in_place and known.strength >= _STRONG_BYTES:
        return Identity(_type_of(known.format), Evidence.MAGIC)
    found = magics.match(head)
    if found is not None and found.strength < _STRONG_BYTES:
        found = None if known is not None and known.is_in_place else found
    if found is not None and found.strength >= _STRONG_BYTES and not _is_textual(found.type):
        return Identity(found.type, Evidence.MAGIC)
    weak = _weak(head, view.size_bytes)
    if weak is not None:
        return weak
    charset = text_charset.charset_of(head, is_whole=view.size_bytes <= len(head))
    told = _text(head, charset) if charset else None
    if told is not None and told.type.name != "text" and (known is None or not known.is_in_place):
        return told
    if known is not None:
        return Identity(_type_of(known.format), Evidence.MAGIC)
    if found is not None and (told is None or found.strength >= _STRONG_BYTES):
        return Identity(found.type, Evidence.MAGIC, charset)
    return told or _by_tail(view)


def _by_tail(view: View) -> Identity:
    """What the end of a file says whose beginning says nothing."""
    try:
        told = tails.kind_of(view)
    except BeyondHeadError:
        return UNKNOWN._replace(is_final=False)
    return _named(told, Evidence.MAGIC) if told else UNKNOWN


# By `id`: to hash a format costs more than to sniff it.
_AT_ONCE: dict[int, tuple[Format, Identity]] = {}


def _at_once(known: Format) -> Identity:
    found = _AT_ONCE.get(id(known))
    if found is None:
        found = _AT_ONCE[id(known)] = (known, Identity(_type_of(known), Evidence.MAGIC))
    return found[1]


def _type_of(known: Format) -> FileType:
    found = by_name().get(known.name)
    if found is not None and found.mime_type == known.mime_type:
        return found
    return FileType(known.name, known.mime_type, known.extensions, known.name)


def _is_textual(kind: FileType) -> bool:
    return kind.mime_type.startswith("text/")


def _container(head: bytes, view: View) -> Identity | None:
    """What the containers say that are told one level down; None for any other file."""
    directory = _directory_of(head)
    if directory is not None:
        looks, fallback = directory
        try:
            told = looks(head, view)
            return _named(told or fallback, Evidence.CONTAINER if told else Evidence.MAGIC)
        except BeyondHeadError:
            return Identity(by_name()[fallback], Evidence.MAGIC, is_final=False)
    for look in (boxes.riff, boxes.iff, boxes.ogg, boxes.ebml, boxes.iso_base_media):
        told = look(head)
        if told:
            return _named(told, Evidence.CONTAINER)
    return None


def _directory_of(head: bytes) -> tuple[Callable[[bytes, View], str], str] | None:
    """What reads the directory, and the type until it was read."""
    if head.startswith(_ZIPS):
        return zips.kind_of, "zip"
    if head.startswith(_OLE):
        return ole.kind_of, "ole"
    if (head[:4] in {b"II*\0", b"MM\0*"} and head[8:11] != b"CR\x02" and head[128:132] != b"DICM") or head[:8] in {b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"}:  # fmt: skip
        return tiffs.kind_of, "tiff"
    if head.startswith(boxes.ASF):
        return boxes.asf, "asf"
    if boxes.id3_length(head):
        return _behind_id3, "mp3"
    return None


def _behind_id3(head: bytes, view: View) -> str:
    length = boxes.id3_length(head)
    return boxes.after_id3(view.read_range(length, 16) if length < view.size_bytes else b"")


def _weak(head: bytes, size_bytes: int) -> Identity | None:
    """Types without a magic of their own, told by a structure that can't be met by chance."""
    if boxes.is_adts(head) or boxes.is_loas(head):
        return _named("aac", Evidence.CONTAINER)
    if not head.startswith((b"\xff\xd8", b"%PDF")) and boxes.is_mpeg_audio(head, size_bytes):
        return _named("mp3", Evidence.CONTAINER)
    if boxes.is_tar(head):
        return _named("application/x-tar", Evidence.CONTAINER)
    if boxes.is_transport_stream(head):
        return _named("video/mp2t", Evidence.CONTAINER)
    told = boxes.nifti(head)
    if told:
        return _named(told, Evidence.CONTAINER)
    if boxes.dicom_without_preamble(head):
        return _named("dicom", Evidence.CONTAINER)
    if boxes.matlab_4(head):
        return _named("mat4", Evidence.CONTAINER)
    if boxes.safetensors(head, size_bytes):
        return _named("safetensors", Evidence.CONTAINER)
    if boxes.segy(head):
        return _named("segy", Evidence.CONTAINER)
    if boxes.onnx(head):
        return _named("onnx", Evidence.CONTAINER)
    return None


def _text(head: bytes, charset: str) -> Identity:
    content = text_charset.decoded(head, charset)
    root = markup.root_of(content)
    told = markup.kind_of(root, _roots()) if root is not None else ""
    if (
        told == "xmp"
        and root is not None
        and root.name == "RDF"
        and "ns.adobe.com" not in content
        and "<?xpacket" not in content
    ):
        told = "rdf"
    if not told:
        told = text.kind_of(content)
    return _named(told or "text", Evidence.TEXT)._replace(charset=charset)


@lru_cache(maxsize=1024)  # of some hundred that there are
def _named(told: str, evidence: Evidence) -> Identity:
    """The type of that name or media type."""
    found = by_name().get(told) or by_mime().get(told.lower())
    if found is None:
        found = FileType(
            told.partition("/")[2]
            .removeprefix("x-")
            .removeprefix("vnd.")
            .replace(".", "_")
            .replace("-", "_")
            .replace("+", "_"),
            told,
        )
    return Identity(found, evidence)


@cache
def _roots() -> dict[tuple[str, str], str]:
    return {key: in_table(place).name for key, place in file_types.ROOTS.items()}


@cache
def _told_by_content() -> frozenset[str]:
    """Types that are told by their content: a file without it isn't of them, whatever its name."""
    names = {in_table(place).name for _, place, _ in file_types.MAGICS}
    names |= {each.name for each in FORMATS if not each.is_told_by_name}
    return frozenset(names)


def _may_be(identity: Identity, suggested: FileType) -> bool:
    """Whether a text or XML of unknown kind may be what its name says: kinds that bytes would have told are out."""
    if suggested.name in _told_by_content() and suggested.mime_type.partition("/")[0] != "text":
        return False
    is_text = suggested.mime_type.startswith(("text/", "message/")) or suggested.mime_type.endswith(
        ("+xml", "/xml", "+json", "/json", "javascript", "/sql")
    )
    return suggested.name != identity.type.name and is_text
