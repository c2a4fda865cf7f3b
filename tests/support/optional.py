"""Programs that some tests need and a bare machine lacks: those tests skip with a reason, and the end says how to get them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest


class Program(NamedTuple):
    """Any of `names` on the PATH will do."""

    names: tuple[str, ...]
    use: str
    how: str

    @property
    def path(self) -> str:
        return next(filter(None, map(shutil.which, self.names)), "")


PROGRAMS = {
    "redis": Program(
        ("redis-server", "valkey-server"), "what cache replicas share", "apt-get install redis-server"
    ),
    "prometheus": Program(("prometheus",), "alert rules and dashboards", "apt-get install prometheus"),
    "protoc": Program(("protoc",), "the contract in other languages", "apt-get install protobuf-compiler"),
    "nginx": Program(("nginx", "/usr/sbin/nginx"), "a restart behind nginx", "apt-get install nginx-light"),
    "envoy": Program(
        ("envoy", str(Path(sys.executable).parent / "envoy")), "a restart behind Envoy", "make servers"
    ),
    "haproxy": Program(
        ("haproxy", "/usr/sbin/haproxy"), "a restart behind HAProxy", "apt-get install haproxy"
    ),
    "weed": Program(
        ("weed", str(Path(sys.executable).parent / "weed")), "files of an object store", "make servers"
    ),
    "kubernetes-validate": Program(
        ("kubernetes-validate", str(Path(sys.executable).parent / "kubernetes-validate")),
        "the manifests",
        "make servers",
    ),
    "kustomize": Program(
        ("kustomize",), "the manifests", "go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1"
    ),
    "go": Program(("go",), "the Go client", "apt-get install golang, or go.dev/dl"),
    "node": Program(("npm",), "the Node.js client", "apt-get install nodejs npm"),
    "grpcurl": Program(
        ("grpcurl",),
        "the README's grpcurl lines",
        "go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4",
    ),
    "ghz": Program(
        ("ghz",), "a stock load tool by reflection", "go install github.com/bojand/ghz/cmd/ghz@v0.121.0"
    ),
}


def needs(name: str) -> pytest.MarkDecorator:
    """Skips a test where the program is missing."""
    program = PROGRAMS[name]
    return pytest.mark.skipif(not program.path, reason=f"{program.names[0]} isn't installed: {program.how}")


def require(name: str) -> None:
    """Skips the running test, or what a fixture is for, where the program is missing."""
    program = PROGRAMS[name]
    if not program.path:
        pytest.skip(f"{program.names[0]} isn't installed: {program.how}")


def missing() -> list[str]:
    """A line for each program that isn't here."""
    return [
        f"{program.names[0]}, for {program.use}: {program.how}"
        for program in PROGRAMS.values()
        if not program.path
    ]
