"""What the field's readers say of archives, mail, databases and bodies; see `documents_oracles.py`."""

from __future__ import annotations

import contextlib
import json
import stat
import struct
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import documents_oracles as documents
import documents_oracles_data as data
import documents_oracles_programs as programs
from documents_oracles import Facts, date, members


def zipped(path: str) -> dict:
    import zipfile

    def stamp(info: zipfile.ZipInfo) -> str | None:
        year, *rest = info.date_time
        is_set = 1 <= rest[0] <= 12 and 1 <= rest[1] <= 31  # MS-DOS has 0 of them for none
        return "{:04d}:{:02d}:{:02d} {:02d}:{:02d}:{:02d}".format(year, *rest) if is_set else None

    def name(info: zipfile.ZipInfo) -> str:
        """Info-ZIP's Unicode path goes before the name in an old charset (APPNOTE 4.6.9)."""
        at = 0
        while at + 4 <= len(info.extra):
            kind, length = struct.unpack_from("<HH", info.extra, at)
            if kind == 0x7075:
                return info.extra[at + 9 : at + 4 + length].decode()
            at += 4 + length
        return info.filename

    with zipfile.ZipFile(path) as archive:
        return {"comment": archive.comment.decode("utf-8", "replace").strip()} | members(
            archive.infolist(), names=name, sizes=lambda each: each.file_size, packed=lambda each: each.compress_size,
            crcs=lambda each: each.CRC, dates=stamp, methods=lambda each: each.compress_type,
            encrypted=lambda each: bool(each.flag_bits & 1),
            comments=lambda each: each.comment.decode("utf-8", "replace"), folders=lambda each: each.is_dir(),
        )  # fmt: skip


