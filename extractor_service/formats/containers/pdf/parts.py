"""What a document has beside its pages: forms, signatures, attachments, outline, layers, output intents.

ISO 32000-2, 7.11.4 (attachments), 12.3.3 (outline), 12.7 (forms), 12.8 (signatures), 8.11 (layers), 14.11.5 (intents).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extractor_service.document import Field, ProblemKind, Struct
from extractor_service.formats.containers.pdf.objects import (
    SECTION,
    date,
    get,
    guard,
    inflated,
    items,
    leaves,
    name,
    number,
    text,
)
from extractor_service.formats.embedded import icc
from extractor_service.formats.reading.reader import Reader
from extractor_service.sources.descriptor import BytesSource

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.pdf.pages import Actions

_MOST_FIELDS, _MOST_ATTACHMENTS, _MOST_ENTRIES, _MOST_LAYERS = 2000, 500, 1000, 200
_MOST_PROFILE_BYTES = 4 * 1024 * 1024  # inflated
_CREDENTIALS = "C2PA_Manifest"  # C2PA specification 2.4, A.4
_MOST_STORE_BYTES = 4 * 1024 * 1024  # of content credentials, inflated
_SIGNATURE = (("Reason", "SigningReason"), ("Location", "SigningLocation"), ("ContactInfo", "SignerContactInfo"), ("Name", "SigningAuthority"))  # fmt: skip


def add(root: Any, document: Document, actions: Actions) -> bool:
    """Adds all of it; whether there are scripts by name."""
    names = get(root, "/Names")
    actions.see(get(root, "/OpenAction"))
    actions.see_all(root)
    scripts = guard(document, "scripts", lambda: list(leaves(get(names, "/JavaScript"), 100))) or []
    for _, script in scripts:
        guard(document, "a script", actions.see, script)
    guard(document, "the form", lambda: _form(get(root, "/AcroForm"), document, actions))
    guard(document, "attachments", lambda: _attachments(root, names, document))
    guard(document, "the outline", lambda: _outline(get(root, "/Outlines"), document))
    guard(document, "layers", lambda: _layers(get(root, "/OCProperties"), document))
    guard(document, "output intents", lambda: _intents(get(root, "/OutputIntents"), document))
    for key, shown in (("/Collection", "IsPortfolio"), ("/PageLabels", "HasPageLabels"), ("/StructTreeRoot", "HasStructure")):  # fmt: skip
        if get(root, key) is not None:
            document.add(SECTION, Field(shown, value=True))
    return bool(scripts)


def _form(form: Any, document: Document, actions: Actions) -> None:
    fields = items(get(form, "/Fields"), _MOST_FIELDS)
    xfa = get(form, "/XFA")
    if fields or xfa is not None:
        document.add(SECTION, Field("HasXFA", xfa is not None, "Yes" if xfa is not None else "No"))
    kinds: dict[str, int] = {}
    waiting, seen = [(each, "") for each in reversed(fields)], 0
    known: set[tuple[int, int]] = set()
    while waiting and seen < _MOST_FIELDS:
        field, inherited = waiting.pop()
        seen += 1
        if field.is_indirect:
            if field.objgen in known:
                continue
            known.add(field.objgen)
        kind = name(get(field, "/FT")) or inherited
        actions.see_all(field)
        kids = [each for each in items(get(field, "/Kids"), _MOST_FIELDS) if get(each, "/T") is not None]
        if kids:
            room = _MOST_FIELDS - seen - len(waiting)
            waiting += [(each, kind) for each in reversed(kids[: max(room, 0)])]
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
        if kind == "Sig" and get(field, "/V") is not None:
            _signature(get(field, "/V"), text(get(field, "/T")), document)
    if seen == _MOST_FIELDS and waiting:
        document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_FIELDS} form fields were read")
    total = sum(kinds.values())
    if total:
        document.add(SECTION, Field("FormFieldCount", total, group="Form"))
        for kind, shown in (("Tx", "TextFields"), ("Btn", "Buttons"), ("Ch", "Choices"), ("Sig", "SignatureFields")):  # fmt: skip
            if kinds.get(kind):
                document.add(SECTION, Field(shown, kinds[kind], group="Form"))


def _signature(signature: Any, field: str, document: Document) -> None:
    """One signature, by what it says; nobody has verified it."""
    moment = get(signature, "/M")
    if moment is not None:
        document.add(SECTION, Field("SigningDate", date(moment), raw=text(moment), group="Signature"))
    for key, shown in _SIGNATURE:
        value = text(get(signature, f"/{key}"))
        if value:
            document.add(SECTION, Field(shown, value, group="Signature"))
    entries: list[tuple[str, Value]] = [("Field", field), ("Format", name(get(signature, "/SubFilter")))]
    covered = [number(each) for each in items(get(signature, "/ByteRange"), 4)]
    if len(covered) == 4 and all(isinstance(each, int) for each in covered):
        entries.append(("CoveredBytes", int(covered[1] or 0) + int(covered[3] or 0)))
    document.add(SECTION, Field("Signature", Struct(tuple(entries)), group="Signature", note="not verified"))


def _attachments(root: Any, names: Any, document: Document) -> None:
    found = [value for _, value in leaves(get(names, "/EmbeddedFiles"), _MOST_ATTACHMENTS + 1)]
    known = {_identity(each) for each in found}
    found += [each for each in items(get(root, "/AF"), _MOST_ATTACHMENTS) if _identity(each) not in known]
    for each in found[:_MOST_ATTACHMENTS]:
        guard(document, "an attachment", _attachment, each, document)
    if found:
        document.add(SECTION, Field("AttachmentCount", len(found[:_MOST_ATTACHMENTS]), group="Attachments"))
    if len(found) > _MOST_ATTACHMENTS:
        document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_ATTACHMENTS} attachments are listed: there are more")  # fmt: skip


def _identity(value: Any) -> object:
    return value.objgen if value.is_indirect else id(value)


def _attachment(specification: Any, document: Document) -> None:
    shown = text(get(specification, "/UF")) or text(get(specification, "/F")) or text(specification)
    files = get(specification, "/EF")
    stream = get(files, "/UF") if get(files, "/UF") is not None else get(files, "/F")
    parameters = get(stream, "/Params")
    entries: list[tuple[str, Value]] = [("Name", shown)]
    facts: tuple[tuple[str, Value], ...] = (
        ("Size", number(get(parameters, "/Size"))), ("Type", name(get(stream, "/Subtype"))), ("Description", text(get(specification, "/Desc"))),
        ("Created", date(get(parameters, "/CreationDate"))), ("Modified", date(get(parameters, "/ModDate"))), ("Relationship", name(get(specification, "/AFRelationship"))),
    )  # fmt: skip
    entries += [(key, value) for key, value in facts if value not in (None, "")]
    document.add(SECTION, Field("Attachment", Struct(tuple(entries)), group="Attachments"))
    if name(get(specification, "/AFRelationship")) == _CREDENTIALS and stream is not None:
        from extractor_service.formats.embedded import jumbf_fields  # noqa: PLC0415 - rare

        store = Reader(BytesSource(inflated(stream, _MOST_STORE_BYTES)))
        jumbf_fields.parse(store, document, is_located=False)


def _outline(outline: Any, document: Document) -> None:
    """How many entries there are, and the titles of the topmost."""
    titles: list[Value] = []
    count = 0
    seen: set[object] = set()
    waiting = [(get(outline, "/First"), 0)]
    while waiting and count < _MOST_ENTRIES:
        entry, depth = waiting.pop()
        if entry is None or depth > 30 or (entry.is_indirect and entry.objgen in seen):
            continue
        seen.add(entry.objgen)
        count += 1
        if depth == 0 and len(titles) < 100:
            titles.append(text(get(entry, "/Title"))[:500])
        waiting.append((get(entry, "/Next"), depth))
        waiting.append((get(entry, "/First"), depth + 1))
    if count:
        if count < _MOST_ENTRIES:
            document.add(SECTION, Field("OutlineEntries", count, group="Outline"))
        else:
            document.problem(SECTION, ProblemKind.LIMIT, f"{count} entries of the outline were read")
        document.add(SECTION, Field("OutlineTitles", titles, group="Outline"))


def _layers(properties: Any, document: Document) -> None:
    layers: list[Value] = [text(get(each, "/Name"))[:500] for each in items(get(properties, "/OCGs"), _MOST_LAYERS)]  # fmt: skip
    if layers:
        document.add(SECTION, Field("Layers", layers))


def _intents(intents: Any, document: Document) -> None:
    for number_, each in enumerate(items(intents, 10)):
        for key in ("S", "OutputConditionIdentifier", "OutputCondition", "Info", "RegistryName"):
            value = text(get(each, f"/{key}"))
            if value:
                shown = "Subtype" if key == "S" else key
                document.add(SECTION, Field(shown, value, group="OutputIntent"))
        profile = get(each, "/DestOutputProfile")
        if number_ == 0 and profile is not None:
            icc.parse(inflated(profile, _MOST_PROFILE_BYTES), document)
