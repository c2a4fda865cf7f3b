"""`metaextract similar`: which files are the same, look alike, or were taken in one burst, and why."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from metaextract.cache.v1 import similarity_pb2
from metaextract.extractor.v1 import extractor_pb2
from metaextract_client.cache import CacheClient
from metaextract_client.cli import exit_codes, human
from metaextract_client.cli.extract import described
from metaextract_client.likeness import Likeness, groups, likeness
from metaextract_client.names import sayable

if TYPE_CHECKING:
    import argparse

_MODULES = ("common", "content_digest", "perceptual")
_PDQ_BYTES = 32  # 256 bits


def run(options: argparse.Namespace) -> int:
    """The exit code after comparing all files."""
    request = extractor_pb2.ExtractOptions(modules=_MODULES)
    found: list[Likeness] = []
    failed = 0
    for result in described(options, request):
        if result.extraction is None:
            failed += 1
            print(human.clean(f"{sayable(result.path)}: {result.error}"), file=sys.stderr)
        else:
            info, document = result.extraction.info, result.extraction.document
            found.append(likeness(sayable(result.path), info.content_id, document))
    alike = groups(found)
    stored = _stored(options, found) if options.stored else {}
    if options.json:
        entries = [
            {"kind": group.kind, "members": [member._asdict() for member in group.members]} for group in alike
        ]
        print(json.dumps({"groups": entries, "stored": stored}, ensure_ascii=False))
    else:
        for group in alike:
            print(group.kind)
            for member in group.members:
                print(
                    f"  {human.clean(member.path)}"
                    + (f"  ({human.clean(member.evidence)})" if member.evidence else "")
                )
        for path, others in stored.items():
            print(f"stored before, and like {human.clean(path)}")
            for other in others:
                print(f"  {other['content_id']}  ({other['distance']} of 256 bits differ)")
        if not alike and not stored:
            print(f"{len(found)} files, none like another")
    return exit_codes.FAILED if failed else exit_codes.OK


def _stored(options: argparse.Namespace, files: list[Likeness]) -> dict[str, list[dict[str, object]]]:
    """What the cache knows besides that looks like each file."""
    mine = {each.content_id for each in files}
    found: dict[str, list[dict[str, object]]] = {}
    with CacheClient(options.cache) as cache:
        for each in files:
            if each.pdq is None:
                continue
            wanted = similarity_pb2.PerceptualHash(
                kind=similarity_pb2.HASH_KIND_PDQ, bits=each.pdq.to_bytes(_PDQ_BYTES)
            )
            others = [
                {"content_id": content.content_id, "distance": content.distance}
                for content in cache.find_similar(wanted).contents
                if content.content_id not in mine
            ]
            if others:
                found[each.path] = list(others)
    return found
