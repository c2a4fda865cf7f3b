"""Which engine runs here: `make … ACCELERATED=1` runs the compiled one."""

from __future__ import annotations

import extractor_service.document

IS_COMPILED = not str(extractor_service.document.__file__).endswith(".py")


def of_engine(name: str) -> str:
    """The name of a benchmark's evidence: the compiled engine's stands beside the other."""
    return f"{name}_compiled" if IS_COMPILED else name
