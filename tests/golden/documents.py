"""The document of some bytes, straight through sniffing, modules and encoding; no server."""

from __future__ import annotations

from extractor_service.document import Document, LimitExceededError, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.identification.identify import identify_source, named
from extractor_service.modules.base import ModuleContext, Part
from extractor_service.modules.loaded import MODULES
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from extractor_service.workers import encode
from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2
from metaextract_client import Extraction, to_dict


def parse(source, name: str = "") -> Document:
    """The filled document, as a worker would leave it."""
    context = ModuleContext(named(identify_source(source), name).format)
    document = Document()
    for module in MODULES:
        if module.default_enabled and module.applies(context):
            try:
                module.run(source, document, context)
            except CorruptFileError as error:
                document.problem("", ProblemKind.DAMAGED, str(error))
            except LimitExceededError as error:
                document.problem("", ProblemKind.LIMIT, str(error))
    return document


def golden_document(data: bytes, name: str = "") -> dict:
    """What is compared: sections, common facts, problems, and what reading cost."""
    source = BlockCachedSource(BytesSource(data))
    document = parse(source, name)
    message = document_pb2.Document()
    message.MergeFromString(encode.encode_part(Part.SECTIONS, document, document.problems))
    message.MergeFromString(encode.encode_part(Part.COMMON, document, []))
    message.file.format = named(identify_source(BytesSource(data)), name).type.name
    plain = to_dict(Extraction(message, extractor_pb2.ExtractionInfo()))
    return {key: plain[key] for key in ("format", "common", "sections", "problems")}
