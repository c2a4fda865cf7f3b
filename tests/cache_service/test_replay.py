"""Replays against libcachesim: an independent simulator's figures on the same generated traces.

The figures are recorded, since libcachesim is GPL and no dependency of ours: `python -m tests.golden.libcachesim` makes
them anew, in an environment of its own that has it.
"""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cache_service.entries.entry import Key
from cache_service.eviction.gdsf import GdsfPolicy
from cache_service.eviction.lru import LruPolicy
from cache_service.eviction.s3fifo import S3FifoPolicy
from cache_service.replay import Request, footprint_bytes, main, parse_capacity, read_trace, replay
from cache_service.trace import TraceWriter
from tests.golden.libcachesim import EXPECTED, SHARES, workloads

# Worse by at most, better by at most. libcachesim's S3-FIFO puts everything into the main queue until its first
# eviction, which ours doesn't know to come; where popularity moves on, that costs libcachesim 0.03.
TOLERANCE = {"lru": (0.001, 0.001), "gdsf": (0.001, 0.001), "s3-fifo": (0.01, 0.035)}
POLICIES = {"lru": LruPolicy, "gdsf": GdsfPolicy, "s3-fifo": S3FifoPolicy}


@pytest.mark.parametrize("name", list(TOLERANCE))
def test_shared_policies_agree_with_libcachesim(name):
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))
    for workload, requests in workloads().items():
        footprint = footprint_bytes(requests)
        # Without costs, GDSF is the size-only one that libcachesim knows: every request is worth the same.
        priced = [request._replace(cost_ms=1.0) for request in requests]
        for share in SHARES:
            ours = replay(priced, POLICIES[name](), int(footprint * share)).object_hit_ratio
            theirs = expected[workload][str(share)][name]
            worse, better = TOLERANCE[name]
            assert theirs - worse <= ours <= theirs + better, (workload, share)


def test_a_replay_counts_what_it_says():
    requests = [Request(1, 100, 5.0), Request(2, 100, 7.0), Request(1, 100, 5.0), Request(3, 1000, 9.0)]
    result = replay(requests, LruPolicy(), 200)
    assert (result.requests, result.hits, result.bytes_hit, result.saved_ms, result.cost_ms) == (
        4,
        1,
        100,
        5.0,
        26.0,
    )
    assert result.object_hit_ratio == 0.25 and result.saved_ratio == 5 / 26


def test_traces_are_read_plain_and_compressed(tmp_path):
    text = "# a comment\nabc,100,5.5\n\ndef,50,1\nabc,100,5.5\n"
    (tmp_path / "t").write_text(text)
    with gzip.open(tmp_path / "t.gz", "wt") as file:
        file.write(text)
    expected = [Request(1, 100, 5.5), Request(2, 50, 1.0), Request(1, 100, 5.5)]
    assert list(read_trace(tmp_path / "t")) == expected == list(read_trace(tmp_path / "t.gz"))


@pytest.mark.parametrize("line", ["a,b,c", "a,1", "a,-1,2", "a,1,nan", "a,1,-2", "a,1,2,3"])
def test_a_wrong_line_is_named(tmp_path, line, capsys):
    (tmp_path / "t").write_text(f"ok,1,1\n{line}\n")
    with pytest.raises(ValueError, match=":2:"):
        list(read_trace(tmp_path / "t"))
    assert main([str(tmp_path / "t")]) == 1 and ":2:" in capsys.readouterr().err


def test_a_torn_last_line_is_left_out_and_continued_after(tmp_path, capsys):
    path = tmp_path / "t"
    path.write_text("a,1,1\nb,2")
    assert [request.key for request in read_trace(path)] == [1]
    writer = TraceWriter(path, 10_000)
    writer.record(Key("s", "c", "m", "v", ""), 100, 0.5)
    writer.close()
    assert [request.key for request in read_trace(path)] == [1, 2]
    assert path.read_text().splitlines()[1].endswith(",100,500.000")
    (tmp_path / "empty").write_text("")
    assert main([str(tmp_path / "empty")]) == 1 and "empty" in capsys.readouterr().err
    assert main([str(path), "--capacity", "-5"]) == 1


def test_capacities():
    assert parse_capacity("1048576", lambda: 0) == parse_capacity("1MiB", lambda: 0) == 2**20
    assert parse_capacity("5%", lambda: 2000) == 100


def test_the_command_prints_a_line_per_policy(tmp_path):
    (tmp_path / "t").write_text("\n".join(f"{number % 40},1000,{number % 7}" for number in range(2000)))
    run = subprocess.run(
        [sys.executable, "-m", "metaextract_client.cli", "cache", "replay", str(tmp_path / "t"), "--policy", "gdsf",
         "--policy", "lru", "--capacity", "50%"],
        capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[0] == "2000 requests, footprint 40000 B" and len(lines) == 4
    assert [line.split()[0] for line in lines[2:]] == ["gdsf", "lru"]
