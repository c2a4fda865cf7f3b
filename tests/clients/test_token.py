"""`metaextract token`, and the three lines of the pages that tell of it: as written, in an empty folder."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.optional import needs
from tests.support.pages import ROOT, section
from tests.support.processes import clean_environ

PAGES = {
    "README.md": "## Secure it",
    "service_runtime/identity/README.md": "## Try it in three lines",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def lines_of(page):
    text = section((ROOT / page).read_text(encoding="utf-8"), PAGES[page])
    return re.findall(r"^\$ (.*)$", text, re.MULTILINE)


@needs("grpcurl")
@pytest.mark.servers
@pytest.mark.parametrize("page", PAGES)
def test_three_lines_run_a_pair_that_asks_who_calls(page, tmp_path):
    token, up, call = lines_of(page)
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    ports = free_port(), free_port()
    environ = {
        **clean_environ(),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "METAEXTRACT_EXTRACTOR_ADDRESS": f"localhost:{ports[0]}",
        "METAEXTRACT_CACHE_ADDRESS": f"localhost:{ports[1]}",
    }

    def run(line):
        return subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environ, capture_output=True, text=True)

    with subprocess.Popen(
        ["bash", "-c", f"{token} && exec {up}"], cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True
    ) as pair:
        try:
            said = ""
            while "extractor_service is ready" not in said:
                said = pair.stdout.readline()
                assert said, "it didn't start"
            call = call.replace("localhost:50051", f"localhost:{ports[0]}")
            good = run(call)
            assert good.returncode == 0 and "PRESSURE_LEVEL" in good.stdout, good.stderr
            nobody = run(re.sub(r'-H "[^"]*"', "", call))
            assert "CALLER_UNKNOWN" in nobody.stderr
            plain = run(call.replace("-cacert metaextract-dev/ca.pem", "-plaintext -max-time 3"))
            assert plain.returncode != 0
            (tmp_path / "a.txt").write_text("text")
            own = run(". metaextract-dev/env && .venv/bin/metaextract extract a.txt")
            assert own.returncode == 0 and "a.txt" in own.stdout, own.stderr
            stranger = run(".venv/bin/metaextract extract a.txt --retries 0")
            assert stranger.returncode != 0
        finally:
            pair.send_signal(signal.SIGTERM)


def test_a_token_is_printed_alone_and_what_is_kept_is_private(tmp_path):
    command = [sys.executable, "-m", "metaextract_client.cli", "token", "--dir", str(tmp_path / "dev")]
    first = subprocess.run(
        [*command, "--tenant", "acme", "--role", "admin", "--for", "1m"],
        env=clean_environ(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    import jwt

    claims = jwt.decode(first.stdout.strip(), options={"verify_signature": False})
    assert (claims["tenant"], claims["roles"], claims["sub"]) == ("acme", ["admin"], "developer")
    assert 50 < claims["exp"] - time.time() <= 60
    assert first.stdout.strip() not in first.stderr
    dev = tmp_path / "dev"
    assert not (dev / "token").exists(), "somebody else's isn't what this terminal goes by"
    own = subprocess.run(command, env=clean_environ(), capture_output=True, text=True, check=True)
    assert (dev / "token").read_text() == own.stdout.strip()
    names = {path.name for path in dev.iterdir()}
    assert names == {"ca.key", "ca.pem", "env", "extractor.token", "issuer.key", "jwks.json", "server.key",
                     "server.pem", "token"}  # fmt: skip
    for path in (tmp_path / "dev", *(tmp_path / "dev").iterdir()):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    key = (tmp_path / "dev" / "issuer.key").read_bytes()
    again = subprocess.run(command, env=clean_environ(), capture_output=True, text=True, check=True)
    assert again.stdout != first.stdout and (tmp_path / "dev" / "issuer.key").read_bytes() == key
    rotated = [*command, "--rotate", "--for", "2h"]
    subprocess.run(rotated, env=clean_environ(), capture_output=True, text=True, check=True)
    assert (dev / "issuer.key").read_bytes() != key
    assert len(json.loads((dev / "jwks.json").read_bytes())["keys"]) == 2
    assert os.path.exists(tmp_path / "dev" / "server.pem")  # noqa: PTH110
