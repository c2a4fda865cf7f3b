"""Trees, grids and messages by the field's own writers; see `writers.py`."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from common import ECCODES, RNG, sh


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


def grib__templates(folder: Path) -> None:
    """Products, grids and local parts that files of forecast centres have, a message each."""
    import eccodes

    end = {
        "yearOfEndOfOverallTimeInterval": 2020,
        "monthOfEndOfOverallTimeInterval": 1,
        "dayOfEndOfOverallTimeInterval": 3,
    }
    member = {"perturbationNumber": 7, "numberOfForecastsInEnsemble": 50}
    size = {"Nx": 16, "Ny": 31, "DxInMetres": 2500, "DyInMetres": 2500}
    for name, sample, keys in (
        *(
            (f"product-{number}", "GRIB2", {"productDefinitionTemplateNumber": number, "forecastTime": 12, **keys})
            for number, keys in (
                (2, {"derivedForecast": 2, "numberOfForecastsInEnsemble": 50}),
                (5, {"probabilityType": 1, "scaledValueOfUpperLimit": 5}),
                (6, {"percentileValue": 70}),
                (7, {}),
                (9, {"probabilityType": 0, "scaledValueOfLowerLimit": 5, **end}),
                (10, {"percentileValue": 90, **end}),
                (11, {**member, **end}),
                (12, {"derivedForecast": 4, "numberOfForecastsInEnsemble": 9, **end}),
                (15, {}),
                (41, {"constituentType": 62, **member}),
                (42, {"constituentType": 1, **end}),
                (43, {"constituentType": 1, **member, **end}),
                (44, {"aerosolType": 62000}),
                (45, {"aerosolType": 62001, **member}),
                (46, {"aerosolType": 62002, **end}),
                (47, {"aerosolType": 62003, **member, **end}),
                (48, {"aerosolType": 62004}),
                (49, {"aerosolType": 62005, **member}),
                (60, member),
                (61, {**member, **end}),
            )
        ),
        (
            "rotated",
            "GRIB2",
            {
                "gridType": "rotated_ll",
                "latitudeOfSouthernPoleInDegrees": -30,
                "longitudeOfSouthernPoleInDegrees": 10,
                "angleOfRotationInDegrees": 25,
            },
        ),
        (
            "polar",
            "GRIB2",
            {"gridType": "polar_stereographic", "projectionCentreFlag": 128, "LaDInDegrees": 71, **size},
        ),
        (
            "mercator",
            "GRIB2",
            {"gridType": "mercator", "Ni": 16, "Nj": 31, "LaDInDegrees": 20, "DiInMetres": 5000, "DjInMetres": 5000},
        ),
        ("earth", "GRIB2", {"shapeOfTheEarth": 1, "scaleFactorOfRadiusOfSphericalEarth": 0, "scaledValueOfRadiusOfSphericalEarth": 6371000}),
        ("average", "GRIB1", {"timeRangeIndicator": 113, "P1": 6, "P2": 12, "numberIncludedInAverage": 30}),
        (
            "ensemble",
            "GRIB1",
            {"centre": "ecmf", "setLocalDefinition": 1, "localDefinitionNumber": 1, "marsType": "pf", "stream": "enfo", "perturbationNumber": 7, "numberOfForecastsInEnsemble": 51},
        ),
        ("old-polar", "GRIB1", {"gridType": "polar_stereographic", "projectionCentreFlag": 128, **size}),
        ("quarter", "GRIB1", {"indicatorOfUnitOfTimeRange": 13, "P1": 6}),
    ):  # fmt: skip
        handle = eccodes.codes_grib_new_from_samples(sample)
        for key, value in keys.items():
            eccodes.codes_set(handle, key, value)
        with (folder / f"template-{name}.grib").open("wb") as file:
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


def geotiff__gdal(folder: Path) -> None:
    corners = "-a_ullr -180 90 180 -90"
    for command in (
        "cdo -s -f nc1 topo,r36x18 topo.nc",
        f"gdal_translate -q -a_srs EPSG:4326 {corners} topo.nc gdal-4326.tif",
        "gdalwarp -q -overwrite -t_srs EPSG:32633 -te 200000 5000000 800000 6000000 -ts 60 100 gdal-4326.tif gdal-32633.tif",
        "gdalwarp -q -overwrite -t_srs EPSG:3857 -ts 50 50 -te -1e7 -1e7 1e7 1e7 gdal-4326.tif gdal-3857.tif",
        f"gdal_translate -q -a_srs EPSG:4326 {corners} -mo AREA_OR_POINT=Point topo.nc gdal-point.tif",
        "gdal_translate -q -of VRT -a_srs EPSG:32633 topo.nc x.vrt; sed -i 's|<GeoTransform>.*</Geo|<GeoTransform>500000, 30, 5, 5200000, 4, -30</Geo|' x.vrt",
        "gdal_translate -q x.vrt gdal-rotated.tif; rm x.vrt",
        f"gdal_translate -q -a_srs EPSG:4326+5773 {corners} topo.nc gdal-heights.tif",
        f"gdal_translate -q -of COG -a_srs EPSG:4326 {corners} topo.nc gdal-cog.tif",
        f"gdal_translate -q -a_srs '+proj=laea +lat_0=52 +lon_0=10' {corners} topo.nc gdal-own.tif",
        f"gdal_translate -q -co BIGTIFF=YES -co TILED=YES -a_srs EPSG:4326 {corners} topo.nc gdal-big.tif",
    ):
        sh(command, folder)
    (folder / "topo.nc").unlink()
