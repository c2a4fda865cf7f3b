"""The page tree: how many pages, how large, which fonts, which links and actions. ISO 32000-2, 7.7.3, 9.6, 12.5, 12.6."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from extractor_service.document import Field, ProblemKind, Struct
from extractor_service.formats.containers.pdf import objects
from extractor_service.formats.containers.pdf.objects import (
    SECTION,
    get,
    guard,
    is_dictionary,
    items,
    keys_of,
    name,
    number,
    text,
)
from extractor_service.formats.embedded import icc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value

_MOST_PAGES = 200  # looked at one by one
_MOST_NODES = 1000  # of the tree
_MOST_FONTS, _MOST_ANNOTATIONS, _MOST_TARGETS = 200, 2000, 100
_MOST_PROFILES, _MOST_PROFILE_BYTES = 2, 4 * 1024 * 1024  # read; inflated
_MOST_FORMS, _MOST_DEPTH = 1000, 4  # looked at; within each other
_MOST_ACTIONS, _MOST_KEYS = 5000, 5000  # of a document; of one dictionary
_INHERITED = ("/MediaBox", "/CropBox", "/Rotate", "/Resources")
_POINTS_TO_MM = 25.4 / 72
_ACTIONS = frozenset({"JavaScript", "Launch", "URI", "GoToR", "GoToE", "SubmitForm", "ImportData", "Rendition", "Movie", "Sound", "RichMediaExecute"})  # fmt: skip
FLAGGED = frozenset({"JavaScript", "Launch", "SubmitForm", "ImportData"})


class Actions:
    """What a document does when it is opened or clicked, counted by kind."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.targets: list[Value] = []
        self.left = _MOST_ACTIONS
        self._seen: set[tuple[int, int]] = set()

    def see(self, action: Any, depth: int = 0) -> None:
        """Counts an action and those that follow it."""
        kind = name(get(action, "/S"))
        if not kind or depth > 10 or self.left <= 0 or self.is_known(action):
            return
        self.left -= 1
        if kind in _ACTIONS:
            self.kinds[kind] += 1
        target = text(get(action, "/URI")) if kind == "URI" else ""
        if kind == "Launch":
            where = get(action, "/F") or get(get(action, "/Win"), "/F")
            target = text(where) or text(get(where, "/F"))
        if target and len(self.targets) < _MOST_TARGETS and target not in self.targets:
            self.targets.append(target[:2000])
        following = get(action, "/Next")
        for each in items(following, 20) or ([following] if following is not None else []):
            self.see(each, depth + 1)

    def is_known(self, value: Any) -> bool:
        """Whether an object of the file was seen before; objects within others never were."""
        if not value.is_indirect:
            return False
        known = value.objgen in self._seen
        self._seen.add(value.objgen)
        return known

    def see_all(self, holder: Any) -> None:
        """Counts the actions of a dictionary's triggers (12.6.3)."""
        self.see(get(holder, "/A"))
        triggers = get(holder, "/AA")
        if is_dictionary(triggers) and not self.is_known(triggers) and len(triggers) <= _MOST_KEYS:
            for key in keys_of(triggers)[:30]:
                self.see(triggers.get(key))


def add(root: Any, document: Document, actions: Actions) -> None:
    """Adds the count, then what the first pages are."""
    tree = get(root, "/Pages")
    claimed = number(get(tree, "/Count"))
    pages = guard(document, "the page tree", lambda: list(_pages(tree)))
    seen = pages if pages is not None else []
    is_whole = pages is not None and len(seen) < _MOST_PAGES
    count = claimed if isinstance(claimed, int) and claimed >= 0 else None
    if is_whole and count != len(seen):
        if count is not None:
            document.problem(
                SECTION, ProblemKind.DAMAGED, f"the page tree says {count} pages, and has {len(seen)}"
            )
        count = len(seen)
    if count is not None:
        document.add(SECTION, Field("PageCount", count))
    box = get(tree, "/MediaBox")
    if box is None and seen and get(seen[0]["page"], "/MediaBox") is None:
        box = seen[0].get("/MediaBox")
    if box is not None:
        document.add(SECTION, Field("MediaBox", [number(each) for each in items(box, 4)], unit="pt"))
    guard(document, "page sizes", lambda: _sizes(seen, document))
    guard(document, "color profiles", _profiles, seen, document)
    if seen:
        _looked_at(seen, document, actions, is_whole=is_whole)


