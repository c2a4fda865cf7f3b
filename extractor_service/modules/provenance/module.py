"""The module of observations: statements about a file's past, each with its evidence and what would disprove it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.modules.base import CostClass, Lifetime, Module, Part
from extractor_service.modules.provenance import history_rules, structure_rules, time_rules
from extractor_service.modules.provenance.facts import Facts

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource


class ProvenanceModule(Module):
    """Observations on what the other modules found, and on what stands behind a file's end."""

    name = "provenance"
    version = "1"
    description = "Observations on a file's past and integrity, each with evidence and what would disprove it; never a score."
    writes = Part.OBSERVATIONS
    sets = ("advanced", "forensic")
    reads = ("metadata", "common", "c2pa")
    cost_class = CostClass.WHOLE_FILE
    lifetime = Lifetime.MODULE
    needs_whole_file = True

    def applies(self, context: ModuleContext) -> bool:
        """To whatever has a reader."""
        return context.format is not None

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds the observations, the gravest first."""
        facts = Facts(source, document, context.format.name if context.format is not None else "")
        for rules in (structure_rules, time_rules, history_rules):
            rules.add(facts)
        document.observations.sort(key=lambda each: -each.severity.value)
