import pytest

from cache_service.entries.entry import Budget
from cache_service.settings import Settings
from cache_service.sizing import memory_budget

MIB = 2**20


@pytest.mark.parametrize(
    ("profile", "entries", "mib"),
    [("dev", 100, 50), ("default", 500, 200), ("high-memory", 2000, 1000), ("constrained", 200, 100)],
)
def test_profiles(profile, entries, mib):
    assert memory_budget(Settings(cache_profile=profile), 10**12) == Budget(mib * MIB, entries)


def test_single_settings_override_a_profile():
    settings = Settings(cache_profile="dev", cache_memory_bytes=7 * MIB, cache_memory_entries=0)
    assert memory_budget(settings, 0) == Budget(7 * MIB, 0)


@pytest.mark.parametrize(
    ("limit", "size"), [(512 * MIB, 128 * MIB), (16 * MIB, 16 * MIB), (2**40, 8192 * MIB), (0, 256 * MIB)]
)
def test_auto_follows_the_container(limit, size):
    assert memory_budget(Settings(), limit) == Budget(size, 0)
