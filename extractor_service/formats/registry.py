"""Lists all formats with a reader, in one explicit, ordered tuple. A line holds all that is known of a format."""

from __future__ import annotations

from typing import Any

from extractor_service.formats.base import Format, Magic, MemoryNeed, SizeFields

_MIB = 1024 * 1024  # bytes
_CONTAINERS = "extractor_service.formats.containers."


def _format(
    name: str,
    mime_type: str,
    extensions: str,
    magics: tuple[Magic, ...],
    reader: str,
    also: str = "",
    **facts: Any,
) -> Format:
    """A row: `extensions` and `also` separated by blanks, `reader` as the module below `containers/`, with its function where that isn't `parse`."""
    function = "" if ":" in reader else ":parse"
    path = f"{_CONTAINERS}{reader}{function}"
    return Format(name, mime_type, tuple(extensions.split()), magics, path, tuple(also.split()), **facts)


def _brands(*brands: bytes) -> tuple[Magic, ...]:
    """The brands of an ISO base media file (ISO/IEC 14496-12, 4.3); HEIF, CR3 and films differ in nothing else."""
    return tuple(Magic(b"ftyp" + brand, 4) for brand in brands)


def _riff(kind: bytes) -> tuple[Magic, ...]:
    return (Magic(b"RIFF\0\0\0\0" + kind, 0, b"\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff"),)


# mp4ra.org lists the brands.
_FILMS = _brands(
    b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"mp71", b"avc1", b"qt  ", b"M4A ", b"M4B ",
    b"M4P ", b"M4V ", b"MSNV", b"3gp", b"3g2", b"dash", b"f4v ", b"F4V ", b"mmp4", b"XAVC", b"NDSC", b"caqv", b"KDDI",
)  # fmt: skip
_HEIF = _brands(
    b"mif1", b"msf1", b"mif2", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"heif", b"miaf"
)
# No magic at the beginning: a name's length, a colour map or none, a known type, and a depth.
_TARGAS = tuple(
    Magic(bytes((0, mapped, kind)) + bytes(5) + bytes(8) + bytes((depth,)), 0, b"\0\xff\xff" + b"\0" * 13 + b"\xff")
    for mapped, kind in ((0, 2), (0, 3), (0, 10), (0, 11), (1, 1), (1, 9))
    for depth in (8, 16, 24, 32)
)  # fmt: skip
_BITMAPS = tuple(
    Magic(b"BM" + bytes(12) + bytes((size, 0, 0, 0)), 0, b"\xff\xff" + bytes(12) + b"\xff" * 4)
    for size in (12, 16, 40, 52, 56, 64, 108, 124)
)
_ANYMAPS = tuple(Magic(b"P" + kind + space) for kind in (b"1", b"2", b"3", b"4", b"5", b"6", b"7") for space in (b"\n", b" ", b"\r", b"\t"))  # fmt: skip
_JP2 = (Magic(b"\0\0\0\x0cjP  \r\n\x87\n"), Magic(b"\0\0\0\x0cjP\x1a\x1a\r\n\x87\n"))
_TIFF = (Magic(b"II*\0"), Magic(b"MM\0*"), Magic(b"II+\0\x08\0\0\0"), Magic(b"MM\0+\0\x08\0\0"))
_TIFF_ENDINGS = "tif tiff dng nef nrw arw sr2 srf pef srw erf kdc dcr 3fr iiq mos"

