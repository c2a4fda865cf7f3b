"""Writes the Grafana dashboards of `docker/monitoring/dashboards` from the tables below; `--check` says whether they are current."""

from __future__ import annotations

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docker" / "monitoring" / "dashboards"
_E, _C = "metaextract_extractor_", "metaextract_cache_"
_HITS, _MISSES = (f"sum by (instance) (rate({_C}{what}_total[5m]))" for what in ("hits", "misses"))


def _quantile(metric: str, by: str, quantile: float = 0.99) -> str:
    return f"histogram_quantile({quantile}, sum by (le, {by}) (rate({metric}_bucket[5m])))"


# Title, Grafana's unit, and a legend and query for each line.
EXTRACTOR = [
    ("Calls a second", "reqps", [("{{instance}} {{code}}", f"sum by (instance, code) (rate({_E}requests_total[5m]))")]),
    ("p99 of calls", "s", [("{{method}}", _quantile(f"{_E}request_duration_seconds", "method"))]),
    ("Files a second, by outcome", "ops", [("{{outcome}}", f"sum by (outcome) (rate({_E}extractions_total[5m]))")]),
    ("Files a second, by format", "ops", [("{{format}}", f"topk(10, sum by (format) (rate({_E}extractions_total[5m])))")]),
    ("p99 of reading, by format", "s", [("{{format}}", _quantile(f"{_E}extraction_duration_seconds", "format"))]),
    ("What the cache knew", "ops", [("{{status}}", f"sum by (status) (rate({_E}cache_lookups_total[5m]))")]),
    ("Pressure level that is obeyed", "short", [("{{instance}}", f"{_E}pressure_level")]),
    ("Memory used / limit", "percentunit", [("{{instance}}", f"{_E}pressure_score_ratio")]),
    ("Limit, running, waiting", "short", [("limit {{instance}}", f"{_E}concurrency_limit"), ("running {{instance}}", f'{_E}in_flight{{kind="parse"}}'), ("waiting {{instance}}", f'{_E}queued{{kind="parse"}}')]),
    ("What limits", "short", [("{{instance}} {{term}}", f"{_E}concurrency_limit_binding")]),
    ("p99 of waiting for a place", "s", [("{{kind}}", _quantile(f"{_E}queue_wait_seconds", "kind"))]),
    ("Workers", "short", [("{{state}} {{instance}}", f"{_E}workers")]),
    ("Bytes of files, and bytes that were read", "Bps", [("of files", f"sum(rate({_E}source_bytes_total[5m]))"), ("read", f"sum(rate({_E}source_bytes_read_total[5m]))")]),
    ("p99 of the event loop's lag", "s", [("{{instance}}", _quantile(f"{_E}event_loop_lag_seconds", "instance"))]),
    ("Memory of service and workers", "bytes", [("service {{instance}}", f"{_E}process_resident_memory_bytes"), ("workers {{instance}}", f"{_E}workers_resident_memory_bytes")]),
]  # fmt: skip
CACHE = [
    ("Hit ratio", "percentunit", [("{{instance}}", f"{_HITS} / ({_HITS} + {_MISSES})")]),
    ("Hits a second, by tier", "ops", [("{{tier}}", f"sum by (tier) (rate({_C}tier_hits_total[5m]))")]),
    ("Calls a second", "reqps", [("{{method}} {{code}}", f"sum by (method, code) (rate({_C}requests_total[5m]))")]),
    ("p99 of calls", "s", [("{{method}}", _quantile(f"{_C}request_duration_seconds", "method"))]),
    ("Entries", "short", [("{{tier}} {{instance}}", f"{_C}tier_entries")]),
    ("Bytes and budgets", "bytes", [("{{tier}} used", f"sum by (tier) ({_C}tier_used_bytes)"), ("{{tier}} may", f"sum by (tier) ({_C}tier_budget_bytes)")]),
    ("Removals a second", "ops", [("{{cause}}", f"sum by (cause) (rate({_C}removals_total[5m]))")]),
    ("Tiers left alone", "short", [("{{tier}} {{instance}}", f"{_C}tier_suspended")]),
    ("Pressure level", "short", [("{{instance}}", f"{_C}pressure_level"), ("fleet", f"max({_C}fleet_pressure_level)")]),
    ("Memory used / limit", "percentunit", [("{{instance}}", f"{_C}pressure_score_ratio")]),
    ("Single flight", "ops", [("leases", f"sum(rate({_C}leases_granted_total[5m]))"), ("saved", f"sum(rate({_C}single_flight_saved_total[5m]))"), ("expired", f"sum(rate({_C}leases_expired_total[5m]))")]),
    ("Watchers", "short", [("{{instance}}", f"{_C}pressure_watchers")]),
    ("Reading time saved, per second", "short", [("{{instance}}", f"rate({_C}saved_seconds_total[5m])")]),
    ("Memory", "bytes", [("{{instance}}", f"{_C}process_resident_memory_bytes")]),
]  # fmt: skip


def _panel(number: int, title: str, unit: str, lines: list[tuple[str, str]]) -> dict[str, object]:
    return {
        "id": number + 1, "title": title, "type": "timeseries", "datasource": {"type": "prometheus", "uid": "${source}"},
        "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + at), "expr": query, "legendFormat": legend} for at, (legend, query) in enumerate(lines)
        ],
    }  # fmt: skip


def dashboard(name: str, panels: list) -> dict[str, object]:
    """One of Grafana's, schema 39 (Grafana 10)."""
    return {
        "uid": f"metaextract-{name}", "title": f"MetaExtract {name}", "schemaVersion": 39, "version": 1, "editable": True,
        "tags": ["metaextract"], "refresh": "30s", "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Source"}]},
        "panels": [_panel(number, *panel) for number, panel in enumerate(panels)],
    }  # fmt: skip


DASHBOARDS = {"extractor": EXTRACTOR, "cache": CACHE}


def queries() -> list[str]:
    """All that the dashboards ask Prometheus."""
    return [query for panels in DASHBOARDS.values() for _, _, lines in panels for _, query in lines]


def texts() -> dict[Path, str]:
    """Path and content of each file."""
    return {
        FOLDER / f"{name}.json": json.dumps(dashboard(name, panels), indent=1) + "\n"
        for name, panels in DASHBOARDS.items()
    }


def stale() -> list[Path]:
    """Files that aren't what the tables say."""
    return [path for path, text in texts().items() if not path.exists() or path.read_text() != text]


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in texts().items():
        if "--check" not in sys.argv:
            path.write_text(text)
    sys.exit(1 if stale() else 0)
