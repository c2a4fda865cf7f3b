"""A name server on a port of its own, that can fall silent."""

from __future__ import annotations

import socket
import struct
import threading

_TTL_SECONDS = 1


class NameServer:
    """Answers questions for addresses (A) by UDP; nothing else has an answer."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self._addresses = addresses
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.is_silent = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> NameServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                question, peer = self._socket.recvfrom(4096)
                if not self.is_silent:
                    self._socket.sendto(self._answer(question), peer)
            except OSError:
                return

    def _answer(self, question: bytes) -> bytes:
        """RFC 1035, section 4: the header, the question as it came, and one record."""
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1 : at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind, _ = struct.unpack_from("!HH", question, at + 1)
        asked = question[12 : at + 5]
        address = self._addresses.get(".".join(labels)) if kind == 1 else None
        head = question[:2] + struct.pack("!HHHHH", 0x8580, 1, int(address is not None), 0, 0)
        if address is None:
            return head + asked
        return head + asked + struct.pack("!HHHIH", 0xC00C, 1, 1, _TTL_SECONDS, 4) + socket.inet_aton(address)
