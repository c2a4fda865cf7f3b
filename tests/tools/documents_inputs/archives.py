"""Archives by py7zr, pycdlib and torf, and the packages of Python's build backends."""

import importlib
import os
import shutil
from pathlib import Path

import facts


def _backend(out, name, private, method, pattern):
    made, out = Path(private, "dist"), Path(out).resolve()
    tree = Path(shutil.copytree("wheel", Path(private, "tree")))
    project = tree / "pyproject.toml"
    text = project.read_text().replace("setuptools.build_meta", name).replace('["setuptools"]', "[]")
    project.write_text(text)
    (tree / "LICENSE").write_text("MIT\n")
    made.mkdir()
    os.chdir(tree)
    getattr(importlib.import_module(name), method)(str(made))
    shutil.move(next(made.glob(pattern)), out)


def wheel(out, name, private):
    _backend(out, name, private, "build_wheel", "*.whl")


def sdist(out, name, private):
    _backend(out, name, private, "build_sdist", "*.tar.gz")


def seven(out, kind):
    import py7zr

    filters = {
        "lzma2": [{"id": py7zr.FILTER_LZMA2, "preset": 1}], "zstd": [{"id": py7zr.FILTER_ZSTD}],
        "ppmd": [{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 20}], "copy": [{"id": py7zr.FILTER_COPY}],
        "bcj": [{"id": py7zr.FILTER_X86}, {"id": py7zr.FILTER_LZMA2, "preset": 1}],
        "aes": [{"id": py7zr.FILTER_LZMA2, "preset": 1}, {"id": py7zr.FILTER_CRYPTO_AES256_SHA256}],
    }[kind]  # fmt: skip
    secret = {"password": "secret", "header_encryption": True} if kind == "aes" else {}
    with py7zr.SevenZipFile(out, "w", filters=filters, **secret) as archive:
        archive.write("note.txt", "Ordner/größe 大.txt")


def iso(out, kind):
    import io

    import pycdlib

    disc = pycdlib.PyCdlib()
    options = {
        "plain": {"interchange_level": 1}, "joliet": {"interchange_level": 3, "joliet": 3},
        "rock": {"interchange_level": 3, "rock_ridge": "1.12", "joliet": 3}, "udf": {"interchange_level": 3, "udf": "2.60"},
        "iso2": {"interchange_level": 4},
    }[kind]  # fmt: skip
    disc.new(
        vol_ident="MADE_DISC", sys_ident="LINUX", app_ident_str="PYCDLIB", pub_ident_str="ACME", preparer_ident_str="ZOE",
        vol_set_ident="SET", copyright_file="NOTE.TXT", vol_expire_date=facts.MODIFIED.timestamp(), **options,
    )  # fmt: skip
    more = {"rr_name": "größe.txt"} if "rock_ridge" in options else {}
    if "joliet" in options:
        more["joliet_path"] = "/größe 大.txt"
    if "udf" in options:
        more["udf_path"] = "/größe.txt"
    disc.add_fp(io.BytesIO(b"hello"), 5, "/NOTE.TXT;1", **more)
    if kind == "plain":
        disc.add_fp(io.BytesIO(bytes(2048)), 2048, "/BOOT.BIN;1")
        disc.add_eltorito("/BOOT.BIN;1", bootcatfile="/BOOT.CAT;1")
    disc.write(out)


def torrent(out, version="1"):
    import torf

    made = torf.Torrent(
        path="note.txt", name="Sammlung – 集", trackers=[["http://t.example.org/announce"], ["udp://u.example.org:1"]],
        webseeds=["http://seed.example.org/"], comment=facts.COMMENTS, source="ACME", created_by="torf",
        creation_date=facts.plain(facts.MODIFIED), private=True,
    )  # fmt: skip
    made.generate()
    made.write(out, overwrite=True)
