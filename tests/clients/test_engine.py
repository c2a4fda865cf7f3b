"""`metaextract batch`: each file once, whoever dies; paths, manifests and a real S3 server."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from metaextract_client.engine.items import chunks_of, items_of
from metaextract_client.engine.parts import Parts
from metaextract_client.engine.run import Plan, run
from metaextract_client.engine.task import Job, describe_chunk
from tests.samples import PHOTOS
from tests.support.object_store import ObjectStore
from tests.support.optional import needs
from tests.support.processes import clean_environ


@pytest.fixture
def folder(tmp_path):
    """150 photographs, each another content, a large file, an empty one, and one that nobody may read."""
    found = tmp_path / "files"
    found.mkdir()
    for number in range(150):
        (found / f"{number:03}.jpg").write_bytes(
            PHOTOS[number % 4].read_bytes()[:40_000] + number.to_bytes(2, "big")
        )
    (found / "large.bin").write_bytes(os.urandom(300_000))
    (found / "empty").touch()
    return found


def job(extractor_process, tmp_path, **changes):
    return Job(extractor_process.address, str(tmp_path / "out"), "jsonl", b"", 2)._replace(**changes)


def rows(folder):
    return [
        json.loads(line) for path in folder.glob("part-*.jsonl") for line in path.read_text().splitlines()
    ]


def command(*words):
    return [sys.executable, "-m", "metaextract_client.cli", "batch", *words]


def test_chunks_are_the_same_in_each_run_and_differ_by_token_and_content():
    items = [str(number) for number in range(10)]
    first, again, other = (list(chunks_of(items, 4, token)) for token in ("a", "a", "b"))
    assert first == again and [len(chunk.items) for chunk in first] == [4, 4, 2]
    assert not {chunk.name for chunk in first} & {chunk.name for chunk in other}
    assert next(chunks_of(["x", *items], 4, "a")).name != first[0].name


def test_a_manifest_names_files_one_a_line(tmp_path):
    (tmp_path / "list").write_text("# these\n/a b\n\ns3://bucket/key\n")
    assert list(items_of([], str(tmp_path / "list"))) == ["/a b", "s3://bucket/key"]


@pytest.mark.servers
def test_a_run_describes_each_file_once_and_goes_on_where_it_was(extractor_process, folder, tmp_path):
    items = [*items_of([str(folder)]), str(tmp_path / "gone.jpg")]
    done = []
    outcome = run(items, job(extractor_process, tmp_path), Plan("t", chunk_files=20, workers=2), done.append)
    assert (outcome.files, outcome.failed, outcome.kept) == (153, 1, 0)
    found = rows(tmp_path / "out")
    assert sorted(row["source"] for row in found) == sorted(items)
    assert {row["source"] for row in found if "error" in row} == {str(tmp_path / "gone.jpg")}
    assert sum(row["outcome"] == "OK" for row in found) >= 100
    assert json.loads((tmp_path / "out" / "run.json").read_text())["files"] == 153
    next((tmp_path / "out").glob("part-*")).unlink()
    again = run(items, job(extractor_process, tmp_path), Plan("t", chunk_files=20, workers=1))
    assert again.files == 153 and 130 <= again.kept < 153
    assert len(rows(tmp_path / "out")) == 153
    assert again.failed == 1, "what is kept counts as well"
    for other in (Plan("another", chunk_files=20), Plan("t", chunk_files=30)):
        with pytest.raises(OSError, match="another run"):
            run(items, job(extractor_process, tmp_path), other)
    with pytest.raises(OSError, match="chunks differ"):
        run(["/new", *items], job(extractor_process, tmp_path), Plan("t", chunk_files=20))


@pytest.mark.servers
@pytest.mark.timeout(200)
def test_killed_workers_lose_nothing_and_tell_nothing_twice(extractor_process, folder, tmp_path):
    items = [str(path) for path in sorted(folder.glob("*.jpg"))]
    stop, killed, done = threading.Event(), [], []

    def kill():
        # The oldest, and only after another chunk was done: a run whose workers die before they have started fails, as it should.
        while not stop.wait(1.5):
            with contextlib.suppress(psutil.Error):  # one that has just ended
                workers = [
                    each for each in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(each.cmdline())
                ]  # fmt: skip
                if workers and len(killed) < 4 and done:
                    done.clear()
                    victim = min(workers, key=lambda each: each.create_time())
                    victim.kill()
                    killed.append(victim.pid)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        outcome = run(
            items,
            job(extractor_process, tmp_path),
            Plan("t", chunk_files=3, workers=2),
            lambda outcome: (done.append(outcome), time.sleep(0.1)),
        )
    finally:
        stop.set()
        killer.join()
    assert killed and outcome.files == 150
    assert sorted(row["source"] for row in rows(tmp_path / "out")) == items


@pytest.mark.servers
def test_a_name_that_is_no_text_is_told(extractor_process, tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff\xfe.jpg"
    with Path(os.fsdecode(path)).open("wb") as file:
        file.write(PHOTOS[0].read_bytes()[:40_000])
    (chunk,) = chunks_of([os.fsdecode(path), os.fsdecode(path) + ".none"], 10, "t")
    (tmp_path / "out").mkdir()
    assert describe_chunk(job(extractor_process, tmp_path), chunk)[1:3] == (2, 1)
    first, second = rows(tmp_path / "out")
    assert first["format"] == "jpeg" and os.fsencode(first["source"]) == path and "error" in second


def test_an_extractor_that_is_away_makes_no_row(folder, tmp_path, monkeypatch):
    from metaextract_client.engine import task
    from metaextract_client.errors import UnavailableError
    from metaextract_client.retry import RetryPolicy

    assert task._PATIENT.budget_tokens == float("inf")
    monkeypatch.setattr(task, "_PATIENT", RetryPolicy(max_attempts=2, first_seconds=0.01))
    (chunk,) = chunks_of([str(folder / "large.bin")], 10, "t")
    (tmp_path / "out").mkdir()
    with pytest.raises(UnavailableError):
        describe_chunk(Job("127.0.0.1:1", str(tmp_path / "out"), "jsonl", b"", 2), chunk)
    assert rows(tmp_path / "out") == []


def test_each_file_is_named_once_and_keys_are_no_urls(folder):
    from metaextract_client.engine.objects import _parts

    one = str(folder / "000.jpg")
    assert list(items_of([one, str(folder), one])).count(one) == 1
    assert _parts("s3://bucket/a/b#1?.jpg") == ("s3://bucket", "a/b#1?.jpg")
    with pytest.raises(ValueError, match="BUCKET"):
        _parts("s3:///x")


def test_a_part_is_there_whole_or_not_at_all(tmp_path):
    parts = Parts(str(tmp_path), "jsonl")
    parts.write("a" * 32, [{"source": "x"}])
    (tmp_path / ".part-bbb.jsonl.host.1").write_text('{"sou')  # whoever wrote it has died
    assert parts.done() == {"a" * 32}


@pytest.mark.servers
def test_the_command_says_what_it_did(extractor_process, folder, tmp_path):
    words = [
        str(folder),
        "--out",
        str(tmp_path / "out"),
        "--extractor",
        extractor_process.address,
        "--workers",
        "1",
    ]
    run_ = subprocess.run(command(*words), env=clean_environ(), capture_output=True, text=True, timeout=100)
    assert run_.returncode == 0 and "152 files" in run_.stdout, run_.stderr
    again = subprocess.run(command(*words), env=clean_environ(), capture_output=True, text=True, timeout=100)
    assert "152 were there already" in again.stdout


def test_nothing_to_do_is_said(tmp_path):
    empty = subprocess.run(command(str(tmp_path / "none"), "--out", str(tmp_path / "o")), env=clean_environ(), capture_output=True, text=True)  # fmt: skip
    assert empty.returncode != 0 and empty.stderr.startswith("metaextract: ")


@pytest.mark.servers
@pytest.mark.timeout(200)
@needs("weed")
def test_objects_of_a_real_store_are_read_by_ranges(extractor_process, folder, tmp_path, monkeypatch):
    import obstore

    with ObjectStore() as store:
        bucket = store.bucket("files")
        for path in [*sorted(folder.glob("*.jpg"))[:10], folder / "large.bin"]:
            obstore.put(bucket, f"in/{path.name}", path.read_bytes())
        for name, value in store.environ.items():
            monkeypatch.setenv(name, value)
        items = list(items_of(["s3://files/in/"]))
        assert len(items) == 11 and items[0] == "s3://files/in/000.jpg"
        (chunk,) = chunks_of([*items, "s3://files/in/none.jpg"], 20, "t")
        (tmp_path / "out").mkdir()
        done = describe_chunk(job(extractor_process, tmp_path), chunk)
    assert (done.total, done.failed) == (12, 1)
    found = {row["source"].rpartition("/")[2]: row for row in rows(tmp_path / "out")}
    assert found["000.jpg"]["format"] == "jpeg" and found["large.bin"]["size_bytes"] == 300_000
    assert found["large.bin"]["moved_bytes"] < 300_000, "only the ranges that were asked for"
    assert "error" in found["none.jpg"]
