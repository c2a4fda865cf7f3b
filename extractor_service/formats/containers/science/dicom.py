"""DICOM: every data element but pixel data, with sequences as lists of structs, through pydicom.

DICOM PS3.5 (encoding), PS3.6 (dictionary), PS3.10 (files). Reading stops before the pixel data, so that a file of
gigabytes costs what its header costs. A field's note is its tag and value representation.
"""

from __future__ import annotations

import struct
import warnings
from typing import TYPE_CHECKING, Any

from extractor_service.document import Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.sources.fileobj import SourceFile

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "dicom"
_MAX_DEPTH = 16  # a sequence nests five messages, and protobuf refuses more than a hundred
_MAX_ITEMS = 256  # of a sequence or list: a thousand frames repeat themselves; more is a Problem
_MAX_BINARY_BYTES = 256  # short ones may be flags or hashes; longer ones are data, told by their size
_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})


def parse(source: ByteSource, document: Document) -> None:
    """File meta information (group "FileMeta") and the data set, in the order of tags."""
    import pydicom  # noqa: PLC0415 - in workers only
    from pydicom.errors import InvalidDicomError  # noqa: PLC0415

    # pydicom warns about each value that breaks its representation's rules; the values are kept as they are.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            # Long values stay on disk; only their size is reported.
            dataset = pydicom.dcmread(
                SourceFile(source),
                stop_before_pixels=True,
                defer_size=64 * 1024,
                force=source.read_range(128, 4) != b"DICM",  # known by its first elements, as before part 10
            )
        except InvalidDicomError as error:
            raise CorruptFileError(f"DICOM: {error}") from error
        except (
            OSError,
            ValueError,
            KeyError,
            AttributeError,
            TypeError,
            EOFError,
            NotImplementedError,
            struct.error,
        ) as error:
            raise CorruptFileError(f"DICOM: {type(error).__name__}: {error}") from error
        _data_set(dataset.file_meta, document, "FileMeta")
        _data_set(dataset, document, "")
    for message in sorted({str(warning.message)[:200] for warning in caught})[:20]:
        document.problem(SECTION, ProblemKind.DAMAGED, message)


def _data_set(dataset: Any, document: Document, group: str) -> None:
    for tag in sorted(dataset.keys()):
        name, note = _label(dataset, tag)
        raw = dataset.get_item(tag, keep_deferred=True)
        if getattr(raw, "value", b"") is None and getattr(raw, "length", None):  # deferred: too long to read
            document.add(SECTION, Field(name, None, text=f"({raw.length} bytes)", group=group, note=note))
            continue
        try:
            element = dataset[tag]
            note = f"{element.tag} {element.VR}"
            value, text = _value(element, 0)
        except (ValueError, KeyError, AttributeError, TypeError, OSError, NotImplementedError) as error:
            document.problem(SECTION, ProblemKind.DAMAGED, f"{name}: {type(error).__name__}: {error}"[:300])
            continue
        if isinstance(value, list) and len(value) == _MAX_ITEMS < len(element.value):
            document.problem(
                SECTION, ProblemKind.LIMIT, f"{name}: {len(element.value)} values are cut to {_MAX_ITEMS}"
            )
        document.add(SECTION, Field(name, value, text=text, group=group, note=note))


def _label(dataset: Any, tag: Any) -> tuple[str, str]:
    from pydicom.datadict import keyword_for_tag  # noqa: PLC0415

    name = keyword_for_tag(tag)
    if not name:
        name = (
            f"Private_{tag.group:04X}_{tag.element:04X}"
            if tag.is_private
            else f"Unknown_{tag.group:04X}_{tag.element:04X}"
        )
    del dataset
    return name, str(tag)


def _value(element: Any, depth: int) -> tuple[Value, str]:
    """The element's value, and a text for what is only summarised."""
    value = element.value
    if element.VR == "SQ":
        if depth >= _MAX_DEPTH:
            return None, f"({len(value)} items, too deep)"
        items: list[Value] = [_item(item, depth + 1) for item in value[:_MAX_ITEMS]]
        return items, f"{len(value)} items"
    if element.VR in _BINARY and isinstance(value, bytes) and len(value) > _MAX_BINARY_BYTES:
        return None, f"({len(value)} bytes)"
    return _plain(value), ""


def _item(dataset: Any, depth: int) -> Struct:
    entries: list[tuple[str, Value]] = []
    for tag in sorted(dataset.keys()):
        name, _ = _label(dataset, tag)
        try:
            entries.append((name, _value(dataset[tag], depth)[0]))
        except (ValueError, KeyError, AttributeError, TypeError, OSError, NotImplementedError) as error:
            entries.append((name, f"(unreadable: {type(error).__name__})"))
    return Struct(tuple(entries))


def _plain(value: Any) -> Value:
    """Pydicom's value classes in plain Python; decimal and integer strings become numbers."""
    if value is None or value == "":
        return None
    if isinstance(value, bool | bytes):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str(value)
    if hasattr(value, "__iter__") and not hasattr(value, "components"):  # not a person name
        return [_plain(item) for item in list(value)[:_MAX_ITEMS]]
    if hasattr(value, "as_integer_ratio"):
        return float(value)
    return str(value)
