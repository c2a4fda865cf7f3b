"""In a real memory cgroup: kernel events, page cache, and what psutil sees there."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from service_runtime.memory.levels import Thresholds
from service_runtime.memory.signals.cgroup import CgroupV1, CgroupV2
from service_runtime.memory.triggers import Triggers
from tests.support.cgroup import MemoryCgroup, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "a cgroup can be made")
MIB = 2**20

BLIND_SPOT = """
import json, psutil
from service_runtime.memory.signals.registry import discover
signals = {signal.name: signal.read() for signal in discover()}
inside = min((usage for usage in signals.values() if usage.limit_bytes), key=lambda usage: usage.limit_bytes)
print(json.dumps({"psutil": psutil.virtual_memory().total, "ours": inside.limit_bytes, "used": inside.used_bytes}))
"""
FILL = "import time; held = bytearray(b'x') * {count}; print('full', flush=True); time.sleep(60)"


def run_inside(cgroup: MemoryCgroup, code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(cgroup.command(sys.executable, "-c", code), stdout=subprocess.PIPE, text=True)


def signal_of(cgroup: MemoryCgroup) -> CgroupV1 | CgroupV2:
    return (CgroupV2 if cgroup.is_v2 else CgroupV1)(cgroup.path)


def test_psutil_is_blind_in_a_container_and_we_are_not():
    with MemoryCgroup(512 * MIB) as cgroup:
        with run_inside(cgroup, BLIND_SPOT) as child:
            seen = json.loads(child.stdout.read())
    assert seen["ours"] == 512 * MIB
    assert seen["psutil"] > 512 * MIB, "the machine's memory, which nobody here will ever get"
    assert 0 < seen["used"] < 200 * MIB


def test_page_cache_alone_is_no_pressure(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        for _ in range(96):
            file.write(bytes(4 * MIB))
    # Dropped first, so that the reader inside is charged for the pages.
    subprocess.run(
        ["dd", f"of={path}", "oflag=nocache", "conv=notrunc,fdatasync", "count=0"], capture_output=True
    )
    read = f"""
import time
file = open({str(path)!r}, "rb")
while file.read(1 << 20): pass
print("read", flush=True)
time.sleep(60)
"""
    with MemoryCgroup(256 * MIB) as cgroup:
        signal = signal_of(cgroup)
        child = run_inside(cgroup, read)
        assert child.stdout.readline() == "read\n"
        usage, naive = signal.read(), cgroup.used_bytes() / cgroup.limit_bytes
        signal.close()
        child.kill()
        child.communicate()
    assert naive > 0.8, "a monitor of mere usage would say HIGH"
    assert usage.ratio < 0.2


def test_the_kernel_wakes_the_sampler_when_a_threshold_is_crossed():
    with MemoryCgroup(256 * MIB) as cgroup:
        signal = signal_of(cgroup)
        if cgroup.is_v2:
            pytest.skip("version 2 has no threshold events; PSI triggers need a cgroup of their own")
        triggers = Triggers([signal], Thresholds(0.5, 0.8, 0.9))
        try:
            assert triggers.names == ["cgroup_v1"] and not triggers.wait(0.05)
            with run_inside(cgroup, FILL.format(count=160 * MIB)) as child:
                assert triggers.wait(5), "on the way up"
                assert child.stdout.readline() == "full\n"
                assert signal.read().ratio > 0.5
                triggers.arm(Thresholds(0.3, 0.4, 0.45))  # below what is used: nothing is crossed
                assert not triggers.wait(0.05)
                child.kill()
                assert triggers.wait(5), "on the way down, through the thresholds set anew"
        finally:
            triggers.close()
            signal.close()


def test_thresholds_that_can_t_be_set_anew_leave_the_old_ones(monkeypatch):
    with MemoryCgroup(256 * MIB) as cgroup:
        signal = signal_of(cgroup)
        if cgroup.is_v2:
            pytest.skip("version 2 has no threshold events")
        triggers = Triggers([signal], Thresholds(0.5, 0.8, 0.9))
        event = triggers._triggers[0].descriptor
        triggers._triggers[0]._control, kept = (
            os.open("/dev/full", os.O_WRONLY),
            triggers._triggers[0]._control,
        )
        triggers.arm(Thresholds(0.3, 0.4, 0.45))
        assert triggers._triggers[0].descriptor == event and not triggers.wait(0.05), (
            "no closed descriptor is polled"
        )
        os.close(kept)
        triggers.close()
        signal.close()
