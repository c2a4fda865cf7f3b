"""The log's file, where the disk is full."""

import os
import subprocess

import pytest

from cache_service.entries.entry import Selector
from cache_service.invalidation import InvalidationLog, open_log


def sizes(path):
    return [path.with_name(path.name + suffix).stat().st_size for suffix in ("", "-wal")]


async def test_thousands_of_invalidations_need_no_further_room(tmp_path):
    path = tmp_path / "log.sqlite"
    for _ in range(2):  # new, and opened again
        log = InvalidationLog(path)
        log.reserve()
        before = sizes(path)
        for number in range(2000):
            await log.append(Selector(content_id=f"b3:{number:064x}"))
        assert sizes(path) == before and min(before) >= 2**21
        point = log.point
        log.close()
    again = open_log(path)
    assert again.point == point
    again.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small file system")
async def test_a_full_disk_does_not_end_it(tmp_path, caplog):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(tmp_path)], check=True)
    try:
        log = InvalidationLog(tmp_path / "log.sqlite")
        log.reserve()
        waste = (tmp_path / "waste").open("wb", buffering=0)
        with waste, pytest.raises(OSError, match="No space"):
            while True:
                waste.write(bytes(4096))
        for number in range(500):
            await log.append(Selector(content_id=f"b3:{number:064x}"))
        log.skip_to(log.point.revision + 1000)
        assert not caplog.records
        point = log.point
        log.close()
        again = open_log(tmp_path / "log.sqlite")
        again.reserve()
        assert "no room of its own" in caplog.text
        assert again.point == point and len(again._last) == 500
        for number in range(8000):
            await again.append(Selector(content_id=f"b3:{number:064x}"))
        await again.append(Selector())
        again.restart("another", 5)
        again.close()
        assert "can't be written" not in caplog.text
        last = open_log(tmp_path / "log.sqlite")
        assert last.point == ("another", 5) and not last._last
        last.close()
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)
