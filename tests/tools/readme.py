"""Writes the generated parts of the READMEs: settings and states from the code, results from what was measured.

Each part stands between `<!-- name -->` and `<!-- /name -->`. `make results` also takes in what build/bench has; with `--settings`
only what comes from the code is written.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cache_service.settings import Settings as CacheSettings
from extractor_service.settings import Settings as ExtractorSettings
from metaextract_client.session_protocol import TRANSITIONS, Event, State
from service_runtime.settings import RuntimeSettings, describe
from tests.tools import results

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
_CLIENT, _BOTH = 0, 2  # columns; all other events are messages of the server
_SIDES = {
    **dict.fromkeys((Event.OFFER, Event.CHUNK, Event.END, Event.FAILURE), _CLIENT),
    **dict.fromkeys((Event.COMPLETE, Event.GIVEN_UP), _BOTH),
}
_PLOT = ROOT / "build" / "bench" / "survive_cgroup.png"


def shared_settings() -> str:
    """Those of both services."""
    return _settings(RuntimeSettings, set())


def cache_settings() -> str:
    """Those of the cache alone."""
    return _settings(CacheSettings, {row.variable for row in describe(RuntimeSettings)})


def extractor_settings() -> str:
    """Those of the extractor alone."""
    return _settings(ExtractorSettings, {row.variable for row in describe(RuntimeSettings)})


def session_states() -> str:
    """The table of a session's states; events of one state that lead to the same one share a row."""
    rows: dict[tuple[State, State], list[list[str]]] = {}
    for (state, event), following in TRANSITIONS.items():
        sides = rows.setdefault((state, following), [[], [], []])
        sides[_SIDES.get(event, 1)].append(f"`{event.value}`")
    lines = ["| state | client says | server says | both see | then |", "|---|---|---|---|---|"]
    for state in State:
        for (before, following), sides in rows.items():
            if before is state:
                told = " | ".join(", ".join(each) for each in sides)
                lines.append(f"| {before.name} | {told} | {following.name} |")
    return "\n".join(lines)


def measured() -> str:
    """What was measured last, of the committed results."""
    return results.render(results.load())


def eight_numbers() -> str:
    """The eight of them that the first page tells."""
    return results.eight_numbers(results.load())


BLOCKS: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("README.md", "numbers", eight_numbers),
    ("cache_service/README.md", "shared settings", shared_settings),
    ("cache_service/README.md", "settings", cache_settings),
    ("extractor_service/README.md", "settings", extractor_settings),
    ("extractor_service/serving/sessions/README.md", "states", session_states),
    ("tests/benchmarks/README.md", "results", measured),
)


def replace(text: str, name: str, content: str) -> str:
    """`text` with `content` between the marks of `name`."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    assert pattern.search(text), name
    return pattern.sub(lambda match: match[1] + content + "\n" + match[2], text)


def _settings(settings: type, without: set[str]) -> str:
    lines = ["| variable | default | unit | range | meaning |", "|---|---|---|---|---|"]
    lines += [
        f"| `{row.variable}` | `{row.default}` | {row.unit} | {row.allowed.replace('|', 'or')} | {row.doc} |"
        for row in describe(settings)
        if row.variable not in without
    ]
    return "\n".join(lines)


def main() -> None:
    """Writes every block whose content has changed."""
    if "--settings" not in sys.argv:
        results.record()
        if _PLOT.exists():
            shutil.copy(_PLOT, ROOT / "tests" / "faults")
    for page, name, content in BLOCKS:
        path = ROOT / page
        path.write_text(replace(path.read_text(encoding="utf-8"), name, content()), encoding="utf-8")


if __name__ == "__main__":
    main()
