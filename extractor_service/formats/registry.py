"""All formats with a reader, in one explicit, ordered tuple."""

from __future__ import annotations

from extractor_service.formats.base import Format, Magic

_PACKAGE = "extractor_service.formats."

_FILM_BRANDS = (
    b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"mp71", b"avc1", b"qt  ", b"M4A ", b"M4B ",
    b"M4P ", b"M4V ", b"MSNV", b"3gp", b"3g2", b"dash", b"f4v ", b"F4V ", b"mmp4", b"XAVC", b"NDSC", b"caqv", b"KDDI",
)  # fmt: skip
_HEIF_BRANDS = (
    b"mif1",
    b"msf1",
    b"mif2",
    b"heic",
    b"heix",
    b"heim",
    b"heis",
    b"hevc",
    b"hevx",
    b"heif",
    b"miaf",
)


def _heif(name: str, mime_type: str, extensions: tuple[str, ...], brands: tuple[bytes, ...]) -> Format:
    return Format(
        name,
        mime_type,
        extensions,
        tuple(Magic(b"ftyp" + brand, 4) for brand in brands),
        _PACKAGE + "containers.isobmff.heif:parse",
        "1",
    )


def _image(
    name: str, mime_type: str, extensions: str, magics: tuple[Magic, ...], reader: str, version: str = "1"
) -> Format:
    return Format(name, mime_type, tuple(extensions.split()), magics, _PACKAGE + reader, version)


