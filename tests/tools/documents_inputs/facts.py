"""What the samples say about themselves."""

from datetime import UTC, datetime

TITLE = "Jahresbericht – Übersicht 年次報告"
SUBJECT = "Résumé of the year’s work"
AUTHOR = "Zoë Müller"
EDITOR = "Иван Петров"
KEYWORDS = "naïve, übergrößen, 日本語, emoji 🎵"
COMMENTS = "First line\nsecond line: ελληνικά & <markup>"
CATEGORY = "Reports/Annual"
COMPANY = "Acme & Söhne GmbH"
MANAGER = "Ana López"
CREATED = datetime(2019, 2, 3, 4, 5, 6, tzinfo=UTC)
MODIFIED = datetime(2021, 5, 4, 12, 0, tzinfo=UTC)
PRINTED = datetime(2020, 6, 7, 8, 9, 10, tzinfo=UTC)
TEXT = (
    "Pack my box with five dozen liquor jugs.",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.",
    "Съешь же ещё этих мягких французских булок.",
    "いろはにほへと ちりぬるを",
    "שלום עולם — مرحبا بالعالم",
)
LATIN = TEXT[:2]


def plain(moment: datetime) -> datetime:
    """Without a zone, as most office libraries want it."""
    return moment.replace(tzinfo=None)
