"""Runs all fault runs, or those named on the command line; exits with 1 when a goal is missed."""

from __future__ import annotations

import sys

from tests.faults import (
    blame,
    cache_kill9,
    damaged_files,
    decoder_bombs,
    disk_bitflip,
    disk_kill9,
    fault_matrix,
    hostile_callers,
    hostile_client,
    hostile_worker,
    huge_documents,
    huge_structures,
    keepalive,
    module_faults,
    oscillation,
    pressure_override,
    probes,
    redis_chaos,
    resume_kill9,
    rotation,
    scarce_cpu,
    security_attacks,
    single_flight,
    soak_mixed,
    subscriber_chaos,
    survive_cgroup,
    tenant_isolation,
)
from tests.support.evidence import run_named

FAULTS = {
    "blame": blame.run,
    "cache_kill9": cache_kill9.run,
    "disk_kill9": disk_kill9.run,
    "disk_bitflip": disk_bitflip.run,
    "redis_chaos": redis_chaos.run,
    "fault_matrix": fault_matrix.run,
    "single_flight": single_flight.run,
    "soak_mixed": soak_mixed.run,
    "subscriber_chaos": subscriber_chaos.run,
    "survive_cgroup": survive_cgroup.run,
    "oscillation": oscillation.run,
    "damaged_files": damaged_files.run,
    "decoder_bombs": decoder_bombs.run,
    "hostile_worker": hostile_worker.run,
    "keepalive": keepalive.run,
    "module_faults": module_faults.run,
    "huge_documents": huge_documents.run,
    "huge_structures": huge_structures.run,
    "hostile_callers": hostile_callers.run,
    "hostile_client": hostile_client.run,
    "resume_kill9": resume_kill9.run,
    "pressure_override": pressure_override.run,
    "probes": probes.run,
    "rotation": rotation.run,
    "tenant_isolation": tenant_isolation.run,
    "scarce_cpu": scarce_cpu.run,
    "security_attacks": security_attacks.run,
}

if __name__ == "__main__":
    sys.exit(run_named(FAULTS, sys.argv[1:]))
