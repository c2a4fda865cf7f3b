"""The module of privacy: which fields identify a person, a place or a device, and what a copy to share would have to drop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import Field
from extractor_service.modules.base import CostClass, Lifetime, Module

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource

SECTION = "privacy"
_MAX_LISTED = 500  # fields of a kind: a film's track has a position for each second
_MAX_CHARS = 120  # of a value that is quoted


class Kind(NamedTuple):
    """What a field gives away, and by which names it is told."""

    name: str
    pattern: re.Pattern[str]
    advice: str


_KINDS = (
    Kind("Place", re.compile(
        r"^gps(?!version|mapdatum|processing|differential|measuremode|dop|status|satellites)|latitude|longitude|altitude|^geo|location|^city$|^sub-?location|province|^country|^state$|destination"
        r"|coordinates|^xyz$|loci|placename|address|^region$|positionx?y?z?$|homelocation", re.IGNORECASE),
        "drop all positions and names of places"),
    Kind("Person", re.compile(
        r"^(artist|author|by-?line|creator|owner ?name|cameraownername|photographer|performer|person|people|regionname|personinimage|contact|e-?mail|phone|copyright(notice|owner)?|credit"
        r"|lastmodifiedby|last-?modified-?by|manager|company|sender|from|to|cc|bcc|reply-?to|patient.*|referringphysician.*|operatorsname|institution.*|registrant|publisher|username|userid|xpauthor|writer-?editor"
        r"|creatorcontactinfo.*|creator(city|address|country|postalcode|workemail|worktelephone|workurl)|observer|investigator|displayname|organi[sz]ation)$", re.IGNORECASE),
        "drop names, addresses and rights"),
    Kind("Device", re.compile(
        r"serial|^(image|photo|document|instance|original-?document|camera|media)-?(unique)?-?id$|uniqueid|contentidentifier|mediagroupuuid|uuid|macaddress|imei|firmware|internalserial|lensserial"
        r"|^(make|model|lensmodel|lens|hostcomputer|device.*name|cameramodelname|uniquecameramodel|profileid)$|macaddr|runtimevalue|burstuuid", re.IGNORECASE),
        "drop serial numbers and identifiers; make and model where few have that device"),
    Kind("Time", re.compile(r"^(datetimeoriginal|createdate|creationdate|gpsdatestamp|gpstimestamp|gpsdatetime|offsettime.*|datecreated|timecreated|contentcreatedate|subsectime.*)$", re.IGNORECASE),
        "drop or round times"),
    Kind("Content", re.compile(r"^(thumbnailimage|previewimage|jpgfromraw|otherimage|thumbnail.*|.*comment|xpcomment|description|caption.*|imagedescription|keywords|subject|xpkeywords|title|xptitle|history.*|derivedfrom.*|motionphotovideo|embeddedvideofile|makernote.*|face.*position.*|facesdetected)$", re.IGNORECASE),
        "make previews anew, read texts and drop what names somebody; drop maker notes and histories"),
)  # fmt: skip
_PROGRAMS = frozenset({("pdf", "Creator"), ("xml", "Creator"), ("png", "Creator")})  # names of software there
_NOT_OF_FILE = frozenset(
    {SECTION, "composite", "place", "content", "perceptual", "c2pa", "file", "text_facts", "sound_facts"}
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
                kind = kind_of(field.name) if (section, field.name) not in _PROGRAMS else None
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


def _shown(value: object) -> str:
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)
