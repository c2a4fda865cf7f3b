"""The worker template with readers that never end, and are compiled."""

from extractor_service.formats.base import Format, Magic
from extractor_service.formats.registry import FORMATS
from extractor_service.workers.template import main

LOOPS = [
    Format(
        f"loop-{name}",
        "application/x-loop",
        (),
        (Magic(f"LOOP-{name}!".encode()),),
        f"compiled_loops:{name}",
        "1",
    )
    for name in ("spin", "spend", "read")
]

if __name__ == "__main__":
    main((*FORMATS, *LOOPS))
