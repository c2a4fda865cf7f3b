"""What tables and compressed images are, in one field each: columns with their formats; the picture inside. FITS 4.0, 7.2, 7.3, 10.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Field, Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from extractor_service.document import Document, Value

SECTION = "fits"
_MOST_COLUMNS = 999  # TFIELDS, by the standard
_COLUMN = (
    ("name", "TTYPE"), ("format", "TFORM"), ("unit", "TUNIT"), ("null", "TNULL"), ("scale", "TSCAL"), ("zero", "TZERO"), ("display", "TDISP"),
    ("dimensions", "TDIM"), ("begin", "TBCOL"), ("coordinate", "TCTYP"),
)  # fmt: skip


def summarize(values: Mapping[str, Value], group: str, document: Document) -> None:
    """Adds "Columns", "CompressedImage" and "Checksum", where the HDU has such."""
    if values.get("ZIMAGE") is True:
        document.add(SECTION, Field("CompressedImage", Struct(tuple(_image(values))), group=group))
    elif values.get("XTENSION") in {"BINTABLE", "TABLE", "A3DTABLE"}:
        count = values.get("TFIELDS")
        columns: list[Value] = []
        for number in range(1, 1 + (min(count, _MOST_COLUMNS) if isinstance(count, int) else 0)):
            entries = tuple(_column(values, number))
            if not entries:
                break
            columns.append(Struct(entries))
        document.add(SECTION, Field("Columns", columns, f"{len(columns)} columns", group=group))
    sums: list[Value] = [name for name in ("CHECKSUM", "DATASUM") if values.get(name) not in {None, ""}]
    if sums:
        document.add(SECTION, Field("Checksum", sums, group=group))


def _column(values: Mapping[str, Value], number: int) -> Iterator[tuple[str, Value]]:
    for name, keyword in _COLUMN:
        value = values.get(f"{keyword}{number}")
        if value is not None:
            yield name, value


def _image(values: Mapping[str, Value]) -> Iterator[tuple[str, Value]]:
    """The image before it was compressed (10.1.1)."""
    for name, keyword in (
        ("compression", "ZCMPTYPE"),
        ("bits_per_pixel", "ZBITPIX"),
        ("quantization", "ZQUANTIZ"),
    ):
        if values.get(keyword) is not None:
            yield name, values[keyword]
    axes = values.get("ZNAXIS")
    for name, keyword in (("shape", "ZNAXIS"), ("tile", "ZTILE")):
        found: list[Value] = [
            values.get(f"{keyword}{number}")
            for number in range(1, 1 + (min(axes, _MOST_COLUMNS) if isinstance(axes, int) else 0))
        ]
        if any(each is not None for each in found):
            yield name, found
