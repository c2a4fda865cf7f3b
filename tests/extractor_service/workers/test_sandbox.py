"""Real jails, as root and as somebody else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from extractor_service.workers.pool import WorkerPool
from extractor_service.workers.sandbox import landlock, syscalls
from extractor_service.workers.sandbox.jail import BARRIERS, Jail
from extractor_service.workers.sandbox.probes import NO_SANDBOX, PROBES, SandboxReport
from extractor_service.workers.sandbox.profile import PROFILES, READER
from tests.support.processes import start_cache, start_extractor

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux has these barriers")
COMMAND = (sys.executable, "-m", "extractor_service.workers")
NOBODY = 65534


_WAYS = """
import ctypes, mmap, tempfile
spool = tempfile.TemporaryFile()
spool.write(b"honest bytes")
spool.flush()
libc = ctypes.CDLL(None, use_errno=True)
def shared_spool():
    mmap.mmap(spool.fileno(), 12, flags=mmap.MAP_SHARED, prot=mmap.PROT_WRITE)[:3] = b"BAD"
def pointer_with_low_half_0():
    # A filter that looks at half of a pointer takes this one for none, and another's limits are set.
    libc.mmap.restype = ctypes.c_void_p
    place = libc.mmap(ctypes.c_void_p(0x300000000), 4096, 3, 0x22 | 0x10, -1, 0)
    assert place == 0x300000000
    ctypes.memmove(place, (17).to_bytes(8, "little") * 2, 16)
    if libc.syscall(302 if os.uname().machine == "x86_64" else 261, os.getpid(), 7, ctypes.c_void_p(place), 0) < 0:
        raise OSError(ctypes.get_errno(), "prlimit64")
