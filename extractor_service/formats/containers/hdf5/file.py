"""HDF5 (and netCDF-4, MATLAB 7.3): superblock, tree, shapes, types, storage, attributes; no dataset is read.

HDF5 File Format Specification 3.0, II.A (superblock); the rest through h5py's low-level interface, which costs a fifth of its
high-level one an object. A file that says it is longer than it is, or whose superblock is damaged where it can be told, is
opened all the same: what is lost then is a Problem of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.hdf5.mending import MendedSource, Superblock, superblock_of
from extractor_service.formats.containers.hdf5.tree import SECTION, Tree, short
from extractor_service.formats.reading.reader import Reader
from extractor_service.sources.fileobj import SourceFile

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_CACHE_BYTES = 2 * 1024 * 1024  # of HDF5's own metadata cache, which would grow to 32 MiB


def parse(source: ByteSource, document: Document) -> None:
    """Groups, datasets, named types, links and attributes in the order of their names."""
    import h5py  # noqa: PLC0415 - 30 MiB, in workers only

    superblock = superblock_of(Reader(source, big_endian=False))
    if superblock is None:
        raise CorruptFileError("no superblock of HDF5")
    _describe(superblock, document, source)
    view = MendedSource(source, superblock, document)
    try:
        file = _open(h5py, SourceFile(view))
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        document.problem(SECTION, ProblemKind.DAMAGED, f"HDF5: {short(error)}", superblock.at)
        return
    try:
        root = h5py.h5g.open(file, b"/")
    except (KeyError, RuntimeError, OSError, ValueError) as error:
        document.problem(SECTION, ProblemKind.DAMAGED, f"the root group: {short(error)}", superblock.at)
        return
    Tree(h5py, document, view).read(file, root)


def _open(h5py: Any, stream: SourceFile) -> Any:
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fileobj_driver(h5py.h5fd.fileobj_driver, stream)
    config = access.get_mdc_config()
    config.set_initial_size, config.initial_size, config.max_size, config.min_size = (
        True,
        _CACHE_BYTES,
        _CACHE_BYTES,
        _CACHE_BYTES,
    )
    access.set_mdc_config(config)
    access.set_cache(0, 0, 0, 0.0)  # no raw data is read
    return h5py.h5f.open(b"(source)", h5py.h5f.ACC_RDONLY, fapl=access)


def _describe(superblock: Superblock, document: Document, source: ByteSource) -> None:
    origin = ByteRange(superblock.at, 96)
    if superblock.at:
        document.add(
            SECTION,
            Field("UserBlockSize", superblock.at, unit="By", group="/", origin=ByteRange(0, superblock.at)),
        )
        head = source.read_range(0, 116)
        if head.startswith(b"MATLAB"):
            text = head.decode("latin-1").rstrip("\0 ")
            document.add("matlab", Field("HeaderText", text, group="File", origin=ByteRange(0, 116)))
    document.add(SECTION, Field("SuperblockVersion", superblock.version, group="File", origin=origin))
    document.add(
        SECTION, Field("OffsetSize", superblock.offset_bytes, unit="By", group="File", origin=origin)
    )
    document.add(SECTION, Field("StatedSize", superblock.end, unit="By", group="File", origin=origin))
