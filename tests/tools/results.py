"""Says what was measured, as the page of evidence has it: by question, misses first, one commit a block.

`tests/benchmarks/results.json` keeps the last report of each run, as `tests/support/evidence.py` writes it.
"""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, TypeAlias

from tests.support.evidence import OUTPUT

Report: TypeAlias = dict[str, Any]

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results.json"
GROUPS = {
    "How right is it?": "accuracy identification plausibility media_vs_ffprobe media_boxes documents_complete science_complete",
    "How fast is it, compared with ExifTool?": (
        "jpeg_vs_exiftool jpeg_vs_exiftool_compiled engine_vs_exiftool engine_vs_exiftool_compiled engine_vs_before service_vs_exiftool"
        " service_vs_exiftool_compiled compiled_equals_pure cold_vs_exiftool batch_10k_small batch_10k_small_compiled media_speed"
        " documents_vs_best science_vs_best"
    ),
    "What does a call cost?": (
        "cached_extract_vs_echo get_result_vs_echo batch_vs_unary batch_vs_redis growth scale_curve sandbox_cost"
    ),
    "How few bytes does it read and move?": (
        "bytes_read pull_5gb pull_roundtrips large_files large_uri media_large documents_large science_large depth upload_vs_sink upload_unary upload_16_streams batch_10x500mb"
    ),
    "What do memory and pressure do?": (
        "monitor_overhead goodput_overload idle_memory memory_return detection_latency broadcast_1000 broadcast_10000 flapping"
        " oscillation orca_shift pressure_override"
    ),
    "What does it survive?": (
        "survive_cgroup hostile_client resume_kill9 subscriber_chaos redis_chaos soak_cache damaged_files disk_kill9"
        " disk_bitflip cache_kill9 hostile_worker huge_documents huge_structures blame hostile_callers decoder_bombs scarce_cpu"
    ),
    "Who gets in?": "security_attacks tenant_isolation rotation tls_overhead",
    "How does it run in a fleet?": (
        "rolling_restart metrics_overhead fault_matrix soak_mixed probes keepalive fleet_scaling batch_engine"
    ),
    "What do modules find, and what do they cost?": (
        "module_costs similarity geocoding provenance chart_batch module_faults"
    ),
    "How well does the cache choose?": "policy_replay single_flight",
}
_SUMMARISED = frozenset(
    {"cache_kill9", "decoder_bombs", "hostile_worker", "pressure_override", "security_attacks"}
)  # the command prints each figure
_GOALS_ONLY = frozenset(
    {
        "accuracy",
        "bytes_read",
        "media_vs_ffprobe",
        "goodput_overload",
        "memory_return",
        "policy_replay",
        "redis_chaos",
        "depth",
        "science_complete",
    }
)  # the command prints the others too
_PLAIN = frozenset({"count", "yes", "0/1", "0 or 1", "1 is NORMAL", ""})  # units that go without saying


def load() -> list[Report]:
    """The committed reports."""
    found: list[Report] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def record() -> list[Report]:
    """The committed reports after those in build/bench have replaced the earlier ones of the same runs."""
    reports = {report["name"]: report for report in load()}
    for path in sorted(OUTPUT.glob("*.json")):
        report = json.loads(path.read_text(encoding="utf-8"))
        reports[report["name"]] = _published(report)
    ordered = [reports[name] for name in sorted(reports)]
    RESULTS.write_text(dumped(ordered), encoding="utf-8")
    return ordered


def dumped(reports: list[Report]) -> str:
    """The reports as JSON, a figure a line: a run that was repeated changes its own lines alone."""
    told = []
    for report in reports:
        figures = ",\n  ".join(json.dumps(each, ensure_ascii=False) for each in report["figures"])
        head = json.dumps(
            {key: value for key, value in report.items() if key != "figures"}, ensure_ascii=False
        )
        told.append(f'{head[:-1]}, "figures": [\n  {figures}\n]}}')
    return "[\n" + ",\n".join(told) + "\n]\n"


def render(reports: list[Report]) -> str:
    """The page's text; whatever wasn't repeated on the day of the last runs is called stale."""
    newest = _newest(reports)
    by_name = {report["name"]: report for report in reports}
    missed = [
        f"- ✗ `{report['name']}`, {figure['case']}: {_said(figure)}{_stale(report, newest, ' _(stale)_')}."
        for names in GROUPS.values()
        for report in _present(names, by_name)
        for figure in report["figures"]
        if figure.get("holds") is False
    ]
    lines = [f"### Missed goals: {len(missed)}", "", *missed, ""]
    for question, names in GROUPS.items():
        lines += [f"### {question}", ""]
        blocks: dict[tuple[str, str], list[Report]] = {}
        for report in _present(names, by_name):
            blocks.setdefault((report["date"], report["commit"]), []).append(report)
        for _, block in sorted(blocks.items(), key=lambda item: (item[0][0] != newest, item[0])):
            stale = _stale(block[0], newest, "**stale**, ")
            lines += [f"_{stale}{block[0]['date']}, commit {block[0]['commit']}; {block[0]['machine']}_", ""]
            told = [each for report in block for each in _cases(report)]
            lines += [text for _, text in sorted(told, key=lambda each: not each[0])] + [""]
    return "\n".join(lines).rstrip()


