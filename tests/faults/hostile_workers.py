"""The worker template with the hostile format."""

from extractor_service.workers.template import main
from tests.faults.hostile import ALL_FORMATS

if __name__ == "__main__":
    main(ALL_FORMATS)
