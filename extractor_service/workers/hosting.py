"""Modules of other packages, as the processes tell of them from which their workers are forked."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from extractor_service.modules.base import GUEST_PREFIX
from extractor_service.modules.guests import Guest, GuestError
from extractor_service.modules.registry import BY_NAME
from extractor_service.workers.forks import WorkerStartError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.workers.pools import WorkerPools

_log = logging.getLogger(__name__)


async def hosted(names: Sequence[str], pools: WorkerPools) -> list[Guest]:
    """What the front knows of each named module; one that can't be loaded is there as well, and says why.

    Raises:
        ValueError: a name is one of our own modules', or no name.
    """
    guests = []
    for name in dict.fromkeys(names):
        if name in BY_NAME or not name.isidentifier():
            raise ValueError(f"METAEXTRACT_MODULES: {name!r} can't be a module of another package")
        guest = await _described(name, pools)
        reads = set(guest.reads) - set(BY_NAME)
        if reads:
            guest = Guest(name, {}, f"it reads modules that aren't there: {', '.join(sorted(reads))}")
        if reason := guest.unavailable():
            _log.warning("a module can't be used", extra={"module_name": name, "why": reason})
        guests.append(guest)
    return guests


async def _described(name: str, pools: WorkerPools) -> Guest:
    try:
        told = (await pools.get(f"{GUEST_PREFIX}{name}")).told
        return Guest(name, told.get("module") or {}, str(told.get("reason", "")))
    except (WorkerStartError, GuestError, TypeError, AttributeError) as error:
        return Guest(name, {}, f"{type(error).__name__}: {error}")
