"""Documents as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaextract.document.v1 import document_pb2 as pb
from metaextract_client.render import Plain, cache_status_name, outcome_name, value_to_plain

if TYPE_CHECKING:
    from metaextract_client.extraction import Extraction

_FIRST_FIELDS = 6  # of a section, so that a file fits a screen; --all shows the rest
# What people look for first in long sections; shown before the rest.
_PREFERRED = (
    "DateTimeOriginal", "ExposureTime", "FNumber", "ISO", "FocalLength", "LensModel", "PatientName",
    "Modality", "TELESCOP", "INSTRUME", "OBJECT", "DATE-OBS", "Title", "Artist", "ProfileDescription",
)  # fmt: skip
_MAX_VALUE_CHARS = 100  # about a terminal's line; longer texts are cut here, never in JSON


def document(path: str, extraction: Extraction, *, every_field: bool = False) -> str:
    """Several lines: the file, the common facts, sections with their first (or all) fields, problems."""
    doc, info = extraction
    kind = doc.file.format or doc.file.mime_type
    headline = (
        f"{clean(path)}  [{kind}, {size(doc.file.size_bytes)}]  {outcome_name(doc.outcome)},"
        f" cache {cache_status_name(info.cache_status)}, {info.elapsed_seconds * 1000:.1f} ms,"
        f" {size(info.source_bytes_read)} read"
    )
    if info.saved_bytes:
        headline += f", {size(info.moved_bytes)} sent"
    lines = [headline]
    facts = common_facts(doc.common)
    if facts:
        lines.append("  " + " · ".join(facts))
    for section in doc.sections:
        lines.append(f"  {section.name} ({len(section.fields)} fields)")
        shown = list(section.fields) if every_field else first_fields(section)
        lines.extend(f"    {field_line(field)}" for field in shown)
        if len(shown) < len(section.fields):
            lines.append(f"    … {len(section.fields) - len(shown)} more")
    for each in doc.observations:
        severity = pb.Severity.Name(each.severity).removeprefix("SEVERITY_").lower()
        lines.append(f"  {severity}: {clean(each.statement)}")
    if doc.file.name_suggests:
        lines.append(f"  warning: named like {doc.file.name_suggests}, is {doc.file.mime_type}")
    lines.extend(f"  {name}: {text}" for name, text in digests(doc))
    lines.extend(
        f"  problem: {problem.section or 'file'}: {clean(problem.message)}" for problem in doc.problems
    )
    return "\n".join(lines)


def first_fields(section: pb.Section) -> list[pb.Field]:
    """The fields of `section` to show first: those that people look for, then those at its beginning."""
    ranks = {name: rank for rank, name in enumerate(_PREFERRED)}
    told = [field for field in section.fields if field.text or field.HasField("value")]
    ordered = sorted(told, key=lambda field: ranks.get(field.name, len(ranks)))
    return ordered[:_FIRST_FIELDS]


def common_facts(common: pb.Common) -> list[str]:
    """The common facts, each as a few words."""
    facts = []
    if common.HasField("width_pixels") and common.HasField("height_pixels"):
        facts.append(f"{common.width_pixels} × {common.height_pixels} px")
    if common.HasField("duration_seconds"):
        facts.append(f"{common.duration_seconds:.1f} s")
    if common.HasField("page_count"):
        facts.append(f"{common.page_count} page{'s' if common.page_count != 1 else ''}")
    device = common.device_model
    if common.device_make and not device.lower().startswith(common.device_make.lower().split()[0]):
        device = f"{common.device_make} {device}".strip()
    if device:
        facts.append(clean(device))
    if common.HasField("created_at"):
        facts.append(clean(common.created_at.iso.replace("T", " ")))
    if common.HasField("position"):
        facts.append(f"{common.position.latitude_degrees:.5f}, {common.position.longitude_degrees:.5f}")
    if common.title:
        facts.append(f"“{_shorten(common.title)}”")
    if common.author:
        facts.append(f"by {_shorten(common.author)}")
    return facts


def field_line(field: pb.Field) -> str:
    """Name and value, with group and remark where there are any."""
    text = field.text
    if not text:
        text = _plain_text(value_to_plain(field.value))
        if field.unit:
            text += f" {field.unit}"
    line = f"{clean(field.name)}: {_shorten(text)}"
    return f"{line}  [{clean(field.group)}]" if field.group else line


def digests(doc: pb.Document) -> list[tuple[str, str]]:
    """Algorithm and digest; BLAKE3, which most documents have, only where there is nothing else."""
    return [
        (pb.DigestAlgorithm.Name(digest.algorithm).removeprefix("DIGEST_ALGORITHM_").lower(), digest.hex)
        for digest in doc.file.digests
        if digest.algorithm != pb.DIGEST_ALGORITHM_BLAKE3 or not doc.sections
    ]


def size(count: float) -> str:
    """Bytes in a readable unit."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def clean(text: str) -> str:
    """`text` on one line, without control characters: a file must not steer the terminal."""
    return "".join(char if char.isprintable() else "\ufffd" for char in " ".join(text.split()))


def _plain_text(value: Plain) -> str:
    """A value without Python's punctuation."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain_text(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain_text, value))
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def _shorten(text: str) -> str:
    text = clean(text)
    return text if len(text) <= _MAX_VALUE_CHARS else text[: _MAX_VALUE_CHARS - 1] + "…"