def tar(path: str) -> dict:
    import tarfile

    kinds = {
        tarfile.DIRTYPE: "folder",
        tarfile.SYMTYPE: "symlink",
        tarfile.LNKTYPE: "link",
        b"S": "sparse",
        b"V": "type V",
        b"D": "type D",
        tarfile.FIFOTYPE: "fifo",
        tarfile.CHRTYPE: "character device",
        tarfile.BLKTYPE: "block device",
    }
    with tarfile.open(path, "r:", encoding="utf-8", errors="replace") as archive:
        return members(
            archive.getmembers(), names=lambda each: each.name.rstrip("/"), sizes=lambda each: each.size,
            modes=lambda each: each.mode & 0o7777,
            dates=lambda each: date(int(each.mtime // 1)), owners=lambda each: each.uname,
            groups=lambda each: each.gname,
            links=lambda each: each.linkname, kinds=lambda each: kinds.get(each.type, "file"),
        )  # fmt: skip


def sevenzip(path: str) -> dict:
    import py7zr

    with py7zr.SevenZipFile(path) as archive:
        about = archive.archiveinfo()
        facts = {"encrypted": archive.needs_password(), "solid": about.solid, "blocks": about.blocks}
        return facts | members(
            archive.list(), names=lambda each: each.filename, sizes=lambda each: each.uncompressed,
            folders=lambda each: each.is_directory,
            crcs=lambda each: each.crc32 or None,
            dates=lambda each: each.creationtime and date(each.creationtime.replace(microsecond=0)),
        )  # fmt: skip


def rar(path: str) -> dict:
    import rarfile

    rarfile.RarFile(path).close()  # refuses later volumes, whose first member it would hide
    with rarfile.RarFile(path, part_only=True) as archive:
        facts = {"comment": archive.comment or "", "solid": archive.is_solid()}
        stamp = lambda each: each.mtime or (datetime(*each.date_time) if each.date_time else None)
        return facts | members(
            archive.infolist(), names=lambda each: each.filename.rstrip("/"),
            sizes=lambda each: each.file_size,
            packed=lambda each: each.compress_size, crcs=lambda each: each.CRC, dates=lambda each: date(stamp(each)),
            folders=lambda each: each.is_dir(), encrypted=lambda each: each.needs_password(),
        )  # fmt: skip


def packed(path: str) -> dict:
    """One compressed file."""
    import bz2
    import gzip
    import lzma

    data = Path(path).read_bytes()
    if data[:3] == b"\x1f\x8b\x08":
        facts = Facts({"size": len(gzip.decompress(data)), "flags": data[3], "system": data[9]})
        stamp = struct.unpack_from("<I", data, 4)[0]
        at = 10
        if data[3] & 4:
            at += 2 + struct.unpack_from("<H", data, at)[0]
        for bit, name in ((8, "name"), (16, "comment")):
            if data[3] & bit:
                end = data.index(b"\0", at)
                facts[name], at = data[at:end].decode("latin-1"), end + 1
        return facts | ({"date": date(stamp)} if stamp else {})
    if data[:3] == b"BZh":
        bz2.decompress(data)
        return {"block size": (data[3] - 48) * 100_000}
    size = len(lzma.decompress(data))
    return {"size": size, "check": data[7] & 15} if data[:6] == b"\xfd7zXZ\0" else {"size": size}


def _listed(path: str, *, is_sorted: bool = False) -> dict:
    """By libarchive, whatever it is."""
    import libarchive

    rows = []
    with libarchive.file_reader(path) as archive:
        for each in archive:
            rows.append((each.pathname, each.size, each.mtime, each.mode, each.linkpath, each.uid, each.gid))
    rows = [row for row in rows if row[0].strip("./")]
    rows = sorted(rows) if is_sorted else rows
    return members(
        rows, names=lambda row: row[0].strip("/").removeprefix("./"),
        sizes=lambda row: 0 if stat.S_ISDIR(row[3]) else row[1],
        dates=lambda row: date(row[2]) if row[2] and row[2] > 315_532_800 else None,
        modes=lambda row: row[3] & 0o7777, links=lambda row: row[4] if stat.S_ISLNK(row[3]) else "",
        users=lambda row: row[5], groups=lambda row: row[6],
    )  # fmt: skip


def iso(path: str) -> dict:
    import pycdlib

    image = pycdlib.PyCdlib()
    image.open(path)
    volume = image.pvd
    text = lambda raw: raw.decode("latin-1").strip()
    facts = Facts({
        "volume": text(volume.volume_identifier), "set": text(volume.volume_set_identifier),
        "system": text(volume.system_identifier),
        "publisher": text(volume.publisher_identifier.text), "preparer": text(volume.preparer_identifier.text),
        "software": text(volume.application_identifier.text), "blocks": volume.space_size,
        "block size": volume.log_block_size,
        "joliet": image.has_joliet(), "rock ridge": bool(image.has_rock_ridge()),
        "boot": image.eltorito_boot_catalog is not None,
    })  # fmt: skip
    created = volume.volume_creation_date
    if created.year:
        shown = f"{created.year:04d}:{created.month:02d}:{created.dayofmonth:02d}"
        shown += f" {created.hour:02d}:{created.minute:02d}:{created.second:02d}"
        minutes = created.gmtoffset * 15
        facts["created"] = (
            f"{shown}{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
        )
    image.close()
    listed = _listed(path, is_sorted=True)
    return facts | {name: listed[name] for name in ("members", "names", "sizes", "dates") if name in listed} | (
        {name: listed[name] for name in ("modes", "links") if name in listed} if facts["rock ridge"] else {}
    )  # fmt: skip


def deb(path: str) -> dict:
    told = subprocess.run(
        ["dpkg-deb", "-f", path], capture_output=True, timeout=60, check=True
    ).stdout.decode()
    facts: dict = {}
    last = ""
    for line in told.splitlines():
        if line[:1] in " \t":
            facts[last] += "\n" + line
        else:
            last, _, value = line.partition(":")
            facts[last] = value.strip()
    listed = subprocess.run(["ar", "t", path], capture_output=True, timeout=60, check=True).stdout.decode()
    return {name.replace("-", ""): value for name, value in facts.items()} | {"members": len(listed.split())}


def rpm(path: str) -> dict:
    names = (
        "Name",
        "Version",
        "Release",
        "Summary",
        "Description",
        "License",
        "Vendor",
        "Packager",
        "URL",
        "Group",
        "BuildHost",
        "Arch",
        "OS",
        "Epoch",
        "BuildTime",
        "SourceRPM",
        "PayloadCompressor",
        "Size",
    )
    query = (
        "\x1e".join(f"%{{{name.upper()}}}" for name in names) + "\x1d" + "[%{FILENAMES}\x1f%{FILESIZES}\x1e]"
    )
    told = subprocess.run(
        ["rpm", "-qp", "--nosignature", "--qf", query, path], capture_output=True, timeout=60, check=True
    ).stdout.decode()
    head, _, files = told.partition("\x1d")
    facts: dict = {
        name: value for name, value in zip(names, head.split("\x1e"), strict=True) if value != "(none)"
    }
    facts["BuildTime"] = date(int(facts["BuildTime"]))
    rows = [each.split("\x1f") for each in files.split("\x1e") if "\x1f" in each]
    return facts | members(rows, names=lambda row: row[0].strip("/"), sizes=lambda row: int(row[1]))


FAMILIES = {
    "pdf": documents.pdf, "ooxml": documents.ooxml, "odf": documents.odf, "epub": documents.epub,
    "ole": documents.ole, "msg": documents.msg,
    "font": programs.font, "elf": programs.elf, "pe": programs.pe, "macho": programs.macho, "zip": zipped, "tar": tar,
    "7z": sevenzip,
    "rar": rar, "packed": packed, "iso": iso, "cpio": _listed, "ar": _listed, "cab": _listed, "deb": deb, "rpm": rpm,
    "mail": data.mail,
    "mbox": data.mailbox, "sqlite": data.sqlite, "torrent": data.torrent, "las": data.las, "dbf": data.dbf,
    "shp": data.shp,
    "ply": data.ply, "stl": data.stl,
    "gltf": data.gltf, "dxf": data.dxf,
}  # fmt: skip


def main() -> None:
    """Answers for the paths on standard input, one a line."""
    read = FAMILIES[sys.argv[1]]
    answers = {}
    for path in sys.stdin.read().splitlines():
        try:
            with contextlib.redirect_stdout(sys.stderr):
                answers[path] = {"facts": read(path)}
        except BaseException as error:  # noqa: BLE001 - what readers raise is their affair
            answers[path] = {"refused": f"{type(error).__name__}: {str(error)[:150]}"}
    json.dump(answers, sys.stdout, default=str)


if __name__ == "__main__":
    main()
