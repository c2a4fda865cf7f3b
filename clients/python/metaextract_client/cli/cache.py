"""`metaextract cache …`: entries by key, invalidation, and the replay of traces."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from metaextract.cache.v1 import result_pb2
from metaextract_client.cache import CacheClient
from metaextract_client.cli import exit_codes
from metaextract_client.cli.human import size

if TYPE_CHECKING:
    import argparse

    from metaextract.cache.v1 import admin_pb2

_PARTS = ("space", "content_id", "module", "version", "options")


def replay(arguments: list[str]) -> int:
    """Replays a trace, in the cache service's own code: the client imports no server."""
    command = [sys.executable, "-m", "cache_service.replay", *arguments]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own interpreter and module


def show(options: argparse.Namespace) -> int:
    """Lists entries, a line each, in a form that `describe` takes."""
    with CacheClient(options.cache) as client:
        page = client.list_entries(options.tier, min(options.limit, 1000))
        left = options.limit
        while True:
            for entry in page.entries[:left]:
                print(_line(entry))
            left -= len(page.entries)
            if left <= 0 or not page.next_page_token:
                return exit_codes.OK
            page = client.list_entries(options.tier, min(left, 1000), page.next_page_token)


def describe(options: argparse.Namespace) -> int:
    """Says where one entry is, what it is worth, and what would evict it."""
    with CacheClient(options.cache) as client:
        answer = client.describe_entry(_key(options.key))
    if answer.found:
        print(_line(answer.entry))
        print(f"  in {', '.join(answer.entry.tiers)}; revision {answer.entry.read_revision}")
        if answer.entry.source or answer.entry.tags:
            print(f"  {answer.entry.source} {' '.join(answer.entry.tags)}".rstrip())
    print(f"  {answer.explanation}")
    return exit_codes.OK if answer.found else exit_codes.FAILED


def warm(options: argparse.Namespace) -> int:
    """Promotes entries into memory, and says how far it is."""
    with CacheClient(options.cache) as client:
        for progress in client.warm_cache([_key(text) for text in options.keys]):
            print(f"{progress.done_count} of {progress.total_count}, {progress.warmed_count} in memory")
    return exit_codes.OK


def invalidate(options: argparse.Namespace) -> int:
    """Makes results unreachable everywhere; of a content id, that also releases its quarantine."""
    if not any((options.content_id, options.module, options.source_prefix, options.tag)):
        print(
            "metaextract cache invalidate: name a content id, module, source prefix or tag", file=sys.stderr
        )
        return exit_codes.NOTHING
    with CacheClient(options.cache) as client:
        removed = client.invalidate_results(
            options.content_id, options.module, options.version, options.source_prefix, options.tag
        )
    print(f"{removed.removed_count} entries removed here; copies elsewhere are out of reach")
    return exit_codes.OK


def erase(options: argparse.Namespace) -> int:
    """Removes all that is kept of a tenant; 1 when a replica hasn't answered."""
    with CacheClient(options.cache) as client:
        answer = client.erase_tenant(options.tenant)
    for part in answer.replicas:
        print(
            f"{part.replica}: {part.result_count} results, {part.shared_count} copies in Redis,"
            f" {part.blob_count} uploads and blobs, {size(part.blob_bytes)}"
        )
    for name in answer.pending_replicas:
        print(f"{name}: hasn't answered yet; ask again", file=sys.stderr)
    return exit_codes.FAILED if answer.pending_replicas else exit_codes.OK


def _key(text: str) -> result_pb2.ResultKey:
    return result_pb2.ResultKey(**dict(zip(_PARTS, text.split(" "), strict=False)))


def _line(entry: admin_pb2.EntryDescription) -> str:
    name = " ".join(filter(None, (getattr(entry.key, part) for part in _PARTS)))
    return (
        f"{name}  {size(entry.value_bytes)} as {size(entry.stored_bytes)},"
        f" {entry.cost_seconds * 1000:.1f} ms, for {entry.expires_in_seconds:.0f} s"
    )
