"""What an archive holds, said in one way for all kinds: section "archive", a summary and one field a member.

A member is a structure: Name, Size, PackedSize, Modified, Kind, Method, Encrypted and the like, as far as the archive says.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind, Struct

if TYPE_CHECKING:
    from extractor_service.document import Document, Value

SECTION = "archive"
MOST_LISTED = 2000  # members: 400 KB of a document that may have 2.5 MB
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_OF_WINDOWS = datetime(1601, 1, 1, tzinfo=UTC)
_BOMB_BYTES, _BOMB_RATIO = 1024**3, 500  # both: what deflates so well is made of one byte


class Listing:
    """Collects the members of one archive; `finish` says how many there are."""

    def __init__(self, document: Document, section: str = SECTION) -> None:
        self._document, self._section = document, section
        self._listed = self._packed = 0
        self.count = self.total = 0
        self.encrypted = 0

    def fact(self, name: str, value: Value, text: str = "", origin: ByteRange | None = None) -> None:
        """Something that is true of the archive as a whole."""
        if value not in {None, ""} if isinstance(value, str | None) else True:
            self._document.add(self._section, Field(name, value, text, group="Archive", origin=origin))

    def member(self, at: int, length: int, name: str, size: int | None, **facts: Value) -> None:
        """One member, whose entry has `length` bytes at `at`; `facts` that are None or "" are left out."""
        self.count += 1
        self.total += size or 0
        packed = facts.get("PackedSize")
        self._packed += packed if isinstance(packed, int) else 0
        self.encrypted += bool(facts.get("Encrypted"))
        if self._listed >= MOST_LISTED:
            return
        self._listed += 1
        entries: list[tuple[str, Value]] = [("Name", name[:4096])]
        if size is not None:
            entries.append(("Size", size))
        entries += [(key, value) for key, value in facts.items() if value is not None and value != ""]
        self._document.add(
            self._section,
            Field("Member", Struct(tuple(entries)), group="Members", origin=ByteRange(at, length)),
        )

    def finish(self, count: int | None = None, *, is_complete: bool = True, packed_bytes: int = 0) -> None:
        """Adds the summary; `count` is what the archive says itself, `is_complete` whether all members were seen."""
        number = self.count if count is None else count
        if is_complete or count is not None:
            self.fact("MemberCount", number)
        if is_complete:
            self.fact("TotalSize", self.total)
        if self.encrypted:
            self.fact("EncryptedMembers", self.encrypted)
        if number > self._listed or not is_complete:
            of = f" of {number}" if is_complete or count is not None else ""
            self._document.problem(
                self._section, ProblemKind.LIMIT, f"{self._listed}{of} members are listed: there are more"
            )
        packed = self._packed or packed_bytes
        if packed and self.total > max(_BOMB_BYTES, packed * _BOMB_RATIO):
            self._document.problem(
                self._section,
                ProblemKind.LIMIT,
                f"its members unpack to {self.total} bytes, {self.total // packed} times their size",
            )


def unix_date(seconds: float) -> str:
    """A date such as "2024:05:06 07:08:09Z"; "" for what no calendar has."""
    return _date(_EPOCH, seconds)


def windows_date(ticks: int) -> str:
    """The same of 100 nanoseconds since 1601 (FILETIME, MS-DTYP 2.3.3)."""
    return _date(_EPOCH_OF_WINDOWS, ticks / 10_000_000) if ticks else ""


def _date(epoch: datetime, seconds: float) -> str:
    try:
        moment = epoch + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return ""
    text = f"{moment:%Y:%m:%d %H:%M:%S}" if moment.year > 999 else ""
    fraction = f"{moment.microsecond:06d}".rstrip("0")
    return f"{text}.{fraction}Z" if text and fraction else text and text + "Z"


@lru_cache(maxsize=256)  # members of an archive were mostly written at once
def dos_date(stamp: int) -> str:
    """A date such as "2024:05:06 07:08:08" of the packed date (high half) and time of MS-DOS, in local time; "" when unset."""
    day, clock = stamp >> 16, stamp & 0xFFFF
    if not day & 0x1F or not day >> 5 & 0xF:
        return ""
    return f"{(day >> 9) + 1980:04d}:{day >> 5 & 0xF:02d}:{day & 0x1F:02d} {clock >> 11:02d}:{clock >> 5 & 0x3F:02d}:{(clock & 0x1F) * 2:02d}"
