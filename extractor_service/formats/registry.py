"""All formats with a reader, in one explicit, ordered tuple."""

from __future__ import annotations

from extractor_service.formats.base import Format, Magic

_PACKAGE = "extractor_service.formats."

_FILM_BRANDS = (
    b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"mp71", b"avc1", b"qt  ", b"M4A ", b"M4B ",
    b"M4P ", b"M4V ", b"MSNV", b"3gp", b"3g2", b"dash", b"f4v ", b"F4V ", b"mmp4", b"XAVC", b"NDSC", b"caqv", b"KDDI",
)  # fmt: skip

FORMATS: tuple[Format, ...] = (
    Format("jpeg", "image/jpeg", ("jpg", "jpeg", "jpe"), (Magic(b"\xff\xd8\xff"),), _PACKAGE + "jpeg:parse", "1"),
    Format("png", "image/png", ("png", "apng"), (Magic(b"\x89PNG\r\n\x1a\n"),), _PACKAGE + "png:parse", "1"),
    # Before TIFF: the 128 bytes before "DICM" may be a TIFF header, and the file is DICOM all the same.
    Format("dicom", "application/dicom", ("dcm", "dicom"), (Magic(b"DICM", 128),), _PACKAGE + "dicom:parse", "1"),
    Format(
        "tiff",
        "image/tiff",
        ("tif", "tiff"),
        (Magic(b"II*\0"), Magic(b"MM\0*"), Magic(b"II+\0\x08\0\0\0"), Magic(b"MM\0+\0\x08\0\0")),
        _PACKAGE + "tiff:parse",
        "1",
    ),
    Format("fits", "image/fits", ("fits", "fit", "fts"), (Magic(b"SIMPLE  ="),), _PACKAGE + "fits:parse", "1"),
    Format(
        "hdf5",
        "application/x-hdf5",
        ("h5", "hdf5", "nc", "he5"),
        # The superblock may follow a user block of 512 bytes or any doubling of it (HDF5 specification, II.A).
        tuple(Magic(b"\x89HDF\r\n\x1a\n", offset) for offset in (0, 512, 1024, 2048, 4096, 8192)),
        _PACKAGE + "hdf5:parse",
        "1",
    ),
    # Readers accept the header anywhere in the first 1,024 bytes (PDF 1.7, appendix H, note 13).
    Format("pdf", "application/pdf", ("pdf",), (Magic(b"%PDF-", within=1019),), _PACKAGE + "pdf:parse", "1"),
    Format(
        "mp4",
        "video/mp4",
        ("mp4", "m4a", "m4v", "mov"),
        # By brand: HEIF, AVIF and CR3 begin with ftyp as well, and are no films. mp4ra.org lists the brands.
        tuple(Magic(b"ftyp" + brand, 4) for brand in _FILM_BRANDS),
        _PACKAGE + "audio:parse_mp4",
        "1",
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
        _PACKAGE + "audio:parse_mp3",
        "1",
    ),
    Format("flac", "audio/flac", ("flac",), (Magic(b"fLaC"),), _PACKAGE + "audio:parse_flac", "1"),
    Format("ogg", "audio/ogg", ("ogg", "oga", "opus"), (Magic(b"OggS"),), _PACKAGE + "audio:parse_ogg", "1"),
    Format(
        "wav",
        "audio/wav",
        ("wav",),
        (Magic(b"RIFF\0\0\0\0WAVE", 0, b"\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff"),),
        _PACKAGE + "audio:parse_wav",
        "1",
    ),
)  # fmt: skip

BY_NAME = {each.name: each for each in FORMATS}
