"""Runs all fault runs, or those named on the command line; exits with 1 when a goal is missed."""

from __future__ import annotations

import sys

from tests.faults import cache_kill9, damaged_files, hostile_worker, pressure_override
from tests.support.evidence import run_named

FAULTS = {
    "cache_kill9": cache_kill9.run,
    "damaged_files": damaged_files.run,
    "hostile_worker": hostile_worker.run,
    "pressure_override": pressure_override.run,
}

if __name__ == "__main__":
    sys.exit(run_named(FAULTS, sys.argv[1:]))