FORMATS: tuple[Format, ...] = (
    _image("jpeg", "image/jpeg", "jpg jpeg jpe mpo", (Magic(b"\xff\xd8\xff"),), "containers.photo.jpeg:parse", "2"),
    _image("png", "image/png", "png apng", (Magic(b"\x89PNG\r\n\x1a\n"),), "containers.photo.png:parse", "2"),
    # Before TIFF: the 128 bytes before "DICM" may be a TIFF header, and the file is DICOM all the same.
    Format("dicom", "application/dicom", ("dcm", "dicom"), (Magic(b"DICM", 128),), _PACKAGE + "containers.science.dicom:parse", "1"),
    _image(
        "tiff",
        "image/tiff",
        "tif tiff dng nef nrw arw sr2 srf pef srw erf kdc dcr 3fr iiq mos",
        (Magic(b"II*\0"), Magic(b"MM\0*"), Magic(b"II+\0\x08\0\0\0"), Magic(b"MM\0+\0\x08\0\0")),
        "containers.photo.tiff:parse",
        "2",
    ),
    _image("cr2", "image/x-canon-cr2", "cr2", (Magic(b"II*\0\x10\0\0\0CR\x02"),), "containers.photo.tiff:parse"),
    _image("orf", "image/x-olympus-orf", "orf", (Magic(b"IIRO"), Magic(b"IIRS"), Magic(b"MMOR")), "containers.photo.tiff:parse"),
    _image("rw2", "image/x-panasonic-rw2", "rw2 rwl raw", (Magic(b"IIU\0"),), "containers.photo.tiff:parse"),
    _image("raf", "image/x-fujifilm-raf", "raf", (Magic(b"FUJIFILMCCD-RAW "),), "containers.photo.raf:parse"),
    _image("crw", "image/x-canon-crw", "crw", (Magic(b"HEAPCCDR", 6),), "containers.photo.crw:parse"),
    _heif("heic", "image/heic", ("heic", "heif", "hif"), _HEIF_BRANDS),
    _heif("avif", "image/avif", ("avif", "avifs"), (b"avif", b"avis")),
    _heif("cr3", "image/x-canon-cr3", ("cr3",), (b"crx ",)),
    _image(
        "webp", "image/webp", "webp",
        (Magic(b"RIFF\0\0\0\0WEBP", 0, b"\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff"),), "containers.photo.webp:parse_webp",
    ),
    _image("gif", "image/gif", "gif", (Magic(b"GIF87a"), Magic(b"GIF89a")), "containers.photo.gif:parse"),
    _image("jxl", "image/jxl", "jxl", (Magic(b"\0\0\0\x0cJXL \r\n\x87\n"),), "containers.photo.jpeg2000:parse"),
    _image("jxl_codestream", "image/jxl", "jxl", (Magic(b"\xff\x0a"),), "containers.photo.jpeg2000:parse_jxl_codestream"),
    _image("jp2", "image/jp2", "jp2 jpx jpm jph", (Magic(b"\0\0\0\x0cjP  \r\n\x87\n"), Magic(b"\0\0\0\x0cjP\x1a\x1a\r\n\x87\n")), "containers.photo.jpeg2000:parse"),
    _image("j2c", "image/x-j2c", "j2c j2k jpc", (Magic(b"\xff\x4f\xff\x51"),), "containers.photo.jpeg2000:parse_codestream"),
    _image("psd", "image/vnd.adobe.photoshop", "psd psb", (Magic(b"8BPS\0\x01"), Magic(b"8BPS\0\x02")), "containers.photo.psd:parse"),
    # The reserved words after the file size are 0 in every real file; "BM" alone would claim plain text.
    _image("bmp", "image/bmp", "bmp dib", (Magic(b"BM\0\0\0\0\0\0\0\0", 0, b"\xff\xff\0\0\0\0\xff\xff\xff\xff"),), "containers.photo.bitmap:parse_bmp"),
    _image("ico", "image/x-icon", "ico", (Magic(b"\0\0\x01\0"),), "containers.photo.bitmap:parse_ico"),
    _image("cur", "image/x-icon", "cur", (Magic(b"\0\0\x02\0\0\0", 0, b"\xff\xff\xff\xff\0\xff"),), "containers.photo.bitmap:parse_ico"),
    _image("pcx", "image/x-pcx", "pcx", tuple(Magic(bytes((10, version, 1))) for version in (0, 2, 3, 4, 5)), "containers.photo.bitmap:parse_pcx"),
    _image(
        "pnm", "image/x-portable-anymap", "pnm pbm pgm ppm pam",
        tuple(Magic(b"P" + kind + space) for kind in (b"1", b"2", b"3", b"4", b"5", b"6", b"7") for space in (b"\n", b" ", b"\r", b"\t")),
        "containers.photo.bitmap:parse_pnm",
    ),
    _image(
        "tga", "image/x-tga", "tga",
        # No magic at the beginning: a name's length, a colour map or none, a known type, and a depth.
        tuple(
            Magic(bytes((0, mapped, kind)) + bytes(5) + bytes(8) + bytes((depth,)), 0, b"\0\xff\xff" + b"\0" * 13 + b"\xff")
            for mapped, kind in ((0, 2), (0, 3), (0, 10), (0, 11), (1, 1), (1, 9))
            for depth in (8, 16, 24, 32)
        ),
        "containers.photo.bitmap:parse_tga",
    ),
    _image("svg", "image/svg+xml", "svg", (Magic(b"<svg", within=4096), Magic(b"http://www.w3.org/2000/svg", within=4096)), "containers.documents.svg:parse"),
    _image("xmp", "application/rdf+xml", "xmp", (Magic(b"<?xpacket begin="), Magic(b"<x:xmpmeta", within=1024), Magic(b"<rdf:RDF", within=1024)), "containers.documents.xmp_sidecar:parse"),
    Format("fits", "image/fits", ("fits", "fit", "fts"), (Magic(b"SIMPLE  ="),), _PACKAGE + "containers.science.fits:parse", "1"),
    Format(
        "hdf5",
        "application/x-hdf5",
        ("h5", "hdf5", "nc", "he5"),
        # The superblock may follow a user block of 512 bytes or any doubling of it (HDF5 specification, II.A).
        tuple(Magic(b"\x89HDF\r\n\x1a\n", offset) for offset in (0, 512, 1024, 2048, 4096, 8192)),
        _PACKAGE + "containers.science.hdf5:parse",
        "1",
    ),
    # Readers accept the header anywhere in the first 1,024 bytes (PDF 1.7, appendix H, note 13).
    Format("pdf", "application/pdf", ("pdf",), (Magic(b"%PDF-", within=1019),), _PACKAGE + "containers.documents.pdf:parse", "1"),
    Format(
        "mp4",
        "video/mp4",
        ("mp4", "m4a", "m4v", "mov"),
        # By brand: HEIF, AVIF and CR3 begin with ftyp as well, and are no films. mp4ra.org lists the brands.
        tuple(Magic(b"ftyp" + brand, 4) for brand in _FILM_BRANDS),
        _PACKAGE + "containers.media.audio:parse_mp4",
        "2",
    ),
    Format(
        "mp3",
        "audio/mpeg",
        ("mp3",),
        (
            Magic(b"ID3"),
            # An MPEG audio frame: 11 sync bits, version 1 or 2, layer III.
            Magic(b"\xff\xe2", 0, b"\xff\xe6"),
        ),
        _PACKAGE + "containers.media.audio:parse_mp3",
        "1",
    ),
    Format("flac", "audio/flac", ("flac",), (Magic(b"fLaC"),), _PACKAGE + "containers.media.audio:parse_flac", "1"),
    Format("ogg", "audio/ogg", ("ogg", "oga", "opus"), (Magic(b"OggS"),), _PACKAGE + "containers.media.audio:parse_ogg", "1"),
    Format(
        "wav",
        "audio/wav",
        ("wav",),
        (Magic(b"RIFF\0\0\0\0WAVE", 0, b"\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff"),),
        _PACKAGE + "containers.media.audio:parse_wav",
        "1",
    ),
)  # fmt: skip

BY_NAME = {each.name: each for each in FORMATS}
