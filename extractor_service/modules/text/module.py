"""The module of text facts: language, words, pages."""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING, Any

from extractor_service.document import Field
from extractor_service.formats.base import CorruptFileError
from extractor_service.modules.base import TEXT, CostClass, Lifetime, Module
from extractor_service.modules.text import extract

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource

SECTION = "text_facts"
_LEAST_LETTERS = 60
"""Of a text whose language is told: a line of words. In fewer, names and numbers weigh as much as the language."""
_LEAST_CERTAINTY = 0.98  # of the classifier's own measure, which is near one for any text of a few lines
_WORD = re.compile(r"\w[\w'\u2019-]*")
_LETTER = re.compile(r"[^\W\d_]")


class TextModule(Module):
    """Language, words and pages of documents."""

    name = "text_facts"
    version = "1"
    description = "Language, number of words and pages of texts, office documents, e-books and PDF."
    writes = (SECTION,)
    sets = ("advanced",)
    cost_class = CostClass.WHOLE_FILE
    worker_kind = TEXT
    lifetime = Lifetime.MODULE
    needs_whole_file = True

    def applies(self, context: ModuleContext) -> bool:
        """To formats from which words are extracted."""
        return context.format is not None and extract.is_known(context.format.name)

    def options(self, context: ModuleContext) -> str:
        """None."""
        del context
        return ""

    def unavailable(self) -> str:
        """Whether the classifier is missing."""
        return "" if importlib.util.find_spec("py3langid") else "not installed: py3langid (extra `modules`)"

    def preload(self) -> None:
        """Loads the classifier's table, half a second's work."""
        _language("this is loaded once, where workers are forked")

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds the section "text_facts"; a language where it is certain alone."""
        if context.format is None:
            return
        try:
            found = extract.extract(source, context.format.name)
        except ValueError as error:
            raise CorruptFileError(f"its text can't be read: {error}") from error
        if found is None:
            return
        note = "" if found.is_whole else f"of its first {len(found.text)} characters"
        letters = len(_LETTER.findall(found.text))
        if letters >= _LEAST_LETTERS:
            language, certainty = _language(" ".join(found.text.split()))
            if certainty >= _LEAST_CERTAINTY:
                document.add(SECTION, Field("Language", language, note=note))
                document.add(
                    SECTION, Field("LanguageCertainty", round(certainty, 4), unit="1", note="by py3langid")
                )
        document.add(SECTION, Field("WordCount", len(_WORD.findall(found.text)), note=note))
        document.add(SECTION, Field("CharacterCount", len(found.text), note=note))
        if found.page_count is not None:
            document.add(SECTION, Field("PageCount", found.page_count))


def _language(text: str) -> tuple[str, float]:
    """The likeliest language (ISO 639-1 or -3), and how sure that is, 0 to 1."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - 100 MiB while it loads

    global _identifier  # noqa: PLW0603 - one for the process, loaded before workers are forked
    if _identifier is None:
        _identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    language, certainty = _identifier.classify(text)
    return str(language), float(certainty)


_identifier: Any = None
