"""Images and volumes by the field's own writers; see `writers.py`."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from common import RNG, sh


def _ct(**more):
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.sequence import Sequence
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, "1.2.826.0.1.3680043.8.498.1"
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.3.1", "1.2.3.2"
    data.PatientName, data.PatientID, data.PatientBirthDate = "Doe^Jane^^Dr^PhD", "P-7", "19700102"
    data.PatientSex, data.PatientAge, data.Modality = "F", "051Y", "CT"
    data.Manufacturer, data.ManufacturerModelName, data.SoftwareVersions = "ACME", "Scan 9", ["1.0", "2.1"]
    data.StudyDate, data.StudyTime, data.AcquisitionDateTime = (
        "20240229",
        "010203.500000",
        "20240229010203.5+0100",
    )
    data.StudyID, data.SeriesNumber, data.InstanceNumber = "S1", "3", "42"
    data.KVP, data.SliceThickness, data.PixelSpacing = "120", "1.25", ["0.5", "0.625"]
    data.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    data.ImagePositionPatient = ["-100.5", "2e1", "-3.25"]
    data.Rows, data.Columns, data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 16, 12, 11
    data.SamplesPerPixel, data.PixelRepresentation, data.PhotometricInterpretation = 1, 0, "MONOCHROME2"
    data.RescaleIntercept, data.RescaleSlope = "-1024", "1"
    data.add_new((0x0018, 0x9311), "FD", [1.5])
    data.add_new((0x0018, 0x9313), "FD", [1.5, -2.5, 3.0])
    data.add_new((0x0028, 0x0009), "AT", [0x00181063, 0x00181065])
    data.add_new((0x0008, 0x0119), "UC", "unlimited characters")
    data.add_new((0x0008, 0x120), "UR", "http://example.org/x?y=1")
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "T-1", "SRT", "first"
    inner = Dataset()
    inner.CodeValue, inner.CodeMeaning = "T-2", "inner"
    item.ModifierCodeSequence = Sequence([inner])
    data.ProcedureCodeSequence = Sequence([item, Dataset()])
    data.RequestAttributesSequence = Sequence([])
    block = data.private_block(0x0009, "ACME 1.1", create=True)
    block.add_new(0x01, "LO", "private words")
    block.add_new(0x02, "DS", ["1.5", "2.5"])
    block.add_new(0x03, "OB", b"\x00\x01\x02\x03")
    private = Dataset()
    private.add_new((0x0009, 0x0010), "LO", "ACME 1.1")
    private.add_new((0x0009, 0x1001), "LO", "nested")
    block.add_new(0x10, "SQ", [private])
    data.PixelData = RNG.integers(0, 4000, (16, 16), "u2").tobytes()
    data["PixelData"].VR = "OW"
    for key, value in more.items():
        setattr(data, key, value)
    return data


def _save(data, path: Path, syntax: str, **how) -> None:
    from pydicom import uid

    data.file_meta.TransferSyntaxUID = getattr(uid, syntax)
    if syntax == "ExplicitVRBigEndian":
        data.PixelData = np.frombuffer(data.PixelData, "<u2").astype(">u2").tobytes()
    data.save_as(path, enforce_file_format=True, **how)


def dicom__pydicom(folder: Path) -> None:
    for syntax in (
        "ExplicitVRLittleEndian",
        "ImplicitVRLittleEndian",
        "ExplicitVRBigEndian",
        "DeflatedExplicitVRLittleEndian",
    ):
        _save(_ct(), folder / f"pydicom-{syntax}.dcm", syntax)
    for charset, name in (
        ("ISO_IR 192", "Müller^Jörg=山田^太郎=やまだ^たろう"),
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 144", "Люкceмбypг"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
    ):
        _save(
            _ct(SpecificCharacterSet=charset, PatientName=name),
            folder / f"pydicom-{charset.replace(' ', '')}.dcm",
            "ExplicitVRLittleEndian",
        )
    japanese = _ct(
        SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう"
    )
    _save(japanese, folder / "pydicom-2022-87.dcm", "ExplicitVRLittleEndian")
    korean = _ct(SpecificCharacterSet=["", "ISO 2022 IR 149"], PatientName="Hong^Gildong=洪^吉洞=홍^길동")
    _save(korean, folder / "pydicom-2022-149.dcm", "ExplicitVRLittleEndian")
    bare = _ct()
    del bare.file_meta
    bare.save_as(folder / "pydicom-bare.dcm", enforce_file_format=False, implicit_vr=True, little_endian=True)
    data = (folder / "pydicom-ExplicitVRLittleEndian.dcm").read_bytes()
    (folder / "pydicom-nopreamble.dcm").write_bytes(data[132:])


def dicom__multiframe(folder: Path) -> None:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence
    from pydicom.uid import EnhancedMRImageStorage

    data = _ct()
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    data.NumberOfFrames = "12"
    shared = Dataset()
    measures = Dataset()
    measures.SliceThickness, measures.PixelSpacing = "1.25", ["0.5", "0.5"]
    shared.PixelMeasuresSequence = Sequence([measures])
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for number in range(12):
        frame, content, plane = Dataset(), Dataset(), Dataset()
        content.DimensionIndexValues = [1, number + 1]
        content.FrameAcquisitionNumber = number
        plane.ImagePositionPatient = ["0", "0", str(1.25 * number)]
        frame.FrameContentSequence, frame.PlanePositionSequence = Sequence([content]), Sequence([plane])
        frames.append(frame)
    data.PerFrameFunctionalGroupsSequence = Sequence(frames)
    data.PixelData = bytes(16 * 16 * 2 * 12)
    for syntax in ("ExplicitVRLittleEndian", "ImplicitVRLittleEndian"):
        _save(data, folder / f"enhanced-{syntax}.dcm", syntax)
    data["PerFrameFunctionalGroupsSequence"].is_undefined_length = True
    for item in data.PerFrameFunctionalGroupsSequence:
        item.is_undefined_length_sequence_item = True
    _save(data, folder / "enhanced-undefined.dcm", "ExplicitVRLittleEndian")


def dicom__dcmtk(folder: Path) -> None:
    first = folder / "pydicom-ExplicitVRLittleEndian.dcm"
    for name, option in (
        ("implicit", "+ti"),
        ("big", "+tb"),
        ("deflated", "+td"),
        ("undefined", "-e +te"),
        ("explicit-lengths", "+e +te"),
        ("grouplengths", "+g="),
    ):
        sh(f"dcmconv {option} {first} {folder}/dcmtk-{name}.dcm", folder)
    sh(f"dcmcjpeg {first} {folder}/dcmtk-jpeg.dcm || true; dcmcrle {first} {folder}/dcmtk-rle.dcm", folder)
    disc = folder / "disc"
    disc.mkdir(exist_ok=True)
    for number, name in enumerate(("dcmtk-explicit-lengths.dcm", "enhanced-ExplicitVRLittleEndian.dcm")):
        shutil.copy(folder / name, disc / f"IM{number}")
    sh(f"cd {disc} && dcmmkdir -Pgp -I --no-consistency-check IM0 IM1 || dcmmkdir -Pgp IM0", folder)
    (disc / "DICOMDIR").rename(folder / "DICOMDIR")
    shutil.rmtree(disc)


def dicom__gdcm(folder: Path) -> None:
    first = folder / "pydicom-ExplicitVRLittleEndian.dcm"
    sh(
        f"gdcmconv --raw {first} {folder}/gdcm-raw.dcm; gdcmconv --implicit {first} {folder}/gdcm-implicit.dcm; gdcmconv --j2k {first} {folder}/gdcm-j2k.dcm",
        folder,
    )


def fits__astropy(folder: Path) -> None:
    from astropy.io import fits
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.crpix, wcs.wcs.cdelt, wcs.wcs.crval = [50.5, 40.5], [-0.001, 0.001], [83.6331, 22.0145]
    wcs.wcs.ctype, wcs.wcs.radesys = ["RA---TAN", "DEC--TAN"], "FK5"
    header = wcs.to_header()
    header["OBJECT"], header["EXPTIME"] = ("O'Neill's", "object"), (60.5, "[s]")
    header["LONGTEXT"] = ("x" * 150 + " & end&", "a long comment " * 8)
    header["HIERARCH ESO DET DIT"] = (1.5, "[s]")
    header["BOOL"], header["BIGINT"], header["CPLX"], header["UNDEF"] = True, 2**40, 1.5 - 2j, None
    header.add_history("made")
    header.add_comment("a remark")
    data = RNG.normal(size=(80, 100)).astype("f4")
    columns = [
        fits.Column("TIME", "D", "s", array=np.arange(10.0)),
        fits.Column("NAME", "8A", array=["a"] * 10),
        fits.Column("VEC", "3E", "m/s", array=np.zeros((10, 3)), dim="(3)"),
        fits.Column("FLAGS", "16X", array=np.zeros((10, 16), bool)),
        fits.Column("SCALED", "E", bscale=0.5, bzero=10, disp="F6.2", array=np.arange(10.0, dtype="f4")),
        fits.Column("NULLS", "I", null=-1, array=np.arange(10, dtype="i2")),
        fits.Column("VAR", "PJ()", array=np.array([np.arange(n) for n in range(10)], object)),
    ]
    image = fits.PrimaryHDU(data, header)
    table = fits.BinTableHDU.from_columns(columns, name="EVENTS", ver=2)
    ascii_table = fits.TableHDU.from_columns(
        [fits.Column("A", "F8.2", array=np.arange(3.0)), fits.Column("B", "A5", array=["x", "y", "z"])],
        name="ASCII",
    )
    fits.HDUList([image, table, ascii_table]).writeto(
        folder / "astropy-all.fits", overwrite=True, checksum=True
    )
    for kind in ("RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "PLIO_1"):
        pixels = RNG.integers(0, 100, (80, 100), "i2") if kind == "PLIO_1" else (data * 100).astype("i4")
        fits.HDUList(
            [fits.PrimaryHDU(), fits.CompImageHDU(pixels, header, name="SCI", compression_type=kind)]
        ).writeto(folder / f"astropy-{kind}.fits", overwrite=True)
    wcs = WCS(naxis=2)
    wcs.wcs.crpix, wcs.wcs.cd, wcs.wcs.crval = [10, 20], [[-1e-4, 2e-5], [2e-5, 1e-4]], [201.3, -47.5]
    wcs.wcs.ctype = ["GLON-CAR", "GLAT-CAR"]
    fits.PrimaryHDU(data, wcs.to_header()).writeto(folder / "astropy-galactic.fits", overwrite=True)


def fits__cfitsio(folder: Path) -> None:
    source = folder / "astropy-all.fits"
    sh(
        f"rm -f cfitsio-*.fits; fitscopy '{source}[0]' cfitsio-copy.fits; fpack -S {source} > cfitsio-fpack.fits; fpack -g -S {source} > cfitsio-gzip.fits",
        folder,
    )


def nifti__nibabel(folder: Path) -> None:
    import nibabel as nib
    from nibabel.nifti1 import Nifti1Extension

    data = RNG.integers(0, 100, (5, 6, 7), "i2")
    affine = np.array([[-2, 0, 0, 10], [0, 2, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1.0]])
    image = nib.Nifti1Image(data, affine)
    image.header["descrip"], image.header["intent_name"] = b"made by nibabel", b"z"
    image.header.set_intent("z score")
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_dim_info(0, 1, 2)
    image.header.extensions.append(Nifti1Extension("comment", b"a comment"))
    image.header.extensions.append(Nifti1Extension("afni", b"<AFNI_attributes/>"))
    nib.save(image, folder / "nibabel.nii")
    nib.save(nib.Nifti2Image(RNG.normal(size=(4, 4, 4, 3)).astype("f4"), affine), folder / "nibabel-2.nii")
    nib.save(nib.Nifti1Pair(data, affine), folder / "nibabel-pair.img")
    big = nib.Nifti1Image(data.astype(">i2"), affine, nib.Nifti1Header(endianness=">"))
    nib.save(big, folder / "nibabel-big.nii")
    nib.save(image, folder / "nibabel-gz.nii.gz")
    nib.save(nib.AnalyzeImage(data, affine), folder / "nibabel-analyze.img")
    nib.save(nib.Spm2AnalyzeImage(data, affine), folder / "nibabel-spm.img")
    for path in folder.glob("*.img"):
        path.unlink()
    for name, kind in (("mgh-u8", "u1"), ("mgh-i4", "i4"), ("mgh-f4", "f4"), ("mgh-i2", "i2")):
        mgh = nib.MGHImage(data.astype(kind), affine)
        mgh.header["tr"], mgh.header["te"], mgh.header["flip_angle"] = 2300.0, 2.98, 0.157
        nib.save(mgh, folder / f"nibabel-{name}.mgh")
    nib.save(mgh, folder / "nibabel.mgz")


def nifti__simpleitk(folder: Path) -> None:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(RNG.normal(size=(4, 5, 6)).astype("f4"))
    image.SetSpacing((0.5, 0.75, 2.0))
    image.SetOrigin((1, 2, 3))
    SimpleITK.WriteImage(image, str(folder / "sitk.nii"))
    SimpleITK.WriteImage(SimpleITK.Cast(image, SimpleITK.sitkUInt8), str(folder / "sitk-u8.hdr"))
    (folder / "sitk-u8.img").unlink()
    SimpleITK.WriteImage(
        SimpleITK.GetImageFromArray(np.zeros((3, 4, 5, 3), "u1"), isVector=True), str(folder / "sitk-rgb.nii")
    )
