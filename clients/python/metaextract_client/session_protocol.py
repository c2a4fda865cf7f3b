"""The states of a session, the same at both ends: what may be said when, and what follows.

Both ends walk through this one table, our client and the extractor. It is drawn, for authors of clients in other languages, in
extractor_service/serving/sessions/README.md, which a test compares with it. gRPC keeps the order of messages in each direction;
what is on its way in the other one explains the rows that look too lenient.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(Enum):
    """Where a session is."""

    OFFERING = "nothing was said yet"
    WORKING = "the server works with what it has"
    ASKED = "the server waits for ranges"
    STREAMING = "the server takes the stream, as far as credit allows"
    ENOUGH = "no more bytes are needed"
    DONE = "the result was sent"
    FAILED = "the client can't go on"


class Event(Enum):
    """What moves it. The client's and the server's messages by the names of their parts, and what both see by themselves."""

    OFFER = "offer"
    CHUNK = "chunk"
    END = "end"
    FAILURE = "failure"
    ACCEPTED = "accepted"
    RANGES = "ranges"
    STREAM = "stream"
    ACK = "ack"
    PROGRESS = "progress"
    PARTIAL = "partial"
    ENOUGH = "enough"
    DOCUMENT_PART = "document_part"
    RESULT = "result"
    COMPLETE = "complete"
    """The last byte that was asked for has been sent, or has come."""
    GIVEN_UP = "given_up"
    """The server doesn't wait for what it asked for any more; the client isn't told, and what still comes is dropped."""


_ALWAYS = (Event.PROGRESS, Event.PARTIAL)
TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (State.OFFERING, Event.OFFER): State.WORKING,
    **{(State.WORKING, each): State.WORKING for each in (*_ALWAYS, Event.ACCEPTED, Event.ACK, Event.CHUNK)},
    (State.WORKING, Event.RANGES): State.ASKED,
    (State.WORKING, Event.STREAM): State.STREAMING,
    (State.WORKING, Event.ENOUGH): State.ENOUGH,
    **{(State.ASKED, each): State.ASKED for each in (*_ALWAYS, Event.ACCEPTED, Event.CHUNK, Event.RANGES)},
    (State.ASKED, Event.COMPLETE): State.WORKING,
    (State.ASKED, Event.GIVEN_UP): State.WORKING,
    (State.ASKED, Event.STREAM): State.STREAMING,
    (State.ASKED, Event.ENOUGH): State.ENOUGH,
    **{(State.STREAMING, each): State.STREAMING for each in (*_ALWAYS, Event.CHUNK, Event.ACK)},
    (State.STREAMING, Event.COMPLETE): State.WORKING,
    (State.STREAMING, Event.GIVEN_UP): State.WORKING,
    (State.STREAMING, Event.END): State.WORKING,
    (State.STREAMING, Event.ENOUGH): State.ENOUGH,
    **{
        (State.ENOUGH, each): State.ENOUGH
        for each in (*_ALWAYS, Event.ACK, Event.CHUNK, Event.END, Event.FAILURE)
    },
    **{(State.ENOUGH, each): State.ENOUGH for each in (Event.COMPLETE, Event.GIVEN_UP, Event.DOCUMENT_PART)},
    (State.ENOUGH, Event.RESULT): State.DONE,
    **{
        (State.DONE, each): State.DONE
        for each in (Event.CHUNK, Event.END, Event.FAILURE, Event.COMPLETE, Event.GIVEN_UP)
    },
    **{(state, Event.FAILURE): State.FAILED for state in (State.WORKING, State.ASKED, State.STREAMING)},
}


class UnexpectedEventError(Exception):
    """The other side said what it mustn't say now."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"{event.value!r} mustn't come while {state.value}")
        self.state = state
        self.event = event


def after(state: State, event: Event) -> State:
    """The state that follows; raises UnexpectedEventError where the table has none."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise UnexpectedEventError(state, event)
    return following
