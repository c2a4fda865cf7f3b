"""What each tenant has used lately, against its quota: requests and CPU seconds a minute, bytes in flight.

Token buckets that hold a minute's worth and are filled evenly; CPU is charged afterwards, and a debt is waited off. Of this
process alone: with N replicas a tenant has N times as much.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING

from service_runtime.bucket import Bucket
from service_runtime.errors import QuotaExceededError
from service_runtime.identity.access_file import NO_QUOTA, no_quota

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service_runtime.identity.access_file import Quota

    Hold = Callable[[str, int], contextlib.AbstractContextManager[None]]

_MAX_ACCOUNTS = 100_000  # 500 bytes each; the one unused for longest begins anew, which is in its favour
_HELD_RETRY_SECONDS = 1.0  # for bytes in flight: most files are done by then
_UNCOUNTED = contextlib.nullcontext()
_LEAST_RETRY_SECONDS = 0.05  # a call costs more than a wait that is shorter


class _Account:
    def __init__(self, quota: Quota, now: float) -> None:
        self.held: Counter[str] = Counter()
        self.held_bytes = 0
        self.allow(quota, now)

    def allow(self, quota: Quota, now: float) -> None:
        """Another quota counts from now on. What was used until now is forgiven; what is in flight goes on counting."""
        self.quota = quota
        self.requests = Bucket(quota.requests_per_minute, now) if quota.requests_per_minute else None
        self.cpu = Bucket(quota.cpu_seconds_per_minute, now) if quota.cpu_seconds_per_minute else None


class Accounts:
    """The tenants' accounts."""

    def __init__(
        self, quota_of: Callable[[str], Quota] = no_quota, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`quota_of` tells what a tenant may use."""
        self._quota_of = quota_of
        self._clock = clock
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def admit(self, tenant: str) -> None:
        """Counts a request.

        Raises:
            QuotaExceededError: the tenant has had its requests or CPU seconds for now.
        """
        account = self._account(tenant)
        if account is None:
            return
        now = self._clock()
        if account.cpu is not None and (wait := account.cpu.wait_seconds(1e-9, now)) > 0:
            raise _exceeded(tenant, "CPU seconds a minute", wait)
        if account.requests is not None:
            if (wait := account.requests.wait_seconds(1, now)) > 0:
                raise _exceeded(tenant, "requests a minute", wait)
            account.requests.take(1, now)

    def charge_cpu(self, tenant: str, seconds: float) -> None:
        """Counts CPU time that was used for the tenant."""
        account = self._account(tenant)
        if account is not None and account.cpu is not None:
            account.cpu.take(max(0.0, seconds), self._clock())

    def holding(self, kind: str) -> Hold:
        """`hold` for one kind."""
        return lambda tenant, count: self.hold(tenant, kind, count)

    def hold(self, tenant: str, kind: str, count: int) -> contextlib.AbstractContextManager[None]:
        """Counts bytes in flight while the block runs. One of each kind is always allowed.

        Raises:
            QuotaExceededError: with these it would be more than the tenant may have.
        """
        account = self._account(tenant)
        if account is None or not account.quota.inflight_bytes:
            return _UNCOUNTED
        return self._held(account, tenant, kind, count)

    @contextlib.contextmanager
    def _held(self, account: _Account, tenant: str, kind: str, count: int) -> Iterator[None]:
        if account.held[kind] and account.held_bytes + count > account.quota.inflight_bytes:
            raise _exceeded(tenant, "bytes in flight", _HELD_RETRY_SECONDS)
        account.held[kind] += 1
        account.held_bytes += count
        try:
            yield
        finally:
            account.held[kind] -= 1
            account.held_bytes -= count

    def _account(self, tenant: str) -> _Account | None:
        quota = self._quota_of(tenant)
        if quota is NO_QUOTA:
            return None
        account = self._accounts.get(tenant)
        if account is None:
            account = self._accounts[tenant] = _Account(quota, self._clock())
            while len(self._accounts) > _MAX_ACCOUNTS:
                self._accounts.popitem(last=False)
        else:
            self._accounts.move_to_end(tenant)
            if account.quota != quota:  # the file was read again
                account.allow(quota, self._clock())
        return account


def _exceeded(tenant: str, quota: str, wait_seconds: float) -> QuotaExceededError:
    return QuotaExceededError(f"tenant:{tenant}", quota, max(_LEAST_RETRY_SECONDS, wait_seconds))
