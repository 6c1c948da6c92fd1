"""Scripted faults of a chat server. Law: a fault happens to exactly the calls it was scripted for, then is over.

A test (or the control endpoint) says "the next two chat.update answer 500", and the server asks this queue at each
call. Faults for the same method are served in the order in which they were scripted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

Drop: TypeAlias = Literal["", "before", "after"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one call.

    method       "chat.update", "PATCH /channels/{c}/messages/{m}"; "*" or an ending "*" stand for any
    status       the HTTP status of the scripted answer; None: the platform's usual one for `error`
    error        the platform's error code in the scripted answer; "" with a status: a body without a code
    delay        sandbox seconds before anything else happens (a slow call)
    linger       sandbox seconds between applying the call and answering it (an answer that comes late)
    drop         "before": the connection closes, nothing is applied; "after": applied, then closed without an answer
    retry_after  seconds on the sandbox's clock for a 429's headers and body; None: the server's own figure
    channel      only calls that name this channel; None: all
    body         the literal body of the scripted answer, such as "" (an edge that answers no JSON); None: the usual

    A fault with neither `status`, `error` nor `drop` delays the call and lets it happen.
    """

    method: str
    status: int | None = None
    error: str = ""
    delay: float = 0.0
    linger: float = 0.0
    drop: Drop = ""
    retry_after: float | None = None
    channel: str | None = None
    body: str | None = None

    @property
    def answers(self) -> bool:
        """Whether the call is answered by the script and never applied."""
        return self.status is not None or bool(self.error) or self.body is not None

    def covers(self, method: str, channel: str) -> bool:
        if self.channel is not None and self.channel != channel:
            return False
        if self.method.endswith("*"):
            return method.startswith(self.method[:-1])
        return method == self.method


class Faults:
    """The faults still to come."""

    def __init__(self) -> None:
        self._queue: list[tuple[Fault, int]] = []

    def fault(
        self,
        method: str,
        *,
        times: int = 1,
        status: int | None = None,
        error: str = "",
        delay: float = 0.0,
        linger: float = 0.0,
        drop: Drop = "",
        retry_after: float | None = None,
        channel: str | None = None,
        body: str | None = None,
    ) -> Fault:
        """The next `times` calls of `method` meet this. Raises ValueError for a script that makes no sense."""
        if times < 1:
            raise ValueError(f"a fault happens at least once, not {times} times")
        if drop not in ("", "before", "after"):
            raise ValueError(f'drop is "before" or "after", not {drop!r}')
        if min(delay, linger, retry_after or 0.0) < 0:
            raise ValueError("delay, linger and retry_after are lengths, never negative")
        if retry_after is not None and status is None:
            status = 429
        fault = Fault(
            method=method,
            status=status,
            error=error,
            delay=delay,
            linger=linger,
            drop=drop,
            retry_after=retry_after,
            channel=channel,
            body=body,
        )
        self._queue.append((fault, times))
        return fault

    def take(self, method: str, channel: str = "") -> Fault | None:
        """The fault that this call meets, spent; None for a call that goes as it should."""
        for place, (fault, left) in enumerate(self._queue):
            if fault.covers(method, channel):
                if left == 1:
                    del self._queue[place]
                else:
                    self._queue[place] = (fault, left - 1)
                return fault
        return None

    def clear(self) -> None:
        self._queue.clear()

    @property
    def pending(self) -> Sequence[tuple[Fault, int]]:
        """(fault, how often it will still happen), in order."""
        return tuple(self._queue)

    def as_json(self) -> list[dict[str, Any]]:
        return [{**asdict(fault), "times": left} for fault, left in self._queue]
