"""Heads of MPEG audio frames. ISO/IEC 11172-3, 2.4.1.3 and 2.4.2.3; 13818-3, 2.4.2.3."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

_MPEG_RATES = {  # kbit/s by (is version 1, layer): ISO/IEC 11172-3, 2.4.2.3; 13818-3, 2.4.2.3
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


class MpegFrame(NamedTuple):
    """What the head of an MPEG audio frame says."""

    version: int
    """3 for MPEG-1, 2 for MPEG-2, 0 for the unofficial 2.5."""
    layer: int
    bit_rate: int
    """Bits a second."""
    rate_index: int
    sample_rate: int
    """Hz."""
    channels: int
    length: int
    """Bytes of the frame."""

    @property
    def samples(self) -> int:
        """Of each channel."""
        return 384 if self.layer == 1 else 1152 if self.layer == 2 or self.version == 3 else 576

    @property
    def side_bytes(self) -> int:
        """Of side information, behind which encoders write their own header."""
        if self.version == 3:
            return 17 if self.channels == 1 else 32
        return 9 if self.channels == 1 else 17

    def is_like(self, other: MpegFrame) -> bool:
        """Whether both may be of one stream."""
        return (self.version, self.layer, self.rate_index) == (other.version, other.layer, other.rate_index)


@lru_cache(maxsize=512)
def mpeg_frame(data: bytes) -> MpegFrame | None:
    """The MPEG audio frame whose first four bytes these are; None when they are none."""
    if len(data) != 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return None
    version, layer = data[1] >> 3 & 3, 4 - (data[1] >> 1 & 3)
    rate, sampling, padding = data[2] >> 4, data[2] >> 2 & 3, data[2] >> 1 & 1
    if version == 1 or layer == 4 or rate in {0, 15} or sampling == 3 or data[3] & 3 == 2:
        return None
    bits, hertz = _MPEG_RATES[version == 3, layer][rate] * 1000, _SAMPLE_RATES[version][sampling]
    if layer == 1:
        length = (12 * bits // hertz + padding) * 4
    else:
        length = (144 if layer == 2 or version == 3 else 72) * bits // hertz + padding
    return MpegFrame(version, layer, bits, sampling, hertz, 1 if data[3] >> 6 == 3 else 2, length)
