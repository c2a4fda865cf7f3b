"""The plain client: `python -m tests.benchmarks.batch_plain ADDRESS LIST OUT`, one batch for all files of a list."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract_client import ExtractorClient, RetryPolicy
from metaextract_client.extraction import Extraction
from metaextract_client.render import to_dict


def main(address: str, names: str, out: str) -> None:
    items = Path(names).read_text().splitlines()

    def small():
        for number, item in enumerate(items):
            yield pb.BatchItem(
                id=str(number), inline=pb.InlineSource(data=Path(item).read_bytes(), name=Path(item).name)
            )

    client = ExtractorClient(address, RetryPolicy(max_attempts=100, throttles=False))
    with client, Path(out).open("w") as file:
        for result in client.extract_batch(small(), token=out):
            row = {"source": items[int(result.id)], **to_dict(Extraction(result.document, result.info))}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
