"""Fields in the order in which they are believed, of which a document has few: the others aren't even looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extractor_service.document import Document

    # (section, field name, group or None for any)
    Place = tuple[str, str, str | None]

_MOST_KINDS: Final = 256  # of documents, by their sections: a few dozen are common


_kinds: dict[frozenset[str], frozenset[str]] = {}


def kind_of(document: Document) -> frozenset[str]:
    """The names of its sections: the same object for documents alike, which dicts find without comparing members."""
    sections = frozenset(document.sections)
    if len(_kinds) >= _MOST_KINDS:
        _kinds.clear()
    return _kinds.setdefault(sections, sections)


class Precedence:
    """Places of one fact, the first that has it counts."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._places = tuple(places)
        self._by_sections: dict[frozenset[str], tuple[Place, ...]] = {}

    def of(self, sections: frozenset[str]) -> tuple[Place, ...]:
        """Those in sections that the document has: what `kind_of` says."""
        found = self._by_sections.get(sections)
        if found is None:
            if len(self._by_sections) >= _MOST_KINDS:
                self._by_sections.clear()
            found = self._by_sections[sections] = tuple(
                [each for each in self._places if each[0] in sections]
            )
        return found
