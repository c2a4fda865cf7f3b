"""The jail of workers that ask another program: Perl may be started there, and nothing else got at."""

import os
import subprocess
import sys

import pytest

from extractor_service.workers.sandbox import landlock
from extractor_service.workers.sandbox.profile import PROFILES, profile_of

CODE = """
import os, socket, subprocess, sys
from extractor_service.workers.sandbox.jail import Jail
from extractor_service.workers.sandbox.profile import PROFILES
assert Jail(PROFILES["program"]).enter() == {}
def tried(what):
    try:
        what()
    except OSError as error:
        return error.strerror
    return "done"
print(tried(lambda: socket.socket()))
print(tried(lambda: open("/etc/passwd").read()))
print(tried(lambda: open("/tmp/x", "w")))
print(tried(lambda: os.execv("/bin/sh", ["sh"])))
print(tried(lambda: subprocess.run(["/bin/true"], check=True)))
def perl(script):
    return subprocess.run(["perl"], input=script, capture_output=True, text=True).stdout
print(perl('print "run"'))
print(perl('print open(F, "</etc/passwd") ? "read" : "refused"'))
print(perl('print open(F, ">/tmp/x") ? "written" : "refused"'))
print(perl('print system("/bin/true") == 0 ? "run" : "refused"'))
print(perl('use Socket; print socket(S, PF_INET, SOCK_STREAM, 0) ? "open" : "refused"'))
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not landlock.version(), reason="this kernel has no Landlock"
)
def test_perl_may_be_started_and_gets_at_nothing():
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env={**os.environ})
    assert run.returncode == 0, run.stderr
    refused = {"Operation not permitted", "Permission denied"}
    lines = run.stdout.splitlines()
    assert set(lines[:5]) <= refused and lines[5:] == ["run", *["refused"] * 4], run.stdout


def test_kinds_have_their_profiles():
    assert profile_of("program") == "program" and profile_of("pixels") == profile_of("guest:x") == "reader"
    assert not PROFILES["reader"].programs and PROFILES["reader"].file_bytes == 0
