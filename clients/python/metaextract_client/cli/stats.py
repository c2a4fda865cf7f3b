"""`metaextract stats`: what the cache holds and how often it helped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from google.protobuf import json_format

from metaextract_client.cache import CacheClient
from metaextract_client.cli import exit_codes
from metaextract_client.cli.human import size

if TYPE_CHECKING:
    import argparse

    from metaextract.cache.v1 import admin_pb2


def run(options: argparse.Namespace) -> int:
    """Prints the statistics once."""
    with CacheClient(options.cache) as client:
        stats = client.get_stats()
    if options.json:
        print(json.dumps(json_format.MessageToDict(stats, preserving_proto_field_name=True)))
    else:
        print(table(stats))
    return exit_codes.OK


def table(stats: admin_pb2.GetStatsResponse) -> str:
    """The statistics as a few aligned lines."""
    headline = (
        f"hits {stats.hits}, misses {stats.misses}, hit ratio {stats.hit_ratio:.1%},"
        f" saved {stats.saved_ms / 1000:.2f} s of reading, up {stats.uptime_seconds:.0f} s"
    )
    ratio = stats.value_bytes / stats.stored_bytes if stats.stored_bytes else 1.0
    flights = (
        f"single flight: {stats.leases_granted} computed, {stats.single_flight_saved} waited instead;"
        f" values take 1/{ratio:.1f} of their size"
    )
    lines = [
        headline,
        flights,
        f"{'tier':<8}{'hits':>8}{'entries':>9}{'used':>12}{'budget':>12}  removed",
    ]
    for tier in stats.tiers:
        removals = ", ".join(
            f"{count} {cause}"
            for cause, count in (
                ("for size", tier.removals.size),
                ("expired", tier.removals.expired),
                ("by pressure", tier.removals.pressure),
                ("deleted", tier.removals.deleted),
                ("corrupt", tier.removals.corrupt),
            )
            if count
        )
        lines.append(
            f"{tier.name:<8}{tier.hits:>8}{tier.entry_count:>9}{size(tier.used_bytes):>12}"
            f"{size(tier.budget_bytes):>12}  {removals or 'none'}{'  SUSPENDED' if tier.suspended else ''}"
        )
    return "\n".join(lines)
