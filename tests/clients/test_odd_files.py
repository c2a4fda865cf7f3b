"""Files, folders and surroundings that clients meet: after public reports, each with what a user expects."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract_client import AsyncExtractorClient, ExtractorClient
from metaextract_client.cli import exit_codes
from metaextract_client.cli.main import run
from metaextract_client.walker import named_files
from tests.samples import PHOTOS
from tests.support.processes import clean_environ, start_extractor

pytestmark = pytest.mark.servers
PHOTO = PHOTOS[0].read_bytes()
COMMAND = [sys.executable, "-m", "metaextract_client.cli"]
BAD_NAME = os.fsdecode(b"caf\xe9.jpg")


# Not by `preexec_fn`: in a process with gRPC, what runs between fork and exec may end by SIGABRT (its poller starts again there).
OBEYING = (
    "import os, sys; from tests.support.unprivileged import obey_permissions; obey_permissions();"
    " os.execv(sys.argv[1], sys.argv[1:])"
)


def cli(*arguments, obeys=False, **options):
    """The command as a process of its own; `obeys`: root, too, is refused what permissions refuse."""
    options = {"capture_output": True, "text": True, "env": clean_environ(), "timeout": 60, **options}
    prefix = [sys.executable, "-c", OBEYING] if obeys else []
    return subprocess.run([*prefix, *COMMAND, *map(str, arguments)], **options)


@pytest.fixture
def folder(tmp_path):
    """A photograph with an ordinary name, and one whose name isn't UTF-8."""
    (tmp_path / "good.jpg").write_bytes(PHOTO)
    (tmp_path / BAD_NAME).write_bytes(PHOTO)
    return tmp_path


@pytest.mark.parametrize("shape", ["--json", "--jsonl", "--all"])
def test_a_name_that_is_no_utf8_is_escaped_and_the_rest_goes_on(extractor_process, folder, shape):
    done = cli("extract", shape, folder, "--extractor", extractor_process.address)
    assert done.returncode == exit_codes.OK, done.stderr
    if shape == "--all":
        assert "caf%E9.jpg" in done.stdout and "good.jpg" in done.stdout
        return
    entries = json.loads(done.stdout) if shape == "--json" else map(json.loads, done.stdout.splitlines())
    names = [Path(entry["path"]).name for entry in entries]
    assert names == ["caf%E9.jpg", "good.jpg"]


async def test_the_library_takes_such_names_too(extractor_process, folder):
    with ExtractorClient(extractor_process.address) as client:
        for call in (client.extract_file, client.extract_session):
            assert call(folder / BAD_NAME).document.file.name == "caf%E9.jpg"
    async with AsyncExtractorClient(extractor_process.address) as client:
        assert (await client.extract_session(folder / BAD_NAME)).document.file.name == "caf%E9.jpg"


def test_links_in_circles_end_and_each_file_comes_once(folder):
    (folder / "inner").mkdir()
    (folder / "inner" / "up").symlink_to(folder)
    (folder / "inner" / "photo.jpg").write_bytes(PHOTO)
    for pattern in (folder, folder / "**" / "*.jpg"):
        found = [each.path.relative_to(folder).as_posix() for each in named_files([str(pattern)])]
        assert sorted(found) == sorted([BAD_NAME, "good.jpg", "inner/photo.jpg"]), pattern


