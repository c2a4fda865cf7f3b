"""The template process: loads once what all parsers share, then forks workers that share its pages.

It is exec'd, not forked, by the front, so that it never holds gRPC's threads and locks; it has one thread, so that
forking is safe. A fork takes about 10 ms, so the front kills a worker on any doubt.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.formats.reading import tagset
from extractor_service.modules.base import GUEST_PREFIX, READER
from extractor_service.modules.registry import BY_NAME
from extractor_service.workers import child, isolation
from extractor_service.workers.child import Skills
from extractor_service.workers.sandbox import probes
from extractor_service.workers.sandbox.jail import Jail
from extractor_service.workers.sandbox.profile import PROFILES, profile_of
from service_runtime.memory import release

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extractor_service.formats.base import Format
    from extractor_service.modules.base import Module


_COLLECT_AT = 20_000  # containers more than were freed; a document of a photograph has a thousand
_ALWAYS = ("metadata", "composite", "common")  # modules of nearly every request
# Beside the readers of formats that say so: what stands inside photographs, with the largest tables.
_SHARED = (
    *("xmp", "icc", "iptc", "photoshop", "printim", "mpf", "makernotes.registry"),
    *(f"makernotes.{maker}" for maker in ("canon", "nikon", "sony", "olympus", "panasonic", "pentax", "fujifilm", "casio", "apple", "kodak", "small")),
)  # fmt: skip


def main(formats: Sequence[Format]) -> None:
    """Serves fork requests on the socket whose number is the first argument, until the front closes it.

    Each request is a packet with the worker's socket attached, "fork" for a worker and "probe" for a process that only tries
    its jail; the answers are JSON packets: {"forked": pid} and {"exited": pid, "status": wait status}. The second argument is
    the memory that a worker may add, the third the jail's profile, or "none", the fourth the kind of its workers.
    """
    os.environ.setdefault(
        "OPENBLAS_NUM_THREADS", "1"
    )  # its thread pool costs address space, and nobody computes
    isolation.die_with_parent()
    control = socket.socket(fileno=int(sys.argv[1]))
    memory_bytes, profile, kind = int(sys.argv[2]), PROFILES.get(sys.argv[3]), sys.argv[4]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the front's business
    by_name = {each.name: each for each in formats}
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    modules: Mapping[str, Module] = BY_NAME
    told: dict[str, object] = {}
    if kind == READER:
        _preload(formats)
    elif kind.startswith(GUEST_PREFIX):
        name = kind.removeprefix(GUEST_PREFIX)
        guest, told["module"], told["reason"] = _load_guest(name)
        modules = {**BY_NAME, name: guest}
    else:
        for module in BY_NAME.values():
            if module.worker_kind == kind and not module.unavailable():
                module.preload()
    quiet_collector()
    jail = None if profile is None else Jail(profile)
    try:
        _serve(
            control,
            (woken, wake),
            _Nursery(Skills(by_name, modules), memory_bytes, jail, PROFILES[profile_of(kind)].file_bytes),
            told,
        )
    except (BrokenPipeError, ConnectionResetError):
        return  # the front has gone


def quiet_collector() -> None:
    """What was loaded is never looked at again, which would copy the pages that workers share; the rest, seldom.

    Documents have no cycles: counting references frees them, and the collector took 4 % of reading films for nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AT)


def _preload(formats: Sequence[Format]) -> None:
    """Loads what nearly every image needs, so that workers share it: the readers, and the tag tables packed."""
    tagset.preload()
    for each in formats:
        if each.is_preloaded:
            each.load()
    for name in _SHARED:
        importlib.import_module(f"extractor_service.formats.embedded.{name}")
    for name in _ALWAYS:
        BY_NAME[name].preload()
    release.trim()  # the tables took ten times as much before they were packed


class _Nursery(NamedTuple):
    """What workers are born with."""

    skills: Skills
    memory_bytes: int
    jail: Jail | None
    file_bytes: int


def _load_guest(name: str) -> tuple[Module, dict[str, object], str]:
    """The module of another package, and what is told of it; where it fails, one that says why."""
    from extractor_service.modules import guests  # noqa: PLC0415 - only in workers of their kinds

    try:
        module = guests.load(name)
        told = guests.describe(module)
        if not module.unavailable():
            module.preload()
    except Exception as error:  # noqa: BLE001 - whatever its code does, it is the module that can't be used
        reason = f"{type(error).__name__}: {error}"[:300]
        return guests.Guest(name, {}, reason), {}, reason
    return module, told, ""


def _serve(control: socket.socket, pipe: tuple[int, int], nursery: _Nursery, told: dict[str, object]) -> None:
    woken, _ = pipe
    control.send(json.dumps({"ready": os.getpid(), **told}).encode())
    inputs: list[socket.socket | int] = [control, woken]
    while True:
        readable, _, _ = select.select(inputs, [], [])
        if woken in readable:
            os.read(woken, 4096)
            _reap(control)
        if control in readable:
            data, descriptors, _, _ = socket.recv_fds(control, 1024, 1)
            if not data:
                return
            _fork(control, descriptors[0], nursery, is_probe=data == b"probe")


def _fork(control: socket.socket, descriptor: int, nursery: _Nursery, *, is_probe: bool) -> None:
    try:
        pid = os.fork()
    except OSError as error:  # no room for another: the workers that run must not go with it
        os.close(descriptor)
        control.send(json.dumps({"failed": str(error)}).encode())
        return
    if pid:
        os.close(descriptor)
        control.send(json.dumps({"forked": pid}).encode())
        return
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        isolation.die_with_parent()
        control.detach()
        _live(socket.socket(fileno=descriptor), nursery, is_probe=is_probe)
        status = 0
    except (BrokenPipeError, ConnectionResetError):
        status = 0  # the front has gone or given up on this worker
    except MemoryError:
        status = child.EXIT_OUT_OF_MEMORY
    finally:
        os._exit(status)


def _live(connection: socket.socket, nursery: _Nursery, *, is_probe: bool) -> None:
    """A worker's life. Threads begin after the barriers, which hold for the thread that puts them up and its children."""
    memory, jail = isolation.OwnMemory(), nursery.jail
    isolation.silence()
    sys.dont_write_bytecode = True  # it would be refused each time
    kept = (connection.fileno(), memory.descriptor, None if jail is None else jail.descriptor)
    isolation.close_other_descriptors([each for each in kept if each is not None])
    isolation.limit_resources(nursery.memory_bytes, memory, nursery.file_bytes)
    isolation.yield_to_front()
    missing = {} if jail is None else jail.enter()
    if is_probe:
        connection.sendall(json.dumps({"missing": missing, "failures": probes.failures()}).encode())
    else:
        child.serve(connection, nursery.skills, memory)


def _reap(control: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        control.send(json.dumps({"exited": pid, "status": status}).encode())
