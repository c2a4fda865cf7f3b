"""Writes scientific files by the field's own writers; run by build/oracles/science/bin/python, see needs.txt.

    python writers.py FOLDER [WORD ...]

A function a kind and writer: its name is "<kind>__<writer>". What fails is told, the others go on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import traceback
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np

RNG = np.random.default_rng(7)
ECCODES = Path("/usr/share/eccodes/samples")


def sh(line: str, folder: Path) -> None:
    """A line of the shell."""
    done = subprocess.run(
        f"set -e; {line}", shell=True, cwd=folder, capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip()[-300:])


# --- DICOM


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


# --- FITS


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


# --- netCDF


def netcdf__netcdf4(folder: Path) -> None:
    import netCDF4

    for form in (
        "NETCDF3_CLASSIC",
        "NETCDF3_64BIT_OFFSET",
        "NETCDF3_64BIT_DATA",
        "NETCDF4",
        "NETCDF4_CLASSIC",
    ):
        with netCDF4.Dataset(folder / f"netcdf4-{form}.nc", "w", format=form) as file:
            file.Conventions, file.title, file.history, file.number = "CF-1.8", "A grid", "made", np.int32(7)
            file.levels = np.array([1.5, 2.5])
            for name, size in (("time", None), ("lat", 4), ("lon", 8), ("bnds", 2)):
                file.createDimension(name, size)
            time = file.createVariable("time", "f8", ("time",))
            time.units, time.calendar, time.standard_name, time.axis, time.bounds = (
                "days since 2000-01-01",
                "noleap",
                "time",
                "T",
                "time_bnds",
            )
            file.createVariable("time_bnds", "f8", ("time", "bnds"))
            for name, unit in (("lat", "degrees_north"), ("lon", "degrees_east")):
                each = file.createVariable(name, "f4", (name,))
                each.units, each.standard_name = unit, {"lat": "latitude", "lon": "longitude"}[name]
            crs = file.createVariable("crs", "i4")
            crs.grid_mapping_name, crs.semi_major_axis = "latitude_longitude", 6378137.0
            more = {"zlib": True, "chunksizes": (1, 4, 8)} if form.startswith("NETCDF4") else {}
            ta = file.createVariable("ta", "f4", ("time", "lat", "lon"), fill_value=-999.0, **more)
            ta.units, ta.standard_name, ta.long_name, ta.cell_methods, ta.grid_mapping = (
                "K",
                "air_temperature",
                "Température",
                "time: mean",
                "crs",
            )
            file.createVariable("name", "S1", ("lon",))
            ta[:] = RNG.normal(size=(3, 4, 8))
            time[:] = [0, 1, 2]
            if form == "NETCDF3_64BIT_DATA":
                for kind in ("u1", "u2", "u4", "i8", "u8"):
                    file.createVariable(f"v_{kind}", kind, ("lat",)).setncattr(
                        "valid_max", np.dtype(kind).type(7)
                    )
            if form == "NETCDF4":
                group = file.createGroup("forecast")
                group.createDimension("member", 5)
                kind = file.createEnumType(np.uint8, "cloud_t", {"Clear": 0, "Cumulus": 1, "Missing": 255})
                clouds = group.createVariable("clouds", kind, ("member",), fill_value=255)
                clouds.units = "1"
                compound = group.createCompoundType(np.dtype([("r", "f8"), ("i", "f8")]), "complex_t")
                group.createVariable("z", compound, ("member",))
                variable = file.createVLType(np.int32, "ints")
                group.createVariable("ragged", variable, ("member",))
                group.createVariable("text", str, ("member",)).note = "variable-length"


def netcdf__scipy(folder: Path) -> None:
    from scipy.io import netcdf_file

    for version in (1, 2):
        with netcdf_file(folder / f"scipy-{version}.nc", "w", version=version) as file:
            file.history = "made by scipy"
            file.createDimension("time", None)
            file.createDimension("x", 3)
            one = file.createVariable("one", "i2", ("time", "x"))
            one.scale_factor = 0.5
            one[:] = np.arange(6).reshape(2, 3)
            file.createVariable("scalar", "f8", ())


def netcdf__tools(folder: Path) -> None:
    sh("ncgen -k 1 -o ncgen-1.nc - < /dev/null 2>/dev/null || true", folder)
    (folder / "text.cdl").write_text(
        'netcdf text { dimensions: a = 3 ; t = UNLIMITED ; variables: short s(t) ; byte b(a) ; char c(t, a) ; s:units = "m" ; b:range = 1b, 2b ; :title = "cdl" ; data: s = 1, 2, 3 ; b = 1, 2, 3 ; c = "abc", "def", "ghi" ; }'
    )
    sh(
        "for k in 1 2 5; do ncgen -k $k -o ncgen-$k.nc text.cdl; done; ncks -O -5 ncgen-1.nc nco-5.nc; cdo -s -f nc1 topo cdo-topo.nc; rm -f text.cdl",
        folder,
    )
    sh("gdal_translate -q -of netCDF -outsize 20 10 cdo-topo.nc gdal.nc", folder)


# --- HDF5


def hdf5__h5py(folder: Path) -> None:
    import h5py

    for library in ("earliest", "latest"):
        with h5py.File(folder / f"h5py-{library}.h5", "w", libver=library) as file:
            file.attrs["title"], file.attrs["n"], file.attrs["w"] = "tree", 7, [0.5, 0.25]
            color = h5py.enum_dtype({"RED": 0, "GREEN": 1, "BLUE": 42}, basetype="i")
            file.attrs.create("color", 1, dtype=color)
            file.attrs.create("colors", [0, 42], dtype=color)
            file.create_dataset("enums", data=np.array([0, 1], "i"), dtype=color)
            kind = np.dtype([("x", "f4"), ("name", "S8"), ("inner", [("a", "i2"), ("b", "u8", (2,))])])
            file.create_dataset("compound", (3,), kind)
            file.create_dataset("complex", data=np.zeros(2, "c16"))
            file.create_dataset("bools", data=np.zeros(2, bool))
            file.create_dataset("strings", data=["a", "bb"], dtype=h5py.string_dtype())
            file.create_dataset("fixed", data=np.array([b"abc"], "S5"))
            file.create_dataset("vlen", (2,), h5py.vlen_dtype("i4"))
            file.create_dataset(
                "opaque", data=np.array([1, 2], "datetime64[s]").astype(h5py.opaque_dtype("M8[s]"))
            )
            file.create_dataset("half", data=np.zeros(3, "f2"))
            file.create_dataset("big", data=np.zeros(3, ">i4"))
            file.create_dataset("empty", data=h5py.Empty("f4"))
            file.create_dataset(
                "filters",
                (100, 100),
                "i4",
                chunks=(10, 20),
                compression="gzip",
                compression_opts=6,
                shuffle=True,
                fletcher32=True,
                maxshape=(None, 100),
                fillvalue=-1,
            )
            file.create_dataset("lzf", (100,), "f8", compression="lzf")
            file.create_dataset("scaleoffset", (100,), "i4", scaleoffset=4)
            grid = file.create_group("grid", track_order=True)
            x = grid.create_dataset("x", data=np.arange(4.0))
            x.make_scale("x axis")
            z = grid.create_dataset("z", (4, 2))
            z.dims[0].attach_scale(x)
            z.dims[0].label = "x"
            z.attrs["reference"] = grid.ref
            file["soft"], file["outside"], grid["up"] = (
                h5py.SoftLink("/grid/x"),
                h5py.ExternalLink("other.h5", "/d"),
                file["/"],
            )
            file["type"] = kind
            layout = h5py.VirtualLayout((4,), "f8")
            layout[:] = h5py.VirtualSource("other.h5", "d", (4,))
            file.create_virtual_dataset("virtual", layout)


def hdf5__tools(folder: Path) -> None:
    sh(
        "h5repack -f GZIP=3 h5py-earliest.h5 h5repack.h5; octave-cli --quiet --no-init-file --eval \"a = [1 2; 3 4]; s.name = 'x'; s.n = 3; c = {1, 'two'}; save('-hdf5', 'octave.h5', 'a', 's', 'c')\"",
        folder,
    )


# --- GRIB, BUFR


def grib__eccodes(folder: Path) -> None:
    for name in (
        "regular_ll_sfc_grib1",
        "regular_ll_pl_grib2",
        "reduced_gg_pl_32_grib1",
        "reduced_gg_pl_32_grib2",
        "polar_stereographic_pl_grib1",
        "polar_stereographic_sfc_grib2",
        "sh_ml_grib1",
        "sh_ml_grib2",
        "rotated_ll_sfc_grib2",
        "rotated_ll_sfc_grib1",
        "regular_gg_sfc_grib1",
        "regular_gg_ml_grib2",
        "ccsds_grib2",
        "lambert_bf_grib2",
    ):
        shutil.copy(ECCODES / f"{name}.tmpl", folder / f"eccodes-{name}.grib")
    sh(
        "cat eccodes-regular_ll_sfc_grib1.grib eccodes-regular_ll_pl_grib2.grib eccodes-sh_ml_grib2.grib > eccodes-several.grib",
        folder,
    )
    import eccodes

    with (folder / "eccodes-ensemble.grib").open("wb") as file:
        for number, (template, level, kind) in enumerate(
            ((0, 850, 100), (1, 500, 100), (8, 0, 1), (11, 2, 103), (40, 10, 103))
        ):
            handle = eccodes.codes_grib_new_from_samples("regular_ll_pl_grib2")
            for key, value in (
                ("productDefinitionTemplateNumber", template),
                ("dataDate", 20240229),
                ("dataTime", 1800),
                ("forecastTime", 6 * number),
                ("typeOfFirstFixedSurface", kind),
                ("level", level),
            ):
                eccodes.codes_set(handle, key, value)
            eccodes.codes_set_values(handle, RNG.normal(size=eccodes.codes_get(handle, "numberOfValues")))
            eccodes.codes_write(handle, file)
            eccodes.codes_release(handle)


def grib__cdo(folder: Path) -> None:
    sh(
        "cdo -s -f grb -remapbil,r36x18 -topo cdo.grb; cdo -s -f grb2 -remapbil,r36x18 -topo cdo.grb2; cdo -s -f grb2 -settaxis,2020-01-01,12:00:00,6hour -duplicate,3 -topo,r36x18 cdo-times.grb2",
        folder,
    )
    sh(
        "cdo -s -f nc1 topo,r36x18 x.nc; gdal_translate -q -of GRIB -a_srs EPSG:4326 -a_ullr 0 90 360 -90 x.nc gdal.grb2; rm x.nc",
        folder,
    )


def bufr__eccodes(folder: Path) -> None:
    for name in (
        "BUFR3",
        "BUFR4",
        "BUFR3_local",
        "BUFR4_local",
        "BUFR4_local_satellite",
        "BUFR3_local_satellite",
    ):
        shutil.copy(ECCODES / f"{name}.tmpl", folder / f"eccodes-{name}.bufr")
    import eccodes

    with (folder / "eccodes-synop.bufr").open("wb") as file:
        for subsets in (1, 3):
            handle = eccodes.codes_bufr_new_from_samples("BUFR4")
            for key, value in (
                ("masterTablesVersionNumber", 31),
                ("dataCategory", 0),
                ("internationalDataSubCategory", 2),
                ("typicalYear", 2024),
                ("typicalMonth", 2),
                ("typicalDay", 29),
                ("typicalHour", 18),
                ("numberOfSubsets", subsets),
                ("compressedData", int(subsets > 1)),
            ):
                eccodes.codes_set(handle, key, value)
            eccodes.codes_set_array(
                handle, "unexpandedDescriptors", [301001, 301011, 301012, 12101, 11001, 11002]
            )
            eccodes.codes_set(handle, "pack", 1)
            eccodes.codes_write(handle, file)
            eccodes.codes_release(handle)


# --- volumes


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


# --- tables


def _table():
    import pyarrow as pa

    return pa.table(
        {
            "id": pa.array([1, 2, 3], pa.int64()),
            "small": pa.array([1, None, 3], pa.uint8()),
            "text": pa.array(["a", "bb", None]),
            "real": [1.5, 2.5, -3.5],
            "flag": [True, False, None],
            "day": pa.array([date(2024, 2, 29), None, date(1960, 1, 1)]),
            "when": pa.array([datetime(2024, 2, 29, 1, 2, 3, 500000)] * 3, pa.timestamp("us", tz="UTC")),
            "local": pa.array([datetime(2024, 2, 29)] * 3, pa.timestamp("ms")),
            "clock": pa.array([1, 2, 3], pa.time64("us")),
            "money": pa.array([Decimal("1.25"), Decimal("-3.50"), None], pa.decimal128(12, 2)),
            "bytes": pa.array([b"\x00\x01", b"", None]),
            "fixed": pa.array([b"abcd", b"efgh", None], pa.binary(4)),
            "list": pa.array([[1, 2], [], None], pa.list_(pa.int32())),
            "struct": pa.array([{"x": 1, "y": "a"}] * 3, pa.struct([("x", pa.int16()), ("y", pa.string())])),
            "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
            "category": pa.array(["x", "y", "x"]).dictionary_encode(),
            "half": pa.array(np.array([1, 2, 3], "f2")),
            "unsigned": pa.array([1, 2**63, 3], pa.uint64()),
        }
    ).replace_schema_metadata({"author": "Ada", "note": "ü"})


def parquet__pyarrow(folder: Path) -> None:
    import pyarrow.parquet as pq

    table = _table()
    for codec in ("snappy", "gzip", "zstd", "brotli", "lz4", "none"):
        pq.write_table(table, folder / f"pyarrow-{codec}.parquet", compression=codec, row_group_size=2)
    pq.write_table(
        table.drop_columns(["half"]),
        folder / "pyarrow-1.0.parquet",
        version="1.0",
        data_page_version="2.0",
        use_dictionary=False,
    )
    pq.write_table(
        table.select(["id", "text"]),
        folder / "pyarrow-sorted.parquet",
        sorting_columns=[pq.SortingColumn(0, descending=True)],
        write_page_index=True,
        store_schema=False,
    )


def parquet__others(folder: Path) -> None:
    import duckdb
    import fastparquet
    import pandas as pd
    import polars as pl

    frame = pd.DataFrame(
        {
            "a": [1, 2, 3],
            "b": ["x", "y", "z"],
            "c": pd.to_datetime(["2024-02-29"] * 3),
            "d": pd.Categorical(["u", "v", "u"]),
            "e": [1.5, None, 2.5],
        }
    )
    fastparquet.write(
        str(folder / "fastparquet.parquet"), frame, compression="GZIP", row_group_offsets=[0, 2]
    )
    pl.DataFrame(
        {
            "a": [1, 2],
            "b": ["x", None],
            "c": [date(2024, 2, 29)] * 2,
            "d": [[1], []],
            "e": [Decimal("1.5"), None],
        }
    ).write_parquet(folder / "polars.parquet", compression="zstd", statistics="full")
    duckdb.sql(
        f"copy (select range as id, 'v' || range as text, range::decimal(18, 3) as money, timestamp '2024-02-29 01:02:03' as at, uuid() as u, [range] as l from range(5000)) to '{folder}/duckdb.parquet' (format parquet, codec 'zstd', row_group_size 2048, kv_metadata {{author: 'Ada'}})"
    )


def arrow__pyarrow(folder: Path) -> None:
    import pyarrow as pa
    from pyarrow import feather

    table = _table()
    for name, codec in (("plain", None), ("zstd", "zstd"), ("lz4", "lz4")):
        options = pa.ipc.IpcWriteOptions(compression=codec)
        with pa.ipc.new_file(
            folder / f"pyarrow-{name}.arrow",
            table.schema,
            options=options,
            metadata={"footer": "yes"} if codec is None else None,
        ) as file:
            file.write_table(table, max_chunksize=2)
        with pa.ipc.new_stream(folder / f"pyarrow-{name}.arrows", table.schema, options=options) as file:
            file.write_table(table, max_chunksize=2)
    feather.write_feather(table, folder / "pyarrow-v2.feather")
    feather.write_feather(
        table.select(["id", "small", "text", "real", "flag", "bytes"]),
        folder / "pyarrow-v1.feather",
        version=1,
    )
    odd = pa.schema([
        pa.field("n", pa.null()), pa.field("mi", pa.month_day_nano_interval()), pa.field("d64", pa.date64()), pa.field("dur", pa.duration("ns")), pa.field("t32", pa.time32("s")), pa.field("d256", pa.decimal256(50, 3)),
        pa.field("lb", pa.large_binary()), pa.field("ls", pa.large_string()), pa.field("ll", pa.large_list(pa.int8())), pa.field("fsl", pa.list_(pa.float32(), 3)), pa.field("sv", pa.string_view()), pa.field("bv", pa.binary_view()),
        pa.field("du", pa.dense_union([pa.field("i", pa.int32()), pa.field("s", pa.string())])), pa.field("su", pa.sparse_union([pa.field("i", pa.int32())])), pa.field("ree", pa.run_end_encoded(pa.int32(), pa.string())),
        pa.field("dict", pa.dictionary(pa.int8(), pa.string(), ordered=True), nullable=False, metadata={"k": "v"}), pa.field("lv", pa.list_view(pa.int32())),
    ], metadata={"odd": "yes"})  # fmt: skip
    with pa.ipc.new_stream(folder / "pyarrow-odd.arrows", odd):
        pass
    with pa.ipc.new_file(folder / "pyarrow-odd.arrow", odd):
        pass


def arrow__polars(folder: Path) -> None:
    import polars as pl

    frame = pl.DataFrame(
        {
            "a": [1, 2],
            "b": ["x", None],
            "c": [date(2024, 2, 29)] * 2,
            "d": [[1], []],
            "e": pl.Series(["u", "v"], dtype=pl.Categorical),
        }
    )
    frame.write_ipc(folder / "polars.arrow", compression="zstd")
    frame.write_ipc_stream(folder / "polars.arrows")


def orc__writers(folder: Path) -> None:
    import pyorc
    from pyarrow import orc

    table = _table().select(
        ["id", "text", "real", "flag", "day", "when", "money", "bytes", "list", "struct", "map"]
    )
    for codec in ("uncompressed", "zlib", "snappy", "lz4", "zstd"):
        orc.write_table(table, folder / f"pyarrow-{codec}.orc", compression=codec)
    kinds = "struct<a:int,b:string,c:timestamp,d:decimal(10,2),e:array<double>,f:map<string,int>,g:varchar(10),h:date,i:uniontype<int,string>,j:char(3)>"
    for name, kind in (
        ("zlib", pyorc.CompressionKind.ZLIB),
        ("snappy", pyorc.CompressionKind.SNAPPY),
        ("none", pyorc.CompressionKind.NONE),
    ):
        with (
            (folder / f"pyorc-{name}.orc").open("wb") as file,
            pyorc.Writer(file, kinds, compression=kind, stripe_size=64 * 1024) as writer,
        ):
            for number in range(3000):
                writer.write(
                    (
                        number,
                        f"v{number}" * 5,
                        datetime(2024, 2, 29, 1, 2, 3),
                        Decimal("1.25"),
                        [1.5],
                        {"k": 1},
                        "vc",
                        date(2024, 2, 29),
                        number,
                        "abc",
                    )
                )
            writer.set_user_metadata(author=b"Ada", note=b"made")


def avro__writers(folder: Path) -> None:
    import fastavro

    schema = {"type": "record", "name": "Person", "namespace": "org.example", "doc": "People", "fields": [
        {"name": "name", "type": "string", "doc": "Full name"}, {"name": "age", "type": ["null", "int"], "default": None}, {"name": "when", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "money", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}}, {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "suit", "type": {"type": "enum", "name": "Suit", "symbols": ["SPADES", "HEARTS"]}}, {"name": "hash", "type": {"type": "fixed", "name": "MD5", "size": 16}},
        {"name": "home", "type": ["null", {"type": "record", "name": "Address", "fields": [{"name": "street", "type": "string"}]}]}, {"name": "counts", "type": {"type": "map", "values": "long"}},
    ]}  # fmt: skip
    rows = [
        {
            "name": f"n{n}",
            "age": n,
            "when": datetime(2024, 2, 29),
            "money": Decimal("1.25"),
            "tags": ["a"],
            "suit": "HEARTS",
            "hash": bytes(16),
            "home": {"street": "s"},
            "counts": {"k": n},
        }
        for n in range(2000)
    ]
    for codec in ("null", "deflate", "bzip2", "xz"):
        with (folder / f"fastavro-{codec}.avro").open("wb") as file:
            fastavro.writer(file, schema, rows, codec=codec, metadata={"author": "Ada"}, sync_interval=16000)
    import json

    import avro.datafile
    import avro.io
    import avro.schema

    parsed = avro.schema.parse(
        json.dumps(
            {
                "type": "record",
                "name": "Point",
                "fields": [{"name": "x", "type": "double"}, {"name": "y", "type": "double", "default": 1.5}],
            }
        )
    )
    writer = avro.datafile.DataFileWriter(
        (folder / "avro.avro").open("wb"), avro.io.DatumWriter(), parsed, codec="deflate"
    )
    for number in range(10):
        writer.append({"x": float(number), "y": 2.0})
    writer.close()


# --- arrays


def mat__scipy(folder: Path) -> None:
    from scipy.io import savemat
    from scipy.sparse import csc_matrix

    values = {
        "matrix": np.arange(6.0).reshape(2, 3), "scalar": 7.5, "text": "Grüße", "names": np.array(["ab", "cd"]), "ints": np.arange(5, dtype="i2"), "flags": np.array([True, False]),
        "complex": np.array([1 + 2j]), "cube": np.zeros((2, 3, 4), "f4"), "struct": {"a": 1, "b": "x"}, "cell": np.array([1, "two"], object), "sparse": csc_matrix(np.eye(3)), "empty": np.zeros((0, 3)),
        "large": np.zeros((500, 500)),
    }  # fmt: skip
    savemat(folder / "scipy-5.mat", values)
    savemat(folder / "scipy-5z.mat", values, do_compression=True)
    savemat(
        folder / "scipy-4.mat",
        {key: values[key] for key in ("matrix", "scalar", "names", "ints", "complex", "sparse")},
        format="4",
    )


def mat__octave(folder: Path) -> None:
    code = "a = [1 2; 3 4]; s.name = 'x'; s.n = 3; c = {1, 'two'}; t = 'hello'; z = 1 + 2i; b = true; i = int16([1 2 3]); sp = sparse(eye(4)); e = [];"
    sh(
        f"octave-cli --quiet --no-init-file --eval \"{code} save('-v7', 'octave-7.mat'); save('-v6', 'octave-6.mat'); save('-v4', 'octave-4.mat', 'a', 't', 'z', 'sp')\"",
        folder,
    )


def mat__hdf5storage(folder: Path) -> None:
    import hdf5storage

    for name, data in (
        (
            "plain",
            {"matrix": np.arange(6.0).reshape(2, 3), "text": "words", "cell": np.array([1, "two"], object)},
        ),
        ("one", {"x": np.int8(7)}),
    ):
        hdf5storage.savemat(
            str(folder / f"hdf5storage-{name}.mat"), data, format="7.3", truncate_existing=True
        )


def npy__numpy(folder: Path) -> None:
    np.save(folder / "float.npy", np.zeros((3, 4)))
    np.save(folder / "fortran.npy", np.asfortranarray(np.zeros((3, 4), ">i2")))
    np.save(
        folder / "structured.npy",
        np.zeros(5, [("a", "i4"), ("b", "f8", (2, 2)), ("c", "U10"), ("d", [("x", "u1")])]),
    )
    np.save(folder / "text.npy", np.array(["äöü", "b"]))
    np.save(folder / "times.npy", np.array(["2024-02-29"], "M8[D]"))
    np.save(folder / "objects.npy", np.array([{"a": 1}], object), allow_pickle=True)
    np.save(folder / "scalar.npy", np.float32(1))
    np.lib.format.write_array((folder / "v2.npy").open("wb"), np.zeros(3, [("ü", "f4")]), version=(3, 0))
    np.savez(folder / "arrays.npz", a=np.zeros(3), b=np.ones((2, 2), "i8"))
    np.savez_compressed(folder / "packed.npz", x=np.zeros((100, 100)), y=np.array(["s"]))


def zarr__writers(folder: Path) -> None:
    import tensorstore as ts
    import zarr

    for version in (2, 3):
        store = zarr.storage.ZipStore(folder / f"zarr-{version}.zarr.zip", mode="w")
        root = zarr.create_group(store=store, zarr_format=version, attributes={"title": "A store", "n": 7})
        more = {"dimension_names": ["y", "x"]} if version == 3 else {}
        array = root.create_array(
            "grid/temperature",
            shape=(100, 200),
            chunks=(10, 20),
            dtype="f4",
            fill_value=-1,
            attributes={"units": "K"},
            **more,
        )
        array[:10, :20] = 1
        root.create_array("flags", shape=(5,), dtype="i1", compressors=None)
        if version == 3:
            root.create_array("shards", shape=(100,), chunks=(5,), shards=(50,), dtype="u2")
        store.close()
        plain = folder / f"store-{version}"
        group = zarr.create_group(
            store=str(plain), zarr_format=version, attributes={"title": "B"}, overwrite=True
        )
        group.create_array("v", shape=(3,), dtype="f8", attributes={"units": "m"})
        zarr.consolidate_metadata(str(plain), zarr_format=version)
        for path in sorted(plain.rglob("*")):
            if path.name in {".zarray", ".zgroup", ".zattrs", ".zmetadata", "zarr.json"}:
                name = f"zarr{version}-{path.parent.name}-{path.name}"
                shutil.copy(path, folder / (name if name.endswith(".json") else f"{name}.json"))
        shutil.rmtree(plain)
    for driver in ("zarr", "zarr3"):
        place = folder / f"tensorstore-{driver}"
        ts.open(
            {"driver": driver, "kvstore": {"driver": "file", "path": str(place)}},
            create=True,
            dtype=ts.float32,
            shape=[40, 50],
            delete_existing=True,
        ).result()
        found = next(path for path in place.rglob("*") if path.name in {".zarray", "zarr.json"})
        shutil.copy(found, folder / f"tensorstore-{driver}.json")
        shutil.rmtree(place)


# --- models


def safetensors__writers(folder: Path) -> None:
    from safetensors.numpy import save_file

    save_file(
        {"weight": np.zeros((3, 4), "f4"), "bias": np.zeros(4, "f2"), "ids": np.arange(5)},
        folder / "small.safetensors",
        metadata={"format": "pt", "author": "Ada"},
    )
    save_file({f"layers.{n}.w": np.zeros((8, 8), "f4") for n in range(100)}, folder / "layers.safetensors")


def gguf__writers(folder: Path) -> None:
    import gguf

    for order, name in ((gguf.GGUFEndian.LITTLE, "little"), (gguf.GGUFEndian.BIG, "big")):
        writer = gguf.GGUFWriter(folder / f"{name}.gguf", "llama", endianess=order)
        (
            writer.add_name("Tiny"),
            writer.add_author("Ada"),
            writer.add_block_count(2),
            writer.add_context_length(128),
        )
        (
            writer.add_file_type(1),
            writer.add_float32("x.rate", 0.5),
            writer.add_bool("x.flag", True),
            writer.add_array("tokenizer.ggml.tokens", [f"t{n}" for n in range(500)]),
        )
        writer.add_array("x.numbers", [1, 2, 3])
        writer.add_tensor("token_embd.weight", np.zeros((16, 8), "f4"))
        writer.add_tensor("output.weight", np.zeros((8, 16), "f2"))
        (
            writer.write_header_to_file(),
            writer.write_kv_data_to_file(),
            writer.write_tensors_to_file(),
            writer.close(),
        )


def onnx__writers(folder: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])
    weight, bias = (
        numpy_helper.from_array(np.zeros((4, 3), "f4"), "w"),
        numpy_helper.from_array(np.zeros(3, "f4"), "b"),
    )
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Add", ["h", "b"], ["z"]),
        helper.make_node("Relu", ["z"], ["y"]),
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "tiny", [x], [y], [weight, bias], doc_string="a graph"),
        producer_name="maker",
        producer_version="1.0",
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)],
    )
    model.model_version, model.domain, model.doc_string = 3, "org.example", "a model"
    helper.set_model_props(model, {"author": "Ada"})
    onnx.save(model, folder / "small.onnx")
    bare = helper.make_model(
        helper.make_graph(
            [helper.make_node("Identity", ["x"], ["y"])],
            "bare",
            [x],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        )
    )
    onnx.save(bare, folder / "bare.onnx")


# --- instruments


def jcamp__writers(folder: Path) -> None:
    import jcamp

    x = np.linspace(400, 4000, 50)
    data = {
        "title": "Water",
        "data type": "INFRARED SPECTRUM",
        "origin": "lab",
        "owner": "Ada",
        "xunits": "1/CM",
        "yunits": "ABSORBANCE",
        "x": x,
        "y": np.sin(x / 500) ** 2,
        "npoints": 50,
        "firstx": 400.0,
        "lastx": 4000.0,
        "xfactor": 1.0,
        "yfactor": 1e-4,
        "deltax": float(x[1] - x[0]),
    }
    os.chdir(folder)
    jcamp.writefile("jcamp.jdx", data)
    jcamp.writefile(
        "jcamp-ms.jdx",
        {
            **data,
            "title": "Ethanol",
            "data type": "MASS SPECTRUM",
            "cas registry no": "64-17-5",
            "molform": "C2 H6 O",
        },
    )


def mzml__psims(folder: Path) -> None:
    from psims.mzml.writer import MzMLWriter

    for name in ("psims", "psims-2"):
        with MzMLWriter(str(folder / f"{name}.mzML"), close=True) as out:
            out.controlled_vocabularies()
            out.file_description(
                ["MS1 spectrum", "MSn spectrum"],
                [
                    {
                        "id": "RAW1",
                        "name": "a.raw",
                        "location": "file:///data",
                        "params": ["Thermo RAW format"],
                    }
                ],
            )
            out.sample_list([{"id": "S1", "name": "Sample one"}])
            out.software_list([{"id": "psims-writer", "version": "0.1.2", "params": ["python-psims"]}])
            source, analyzer, detector = (
                out.Source(1, ["electrospray ionization"]),
                out.Analyzer(2, ["orbitrap"]),
                out.Detector(3, ["inductive detector"]),
            )
            out.instrument_configuration_list(
                [
                    out.InstrumentConfiguration(
                        id="IC1", component_list=[source, analyzer, detector], params=["LTQ Orbitrap"]
                    )
                ]
            )
            out.data_processing_list(
                [
                    out.DataProcessing(
                        [
                            out.ProcessingMethod(
                                order=1, software_reference="psims-writer", params=["Conversion to mzML"]
                            )
                        ],
                        id="DP1",
                    )
                ]
            )
            with (
                out.run(id="run1", instrument_configuration="IC1", start_time="2024-02-29T01:02:03Z"),
                out.spectrum_list(count=3),
            ):
                for number in range(3):
                    out.write_spectrum(
                        np.arange(5.0),
                        np.arange(5.0),
                        id=f"scan={number + 1}",
                        params=["MS1 Spectrum", {"ms level": 1}],
                    )


def segy__segyio(folder: Path) -> None:
    import segyio

    for form, order in ((1, "big"), (5, "big"), (5, "little")):
        spec = segyio.spec()
        spec.format, spec.sorting, spec.samples, spec.ilines, spec.xlines, spec.endian = (
            form,
            2,
            np.arange(0, 200, 4),
            np.arange(1, 4),
            np.arange(10, 15),
            order,
        )
        with segyio.create(str(folder / f"segyio-{form}-{order}.sgy"), spec) as file:
            file.text[0] = segyio.tools.create_text_header(
                {1: "CLIENT ACME", 2: "LINE 7", 40: "END TEXTUAL HEADER"}
            )
            file.bin.update(
                {
                    segyio.BinField.JobID: 7,
                    segyio.BinField.Interval: 4000,
                    segyio.BinField.MeasurementSystem: 1,
                    segyio.BinField.SEGYRevision: 1,
                }
            )
            for number in range(15):
                file.trace[number] = np.zeros(50, "f4")
                file.header[number] = {
                    189: number // 5 + 1,
                    193: number % 5 + 10,
                    73: 1000 + number,
                    77: 2000,
                    71: -100,
                    115: 50,
                    117: 4000,
                }


def segy__obspy(folder: Path) -> None:
    from obspy import Stream, Trace

    stream = Stream([Trace(np.zeros(100, "f4"), {"sampling_rate": 250.0}) for _ in range(3)])
    stream.write(
        str(folder / "obspy.sgy"),
        format="SEGY",
        data_encoding=5,
        byteorder=">",
        textual_header_encoding="ASCII",
    )
    stream.write(str(folder / "obspy-le.sgy"), format="SEGY", data_encoding=1, byteorder="<")


def las_well__lasio(folder: Path) -> None:
    import lasio

    las = lasio.LASFile()
    las.well["WELL"].value, las.well["COMP"].value, las.well["FLD"].value = (
        "Any et al 12-34",
        "ACME OIL",
        "WILDCAT",
    )
    las.well["UWI"].value, las.well["DATE"].value = "100123401234W500", "2024-02-29"
    las.params["BHT"] = lasio.HeaderItem("BHT", "DEGC", 35.5, "Bottom hole temperature")
    las.params["MUD"] = lasio.HeaderItem("MUD", "", "GEL CHEM", "Mud type: old")
    las.other = "First remark\nSecond remark"
    las.append_curve("DEPT", np.arange(100.0, 110.0, 0.5), unit="M", descr="Depth")
    las.append_curve("GR", np.arange(20.0), unit="GAPI", descr="Gamma ray", value="45 310 01 00")
    for version in (1.2, 2):
        las.write(str(folder / f"lasio-{version}.las"), version=version)


# --- GeoTIFF


def geotiff__gdal(folder: Path) -> None:
    sh(
        "cdo -s -f nc1 topo,r36x18 topo.nc; gdal_translate -q -a_srs EPSG:4326 -a_ullr -180 90 180 -90 topo.nc gdal-4326.tif; gdalwarp -q -overwrite -t_srs EPSG:32633 -te 200000 5000000 800000 6000000 -ts 60 100 gdal-4326.tif gdal-32633.tif; gdalwarp -q -overwrite -t_srs EPSG:3857 -ts 50 50 -te -1e7 -1e7 1e7 1e7 gdal-4326.tif gdal-3857.tif; rm topo.nc",
        folder,
    )


def main(root: Path, words: list[str]) -> int:
    """Writes all."""
    failed = 0
    for name, write in list(globals().items()):
        kind, _, writer = name.partition("__")
        if (
            not callable(write)
            or not writer
            or name.startswith("_")
            or (words and not any(word in name for word in words))
        ):
            continue
        folder = root / kind
        folder.mkdir(parents=True, exist_ok=True)
        try:
            write(folder)
        except Exception as error:  # noqa: BLE001 - told, and the others go on
            failed += 1
            last = traceback.extract_tb(error.__traceback__)[-1]
            print(f"{name}: {type(error).__name__}: {str(error)[:200]} ({last.name}, {last.lineno})")
    for path in root.rglob("*"):
        if path.is_file() and not path.stat().st_size:
            path.unlink()
    print(f"{sum(1 for path in root.rglob('*') if path.is_file())} files, {failed} writers failed")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("TZ", "UTC")
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
