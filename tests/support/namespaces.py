"""A network of hosts on this machine: namespaces with an address each, on a bridge; and a share of a CPU for what runs there. Needs root."""

from __future__ import annotations

import os
import subprocess

from tests.support.cgroup import CpuCgroup

_NET = "10.77.0"
_PERIOD_MICROSECONDS = 10_000  # a small share of the usual 100 ms would stand still for 90 of them


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True)


class Network:
    """A bridge; this process is at .1."""

    def __init__(self) -> None:
        self.name = f"mx{os.getpid() % 100_000}"
        self._hosts: list[Host] = []
        _ip("link", "add", self.name, "type", "bridge")
        _ip("addr", "add", f"{_NET}.1/24", "dev", self.name)
        _ip("link", "set", self.name, "up")

    def host(self, cpu_percent: int) -> Host:
        """Another host, with so much of a CPU."""
        host = Host(self.name, len(self._hosts) + 2, cpu_percent)
        self._hosts.append(host)
        return host

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        for host in self._hosts:
            host.remove()
        _ip("link", "del", self.name, check=False)


class Host:
    """Runs processes in its namespace and within its share (`Inside` of `processes`)."""

    def __init__(self, bridge: str, number: int, cpu_percent: int) -> None:
        self.address = f"{_NET}.{number}"
        self.cpu_percent = cpu_percent
        self._name = f"{bridge}n{number}"
        self.cpu = CpuCgroup(cpu_percent, _PERIOD_MICROSECONDS)
        _ip("netns", "add", self._name)
        outer = f"{bridge}v{number}"
        _ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", self._name)
        _ip("link", "set", outer, "master", bridge, "up")
        for words in (
            ("addr", "add", f"{self.address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", self._name, *words)

    def command(self, *words: str) -> list[str]:
        return self.cpu.command("ip", "netns", "exec", self._name, *words)

    def remove(self) -> None:
        self.cpu.__exit__()
        _ip("netns", "del", self._name, check=False)