def test_a_named_pipe_is_an_error_at_once(extractor_process, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with ExtractorClient(extractor_process.address) as client:
        for call in (client.extract_file, client.extract_session):
            started = time.monotonic()
            with pytest.raises(OSError, match="not a regular file") as caught:
                call(tmp_path / "pipe")
            assert caught.value.errno == errno.EINVAL and time.monotonic() - started < 5


def test_every_name_in_a_folder_is_an_item_of_a_batch(cache_process, tmp_path):
    names = ["plain.jpg", "new\nline.jpg", "tab\t.jpg", "esc\x1b[31m.jpg", BAD_NAME]
    for name in names:
        (tmp_path / name).write_bytes(PHOTO)
    with start_extractor(cache_process.address, METAEXTRACT_FILE_ROOTS=str(tmp_path)) as extractor:
        with ExtractorClient(extractor.address) as client:
            results = {
                each.id: each
                for each in client.extract_batch([pb.BatchItem(id="f", folder=tmp_path.as_uri())])
            }
    assert results.pop("f").expanded_count == len(names)
    assert set(results) == {f"f/{name}" for name in names[:-1]} | {"f/caf%E9.jpg"}
    assert all(each.code == 0 and each.document.sections for each in results.values())


@pytest.fixture
def closed_folder(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir()
    (tmp_path / "good.jpg").write_bytes(PHOTO)
    closed.chmod(0)
    yield closed
    closed.chmod(0o700)


def test_a_folder_without_permission_is_an_error(extractor_process, closed_folder):
    where = ("--extractor", extractor_process.address)
    for path in (closed_folder, closed_folder.parent):
        done = cli("extract", path, *where, obeys=True)
        assert done.returncode == exit_codes.FAILED and f"{closed_folder}: Permission denied" in done.stderr
    assert "good.jpg" in done.stdout, "the rest goes on"


def test_a_folder_without_permission_is_an_error_of_its_item(cache_process, closed_folder):
    class Obeying:
        def command(self, *words):
            return [sys.executable, "-c", OBEYING, *words]

    root = closed_folder.parent
    with start_extractor(
        cache_process.address, inside=Obeying(), METAEXTRACT_FILE_ROOTS=str(root)
    ) as extractor:
        with ExtractorClient(extractor.address) as client:
            results = {
                each.id: each for each in client.extract_batch([pb.BatchItem(id="f", folder=root.as_uri())])
            }
            (itself,) = client.extract_batch([pb.BatchItem(id="c", folder=closed_folder.as_uri())])
    assert (
        results["f/closed"].reason == "SOURCE_FORBIDDEN"
        and "Permission denied" in results["f/closed"].message
    )
    assert results["f/good.jpg"].code == 0 and results["f"].expanded_count == 2
    assert itself.reason == "SOURCE_FORBIDDEN" or "Permission denied" in itself.message


def test_an_empty_argument_is_wrong_usage(extractor_process):
    done = cli("extract", "", "--extractor", extractor_process.address)
    assert done.returncode == exit_codes.NOTHING and "empty path" in done.stderr


def test_a_proxy_for_http_is_not_asked_for_loopback(cache_process, samples):
    proxy = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    with start_extractor(cache_process.address, **proxy) as extractor:
        environ = {**clean_environ(), **proxy}
        for expected in ("cache MISS", "cache HIT"):
            done = cli("extract", samples["little.jpg"], "--extractor", extractor.address, env=environ)
            assert done.returncode == exit_codes.OK, done.stderr
            if expected == "cache HIT":
                assert expected in done.stdout, "the extractor reaches its cache"


@pytest.mark.parametrize("shape", ["--json", "--jsonl"])
def test_a_server_that_is_down_leaves_no_half_output(folder, shape):
    done = cli("extract", shape, folder, "--retries", "0", "--extractor", "127.0.0.1:1")
    assert done.returncode == exit_codes.UNREACHABLE and done.stdout == ""
    assert "no service answers" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("how", ["full", "closed"])
def test_output_that_can_not_be_written_is_a_message(extractor_process, folder, how):
    command = [*COMMAND, "extract", "--json", str(folder), "--extractor", extractor_process.address]
    if how == "full":
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                command, stdout=full, stderr=subprocess.PIPE, text=True, env=clean_environ()
            )
    else:
        words = " ".join(f"'{word}'" for word in command)
        done = subprocess.run(
            ["sh", "-c", f"{words} >&-"], stderr=subprocess.PIPE, text=True, env=clean_environ()
        )
    assert "Traceback" not in done.stderr and "can't be written" in done.stderr
    assert done.returncode == exit_codes.UNWRITTEN


def test_an_alphabet_that_lacks_a_letter_gets_escapes(extractor_process, tmp_path):
    (tmp_path / "日本.jpg").write_bytes(PHOTO)
    environ = {**clean_environ(), "PYTHONIOENCODING": "latin-1", "LC_ALL": "C.UTF-8"}
    done = cli("extract", "--json", tmp_path, "--extractor", extractor_process.address, env=environ)
    assert done.returncode == exit_codes.OK and "Traceback" not in done.stderr
    assert json.loads(done.stdout)[0]["path"].endswith("日本.jpg")


def test_progress_is_on_standard_error_also_with_json(extractor_process, tmp_path):
    for number in range(5000):
        (tmp_path / f"{number}.bin").write_bytes(b"%d" % number)
    master, slave = pty.openpty()
    with (tmp_path.parent / "out.json").open("w") as output:
        process = subprocess.Popen(
            [*COMMAND, "extract", "--json", str(tmp_path), "--extractor", extractor_process.address, "--cache", "bypass"],
            stdout=output, stderr=slave, env={**clean_environ(), "TERM": "xterm"},
        )  # fmt: skip
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):
        while data := os.read(master, 4096):
            shown += data
    assert process.wait() == 0 and b"extracting" in shown
    assert len(json.loads((tmp_path.parent / "out.json").read_text())) == 5000, (
        "nothing of it is in the output"
    )
    os.close(master)


def test_an_interrupt_says_what_was_done(extractor_process, tmp_path):
    for number in range(3000):
        (tmp_path / f"{number}.bin").write_bytes(b"%d" % number)
    process = subprocess.Popen(
        [*COMMAND, "extract", "--jsonl", str(tmp_path), "--extractor", extractor_process.address, "--cache", "bypass"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environ(),
    )  # fmt: skip
    assert json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    with process:
        output, told = (
            process.stdout.read(),
            process.stderr.read(),
        )  # communicate() would lose what readline() buffered
    assert process.returncode == exit_codes.INTERRUPTED and "Traceback" not in told
    assert "interrupted after " in told and "of 3000 files" in told
    assert all(json.loads(line) for line in output.splitlines())


def test_the_cache_s_address_given_for_the_extractor_s_is_told(cache_process, folder, capsys):
    code = run(["extract", str(folder / "good.jpg"), "--extractor", cache_process.address])
    assert code == exit_codes.FAILED
    assert f"{cache_process.address} is the address of a cache service" in capsys.readouterr().err


def test_exiftool_s_own_bytes_end_nothing(extractor_process, tmp_path, capsys):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(PHOTO)
    program = tmp_path / "exiftool"
    program.write_bytes(
        b'#!/bin/sh\nprintf \'[{"SourceFile": "%s", "EXIF:IFD0:Copyright": "caf\\351"}]\' "$(cat)"\n'
    )
    program.chmod(0o755)
    code = run(
        ["diff-exiftool", str(photo), "--exiftool", str(program), "--extractor", extractor_process.address]
    )
    out = capsys.readouterr().out
    assert code == exit_codes.FAILED and "EXIF:Copyright".lower() in out.lower()
    assert "invented" in out, "extra fields count in the headline"
