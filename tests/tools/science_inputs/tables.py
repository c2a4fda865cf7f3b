"""Tables and arrays by the field's own writers; see `writers.py`."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
from common import sh


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
