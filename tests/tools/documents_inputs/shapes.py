"""Models, drawings, point clouds and places by trimesh, numpy-stl, meshio, plyfile, ezdxf, laspy, pyshp and others."""

from pathlib import Path

import facts


def mesh(out, kind):
    """A box and a ball in a scene, by trimesh."""
    import trimesh

    box = trimesh.creation.box((1, 2, 3))
    box.visual.face_colors = [200, 30, 30, 255]
    if kind in ("glb", "gltf"):
        scene = trimesh.Scene({"Würfel": box, "Ball": trimesh.creation.icosphere(1)})
        scene.metadata.update({"title": facts.TITLE, "author": facts.AUTHOR})
        made = trimesh.exchange.gltf.export_glb(scene) if kind == "glb" else (
            trimesh.exchange.gltf.export_gltf(scene, embed_buffers=True)["model.gltf"]
        )  # fmt: skip
    else:
        made = box.export(file_type=kind)
    with Path(out).open("wb") as stream:
        stream.write(made.encode() if isinstance(made, str) else made)


def stl(out, mode):
    import numpy as np
    from stl import Mode, mesh

    model = mesh.Mesh(np.zeros(4, dtype=mesh.Mesh.dtype), name="Teil 7 – Größe".encode())
    model.vectors[:] = np.arange(36).reshape(4, 3, 3) % 7
    model.update_normals()
    with Path(out).open("wb") as stream:
        model.save("Teil sieben", fh=stream, mode=Mode[mode], update_normals=False)


def meshio_file(out, kind, **options):
    import meshio

    points = [[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.5]]
    cells = [("triangle", [[0, 1, 2], [0, 1, 3], [1, 2, 3]])]
    meshio.Mesh(points, cells, point_data={"T": [1.0, 2, 3, 4]} if kind in ("vtk", "ply") else {}).write(
        out, file_format=kind
    )


def ply(out, *, text="", order="<"):
    import numpy as np
    import plyfile

    dots = np.array(
        [(0.0, 0.0, 1.0, 255), (1.0, 2.0, 3.0, 7)],
        dtype=[("x", "f8"), ("y", "f8"), ("z", "f8"), ("red", "u1")],
    )
    faces = np.array([([0, 1, 0],)], dtype=[("vertex_indices", "i4", (3,))])
    elements = [
        plyfile.PlyElement.describe(dots, "vertex", comments=["dots"]),
        plyfile.PlyElement.describe(faces, "face"),
    ]
    made = plyfile.PlyData(elements, text=bool(text), byte_order=order)
    made.comments, made.obj_info = ["made by plyfile", "author Zoe"], ["num_cols 2"]
    made.write(out)


def ply_text(out):
    ply(out, text="1")


def ply_big(out):
    ply(out, order=">")


def gltf(out):
    import base64

    import pygltflib as g

    made = g.GLTF2(
        asset=g.Asset(version="2.0", generator="Hand", copyright="© Acme & Söhne", minVersion="2.0", extras={"author": facts.AUTHOR}),
        scene=0, scenes=[g.Scene(name=facts.TITLE, nodes=[0])], nodes=[g.Node(name="Wurzel", mesh=0)],
        meshes=[g.Mesh(name="三角", primitives=[g.Primitive(attributes=g.Attributes(POSITION=0), material=0)])],
        materials=[g.Material(name="Rot")], cameras=[g.Camera(name="Kamera", type="perspective", perspective=g.Perspective(yfov=1, znear=0.1))],
        accessors=[g.Accessor(bufferView=0, componentType=g.FLOAT, count=3, type="VEC3", min=[0, 0, 0], max=[1, 1, 0])],
        bufferViews=[g.BufferView(buffer=0, byteLength=36)],
        buffers=[g.Buffer(byteLength=36, uri="data:application/octet-stream;base64," + base64.b64encode(bytes(36)).decode())],
        animations=[g.Animation(name="Drehung", channels=[], samplers=[])], extensionsUsed=["KHR_materials_unlit"],
    )  # fmt: skip
    if out.endswith(".glb"):
        made.convert_buffers(g.BufferFormat.BINARYBLOB)
        made.save_binary(out)
    else:
        made.save_json(out)


def dxf(out, version, kind="asc"):
    import ezdxf

    ezdxf.options.write_fixed_meta_data_for_testing = True
    drawing = ezdxf.new(version, setup=True, units=4)
    drawing.header["$LASTSAVEDBY"] = facts.AUTHOR
    drawing.header.custom_vars.append("Client", "Ðrøn & Co")
    drawing.header.custom_vars.append("Größe", "42")
    drawing.header["$PROJECTNAME"] = "Projekt 一"
    drawing.layers.add("Wände", color=1)
    space = drawing.modelspace()
    space.add_line((0, 0), (10, 20), dxfattribs={"layer": "Wände"})
    space.add_text(facts.TEXT[1])
    drawing.blocks.new("Tür").add_circle((0, 0), 1)
    drawing.saveas(out, fmt=kind)


def las(out, version, form):
    import datetime as dt

    import laspy
    import numpy as np

    header = laspy.LasHeader(version=version, point_format=int(form))
    header.system_identifier, header.generating_software = "Scanner 3", "Hand 1.0"
    header.creation_date, header.file_source_id = dt.date(2019, 2, 3), 77
    header.offsets, header.scales = [100, 200, 0], [0.01, 0.01, 0.001]
    header.vlrs.append(laspy.VLR("ACME", 7, "Note", "Notiz – 一".encode()))
    header.vlrs.append(laspy.VLR("LASF_Projection", 2112, "WKT", b'GEOGCS["WGS 84"]\0'))
    made = laspy.LasData(header)
    made.x, made.y, made.z = np.arange(5.0) + 100, np.arange(5.0) + 200, np.arange(5.0)
    made.return_number = np.array([1, 1, 2, 1, 3])
    made.classification = np.array([2, 2, 5, 6, 2])
    made.write(out)


def shape(out, part, kind="POLYGON"):
    """pyshp writes three files: the wanted part of them."""
    import io

    import shapefile

    parts = {name: io.BytesIO() for name in ("shp", "shx", "dbf")}
    with shapefile.Writer(**parts, shapeType=getattr(shapefile, kind), encoding="utf-8") as writer:
        for field in (("NAME", "C", 40), ("SIZE", "N", 10, 3), ("WHEN", "D"), ("OK", "L")):
            writer.field(*field)
        if kind == "POLYGON":
            writer.poly([[[16, 48], [17, 48], [17, 49], [16, 48]]])
        elif kind == "POINTZ":
            writer.pointz(16.37, 48.2, 171)
        else:
            writer.point(16.37, 48.2)
        writer.record("Wien – 維也納", 1.5, facts.CREATED.date(), True)
    with Path(out).open("wb") as stream:
        stream.write(parts[part].getvalue())


def kmz(out):
    import simplekml

    made = simplekml.Kml(name=facts.TITLE, description=facts.COMMENTS, open=1)
    made.document.atomauthor = facts.AUTHOR
    made.document.snippet.content = "Kurz"
    point = made.newpoint(name="Wien – 維也納", coords=[(16.37, 48.2, 171)], description="<b>Stadt</b>")
    point.timestamp.when = "2019-02-03"
    point.extendeddata.newdata("size", "42")
    made.newlinestring(name="Weg", coords=[(16, 48), (17, 49)])
    made.savekmz(out) if out.endswith("kmz") else made.save(out)
