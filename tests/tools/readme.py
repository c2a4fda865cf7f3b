"""Writes the generated parts of the README: settings from the code, results from build/bench. `make results`.

Each part stands between `<!-- name -->` and `<!-- /name -->`.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

from cache_service.settings import Settings as CacheSettings
from extractor_service.settings import Settings as ExtractorSettings
from service_runtime.settings import RuntimeSettings, describe

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PLOT = ROOT / "build" / "bench" / "survive_cgroup.png"
BENCH = ROOT / "build" / "bench"
_SUMMARISED = frozenset({"cache_kill9", "hostile_worker", "pressure_override"})
_GOALS_ONLY = frozenset(
    {"accuracy", "bytes_read", "goodput_overload", "memory_return", "policy_replay", "redis_chaos"}
)  # the command prints the others too


def settings_tables() -> str:
    shared = {row.variable for row in describe(RuntimeSettings)}
    parts = []
    for title, settings, rows_of in (
        ("Both services", RuntimeSettings, lambda row: True),
        ("Cache service", CacheSettings, lambda row: row.variable not in shared),
        ("Extractor service", ExtractorSettings, lambda row: row.variable not in shared),
    ):
        parts += [
            f"**{title}**",
            "",
            "| variable | default | unit | range | meaning |",
            "|---|---|---|---|---|",
        ]
        parts += [
            f"| `{row.variable}` | `{row.default}` | {row.unit} | {row.allowed.replace('|', 'or')} | {row.doc} |"
            for row in describe(settings)
            if rows_of(row)
        ]
        parts.append("")
    return "\n".join(parts).rstrip()


def results_table(before: str) -> str:
    """The rows of the runs in build/bench; those of other runs stay as they are in `before`, with their origin."""
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(BENCH.glob("*.json"))]
    if not reports:
        raise SystemExit("no results in build/bench: run `make bench` and `make faults` first")
    lines = [
        (
            f"{reports[0]['date']}, commit {', '.join(sorted({report['commit'] for report in reports}))};"
            f" {reports[0]['machine']}. Ratios are ours / reference, measured in the same run."
        ),
        "",
        "| run | case | figure | ours | reference | ratio (spread) | goal |",
        "|---|---|---|---|---|---|---|",
    ]
    kept = _kept(before, {report["name"] for report in reports})
    if kept:
        names = sorted({row.split("|")[1].strip() for row in kept})
        origin = re.search(r"^(\d{4}-\d\d-\d\d, commit [^;]*)", before, re.MULTILINE)
        older = re.search(r"^Not repeated since \(([^)]*)\)", before, re.MULTILINE)
        known = older[1] if older else origin[1] if origin else "unknown"
        lines.insert(1, f"\nNot repeated since ({known}): {', '.join(names)}.")
    for report in reports:
        if report["name"] in _SUMMARISED:  # the command prints every figure
            goals = [figure["holds"] for figure in report["figures"] if figure["goal"]]
            lines.append(
                f"| {report['name']} | {len(report['figures'])} figures | goals met | {sum(goals)} of {len(goals)} | | | |"
            )
            continue
        for figure in report["figures"]:
            if report["name"] in _GOALS_ONLY and not figure["goal"]:
                continue
            reference = (
                f"{figure['reference']:.4g} ({figure['reference_name']})"
                if figure["reference"] is not None
                else ""
            )
            ratio = ""
            if figure["ratio"] is not None:
                low, high = figure["spread"]
                ratio = f"{figure['ratio']:.2f} ({low:.2f}–{high:.2f})"
            goal = "" if not figure["goal"] else f"{figure['goal']} {'✓' if figure['holds'] else '✗ missed'}"
            lines.append(
                f"| {report['name']} | {figure['case']} | {figure['what']} | {figure['ours']:.4g} {figure['unit']}"
                f" | {reference} | {ratio} | {goal} |"
            )
    return "\n".join([*lines, *kept])


def _kept(before: str, names: set[str]) -> list[str]:
    """The rows of `before` that aren't of the runs `names`."""
    rows = [line for line in before.splitlines() if line.startswith("| ") and not line.startswith("| run ")]
    return [row for row in rows if row.split("|")[1].strip() not in names]


def replace(text: str, name: str, content: str) -> str:
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    assert pattern.search(text), name
    return pattern.sub(lambda match: match[1] + content + "\n" + match[2], text)


def main() -> None:
    text = README.read_text(encoding="utf-8")
    text = replace(text, "settings", settings_tables())
    if "--settings" not in sys.argv:
        before = text[text.index("<!-- results -->") : text.index("<!-- /results -->")]
        text = replace(text, "results", results_table(before))
        if PLOT.exists():
            shutil.copy(PLOT, ROOT / "tests" / "faults")
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
