"""PDF: the document's facts and dictionaries through qpdf, behind ranged reads. ISO 32000-2."""
