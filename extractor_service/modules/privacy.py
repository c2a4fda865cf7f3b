"""The module of privacy: which fields identify a person, a place or a device, and what a copy to share would have to drop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import Field, Struct
from extractor_service.modules.base import CostClass, Lifetime, Module

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource

SECTION = "privacy"
_MAX_SHOWN = 10  # of a list
_MAX_LISTED = 500  # fields of a kind: a film's track has a position for each second
_MAX_DEPTH = 4  # of parts in one another
_MAX_SEARCHED_CHARS = 10_000  # of a text, for addresses
_MAX_CHARS = 120  # of a value that is quoted


class Kind(NamedTuple):
    """What a field gives away, and by which names it is told."""

    name: str
    pattern: re.Pattern[str]
    advice: str


def _kind(name: str, pattern: str, advice: str) -> Kind:
    return Kind(name, re.compile("".join(pattern.split()), re.IGNORECASE), advice)


_KINDS = (
    _kind(
        "Place",
        r"""^gps(?!version|mapdatum|processing|differential|measuremode|dop|status|satellites)|latitude|longitude|altitude|^geo|location|^city$|^sub-?location
        |province|^country|^state$|destination|coordinates|^xyz$|loci|placename|^place$|address|^positionx?y?z?$""",
        "drop all positions and names of places",
    ),
    _kind(
        "Person",
        r"""^(artist|author|by-?line.*|creator|imagecreator.*|owner|owner ?name|cameraownername|photographer|performer|persons?|people|personinimage.*|regions?|regioninfo.*
        |region(person)?(name|displayname).*|contact|contributor|e-?mail.*|phone|tel(ephone)?.*|fax.*|credit|copyright.*|rights.*|licensor.*|usageterms|webstatement|lastmodifiedby|last-?modified-?by|manager|company
        |sender|from|to|cc|bcc|reply-?to|return-?path|delivered-?to|received|x-?originating-?ip|organizer.*|attendee.*|formattedname|fullname|birthday.*|bday|anniversary
        |patient.*|otherpatient.*|.*physician.*|operators?name|institution.*|registrant|registryid.*|publisher|user-?name|userid|xpauthor|writer-?editor|creatorcontactinfo.*
        |creator(city|address|country|postalcode|workemail|worktelephone|workurl|region)|observer|investigator|displayname|organi[sz]ation.*|applestoreaccount.*|account.*|purchas.*|note|nickname)$""",
        "drop names, addresses, accounts and rights",
    ),
    _kind(
        "Device",
        r"""serial|^(image|photo|document|instance|original-?document|camera|media)-?(unique)?-?id$|uniqueid|contentidentifier|mediagroupuuid|uuid|macaddress|imei|firmware
        |^(make|model|lensmodel|lens|hostcomputer|device.*name|cameramodelname|uniquecameramodel)$|macaddr|runtimevalue|burstuuid|preservedfilename|^template|originalfilename|^documentname$""",
        "drop serial numbers, identifiers and names of files; make and model where few have that device",
    ),
    _kind(
        "Time",
        r"""^(datetimeoriginal|createdate|creationdate|gpsdatestamp|gpstimestamp|gpsdatetime|offsettime.*|datecreated|timecreated|contentcreatedate|subsectime.*)$""",
        "drop or round times",
    ),
    _kind(
        "Content",
        r"""^(thumbnail.*|previewimage|jpgfromraw|otherimage|.*comment|description|caption.*|imagedescription|headline|specialinstructions|keywords|subject|xpkeywords|title|xptitle
        |history.*|derivedfrom.*|motionphotovideo|embeddedvideofile|makernote.*|face.*position.*|facesdetected)$""",
        "make previews anew, read texts and drop what names somebody; drop maker notes and histories",
    ),
)
# Whatever a field is called: addresses, and folders that are called after people.
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,63}){1,4}")
_HOME = re.compile(
    r"(?:[A-Za-z]:\\(?:Users|Documents and Settings)\\|/(?:home|Users)/)[^\\/\s]{1,64}", re.IGNORECASE
)
_PROGRAMS = frozenset(
    {("pdf", "Creator"), ("xml", "Creator"), ("png", "Creator"), ("torrent", "Creator")}
)  # names of software there
_NOT_OF_FILE = frozenset(
    {
        SECTION,
        "icc_profile",
        "composite",
        "place",
        "content",
        "perceptual",
        "c2pa",
        "text_facts",
        "sound_facts",
        "streams",
    }
)


class PrivacyModule(Module):
    """Fields that identify, by what they give away."""

    name = "privacy"
    version = "1"
    description = (
        "Fields that identify a person, a place or a device, and what a copy to share would have to drop."
    )
    writes = (SECTION,)
    sets = ("advanced",)
    reads = ("metadata",)
    cost_class = CostClass.DERIVED
    lifetime = Lifetime.MODULE

    def applies(self, context: ModuleContext) -> bool:
        """To whatever has a reader."""
        return context.format is not None

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds the section "privacy": a field for each that identifies, with its value, then the advice."""
        del source, context
        found: dict[str, list[Field]] = {kind.name: [] for kind in _KINDS}
        for section, fields in document.sections.items():
            if section in _NOT_OF_FILE:
                continue
            for field in fields:
                if (section, field.name) in _PROGRAMS:
                    continue
                kind = kind_of(field.name) or _by_value(field.value)
                if (
                    kind is not None
                    and field.value not in (None, "", b"")
                    and len(found[kind.name]) < _MAX_LISTED
                ):
                    text = (field.text or _shown(field.value))[:_MAX_CHARS]
                    found[kind.name].append(
                        Field(
                            f"{section}.{field.name}",
                            text,
                            group=kind.name,
                            note=field.group,
                            origin=field.origin,
                        )
                    )
        for kind in _KINDS:
            for field in found[kind.name]:
                document.add(SECTION, field)
            if found[kind.name]:
                document.add(SECTION, Field("ToShare", kind.advice, group=kind.name))
        if any(found.values()):
            document.add(SECTION, Field("IdentifyingFields", sum(map(len, found.values())), group="Summary"))


def kind_of(name: str) -> Kind | None:
    """What a field of that name gives away; None for nothing."""
    return next((kind for kind in _KINDS if kind.pattern.search(name)), None)


def _by_value(value: object, depth: int = 0) -> Kind | None:
    """By what it says: an address or somebody's folder; of what has parts, by their names and values."""
    if isinstance(value, str):
        text = value[:_MAX_SEARCHED_CHARS]
        return _KINDS[1] if ("@" in text and _MAIL.search(text)) or _HOME.search(text) else None
    if isinstance(value, Struct) and depth < _MAX_DEPTH:
        return next(
            (kind for name, inner in value.entries if (kind := kind_of(name) or _by_value(inner, depth + 1))),
            None,
        )
    if isinstance(value, list) and depth < _MAX_DEPTH:
        return next((kind for inner in value[:_MAX_LISTED] if (kind := _by_value(inner, depth + 1))), None)
    return None


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Struct):
        return ", ".join(f"{name} {_shown(inner)}" for name, inner in value.entries)
    if isinstance(value, list):
        return ", ".join(map(_shown, value[:_MAX_SHOWN]))
    return str(value)
