import ctypes
from pathlib import Path

import pytest

from service_runtime.memory.release import glibc
from service_runtime.memory.resident import resident_bytes
from service_runtime.memory.surplus import Surplus, free_bytes

MIB = 2**20


class Allocator:
    """Keeps what it was given; a trim returns what is free."""

    def __init__(self) -> None:
        self.used = self.free = 0
        self.resident = 100 * MIB

    def surge(self, mib: int) -> None:
        """Takes and frees so much: nobody else can see when."""
        self.resident = max(self.resident, (100 + self.used + mib) * MIB)
        self.free = max(self.free, mib * MIB)

    def trim(self) -> bool:
        self.resident = (100 + self.used) * MIB  # what is free still counts as free
        return True


@pytest.fixture
def allocator():
    return Allocator()


@pytest.fixture
def surplus(allocator):
    return Surplus(lambda: allocator.free, lambda: allocator.resident, allocator.trim, 64 * MIB)


def test_it_trims_once_when_much_stays_free(allocator, surplus):
    allocator.surge(200)
    assert [surplus.look() for _ in range(5)] == [False, True, False, False, False]
    assert allocator.resident == 100 * MIB


def test_a_later_surge_that_nobody_saw_is_returned_as_well(allocator, surplus):
    for _ in range(3):
        allocator.surge(200)
        assert [surplus.look(), surplus.look()] == [False, True]


def test_little_and_what_is_in_use_stays(allocator, surplus):
    allocator.surge(50)
    assert not any(surplus.look() for _ in range(3))
    allocator.used = 300
    allocator.resident += 300 * MIB
    assert not any(surplus.look() for _ in range(3)), "nothing of it is free"


def test_what_comes_and_goes_stays(allocator, surplus):
    for _ in range(4):
        allocator.surge(100)
        assert not surplus.look()
        allocator.free = 0
        assert not surplus.look()


def test_where_nobody_tells_nothing_is_done():
    surplus = Surplus(lambda: 0, lambda: 0, lambda: True)
    assert not any(surplus.look() for _ in range(3))
    assert resident_bytes() > 10 * MIB or not Path("/proc/self/statm").exists()


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
