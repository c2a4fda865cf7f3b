"""FITS, HDF5 and DICOM samples."""

from __future__ import annotations

import io

BLOCK = 2880


def card(text: str) -> bytes:
    return text.ljust(80).encode("ascii")


def header(cards: list[str]) -> bytes:
    data = b"".join(card(text) for text in [*cards, "END"])
    return data.ljust(-(-len(data) // BLOCK) * BLOCK)


def fits() -> bytes:
    """Three HDUs with every kind of card: strings, quotes, numbers, complex, CONTINUE, HIERARCH, commentary."""
    primary = header(
        [
            "SIMPLE  =                    T / conforms to FITS standard",
            "BITPIX  =                   16",
            "NAXIS   =                    2",
            "NAXIS1  =                  100 / width",
            "NAXIS2  =                   50",
            "EXTEND  =                    T",
            "OBJECT  = 'O''Neill''s star'   / an apostrophe",
            "TELESCOP= 'Golden  '",
            "INSTRUME= 'GOLDCAM '",
            "DATE-OBS= '2024-02-29T01:02:03.5'",
            "DATE-END= '2024-02-29T01:03:03.5' / contains END",
            "EXPTIME =              60.0E+0 / [s] exposure",
            "GAIN    =           1.25D+01",
            "CPLX    = (1.5, -2.0)",
            "UNDEF   =                      / no value",
            "LONGSTR = 'This value is so long that it continues on the next card, by the &'",
            "CONTINUE  'long string convention, with a comment at its very &'",
            "CONTINUE  'end.' / the comment",
            "HIERARCH ESO DET DIT = 1.5 / [s] integration",
            "COMMENT first remark",
            "COMMENT second remark",
            "HISTORY made by hand",
            "        a blank keyword",
        ]
    )
    table = header(
        [
            "XTENSION= 'BINTABLE'",
            "BITPIX  =                    8",
            "NAXIS   =                    2",
            "NAXIS1  =                    8",
            "NAXIS2  =                 1000",
            "PCOUNT  =                   16",
            "GCOUNT  =                    1",
            "TFIELDS =                    1",
            "TFORM1  = '1D      '",
            "EXTNAME = 'EVENTS  '",
        ]
    )
    image = header(
        [
            "XTENSION= 'IMAGE   '",
            "BITPIX  =                  -32",
            "NAXIS   =                    0",
            "EXTNAME = 'EMPTY   '",
        ]
    )
    first = bytes(100 * 50 * 2).ljust(-(-10000 // BLOCK) * BLOCK, b"\0")
    second = bytes(8016).ljust(-(-8016 // BLOCK) * BLOCK, b"\0")
    return primary + first + table + second + image


def hdf5() -> bytes:
    """Groups, datasets, attributes of many types, links, a cycle."""
    import h5py
    import numpy as np

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver="latest") as file:
        file.attrs["title"] = "golden"
        file.attrs["author"] = "Ada"
        file.attrs["version"] = np.int32(7)
        file.attrs["weights"] = np.array([0.5, 0.25])
        file.attrs["names"] = np.array([b"one", b"two"])
        file.attrs["empty"] = h5py.Empty("f4")
        file.attrs["truth"] = np.bool_(True)
        group = file.create_group("run1")
        group.attrs["temperature"] = 21.5
        data = group.create_dataset(
            "image", (10, 20), "u2", chunks=(5, 10), compression="gzip", maxshape=(None, 20)
        )
        data.attrs["units"] = "counts"
        group.create_dataset("labels", data=["a", "bb"], dtype=h5py.string_dtype())
        group.create_dataset("scalar", data=np.float64(1.5))
        kind = np.dtype([("x", "f4"), ("n", "i8")])
        file.create_dataset("points", (3,), kind).attrs["first"] = np.array((1.5, 2), kind)
        file["type"] = np.dtype("f8")
        group["up"] = file["/"]
        file["soft"] = h5py.SoftLink("/run1/image")
        file["outside"] = h5py.ExternalLink("other.h5", "/data")
    return buffer.getvalue()


def dicom(*, frames_bytes: int = 512) -> bytes:
    """A CT-like data set with a sequence, a private element and pixel data."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.sequence import Sequence
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4.5"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = "1.2.3.4"
    data = Dataset()
    data.file_meta = meta
    data.SOPClassUID = CTImageStorage
    data.SOPInstanceUID = "1.2.3.4.5"
    data.PatientName = "Golden^Ada"
    data.PatientID = "G-1"
    data.Modality = "CT"
    data.Manufacturer = "MetaExtract"
    data.ManufacturerModelName = "Golden CT"
    data.StudyDate, data.StudyTime = "20240229", "010203.5"
    data.StudyDescription = "Golden study"
    data.SliceThickness = "1.25"
    data.PixelSpacing = ["0.5", "0.5"]
    data.Rows, data.Columns = 16, 16
    data.BitsAllocated, data.SamplesPerPixel = 16, 1
    item = Dataset()
    item.CodeValue, item.CodeMeaning = "T-1", "first"
    data.ProcedureCodeSequence = Sequence([item])
    block = data.private_block(0x0009, "GOLDEN", create=True)
    block.add_new(0x01, "LO", "private words")
    data.PixelData = bytes(frames_bytes)
    data["PixelData"].VR = "OW"
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
