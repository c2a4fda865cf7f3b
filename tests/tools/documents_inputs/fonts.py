"""Fonts by fontTools' builder, with names in several languages, and whole families of it."""

NAMES = {
    "familyName": {"en": "Made Sample", "de": "Gemachtes Muster", "ja": "見本の書体"},
    "styleName": {"en": "Bold Italic", "de": "Fett kursiv"},
    "uniqueFontIdentifier": "ACME:Made Sample:2021",
    "fullName": {"en": "Made Sample Bold Italic", "ja": "見本の書体 太斜"},
    "version": "Version 1.234",
    "psName": "MadeSample-BoldItalic",
    "copyright": "© 2021 Acme & Söhne",
    "trademark": "Made is a trademark – ™",
    "manufacturer": "Acme",
    "designer": "Zoë Müller",
    "description": {"en": "A sample", "ru": "Образец"},
    "vendorURL": "https://example.org/",
    "designerURL": "https://example.org/zoë",
    "licenseDescription": "SIL Open Font License 1.1",
    "licenseInfoURL": "https://example.org/ofl",
    "typographicFamily": "Made",
    "typographicSubfamily": "Sample Bold Italic",
    "sampleText": "Съешь же ещё этих булок",
}
CREATED = 3_632_184_306  # 2019-02-03T04:05:06Z, in seconds since 1904


def _built(*, cff=False, names=NAMES):
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.t2CharStringPen import T2CharStringPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    order = [".notdef", "space", "A", "Eacute"]
    builder = FontBuilder(1024, isTTF=not cff)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap({32: "space", 65: "A", 0xC9: "Eacute", 0x1F600: "A"})
    drawn = {}
    for index, name in enumerate(order):
        pen = T2CharStringPen(600, None) if cff else TTGlyphPen(None)
        pen.moveTo((0, 0))
        pen.lineTo((500, 100 * index))
        pen.lineTo((250, 700))
        pen.closePath()
        drawn[name] = pen.getCharString() if cff else pen.glyph()
    if cff:
        builder.setupCFF(
            NAMES["psName"], {"FullName": "Made", "Notice": "(c) Acme", "Weight": "Bold"}, drawn, {}
        )
    else:
        builder.setupGlyf(drawn)
    builder.setupHorizontalMetrics(dict.fromkeys(order, (600, 0)))
    builder.setupHorizontalHeader(ascent=824, descent=-200)
    builder.setupNameTable(names)
    builder.setupOS2(
        usWeightClass=700, usWidthClass=5, fsSelection=0x21, achVendID="ACME", fsType=4, sTypoAscender=824
    )
    builder.setupPost(italicAngle=-12.5, isFixedPitch=1)
    head = builder.font["head"]
    head.created, head.modified, head.fontRevision, head.macStyle = CREATED, CREATED + 86400, 1.234, 3
    builder.font.recalcTimestamp = False
    return builder


def rich_ttf(out):
    builder = _built()
    builder.setupMeta({"dlng": ["de-Latn", "ru-Cyrl"], "slng": ["Latn"]}) if hasattr(
        builder, "setupMeta"
    ) else None
    builder.save(out)


def rich_otf(out):
    _built(cff=True).save(out)


def variable(out):
    builder = _built()
    weight = ("wght", 100, 400, 900, {"en": "Weight", "de": "Gewicht"})
    width = ("wdth", 50, 100, 200, "Width")
    light = {"location": {"wght": 100, "wdth": 100}, "stylename": {"en": "Thin", "de": "Dünn"}}
    black = {
        "location": {"wght": 900, "wdth": 50},
        "stylename": "Black Narrow",
        "postscriptfontname": "Made-BlackN",
    }
    builder.setupFvar([weight, width], [light, black])
    builder.setupStat(
        [{"tag": "wght", "name": "Weight", "values": [{"value": 400, "name": "Regular", "flags": 2}]}]
    )
    builder.save(out)


def color(out):
    builder = _built()
    builder.setupCOLR({"A": [("space", 0), ("Eacute", 1)]})
    builder.setupCPAL([[(1.0, 0, 0, 1.0), (0, 0, 1.0, 1.0)]], paletteLabels=["Palette – Farben"])
    builder.save(out)


def flavored(out, flavor, source=""):
    """WOFF with metadata and private data, from the built font or from one of the system's."""
    from fontTools import ttLib
    from fontTools.ttLib.woff2 import WOFF2FlavorData

    font = _built().font if not source else ttLib.TTFont(source, recalcTimestamp=False)
    font.flavor = flavor
    data = WOFF2FlavorData() if flavor == "woff2" else ttLib.sfnt.WOFFFlavorData()
    data.majorVersion, data.minorVersion = 1, 2
    data.metaData = '<?xml version="1.0" encoding="UTF-8"?><metadata version="1.0"><vendor name="Acme" url="https://example.org/"/><description><text xml:lang="de">Ein Muster – 見本</text></description></metadata>'.encode()
    data.privData = b"private bytes"
    font.flavorData = data
    font.save(out)


def subset(out, source, *options):
    """The system's font, with few glyphs."""
    from fontTools import subset as tool

    tool.main([source, "--text=Aé ", f"--output-file={out}", "--name-IDs=*", "--name-languages=*", *options])


def collection(out, *sources):
    from fontTools import ttLib

    whole = ttLib.TTCollection()
    whole.fonts = [ttLib.TTFont(source, recalcTimestamp=False) for source in sources]
    whole.save(out)
