"""Bits one after the other, as the headers of coded pictures have them; Exp-Golomb codes. ITU-T H.264, 7.2 and 9.1."""

from __future__ import annotations


class Bits:
    """Reads from the highest bit of the first byte on; raises IndexError beyond the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data)
        self._left = len(data) * 8

    def take(self, count: int) -> int:
        """The next `count` bits as a number."""
        self._left -= count
        if self._left < 0:
            raise IndexError("the header is cut")
        return self._value >> self._left & (1 << count) - 1

    def flag(self) -> bool:
        """The next bit."""
        return bool(self.take(1))

    def unsigned(self) -> int:
        """ue(v): as many zeros, a one, as many bits."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("no Exp-Golomb code")
        return (1 << zeros) - 1 + (self.take(zeros) if zeros else 0)

    def signed(self) -> int:
        """se(v): 0, 1, -1, 2, -2 and so on."""
        code = self.unsigned()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def unescaped(data: bytes) -> bytes:
    """A NAL unit without the bytes that keep start codes out of it (7.4.1)."""
    return data.replace(b"\0\0\x03", b"\0\0")
