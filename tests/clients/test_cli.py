"""The command line, as a user runs it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from metaextract_client.cli import exit_codes
from metaextract_client.cli.main import run
from metaextract_client.walker import named_files
from tests.samples import PHOTOS
from tests.support.processes import clean_environ, wait_until

pytestmark = pytest.mark.servers
NOWHERE = "127.0.0.1:1"


@pytest.fixture
def cli(extractor_process, cache_process, capsys):
    """Runs a command against the shared pair: exit code, standard output, standard error."""

    def call(command, *arguments):
        where = (
            ["--extractor", extractor_process.address]
            if command == "extract"
            else ["--cache", cache_process.address]
        )
        code = run([command, *map(str, arguments), *where])
        return code, *capsys.readouterr()

    return call


def test_people_see_the_facts_first(cli):
    photo = next(path for path in PHOTOS if "Nikon" in path.name)
    code, out, err = cli("extract", photo)
    assert code == exit_codes.OK and err == ""
    assert "858 × 570 px · NIKON D5000 · 2011-03-12 15:36:11 · 48.88873, 21.04325" in out
    assert "ExposureTime: 1/" in out and re.search(r"… \d+ more", out)
    _, everything, _ = cli("extract", "--all", photo)
    assert "more" not in everything and len(everything) > len(out)


def test_pipes_get_json(cli, samples):
    folder = next(iter(samples.values())).parent
    code, out, _ = cli("extract", "--jsonl", folder)
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == exit_codes.OK and {line["outcome"] for line in lines} == {"OK"}
    assert [line["path"] for line in lines] == [str(each.path) for each in named_files([str(folder)])]
    code, out, _ = cli("extract", "--json", samples["song.mp3"], samples["ct.dcm"])
    assert [entry["common"].get("title") for entry in json.loads(out)] == ["Golden song", "Golden study"]


def test_missing_files_are_told_and_counted(cli, samples, tmp_path):
    code, out, err = cli("extract", samples["song.mp3"], tmp_path / "none")
    assert code == exit_codes.FAILED and "Golden song" in out and "none: No such file" in err
    code, out, _ = cli("extract", "--jsonl", tmp_path / "none")
    assert code == exit_codes.FAILED and json.loads(out)["error"]
    code, _, err = cli("extract", tmp_path / "*.none")
    assert code == exit_codes.NOTHING and "*.none matches no file" in err


def test_a_corrupt_file_fails_an_unknown_one_does_not(cli, tmp_path):
    (tmp_path / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\xff" * 100)
    (tmp_path / "what.bin").write_bytes(b"?")
    assert cli("extract", tmp_path / "broken.h5")[0] == exit_codes.FAILED
    assert cli("extract", tmp_path / "what.bin")[0] == exit_codes.OK


def test_folders_globs_and_repeats(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("b.jpg", "a.jpg", "sub/c.png", "[odd].jpg"):
        (tmp_path / name).write_bytes(b"")
    names = lambda *patterns: [
        each.path.relative_to(tmp_path).as_posix()
        for each in named_files([str(tmp_path / p) for p in patterns])
    ]
    assert names("") == ["[odd].jpg", "a.jpg", "b.jpg", "sub/c.png"]
    assert names("*.jpg", "a.jpg") == ["[odd].jpg", "a.jpg", "b.jpg"]
    assert names("**/*.png") == ["sub/c.png"]
    assert names("[odd].jpg") == ["[odd].jpg"], "a file that exists is no pattern"


def test_several_files_get_a_verdict(cli, tmp_path, samples):
    (tmp_path / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\xee" * 100)
    _, _, err = cli("extract", samples["song.mp3"], tmp_path)
    assert err == f"2 files: 1 OK, 1 CORRUPT; 16.5 KiB sent, 0 B saved; failed: {tmp_path / 'broken.h5'}\n"


def test_what_is_no_regular_file_is_told(cli, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    code, _, err = cli("extract", tmp_path / "pipe")
    assert code == exit_codes.FAILED and "not a regular file" in err


def test_a_file_can_not_steer_the_terminal(cli, tmp_path):
    from tests.golden.images import tiff

    path = tmp_path / "evil\x1b[31m.tif"
    path.write_bytes(
        tiff([[(0x010E, 2, b"red \x1b[31m \x1b]0;owned\x07 \xc2\x9b line\nbreak\0"), (0x0100, 3, [1])]])
    )
    _, out, _ = cli("extract", "--all", path)
    assert "owned" in out and not set(out) & {"\x1b", "\x07", "\x9b"}


def test_json_has_plain_names_and_numbers(cli):
    out = json.loads(cli("extract", "--jsonl", PHOTOS[0])[1])
    assert out["modules"][0]["outcome"] == "OK" and isinstance(out["modules"][0]["source_bytes_read"], int)


@pytest.mark.parametrize("arguments", [["--jobs", "0"], ["--timeout", "0"], ["--jobs", "x"]])
def test_numbers_are_checked(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        run(["extract", "x", *arguments])
    assert caught.value.code == exit_codes.NOTHING and capsys.readouterr().err


def test_large_files_and_digests(cli, tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(3 * 2**20))
    code, out, _ = cli("extract", "--digest", "sha256", path)
    assert code == exit_codes.OK and "sha256: " in out and "3.0 MiB" in out


def test_stats_pressure_and_overrides(cli):
    code, out, _ = cli("stats")
    assert code == exit_codes.OK and "memory" in out and "disk" in out
    assert json.loads(cli("stats", "--json")[1])["tiers"][0]["name"] == "memory"
    assert "NORMAL" in cli("pressure")[1]
    assert "HIGH     (override)" in cli("pressure", "--set", "high", "--for", "20")[1]
    out = cli("pressure", "--set", "real", "--watch", "--events", "1")[1]
    assert out.count("\n") == 2
    wait_until(lambda: "override" not in cli("pressure")[1])


def test_an_unreachable_service_has_its_own_code(capsys):
    for command in (
        ["extract", str(PHOTOS[0]), "--extractor", NOWHERE],
        ["stats", "--cache", NOWHERE],
        ["health", NOWHERE],
    ):
        assert run(command) == exit_codes.UNREACHABLE
        assert "metaextract up" in capsys.readouterr().err


def test_wrong_usage_has_its_own_code(capsys):
    with pytest.raises(SystemExit) as caught:
        run(["extract"])
    assert caught.value.code == exit_codes.NOTHING
    capsys.readouterr()


def test_health(cache_process, extractor_process, capsys):
    assert run(["health", cache_process.address]) == exit_codes.OK
    service = "metaextract.extractor.v1.ExtractorService"
    assert run(["health", extractor_process.address, "--service", service]) == exit_codes.OK
    assert run(["health", cache_process.address, "--service", service]) == exit_codes.FAILED
    assert "unknown service" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error(extractor_process):
    command = [
        sys.executable,
        "-m",
        "metaextract_client.cli",
        "extract",
        "--all",
        "--extractor",
        extractor_process.address,
    ]
    with subprocess.Popen(
        [*command, *map(str, PHOTOS)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == exit_codes.OK


def test_a_progress_bar_appears_only_when_it_takes_long(extractor_process, tmp_path):
    for number in range(400):
        (tmp_path / f"{number}.bin").write_bytes(bytes(64) + os.urandom(400_000))
    command = [sys.executable, "-m", "metaextract_client.cli", "extract", "--jsonl", "--digest", "sha1"]
    for count, expected in ((400, True), (2, False)):
        master, slave = pty.openpty()
        paths = [str(tmp_path / f"{number}.bin") for number in range(count)]
        run_ = subprocess.Popen(
            [*command, "--extractor", extractor_process.address, *paths],
            stdout=subprocess.DEVNULL, stderr=slave, env={**clean_environ(), "TERM": "xterm"},
        )  # fmt: skip
        os.close(slave)
        shown = io.BytesIO()
        with contextlib.suppress(OSError):
            while data := os.read(master, 4096):
                shown.write(data)
        assert run_.wait() == 0
        os.close(master)
        assert (b"extracting" in shown.getvalue()) == expected


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_up_runs_the_pair_and_down_stops_it(tmp_path):
    environ = {
        **clean_environ(), "XDG_CACHE_HOME": str(tmp_path),
        "METAEXTRACT_CACHE_ADDRESS": f"127.0.0.1:{free_port()}",
        "METAEXTRACT_EXTRACTOR_ADDRESS": f"127.0.0.1:{free_port()}",
    }  # fmt: skip
    command = [sys.executable, "-m", "metaextract_client.cli"]
    with subprocess.Popen(
        [*command, "up"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as up:
        assert "cache_service is ready" in up.stdout.readline()
        assert "extractor_service is ready" in up.stdout.readline()
        wait_until(lambda: list((tmp_path / "metaextract").glob("up-*.pid")))
        run_ = subprocess.run(
            [*command, "extract", str(PHOTOS[0])], env=environ, capture_output=True, text=True
        )
        assert run_.returncode == 0 and "Canon" in run_.stdout
        second = subprocess.run([*command, "up"], env=environ, capture_output=True, text=True)
        assert second.returncode == exit_codes.FAILED and "running already" in second.stderr
        elsewhere = {**environ, "METAEXTRACT_CACHE_ADDRESS": f"127.0.0.1:{free_port()}"}
        elsewhere["METAEXTRACT_EXTRACTOR_ADDRESS"] = f"127.0.0.1:{free_port()}"
        with subprocess.Popen(
            [*command, "up"], env=elsewhere, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as other:
            assert b"ready" in other.stdout.readline() and b"ready" in other.stdout.readline()
            assert subprocess.run([*command, "down"], env=elsewhere).returncode == 0
            assert other.wait(10) == 0 and up.poll() is None
        started = time.monotonic()
        assert subprocess.run([*command, "down"], env=environ).returncode == 0
        assert up.wait(10) == 0 and time.monotonic() - started < 8
    assert (
        subprocess.run([*command, "down"], env=environ, capture_output=True).returncode == exit_codes.NOTHING
    )
    assert len(list((tmp_path / "metaextract").glob("cache-*/results.sqlite"))) == 2


def test_up_says_when_a_service_can_not_start(tmp_path, cache_process):
    environ = {
        **clean_environ(), "XDG_CACHE_HOME": str(tmp_path), "METAEXTRACT_CACHE_ADDRESS": cache_process.address,
        "METAEXTRACT_EXTRACTOR_ADDRESS": f"127.0.0.1:{free_port()}",
    }  # fmt: skip
    run_ = subprocess.run(
        [sys.executable, "-m", "metaextract_client.cli", "up"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run_.returncode == exit_codes.FAILED and "can't listen" in run_.stderr


def test_ctrl_c_stops_both(tmp_path):
    environ = {
        **clean_environ(), "XDG_CACHE_HOME": str(tmp_path),
        "METAEXTRACT_CACHE_ADDRESS": f"127.0.0.1:{free_port()}",
        "METAEXTRACT_EXTRACTOR_ADDRESS": f"127.0.0.1:{free_port()}",
    }  # fmt: skip
    command = [sys.executable, "-m", "metaextract_client.cli", "up"]
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as up:
        for _ in range(2):
            up.stdout.readline()
        up.send_signal(signal.SIGINT)
        assert up.wait(10) == exit_codes.OK


def test_entries_can_be_listed_described_warmed_and_invalidated(cache_process, cache, capsys):
    from metaextract.cache.v1 import result_pb2

    key = result_pb2.ResultKey(space="verified", content_id="b3:cli", module="m", version="1")
    cache.put_result(result_pb2.ResultEntry(key=key, value=bytes(5000), cost_seconds=0.25, tags=["cli"]))
    where = ["--cache", cache_process.address]
    assert run(["cache", "list", "--tier", "disk", "--limit", "5000", *where]) == exit_codes.OK
    line = next(line for line in capsys.readouterr().out.splitlines() if "b3:cli" in line)
    assert line.startswith("verified b3:cli m 1  4.9 KiB as ") and "250.0 ms" in line
    name = line.split("  ")[0]
    assert run(["cache", "describe", name, *where]) == exit_codes.OK
    out = capsys.readouterr().out
    assert "in memory, disk" in out and "computing it again would cost 250.0 ms" in out
    assert run(["cache", "warm", name, "verified nothing m 1", *where]) == exit_codes.OK
    assert capsys.readouterr().out == "2 of 2, 1 in memory\n"
    assert run(["cache", "invalidate", "--tag", "cli", *where]) == exit_codes.OK
    assert capsys.readouterr().out.startswith("1 entries removed here")
    assert run(["cache", "describe", name, *where]) == exit_codes.FAILED
