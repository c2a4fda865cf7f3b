"""`python -m extractor_service.workers SOCKET MEMORY_BYTES PROFILE KIND`: started by the pool, not by people."""

from extractor_service.formats.registry import FORMATS
from extractor_service.workers.template import main

if __name__ == "__main__":
    main(FORMATS)
