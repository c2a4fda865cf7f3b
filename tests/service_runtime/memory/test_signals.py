from __future__ import annotations

from pathlib import Path

import pytest

from service_runtime.memory.levels import PressureLevel
from service_runtime.memory.reading import Usage
from service_runtime.memory.sampler import Sampler
from service_runtime.memory.signals.cgroup import CgroupV1, CgroupV2
from service_runtime.memory.signals.disk import DiskRoom
from service_runtime.memory.signals.host import PortableHost, ProcessMemory, ReservedBytes
from service_runtime.memory.signals.kernel_file import numbers
from service_runtime.memory.signals.registry import discover, tightest_limit_bytes
from service_runtime.memory.signals.stalls import Stalls
from service_runtime.memory.signals.surroundings import Surroundings

MIB = 2**20
KNOWN = {
    "cgroup_v1",
    "cgroup_v2",
    "host",
    "process",
    "memory_stalls",
    "io_stalls",
}  # a new one is none of these tests' business


def write(folder: Path, **files: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")
    return folder


# As a kernel 6.1 wrote them, shortened.
RECORDED_STAT = """anon 104857600
file 157286400
kernel 4194304
shmem 0
inactive_anon 104857600
active_anon 0
inactive_file 52428800
active_file 52428800
workingset_refault_file 0"""
RECORDED_EVENTS = "low 0\nhigh 0\nmax {max}\noom {oom}\noom_kill 0\noom_group_kill 0"


def v2(folder: Path, current=300 * MIB, limit: object = 512 * MIB, high: object = "max", oom=0) -> Path:
    return write(
        folder, memory__current=current, memory__max=limit, memory__high=high, memory__stat=RECORDED_STAT,
        memory__events=RECORDED_EVENTS.format(max=0, oom=oom),
    )  # fmt: skip


def meminfo(folder: Path, total_kb=1000, available_kb=250) -> Path:
    text = f"MemTotal: {total_kb} kB\nMemFree: 1 kB\nMemAvailable: {available_kb} kB"
    return write(folder, meminfo=text) / "meminfo"


def stall_file(path: Path, full_us: int) -> Path:
    path.write_text(
        f"some avg10=0.00 avg60=0.00 avg300=0.00 total=999999999\nfull avg10=0.00 avg60=0.00 avg300=0.00 total={full_us}\n"
    )
    return path


def test_v2_counts_the_working_set_not_the_page_cache(tmp_path):
    signal = CgroupV2(v2(tmp_path / "c"))
    assert signal.read()[:2] == (200 * MIB, 512 * MIB) and signal.cached_bytes == 100 * MIB
    signal.close()


def test_v2_takes_the_lower_of_high_and_max(tmp_path):
    signal = CgroupV2(v2(tmp_path / "c", high=256 * MIB))
    assert signal.read().limit_bytes == 256 * MIB
    signal.close()


def test_v2_is_full_while_allocations_fail_whatever_the_bytes_say(tmp_path):
    clock = [0.0]
    signal = CgroupV2(v2(tmp_path / "c"), lambda: clock[0])
    assert signal.read().ratio < 0.5
    (tmp_path / "c" / "memory.events").write_text(RECORDED_EVENTS.format(max=999, oom=0))
    assert signal.read().ratio < 0.5, "page cache at the limit is no pressure"
    (tmp_path / "c" / "memory.events").write_text(RECORDED_EVENTS.format(max=999, oom=1))
    assert signal.read().ratio == 1.0 == signal.read().ratio, "whoever reads it, for a second"
    clock[0] = 1.0
    assert signal.read().ratio < 0.5, "only news count"
    signal.close()


def test_v1_counts_the_working_set(tmp_path):
    stat = "cache 9\ntotal_inactive_file 100\ntotal_active_file 50"
    folder = write(
        tmp_path / "c", memory__usage_in_bytes=1000, memory__limit_in_bytes=2000, memory__stat=stat
    )
    signal = CgroupV1(folder)
    assert signal.read() == (850, 2000, 0.425)
    signal.close()


def test_discovery_finds_each_limited_ancestor_and_the_host(tmp_path):
    root = tmp_path / "cgroup"
    v2(root / "pod" / "app", limit="max")
    v2(root / "pod", limit=512 * MIB)
    (tmp_path / "self").write_text("0::/pod/app\n")
    found = discover(Surroundings(root, tmp_path / "self", meminfo(tmp_path), tmp_path / "none", 10**9))
    known = [signal for signal in found if signal.name in KNOWN]
    assert [(signal.name, signal.read().limit_bytes) for signal in known] == [
        ("cgroup_v2", 512 * MIB),
        ("host", 1000 * 1024),
        ("process", 10**9),
    ]
    assert tightest_limit_bytes(found) == 1000 * 1024
    Sampler(found).close()


def test_discovery_finds_v1_of_a_hybrid_system_and_the_stalls_of_its_v2(tmp_path):
    root = tmp_path / "cgroup"
    stat = "total_inactive_file 0\ntotal_active_file 0"
    limits = {"memory__usage_in_bytes": 10, "memory__stat": stat}
    write(root / "memory" / "job", memory__limit_in_bytes=100, **limits)
    write(root / "memory", memory__limit_in_bytes=9223372036854771712, **limits)
    (root / "unified" / "job").mkdir(parents=True)
    stall_file(root / "unified" / "job" / "memory.pressure", 0)
    (tmp_path / "proc").mkdir()
    stall_file(tmp_path / "proc" / "io", 0)
    (tmp_path / "self").write_text("4:cpu:/\n3:memory:/job\n0::/job\n")
    found = discover(Surroundings(root, tmp_path / "self", meminfo(tmp_path), tmp_path / "proc"))
    names = [signal.name for signal in found if signal.name in KNOWN]
    assert names == ["cgroup_v1", "host", "memory_stalls", "io_stalls"]
    assert found[2].path == root / "unified" / "job" / "memory.pressure"
    Sampler(found).close()


def test_stalls_are_the_lost_share_of_the_last_four_seconds(tmp_path):
    clock = [0.0]
    path = stall_file(tmp_path / "memory", 0)
    signal = Stalls("memory_stalls", path, 0.5, PressureLevel.CRITICAL, clock=lambda: clock[0])
    for clock[0] in (1.0, 2.0, 3.0, 4.0):
        assert signal.read().ratio == 0
    stall_file(path, 400_000)
    clock[0] = 5.0
    assert signal.read().ratio == pytest.approx(0.1 / 0.5), "0.4 s of 4 s"
    for clock[0] in (6.0, 7.0, 8.0, 9.0, 10.0):
        last = signal.read()
    assert last.ratio == 0, "it is over"
    stall_file(path, 400_000 + 2_000_000)
    clock[0] = 12.0
    assert signal.read() == (0, 0, pytest.approx(1.0)), "half of the time"
    signal.close()


def test_the_reader_of_rows_takes_whole_names():
    text = "inactive_file 5\nactive_file 7\ntotal_active_file 9"
    assert numbers(text, "active_file", "inactive_file", "total_active_file", "none") == [7, 5, 9, 0]


def test_own_process_and_reservations(tmp_path):
    process = ProcessMemory(1 << 40)
    assert 5 * MIB < process.read().used_bytes < 1 << 33
    portable = ProcessMemory(1 << 40, statm=tmp_path / "none")
    assert abs(portable.read().used_bytes - process.read().used_bytes) < 8 * MIB
    process.close()
    portable.close()
    assert ReservedBytes(lambda: 90, 100).read() == (90, 100, 0.9)
    assert 0 < PortableHost().read().ratio < 1


def test_the_room_on_the_disk_is_what_our_own_bytes_can_mend(tmp_path):
    full = DiskRoom(tmp_path, lambda: 1 << 60)
    assert full.read().ratio > 0.99 and full.worst is PressureLevel.HIGH
    assert DiskRoom(tmp_path, lambda: 0).read().ratio == 0


def test_this_machine_has_signals():
    sampler = Sampler(discover())
    sample = sampler.sample()
    names = [reading.name for reading in sample.readings]
    assert not sample.failed and "host" in names
    sampler.close()


def test_what_kills_nobody_is_no_limit_of_memory(tmp_path):
    found = discover(Surroundings(tmp_path, tmp_path, meminfo(tmp_path), tmp_path))
    assert tightest_limit_bytes([*found, Harmless()]) == 1000 * 1024


class Harmless:
    """A signal with bytes that aren't memory, such as swap."""

    name = "harmless"
    worst = PressureLevel.HIGH

    def read(self):
        return Usage.of(1, 2)

    def close(self):
        pass
