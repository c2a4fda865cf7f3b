"""Synchronous and asynchronous clients have the same methods, parameters and return types."""

from __future__ import annotations

import inspect
import re

import pytest

from metaextract_client import (
    AsyncCacheClient,
    AsyncExtractorClient,
    AsyncSession,
    CacheClient,
    ExtractorClient,
    Session,
)
from tests.tools import synchronous

PAIRS = [(ExtractorClient, AsyncExtractorClient), (CacheClient, AsyncCacheClient), (Session, AsyncSession)]


def methods(kind) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(each)
        for name, each in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def plain(annotation: str) -> str:
    """The type without what makes it asynchronous."""
    text = re.sub(r"\bAsync(?=[A-Z])", "", str(annotation))
    return re.sub(
        r"Generator\[(.*), None\]",
        r"Iterator[\1]",
        re.sub(r"Generator\[(.*), None, None\]", r"Iterator[\1]", text),
    )


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=lambda kind: kind.__name__)
def test_names_parameters_and_return_types_are_the_same(one, other):
    ours, theirs = methods(one), methods(other)
    assert set(ours) == set(theirs)
    for name, signature in ours.items():
        twin = theirs[name]
        assert [
            (each.name, plain(each.annotation), each.default) for each in signature.parameters.values()
        ] == [(each.name, plain(each.annotation), each.default) for each in twin.parameters.values()], name
        assert plain(signature.return_annotation) == plain(twin.return_annotation), name


def test_the_synchronous_ones_are_made_from_the_asynchronous_ones():
    assert synchronous.stale() == []
