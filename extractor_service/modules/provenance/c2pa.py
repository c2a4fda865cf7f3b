"""The module of content credentials: what a file's C2PA manifests claim, and whether they fit the file. Never that it is authentic."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.embedded import jumbf
from extractor_service.formats.embedded.jumbf import JumbfError
from extractor_service.formats.reading.cbor import CborError
from extractor_service.formats.reading.reader import TruncatedError
from extractor_service.modules.base import CostClass, Lifetime, Module
from extractor_service.modules.provenance import binding, manifest, signature, store

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.modules.base import ModuleContext
    from extractor_service.modules.provenance.manifest import Manifest
    from extractor_service.sources.base import ByteSource

SECTION = "c2pa"
_MAX_SHOWN = 100  # actions or ingredients of a manifest


class C2paModule(Module):
    """Manifests, claims, actions, ingredients, signers, and whether the hashes fit."""

    name = "c2pa"
    version = "1"
    description = (
        "Content credentials (C2PA): claims, actions, ingredients and signer, and whether they fit the file."
    )
    writes = (SECTION,)
    sets = ("advanced", "forensic")
    cost_class = CostClass.RANGES
    lifetime = Lifetime.MODULE

    def applies(self, context: ModuleContext) -> bool:
        """To formats in which manifests are looked for."""
        return context.format is not None and store.is_known(context.format.name)

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds the section "c2pa", a group for each manifest; the whole file is read where one is bound to it."""
        if context.format is None:
            return
        try:
            found = store.find(source, context.format.name)
        except store.DAMAGE as error:
            document.problem(SECTION, ProblemKind.DAMAGED, f"no manifest store can be looked for: {error}")
            return
        if found is None:
            return
        origin = ByteRange(found.offset, found.length)
        try:
            held = jumbf.parse(found.data)
            manifests = manifest.manifests(held)
        except (JumbfError, CborError) as error:
            document.problem(SECTION, ProblemKind.DAMAGED, f"the manifest store: {error}", found.offset)
            return
        _add(document, "Store", "ManifestCount", len(manifests), origin)
        for number, each in enumerate(manifests):
            is_active = number == len(manifests) - 1
            group = "Active" if is_active else f"Manifest {number + 1}"
            try:
                _describe(document, group, each)
                _check(source, document, group, (found, held), each, is_active=is_active)
            except (CborError, TruncatedError) as error:
                document.problem(
                    SECTION, ProblemKind.DAMAGED, f"manifest {each.label}: {error}", found.offset
                )


def _describe(document: Document, group: str, each: Manifest) -> None:
    claim = each.claim
    _add(document, group, "Label", each.label)
    _add(document, group, "ClaimGenerator", each.generator)
    for name, key in (("Title", "dc:title"), ("Format", "dc:format"), ("InstanceID", "instanceID")):
        value = claim.get(key)
        _add(document, group, name, value if isinstance(value, str) else "")
    _add(document, group, "Assertions", list(each.labels()))
    for number, action in enumerate(each.actions()[:_MAX_SHOWN], 1):
        inner = f"{group} action {number}"
        for name, text in zip(("Action", "SoftwareAgent", "DigitalSourceType", "When"), action, strict=True):
            _add(document, inner, name, text)
    for number, ingredient in enumerate(each.ingredients()[:_MAX_SHOWN], 1):
        inner = f"{group} ingredient {number}"
        for name, text in zip(("Title", "Format", "Relationship", "InstanceID"), ingredient[:4], strict=True):
            _add(document, inner, name, text)
        document.add(SECTION, Field("HasManifest", ingredient.has_manifest, group=inner))


def _check(
    source: ByteSource,
    document: Document,
    group: str,
    of: tuple[store.Store, jumbf.Superbox],
    each: Manifest,
    *,
    is_active: bool,
) -> None:
    found, held = of
    matches = binding.assertions(held, each)
    counts = Counter(matches.values())
    _add(document, group, "AssertionHashesMatching", counts[binding.Match.MATCHES])
    differing: list[Value] = [
        url.rpartition("/")[2] for url, match in matches.items() if match is binding.Match.DIFFERS
    ]
    if differing:
        _add(document, group, "AssertionHashesDiffering", differing)
    who = signature.signer(each)
    if who is None:
        _add(document, group, "ClaimSignature", binding.Match.UNCHECKED.value)
    else:
        for name, text in (
            ("SignatureAlgorithm", who.algorithm), ("SignerOrganization", who.organization), ("SignerName", who.common_name),
            ("CertificateIssuer", who.issuer), ("CertificateSerial", who.serial), ("CertificateValidFrom", who.valid_from),
            ("CertificateValidTo", who.valid_to), ("ClaimedTime", who.claimed_time),
        ):  # fmt: skip
            _add(document, group, name, text)
        document.add(SECTION, Field("ClaimSignature", who.match.value, group=group, note=who.reason))
    if is_active:  # the others were bound to what the file was then
        match, label = binding.content(source, each, found)
        document.add(SECTION, Field("ContentBinding", match.value, group=group, note=label))


def _add(document: Document, group: str, name: str, value: Value, origin: ByteRange | None = None) -> None:
    if value not in ("", [], None):
        document.add(SECTION, Field(name, value, group=group, origin=origin))
