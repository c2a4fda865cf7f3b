"""Manifests of a C2PA store: the claim, what it asserts, and what it was made from. C2PA specification 2.4, sections 10 and 18."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from extractor_service.formats.reading import cbor
from extractor_service.formats.reading.cbor import CborError
from extractor_service.formats.reading.cbor_values import Tagged

if TYPE_CHECKING:
    from extractor_service.formats.embedded.jumbf import Superbox

_CLAIMS = ("c2pa.claim.v2", "c2pa.claim")
_MANIFEST_KINDS = frozenset({"c2ma", "c2um", "c2cm"})
MAX_MANIFESTS = 200  # of a store: an edit adds one


class Reference(NamedTuple):
    """What the claim says an assertion's bytes hash to."""

    url: str
    algorithm: str
    hash: bytes


class Action(NamedTuple):
    """Something that was done."""

    name: str
    software: str
    source_type: str
    when: str


class Ingredient(NamedTuple):
    """A file that it was made from."""

    title: str
    media_type: str
    relationship: str
    instance: str
    has_manifest: bool


class Manifest(NamedTuple):
    """One manifest, the claim decoded."""

    label: str
    box: Superbox
    claim: dict[object, Any]
    claim_bytes: bytes
    """As they stand in the file: what is signed."""
    algorithm: str
    references: list[Reference]
    signature: bytes

    @property
    def generator(self) -> str:
        """Name and version of what made the claim."""
        told = self.claim.get("claim_generator")
        infos = self.claim.get("claim_generator_info")
        info = infos[0] if isinstance(infos, list) and infos else infos
        if isinstance(info, dict) and isinstance(info.get("name"), str):
            version = info.get("version")
            return f"{info['name']} {version}" if isinstance(version, str) else info["name"]
        return told if isinstance(told, str) else ""

    def assertion(self, prefix: str) -> list[tuple[str, Any]]:
        """Labels and contents of the assertions whose label begins so, CBOR alone."""
        assertions = self.box.child("c2pa.assertions")
        found = []
        for box in assertions.boxes if assertions is not None else []:
            data = box.content(b"cbor")
            if box.label.startswith(prefix) and data is not None:
                found.append((box.label, cbor.decode(data)))
        return found

    def labels(self) -> list[str]:
        """Of all assertions."""
        assertions = self.box.child("c2pa.assertions")
        return [box.label for box in assertions.boxes] if assertions is not None else []

    def actions(self) -> list[Action]:
        """What was done, in order."""
        found = []
        for _, value in self.assertion("c2pa.actions"):
            items = value.get("actions") if isinstance(value, dict) else None
            for item in items if isinstance(items, list) else []:
                if isinstance(item, dict):
                    agent = item.get("softwareAgent")
                    name = agent.get("name") if isinstance(agent, dict) else agent
                    found.append(
                        Action(
                            *(
                                _text(each)
                                for each in (
                                    item.get("action"),
                                    name,
                                    item.get("digitalSourceType"),
                                    item.get("when"),
                                )
                            )
                        )
                    )
        return found

    def ingredients(self) -> list[Ingredient]:
        """What it was made from."""
        found = []
        for _, value in self.assertion("c2pa.ingredient"):
            if isinstance(value, dict):
                title, media_type, relationship, instance = (
                    _text(value.get(key)) for key in ("dc:title", "dc:format", "relationship", "instanceID")
                )
                has_manifest = bool(value.get("c2pa_manifest") or value.get("activeManifest"))
                found.append(Ingredient(title, media_type, relationship, instance, has_manifest))
        return found


def manifests(store: Superbox) -> list[Manifest]:
    """All that can be read, the active one last.

    Raises:
        CborError: the active one's claim can't be decoded.
    """
    found = []
    boxes = [box for box in store.boxes if box.kind in _MANIFEST_KINDS][-MAX_MANIFESTS:]
    for box in boxes:
        try:
            manifest = _manifest(box)
        except CborError:
            if box is boxes[-1]:
                raise
            continue
        if manifest is not None:
            found.append(manifest)
    return found


def _manifest(box: Superbox) -> Manifest | None:
    for label in _CLAIMS:
        held = box.child(label)
        data = held.content(b"cbor") if held is not None else None
        if data is None:
            continue
        claim = cbor.decode(data)
        if not isinstance(claim, dict):
            raise CborError("a claim that isn't a map")
        algorithm = claim.get("alg")
        default = algorithm if isinstance(algorithm, str) else "sha256"
        references = []
        for key in ("assertions", "created_assertions", "gathered_assertions"):
            values = claim.get(key)
            references += (
                [_reference(each, default) for each in values if isinstance(each, dict)]
                if isinstance(values, list)
                else []
            )
        signed = box.child("c2pa.signature")
        signature = signed.content(b"cbor") if signed is not None else None
        return Manifest(box.label, box, claim, data, default, references, signature or b"")
    return None


def _reference(value: dict[object, Any], default: str) -> Reference:
    return Reference(_text(value.get("url")), _text(value.get("alg")) or default, octets(value.get("hash")))


def octets(value: object) -> bytes:
    """Bytes, also where they were written as a list of numbers."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, list) and all(isinstance(each, int) and 0 <= each < 256 for each in value):
        return bytes(value)
    return b""


def _text(value: object) -> str:
    if isinstance(value, Tagged):
        value = value.value
    return value if isinstance(value, str) else ""
