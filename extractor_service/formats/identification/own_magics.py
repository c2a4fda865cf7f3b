"""Magics that neither Tika's table nor PRONOM has, or has too short: (name, ((offset, bytes, mask or None), …)).

Sources: the formats' own documents, named where they aren't obvious.
"""

from __future__ import annotations

OWN_MAGICS: tuple[tuple[str, tuple[tuple[int, bytes, bytes | None], ...]], ...] = (
    ("jpeg", ((0, b"\xff\xd8", None), (6, b"JFIF\0", None))),  # a damaged first marker
    ("arrow", ((0, b"ARROW1\0\0", None),)),
    ("feather1", ((0, b"FEA1", None),)),
    ("orc", ((0, b"ORC", None),)),
    # An encapsulated schema message: no length below 16 MiB, a flatbuffer behind it (arrow.apache.org/docs/format).
    *(("arrow_stream", ((0, b"\xff\xff\xff\xff", None), (6, b"\0\0", None), (8, bytes((root, 0, 0, 0)), None))) for root in (4, 8, *range(12, 36, 4))),
    # Streams before 0.15 had no mark in front of the length.
    *(("arrow_stream", ((4, bytes((root, 0, 0, 0)), None), (4 + root - size, bytes((size, 0)), None), (3, b"\0", None)))
      for root in (12, 16, 20) for size in (10, 12)),
    *(("las_well", ((0, words, None),)) for words in (b"~Ver", b"~VER", b"~ver", b"~V\r\n")),
    ("npy", ((0, b"\x93NUMPY", None),)),
    ("gguf", ((0, b"GGUF", None),)),
    ("qoi", ((0, b"qoif", None),)),
    ("7z", ((0, b"7z\xbc\xaf\x27\x1c", None),)),
    ("ttc", ((0, b"ttcf\0", None),)),
    ("woff2", ((0, b"wOF2", None),)),
    ("lrz", ((0, b"LRZI", None),)),
    ("lzo", ((0, b"\x89LZO\0\r\n\x1a\n", None),)),
    ("bz2", ((0, b"BZh", None), (4, b"1AY&SY", None))),
    ("bz2", ((0, b"BZh", None), (4, b"\x17\x72\x45\x38\x50\x90", None))),  # of nothing
    ("xar", ((0, b"xar!\0", None),)),
    ("xz", ((0, b"\xfd7zXZ\0", None),)),
    # LZMA alone: the usual properties, a dictionary of a whole number of KiB, an unknown or a small size.
    ("lzma", ((0, b"\x5d\0\0", None), (5, b"\xff\xff\xff\xff\xff\xff\xff\xff", None))),
    ("lzma", ((0, b"\x5d\0\0", None), (9, b"\0\0\0\0", None))),
    ("wv", ((0, b"wvpk", None), (9, b"\x04", None))),
    ("ape", ((0, b"MAC ", None), (5, b"\x0f", None))),
    ("mpc", ((0, b"MPCK", None),)),
    ("mpc", ((0, b"MP+\x07", b"\xff\xff\xff\x0f"),)),
    ("tta", ((0, b"TTA1", None),)),
    ("dsf", ((0, b"DSD \x1c\0\0\0", None),)),
    ("dff", ((0, b"FRM8", None), (12, b"DSD ", None))),
    ("w64", ((0, b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0", None),)),
    ("mrw", ((0, b"\0MRM", None),)),
    ("mrw", ((0, b"\0MRI", None),)),
    ("x3f", ((0, b"FOVb", None),)),
    # OS/2's icons, pointers and arrays of them: a type, then the size of a header, as in a bitmap.
    *((name, ((0, kind, None), (14, size + b"\0\0\0", None)))
      for name, kind in (("os2_icon", b"IC"), ("os2_icon", b"CI"), ("os2_pointer", b"PT"), ("os2_pointer", b"CP"))
      for size in (b"\x0c", b"\x28", b"\x40")),
    *(("os2_bitmap_array", ((0, b"BA", None), (14, kind, None))) for kind in (b"IC", b"CI", b"BM", b"PT", b"CP")),
    ("macho", ((0, b"\xfe\xed\xfa\xce", None),)),
    ("macho", ((0, b"\xfe\xed\xfa\xcf", None),)),
    ("macho", ((0, b"\xce\xfa\xed\xfe", None),)),
    ("macho", ((0, b"\xcf\xfa\xed\xfe", None),)),
    # A fat binary; Java's classes have the same magic, and a version above 43 where this has a count.
    *(("macho", ((0, b"\xca\xfe\xba\xbe\0\0\0" + bytes((count,)), None),)) for count in range(1, 20)),
    ("elf", ((0, b"\x7fELF", None),)),
    ("zst", ((0, b"\x28\xb5\x2f\xfd", None),)),
    ("tar", ((257, b"ustar", None),)),
    ("warc", ((0, b"WARC/", None),)),
    ("wasm", ((0, b"\0asm", None),)),
    ("dex", ((0, b"dex\n0", None),)),
    ("pickle", ((0, b"\x80\x04\x95", None), (9, b"\0\0", None))),
    # The magic number's last two bytes are CR LF by design (CPython, Lib/importlib/_bootstrap_external.py); then flags.
    *(("pyc", ((0, b"\0\r\r\n" + bytes((flags, 0, 0, 0)), b"\0" + b"\xff" * 7),)) for flags in (0, 1, 3)),
    ("mo", ((0, b"\xde\x12\x04\x95", None),)),
    ("mo", ((0, b"\x95\x04\x12\xde", None),)),
    ("terminfo", ((0, b"\x1a\x01", None), (3, b"\0", None), (5, b"\0", None))),
    ("terminfo", ((0, b"\x1e\x02", None), (3, b"\0", None), (5, b"\0", None))),
    ("jmod", ((0, b"JM\x01\0", None),)),
    ("bcf", ((0, b"BCF\x02", None),)),
    ("bam", ((0, b"BAM\x01", None),)),
    ("cram", ((0, b"CRAM", None),)),
    ("sqlite", ((0, b"SQLite format 3\0", None),)),
    ("netcdf", ((0, b"CDF\x01", None),)),
    ("netcdf", ((0, b"CDF\x02", None),)),
    ("netcdf", ((0, b"CDF\x05", None),)),
    ("grib", ((0, b"GRIB", None), (7, b"\x01", None))),
    ("grib", ((0, b"GRIB", None), (7, b"\x02", None))),
    ("bufr", ((0, b"BUFR", None),)),
    ("las", ((0, b"LASF", None),)),
)  # fmt: skip
