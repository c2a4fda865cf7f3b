"""Inputs of the front: inline, spooled, local."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import socket
import time
from pathlib import Path

import pytest
from blake3 import blake3

from extractor_service.sources import cached_open, content
from extractor_service.sources.cached_open import read_at_hand
from extractor_service.sources.inline import InlineInput
from extractor_service.sources.local import (
    ForbiddenFileError,
    InvalidUriError,
    MissingFileError,
    open_at_hand,
    open_local,
)
from extractor_service.sources.spool import SpoolBudget, SpooledInput, SpoolFullError


def test_inline_has_an_id_before_it_has_a_file():
    source = InlineInput(b"bytes", "C:\\folder\\name.jpg")
    assert source.name == "name.jpg" and source.content_id == "b3:" + blake3(b"bytes").hexdigest()
    assert os.pread(source.descriptor(), 100, 0) == b"bytes"
    descriptor = source.descriptor()
    source.close()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(descriptor)


def test_a_spool_hashes_while_it_flows(tmp_path):
    budget = SpoolBudget(10**6)
    spool = SpooledInput("a/b.fits", tmp_path, budget, ["sha256"])
    parts = [os.urandom(1000) for _ in range(100)]
    for part in parts:
        spool.append(part)
    spool.finish()
    whole = b"".join(parts)
    assert spool.digests == {"blake3": blake3(whole).hexdigest(), "sha256": hashlib.sha256(whole).hexdigest()}
    assert spool.size_bytes == len(whole) and spool.head == whole[:65536] and spool.name == "b.fits"
    assert os.pread(spool.descriptor(), len(whole) + 1, 0) == whole
    assert list(tmp_path.iterdir()) == [], "the file has no name, so nothing can be left behind"
    assert budget.used_bytes == len(whole)
    spool.close()
    assert budget.used_bytes == 0


def test_a_full_spool_refuses(tmp_path):
    budget = SpoolBudget(1500)
    spool = SpooledInput("x", tmp_path, budget)
    spool.append(bytes(1000))
    with pytest.raises(SpoolFullError, match="1000 of 1500"):
        spool.append(bytes(1000))
    spool.close()
    assert budget.used_bytes == 0


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root" / "sub").mkdir(parents=True)
    (tmp_path / "root" / "sub" / "file name.txt").write_bytes(b"inside")
    (tmp_path / "secret.txt").write_bytes(b"outside")
    return tmp_path / "root"


def test_a_file_beneath_a_root_is_opened(root):
    path = root / "sub" / "file name.txt"
    for uri in (path.as_uri(), f"file://localhost{path.as_posix()}".replace(" ", "%20")):
        source = open_local(uri, [root])
        assert source.name == "file name.txt" and source.head == b"inside" and not source.has_changed()
        source.close()


def make_evil(root):
    (root / "link.txt").symlink_to(root.parent / "secret.txt")
    (root / "dirlink").symlink_to(root.parent)
    os.mkfifo(root / "fifo")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(root / "socket"))
    server.close()


@pytest.mark.parametrize(
    "path",
    ["link.txt", "dirlink/secret.txt", "fifo", "socket", "sub", "../secret.txt", "sub/../../secret.txt", "."],
)
def test_links_special_files_and_escapes_are_refused(root, path):
    make_evil(root)
    with pytest.raises((ForbiddenFileError, InvalidUriError)):
        open_local(f"file://{root.as_posix()}/{path}", [root])


def test_what_lies_outside_or_nowhere(root):
    outside = (root.parent / "secret.txt").as_uri()
    with pytest.raises(ForbiddenFileError):
        open_local(outside, [root])
    with pytest.raises(ForbiddenFileError):
        open_local(outside, [])
    with pytest.raises(ForbiddenFileError):
        open_local(root.as_uri() + "-other/file", [root])
    with pytest.raises(MissingFileError):
        open_local((root / "none").as_uri(), [root])


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/etc/passwd",
        "http://x/y",
        "file://host/x",
        "file:x",
        "file:///a%00b",
        "file:///a?x=1",
        "file://[",
    ],
)
def test_invalid_uris(root, uri):
    with pytest.raises(InvalidUriError):
        open_local(uri, [root])


def test_a_version_changes_with_everything_that_a_change_changes(root):
    path = root / "sub" / "file name.txt"
    ids = {open_local(path.as_uri(), [root]).content_id}
    path.write_bytes(b"inside")  # same size, same content, other times
    os.utime(path, ns=(1, 1))
    ids.add(open_local(path.as_uri(), [root]).content_id)
    path.write_bytes(b"INSIDE")
    os.utime(path, ns=(1, 1))  # same size and mtime: ctime tells
    ids.add(open_local(path.as_uri(), [root]).content_id)
    replacement = root / "new"
    replacement.write_bytes(b"inside")
    os.utime(replacement, ns=(1, 1))
    replacement.replace(path)
    ids.add(open_local(path.as_uri(), [root]).content_id)
    assert len(ids) == 4


def test_a_young_file_is_not_to_be_cached_and_a_change_is_seen(root):
    path = root / "sub" / "file name.txt"
    source = open_local(path.as_uri(), [root])
    assert not source.may_be_cached
    path.write_bytes(b"changed!")
    assert source.has_changed()
    assert content.is_settled(path.stat(), time.time() + content.SETTLE_SECONDS + 0.1)


@pytest.mark.skipif(not hasattr(os, "RWF_NOWAIT"), reason="only Linux says what is in memory")
def test_what_the_kernel_has_in_memory_is_opened_without_waiting(root):
    path = root / "sub" / "file name.txt"
    source, slow = open_at_hand(path.as_uri(), [root]), open_local(path.as_uri(), [root])
    if source is None:
        pytest.skip("this file system, or this kernel, doesn't say what it has in memory")
    assert (source.name, source.head, source.content_id) == (slow.name, slow.head, slow.content_id)
    assert source.source == slow.source and source.size_bytes == 6 and not source.has_changed()
    assert os.get_blocking(source.descriptor())
    source.close()
    slow.close()


@pytest.mark.skipif(not hasattr(os, "RWF_NOWAIT"), reason="only Linux says what is in memory")
def test_what_may_not_be_opened_is_left_to_the_one_who_says_why(root):
    make_evil(root)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("link.txt", "dirlink/secret.txt", "fifo", "socket", "sub", "none", "sub/none/x"):
        assert open_at_hand((root / name).as_uri(), [root]) is None
    with pytest.raises(InvalidUriError):
        open_at_hand(f"file://{root.as_posix()}/../secret.txt", [root])
    with pytest.raises(ForbiddenFileError):
        open_at_hand((root.parent / "secret.txt").as_uri(), [root])
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="only Unix lets go of pages when asked")
def test_what_would_have_to_be_read_from_disk_is_not_waited_for(root):
    path = root / "large"
    path.write_bytes(bytes(4 * 2**20))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        head = read_at_hand(descriptor, 4096, 4 * 2**20)
        assert head is None or head == bytes(4096)  # tmpfs always has it
        assert read_at_hand(descriptor, 10, 0) == b""
    finally:
        os.close(descriptor)
    source = open_at_hand(path.as_uri(), [root])
    if source is not None:
        source.close()


def test_a_kernel_that_has_no_such_call_is_asked_once(root, monkeypatch):
    calls = []

    def refused(*arguments):
        calls.append(arguments)
        ctypes.set_errno(errno.ENOSYS)
        return -1

    monkeypatch.setattr(cached_open, "_syscall", refused)
    for _ in range(2):
        assert open_at_hand((root / "sub" / "file name.txt").as_uri(), [root]) is None
    assert len(calls) == 1
