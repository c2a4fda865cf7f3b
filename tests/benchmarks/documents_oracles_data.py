"""What the field's readers say of mail, databases, tables and bodies; see `documents_oracles.py`."""

from __future__ import annotations

import contextlib
from pathlib import Path

from documents_oracles import Facts, date, members


def mail(path: str) -> dict:
    import email.policy

    message = email.message_from_bytes(Path(path).read_bytes(), policy=email.policy.default)
    facts = Facts()
    for key in ("subject", "message-id"):
        facts.ask(key, lambda key=key: str(message[key]).strip() if message[key] else None)
    for key in ("from", "to", "cc"):
        facts.ask(
            key,
            lambda key=key: (
                [address.addr_spec for address in message[key].addresses] if message[key] else None
            ),
        )
    facts.ask("date", lambda: date(message["date"].datetime))
    files: list[tuple] = []
    waiting = [message]
    while waiting:
        part = waiting.pop(0)
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            waiting = part.get_payload() + waiting
        elif (
            part.get_filename()
            or part.get_content_disposition() == "attachment"
            or part.get_content_maintype() != "text"
        ):
            body = part.get_payload(decode=True) if part.get_content_type() != "message/rfc822" else None
            files.append((part.get_filename(), part.get_content_type(), None if body is None else len(body)))
    facts |= {"attachments": len(files), "attachment names": [name for name, _, _ in files]}
    facts |= {
        "attachment types": [kind for _, kind, _ in files],
        "attachment sizes": [size for _, _, size in files if size is not None],
    }
    return facts


def mailbox(path: str) -> dict:
    import mailbox as boxes
    from email.header import decode_header, make_header

    box = boxes.mbox(path, create=False)
    read = lambda value: " ".join(str(make_header(decode_header(value))).split()) if value else ""
    return {"messages": len(box), "subjects": [read(each["subject"]) for each in box]}


def sqlite(path: str) -> dict:
    import sqlite3

    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as base:
        facts = Facts(
            {
                name: base.execute(f"PRAGMA {name}").fetchone()[0]
                for name in (
                    "page_size",
                    "page_count",
                    "user_version",
                    "application_id",
                    "encoding",
                    "schema_version",
                    "freelist_count",
                )
            }
        )
        rows = base.execute("SELECT type, name FROM sqlite_master").fetchall()
        facts |= {kind: sorted(name for each, name in rows if each == kind) for kind in ("table", "view")}
        facts |= {f"{kind} count": sum(each == kind for each, _ in rows) for kind in ("index", "trigger")}
        columns = {}
        for name in facts["table"]:
            with contextlib.suppress(sqlite3.Error):
                told = base.execute(f'PRAGMA table_xinfo("{name}")').fetchall()
                columns[name] = [f"{each[1]} {each[2]}".strip() for each in told if each[6] != 1]
        facts["columns"] = columns
    return facts


def torrent(path: str) -> dict:
    from torrentool.api import Torrent

    told = Torrent.from_file(path)
    facts = {
        "name": told.name,
        "size": told.total_size,
        "hash": told.info_hash,
        "comment": told.comment,
        "creator": told.created_by,
        "private": told.private,
    }
    facts |= {"trackers": sorted({each for tier in told.announce_urls or [] for each in tier})}
    facts |= {"date": told.creation_date and date(told.creation_date)}
    facts |= members(
        told.files, names=lambda each: each.name.removeprefix(f"{told.name}/"), sizes=lambda each: each.length
    )
    return {name: value for name, value in facts.items() if value is not None}


def las(path: str) -> dict:
    import laspy

    with laspy.open(path) as file:
        head = file.header
        numbers = {
            name: [round(float(each), 6) for each in getattr(head, name)]
            for name in ("scales", "offsets", "mins", "maxs")
        }
        return numbers | {
            "version": str(head.version), "points": head.point_count, "format": head.point_format.id,
            "size": head.point_format.size,
            "created": head.creation_date and f"{head.creation_date:%Y:%m:%d}", "system": head.system_identifier,
            "software": head.generating_software,
            "records": [[each.user_id, each.record_id] for each in head.vlrs],
        }  # fmt: skip


def dbf(path: str) -> dict:
    import shapefile

    with Path(path).open("rb") as stream, shapefile.Reader(dbf=stream) as file:
        fields = [[each[0], each[2], each[3]] for each in file.fields if each[0] != "DeletionFlag"]
        return {"rows": file.numRecords, "columns": fields}


def shp(path: str) -> dict:
    import shapefile

    with Path(path).open("rb") as stream, shapefile.Reader(shp=stream) as file:
        return {
            "kind": file.shapeType,
            "bounds": [float(each) for each in file.bbox],
            "shapes": len(file.shapes()),
        }


def ply(path: str) -> dict:
    import plyfile

    file = plyfile.PlyData.read(path)
    return {
        "elements": [[each.name, each.count, len(each.properties)] for each in file.elements],
        "comments": sorted(
            [*file.comments, *file.obj_info, *(text for each in file.elements for text in each.comments)]
        ),
        "encoding": "ascii" if file.text else f"binary_{ {'<': 'little', '>': 'big'}[file.byte_order] }_endian",
    }  # fmt: skip


def stl(path: str) -> dict:
    import trimesh

    mesh = trimesh.load(path, force="mesh", process=False)
    return {"triangles": len(mesh.faces), "low": mesh.bounds[0].tolist(), "high": mesh.bounds[1].tolist()}


def gltf(path: str) -> dict:
    import pygltflib

    file = pygltflib.GLTF2().load(path)
    facts = {
        name: len(getattr(file, name))
        for name in (
            "scenes",
            "nodes",
            "meshes",
            "materials",
            "animations",
            "accessors",
            "buffers",
            "images",
            "textures",
            "skins",
            "cameras",
        )
    }
    return facts | {"version": file.asset.version, "generator": file.asset.generator or ""}


def dxf(path: str) -> dict:
    import ezdxf

    file = ezdxf.readfile(path)
    return {
        "version": file.dxfversion, "layers": sorted(each.dxf.name for each in file.layers),
        "units": file.header.get("$INSUNITS", 0),
        "entities": len(file.modelspace()) + sum(len(each) for each in file.layouts if each.name != "Model"),
        "blocks": len(file.blocks),
    }  # fmt: skip