EIGHT = (
    ("service against `exiftool -j`, files a CPU second", "service_vs_exiftool", "", "files per CPU second"),
    ("engine against `exiftool -stay_open`, JPEG", "jpeg_vs_exiftool", "", "files per CPU second"),
    ("share of a JPEG corpus that is fetched", "bytes_read", "jpeg", "share of bytes fetched"),
    ("cached 41 KB photo against a bare gRPC echo, p50", "cached_extract_vs_echo", "", "latency p50"),
    ("EXIF values equal to ExifTool's", "accuracy", "exif", "values equal"),
    ("moved of 4.2 to 5.0 GB, most of five formats", "pull_5gb", "", "bytes moved"),
    ("OOM kills, 512 MiB, 64 clients, 120 s", "survive_cgroup", "512 MiB", "OOM kills"),
    ("uploads lost in 50 `kill -9`", "resume_kill9", "", "not completed"),
)
"""The figures of the first page: question, run, how the case begins, figure. Of several the worst is told."""


def eight_numbers(reports: list[Report]) -> str:
    """The first page's table; a figure that wasn't repeated on the day of the last runs is marked."""
    newest = _newest(reports)
    lines = ["| question | figure | goal |", "|---|---|---|"]
    for question, run, case, what in EIGHT:
        report = next(each for each in reports if each["name"] == run)
        goals = [
            each
            for each in report["figures"]
            if each["what"] == what and each["case"].startswith(case) and each.get("goal")
        ]
        is_most_wanted = goals[0]["goal"].startswith(">")
        worst = (min if is_most_wanted else max)(goals, key=lambda each: each.get("ratio") or each["ours"])
        value = f"{digits(worst['ratio'])} ×" if worst.get("ratio") else digits(worst["ours"])
        unit = "" if worst.get("ratio") or worst["unit"] in _PLAIN else f" {worst['unit']}"
        lines.append(f"| {question} | {value}{unit}{_stale(report, newest, ' ¹')} | {_goal(worst)} |")
    missed = sum(figure.get("holds") is False for report in reports for figure in report["figures"])
    asked = sum(bool(figure.get("goal")) for report in reports for figure in report["figures"])
    lines += [
        "",
        f"In all {missed} of {asked} goals are missed. ¹ stale: not repeated on the day of the last runs.",
    ]
    return "\n".join(lines)


def _newest(reports: list[Report]) -> str:
    """The day of the last runs."""
    return str(max(report["date"] for report in reports))


def _present(names: str, by_name: dict[str, Report]) -> list[Report]:
    return [by_name[name] for name in names.split() if name in by_name]


def _stale(report: Report, newest: str, text: str) -> str:
    return "" if report["date"] == newest else text


def _published(report: Report) -> Report:
    """The report without what only its command tells."""
    figures = report["figures"]
    if report["name"] in _SUMMARISED:
        goals = [figure["holds"] for figure in figures if figure["goal"]]
        met = {"ours": sum(goals), "goal": f"== {len(goals)}", "holds": all(goals)}
        figures = [{"case": f"{len(figures)} figures", "what": "goals met", "unit": "count", **met}]
    elif report["name"] in _GOALS_ONLY:
        figures = [figure for figure in figures if figure["goal"]]
    return {**{key: report[key] for key in ("name", "date", "commit", "machine")}, "figures": figures}


def _cases(report: Report) -> list[tuple[bool, str]]:
    """A line for each case, and whether it misses a goal; within a line, what is missed comes first."""
    cases: dict[str, list[dict[str, Any]]] = {}
    for figure in report["figures"]:
        cases.setdefault(figure["case"], []).append(figure)
    lines = []
    for case, figures in cases.items():
        is_missed = any(figure.get("holds") is False for figure in figures)
        said = "; ".join(
            _said(each) for each in sorted(figures, key=lambda each: each.get("holds") is not False)
        )
        lines.append((is_missed, f"- {'✗ ' if is_missed else ''}`{report['name']}`, {case}: {said}."))
    return lines


def _said(figure: dict[str, Any]) -> str:
    unit = figure["unit"]
    value = digits(figure["ours"], is_exact=unit in _PLAIN)
    text = f"{figure['what']} {value}" + ("" if unit in _PLAIN else f" {unit}")
    if figure.get("ratio") is not None:
        low, high = figure["spread"]
        text += (
            f" against {digits(figure['reference'])} ({figure['reference_name']}):"
            f" {digits(figure['ratio'])} × ({digits(low)}–{digits(high)})"
        )
    if figure.get("goal"):
        text += f" [{_goal(figure)}]"
    return text


def _goal(figure: dict[str, Any]) -> str:
    sign, _, limit = figure["goal"].partition(" ")
    shown = {">=": "≥ ", "<=": "≤ ", "==": ""}.get(sign, sign + " ")
    return f"{shown}{limit} {'✓' if figure['holds'] else '✗'}"


def digits(value: float, *, is_exact: bool = False) -> str:
    """Three significant digits, halves up; whole numbers below 1,000, and what is exact, as they are."""
    number = Decimal(repr(value))
    if number == int(number) and (abs(number) < 1000 or is_exact):
        return f"{int(number):,}"
    place = number.adjusted() - 2
    shown = number.quantize(Decimal(1).scaleb(place), ROUND_HALF_UP)
    return f"{int(shown):,}" if place >= 0 else f"{shown:f}"
