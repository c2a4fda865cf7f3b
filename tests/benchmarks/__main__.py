"""Runs all benchmarks, or those named on the command line; exits with 1 when a goal is missed."""

from __future__ import annotations

import sys

from tests.benchmarks import (
    batch,
    batch_files,
    broadcast,
    cached_extract,
    cold_folder,
    detection,
    documents_complete,
    documents_large,
    documents_speed,
    flapping,
    get_result,
    identification,
    image_reading,
    large_uri,
    media_boxes,
    media_large,
    media_speed,
    media_streams,
    memory_return,
    orca_shift,
    overload,
    photographs,
    plausibility,
    policy_replay,
    pressure_cost,
    pulling,
    soak_cache,
    tls,
    upload,
)
from tests.support.evidence import run_named

BENCHMARKS = {
    "identification": identification.run,
    "plausibility": plausibility.run,
    "policy_replay": policy_replay.run,
    "memory_return": memory_return.run,
    "soak_cache": soak_cache.run,
    "batch_vs_unary": batch.run,
    "batch_10k_small": batch_files.run,
    "cached_extract_vs_echo": cached_extract.run,
    "get_result_vs_echo": get_result.run,
    "detection_latency": detection.run,
    "broadcast_1000": broadcast.run,
    "flapping": flapping.run,
    "orca_shift": orca_shift.run,
    "monitor_overhead": pressure_cost.run,
    "goodput_overload": overload.run,
    "tls_overhead": tls.run,
    "upload_vs_sink": upload.run_throughput,
    "upload_16_streams": upload.run_16_streams,
    "batch_10x500mb": upload.run_10x500,
    "cold_vs_exiftool": cold_folder.run,
    "large_uri": large_uri.run,
    "pull_5gb": pulling.run_large,
    "pull_roundtrips": pulling.run_roundtrips,
    "accuracy": image_reading.run_accuracy,
    "bytes_read": image_reading.run_bytes,
    "large_files": image_reading.run_large,
    "media_vs_ffprobe": media_streams.run,
    "media_boxes": media_boxes.run,
    "media_large": media_large.run,
    "media_speed": media_speed.run,
    "documents_complete": documents_complete.run,
    "documents_large": documents_large.run,
    "documents_vs_best": documents_speed.run,
    "idle_memory": image_reading.run_idle,
    "jpeg_vs_exiftool": photographs.run_jpeg,
    "engine_vs_exiftool": photographs.run_engine,
    "service_vs_exiftool": photographs.run_service,
}


if __name__ == "__main__":
    sys.exit(run_named(BENCHMARKS, sys.argv[1:]))
