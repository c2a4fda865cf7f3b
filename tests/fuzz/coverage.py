"""Which lines of ours ran: what tells the driver that an input found something new."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType, FrameType

_OURS = ("/extractor_service/", "/cache_service/", "/service_runtime/", "/metaextract_client/")
_TOOL = 4  # of sys.monitoring's tools: none of those that debuggers, coverage and profilers have


class Coverage:
    """Counts lines from `start` on. New ones cost; those that ran before cost nothing where the interpreter can say so."""

    def __init__(self) -> None:
        self.lines: set[tuple[CodeType, int]] = set()
        self._left: dict[CodeType, set[int] | None] = {}

    def start(self) -> None:
        """Begins to count, for the rest of the process."""
        monitoring: Any = getattr(sys, "monitoring", None)
        if monitoring is None:
            sys.settrace(self._on_call)
            return
        monitoring.use_tool_id(_TOOL, "fuzz")
        monitoring.register_callback(_TOOL, monitoring.events.LINE, self._on_line)
        monitoring.set_events(_TOOL, monitoring.events.LINE)

    def _on_line(self, code: CodeType, line: int) -> Any:
        if any(part in code.co_filename for part in _OURS):
            self.lines.add((code, line))
        return sys.monitoring.DISABLE  # type: ignore[attr-defined,unused-ignore] # since 3.12

    def _on_call(self, frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        left = self._left.get(code, ...)
        if left is ...:
            is_ours = any(part in code.co_filename for part in _OURS)
            left = {line for _, _, line in code.co_lines() if line is not None} if is_ours else None
            self._left[code] = left
        if not left:
            return None

        def on_line(frame: FrameType, event: str, argument: object) -> Any:
            if frame.f_lineno in left:
                left.discard(frame.f_lineno)
                self.lines.add((code, frame.f_lineno))
            return on_line

        return on_line
