"""Observations on what a file says of its own past: programs, histories, generators, content credentials."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.document import Evidence
from extractor_service.modules.provenance.facts import ALERT, NOTE, WARNING, evidence_of

if TYPE_CHECKING:
    from extractor_service.modules.provenance.facts import Facts

_EDITORS = re.compile(
    r"\b(photoshop|lightroom|gimp|affinity|pixelmator|paint\.net|snapseed|picasa|picsart|canva|capture one|darktable|rawtherapee|luminar"
    r"|acdsee|photoscape|irfanview|imagemagick|graphicsmagick|krita|coreldraw|photopea|fotor|meitu|facetune|faceapp|vsco|polarr|topaz)\b",
    re.IGNORECASE,
)
_GENERATORS = re.compile(
    r"\b(stable diffusion|midjourney|dall[-·. ]?e( ?\d)?|adobe firefly|novelai|comfyui|invokeai|automatic1111|google imagen|imagen \d|flux\.1|ideogram"
    r"|leonardo\.ai)\b",
    re.IGNORECASE,
)
_PROMPTS = (
    "parameters",
    "Parameters",
    "prompt",
    "Prompt",
    "workflow",
    "Workflow",
    "invokeai_metadata",
    "sd-metadata",
    "Dream",
)
_SOFTWARE = (
    ("exif", "Software", "IFD0"), ("exif", "ProcessingSoftware", None), ("xmp", "CreatorTool", "XMP-xmp"), ("png", "Software", None),
    ("photoshop", "WriterName", None), ("iptc", "OriginatingProgram", None), ("quicktime", "Software", None),
)  # fmt: skip
_SYNTHETIC = {"trainedAlgorithmicMedia": "made by a trained model", "compositeWithTrainedAlgorithmicMedia": "made in part by a trained model",
              "algorithmicMedia": "made by an algorithm", "compositeSynthetic": "put together with synthetic parts",
              "virtualRecording": "a recording of a virtual world", "digitalCreation": "drawn by a person on a computer",
              "composite": "put together from several pictures"}  # fmt: skip


def add(facts: Facts) -> None:
    """All of them."""
    _editor(facts)
    _history(facts)
    _generator(facts)
    _source_type(facts)
    _credentials(facts)
    _size(facts)


def _editor(facts: Facts) -> None:
    for section, name, group in _SOFTWARE:
        text = facts.text(section, name, group)
        found = _EDITORS.search(text)
        if found is not None:
            facts.observe("editor", NOTE, f"It was written by a program that edits pictures: {text[:80]}.", (facts.evidence(section, name, group),),
                          "A program that only imports and names itself all the same.")  # fmt: skip
            return


def _history(facts: Facts) -> None:
    for field in facts.document.sections.get("xmp", ()):
        if field.name in {"History", "HistoryAction"} and field.value:
            steps = len(field.value) if isinstance(field.value, list) else 1
            facts.observe("edit_history", NOTE, f"It keeps a history of {steps} steps.", (evidence_of("xmp", field),),
                          "A history that was copied from another file.")  # fmt: skip
            break
    derived = facts.document.find("xmp", "DerivedFrom") or facts.document.find("xmp", "DerivedFromDocumentID")
    if derived is not None and derived.value:
        facts.observe(
            "derived",
            NOTE,
            "It says that it was made from another file.",
            (evidence_of("xmp", derived),),
            "Nothing: it says so.",
        )


def _generator(facts: Facts) -> None:
    for name in _PROMPTS:
        field = facts.document.find("png", name)
        if field is not None and isinstance(field.value, str) and len(field.value) > 20:
            facts.observe("generator_parameters", WARNING, f"It holds the input of an image generator ({name}).", (evidence_of("png", field),),
                          "A text that a program for pictures put there for another purpose.")  # fmt: skip
            return
    for section, name, group in _SOFTWARE:
        text = facts.text(section, name, group)
        if _GENERATORS.search(text):
            facts.observe("generator", WARNING, f"It names an image generator as its program: {text[:80]}.", (facts.evidence(section, name, group),),
                          "A name that was written by hand.")  # fmt: skip
            return


def _source_type(facts: Facts) -> None:
    for section, fields in facts.document.sections.items():
        if section not in {"xmp", "c2pa"}:
            continue
        for field in fields:
            if field.name == "DigitalSourceType" and isinstance(field.value, str):
                kind = field.value.rstrip("/").rpartition("/")[2]
                if kind in _SYNTHETIC:
                    severity = WARNING if "Algorithmic" in kind or "lgorithmic" in kind else NOTE
                    facts.observe("digital_source_type", severity, f"It says of itself that it is {_SYNTHETIC[kind]}.", (evidence_of(section, field),),
                                  "Nothing in the file: whoever wrote it says so.")  # fmt: skip
                    return


def _credentials(facts: Facts) -> None:
    fields = facts.document.sections.get("c2pa", [])
    active = {field.name: field for field in fields if field.group == "Active"}
    if not active:
        return
    generator = active.get("ClaimGenerator")
    facts.observe("c2pa_manifest", NOTE, "It carries content credentials" + (f", made by {generator.value}." if generator else "."),
                  tuple(evidence_of("c2pa", active[name]) for name in ("Label", "ClaimGenerator", "SignerName") if name in active),
                  "Nothing: they are there; who signed them isn't checked.")  # fmt: skip
    for name, bad, statement in (
        (
            "ContentBinding",
            "differs",
            "The content isn't the one that its content credentials were made for.",
        ),
        ("ClaimSignature", "differs", "The signature of its content credentials doesn't fit their claim."),
    ):
        if name in active and active[name].value == bad:
            facts.observe(
                "c2pa_broken",
                ALERT,
                statement,
                (evidence_of("c2pa", active[name]),),
                "A program that changed it without harm, such as one that strips metadata.",
            )
    for field in fields:
        if field.name == "AssertionHashesDiffering":
            facts.observe("c2pa_broken", ALERT, f"A part of its content credentials was changed ({field.group}).", (evidence_of("c2pa", field),),
                          "A redaction that the claim allows.")  # fmt: skip
            break


def _size(facts: Facts) -> None:
    """The picture's size against the one that EXIF remembers, turned or not."""
    said = [facts.document.find("exif", name, "ExifIFD") for name in ("ExifImageWidth", "ExifImageHeight")]
    real = [facts.document.find("file", name) for name in ("ImageWidth", "ImageHeight")]
    if facts.format_name != "jpeg" or None in said or None in real:
        return
    told = [field.value for field in said if field is not None]
    stored = [field.value for field in real if field is not None]
    if not all(isinstance(value, int) and value > 0 for value in (*told, *stored)) or sorted(
        map(str, told)
    ) == sorted(map(str, stored)):
        return
    facts.observe("size_changed", NOTE, f"It has {stored[0]} × {stored[1]} pixels; its EXIF speaks of {told[0]} × {told[1]}.",
                  tuple(Evidence(f"{section}.{field.name}", str(field.value), field.origin)
                        for section, fields in (("file", real), ("exif", said)) for field in fields if field is not None),
                  "A camera that writes the sensor's size there.")  # fmt: skip
