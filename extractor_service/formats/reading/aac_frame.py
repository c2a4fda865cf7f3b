"""Lengths of AAC's frames: ADTS (ISO/IEC 13818-7, 6.2; 14496-3, 1.A.2) and LOAS (14496-3, 1.7.2)."""

from __future__ import annotations

ADTS_HEAD_BYTES = 7  # without the checksum that may follow
LOAS_HEAD_BYTES = 3  # eleven bits of sync, thirteen of length
_RESERVED_RATES = frozenset({13, 14})  # indexes of sample rates that nobody may use (14496-3, table 1.18)


def adts_frame_bytes(head: bytes) -> int:
    """Length of the ADTS frame that `head` begins with; 0 when it doesn't, or is shorter than a frame's head."""
    if len(head) < ADTS_HEAD_BYTES or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return 0 if length < ADTS_HEAD_BYTES or head[2] >> 2 & 15 in _RESERVED_RATES else length


def loas_frame_bytes(head: bytes) -> int:
    """Length of the LOAS frame (AudioSyncStream) that `head` begins with; 0 when it doesn't."""
    if len(head) < LOAS_HEAD_BYTES or head[0] != 0x56 or head[1] & 0xE0 != 0xE0:
        return 0
    return LOAS_HEAD_BYTES + ((head[1] & 0x1F) << 8 | head[2])
