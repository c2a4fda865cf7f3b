"""A Redis for tests: one server a session, a prefix a test. Skipped where no server is installed; CI installs one."""

from __future__ import annotations

import itertools

import pytest

from tests.support.optional import require
from tests.support.redis_server import RedisServer

_numbers = itertools.count()


@pytest.fixture(scope="session")
def redis_server():
    require("redis")
    with RedisServer() as server:
        yield server


@pytest.fixture
def own_redis_server():
    """For tests that kill it."""
    require("redis")
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_prefix():
    return f"test{next(_numbers)}"
