"""What CBOR has beside what Python has as well. A file of its own, since a subclass of `str` doesn't compile."""

from __future__ import annotations

from dataclasses import dataclass


class DateText(str):
    """A text that its tag says to be a date and time of RFC 3339."""

    __slots__ = ()


@dataclass
class Tagged:
    """A value with a tag that isn't a text's."""

    tag: int
    value: object
