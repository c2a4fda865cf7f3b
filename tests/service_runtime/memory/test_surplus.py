import ctypes

import pytest

from service_runtime.memory.release import glibc
from service_runtime.memory.surplus import Surplus, free_bytes

MIB = 2**20


def trims(*free_mib):
    """Whether it trimmed, look by look."""
    seen = iter(free_mib)
    surplus = Surplus(lambda: next(seen) * MIB, lambda: True, 64 * MIB)
    return [surplus.look() for _ in free_mib]


def test_it_trims_once_when_much_stays_free():
    assert trims(10, 80, 80, 80, 90, 100) == [False, False, True, False, False, False]


def test_what_comes_and_goes_stays():
    assert not any(trims(10, 80, 20, 90, 10, 200, 5))


def test_a_later_surge_counts_from_the_least_since():
    assert trims(200, 200, 200, 270, 270, 20, 90, 90) == [False, True, False, False, True, False, False, True]


def test_an_allocator_that_does_not_tell_is_left_alone():
    assert not any(trims(0, 0, 0))


def test_free_bytes_are_those_of_the_allocator():
    library = glibc()
    if library is None or not hasattr(library, "mallinfo2"):
        pytest.skip("another allocator than glibc 2.33 or later")
    library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    blocks = [library.malloc(1000) for _ in range(20_000)]
    last = library.malloc(1000)  # so that the end of the heap isn't free
    before = free_bytes()
    for each in blocks:
        library.free(each)
    assert 15 * MIB < free_bytes() - before < 30 * MIB
    library.free(last)
