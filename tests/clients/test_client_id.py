"""The client's secret: made once, for its user alone, by however many processes begin at once."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from metaextract_client.session_options import _process_secret, default_client_id


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "metaextract" / "client_id"


def test_it_is_random_kept_and_private(path):
    first = default_client_id()
    assert len(first) >= 64 and first == default_client_id() == path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.unlink()
    assert default_client_id() != first


@pytest.mark.parametrize("spoil", ["open", "short", "words"])
def test_one_that_others_could_have_read_or_that_is_none_is_replaced(path, spoil):
    first = default_client_id()
    if spoil == "open":
        os.chmod(path, 0o644)  # noqa: PTH101 - whatever the umask is
    else:
        path.write_text("abc" if spoil == "short" else "host: user\n" * 10)
    assert default_client_id() not in {first, "abc"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_where_nothing_can_be_kept_it_lasts_as_long_as_the_process(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert default_client_id() == default_client_id() == _process_secret()


def test_processes_that_begin_at_once_agree(path):
    code = "from metaextract_client import default_client_id; print(default_client_id())"

    def run(_):
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    with ThreadPoolExecutor(6) as executor:
        assert len(set(executor.map(run, range(6)))) == 1
    assert [each.name for each in path.parent.iterdir()] == ["client_id"]