FORMATS: tuple[Format, ...] = (
    _format("jpeg", "image/jpeg", "jpg jpeg jpe mpo", (Magic(b"\xff\xd8\xff"),), "photo.jpeg", version="3", is_headed=True, is_preloaded=True),
    _format("png", "image/png", "png apng", (Magic(b"\x89PNG\r\n\x1a\n"),), "photo.png", version="2", is_headed=True, is_preloaded=True, size_fields=SizeFields("png")),
    # Before TIFF: the 128 bytes before "DICM" may be a TIFF header, and the file is DICOM all the same.
    _format("dicom", "application/dicom", "dcm dicom", (Magic(b"DICM", 128),), "dicom.file", version="2", is_headed=True, size_fields=SizeFields("dicom", "Columns", "Rows", "")),
    _format("tiff", "image/tiff", _TIFF_ENDINGS, _TIFF, "photo.tiff", version="3", is_preloaded=True),
    _format("cr2", "image/x-canon-cr2", "cr2", (Magic(b"II*\0\x10\0\0\0CR\x02"),), "photo.tiff"),
    _format("orf", "image/x-olympus-orf", "orf", (Magic(b"IIRO"), Magic(b"IIRS"), Magic(b"MMOR")), "photo.tiff"),
    _format("rw2", "image/x-panasonic-rw2", "rw2 rwl raw", (Magic(b"IIU\0"),), "photo.tiff"),
    _format("raf", "image/x-fujifilm-raf", "raf", (Magic(b"FUJIFILMCCD-RAW "),), "photo.raf"),
    _format("crw", "image/x-canon-crw", "crw", (Magic(b"HEAPCCDR", 6),), "photo.crw", size_fields=SizeFields("makernotes", group="CanonRaw")),
    _format("mrw", "image/x-minolta-mrw", "mrw", (Magic(b"\0MRM"), Magic(b"\0MRI")), "photo.mrw", size_fields=SizeFields("makernotes", group="MinoltaRaw")),
    _format("x3f", "image/x-sigma-x3f", "x3f", (Magic(b"FOVb"),), "photo.x3f", size_fields=SizeFields("sigmaraw")),
    _format("heic", "image/heic", "heic heif hif", _HEIF, "isobmff.heif", version="2", is_preloaded=True, size_fields=SizeFields("quicktime")),
    _format("avif", "image/avif", "avif avifs", _brands(b"avif", b"avis"), "isobmff.heif", version="2", size_fields=SizeFields("quicktime")),
    _format("cr3", "image/x-canon-cr3", "cr3", _brands(b"crx "), "isobmff.heif", version="2", size_fields=SizeFields("quicktime")),
    _format("webp", "image/webp", "webp", _riff(b"WEBP"), "photo.webp", is_preloaded=True, size_fields=SizeFields("riff")),
    _format("gif", "image/gif", "gif", (Magic(b"GIF87a"), Magic(b"GIF89a")), "photo.gif", is_preloaded=True, size_fields=SizeFields("gif")),
    _format("jxl", "image/jxl", "jxl", (Magic(b"\0\0\0\x0cJXL \r\n\x87\n"),), "photo.jp2", size_fields=SizeFields("jpeg2000")),
    _format("jxl_codestream", "image/jxl", "jxl", (Magic(b"\xff\x0a"),), "photo.jxl_codestream"),
    _format("jp2", "image/jp2", "jp2 jpx jpm jph", _JP2, "photo.jp2", size_fields=SizeFields("jpeg2000")),
    _format("j2c", "image/x-j2c", "j2c j2k jpc", (Magic(b"\xff\x4f\xff\x51"),), "photo.j2c"),
    _format("psd", "image/vnd.adobe.photoshop", "psd psb", (Magic(b"8BPS\0\x01"), Magic(b"8BPS\0\x02")), "photo.psd", size_fields=SizeFields("photoshop")),
    # "BM" alone would claim plain text; the header behind it begins with its own size.
    _format("bmp", "image/bmp", "bmp dib", _BITMAPS, "photo.bmp"),
    _format("ico", "image/x-icon", "ico", (Magic(b"\0\0\x01\0"),), "photo.ico"),
    _format("cur", "image/x-icon", "cur", (Magic(b"\0\0\x02\0\0\0", 0, b"\xff\xff\xff\xff\0\xff"),), "photo.ico"),
    _format("pcx", "image/x-pcx", "pcx", tuple(Magic(bytes((10, version, 1))) for version in (0, 2, 3, 4, 5)), "photo.pcx"),
    _format("pnm", "image/x-portable-anymap", "pnm pbm pgm ppm pam", _ANYMAPS, "photo.pnm"),
    _format("tga", "image/x-tga", "tga", _TARGAS, "photo.tga", is_told_by_name=True),
    # Markup is told by its root element (`identification/markup.py`), not by bytes at a place.
    _format("svg", "image/svg+xml", "svg", (), "documents.svg"),
    _format("xmp", "application/rdf+xml", "xmp", (), "documents.xmp_sidecar"),
    _format("fits", "image/fits", "fits fit fts", (Magic(b"SIMPLE  ="),), "fits.file", version="2", is_headed=True, reads_forward=True, size_fields=SizeFields("fits", "NAXIS1", "NAXIS2", "HDU 0 (PRIMARY)")),
    # The superblock may follow a user block of 512 bytes or any doubling of it (HDF5 specification, II.A).
    _format("hdf5", "application/x-hdf5", "h5 hdf5 nc he5 mat", tuple(Magic(b"\x89HDF\r\n\x1a\n", offset) for offset in (0, 512, 1024, 2048, 4096, 8192)), "hdf5.file", version="2",
            memory=MemoryNeed(40 * _MIB)),
    # Readers accept the header anywhere in the first 1,024 bytes (PDF 1.7, appendix H, note 13).
    _format("pdf", "application/pdf", "pdf", (Magic(b"%PDF-", within=1019),), "pdf.file", version="4", memory=MemoryNeed(24 * _MIB, 0.25)),
    _format("mp4", "video/mp4", "mp4 m4a m4v mov", _FILMS, "isobmff.mp4", version="3", size_fields=SizeFields("quicktime")),
    _format("mkv", "video/x-matroska", "mkv mk3d", (Magic(b"\x1aE\xdf\xa3"),), "film.matroska"),
    _format("avi", "video/x-msvideo", "avi", _riff(b"AVI "), "riff.avi"),
    _format("asf", "video/x-ms-asf", "asf", (Magic(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"),), "film.asf"),
    _format("flv", "video/x-flv", "flv", (Magic(b"FLV\x01"),), "film.flv"),
    _format("mpeg", "video/mpeg", "mpeg mpg mpe vob m1v m2v", (Magic(b"\0\0\x01\xba"), Magic(b"\0\0\x01\xb3")), "film.mpeg_program"),
    # Packets and frames, one behind the other, are the evidence of these, of MPEG audio and of AAC (`identification/boxes.py`).
    _format("mp2t", "video/mp2t", "ts m2ts mts m2t", (), "film.mpeg_transport"),
    # An MPEG audio frame: 11 sync bits, version 1 or 2, layer III (ISO/IEC 11172-3, 2.4.1.3).
    _format("mp3", "audio/mpeg", "mp3 mp2 mpga m2a mp1", (Magic(b"ID3"),), "sound.mpeg_audio", version="2"),
    _format("flac", "audio/flac", "flac", (Magic(b"fLaC"),), "sound.flac", version="2"),
    _format("ogg", "audio/ogg", "ogg oga", (Magic(b"OggS"),), "sound.ogg", version="2"),
    _format("wav", "audio/wav", "wav bwf", _riff(b"WAVE"), "riff.wave", version="2"),
    _format("rf64", "audio/wav", "rf64", tuple(Magic(kind + bytes(4) + b"WAVE", 0, b"\xff" * 4 + bytes(4) + b"\xff" * 4) for kind in (b"RF64", b"BW64")), "riff.wave"),
    _format("w64", "audio/x-w64", "w64", (Magic(b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0"),), "riff.wave:parse_w64"),
    _format("aiff", "audio/x-aiff", "aiff aif", (Magic(b"FORM\0\0\0\0AIFF", 0, b"\xff" * 4 + bytes(4) + b"\xff" * 4),), "sound.aiff"),
    _format("aifc", "audio/x-aiff", "aifc", (Magic(b"FORM\0\0\0\0AIFC", 0, b"\xff" * 4 + bytes(4) + b"\xff" * 4),), "sound.aiff"),
    _format("caf", "audio/x-caf", "caf", (Magic(b"caff\0\x01\0\0"),), "sound.caf"),
    _format("aac", "audio/aac", "aac adts loas", (), "sound.aac"),
    _format("amr", "audio/amr", "amr", (Magic(b"#!AMR\n"),), "sound.amr"),
    _format("amr_wb", "audio/amr-wb", "awb", (Magic(b"#!AMR-WB\n"),), "sound.amr"),
    _format("dsf", "audio/x-dsf", "dsf", (Magic(b"DSD \x1c\0\0\0"),), "sound.dsd"),
    _format("dff", "audio/x-dff", "dff", (Magic(b"FRM8" + bytes(8) + b"DSD ", 0, b"\xff" * 4 + bytes(8) + b"\xff" * 4),), "sound.dsd:parse_dsdiff"),
    _format("ape", "audio/x-monkeys-audio", "ape mac", (Magic(b"MAC ", 0),), "sound.ape"),
    _format("wv", "audio/x-wavpack", "wv", (Magic(b"wvpk"),), "sound.wavpack"),
    _format("mpc", "audio/x-musepack", "mpc mp+", (Magic(b"MPCK"), Magic(b"MP+")), "sound.musepack"),
    _format("tta", "audio/x-tta", "tta", (Magic(b"TTA1"),), "sound.tta"),
    _format("mid", "audio/midi", "mid midi kar rmi", (Magic(b"MThd"),), "sound.midi"),
    # Office files, packages and other archives of ZIP's and OLE's structure are told by what is inside.
    _format("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx", (), "documents.ooxml",
            also="docm dotx dotm xlsx xlsm xltx xltm xlam xlsb pptx pptm ppsx ppsm potx potm ppam sldx sldm thmx vsdx vsdm"),
    _format("odt", "application/vnd.oasis.opendocument.text", "odt", (), "documents.odf", also="ott oth odm otm ods ots odp otp odg otg odc otc odf odft odi oti odb"),
    _format("fodt", "application/vnd.oasis.opendocument.flat.text", "fodt", (), "documents.odf:parse_flat", also="fods fodp oasis_opendocument_tika_flat_document"),
    _format("epub", "application/epub+zip", "epub", (), "documents.epub"),
    _format("zip", "application/zip", "zip", (), "archives.zip", also="jar war ear apk xpi ipa whl kmz 3mf jmod pages numbers key xps idml"),
    _format("doc", "application/msword", "doc dot", (), "ole.office",
            also="xls ppt msg msi vsd pub ole ooxml_encrypted fpx thumbs_db ms_excel_sheet_4 mpp msworks works_wps wps xlr"),
    _format("rtf", "application/rtf", "rtf", (Magic(b"{\\rtf"),), "documents.rtf"),
    _format("eml", "message/rfc822", "eml mht mhtml", (), "text.mail", is_told_by_name=True),
    _format("mbox", "application/mbox", "mbox", (), "text.mail:parse_mailbox", is_told_by_name=True),
    _format("vcf", "text/vcard", "vcf vcard", (), "text.cards", also="ics vnt", is_told_by_name=True),
    _format("html", "text/html", "html htm", (), "text.html", also="xhtml", is_told_by_name=True),
    _format("csv", "text/csv", "csv", (), "text.lines:parse_table", also="tsv", is_told_by_name=True),
    _format("json", "application/json", "json", (), "text.lines:parse_json", also="jsonl geojson ipynb", is_told_by_name=True),
    _format("md", "text/markdown", "md markdown", (), "text.lines:parse_markdown", is_told_by_name=True),
    _format("text", "text/plain", "txt text log", (), "text.lines", also="script sh py pl rb diff", is_told_by_name=True),
    _format("ttf", "application/x-font-ttf", "ttf", (Magic(b"\0\1\0\0\0"), Magic(b"true\0")), "fonts.sfnt"),
    _format("otf", "application/x-font-otf", "otf", (Magic(b"OTTO\0"),), "fonts.sfnt"),
    _format("ttc", "font/collection", "ttc otc", (Magic(b"ttcf\0"),), "fonts.sfnt"),
    _format("woff", "font/woff", "woff", (Magic(b"wOFF"),), "fonts.woff"),
    _format("woff2", "font/woff2", "woff2", (Magic(b"wOF2"),), "fonts.woff"),
    _format("elf", "application/x-elf", "so o elf axf", (Magic(b"\x7fELF"),), "programs.elf"),
    _format("exe", "application/vnd.microsoft.portable-executable", "exe dll sys ocx scr cpl efi mui drv", (), "programs.pe", also="dll dosexec ms_dos_executable"),
    _format("macho", "application/x-mach-binary", "macho dylib", (), "programs.macho"),
    _format("wasm", "application/wasm", "wasm", (Magic(b"\0asm"),), "programs.wasm"),
    _format("class", "application/java-vm", "class", (), "programs.java_class"),
    _format("tar", "application/x-tar", "tar gtar", (), "archives.tar"),
    _format("gz", "application/gzip", "gz tgz mgz", (Magic(b"\x1f\x8b\x08"),), "archives.streams:parse_gzip"),
    _format("bz2", "application/x-bzip2", "bz2 tbz2 tbz", (), "archives.streams:parse_bzip2"),
    _format("xz", "application/x-xz", "xz txz", (Magic(b"\xfd7zXZ\0"),), "archives.streams:parse_xz"),
    _format("lzma", "application/x-lzma", "lzma tlz", (), "archives.streams:parse_lzma"),
    _format("zst", "application/zstd", "zst tzst", (Magic(b"\x28\xb5\x2f\xfd"),), "archives.streams:parse_zstd"),
    _format("lz4", "application/x-lz4", "lz4", (Magic(b"\x04\x22\x4d\x18"), Magic(b"\x02\x21\x4c\x18")), "archives.streams:parse_lz4"),
    _format("z", "application/x-compress", "z taz", (), "archives.streams:parse_compress"),
    _format("7z", "application/x-7z-compressed", "7z cb7", (Magic(b"7z\xbc\xaf\x27\x1c"),), "archives.sevenzip"),
    _format("rar", "application/x-rar-compressed", "rar cbr", (Magic(b"Rar!\x1a\x07\0"), Magic(b"Rar!\x1a\x07\x01\0")), "archives.rar"),
    _format("cpio", "application/x-cpio", "cpio", (), "archives.cpio"),
    _format("ar", "application/x-archive", "ar a", (Magic(b"!<arch>\n"), Magic(b"!<thin>\n")), "archives.ar", also="deb udeb"),
    _format("rpm", "application/x-rpm", "rpm", (Magic(b"\xed\xab\xee\xdb"),), "archives.rpm"),
    _format("iso", "application/x-iso9660-image", "iso", (), "archives.iso9660"),
    _format("cab", "application/vnd.ms-cab-compressed", "cab", (Magic(b"MSCF\0\0\0\0"),), "archives.cab"),
    _format("sqlite", "application/vnd.sqlite3", "sqlite sqlite3 db", (Magic(b"SQLite format 3\0"),), "databases.sqlite", also="gpkg mbtiles"),
    _format("dbf", "application/x-dbf", "dbf", (), "databases.dbf", is_told_by_name=True),
    _format("torrent", "application/x-bittorrent", "torrent", (Magic(b"d8:announce"),), "databases.torrent"),
    _format("stl", "model/stl", "stl", (), "geometry.bodies:parse_stl", also="stl_2", is_told_by_name=True),
    _format("ply", "model/ply", "ply", (Magic(b"ply\n"), Magic(b"ply\r")), "geometry.bodies:parse_ply"),
    _format("glb", "model/gltf-binary", "glb", (Magic(b"glTF\x02\0\0\0"),), "geometry.bodies:parse_gltf"),
    _format("gltf", "model/gltf+json", "gltf", (), "geometry.bodies:parse_gltf", is_told_by_name=True),
    _format("dxf", "image/vnd.dxf", "dxf", (), "geometry.dxf", also="dxf_ascii dxf_binary", is_told_by_name=True),
    _format("shp", "application/x-shapefile", "shp", (Magic(b"\0\0\x27\x0a" + bytes(20)),), "geometry.maps:parse_shapefile"),
    _format("las", "application/x-asprs", "las laz", (Magic(b"LASF"),), "geometry.maps:parse_las"),
    _format("netcdf", "application/x-netcdf", "nc cdf nc3", (Magic(b"CDF\x01"), Magic(b"CDF\x02"), Magic(b"CDF\x05")), "science.netcdf", is_headed=True),
    _format("nifti", "application/x-nifti", "nii", (), "science.nifti", also="analyze", is_headed=True),
    _format("mgh", "application/x-mgh", "mgh", tuple(Magic(b"\0\0\0\x01" + bytes(16) + b"\0\0\0" + bytes((kind,)), 0, b"\xff" * 4 + bytes(16) + b"\xff" * 4) for kind in (0, 1, 3, 4, 10)), "science.mgh"),
    _format("grib", "application/x-grib", "grib grb grb1 grb2 grib1 grib2", (Magic(b"GRIB\0\0\0\x01", 0, b"\xff" * 4 + bytes(3) + b"\xff"), Magic(b"GRIB\0\0\0\x02", 0, b"\xff" * 4 + bytes(3) + b"\xff")), "science.grib", reads_forward=True),
    _format("bufr", "application/x-bufr", "bufr bfr", (Magic(b"BUFR"),), "science.bufr", reads_forward=True),
    _format("segy", "application/x-segy", "sgy segy seg", (), "science.segy", is_told_by_name=True, is_headed=True),
    _format("jcamp", "chemical/x-jcamp-dx", "jdx jcm jcamp dx", (), "science.jcamp"),
    _format("mzml", "application/x-mzml+xml", "mzml", (), "science.mzml"),
    _format("las_well", "application/x-las-well", "las", (), "science.las_well"),
    _format("parquet", "application/vnd.apache.parquet", "parquet parq pq", (Magic(b"PAR1"), Magic(b"PARE")), "datasets.parquet", memory=MemoryNeed(8 * _MIB, 0.02)),
    _format("arrow", "application/vnd.apache.arrow.file", "arrow feather ipc", (Magic(b"ARROW1\0\0"),), "datasets.arrow"),
    _format("arrow_stream", "application/vnd.apache.arrow.stream", "arrows", (), "datasets.arrow:parse_stream"),
    _format("feather1", "application/x-feather", "feather", (Magic(b"FEA1"),), "datasets.arrow:parse_feather"),
    _format("orc", "application/x-orc", "orc", (Magic(b"ORC"),), "datasets.orc"),
    _format("avro", "application/avro", "avro", (Magic(b"Obj\x01"),), "datasets.avro", is_headed=True),
    _format("mat", "application/x-matlab-data", "mat", (Magic(b"MATLAB 5.0 MAT-file"),), "datasets.matlab"),
    _format("mat4", "application/x-matlab-data", "mat", (), "datasets.matlab:parse_level_4"),
    _format("npy", "application/x-npy", "npy", (Magic(b"\x93NUMPY"),), "datasets.npy", is_headed=True),
    _format("npz", "application/x-npz", "npz", (), "datasets.npy:parse_npz"),
    _format("safetensors", "application/x-safetensors", "safetensors", (), "models.safetensors", is_headed=True),
    _format("gguf", "application/x-gguf", "gguf", (Magic(b"GGUF"),), "models.gguf", is_headed=True),
    _format("onnx", "application/onnx", "onnx", (), "models.onnx", is_told_by_name=True),
    _format("xml", "application/xml", "xml xsd xsl", (), "text.xml", also="kml gpx gpx_xml tei_xml opml gml rdf rss atom opml fb2 x3d dae xspf xliff", is_told_by_name=True),
    _format("au", "audio/basic", "au snd", (Magic(b".snd"),), "sound.au"),
)  # fmt: skip

BY_NAME = {each.name: each for each in FORMATS}