def _pages(tree: Any) -> Iterator[dict[str, Any]]:
    """The first pages, each with what it inherits."""
    waiting: list[tuple[Any, dict[str, Any]]] = [(tree, {})]
    nodes = given = 0
    while waiting and nodes < _MOST_NODES and given < _MOST_PAGES:
        node, inherited = waiting.pop()
        nodes += 1
        own = dict(inherited)
        for key in _INHERITED:
            value = get(node, key)
            if value is not None:
                own[key] = value
        kids = get(node, "/Kids")
        if kids is not None and name(get(node, "/Type")) != "Page":
            waiting += [(kid, own) for kid in reversed(items(kids, _MOST_NODES))]
        elif get(node, "/Type") is not None or own.get("/MediaBox") is not None:
            given += 1
            own["page"] = node
            yield own


def _sizes(pages: list[dict[str, Any]], document: Document) -> None:
    """The first page's size, and the others' where they differ; the crop box is what is shown (14.11.2)."""
    sizes: Counter[tuple[float, float, int]] = Counter()
    for page in pages:
        corners = [number(each) for each in items(page.get("/CropBox") or page.get("/MediaBox"), 4)]
        if len(corners) < 4 or any(each is None for each in corners):
            continue
        left, bottom, right, top = (float(each or 0) for each in corners)
        unit = number(get(page["page"], "/UserUnit")) or 1
        turned = number(page.get("/Rotate")) or 0
        size = (round(abs(right - left) * unit, 2), round(abs(top - bottom) * unit, 2), int(turned) % 360)
        sizes[size] += 1
    if not sizes:
        return
    (width, height, turned) = next(iter(sizes))
    shown = (height, width) if turned in {90, 270} else (width, height)
    for label, value in zip(("PageWidth", "PageHeight"), shown, strict=True):
        document.add(SECTION, Field(label, value, f"{value * _POINTS_TO_MM:.1f} mm", "pt", group="Pages"))
    if turned:
        document.add(SECTION, Field("PageRotation", turned, unit="°", group="Pages"))
    if len(sizes) > 1:
        for (wide, high, angle), count in sizes.most_common(50):
            entries: tuple[tuple[str, Value], ...] = (("Width", wide), ("Height", high), ("Rotation", angle), ("Pages", count))  # fmt: skip
            document.add(SECTION, Field("PageSize", Struct(entries), group="Pages"))


def _looked_at(pages: list[dict[str, Any]], document: Document, actions: Actions, *, is_whole: bool) -> None:
    fonts = _Fonts()
    kinds: Counter[str] = Counter()
    left = _MOST_ANNOTATIONS
    has_fonts = True
    for page in pages:
        # What makes no sense on one page makes none on the others that share it.
        has_fonts = has_fonts and guard(document, "fonts", fonts.of, page.get("/Resources")) is not None
        guard(document, "actions", actions.see_all, page["page"])
        for annotation in guard(document, "annotations", _annotations, page["page"], left) or []:  # fmt: skip
            left -= 1
            kind = name(get(annotation, "/Subtype"))
            if kind:
                kinds[kind] += 1
            guard(document, "an action", actions.see_all, annotation)
            if has_fonts:
                has_fonts = guard(document, "fonts", fonts.of_annotation, annotation) is not False
    for each in fonts.found.values():
        document.add(SECTION, Field("Font", each, group="Fonts"))
    for kind, count in sorted(kinds.items()):
        document.add(SECTION, Field(f"Annotations{kind[:40]}", count, group="Annotations"))
    if not is_whole:
        document.add(SECTION, Field("PagesLookedAt", len(pages), group="Pages", note="fonts, sizes, annotations and actions are of these"))  # fmt: skip


