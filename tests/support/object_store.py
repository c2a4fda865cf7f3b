"""A real S3 server (SeaweedFS) on free ports, with one bucket."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.support.proxies import free_port

_START_SECONDS = 60.0
_IDENTITY = {
    "identities": [
        {
            "name": "test",
            "credentials": [{"accessKey": "test", "secretKey": "test-secret"}],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        }
    ]
}


def program() -> str:
    """The path of `weed`; "" where it isn't installed."""
    return (
        shutil.which("weed", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
        or ""
    )


class ObjectStore:
    """`with` it; `environ` is what clients need."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        (folder / "s3.json").write_text(json.dumps(_IDENTITY))
        self.port = free_port()
        ports = [free_port() for _ in range(3)]
        self._process = subprocess.Popen(
            [
                program(), "-logtostderr=true", "server", f"-dir={folder}", "-ip=127.0.0.1", f"-master.port={ports[0]}",
                f"-volume.port={ports[1]}", f"-filer.port={ports[2]}", "-s3", f"-s3.port={self.port}",
                f"-s3.config={folder / 's3.json'}", "-volume.max=5", "-master.volumeSizeLimitMB=64",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
        self.environ = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret",
        }  # fmt: skip
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=1)
            except urllib.error.HTTPError:  # it asks who we are
                return
            except OSError:
                time.sleep(0.2)
                continue
            return
        raise RuntimeError("the S3 server didn't start")

    def bucket(self, name: str):
        """A store of obstore's for a new bucket."""
        import obstore.store

        from tests.support import sigv4

        deadline = time.monotonic() + _START_SECONDS
        while True:  # it answers before it has a place for buckets
            try:
                sigv4.put(f"http://127.0.0.1:{self.port}/{name}", "test", "test-secret")
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)
        return obstore.store.S3Store(
            name, endpoint=self.environ["AWS_ENDPOINT_URL"], region="us-east-1", access_key_id="test",
            secret_access_key="test-secret", client_options={"allow_http": True},
        )  # fmt: skip

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def __enter__(self) -> ObjectStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
