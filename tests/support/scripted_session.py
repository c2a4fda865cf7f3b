"""A client that says in a session what a test wants it to."""

from __future__ import annotations

import threading

import grpc

from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract.extractor.v1 import extractor_pb2_grpc


class Script:
    """A client that says what a test wants it to."""

    def __init__(self, address, offer, channel=None):
        self._own = channel is None
        self._channel = channel or grpc.insecure_channel(address)
        self._messages = []
        self._changed = threading.Condition()
        self._is_over = False
        self.send(pb.ExtractSessionRequest(offer=offer))
        self.call = extractor_pb2_grpc.ExtractorServiceStub(self._channel).ExtractSession(self._requests())

    def send(self, *messages):
        with self._changed:
            self._messages.extend(messages)
            self._changed.notify()

    def chunk(self, offset, data, crc=None):
        self.send(pb.ExtractSessionRequest(chunk=pb.FileChunk(offset_bytes=offset, data=data, crc32=crc)))

    def until(self, kind):
        for answer in self.call:
            if answer.WhichOneof("part") == kind:
                return getattr(answer, kind)
        raise AssertionError(f"no {kind} came")

    def status(self):
        """The status that the call ends with."""
        try:
            for _ in self.call:
                pass
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    def half_close(self):
        """Nothing more is sent; what was given to `send` is."""
        with self._changed:
            self._is_over = True
            self._changed.notify()

    def close(self):
        self.half_close()
        self.call.cancel()
        if self._own:
            self._channel.close()

    def _requests(self):
        while True:
            with self._changed:
                while not self._messages:
                    if self._is_over:
                        return
                    self._changed.wait()
                message = self._messages.pop(0)
            yield message
