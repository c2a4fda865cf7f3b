"""The ticket of the current call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.backoff.queue import Ticket
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from service_runtime.backoff_table import WorkClass


def ticket_of_call(work: WorkClass, planned_bytes: int = 0) -> Ticket:
    """What the current call shows to get a place: its tenant and caller, and the memory that it is expected to need."""
    call = current_call.get()
    return Ticket(work, call.tenant, planned_bytes, call.caller)
