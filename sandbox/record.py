"""Everything that a viewer could have seen, with times. Law: what is recorded is never changed.

Tests and benchmarks read this record and nothing else; a test waits for a condition of the record, never for a
fixed time. Entries are flat, so that they travel to the page and to a file as JSON.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from sandbox.clock import Clock

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    kind, platform, and what `fields` then hold:
      call     slack|discord|claude   method, scope, status (HTTP; 0: closed without an answer), error ("" or the
                                      platform's code), took (s); of a chat also channel, message
      refused  slack|discord          method, scope, limit (its name), retry_after
      shown    slack|discord          channel, message, author, text (source, as a viewer's client gets it), thread,
                                      verb ("post"|"edit"|"append"), controls (labels), ephemeral, ephemeral_for
                                      (who alone sees it), pings (who is notified), files; Slack: markup, edited,
                                      unfurls; Discord: reply_to, loading
      removed  slack|discord          channel, message
      status   slack|discord          channel, thread, text (typing, thinking; "" where it ends)
      event    slack|discord          event (its type), id, attempt|seq: one delivery;  acked, unacked  the same id
      asked    claude                 request, model, prompt (tokens), question
      said     claude                 request, characters (so far)
      ended    claude                 request, characters, reason: a stop reason, "error <type>", "<status> <type>",
                                      "cut", "reset", "unfinished", "closed by client", "server stopped"
      connected, disconnected, reacted, unreacted, view     slack
      session  slack                  channel, thread, status, title: a conversation with an agent as Slack lists it
      prompts  slack                  channel, thread, prompts
      interaction, modal, modal_closed, session, channel, reaction, command     discord
    """

    at: float
    number: int
    kind: str
    platform: str
    fields: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.fields.get(name, default)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Record:
    """The list of entries, and a way to wait for it to say something."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: list[Entry] = []
        self._listeners: set[Callable[[Entry], None]] = set()

    def add(self, kind: str, platform: str, **fields: Any) -> Entry:
        entry = Entry(self._clock.now(), len(self._entries), kind, platform, fields)
        self._entries.append(entry)
        for listener in tuple(self._listeners):
            listener(entry)
        return entry

    def listen(self, listener: Callable[[Entry], None]) -> Callable[[], None]:
        """Call `listener` with each entry from now on; returns the function that ends it."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def entries(self, kind: str | None = None, platform: str | None = None, **fields: Any) -> list[Entry]:
        """All entries so far that match."""
        return [
            entry
            for entry in self._entries
            if (kind is None or entry.kind == kind)
            and (platform is None or entry.platform == platform)
            and all(entry.fields.get(name) == value for name, value in fields.items())
        ]

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    async def wait(self, condition: Callable[[Record], T | None], *, within: float = 10.0) -> T:
        """The first truthy answer of `condition(record)`; asked again after each entry.

        `within` is in real seconds, a bound for a test that would otherwise hang: TimeoutError with the last
        entries, which is what one wants to read then.
        """
        changed = asyncio.Event()
        stop = self.listen(lambda _: changed.set())
        try:
            async with asyncio.timeout(within):
                while True:
                    changed.clear()
                    answer = condition(self)
                    if answer:
                        return answer
                    await changed.wait()
        except TimeoutError:
            last = "\n".join(f"  {e.at:8.3f} {e.kind} {e.platform} {e.fields}" for e in self._entries[-12:])
            raise TimeoutError(f"not seen within {within} s; the last entries were\n{last}") from None
        finally:
            stop()
