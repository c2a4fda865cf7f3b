"""How long parses of each format usually take."""

from __future__ import annotations

_WARM_UP = 10
_WINDOW = 600
_MAX_KINDS = 256


class UsualLatencies:
    """A long exponential average for each kind, after a plain one of the first ten."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[int, float]] = {}

    def note(self, kind: str, seconds: float) -> float:
        """The usual seconds of `kind`, this one included."""
        count, usual = self._kinds.pop(kind, (0, 0.0))
        count += 1
        factor = 1 / count if count <= _WARM_UP else 2 / (_WINDOW + 1)
        usual += (seconds - usual) * factor
        self._kinds[kind] = (count, usual)
        if len(self._kinds) > _MAX_KINDS:
            del self._kinds[next(iter(self._kinds))]
        return usual

    def forget_slowly(self, kind: str, ratio: float) -> None:
        """Takes the usual seconds of `kind` down, where they were learnt under load."""
        count, usual = self._kinds[kind]
        self._kinds[kind] = (count, usual * ratio)
