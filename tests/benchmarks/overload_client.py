"""The load generator of `overload`: random arrivals at a rate, or a closed loop; one process, one CPU."""

from __future__ import annotations

import asyncio
import io
import itertools
import random
import sys
import time

import uvloop
from grpc import StatusCode, aio
from pydicom import Sequence
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from metaextract_client.channel import options

WARM_UP_SECONDS = 0.5
_ITEMS = 1000
_PLACE = b"@" * 32
_numbers = itertools.count()


def make_job() -> bytes:
    """A DICOM file with a long sequence: 42 KB whose describing costs about 55 ms of CPU, by pydicom."""
    dataset = Dataset()
    dataset.PatientID = _PLACE.decode()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.SOPInstanceUID = "1.2.3.4"
    codes = []
    for number in range(_ITEMS):
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = str(number), "DCM", "x"
        codes.append(code)
    dataset.ProcedureCodeSequence = Sequence(codes)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


_JOB = make_job()


def job() -> bytes:
    """The file, as nobody has seen it before."""
    return _JOB.replace(_PLACE, f"{time.time_ns():020}-{next(_numbers):011}".encode())


class Counts:
    def __init__(self) -> None:
        self.good = self.refused = self.late = 0


async def call(stub, counts: Counts, until: float, deadline: float) -> None:
    request = extractor_pb2.ExtractRequest(inline=extractor_pb2.InlineSource(data=job(), name="job.dcm"))
    try:
        await stub.Extract(request, timeout=deadline)
        counts.good += time.monotonic() <= until  # what is answered afterwards was not of this time
    except aio.AioRpcError as error:
        if error.code() == StatusCode.RESOURCE_EXHAUSTED:
            counts.refused += 1
        else:
            counts.late += 1


async def cell(stub, per_second: float, seconds: float, closed: int, deadline: float) -> Counts:
    counts, until = Counts(), time.monotonic() + seconds
    if closed:

        async def loop():
            while time.monotonic() < until:
                await call(stub, counts, until, deadline)

        await asyncio.gather(*(loop() for _ in range(closed)))
        return counts
    # The first moment fills the queue and isn't counted.
    warm, tasks, at = Counts(), set(), time.monotonic()
    until = at + WARM_UP_SECONDS + seconds
    start = at + WARM_UP_SECONDS
    while at < until:
        at += random.expovariate(per_second)
        await asyncio.sleep(max(0, at - time.monotonic()))
        task = asyncio.create_task(timed(stub, warm, counts, start, until, deadline))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return counts


async def timed(stub, warm: Counts, counts: Counts, start: float, until: float, deadline: float) -> None:
    """One call, counted by the moment of its answer."""
    mine = Counts()
    await call(stub, mine, until, deadline)
    into = counts if start <= time.monotonic() <= until else warm
    into.good += mine.good
    into.refused += mine.refused
    into.late += mine.late


async def main(address: str) -> None:
    loop = asyncio.get_running_loop()
    async with aio.insecure_channel(address, options=options(address, retries=False)) as channel:
        stub = extractor_pb2_grpc.ExtractorServiceStub(channel)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            per_second, seconds, closed, deadline = line.split()
            counts = await cell(stub, float(per_second), float(seconds), int(closed), float(deadline))
            print(counts.good, counts.refused, counts.late, flush=True)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