"""


def in_jail(code: str, *, user: int | None = None) -> str:
    """What `code` prints in a process that has entered a jail: Landlock leaves standard output as it is."""
    script = (
        "import json, os, sys\n"
        "from extractor_service.workers.sandbox.jail import Jail\n"
        "from extractor_service.workers.sandbox.profile import READER\n"
        "from extractor_service.workers.sandbox import probes\n"
        f"{_WAYS}"
        "jail = Jail(READER)\n"
        f"{f'os.setgroups([]); os.setgid({user}); os.setuid({user})' if user else ''}\n"
        "missing = jail.enter()\n" + code
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "user",
    [
        None,
        pytest.param(
            NOBODY, marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
        ),
    ],
)
def test_every_attempt_is_refused(user):
    missing, failures = json.loads(in_jail("print(json.dumps([missing, probes.failures()]))", user=user))
    if landlock.version() == 0:  # then files outside can be read, and the report says so
        assert set(missing) == {"landlock"}
        assert set(failures) <= {"listing a folder outside", "reading a file outside"}
    else:
        assert (missing, failures) == ({}, {})


def test_without_a_jail_the_attempts_succeed():
    """Or they would prove nothing."""
    script = "import json; from extractor_service.workers.sandbox import probes; print(json.dumps(probes.failures()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) == set(PROBES)


@pytest.mark.parametrize(
    "attempt",
    [
        "__import__('subprocess').run(['/bin/true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.memfd_create('x')",
        "os.open('/tmp', os.O_TMPFILE | os.O_RDWR)",
        "os.rename('/tmp/a', '/tmp/b')",
        "os.unlink('/tmp/nothing')",
        "os.mkdir('/tmp/nothing')",
        "os.chmod('/tmp', 0o777)",
        "os.symlink('/', '/tmp/nothing')",
        "os.setuid(0)",
        "os.nice(-1)",
        "os.pidfd_open(os.getppid())",
        "os.eventfd(0)",
        "os.kill(-1, 0)",
        "os.kill(1, 0)",
        "__import__('fcntl').fcntl(1, 8, os.getppid())",  # F_SETOWN
        "__import__('fcntl').ioctl(0, 0x5412, b'x')",  # TIOCSTI
        "__import__('resource').setrlimit(7, (64, 64))",
        "__import__('signal').pidfd_send_signal(0, 0)",
        "__import__('mmap').mmap(-1, 4096, flags=1).__class__ and os.open('/dev/mem', os.O_RDWR)",
        "os.listdir('/proc/1')",
        "open('/proc/self/environ').read()",
        "os.sched_setaffinity(0, {0})",
        "__import__('resource').prlimit(os.getppid(), 7)",
        "__import__('mmap').mmap(-1, 4096, flags=1)",
        "shared_spool()",
        "pointer_with_low_half_0()",
    ],
)
def test_other_ways_out_are_shut_too(attempt):
    code = f"try:\n    {attempt}\n    print('succeeded')\nexcept OSError as error:\n    print(error.errno)\nexcept ValueError:\n    print(1)\n"
    assert in_jail(code) in {"1", "13"}  # EPERM, EACCES


def test_what_readers_need_goes_on():
    code = (
        "import threading, time, tempfile, json, signal\n"
        "thread = threading.Thread(target=lambda: time.sleep(0.01)); thread.start(); thread.join()\n"
        "import wave, sqlite3, xml.dom.minidom\n"  # not loaded before
        "signal.setitimer(signal.ITIMER_REAL, 1.0); signal.setitimer(signal.ITIMER_REAL, 0)\n"
        "print(len(os.urandom(8)))"
    )
    assert in_jail(code) == "8"


HEADERS = [
    *Path("/usr/include").rglob("asm/unistd_64.h"),
    *Path("/usr/include").rglob("asm-generic/unistd.h"),
]


@pytest.mark.skipif(
    not HEADERS, reason="the kernel's headers aren't installed: apt-get install linux-libc-dev"
)
def test_numbers_of_the_machines_are_the_kernels():
    for header, machine in (
        (each, "x86_64" if each.name == "unistd_64.h" else "aarch64") for each in HEADERS
    ):
        found = {
            name: int(number)
            for name, number in re.findall(r"#define __NR3?2?6?4?_?_?(\w+)\s+(\d+)", header.read_text())
        }
        ours = syscalls._MACHINES[machine].numbers
        assert len(ours.keys() & found.keys()) > 60, header
        assert {name: number for name, number in ours.items() if found.get(name, number) != number} == {}


def test_profiles_name_calls_that_there_are():
    known = set(syscalls._X86_64) | set(syscalls._AARCH64) | set(syscalls._SHARED)
    for profile in PROFILES.values():
        assert set(profile.calls) | set(profile.conditions) | set(profile.absent) <= known
        assert not profile.calls & profile.conditions.keys()
    assert (
        not {"socket", "connect", "execve", "ptrace", "clone3", "openat2", "io_uring_setup", "bpf"}
        & READER.calls
    )


@pytest.mark.servers
async def test_the_pool_knows_what_its_jail_is_worth():
    pool = WorkerPool(COMMAND, 1, 512 * 2**20)
    await pool.start()
    try:
        assert pool.sandbox.is_tight or set(pool.sandbox.missing) == {"landlock"}
    finally:
        await pool.close()


@pytest.mark.servers
async def test_workers_get_an_empty_environment(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    pool = WorkerPool(COMMAND, 1, 512 * 2**20)
    await pool.start()
    try:
        assert pool._template is not None
        environ = Path(f"/proc/{pool._template._process.pid}/environ").read_text()
        assert "secret" not in environ and "METAEXTRACT" not in environ
    finally:
        await pool.close()


@pytest.mark.servers
def test_it_is_said_and_may_be_required():
    with start_cache() as cache:
        with start_extractor(cache.address, METAEXTRACT_SANDBOX="false") as extractor:
            warnings = [line for line in extractor.log if '"warning"' in line]
            assert sum("sandboxed" in line for line in warnings) == 1
        with pytest.raises(
            RuntimeError, match="METAEXTRACT_REQUIRE_SANDBOX: sandbox: METAEXTRACT_SANDBOX is off"
        ):
            start_extractor(cache.address, METAEXTRACT_SANDBOX="false", METAEXTRACT_REQUIRE_SANDBOX="true")


def test_a_report_explains_itself():
    assert SandboxReport({}, {}).is_tight and not NO_SANDBOX.is_tight
    report = SandboxReport({"seccomp": "no"}, {"tracing": "succeeded"})
    assert report.explanation() == "seccomp: no; tracing: succeeded"
    assert set(BARRIERS) >= set(report.missing) and set(PROBES) >= set(report.failures)
    assert Jail(READER).descriptor is not None or landlock.version() == 0