def _annotations(page: Any, most: int) -> list[Any]:
    return items(get(page, "/Annots"), most)


def _profiles(pages: list[dict[str, Any]], document: Document) -> None:
    """The first profiles of colors that pages name (8.6.5.5)."""
    seen: set[tuple[int, int]] = set()
    for page in pages:
        spaces = get(page.get("/Resources"), "/ColorSpace")
        if not is_dictionary(spaces) or len(spaces) > _MOST_KEYS:
            continue
        for key in keys_of(spaces)[:_MOST_FONTS]:
            parts = items(spaces.get(key), 2)
            if len(parts) < 2 or name(parts[0]) != "ICCBased" or parts[1].objgen in seen:
                continue
            seen.add(parts[1].objgen)
            icc.parse(objects.inflated(parts[1], _MOST_PROFILE_BYTES), document)
            if len(seen) == _MOST_PROFILES:
                return


class _Fonts:
    """The fonts of pages, of forms within them, and of annotations (7.8.3, 8.10, 12.5.5)."""

    def __init__(self) -> None:
        self.found: dict[str, Struct] = {}
        self._seen: set[tuple[int, int]] = set()
        self._left = _MOST_FORMS

    def of(self, resources: Any, depth: int = 0) -> bool:
        """Looks at resources; raises ValueError where there are too many."""
        fonts, forms = get(resources, "/Font"), get(resources, "/XObject")
        if is_dictionary(fonts) and self._is_new(fonts):
            self._add(fonts)
        if is_dictionary(forms) and depth < _MOST_DEPTH and self._is_new(forms):
            if len(forms) > _MOST_KEYS:
                raise ValueError(f"{len(forms)} forms on one page: those of the rest aren't looked at")
            for key in keys_of(forms)[:_MOST_FONTS]:
                self._form(forms.get(key), depth)
        return True

    def of_annotation(self, annotation: Any) -> None:
        """Looks at what is shown of an annotation."""
        shown = get(get(annotation, "/AP"), "/N")
        if shown is not None:
            self._form(shown, 0)

    def _form(self, form: Any, depth: int) -> None:
        if self._left > 0 and name(get(form, "/Subtype")) != "Image" and self._is_new(form):
            self._left -= 1
            self.of(get(form, "/Resources"), depth + 1)

    def _is_new(self, value: Any) -> bool:
        if not value.is_indirect:
            return True
        is_new = value.objgen not in self._seen
        self._seen.add(value.objgen)
        return is_new

    def _add(self, fonts: Any) -> None:
        count = len(fonts)
        if count > _MOST_KEYS:
            raise ValueError(f"{count} fonts on one page: those of the rest aren't looked at")
        for key in keys_of(fonts)[:_MOST_FONTS]:
            font = fonts.get(key)
            base = name(get(font, "/BaseFont")) or name(get(font, "/Name")) or key[1:]
            if base in self.found or len(self.found) >= _MOST_FONTS:
                continue
            inner = (items(get(font, "/DescendantFonts"), 1) or [font])[0]
            descriptor = get(inner, "/FontDescriptor")
            kind = name(get(font, "/Subtype"))
            embedded = kind == "Type3" or any(get(descriptor, each) is not None for each in ("/FontFile", "/FontFile2", "/FontFile3"))  # fmt: skip
            self.found[base] = Struct((("Name", base), ("Type", kind), ("Embedded", embedded)))


def flags(document: Document, actions: Actions, has_scripts: bool) -> None:  # noqa: FBT001 - one of two callers' facts
    """Adds what a mail gateway asks for."""
    document.add(
        SECTION, Field("HasJavaScript", has_scripts or "JavaScript" in actions.kinds, group="Actions")
    )
    for kind, count in sorted(actions.kinds.items()):
        document.add(SECTION, Field(f"Actions{kind}", count, group="Actions"))
    if actions.targets:
        document.add(SECTION, Field("ActionTargets", actions.targets, group="Actions"))
