import pytest

from cache_service.chunks import unfinished
from cache_service.chunks.errors import UnfinishedUploadsError
from cache_service.chunks.index import UPLOAD, ChunkIndex, Part

NOW = 1_000_000.0


@pytest.fixture
def index():
    index = ChunkIndex(None)
    yield index
    index.close()


def test_there_is_room_until_there_isn_t(index):
    index.create("t", UPLOAD, "a", None, NOW)
    assert unfinished.victim(index, "t", 2, NOW) is None
    index.create("t", UPLOAD, "b", None, NOW)
    with pytest.raises(UnfinishedUploadsError, match="2 uploads"):
        unfinished.victim(index, "t", 2, NOW + 1)
    assert unfinished.victim(index, "other", 2, NOW) is None


def test_an_empty_one_goes_before_one_with_something_to_lose(index):
    full = index.create("t", UPLOAD, "full", None, NOW)
    index.add(full, Part(0, 100, "chunk"), 100, NOW)
    index.create("t", UPLOAD, "empty", None, NOW + 3)
    assert unfinished.victim(index, "t", 2, NOW + 10).name == "empty"


def test_one_whose_sender_has_gone_goes(index):
    full = index.create("t", UPLOAD, "full", None, NOW)
    index.add(full, Part(0, 100, "chunk"), 100, NOW)
    with pytest.raises(UnfinishedUploadsError):
        unfinished.victim(index, "t", 1, NOW + 59)
    assert unfinished.victim(index, "t", 1, NOW + 61).name == "full"
