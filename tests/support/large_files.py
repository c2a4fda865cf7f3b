"""Sparse files of gigabytes: real headers, data that takes no disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.golden.science import BLOCK, header

if TYPE_CHECKING:
    from pathlib import Path


def write_fits(path: Path, size_bytes: int) -> None:
    """A FITS file of about `size_bytes`: a primary header, a huge image, and a small table behind it."""
    rows = size_bytes // BLOCK * BLOCK // 4096 // 2880 * 2880
    primary = header(
        [
            "SIMPLE  =                    T",
            "BITPIX  =                   16",
            "NAXIS   =                    2",
            "NAXIS1  =                 2048",
            f"NAXIS2  = {rows:>20}",
            "EXTEND  =                    T",
            "OBJECT  = 'Large field'",
            "TELESCOP= 'Golden  '",
            *(f"KEY{number:<5}= {number:>20} / one of many" for number in range(150)),
        ]
    )
    table = header(
        [
            "XTENSION= 'BINTABLE'",
            "BITPIX  =                    8",
            "NAXIS   =                    2",
            "NAXIS1  =                    8",
            "NAXIS2  =                    0",
            "PCOUNT  =                    0",
            "GCOUNT  =                    1",
            "TFIELDS =                    0",
            "EXTNAME = 'LAST    '",
        ]
    )
    with path.open("wb") as file:
        file.write(primary)
        file.seek(2048 * 2 * rows, 1)
        file.write(table)


def write_hdf5(path: Path, size_bytes: int, datasets: int = 222) -> None:
    """An HDF5 file of about `size_bytes`: one huge dataset, and many small ones with attributes."""
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("huge", (size_bytes // 8,), "f8")
        file["huge"][-1] = 1.0  # allocates it, as a hole
        for number in range(datasets):
            group = file.require_group(f"run{number % 20}")
            data = group.create_dataset(f"data{number}", (100,), "i4")
            data.attrs["unit"] = "counts"
            data.attrs["number"] = number


def fits_header(name: str, size_bytes: int) -> bytes:
    """The header of a FITS file of `size_bytes`, whose data is an image of a byte per pixel; differs by `name`.

    What is left to a whole block is cut off, as many writers do.
    """
    cards = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    1",
        f"NAXIS1  = {size_bytes - BLOCK:>20}",
        f"OBJECT  = '{name:<8}'",
    ]
    return header(cards)


def write_fits_hdus(path: Path, count: int, data_bytes: int, keys: int = 30) -> None:
    """A FITS file of `count` HDUs: an empty primary one, and images of about `data_bytes`."""
    rows = data_bytes // 2880 // 2 * 2
    with path.open("wb") as file:
        file.write(
            header(
                [
                    "SIMPLE  =                    T",
                    "BITPIX  =                    8",
                    "NAXIS   =                    0",
                ]
            )
        )
        for number in range(1, count):
            cards = [
                "XTENSION= 'IMAGE   '", "BITPIX  =                    8", "NAXIS   =                    2",
                "NAXIS1  =                 2880", f"NAXIS2  = {rows:>20}", "PCOUNT  =                    0",
                "GCOUNT  =                    1", f"EXTNAME = 'SCI{number:<5}'",
                *(f"KEY{index:<5}= {index:>20} / one of many" for index in range(keys)),
            ]  # fmt: skip
            file.write(header(cards))
            file.truncate(file.tell() + 2880 * rows)
            file.seek(0, 2)


def _directory(entries: list[tuple[int, int, int, int]], next_offset: int) -> bytes:
    """A BigTIFF directory of (tag, type, count, value)."""
    import struct

    packed = b"".join(struct.pack("<HHQQ", *entry) for entry in sorted(entries))
    return struct.pack("<Q", len(entries)) + packed + struct.pack("<Q", next_offset)


def write_bigtiff(path: Path, size_bytes: int, pages: int = 1, strips: int = 1000) -> None:
    """A BigTIFF file: each page its data, then its tables of strips, then its directory; the last ends the file."""
    import struct

    page_bytes = size_bytes // pages
    with path.open("wb") as file:
        file.write(b"II+\0\x08\0\0\0")
        pointer_at = 8
        file.write(bytes(8))
        for page in range(pages):
            start = file.tell()
            each = (page_bytes - 20 * strips - 512) // strips
            file.seek(start + each * strips)
            offsets_at = file.tell()
            file.write(struct.pack(f"<{strips}Q", *range(start, start + each * strips, each)))
            counts_at = file.tell()
            file.write(struct.pack(f"<{strips}Q", *([each] * strips)))
            text_at = file.tell()
            text = f"Page {page:04} of a large picture\0".encode()
            file.write(text)
            directory_at = file.tell()
            entries = [
                (256, 4, 1, each), (257, 4, 1, strips), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
                (270, 2, len(text), text_at), (273, 16, strips, offsets_at), (278, 4, 1, 1), (279, 16, strips, counts_at),
            ]  # fmt: skip
            file.write(_directory(entries, 0))
            end = file.tell()
            file.seek(pointer_at)
            file.write(struct.pack("<Q", directory_at))
            pointer_at = end - 8
            file.seek(end)


def write_hdf5_tree(
    path: Path, datasets: int, *, latest: bool = False, paged: bool = False, size_bytes: int = 0
) -> None:
    """An HDF5 file with that many datasets, two attributes each; old or latest format; with data between the headers."""
    import h5py

    options = {"libver": "latest"} if latest else {}
    if paged:
        options = {"libver": "latest", "fs_strategy": "page", "fs_page_size": 65536, "fs_persist": True}
    with h5py.File(path, "w", **options) as file:
        if size_bytes:
            file.create_dataset("huge", (size_bytes // 8,), "f8")[-1] = 1.0
        for number in range(datasets):
            data = file.create_dataset(f"data{number:03}", (2000,), "i4", data=range(2000))
            data.attrs["unit"] = "counts"
            data.attrs["number"] = number


def write_mp4(path: Path, data_bytes: int, samples: int) -> None:
    """An MP4 with two tracks of that many samples and the movie box at its end."""
    import struct

    def box(kind: bytes, *parts: bytes) -> bytes:
        body = b"".join(parts)
        return struct.pack(">I", len(body) + 8) + kind + body

    def track(number: int, handler: bytes, entry: bytes) -> bytes:
        tkhd = box(
            b"tkhd",
            bytes(12),
            struct.pack(">II", number, 0),
            struct.pack(">I", 60000),
            bytes(52),
            struct.pack(">II", 1920 << 16, 1080 << 16),
        )
        mdhd = box(b"mdhd", bytes(12), struct.pack(">IIHH", 1000, 60000, 0x55C4, 0))
        hdlr = box(b"hdlr", bytes(8), handler, bytes(12), b"Handler\0")
        stbl = box(
            b"stbl",
            box(b"stsd", struct.pack(">II", 0, 1), entry),
            box(b"stts", struct.pack(">IIII", 0, 1, samples, 20)),
            box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1)),
            box(b"stsz", struct.pack(">III", 0, 0, samples), bytes(4 * samples)),
            box(b"stco", struct.pack(">II", 0, samples), bytes(4 * samples)),
        )
        return box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, box(b"minf", box(b"vmhd", bytes(12)), stbl)))

    video = box(
        b"avc1",
        bytes(6),
        struct.pack(">H", 1),
        bytes(16),
        struct.pack(">HHII", 1920, 1080, 72 << 16, 72 << 16),
        bytes(4),
        struct.pack(">H", 1),
        bytes(32),
        struct.pack(">Hh", 24, -1),
    )
    audio = box(
        b"ac-3", bytes(6), struct.pack(">H", 1), bytes(8), struct.pack(">HHHHI", 2, 16, 0, 0, 48000 << 16)
    )
    mvhd = box(
        b"mvhd",
        bytes(12),
        struct.pack(">IIIH", 1000, 60000, 1 << 16, 1 << 8),
        bytes(10),
        struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30),
        bytes(24),
        struct.pack(">I", 3),
    )
    moov = box(b"moov", mvhd, track(1, b"vide", video), track(2, b"soun", audio))
    with path.open("wb") as file:
        file.write(box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2"))
        file.write(struct.pack(">I4sQ", 1, b"mdat", data_bytes + 16))
        file.seek(data_bytes, 1)
        file.write(moov)


def write_dicom(path: Path, frames: int, frame_bytes: int, groups: int = 0) -> None:
    """A multi-frame DICOM image of frames x frame_bytes, with that many per-frame functional groups."""
    import pydicom
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    data.PatientName, data.Modality, data.NumberOfFrames = "Large^File", "CT", frames
    data.Rows, data.Columns, data.BitsAllocated, data.SamplesPerPixel = 1024, frame_bytes // 1024, 8, 1
    if groups:
        items = []
        for number in range(groups):
            item, place = Dataset(), Dataset()
            place.ImagePositionPatient = [0, 0, number]
            item.PlanePositionSequence = [place]
            items.append(item)
        data.PerFrameFunctionalGroupsSequence = items
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    total = min(frames * frame_bytes, 2**32 - 2)
    with path.open("ab") as file:
        file.write(b"\xe0\x7f\x10\x00OB\0\0" + total.to_bytes(4, "little"))
        file.truncate(file.tell() + total)
