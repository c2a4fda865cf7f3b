"""Heads of DTS frames. ETSI TS 102 114, 5.3.1 (the core)."""

from __future__ import annotations

_SYNC = b"\x7f\xfe\x80\x01"
_RATES = {1: 8000, 2: 16000, 3: 32000, 6: 11025, 7: 22050, 8: 44100, 11: 12000, 12: 24000, 13: 48000}
_CHANNELS = (1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 6, 6, 6, 7, 8, 8)
_HEAD_BYTES = 8  # behind the sync word, in which all is that is asked for


def dts_frame(data: bytes) -> tuple[int | None, int | None] | None:
    """Channels, low ones included, and Hz of the first frame; None without one."""
    place = data.find(_SYNC)
    if place < 0 or place + 4 + _HEAD_BYTES > len(data):
        return None
    packed = int.from_bytes(data[place + 4 : place + 4 + _HEAD_BYTES])
    mode, rate, low = packed >> 30 & 63, packed >> 26 & 15, packed >> 9 & 3
    channels = _CHANNELS[mode] + (low in {1, 2}) if mode < len(_CHANNELS) else None
    return channels, _RATES.get(rate)
